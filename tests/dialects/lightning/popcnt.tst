/* `popcntr` `popcnti` on edge values. */
.data 64
word: .c "%lx\n"
.code
  jmpi main
show:
  prolog
  arg $x
  getarg %r0 $x
  prepare
    pushargi word
    ellipsis
    pushargr %r0
  finishi @printf
  ret
  epilog
#define SHOW(R) prepare pushargr R finishi show
#define RR(OP, A) movi %v1 A OP %v0 %v1 SHOW(%v0) OP %v1 %v1 SHOW(%v1)
#define RI(OP, A) OP %v0 A SHOW(%v0)
main:
  prolog
  RR(popcntr, 0)
  RI(popcnti, 0)
  RR(popcntr, 1)
  RI(popcnti, 1)
  RR(popcntr, -1)
  RI(popcnti, -1)
  RR(popcntr, 2)
  RI(popcnti, 2)
  RR(popcntr, -2)
  RI(popcnti, -2)
  RR(popcntr, 128)
  RI(popcnti, 128)
  RR(popcntr, 255)
  RI(popcnti, 255)
  RR(popcntr, 32768)
  RI(popcnti, 32768)
  RR(popcntr, 65535)
  RI(popcnti, 65535)
  RR(popcntr, 0x80000000)
  RI(popcnti, 0x80000000)
  RR(popcntr, 0xffffffff)
  RI(popcnti, 0xffffffff)
  RR(popcntr, 0x7fffffffffffffff)
  RI(popcnti, 0x7fffffffffffffff)
  RR(popcntr, -9223372036854775808)
  RI(popcnti, -9223372036854775808)
  RR(popcntr, 0x123456789abcdef)
  RI(popcnti, 0x123456789abcdef)
  RR(popcntr, -81985529216486895)
  RI(popcnti, -81985529216486895)
  RR(popcntr, 0xf0f0f0f0)
  RI(popcnti, 0xf0f0f0f0)
  RR(popcntr, 0xff00ff00ff00ff)
  RI(popcnti, 0xff00ff00ff00ff)
  ret
  epilog
