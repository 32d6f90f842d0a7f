/* A `float` is passed for `...` as it is: the low half of where a double would be. */
.data 32
fmt: .c "%.17g\n"
.code
  prolog
  /* The bits of 1.0 as a double are those of 5.26354424712089e-315. */
  prepare pushargi fmt ellipsis pushargi_f 1.0 finishi @printf
  ret
  epilog
