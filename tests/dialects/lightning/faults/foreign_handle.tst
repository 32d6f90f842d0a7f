.code
f:
  prolog
  arg $a
  ret
  epilog
g:
  prolog
  getarg %v0 $a
  ret
  epilog
