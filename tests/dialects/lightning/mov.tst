/* `movr` `movi` on edge values. */
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
  RR(movr, 0)
  RI(movi, 0)
  RR(movr, 1)
  RI(movi, 1)
  RR(movr, -1)
  RI(movi, -1)
  RR(movr, 2)
  RI(movi, 2)
  RR(movr, -2)
  RI(movi, -2)
  RR(movr, 128)
  RI(movi, 128)
  RR(movr, 255)
  RI(movi, 255)
  RR(movr, 32768)
  RI(movi, 32768)
  RR(movr, 65535)
  RI(movi, 65535)
  RR(movr, 0x80000000)
  RI(movi, 0x80000000)
  RR(movr, 0xffffffff)
  RI(movi, 0xffffffff)
  RR(movr, 0x7fffffffffffffff)
  RI(movi, 0x7fffffffffffffff)
  RR(movr, -9223372036854775808)
  RI(movi, -9223372036854775808)
  RR(movr, 0x123456789abcdef)
  RI(movi, 0x123456789abcdef)
  RR(movr, -81985529216486895)
  RI(movi, -81985529216486895)
  RR(movr, 0xf0f0f0f0)
  RI(movi, 0xf0f0f0f0)
  RR(movr, 0xff00ff00ff00ff)
  RI(movi, 0xff00ff00ff00ff)
  ret
  epilog
