/* Every load of integers, in every way of saying where. */
.data 128
bytes: .c -2 0x7f 0x80 0xff 1 2 3 0x84
    .c 0x11 0x22 0x33 0x44 0x55 0x66 0x77 0x88
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
#define ALL(T) \
  movi %v1 bytes ldr##T %v0 %v1 SHOW(%v0) \
  ldi##T %v0 bytes SHOW(%v0) \
  movi %v2 3 ldxr##T %v0 %v1 %v2 SHOW(%v0) \
  ldxi##T %v0 %v1 1 SHOW(%v0) \
  ldxbr##T %v0 %v1 %v2 SHOW(%v0) subi %v1 %v1 bytes SHOW(%v1) movi %v1 bytes \
  ldxbi##T %v0 %v1 7 SHOW(%v0) subi %v1 %v1 bytes SHOW(%v1) movi %v1 bytes \
  ldxar##T %v0 %v1 %v2 SHOW(%v0) subi %v1 %v1 bytes SHOW(%v1) movi %v1 bytes \
  ldxai##T %v0 %v1 -4 SHOW(%v0) subi %v1 %v1 bytes SHOW(%v1) \
  movi %v1 bytes ldr##T %v1 %v1 SHOW(%v1) \
  movi %v1 bytes movi %v0 2 ldxr##T %v0 %v1 %v0 SHOW(%v0)
main:
  prolog
  ALL(_c) ALL(_uc) ALL(_s) ALL(_us) ALL(_i) ALL(_ui) ALL(_l) ALL()
  ret
  epilog
