// signal: 11
// error: unused_load_of_a_function.tst:10
/* A function returns what it loads, and its caller does not look. */
.data 16
text: .c "before"
.code
  jmpi main
get:
  prolog
  ldi %r0 24
  retr %r0
  epilog
main:
  prolog
  prepare pushargi text finishi @puts
  calli get
  movi %r0 0
  ret
  epilog
