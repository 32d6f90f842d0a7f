/* Functions by their addresses: from `movi`, from memory, from C; before and after they are defined. */
.data 128
table: .p 0 @labs
num: .c "%ld\n"
array: .l 3 1 2
.code
  jmpi main
print:
  prolog
  arg $x
  getarg %r0 $x
  prepare pushargi num ellipsis pushargr %r0 finishi @printf
  ret
  epilog
main:
  prolog
  movi %v1 print
  prepare pushargi 1 finishr %v1
  movi %v2 later
  callr %v2
  retval %v0
  prepare pushargr %v0 finishi print
  sti table %v1
  ldi %v(3) table
  prepare pushargi 3 finishr %v(3)
  ldi %v(3) $(table + 8)
  prepare pushargi -4 finishr %v(3)
  retval %v0
  prepare pushargr %v0 finishi print
  movi %v(3) @labs
  prepare pushargi -5 finishr %v(3)
  prepare pushargr %r0 finishi print
  movi %v1 compare
  prepare
    pushargi array
    pushargi 3
    pushargi 8
    pushargr %v1
  finishi @qsort
  movi %v(4) array
loop:
  ldxai %v0 %v(4) 8
  prepare pushargr %v0 finishi print
  blti loop %v(4) $(array + 24)
  finishi @getpid
  gti %v0 %r0 0
  prepare pushargr %v0 finishi print
  calli later
  prepare pushargr %r0 finishi print
  ret
  epilog
later:
  prolog
  reti 2
  epilog
compare:
  prolog
  arg $a
  arg $b
  getarg %r0 $a
  getarg %r1 $b
  ldr %r0 %r0
  ldr %r1 %r1
  subr %r0 %r0 %r1
  retr_i %r0
  epilog
