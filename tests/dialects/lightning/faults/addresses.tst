.data 16
label: .size 8
.code
  prolog
  arg $a
  movi %r0 $(label * 2)
  movi %r0 $(2 * label)
  movi %r0 $(label / 2)
  movi %r0 $(label % 2)
  movi %r0 $(label << 1)
  movi %r0 $(label & 1)
  movi %r0 $(label + label)
  movi %r0 $(label - 1.5)
  movi %r0 $(1.5 + label)
  movi %r0 $(5 - label)
  movi %r0 $(-label)
  movi %r0 $(+label)
  movi %r0 $(~label)
  movi %r0 $(label < 1.5)
  movi %r0 $(label - @puts)
  movi %r0 $(label < @puts)
  movi %r0 $($a + 1)
  movi_d %f0 label
  ret
  epilog
