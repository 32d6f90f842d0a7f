.data 8
d: .c 1
.code
  prolog
a:
a:
  jmpi d
  ret
  epilog
