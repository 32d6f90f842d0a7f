// signal: 11
// error: unused_load_through_arithmetic.tst:10
/* What is loaded goes into a computation that nobody looks at. */
.data 16
text: .c "before"
.code
  prolog
  prepare pushargi text finishi @puts
  movi %v1 0
  ldxi_d %f0 %v1 64
  mulr_d %f1 %f0 %f0
  truncr_d %v2 %f1
  xori %v2 %v2 5
  ret
  epilog
