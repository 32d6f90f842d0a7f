/* Literals, strings, directives at their edges. */
#define off 7
.data 160
at_0: .size 16
.align 8
at_24: .align 8
at_32: .c 1
at_33: .align 8
at_40:
zero_in_string: .c "a\0b"
/* Four characters with the final NUL. */
behind_string:
quotes: .c '\'' '\\' '"' "'\"\\"
escapes: .c '\a' '\b' '\f' '\n' '\r' '\t' '\v' '\e' '\x' "\x41\n"
behind_escapes:
bytes: .c 300 -1
halves: .s 70000
empty: .c ""
behind_empty:
num: .c "%ld\n"
hex: .c "%lx\n"
flt: .c "%g\n"
.code
  jmpi main
/* A name may be a mnemonic's. */
addi: prolog reti 8 epilog
main:
  prolog
#define N(E) prepare pushargi num ellipsis pushargi E finishi @printf
#define X(E) prepare pushargi hex ellipsis pushargi E finishi @printf
#define F(E) prepare pushargi flt ellipsis pushargi_d E finishi @printf
  N(0x) N(0b) N(017) N(0b1011) N(0x1f)
  X(18446744073709551616) X(0x1ffffffffffffffff) X(-9223372036854775809) X(0xffffffffffffffff) N(-18446744073709551616)
  N(--5) N(-+5) N(+-+5) N(---5) N($(0 - 8)) N($(0-8)) N($(10-8)) N($(0xe-1)) N($(0xe - 1))
  F(5.) F(-0.0) F(0.5) F(1e3) F(2e-3) F(1.5e+2) F(1e400) F(-1e400) F(5e-324)
  F(0xffffffffffffffff) F('a') F(-5) F($(1.0/0.0)) F($(0.0/0.0))
  N('\0') N('\'') N('\\') N(' ')
  N($(at_24 - at_0)) N($(at_32 - at_0)) N($(at_40 - at_0)) N($(behind_string - zero_in_string))
  N($(behind_escapes - escapes)) N($(behind_empty - empty))
  .$($off = 3) N($off) N($($off)) N(off)
  ldi_uc %v0 $(zero_in_string + 1) prepare pushargi num ellipsis pushargr %v0 finishi @printf
  prepare pushargi zero_in_string finishi @puts
  prepare pushargi quotes finishi @puts
  movi %v1 escapes
each: ldxai_uc %v0 %v1 1 prepare pushargi num ellipsis pushargr %v0 finishi @printf
  blti each %v1 behind_escapes
  ldi_uc %v0 bytes prepare pushargi num ellipsis pushargr %v0 finishi @printf
  ldi_uc %v0 $(bytes + 1) prepare pushargi num ellipsis pushargr %v0 finishi @printf
  ldi_us %v0 halves prepare pushargi num ellipsis pushargr %v0 finishi @printf
  /* Appended while there is room. */
  .i 5
  .l 6
  ldi_i %v0 $(num + 14) prepare pushargi num ellipsis pushargr %v0 finishi @printf
  ldi %v0 $(num + 18) prepare pushargi num ellipsis pushargr %v0 finishi @printf
  calli addi prepare pushargi num ellipsis pushargr %r0 finishi @printf
  ret
  epilog
