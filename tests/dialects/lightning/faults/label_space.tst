.code
  prolog
foo :
  ret
  epilog
