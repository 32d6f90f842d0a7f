.code
  prolog
  movi %r0 0
  jmpr %r0
  epilog
