#include "included.h"
.code
  prolog
  BAD
  ret
  epilog
