/* Assembled, not run. */
.disasm
.code
  prolog
  calli @abort
  epilog
