/* Expressions: flat levels, assignments, side effects in the order of the text. */
.data 64
num: .c "%ld\n"
flt: .c "%g\n"
here: .size 8
.code
  prolog
#define I(E) prepare pushargi num ellipsis pushargi $(E) finishi @printf
#define F(E) prepare pushargi flt ellipsis pushargi_d $(E) finishi @printf
  I(1 | 2 & 4) I(7 & 3 | 8 ^ 1) I(1 || 0 && 0) I(3 > 2 > 1)
  I(-7 / 2) I(-7 % 3) I(-1 >> 1) I(1 << 64) I(2 + 3 * 4) I((2 + 3) * 4) I(10 - 3 - 2) I(100 / 5 / 2)
  I(0 - 8) I(10-8) I(0xe - 1) I(~5) I(!0) I(!3) I(- -5) I('a' + 1) I(0b101 + 017 + 0x1f)
  I(1 < 2) I(2 <= 1) I(1 == 1) I(1 != 1) I(5 >= 5) I(1 << 4 + 1) I(1 + 1 << 4)
  I(9223372036854775807 + 1) I(1.5 < 2) I(here == here) I(here + 8 - here) I(1 + here - here)
  F(1.0 / 0.0) F(-1.0 / 0.0) F(0.0 / 0.0) F(1 / 2.0) F(7 / 2) F(2.5 * 2) F(-0.0)
  .$($x = 10)
  I($x)
  .$($x *= 2 + 3)
  I($x)
  . $($x += 5)
  I($x)
  .	$($x -= 1 + 1)
  I($x)
  .$($x = $y = 4) I($x) I($y)
  .$($x <<= 3) I($x) .$($x >>= 1) I($x) .$($x |= 3) I($x) .$($x &= 6) I($x) .$($x ^= 15) I($x) .$($x %= 5) I($x) .$($x = 9) .$($x /= 2) I($x)
  I($x++) I($x) I(++$x) I($x--) I(--$x)
  .$(0 && ($x = 99)) I($x)
  .$(1 && ($x = 99)) I($x)
  .$(1 || ($x = 1)) I($x)
  .$($d = 1.5) F($d) F($d++) F($d * 2)
  .$($p = here + 4) I($p - here)
#define off 7
  .$($off = 3) I($off) I(off)
  movi %v0 $x
  prepare pushargi num ellipsis pushargr %v0 finishi @printf
  ret
  epilog
