.code
  prolog
  arg $a
  va_start %v0
  ellipsis
  arg $b
  ret
  epilog
