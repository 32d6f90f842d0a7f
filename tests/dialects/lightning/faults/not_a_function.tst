.code
  prolog
inside:
  calli inside
  ret
  epilog
other:
  prolog
  ret
  epilog
third:
  prolog
  jmpi other
  epilog
