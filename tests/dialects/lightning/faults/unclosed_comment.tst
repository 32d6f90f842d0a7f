// preprocessed
.code
  prolog
  ret
  epilog
/* from here on
  prolog
