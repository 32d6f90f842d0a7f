.code
  prolog
  pushargi 1
  prepare
  prepare
  calli @getpid
  finishi @getpid
  ret
  epilog
