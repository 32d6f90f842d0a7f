.code
  prolog
  movi %r0 0X1f
  movi %r0 0x1F
  movi %r0 5L
  movi %r0 1_0
  movi %r0 08
  movi_d %f0 1E3
  movi_d %f0 1.5f
  movi_d %f0 0x1p3
  movi_d %f0 0x1.8
  movi_d %f0 0e1
  movi_d %f0 1e
  movi_d %f0 .5
  movi %r0 - 5
  movi %r0 0b12
  ret
  epilog
