/* Falling into `epilog` returns; a label there; labels of equal places; code that nothing leads to. */
.data 16
num: .c "%ld\n"
.code
  jmpi main
f:
g:
  prolog
  arg $x
  getarg %r0 $x
  bgti f_end %r0 5
  addi %r0 %r0 1
  jmpi f_end
  movi %r0 77
  prepare pushargi 1 finishi @exit
f_end:
f_end_too:
  epilog
main:
  prolog
  prepare pushargi 3 finishi f
  prepare pushargi num ellipsis pushargr %r0 finishi @printf
  prepare pushargi 6 finishi g
  prepare pushargi num ellipsis pushargr %r0 finishi @printf
  jmpi over
over: jmpi f_skip
f_skip:
  ret
