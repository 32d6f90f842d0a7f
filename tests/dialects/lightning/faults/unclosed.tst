// preprocessed
.data 32
.c "no end
.c 'a
.c 'ab'
.c '
.code
  prolog
  ret
  epilog
