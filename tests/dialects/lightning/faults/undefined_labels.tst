.code
main:
  prolog
loop:
  jmpi lop
  movi %r0 nowhere
  calli mian
  ret
  epilog
