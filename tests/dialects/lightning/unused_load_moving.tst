// signal: 11
// error: unused_load_moving.tst:13
/* The base is moved and used, what is loaded is not; in a loop that runs once. */
.data 16
text: .c "before"
.code
  prolog
  prepare pushargi text finishi @puts
  movi %v1 0
  movi %v2 1
  movi %v(3) 8
loop:
  ldxar_us %v0 %v1 %v(3)
  subi %v2 %v2 1
  bgti loop %v2 0
  prepare pushargr %v1 finishi @exit
  ret
  epilog
