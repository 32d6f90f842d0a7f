.data 8
.c "eleven bytes"
.c
.align 3
.align 1
.align 8192
.i 'a'
.s "text"
.c @puts
.f @puts
.q 1
.dota 1
.size 9
.size -1
