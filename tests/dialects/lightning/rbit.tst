/* `rbitr` `rbiti` on edge values. */
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
  RR(rbitr, 0)
  RI(rbiti, 0)
  RR(rbitr, 1)
  RI(rbiti, 1)
  RR(rbitr, -1)
  RI(rbiti, -1)
  RR(rbitr, 2)
  RI(rbiti, 2)
  RR(rbitr, -2)
  RI(rbiti, -2)
  RR(rbitr, 128)
  RI(rbiti, 128)
  RR(rbitr, 255)
  RI(rbiti, 255)
  RR(rbitr, 32768)
  RI(rbiti, 32768)
  RR(rbitr, 65535)
  RI(rbiti, 65535)
  RR(rbitr, 0x80000000)
  RI(rbiti, 0x80000000)
  RR(rbitr, 0xffffffff)
  RI(rbiti, 0xffffffff)
  RR(rbitr, 0x7fffffffffffffff)
  RI(rbiti, 0x7fffffffffffffff)
  RR(rbitr, -9223372036854775808)
  RI(rbiti, -9223372036854775808)
  RR(rbitr, 0x123456789abcdef)
  RI(rbiti, 0x123456789abcdef)
  RR(rbitr, -81985529216486895)
  RI(rbiti, -81985529216486895)
  RR(rbitr, 0xf0f0f0f0)
  RI(rbiti, 0xf0f0f0f0)
  RR(rbitr, 0xff00ff00ff00ff)
  RI(rbiti, 0xff00ff00ff00ff)
  ret
  epilog
