/* V registers are each function's own; an argument is what its register held when it was pushed. */
.data 64
fmt: .c "%ld %ld %ld %ld %ld\n"
.code
  jmpi main
spoil:
  prolog
  movi %v0 -1 movi %v1 -1 movi %v2 -1 movi %v(3) -1 movi %v(4) -1
  ret
  epilog
main:
  prolog
  movi %v0 1 movi %v1 2 movi %v2 3 movi %v(3) 4 movi %v(4) 5
  calli spoil
  prepare
    pushargi fmt
    ellipsis
    pushargr %v0 addi %v0 %v0 10
    pushargr %v1 movi %v1 20
    pushargr %v2 movr %v2 %v0
    pushargr %v(3)
    pushargr %v(4)
  finishi @printf
  prepare
    pushargi fmt
    ellipsis
    pushargr %v0 pushargr %v1 pushargr %v2
    movi %v0 3
  count:
    subi %v0 %v0 1
    bgti count %v0 0
    pushargr %v0
    pushargr %v(4)
  finishi @printf
  ret
  epilog
