.code
  prolog
  addr %r0 %r0 1
  addi %r0 %r0 %r1
  movi %r0 %v1
  movr %r0 5
  addr_d %f0 %f1 2.5
  muli_f %f0 %f1 %f2
  gtr_u %r0 %r1 3
  ldxi_uc %r0 %r1 %r2
  ldi %r0 %r1
  pushargi %r0
  negi_d %f0 %r0
  truncr_d %r0 1.5
  ret
  epilog
