#define x -5
#define NEGATIVE(X) movi %r0 -X
.code
  prolog
  NEGATIVE(x)
  movi %r0 0-5
  movi %r0 -'a'
  movi %r0 -$y
  ret
  epilog
