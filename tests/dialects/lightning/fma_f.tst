/* `fma fms fnma fnms`, fused, of the type `_f`. */
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
#define FFF(OP, A, B) movi_w_f %f1 A movi_w_f %f2 B OP %f0 %f1 %f2 movr_f_w %v0 %f0 SHOW(%v0)
#define FFI(OP, A, B) movi_w_f %f1 A OP %f0 %f1 B movr_f_w %v0 %f0 SHOW(%v0)
#define FLR(OP, A, B) movi_w_f %f1 A movi_w_f %f2 B OP %f2 %f1 %f2 movr_f_w %v0 %f2 SHOW(%v0)
#define FF(OP, A) movi_w_f %f1 A OP %f0 %f1 movr_f_w %v0 %f0 SHOW(%v0)
#define FI(OP, A) OP %f0 A movr_f_w %v0 %f0 SHOW(%v0)
#define F4(OP, A, B, C) movi_w_f %f1 A movi_w_f %f2 B movi_w_f %f3 C OP %f0 %f1 %f2 %f3 movr_f_w %v0 %f0 SHOW(%v0)
#define F4I(OP, A, B, C) movi_w_f %f1 A movi_w_f %f2 B OP %f0 %f1 %f2 C movr_f_w %v0 %f0 SHOW(%v0)
main:
  prolog
  F4(fmar_f, 0x40000000, 0x40400000, 0x3f800000)
  F4I(fmai_f, 0x40000000, 0x40400000, 1.0)
  F4(fmar_f, 0x501502f9, 0x2edbe6ff, 0xbf800000)
  F4I(fmai_f, 0x501502f9, 0x2edbe6ff, -1.0)
  F4(fmar_f, 0xbfa00000, 0x41000000, 0x3f000000)
  F4I(fmai_f, 0xbfa00000, 0x41000000, 0.5)
  F4(fmar_f, 0x40400000, 0x40400000, 0xc1180000)
  F4I(fmai_f, 0x40400000, 0x40400000, -9.5)
  F4(fmar_f, 0x3f800001, 0x3f800001, 0xbf800002)
  F4I(fmai_f, 0x3f800001, 0x3f800001, -1.000000238418579)
  F4(fmar_f, 0x3f800001, 0x3f7ffffe, 0xbf800000)
  F4I(fmai_f, 0x3f800001, 0x3f7ffffe, -1.0)
  F4(fmsr_f, 0x3fc00000, 0x40200000, 0xc0700000)
  F4I(fmsi_f, 0x3fc00000, 0x40200000, -3.75)
  F4(fmsr_f, 0x40000000, 0x40400000, 0x3f800000)
  F4I(fmsi_f, 0x40000000, 0x40400000, 1.0)
  F4(fmsr_f, 0x501502f9, 0x2edbe6ff, 0xbf800000)
  F4I(fmsi_f, 0x501502f9, 0x2edbe6ff, -1.0)
  F4(fmsr_f, 0xbfa00000, 0x41000000, 0x3f000000)
  F4I(fmsi_f, 0xbfa00000, 0x41000000, 0.5)
  F4(fmsr_f, 0x40400000, 0x40400000, 0xc1180000)
  F4I(fmsi_f, 0x40400000, 0x40400000, -9.5)
  F4(fmsr_f, 0x3f800001, 0x3f800001, 0xbf800002)
  F4I(fmsi_f, 0x3f800001, 0x3f800001, -1.000000238418579)
  F4(fmsr_f, 0x3f800001, 0x3f7ffffe, 0xbf800000)
  F4I(fmsi_f, 0x3f800001, 0x3f7ffffe, -1.0)
  F4(fnmar_f, 0x40000000, 0x40400000, 0x3f800000)
  F4I(fnmai_f, 0x40000000, 0x40400000, 1.0)
  F4(fnmar_f, 0x501502f9, 0x2edbe6ff, 0xbf800000)
  F4I(fnmai_f, 0x501502f9, 0x2edbe6ff, -1.0)
  F4(fnmar_f, 0xbfa00000, 0x41000000, 0x3f000000)
  F4I(fnmai_f, 0xbfa00000, 0x41000000, 0.5)
  F4(fnmar_f, 0x40400000, 0x40400000, 0xc1180000)
  F4I(fnmai_f, 0x40400000, 0x40400000, -9.5)
  F4(fnmar_f, 0x3f800001, 0x3f800001, 0xbf800002)
  F4I(fnmai_f, 0x3f800001, 0x3f800001, -1.000000238418579)
  F4(fnmar_f, 0x3f800001, 0x3f7ffffe, 0xbf800000)
  F4I(fnmai_f, 0x3f800001, 0x3f7ffffe, -1.0)
  F4(fnmsr_f, 0x3fc00000, 0x40200000, 0xc0700000)
  F4I(fnmsi_f, 0x3fc00000, 0x40200000, -3.75)
  F4(fnmsr_f, 0x40000000, 0x40400000, 0x3f800000)
  F4I(fnmsi_f, 0x40000000, 0x40400000, 1.0)
  F4(fnmsr_f, 0x501502f9, 0x2edbe6ff, 0xbf800000)
  F4I(fnmsi_f, 0x501502f9, 0x2edbe6ff, -1.0)
  F4(fnmsr_f, 0xbfa00000, 0x41000000, 0x3f000000)
  F4I(fnmsi_f, 0xbfa00000, 0x41000000, 0.5)
  F4(fnmsr_f, 0x40400000, 0x40400000, 0xc1180000)
  F4I(fnmsi_f, 0x40400000, 0x40400000, -9.5)
  F4(fnmsr_f, 0x3f800001, 0x3f800001, 0xbf800002)
  F4I(fnmsi_f, 0x3f800001, 0x3f800001, -1.000000238418579)
  F4(fnmsr_f, 0x3f800001, 0x3f7ffffe, 0xbf800000)
  F4I(fnmsi_f, 0x3f800001, 0x3f7ffffe, -1.0)
  ret
  epilog
