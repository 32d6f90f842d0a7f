// signal: 8
// error: divide_by_constant_zero.tst:7
/* A division that faults ends the process by SIGFPE. */
.code
  prolog
  movi %v1 0x8000000000000000 movi %v2 0
  divi %v0 %v1 0
  calli @abort
  ret
  epilog
