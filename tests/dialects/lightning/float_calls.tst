/* Floats given back, by functions of the file and of C; a function that gives back either. */
.data 128
fmt: .c "%g %g\n"
.code
  jmpi main
half:
  prolog
  arg_d $x
  getarg_d %f0 $x
  divi_d %f0 %f0 2.0
  retr_d %f0
  epilog
third:
  prolog
  arg_f $x
  getarg_f %f0 $x
  divi_f %f0 %f0 4.0
  retr_f %f0
  epilog
pi:
  prolog
  reti_d 3.25
  epilog
e:
  prolog
  reti_f 2.75
  epilog
/* A word and a double on different ways. */
either:
  prolog
  arg $which
  getarg %r0 $which
  beqi word %r0 0
  reti_d 6.5
word:
  reti 42
  epilog
main:
  prolog
  prepare pushargi_d 5 finishi half
  retval_d %f0
  movr_d_w %v1 %f0
  prepare pushargi_f 5 finishi third
  retval_f %f1
  extr_f_d %f1 %f1
  movr_w_d %f0 %v1
  prepare pushargi fmt ellipsis pushargr_d %f0 pushargr_d %f1 finishi @printf
  calli pi
  retval_d %f2
  movr_d_w %v1 %f2
  calli e
  retval_f %f1
  extr_f_d %f1 %f1
  movr_w_d %f0 %v1
  prepare pushargi fmt ellipsis pushargr_d %f0 pushargr_d %f1 finishi @printf
  prepare pushargi 1 finishi either
  retval_d %f0
  movr_d_w %v1 %f0
  prepare pushargi 0 finishi either
  retval %v0
  extr_d %f1 %v0
  movr_w_d %f0 %v1
  prepare pushargi fmt ellipsis pushargr_d %f0 pushargr_d %f1 finishi @printf
  prepare pushargi_d 2.0 pushargi_d 10.0 finishi @pow
  retval_d %f0
  movr_d_w %v1 %f0
  prepare pushargi_f 9.0 finishi @sqrtf
  retval_f %f1
  extr_f_d %f1 %f1
  movr_w_d %f0 %v1
  prepare pushargi fmt ellipsis pushargr_d %f0 pushargr_d %f1 finishi @printf
  ret
  epilog
