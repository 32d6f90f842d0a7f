/* Registers by number, literal and computed. */
.data 16
num: .c "%ld\n"
flt: .c "%g\n"
.code
  prolog
  .$($n = 1)
  movi %r($n) 3
  movi %v($($n + 2)) 4
  addr %v(4) %r(1) %v(3)
  prepare pushargi num ellipsis pushargr %v(4) finishi @printf
  movi_d %f(7) 1.5
  movi_d %f5 2
  addr_d %f(6) %f(7) %f(5)
  prepare pushargi flt ellipsis pushargr_d %f(6) finishi @printf
  ret
  epilog
