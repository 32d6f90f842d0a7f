.code
  prolog
  addr %r0 %f0 %r1
  addr_d %f0 %r1 %f2
  movi_d %f0 @puts
  movi %r0 1.5
  addi %fp %fp 1
  ret
  epilog
