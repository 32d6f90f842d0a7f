/* Code that shares a frame: jumps in both directions, registers and storage seen from both, parameters declared again. */
.data 128
fmt: .c "%ld %ld %ld %ld\n"
.code
  jmpi main
/* Adds 1 to %v0 and the parameter, and goes back to where %v2 says. */
bump:
  prolog
  tramp 64
  arg $n
  getarg %r0 $n
  addi %r0 %r0 1
  putargr %r0 $n
  addi %v0 %v0 1
  allocai 8 $mine
  ldxi %r1 %fp $mine
  addi %r1 %r1 100
  stxi $mine %fp %r1
  jmpr %v2
  epilog
work:
  prolog
  frame 64
  arg $n
  allocai 8 $slot
  movi %v0 41
  movi %v1 7
  movi %r0 5
  stxi $slot %fp %r0
  movi %v2 first
  jmpi bump
first:
  movi %v2 second
  movi %v(3) bump_address
  jmpr %v(3)
second:
  getarg %r0 $n
  ldxi %r1 %fp $slot
  prepare
    pushargi fmt
    ellipsis
    pushargr %v0 pushargr %v1 pushargr %r0 pushargr %r1
  finishi @printf
  ret
  epilog
bump_address:
  prolog
  tramp 64
  jmpi bump
  epilog
main:
  prolog
  prepare pushargi 10 finishi work
  prepare pushargi 20 finishi work
  ret
  epilog
