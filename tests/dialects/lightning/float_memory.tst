/* Loads and stores of floats, in every way of saying where. */
.data 256
fs: .f 1.5 -2.25 3.0 100
ds: .d 1.5 -2.25 3.0 100
to: .size 64
fmt: .c "%g %g\n"
num: .c "%ld\n"
.code
  jmpi main
pair:
  prolog
  arg_d $a
  arg_d $b
  getarg_d %f0 $a
  getarg_d %f1 $b
  prepare
    pushargi fmt
    ellipsis
    pushargr_d %f0
    pushargr_d %f1
  finishi @printf
  ret
  epilog
distance:
  prolog
  arg $n
  getarg %r0 $n
  prepare
    pushargi num
    ellipsis
    pushargr %r0
  finishi @printf
  ret
  epilog
#define PAIR(A, B) prepare pushargr_d A pushargr_d B finishi pair
#define FAR(R, L) subi %v0 R L prepare pushargr %v0 finishi distance
main:
  prolog
  movi %v1 ds
  ldr_d %f0 %v1
  ldi_d %f1 $(ds + 8)
  PAIR(%f0, %f1)
  movi %v2 16
  ldxr_d %f0 %v1 %v2
  ldxi_d %f1 %v1 24
  PAIR(%f0, %f1)
  ldxbr_d %f0 %v1 %v2
  ldxbi_d %f1 %v1 -8
  PAIR(%f0, %f1)
  FAR(%v1, ds)
  ldxar_d %f0 %v1 %v2
  ldxai_d %f1 %v1 8
  PAIR(%f0, %f1)
  FAR(%v1, ds)
  movi %v1 fs
  ldr_f %f0 %v1
  ldi_f %f1 $(fs + 4)
  extr_f_d %f0 %f0 extr_f_d %f1 %f1
  PAIR(%f0, %f1)
  movi %v2 8
  ldxr_f %f0 %v1 %v2
  ldxi_f %f1 %v1 12
  extr_f_d %f0 %f0 extr_f_d %f1 %f1
  PAIR(%f0, %f1)
  ldxbr_f %f0 %v1 %v2
  ldxbi_f %f1 %v1 -4
  extr_f_d %f0 %f0 extr_f_d %f1 %f1
  PAIR(%f0, %f1)
  FAR(%v1, fs)
  ldxar_f %f0 %v1 %v2
  ldxai_f %f1 %v1 4
  extr_f_d %f0 %f0 extr_f_d %f1 %f1
  PAIR(%f0, %f1)
  FAR(%v1, fs)
  /* Stores: eight cells of doubles, then of floats. */
  movi %v1 to
  movi %v2 8
  movi_d %f0 1.0
  str_d %v1 %f0
  movi_d %f0 2.0
  stxr_d %v2 %v1 %f0
  movi_d %f0 3.0
  stxi_d 16 %v1 %f0
  movi_d %f0 4.0
  sti_d $(to + 24) %f0
  addi %v1 %v1 24
  movi_d %f0 5.0
  stxbr_d %v2 %v1 %f0
  movi_d %f0 6.0
  stxbi_d 8 %v1 %f0
  FAR(%v1, to)
  movi_d %f0 7.0
  addi %v1 %v1 8
  stxar_d %v2 %v1 %f0
  movi_d %f0 8.0
  stxai_d 8 %v1 %f0
  FAR(%v1, to)
  movi %v(4) to
again:
  ldxai_d %f0 %v(4) 8
  ldxai_d %f1 %v(4) 8
  PAIR(%f0, %f1)
  blti again %v(4) $(to + 64)
  movi %v1 to
  movi %v2 4
  movi_f %f0 1.0
  str_f %v1 %f0
  movi_f %f0 2.0
  stxr_f %v2 %v1 %f0
  movi_f %f0 3.0
  stxi_f 8 %v1 %f0
  movi_f %f0 4.0
  sti_f $(to + 12) %f0
  addi %v1 %v1 12
  movi_f %f0 5.0
  stxbr_f %v2 %v1 %f0
  movi_f %f0 6.0
  stxbi_f 4 %v1 %f0
  addi %v1 %v1 4
  movi_f %f0 7.0
  stxar_f %v2 %v1 %f0
  movi_f %f0 8.0
  stxai_f 4 %v1 %f0
  FAR(%v1, to)
  movi %v(4) to
more:
  ldxai_f %f0 %v(4) 4
  ldxai_f %f1 %v(4) 4
  extr_f_d %f0 %f0 extr_f_d %f1 %f1
  PAIR(%f0, %f1)
  blti more %v(4) $(to + 32)
  ret
  epilog
