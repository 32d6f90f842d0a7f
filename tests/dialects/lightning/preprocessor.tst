/* What programs do with the preprocessor: pastes, stringizing, nested expansion, conditions, the defined names. */
#if __WORDSIZE == 64 && __BYTE_ORDER == __LITTLE_ENDIAN && defined(__x86_64__) && !UNDEFINED
# define WORD(N) .c #N
#else
# error "not this machine"
#endif
#define EMPTY
#define LABEL_(NAME, LINE) NAME##LINE:
#define LABEL(NAME, LINE) LABEL_(NAME, LINE)
#define JUMP_(NAME, LINE) jmpi NAME##LINE
#define REG(N) %v##N
#define TWICE(X) X X
#define ARGS(T, N) pushargi##T N
.data 64
text: WORD(stringized)
fmt: .c "%s %d\n"
.code
  jmpi main
#define DEFINE(NAME, BODY)	\
NAME:				\
	prolog			\
	BODY			\
	ret			\
	epilog
DEFINE(say, prepare pushargi fmt ellipsis pushargi text ARGS(, 5) finishi @printf)
DEFINE(nothing, )
main:
  prolog
  // a comment of C++, and one more
  TWICE(calli say;)
  movi REG(0) 3 /* in the middle */ addi REG(0) REG(0) 4
  beqi good REG(0) 7
  calli @abort
good:
#ifdef NDEBUG
  calli @abort
#endif
#undef EMPTY
#ifndef EMPTY
  calli nothing
#endif
  JUMP_(skip, 1)
  calli @abort
  LABEL(skip, 1)
  calli say
  ret
  epilog
