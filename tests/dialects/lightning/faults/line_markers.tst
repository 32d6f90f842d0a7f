// preprocessed
# 40 "one.c"
.code
  prolog
  addd %r0 %r0 1
#line 7 "two \"quoted\".h"
  addd %r0 %r0 2
# 42 "one.c" 2 3
  addd %r0 %r0 3
# a comment
  addd %r0 %r0 4
a:
# 3 "two.h"
a:
  ret
  epilog
