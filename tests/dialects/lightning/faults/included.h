#define BAD addr %r0 %r1
movi %r0 1
