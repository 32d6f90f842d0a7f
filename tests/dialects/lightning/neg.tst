/* `negr` `negi` on edge values. */
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
  RR(negr, 0)
  RI(negi, 0)
  RR(negr, 1)
  RI(negi, 1)
  RR(negr, -1)
  RI(negi, -1)
  RR(negr, 2)
  RI(negi, 2)
  RR(negr, -2)
  RI(negi, -2)
  RR(negr, 128)
  RI(negi, 128)
  RR(negr, 255)
  RI(negi, 255)
  RR(negr, 32768)
  RI(negi, 32768)
  RR(negr, 65535)
  RI(negi, 65535)
  RR(negr, 0x80000000)
  RI(negi, 0x80000000)
  RR(negr, 0xffffffff)
  RI(negi, 0xffffffff)
  RR(negr, 0x7fffffffffffffff)
  RI(negi, 0x7fffffffffffffff)
  RR(negr, -9223372036854775808)
  RI(negi, -9223372036854775808)
  RR(negr, 0x123456789abcdef)
  RI(negi, 0x123456789abcdef)
  RR(negr, -81985529216486895)
  RI(negi, -81985529216486895)
  RR(negr, 0xf0f0f0f0)
  RI(negi, 0xf0f0f0f0)
  RR(negr, 0xff00ff00ff00ff)
  RI(negi, 0xff00ff00ff00ff)
  ret
  epilog
