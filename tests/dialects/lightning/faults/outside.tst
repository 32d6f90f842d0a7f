.code
  ret
  prolog
  ret
  epilog
  addi %r0 %r0 1
  epilog
