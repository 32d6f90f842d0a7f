/* Floats at their edges: truncation, signs of NaN, rounding, one rounding of products and sums. */
.data 64
hex: .c "%lx\n"
flt: .c "%.17g\n"
.code
  jmpi main
show:
  prolog
  arg $x
  getarg %r0 $x
  prepare pushargi hex ellipsis pushargr %r0 finishi @printf
  ret
  epilog
#define SHOW(R) prepare pushargr R finishi show
#define FLT(R) prepare pushargi flt ellipsis pushargr_d R finishi @printf
#define TRUNC(OP, T, X) movi##T %f1 X OP##T %v0 %f1 SHOW(%v0)
#define ALL(X) TRUNC(truncr, _d, X) TRUNC(truncr, _f, X) movi_d %f1 X truncr_d_i %v0 %f1 SHOW(%v0) truncr_d_l %v0 %f1 SHOW(%v0) movi_f %f1 X truncr_f_i %v0 %f1 SHOW(%v0) truncr_f_l %v0 %f1 SHOW(%v0)
main:
  prolog
  /* 1: of the constant itself. */
  negi_d %f0 0.1 FLT(%f0) absi_d %f0 -0.1 FLT(%f0) sqrti_d %f0 2.25 FLT(%f0)
  /* 2 */
  movi_d %f1 -2.9 truncr_d_i %v0 %f1 andi %v0 %v0 0xffffffff SHOW(%v0)
  movi_d %f1 3e9 truncr_d_i %v0 %f1 andi %v0 %v0 0xffffffff SHOW(%v0)
  TRUNC(truncr, _d, 3e9) TRUNC(truncr, _d, -2.9) TRUNC(truncr, _f, -2.5)
  /* 3 */
  ALL($(0.0 / 0.0)) ALL($(1.0 / 0.0)) ALL($(-1.0 / 0.0)) ALL(1e19) ALL(-1e19)
  /* 4 */
  movi %v1 16777217 extr_f %f1 %v1 extr_f_d %f0 %f1 FLT(%f0)
  movi %v1 0x8000000000000000 extr_d %f0 %v1 FLT(%f0)
  /* 5 */
  movi_d %f1 $(0.0 / 0.0)
  negr_d %f0 %f1 movr_d_w %v0 %f0 SHOW(%v0)
  absr_d %f0 %f1 movr_d_w %v0 %f0 SHOW(%v0)
  movi_f %f1 $(0.0 / 0.0)
  extr_f_d %f0 %f1 movr_d_w %v0 %f0 SHOW(%v0)
  negr_f %f1 %f1 extr_f_d %f0 %f1 movr_d_w %v0 %f0 SHOW(%v0)
  movi_d %f1 $(0.0 / 0.0) extr_d_f %f1 %f1 movr_f_w %v0 %f1 SHOW(%v0)
  /* 6 */
  movi_d %f1 -1 sqrtr_d %f0 %f1 FLT(%f0) movi_d %f1 0 divr_d %f0 %f1 %f1 FLT(%f0) movi_d %f1 -0.0 sqrtr_d %f0 %f1 FLT(%f0)
  /* 7: (1 + 2^-52)^2 - (1 + 2^-51) is 2^-104. */
  movi_w_d %f1 0x3ff0000000000001 movi_w_d %f2 0xbff0000000000002 fmar_d %f0 %f1 %f1 %f2 FLT(%f0)
  negr_d %f2 %f2 fmsr_d %f0 %f1 %f1 %f2 FLT(%f0) fnmsr_d %f0 %f1 %f1 %f2 FLT(%f0)
  negr_d %f2 %f2 fnmar_d %f0 %f1 %f1 %f2 FLT(%f0)
  /* 8 */
  movi_f_w %v0 -1.5 SHOW(%v0) movi_f %f1 -1.5 movr_f_w %v0 %f1 SHOW(%v0)
  ret
  epilog
