.code
  prolog
  addd %r0 %r0 1
  addd %r0 %r0 2
  addd %r0 %r0 3
  addd %r0 %r0 4
  addd %r0 %r0 5
  addd %r0 %r0 6
  addd %r0 %r0 7
  addd %r0 %r0 8
  addd %r0 %r0 9
  addd %r0 %r0 10
  addd %r0 %r0 11
  addd %r0 %r0 12
  addd %r0 %r0 13
  addd %r0 %r0 14
  addd %r0 %r0 15
  addd %r0 %r0 16
  addd %r0 %r0 17
  addd %r0 %r0 18
  addd %r0 %r0 19
  addd %r0 %r0 20
  addd %r0 %r0 21
  addd %r0 %r0 22
  addd %r0 %r0 23
  addd %r0 %r0 24
  addd %r0 %r0 25
  ret
  epilog
