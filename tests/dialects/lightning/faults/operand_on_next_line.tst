.code
  prolog
  movi %r0
    1
  ret
  epilog
