/* `movnr movzr`: moves that depend on a word. */
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
#define MN(OP, A, B, C) movi %v0 A movi %v1 B movi %v2 C OP %v0 %v1 %v2 SHOW(%v0)
main:
  prolog
  MN(movnr, 1, 2, 0)
  MN(movzr, 1, 2, 0)
  MN(movnr, 1, 2, 1)
  MN(movzr, 1, 2, 1)
  MN(movnr, 1, 2, 2)
  MN(movzr, 1, 2, 2)
  MN(movnr, 1, 2, -1)
  MN(movzr, 1, 2, -1)
  MN(movnr, 1, 2, -7)
  MN(movzr, 1, 2, -7)
  MN(movnr, 1, 2, 0x7fffffff)
  MN(movzr, 1, 2, 0x7fffffff)
  MN(movnr, 1, 2, -2147483648)
  MN(movzr, 1, 2, -2147483648)
  MN(movnr, 1, 2, 0xffffffff)
  MN(movzr, 1, 2, 0xffffffff)
  MN(movnr, 1, 2, 0x7fffffffffffffff)
  MN(movzr, 1, 2, 0x7fffffffffffffff)
  MN(movnr, 1, 2, -9223372036854775808)
  MN(movzr, 1, 2, -9223372036854775808)
  MN(movnr, 1, 2, 0x123456789abcdef)
  MN(movzr, 1, 2, 0x123456789abcdef)
  MN(movnr, -1, 5, 0)
  MN(movzr, -1, 5, 0)
  MN(movnr, -1, 5, 1)
  MN(movzr, -1, 5, 1)
  MN(movnr, -1, 5, 2)
  MN(movzr, -1, 5, 2)
  MN(movnr, -1, 5, -1)
  MN(movzr, -1, 5, -1)
  MN(movnr, -1, 5, -7)
  MN(movzr, -1, 5, -7)
  MN(movnr, -1, 5, 0x7fffffff)
  MN(movzr, -1, 5, 0x7fffffff)
  MN(movnr, -1, 5, -2147483648)
  MN(movzr, -1, 5, -2147483648)
  MN(movnr, -1, 5, 0xffffffff)
  MN(movzr, -1, 5, 0xffffffff)
  MN(movnr, -1, 5, 0x7fffffffffffffff)
  MN(movzr, -1, 5, 0x7fffffffffffffff)
  MN(movnr, -1, 5, -9223372036854775808)
  MN(movzr, -1, 5, -9223372036854775808)
  MN(movnr, -1, 5, 0x123456789abcdef)
  MN(movzr, -1, 5, 0x123456789abcdef)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, 0)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, 0)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, 1)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, 1)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, 2)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, 2)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, -1)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, -1)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, -7)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, -7)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, 0x7fffffff)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, 0x7fffffff)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, -2147483648)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, -2147483648)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, 0xffffffff)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, 0xffffffff)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, 0x7fffffffffffffff)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, 0x7fffffffffffffff)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, -9223372036854775808)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, -9223372036854775808)
  MN(movnr, -9223372036854775808, 0x7fffffffffffffff, 0x123456789abcdef)
  MN(movzr, -9223372036854775808, 0x7fffffffffffffff, 0x123456789abcdef)
  ret
  epilog
