/* The data section, byte by byte. */
.data 256
start:
.c 300 -1 'a' '\n' '\0' '\e' "ab\"\\" "x"
.s 70000 -2
.i 4294967297 -3
.l 0xffffffffffffffff
.f 1.5 2 'a'
.d -0.0 1e3
after: .p start 5 $(start + 3)
.align 8
aligned:
.align 8
twice:
.size 3
odd: .c 7
last:
fmt: .c "%d "
num: .c "%ld\n"
.code
  .c 9
  prolog
  movi %v0 start
each:
  ldr_uc %v1 %v0
  prepare pushargi fmt ellipsis pushargr %v1 finishi @printf
  addi %v0 %v0 1
  blti each %v0 after
#define SHOW(E) prepare pushargi num ellipsis pushargi $(E) finishi @printf
  SHOW(after - start) SHOW(aligned - after) SHOW(twice - aligned) SHOW(odd - twice) SHOW(last - odd)
  ldi %v0 after
  subi %v0 %v0 start
  prepare pushargi num ellipsis pushargr %v0 finishi @printf
  ldi %v0 $(after + 8)
  prepare pushargi num ellipsis pushargr %v0 finishi @printf
  ldi %v0 $(after + 16)
  subi %v0 %v0 start
  prepare pushargi num ellipsis pushargr %v0 finishi @printf
  ldi_uc %v0 $(num + 5)
  prepare pushargi num ellipsis pushargr %v0 finishi @printf
  ret
  epilog
