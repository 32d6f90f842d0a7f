.code
  tramp 64
  prolog
  calli @abort
  tramp 64
  ret
  epilog
