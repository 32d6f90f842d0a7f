.data 16
label: .s label
.i label
.code
  prolog
  arg $a
  movi %r0 $(1.5)
  movi %r0 $a
  movi_d %f0 $a
  ldi %r0 1.5
  sti 2.5 %r0
  addi %r0 %r0 1.0
  movi %r0 $($($a) + 1)
  movi %r0 $(~1.5)
  allocai -1 $x
  allocai 1.5 $x
  allocai 8 5
  arg a
  name 5
  movi %r0 $
  movi %r0 @
  ret
  epilog
