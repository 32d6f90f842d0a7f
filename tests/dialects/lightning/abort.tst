// signal: 6
/* `abort` ends the process by its signal. */
.code
  prolog
  calli @abort
  ret
  epilog
