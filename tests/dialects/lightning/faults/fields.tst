.code
  prolog
  extr %r0 %r1 0 0
  extr %r0 %r1 60 5
  depr %r0 %r1 -1 4
  unldr %r0 %r1 0
  unldr %r0 %r1 9
  unldr_x %f0 %r1 3
  align 3
  qmulr %r0 %r0 %r1 %r2
  qlshi %r0 %r1 %r2 65
  casr %r0 %r0 %r1 %r2
  ldxai %r0 %r0 8
  ret
  epilog
