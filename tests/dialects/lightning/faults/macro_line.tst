#define FIVE(X) movi %r0 1 movi %r1 2 movi %r2 3 movi %v0 4 X movi %v1 5 movi %v2 6 movi %r0 7 movi %r1 8
.code
  prolog
  FIVE(mov %r0 %r1)
  ret
  epilog
