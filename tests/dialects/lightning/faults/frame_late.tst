.code
  prolog
  movi %r0 1
  frame 64
  ret
  epilog
