// signal: 11
// error: unused_load.tst:11
/* Nobody uses what is loaded; the fault is there. */
.data 16
text: .c "before"
.code
  prolog
  prepare pushargi text finishi @puts
  movi %v1 16
  movi %v0 1
  ldr_c %v0 %v1
  movi %v0 5
  ret
  epilog
