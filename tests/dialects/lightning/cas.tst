/* Compare and swap: 1 or 0, and memory changed or not. */
.data 64
.align 8
cell: .l 5
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
main:
  prolog
  movi %v1 cell
  movi %v2 5
  movi %v(3) 9
  casr %v0 %v1 %v2 %v(3)
  SHOW(%v0)
  ldi %v(4) cell SHOW(%v(4))
  casr %v0 %v1 %v2 %v(3)
  SHOW(%v0)
  ldi %v(4) cell SHOW(%v(4))
  casi %v0 cell %v(3) %v2
  SHOW(%v0)
  ldi %v(4) cell SHOW(%v(4))
  casi %v0 cell %v(3) %v2
  SHOW(%v0)
  ldi %v(4) cell SHOW(%v(4))
  SHOW(%v2)
  SHOW(%v(3))
  ret
  epilog
