/* `align` and `skip`: before labels whose addresses are taken, in the middle of code, behind jumps. */
.data 64
fmt: .c "%ld %ld\n"
.code
  jmpi main
main:
  prolog
  movi %v0 3
  movi %v1 first
  jmpr %v1
  align 64
first:
  addi %v0 %v0 1
  skip 5
  align 32
  addi %v0 %v0 10
  movi %v1 second
  jmpr %v1
  skip 100
  align 4096
  name here
second:
  skip 0
  skip 200
  align 16
  align 8
  muli %v0 %v0 2
  prepare
    align 16
    pushargi fmt
    ellipsis
    skip 9
    pushargr %v0
    pushargi 7
  finishi @printf
  ret
  align 16
  epilog
