/* Storage allocated at run time: offsets from %fp; each execution allocates again; fixed storage beside it. */
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
  andi %v(3) %v2 15
  PRINTR(%v(3))
  movi %v1 20
  allocar %v(3) %v1
  andi %v(3) %v(3) 15
  PRINTR(%v(3))
  /* A list of ten cells, the last one first. */
  movi %v(4) 0
  movi %v0 0
chain:
  movi %v1 16
  allocar %v2 %v1
  addr %v2 %v2 %fp
  stxi 8 %v2 %v0
  str %v2 %v(4)
  movr %v(4) %v2
  addi %v0 %v0 1
  blti chain %v0 10
walk:
  ldxi %v0 %v(4) 8
  PRINTR(%v0)
  ldr %v(4) %v(4)
  bnei walk %v(4) 0
  ldxi %v0 %fp $x
  PRINTR(%v0)
  ret
  epilog
