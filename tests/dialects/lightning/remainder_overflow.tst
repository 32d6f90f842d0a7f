// signal: 8
// error: remainder_overflow.tst:7
/* A division that faults ends the process by SIGFPE. */
.code
  prolog
  movi %v1 0x8000000000000000 movi %v2 -1
  remr %v0 %v1 %v2
  calli @abort
  ret
  epilog
