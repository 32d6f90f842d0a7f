.code
  prolog
  movi %r(3) 1
  movi %v(5) 1
  movi_d %f(8) 1
  movi %v3 1
  movi %x 1
  movi %r12 1
  ret
  epilog
