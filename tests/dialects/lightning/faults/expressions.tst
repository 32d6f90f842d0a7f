.data 8
d: .c 1
.code
  prolog
  movi %r0 $(1 / 0)
  movi %r0 $(1 % 0)
  movi %r0 $(1.5 % 2)
  movi %r0 $(2.5 & 1)
  movi %r0 $(1 ? 2 : 3)
  movi %r0 $(1 +)
  movi %r0 $nothing
  movi %r0 $($nothing + 1)
  movi %r0 $(d * 2)
  movi %r0 $(-d)
  movi %r0 $(1 + 2
  movi %r0 $(1 << 2.5)
  ret
  epilog
