/* `comr` `comi` on edge values. */
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
  RR(comr, 0)
  RI(comi, 0)
  RR(comr, 1)
  RI(comi, 1)
  RR(comr, -1)
  RI(comi, -1)
  RR(comr, 2)
  RI(comi, 2)
  RR(comr, -2)
  RI(comi, -2)
  RR(comr, 128)
  RI(comi, 128)
  RR(comr, 255)
  RI(comi, 255)
  RR(comr, 32768)
  RI(comi, 32768)
  RR(comr, 65535)
  RI(comi, 65535)
  RR(comr, 0x80000000)
  RI(comi, 0x80000000)
  RR(comr, 0xffffffff)
  RI(comi, 0xffffffff)
  RR(comr, 0x7fffffffffffffff)
  RI(comi, 0x7fffffffffffffff)
  RR(comr, -9223372036854775808)
  RI(comi, -9223372036854775808)
  RR(comr, 0x123456789abcdef)
  RI(comi, 0x123456789abcdef)
  RR(comr, -81985529216486895)
  RI(comi, -81985529216486895)
  RR(comr, 0xf0f0f0f0)
  RI(comi, 0xf0f0f0f0)
  RR(comr, 0xff00ff00ff00ff)
  RI(comi, 0xff00ff00ff00ff)
  ret
  epilog
