.data 16
.c "no code"
