/* Parameters can be replaced: in registers, on the stack, by immediates; a loop to behind the prolog sees the new ones. */
.data 64
word: .c "%lx\n"
fmt: .c "%g\n"
.code
  jmpi main
show:
  prolog
  arg $x
  getarg %r0 $x
  prepare
    pushargi word
    ellipsis
    pushargr %r0
  finishi @printf
  ret
  epilog
#define SHOW(R) prepare pushargr R finishi show
fact:
  prolog
  arg $n
  arg $acc
fact_top:
  getarg %r0 $n
  getarg %r1 $acc
  bgti fact_go %r0 1
  retr %r1
fact_go:
  mulr %r1 %r1 %r0
  putargr %r1 $acc
  subi %r0 %r0 1
  putargr %r0 $n
  jmpi fact_top
  epilog
sizes:
  prolog
  arg_c $a arg_s $b arg_i $c arg_l $d arg $e arg $f arg $g arg_f $h arg_d $i
  movi %r1 -1
  putargr_c %r1 $a getarg_c %v0 $a SHOW(%v0)
  movi %r1 -2
  putargr_uc %r1 $a getarg_uc %v0 $a SHOW(%v0)
  movi %r1 0x12345
  putargr_s %r1 $b getarg_s %v0 $b SHOW(%v0)
  movi %r1 -3
  putargr_us %r1 $b getarg_us %v0 $b SHOW(%v0)
  movi %r1 0x180000000
  putargr_i %r1 $c getarg_i %v0 $c SHOW(%v0)
  movi %r1 -4
  putargr_ui %r1 $c getarg_ui %v0 $c SHOW(%v0)
  movi %r1 -5
  putargr_l %r1 $d getarg_l %v0 $d SHOW(%v0)
  putargi_c 0x80 $a getarg_c %v0 $a SHOW(%v0)
  putargi_uc 0x181 $a getarg_uc %v0 $a SHOW(%v0)
  putargi_s 0x8000 $b getarg_s %v0 $b SHOW(%v0)
  putargi_us -1 $b getarg_us %v0 $b SHOW(%v0)
  putargi_i -6 $c getarg_i %v0 $c SHOW(%v0)
  putargi_ui -6 $c getarg_ui %v0 $c SHOW(%v0)
  putargi_l -7 $d getarg_l %v0 $d SHOW(%v0)
  putargi -8 $e getarg %v0 $e SHOW(%v0)
  getarg %v0 $f SHOW(%v0)
  putargi 77 $g getarg %v0 $g SHOW(%v0)
  putargi_f 1.25 $h getarg_f %f0 $h extr_f_d %f0 %f0
  prepare pushargi fmt ellipsis pushargr_d %f0 finishi @printf
  movi_f %f1 2.25 putargr_f %f1 $h getarg_f %f0 $h extr_f_d %f0 %f0
  prepare pushargi fmt ellipsis pushargr_d %f0 finishi @printf
  putargi_d 3.25 $i getarg_d %f0 $i
  prepare pushargi fmt ellipsis pushargr_d %f0 finishi @printf
  movi_d %f1 4.25 putargr_d %f1 $i getarg_d %f0 $i
  prepare pushargi fmt ellipsis pushargr_d %f0 finishi @printf
  ret
  epilog
main:
  prolog
  movi %v1 10
  prepare pushargr %v1 pushargi 1 finishi fact
  retval %v0 SHOW(%v0)
  SHOW(%v1)
  prepare
    pushargi 1 pushargi 2 pushargi 3 pushargi 4 pushargi 5 pushargi 6 pushargi 7 pushargi_f 8 pushargi_d 9
  finishi sizes
  ret
  epilog
