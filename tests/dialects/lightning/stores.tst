/* Every store of integers, in every way of saying where; bytes beside what is stored keep their value. */
.data 128
.size 8
cell: .size 24
.align 8
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
#define CLEAR movi %v(4) -1 sti $(cell - 8) %v(4) sti cell %v(4) sti $(cell + 8) %v(4)
#define LOOK ldi %v0 $(cell - 8) SHOW(%v0) ldi %v0 cell SHOW(%v0) ldi %v0 $(cell + 8) SHOW(%v0)
#define ALL(T) \
  CLEAR movi %v1 cell movi %v2 0x123456789abcdef0 str##T %v1 %v2 LOOK \
  CLEAR sti##T cell %v2 LOOK \
  CLEAR movi %v(3) 3 stxr##T %v(3) %v1 %v2 LOOK \
  CLEAR stxi##T -2 %v1 %v2 LOOK \
  CLEAR stxbr##T %v(3) %v1 %v2 LOOK subi %v1 %v1 cell SHOW(%v1) movi %v1 cell \
  CLEAR stxbi##T 5 %v1 %v2 LOOK subi %v1 %v1 cell SHOW(%v1) movi %v1 cell \
  CLEAR stxar##T %v(3) %v1 %v2 LOOK subi %v1 %v1 cell SHOW(%v1) movi %v1 cell \
  CLEAR stxai##T -1 %v1 %v2 LOOK subi %v1 %v1 cell SHOW(%v1) movi %v1 cell
main:
  prolog
  ALL(_c) ALL(_s) ALL(_i) ALL(_l) ALL()
  ret
  epilog
