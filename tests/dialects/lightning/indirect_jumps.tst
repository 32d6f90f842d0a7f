/* Labels as data: forward and backward, in registers and in memory; a loop through a table. */
.data 128
table: .size 24
str: .c "%c"
nl: .c "\n"
.code
  jmpi main
main:
  prolog
  movi %r0 one   sti table %r0
  movi %r0 two   sti $(table + 8) %r0
  movi %r0 three sti $(table + 16) %r0
  movi %v0 0
  movi %v2 back
  jmpi next
back:
  addi %v0 %v0 1
next:
  bgei done %v0 6
  remi %v1 %v0 3
  lshi %v1 %v1 3
  addi %v1 %v1 table
  ldr %v1 %v1
  jmpr %v1
one:
  movi %v(3) 'a'
  jmpi put
two:
  movi %v(3) 'b'
  jmpi put
three:
  movi %v(3) 'c'
put:
  prepare pushargi str ellipsis pushargr %v(3) finishi @printf
  jmpr %v2
done:
  prepare pushargi nl finishi @printf
  ret
  epilog
