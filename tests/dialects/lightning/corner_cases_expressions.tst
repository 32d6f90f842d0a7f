/* Expressions at their edges: levels, wrapping, signs, truth, assignments as values, what is left out. */
.data 128
here: .size 8
there: .size 8
num: .c "%ld\n"
flt: .c "%g\n"
.code
  prolog
#define I(E) prepare pushargi num ellipsis pushargi $(E) finishi @printf
#define F(E) prepare pushargi flt ellipsis pushargi_d $(E) finishi @printf
  I(1 | 2 & 4) I(7 & 3 | 8 ^ 1) I(1 || 0 && 0) I(3 > 2 > 1) I(1 == 1 < 2) I(1 << 2 + 1) I(6 / 2 * 3 % 4)
  I(-7 / 2) I(-7 % 3) I(7 % -3) I(-1 >> 1) I(-8 >> 65) I(1 << 64) I(1 << -1) I(-9223372036854775808 / -1) I(-9223372036854775808 % -1)
  I(9223372036854775807 + 1) I(-9223372036854775808 - 1) I(9223372036854775807 * 2)
  I(!0.0) I(!1.5) I(!here) I(!!5) I(-+-5) I(~-1) I(-(2)) I(+ 3)
  I(0.0 || 0) I(here && 1) I(1.5 && 0.5) I(1 < 1.5) I(1.5 >= 2) I(0.0 == -0.0) I((0.0 / 0.0) == (0.0 / 0.0)) I((0.0 / 0.0) != 1)
  I(there - here) I(8 + here == there) I(here < there) I(there <= here) I(here != 0) I(@puts == 0) I(@puts != @printf) I(@puts + 4 - @puts)
  F(1.0 / 0.0) F(-1.0 / 0.0) F(1 / 2.0) F(3 - 0.5) F(-1.5) F(+1.5) F(2 * 1e308 * 10)
  .$($x = 10) I($x += 5) I($x -= 3) I($x *= 2 + 3) I($x) I($x <<= 1 + 1) I($x) I($x |= 1 & 3) I($x)
  I($x = $y = 4) I($y) I(($x = 2) * 3) I($x) I(2 * $x = 3 + 1) I($x)
  .$(0 && ($x = 99)) I($x) .$(1 && ($x = 98)) I($x) .$(1 || ($x = 97)) I($x) .$(0 || ($x = 96)) I($x)
  .$(0 && (1 || ($x = 95))) I($x) .$(0 && $x++) I($x) .$(0 && ($x = 1 / 0)) I($x)
  .$($f = 1.5) F($f++) F($f) F(--$f) F($f *= 2) F($f -= 1) .$($f = 7) I($f)
  .$($p = there) I($p - here) .$($p += 4) I($p - here) .$($p -= 8) I($p - here)
  I($x--) I(- $x) I(5 - -$x) I(--$x) I($x - -1)
  /* Several statements of directives and variables between the parts of a call. */
  prepare .$($x = 1) pushargi num ellipsis .$($x = 2) pushargi $x .$($x = 3) finishi @printf
  I($x)
  ret
  epilog
