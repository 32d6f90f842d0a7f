/* The offsets are those of the reference: storage allocated at run time: offsets from %fp; each execution allocates again; fixed storage beside it. */
.data 64
fmt: .c "%ld\n"
.code
  jmpi main
print:
  prolog
  arg $x
  getarg %r0 $x
  prepare pushargi fmt ellipsis pushargr %r0 finishi @printf
  ret
  epilog
#define PRINTR(X) prepare pushargr X finishi print
main:
  prolog
  allocai 8 $x
  movi %v0 77
  stxi $x %fp %v0
  movi %v1 8
  allocar %v2 %v1
  PRINTR(%v2)
  movi %v1 20
  allocar %v(3) %v1
  PRINTR(%v(3))
  ret
  epilog
