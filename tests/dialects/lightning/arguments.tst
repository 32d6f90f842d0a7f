// args: a b "c d" -- e
/* `argc` and `argv`; what the entry gives back is not the status. */
.data 32
fmt: .c "%d %s\n"
.code
  prolog
  arg_i $argc
  arg $argv
  getarg_i %v0 $argc
  getarg %v1 $argv
  movi %v2 1
next:
  bger end %v2 %v0
  ldxi %r0 %v1 8
  addi %v1 %v1 8
  prepare pushargi fmt ellipsis pushargr %v2 pushargr %r0 finishi @printf
  addi %v2 %v2 1
  jmpi next
end:
  ldxi %v(3) %v1 8
  prepare pushargi fmt ellipsis pushargr %v0 pushargr %v(3) finishi @printf
  reti 7
  epilog
