//! Conversions between floats and integers, and between widths of floats.

use super::{Pending, wide};
use crate::emit::{Emit, Placement};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::encode::{Amode, Rm};
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::trap::TrapKind;
use kiln_ir::{InstData, Type, VReg};

/// The bits of powers of two and the like as `f64` and `f32`.
fn float_bits(double: bool, value: f64) -> u64 {
    if double { value.to_bits() } else { (value as f32).to_bits() as u64 }
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

impl<P: Placement> Emit<'_, X64, P> {
    pub fn bitcast(&mut self, inst: &InstData) {
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), Reg::NONE);
        let w = wide(inst.ty);
        match (inst.ty.is_float(), ra.is_vector()) {
            (true, false) => self.asm.op(MOVD_X_RM, w, d, ra),
            (false, true) => self.asm.op(MOVD_RM_X, w, ra, d),
            _ => self.asm.mov(true, d, ra),
        }
    }

    pub fn signed_to_float(&mut self, inst: &InstData) {
        let w = wide(self.f.ty(VReg(inst.a)));
        let mem = self.folded_mem(VReg(inst.a));
        let from = match mem {
            Some(mem) => Rm::Mem(mem),
            None => Rm::Reg(self.read(VReg(inst.a))),
        };
        let d = self.write(VReg(inst.dst), Reg::NONE);
        // Without this the conversion would wait for whatever wrote the register's upper part.
        self.asm.op(XORPS, false, d, d);
        self.asm.int_to_float(inst.ty == Type::F64, w, d, from);
        self.settle();
    }

    pub fn unsigned_to_float(&mut self, inst: &InstData) {
        let w = wide(self.f.ty(VReg(inst.a)));
        let double = inst.ty == Type::F64;
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), Reg::NONE);
        self.asm.op(XORPS, false, d, d);
        if !w {
            self.asm.op(MOV_R_RM, false, SCRATCH, ra);
            self.asm.int_to_float(double, true, d, SCRATCH);
            return;
        }
        let low = self.temp(false);
        self.asm.op(TEST_RM_R, true, ra, ra);
        let big = self.asm.skip_if(Cc::L);
        self.asm.int_to_float(double, true, d, ra);
        let done = self.asm.skip();
        self.asm.land(big);
        // Halved with the lost bit kept, so that rounding sees it; then doubled.
        self.asm.mov(true, SCRATCH, ra);
        self.asm.mov(true, low, ra);
        self.asm.shift_imm(Shift::Shr, true, SCRATCH, 1);
        self.asm.alu_imm(Alu::And, false, low, 1);
        self.asm.alu(Alu::Or, true, SCRATCH, low);
        self.asm.int_to_float(double, true, d, SCRATCH);
        self.asm.sse(Sse::Add, double, d, d);
        self.asm.land(done);
    }

    fn source_is_double(&self, inst: &InstData) -> bool {
        self.f.ty(VReg(inst.a)) == Type::F64
    }

    pub fn float_to_signed_x86(&mut self, inst: &InstData) {
        let double = self.source_is_double(inst);
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), Reg::NONE);
        self.asm.float_to_int(double, wide(inst.ty), d, ra);
    }

    /// A float constant in the scratch register.
    fn float_scratch(&mut self, double: bool, value: f64) {
        let bits = float_bits(double, value);
        if bits == 0 {
            self.asm.op(XORPS, false, FSCRATCH, FSCRATCH);
            return;
        }
        self.pending = Pending::Constant(bits);
        self.asm.op(if double { MOVSD_X_XM } else { MOVSS_X_XM }, false, FSCRATCH, Amode::RIP);
        self.settle();
    }

    pub fn float_to_signed(&mut self, inst: &InstData) {
        let double = self.source_is_double(inst);
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), Reg::NONE);
        self.asm.float_to_int(double, true, SCRATCH, ra);
        if wide(inst.ty) {
            // Only the least integer, which also stands for "none", overflows when 1 is subtracted.
            self.asm.alu_imm(Alu::Cmp, true, SCRATCH, 1);
            let ok = self.asm.skip_if(Cc::No);
            self.float_scratch(double, -TWO_63);
            self.ucomis(double, ra, FSCRATCH);
            let nan = self.asm.skip_if(Cc::P);
            let exact = self.asm.skip_if(Cc::E);
            self.asm.land(nan);
            self.trap(TrapKind::InvalidConversion);
            self.asm.land(exact);
            self.asm.land(ok);
            self.asm.mov(true, d, SCRATCH);
        } else {
            self.asm.op(MOVSXD_R_RM32, true, d, SCRATCH);
            self.asm.alu(Alu::Cmp, true, d, SCRATCH);
            let ok = self.asm.skip_if(Cc::E);
            self.trap(TrapKind::InvalidConversion);
            self.asm.land(ok);
        }
    }

    pub fn float_to_unsigned(&mut self, inst: &InstData) {
        let double = self.source_is_double(inst);
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), Reg::NONE);
        if !wide(inst.ty) {
            self.asm.float_to_int(double, true, SCRATCH, ra);
            self.asm.op(MOV_R_RM, false, d, SCRATCH);
            self.asm.alu(Alu::Cmp, true, d, SCRATCH);
            let ok = self.asm.skip_if(Cc::E);
            self.trap(TrapKind::InvalidConversion);
            self.asm.land(ok);
            return;
        }
        // Taken before any branch: making room may store a value, which must happen on every path.
        let t = self.temp(true);
        self.float_scratch(double, TWO_63);
        self.ucomis(double, ra, FSCRATCH);
        let big = self.asm.skip_if(Cc::Ae);
        // Unordered counts as below; the conversion then gives the least integer.
        self.asm.float_to_int(double, true, d, ra);
        self.asm.op(TEST_RM_R, true, d, d);
        let ok = self.asm.skip_if(Cc::Ge);
        let bad = self.asm.buf.offset();
        self.trap(TrapKind::InvalidConversion);
        self.asm.land(big);
        self.asm.mov(true, t, ra);
        self.asm.sse(Sse::Sub, double, t, FSCRATCH);
        self.asm.float_to_int(double, true, d, t);
        self.asm.op(TEST_RM_R, true, d, d);
        let back = bad.wrapping_sub(self.asm.buf.offset() + 2);
        self.asm.buf.put(0x70 | Cc::L as u64 | (back as u8 as u64) << 8, 2);
        self.flip_top_bit(d);
        self.asm.land(ok);
    }

    /// btc reg, 63
    fn flip_top_bit(&mut self, reg: Reg) {
        self.asm.rr(BIT_IMM, true, 7, reg);
        self.asm.buf.put(63, 1);
    }

    pub fn float_to_signed_saturating(&mut self, inst: &InstData) {
        let mut double = self.source_is_double(inst);
        let mut ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), Reg::NONE);
        if !wide(inst.ty) {
            let t = self.temp(true);
            if double {
                self.asm.mov(true, t, ra);
            } else {
                self.asm.op(CVTSS2SD, false, t, ra);
            }
            (double, ra) = (true, t);
            // Clamped first; a NaN stays one: min and max give their second operand then.
            for (op, bound) in [(Sse::Min, i32::MAX as f64), (Sse::Max, i32::MIN as f64)] {
                self.float_scratch(true, bound);
                self.asm.sse(op, true, FSCRATCH, t);
                self.asm.mov(true, t, FSCRATCH);
            }
            self.asm.float_to_int(double, false, SCRATCH, ra);
        } else {
            self.asm.float_to_int(double, true, SCRATCH, ra);
            self.asm.alu_imm(Alu::Cmp, true, SCRATCH, 1);
            let fits = self.asm.skip_if(Cc::No);
            self.float_scratch(double, 0.0);
            self.ucomis(double, ra, FSCRATCH);
            let low = self.asm.skip_if(Cc::Be);
            self.asm.mov_imm(SCRATCH, i64::MAX as u64);
            self.asm.land(low);
            self.asm.land(fits);
        }
        self.ucomis(double, ra, ra);
        let number = self.asm.skip_if(Cc::Np);
        self.asm.mov_imm(SCRATCH, 0);
        self.asm.land(number);
        self.asm.mov(wide(inst.ty), d, SCRATCH);
    }

    pub fn float_to_unsigned_saturating(&mut self, inst: &InstData) {
        let mut double = self.source_is_double(inst);
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), Reg::NONE);
        let t = self.temp(true);
        if !wide(inst.ty) && !double {
            self.asm.op(CVTSS2SD, false, t, ra);
            double = true;
        } else {
            self.asm.mov(true, t, ra);
        }
        // max(t, 0) gives its second operand for a NaN.
        self.float_scratch(double, 0.0);
        self.asm.sse(Sse::Max, double, t, FSCRATCH);
        if !wide(inst.ty) {
            self.float_scratch(true, u32::MAX as f64);
            self.asm.sse(Sse::Min, true, t, FSCRATCH);
            self.asm.float_to_int(true, true, d, t);
            return;
        }
        self.float_scratch(double, TWO_63);
        self.ucomis(double, t, FSCRATCH);
        let big = self.asm.skip_if(Cc::Ae);
        self.asm.float_to_int(double, true, d, t);
        let done = self.asm.skip();
        self.asm.land(big);
        self.asm.sse(Sse::Sub, double, t, FSCRATCH);
        self.asm.float_to_int(double, true, d, t);
        self.asm.op(TEST_RM_R, true, d, d);
        let fits = self.asm.skip_if(Cc::Ge);
        self.asm.mov_imm(d, u64::MAX);
        let full = self.asm.skip();
        self.asm.land(fits);
        self.flip_top_bit(d);
        self.asm.land(full);
        self.asm.land(done);
    }
}
