// args: a b "c d" -- e
/* Calls, returns, frames at their edges. */
.data 256
num: .c "%ld\n"
str: .c "%s\n"
two: .c "%ld %ld\n"
fmt: .c "%d %g %d\n"
.code
  jmpi main
/* 5: without `ret`: what %r0 holds is given back. */
falls: prolog arg $x getarg %r0 $x addi %r0 %r0 1 epilog
/* 8: who passes does not cut, who fetches does. */
as_c: prolog arg_c $x getarg_c %r0 $x retr %r0 epilog
as_word: prolog arg $x getarg %r0 $x retr %r0 epilog
as_i: prolog arg_i $x getarg_i %r0 $x retr %r0 epilog
as_uc: prolog arg_c $x getarg_uc %r0 $x retr %r0 epilog
gives: prolog movi %r0 0x1ff retr_c %r0 epilog
/* 7 */
changes: prolog movi %v0 -1 movi %v1 -2 movi %v2 -3 movi %v(3) -4 movi %v(4) -5 ret epilog
/* 9 */
replaces: prolog arg $x arg_d $y
  putargi 5 $x getarg %r0 $x
  movi %r1 6 putargr %r1 $x getarg %r1 $x addr %r0 %r0 %r1
  putargi_d 2.0 $y getarg_d %f0 $y truncr_d %r1 %f0 addr %r0 %r0 %r1
  retr %r0 epilog
/* 12 */

#define PRINT prepare pushargi two ellipsis pushargr %v0 pushargr %v1 finishi @printf
#define OFFSETS(NAME, A, B) NAME: prolog allocai A $a allocai B $b movi %v0 $a movi %v1 $b PRINT ret epilog
OFFSETS(one, 1, 2)
OFFSETS(three, 3, 4)
OFFSETS(five, 5, 12)
OFFSETS(sixteen, 16, 0)
/* 13 */
runtime: prolog allocai 8 $a movi %v2 8 allocar %v0 %v2 movi %v2 20 allocar %v1 %v2 PRINT ret epilog
/* 15 */
shares: prolog frame 64
  movi %v0 41 movi %v1 17 movi %v2 behind jmpi trampoline
behind: PRINT ret epilog
trampoline: prolog tramp 64 addi %v0 %v0 1 jmpr %v2 epilog
/* 16 */
mixed: prolog arg $n ellipsis
  va_start %v0 va_arg %v1 %v0 va_arg_d %f0 %v0 va_arg %v2 %v0 va_end %v0
  prepare pushargi fmt ellipsis pushargr %v1 pushargr_d %f0 pushargr %v2 finishi @printf
  ret epilog
says: prolog arg $f ellipsis getarg %v1 $f va_start %v0 prepare pushargr %v1 va_push %v0 finishi @vprintf va_end %v0 ret epilog
#define SHOW(R) prepare pushargi num ellipsis pushargr R finishi @printf
main:
  prolog
  arg_i $argc
  arg $argv
  /* 2: the separator is dropped. */
  getarg_i %v0 $argc SHOW(%v0)
  getarg %v1 $argv
  ldxi %v2 %v1 0 prepare pushargi str ellipsis pushargr %v2 finishi @printf
  ldxi %v2 %v1 24 prepare pushargi str ellipsis pushargr %v2 finishi @printf
  ldxi %v2 %v1 32 prepare pushargi str ellipsis pushargr %v2 finishi @printf
  ldxi %v2 %v1 40 SHOW(%v2)
  prepare pushargi 41 finishi falls retval %v0 SHOW(%v0)
  prepare pushargi 0x1ff finishi as_word retval %v0 SHOW(%v0)
  prepare pushargi_c 0x1ff finishi as_word retval %v0 SHOW(%v0)
  prepare pushargi_c 0x1ff finishi as_c retval %v0 SHOW(%v0)
  prepare pushargi 0x1ff finishi as_uc retval %v0 SHOW(%v0)
  prepare pushargi 0x1ffffffff finishi as_i retval %v0 SHOW(%v0)
  calli gives retval %v0 SHOW(%v0)
  calli gives retval_c %v0 SHOW(%v0)
  movi %v0 1 movi %v1 2 movi %v2 3 movi %v(3) 4 movi %v(4) 5
  calli changes
  addr %v0 %v0 %v1 addr %v0 %v0 %v2 addr %v0 %v0 %v(3) addr %v0 %v0 %v(4) SHOW(%v0)
  movi %v0 1 movi_d %f0 1.0 prepare pushargr %v0 pushargr_d %f0 finishi replaces retval %v1 SHOW(%v1) SHOW(%v0)
  /* 10 */
  movi %v0 7 prepare pushargi num ellipsis pushargr %v0 addi %v0 %v0 100 finishi @printf SHOW(%v0)
  /* 11: without `prepare`. */
  finishi @getpid retval_i %v0 gti %v0 %v0 0 SHOW(%v0)
  calli one calli three calli five calli sixteen calli runtime calli shares
  prepare pushargi 0 ellipsis pushargi 3 pushargi_d 0.5 pushargi -4 finishi mixed
  prepare pushargi fmt ellipsis pushargi 8 pushargi_d 2.5 pushargi 9 finishi says
  /* 17 */
  movi %v1 falls prepare pushargi 1 finishr %v1 retval %v0 SHOW(%v0)
  movi %v1 later callr %v1 retval %v0 SHOW(%v0)
  /* 18 */
  name any_name name main
  reti 7
  epilog
later: prolog reti 99 epilog
