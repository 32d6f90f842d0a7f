.code
  jmpi main
f:
  prolog
  retr %r0
main:
  prolog
  ret
  epilog
