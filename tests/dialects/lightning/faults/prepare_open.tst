.code
  prolog
  prepare
  pushargi 1
  ret
  epilog
