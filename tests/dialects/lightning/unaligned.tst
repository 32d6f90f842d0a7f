/* Loads and stores of 1 to 8 bytes. */
.data 128
cell: .size 24
from: .c 0xf1 0xe2 0xd3 0xc4 0xb5 0xa6 0x97 0x88
word: .c "%lx\n"
.code
  jmpi main
show:
  prolog
  arg $x
  getarg %r0 $x
  prepare
    pushargi word
    ellipsis
    pushargr %r0
  finishi @printf
  ret
  epilog
#define SHOW(R) prepare pushargr R finishi show
#define CLEAR movi %v(4) 0 sti cell %v(4) sti $(cell + 8) %v(4)
#define LOOK ldi %v0 cell SHOW(%v0) ldi %v0 $(cell + 8) SHOW(%v0)
#define ALL(N) \
  movi %v1 from unldr %v0 %v1 N SHOW(%v0) unldr_u %v0 %v1 N SHOW(%v0) \
  unldi %v0 from N SHOW(%v0) unldi_u %v0 from N SHOW(%v0) \
  movi %v1 $(cell + 3) movi %v2 0x8877665544332211 CLEAR unstr %v1 %v2 N LOOK CLEAR unsti $(cell + 1) %v2 N LOOK
main:
  prolog
  ALL(1) ALL(2) ALL(3) ALL(4) ALL(5) ALL(6) ALL(7) ALL(8)
  CLEAR
  movi %v1 $(cell + 1)
  movi_d %f0 1.5
  unstr_x %v1 %f0 8
  LOOK
  unldr_x %f1 %v1 8
  movr_d_w %v0 %f1 SHOW(%v0)
  CLEAR
  unsti_x $(cell + 5) %f0 8
  LOOK
  unldi_x %f1 $(cell + 5) 8
  movr_d_w %v0 %f1 SHOW(%v0)
  CLEAR
  movi_f %f0 1.5
  unstr_x %v1 %f0 4
  LOOK
  unldr_x %f1 %v1 4
  movr_f_w %v0 %f1 SHOW(%v0)
  CLEAR
  unsti_x $(cell + 6) %f0 4
  LOOK
  unldi_x %f1 $(cell + 6) 4
  movr_f_w %v0 %f1 SHOW(%v0)
  ret
  epilog
