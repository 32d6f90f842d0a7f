// signal: 11
// error: wild_load.tst:7
/* Memory that is not there. */
.code
  prolog
  movi %v1 16
  ldr %v0 %v1 prepare pushargr %v0 finishi @exit
  ret
  epilog
