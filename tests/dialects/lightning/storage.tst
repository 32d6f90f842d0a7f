/* Fixed storage: offsets from %fp are what the text was told, and storage is there. */
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
#define PRINT(X) prepare pushargi X finishi print
#define PRINTR(X) prepare pushargr X finishi print
one:
  prolog
  allocai 1 $a allocai 2 $b
  PRINT($a) PRINT($b)
  ret
  epilog
two:
  prolog
  allocai 3 $a allocai 4 $b
  PRINT($a) PRINT($b)
  ret
  epilog
three:
  prolog
  allocai 5 $a allocai 12 $b
  PRINT($a) PRINT($b)
  ret
  epilog
four:
  prolog
  allocai 16 $a allocai 0 $b
  PRINT($a) PRINT($b)
  ret
  epilog
main:
  prolog
  calli one calli two calli three calli four
  allocai 8 $x
  allocai 1 $c
  allocai 32 $array
  movi %v0 1234
  stxi $x %fp %v0
  movi %v1 -1
  stxi_c $c %fp %v1
  ldxi %v2 %fp $x
  PRINTR(%v2)
  ldxi_c %v2 %fp $c
  PRINTR(%v2)
  addi %v0 %fp $array
  movi %v1 0
fill:
  mulr %v2 %v1 %v1
  lshi %v(3) %v1 3
  stxr %v(3) %v0 %v2
  addi %v1 %v1 1
  blti fill %v1 4
  ldxi %v2 %fp $($array + 24)
  PRINTR(%v2)
  movr %v(3) %fp
  subr %v(4) %v0 %v(3)
  PRINTR(%v(4))
  movi %v1 $($array + 16)
  ldxr %v2 %fp %v1
  PRINTR(%v2)
  ldxi %v2 %fp $x
  PRINTR(%v2)
  ret
  epilog
