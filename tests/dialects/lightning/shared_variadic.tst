/* A function with variable arguments shares the code behind it with one that has none. */
.data 64
fmt: .c "%ld %ld\n"
.code
  jmpi main
sum:
  prolog
  frame 64
  arg $n
  ellipsis
  getarg %v0 $n
  movi %v1 0
  va_start %v2
next:
  blei show %v0 0
  va_arg %r0 %v2
  addr %v1 %v1 %r0
  subi %v0 %v0 1
  jmpi next
  epilog
plain:
  prolog
  frame 64
  arg $n
  arg $more
  getarg %v1 $n
  getarg %r0 $more
  addr %v1 %v1 %r0
  movi %v0 7
  jmpi show
  epilog
tail:
  prolog
  tramp 64
show:
  prepare pushargi fmt ellipsis pushargr %v0 pushargr %v1 finishi @printf
  retr %v1
  epilog
main:
  prolog
  prepare pushargi 3 ellipsis pushargi 10 pushargi 20 pushargi 30 finishi sum
  prepare pushargi 5 pushargi 1 finishi plain
  retval %v0
  prepare pushargi 1 ellipsis pushargr %v0 finishi sum
  movi %v1 plain
  prepare pushargi 40 pushargi 2 finishr %v1
  movi %v1 sum
  prepare pushargi 2 ellipsis pushargi 1 pushargi 2 finishr %v1
  ret
  epilog
