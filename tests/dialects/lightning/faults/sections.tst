early:
  addi %r0 %r0 1
.data 16
.data 16
.code
.code
.data 8
