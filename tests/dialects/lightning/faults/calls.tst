.data 16
d: .size 8
.code
  prolog
  calli d
  calli 1.5
  finishi %r0
  callr main
  jmpi %r0
  bgti 5 %r0 1
  ret
  epilog
