.data 8
a: .size 8
.code
  calli @abort
  prepare
  allocai 8 $x
  allocar %r0 %r1
  arg $a
  retval %r0
  ellipsis
  va_start %r0
  frame 8
  prolog
  ret
  epilog
  jmpi nowhere
