/* Every integer form of `pusharg` passes the whole value; `getarg` and `retval` extend. */
.data 64
word: .c "%lx\n"
.code
  jmpi main
show:
  prolog
  arg $x
  getarg %r0 $x
  prepare
    pushargi word
    ellipsis
    pushargr %r0
  finishi @printf
  ret
  epilog
#define SHOW(R) prepare pushargr R finishi show
same:
  prolog
  arg $x
  getarg %r0 $x
  retr %r0
  epilog
#define BACK(PUSH, VALUE, GET) prepare PUSH VALUE finishi same GET %v1 SHOW(%v1)
#define BOTH(T) movi %v0 0x123456789abcdef0 BACK(pushargr##T, %v0, retval) BACK(pushargi##T, 0x123456789abcdef0, retval##T)
#define RETURNS(NAME, T) NAME: prolog arg $y getarg %r1 $y beqi NAME##_imm %r1 0 retr##T %r1 NAME##_imm: reti##T 0x123456789abcdef0 epilog
RETURNS(ret_c, _c) RETURNS(ret_uc, _uc) RETURNS(ret_s, _s) RETURNS(ret_us, _us)
RETURNS(ret_i, _i) RETURNS(ret_ui, _ui) RETURNS(ret_l, _l) RETURNS(ret_w, )
#define ASK(NAME, T) prepare pushargi 0 finishi NAME retval##T %v1 SHOW(%v1) prepare pushargi 0x1ff finishi NAME retval##T %v1 SHOW(%v1)
main:
  prolog
  BOTH(_c) BOTH(_uc) BOTH(_s) BOTH(_us) BOTH(_i) BOTH(_ui) BOTH(_l) BOTH()
  ASK(ret_c, _c) ASK(ret_uc, _uc) ASK(ret_s, _s) ASK(ret_us, _us) ASK(ret_i, _i) ASK(ret_ui, _ui) ASK(ret_l, _l) ASK(ret_w, )
  /* The returned word is not cut by the callee. */
  prepare pushargi 0x1ff finishi ret_c retval %v1 SHOW(%v1)
  prepare pushargi 0x1ff finishi ret_c retval_c %v1 SHOW(%v1)
  ret
  epilog
