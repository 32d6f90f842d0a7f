.code
f:
  prolog
  prepare
  pushargi f
  finishi @puts
  movi %r0 $(f + 1)
  jmpi @abort
  ret
  epilog
