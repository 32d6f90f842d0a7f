.code
  prolog
  arg $a
  arg_d $d
  allocai 8 $x
  getarg %v0 $x
  getarg %v0 $($a)
  getarg %v0 $d
  getarg_f %f0 $d
  ret
  epilog
