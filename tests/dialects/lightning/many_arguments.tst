/* Sixteen parameters of each class, mixed, through registers and the stack; all sizes of `arg` and `getarg`. */
.data 256
fmt: .c "%ld %ld %ld %ld %ld %ld %ld %ld %ld %ld\n"
ffmt: .c "%g %g %g %g %g %g %g %g %g %g\n"
.code
  jmpi main
many:
  prolog
  arg_c $a0 arg_f $f0 arg_s $a1 arg_d $f1 arg_i $a2 arg_f $f2 arg_l $a3 arg_d $f3
  arg $a4 arg_f $f4 arg $a5 arg_d $f5 arg_c $a6 arg_f $f6 arg_s $a7 arg_d $f7
  arg_i $a8 arg_f $f8 arg $a9 arg_d $f9
  getarg_c %v0 $a0
  getarg_s %v1 $a1
  getarg_i %v2 $a2
  getarg_l %v(3) $a3
  getarg %v(4) $a4
  prepare
    pushargi fmt
    ellipsis
    pushargr %v0 pushargr %v1 pushargr %v2 pushargr %v(3) pushargr %v(4)
    getarg %v0 $a5 getarg_uc %v1 $a6 getarg_us %v2 $a7 getarg_ui %v(3) $a8 getarg %v(4) $a9
    pushargr %v0 pushargr %v1 pushargr %v2 pushargr %v(3) pushargr %v(4)
  finishi @printf
  getarg_f %f0 $f0 extr_f_d %f0 %f0
  getarg_d %f1 $f1
  getarg_f %f2 $f2 extr_f_d %f2 %f2
  getarg_d %f3 $f3
  getarg_f %f4 $f4 extr_f_d %f4 %f4
  getarg_d %f5 $f5
  prepare
    pushargi ffmt
    ellipsis
    pushargr_d %f0 pushargr_d %f1 pushargr_d %f2 pushargr_d %f3 pushargr_d %f4 pushargr_d %f5
    getarg_f %f0 $f6 extr_f_d %f0 %f0
    getarg_d %f1 $f7
    getarg_f %f2 $f8 extr_f_d %f2 %f2
    getarg_d %f3 $f9
    pushargr_d %f0 pushargr_d %f1 pushargr_d %f2 pushargr_d %f3
  finishi @printf
  ret
  epilog
main:
  prolog
  movi %v0 0x1ff
  movi %v1 0x18000
  movi %v2 0x1ffffffff
  movi_f %f0 8.5
  movi_d %f1 9.5
  prepare
    pushargr_c %v0 pushargi_f 0.5 pushargr_s %v1 pushargi_d 1.5 pushargr_i %v2 pushargi_f 2.5 pushargr_l %v2 pushargi_d 3.5
    pushargi -5 pushargi_f 4.5 pushargi_l 6 pushargi_d 5.5 pushargi_uc 0x1fe pushargi_f 6.5 pushargi_us 0x2fffe pushargi_d 7.5
    pushargi_ui -2 pushargr_f %f0 pushargr %v2 pushargr_d %f1
  finishi many
  ret
  epilog
