.data 8
.code
