/* A variadic function, and a list handed on to C. */
.data 128
fmt: .c "%ld %g\n"
any: .c "%s %d %g %d\n"
text: .c "text"
.code
  jmpi main
sum:
  prolog
  arg $n
  ellipsis
  getarg %v0 $n
  movi %v2 0
  movi_d %f0 0.0
  va_start %v1
sum_loop:
  blei sum_done %v0 0
  va_arg %r0 %v1
  addr %v2 %v2 %r0
  va_arg_d %f1 %v1
  addr_d %f0 %f0 %f1
  subi %v0 %v0 1
  jmpi sum_loop
sum_done:
  va_end %v1
  prepare pushargi fmt ellipsis pushargr %v2 pushargr_d %f0 finishi @printf
  ret
  epilog
say:
  prolog
  arg $f
  ellipsis
  getarg %v0 $f
  va_start %v1
  prepare
    pushargr %v0
    va_push %v1
  finishi @vprintf
  va_end %v1
  retval_i %v2
  retr %v2
  epilog
main:
  prolog
  prepare pushargi 0 ellipsis finishi sum
  prepare pushargi 2 ellipsis pushargi 3 pushargi_d 0.5 pushargi 4 pushargi_d 0.25 finishi sum
  prepare
    pushargi 12
    ellipsis
    pushargi 1 pushargi_d 1 pushargi 2 pushargi_d 2 pushargi 3 pushargi_d 3 pushargi 4 pushargi_d 4
    pushargi 5 pushargi_d 5 pushargi 6 pushargi_d 6 pushargi 7 pushargi_d 7 pushargi 8 pushargi_d 8
    pushargi 9 pushargi_d 9 pushargi 10 pushargi_d 10 pushargi 11 pushargi_d 11 pushargi 12 pushargi_d 12.5
  finishi sum
  prepare pushargi any ellipsis pushargi text pushargi 7 pushargi_d 2.5 pushargi -1 finishi say
  retval %v0
  movi_d %f0 1
  prepare pushargi fmt ellipsis pushargr %v0 pushargr_d %f0 finishi @printf
  ret
  epilog
