.code
  prolog
  tramp 64
  ret
  epilog
