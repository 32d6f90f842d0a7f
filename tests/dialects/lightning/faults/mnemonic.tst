.code
  prolog
  addd %r0 %r0 1
  ret
  epilog
