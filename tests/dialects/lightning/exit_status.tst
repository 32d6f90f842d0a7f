// status: 5
/* `exit` gives the status; output is written. */
.data 16
text: .c "bye"
.code
  prolog
  prepare pushargi text finishi @puts
  prepare pushargi 5 finishi @exit
  epilog
