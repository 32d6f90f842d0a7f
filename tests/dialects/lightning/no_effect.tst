/* `live align skip name`, code before the first function, `;`, many items on one line, an `epilog` that is left out. */
.data 16
num: .c "%ld\n"
.code
  movi %v0 5; addi %v0 %v0 1 ;; negr %v0 %v0
  align 16
start: subi %v0 %v0 1 bgti start %v0 100
  name first
  prolog name again
  name again
  live %v0 live %f0
  align 8 skip 3
  prepare pushargi num ellipsis pushargr %v0 finishi @printf
  calli second
  prepare pushargi num ellipsis pushargr %r0 finishi @printf
  jmpi out
  skip 64
out:
  ret
  epilog
second: name second prolog
  movi %r0 9
  epilog
third:
  prolog
  retr %r0
