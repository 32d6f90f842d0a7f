/* Two functions with frames of their own share the code behind them, and call each other. */
.data 128
fmt: .c "%ld %ld %g\n"
.code
  jmpi main
even:
  prolog
  frame 64
  arg $n
  arg_d $x
  getarg %v0 $n
  getarg_d %f0 $x
  movi %v1 1
  movr_d_w %v2 %f0
  beqi common %v0 0
  subi %v0 %v0 1
  prepare pushargr %v0 pushargi_d 0.5 finishi odd
  retval %r0
  retr %r0
  epilog
odd:
  prolog
  frame 64
  arg $n
  arg_d $x
  getarg %v0 $n
  getarg_d %f0 $x
  movi %v1 0
  movr_d_w %v2 %f0
  beqi common %v0 0
  subi %v0 %v0 1
  prepare pushargr %v0 pushargi_d 0.25 finishi even
  retval %r0
  retr %r0
  epilog
tail:
  prolog
  tramp 64
common:
  movr_w_d %f0 %v2
  prepare pushargi fmt ellipsis pushargr %v0 pushargr %v1 pushargr_d %f0 finishi @printf
  retr %v1
  epilog
main:
  prolog
  prepare pushargi 6 pushargi_d 2.0 finishi even
  prepare pushargi 3 pushargi_d 2.0 finishi even
  movi %v(3) odd
  prepare pushargi 1 pushargi_d 3.0 finishr %v(3)
  prepare pushargi 0 pushargi_d 3.0 finishr %v(3)
  ret
  epilog
