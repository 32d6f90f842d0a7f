//! Integer arithmetic.

use super::{Src, wide};
use crate::code::FaultCause;
use crate::emit::{Emit, Placement};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::encode::{Amode, Base, fits8};
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::{InstData, VReg};

impl<P: Placement> Emit<'_, X64, P> {
    /// The second operand as the record has it.
    #[inline]
    pub fn src_b(&self, inst: &InstData) -> Src {
        if inst.has_imm() { Src::Imm(inst.b as i32) } else { Src::Val(VReg(inst.b)) }
    }

    /// A constant register as the constant that it is; its read is taken note of.
    #[inline]
    pub fn fold(&mut self, src: Src) -> Src {
        if let Src::Val(v) = src
            && let Some(value) = self.imm(v)
        {
            self.consume(v);
            return Src::Imm(value);
        }
        src
    }

    /// The operands of an op that commutes, exchanged if the first is a constant.
    #[inline]
    fn constant_second(&mut self, a: VReg, b: Src) -> (VReg, Src) {
        if let Src::Val(other) = b
            && let Some(value) = self.imm(a)
        {
            self.consume(a);
            return (other, Src::Imm(value));
        }
        (a, b)
    }

    #[inline]
    pub fn binary(&mut self, inst: &InstData, alu: Alu, commutes: bool) {
        if self.binary_folded(inst, alu, commutes) {
            return;
        }
        self.alu_op(alu, commutes, wide(inst.ty), VReg(inst.dst), VReg(inst.a), self.src_b(inst));
    }

    /// dst = a op b.
    pub fn alu_op(&mut self, alu: Alu, commutes: bool, w: bool, dst: VReg, mut a: VReg, b: Src) {
        let mut b = self.fold(b);
        if commutes {
            (a, b) = self.constant_second(a, b);
        }
        match b {
            Src::Imm(imm) => {
                let ra = self.read(a);
                let d = self.write(dst, ra);
                // A mask without high bits clears the upper half.
                let w = w && !(alu == Alu::And && imm >= 0);
                match (alu, imm) {
                    (Alu::And, 0xff) => return self.asm.op8(MOVZX_R_RM8, false, d, ra, false),
                    (Alu::And, 0xffff) => return self.asm.op(MOVZX_R_RM16, false, d, ra),
                    _ => {}
                }
                if d == ra {
                    self.asm.alu_imm(alu, w, d, imm);
                    self.asm.flags_are_of(w, d);
                } else if let (Alu::Add, _) | (Alu::Sub, -0x7fff_ffff..) = (alu, imm) {
                    let disp = if alu == Alu::Add { imm } else { -imm };
                    self.asm.op(LEA, w, d, Amode::base(ra, disp));
                } else {
                    self.asm.mov(w, d, ra);
                    self.asm.alu_imm(alu, w, d, imm);
                    self.asm.flags_are_of(w, d);
                }
            }
            Src::Val(b) => {
                let swap = commutes && !self.dies(a) && self.dies(b);
                let (mut ra, mut rb) = (self.read(a), self.read(b));
                if swap {
                    (ra, rb) = (rb, ra);
                }
                if !commutes {
                    self.keep_apart(rb);
                }
                let d = self.write(dst, ra);
                if d == ra {
                    self.asm.alu(alu, w, d, rb);
                } else if d == rb && commutes {
                    self.asm.alu(alu, w, d, ra);
                } else if alu == Alu::Add {
                    let sum = Amode { base: Base::Reg(ra), index: rb, shift: 0, disp: 0 };
                    self.asm.op(LEA, w, d, sum);
                    return;
                } else if d == rb {
                    // a - b = -b + a
                    self.asm.group(GROUP3, w, 3, d);
                    self.asm.alu(Alu::Add, w, d, ra);
                } else {
                    self.asm.mov(w, d, ra);
                    self.asm.alu(alu, w, d, rb);
                }
                self.asm.flags_are_of(w, d);
            }
            Src::Mem(mem) => {
                let ra = self.read_beside(a);
                let d = self.write(dst, ra);
                if d == ra || !uses(mem, d) {
                    self.asm.mov(w, d, ra);
                    self.asm.alu(alu, w, d, mem);
                    self.settle();
                } else {
                    self.asm.mov(w, SCRATCH, ra);
                    self.asm.alu(alu, w, SCRATCH, mem);
                    self.settle();
                    self.asm.mov(w, d, SCRATCH);
                }
            }
        }
    }

    pub fn mul(&mut self, inst: &InstData) {
        if let Some((a, mem)) = self.folded_second(inst, true) {
            self.mul_op(wide(inst.ty), VReg(inst.dst), a, Src::Mem(mem));
            return;
        }
        self.mul_op(wide(inst.ty), VReg(inst.dst), VReg(inst.a), self.src_b(inst));
    }

    /// dst = a * b.
    pub fn mul_op(&mut self, w: bool, dst: VReg, a: VReg, b: Src) {
        let b = self.fold(b);
        let (a, b) = self.constant_second(a, b);
        match b {
            Src::Imm(imm) => {
                let ra = self.read(a);
                let d = self.write(dst, ra);
                self.mul_imm(w, d, ra, imm);
            }
            Src::Val(b) => {
                let swap = !self.dies(a) && self.dies(b);
                let (mut ra, mut rb) = (self.read(a), self.read(b));
                if swap {
                    (ra, rb) = (rb, ra);
                }
                let d = self.write(dst, ra);
                if d == rb {
                    std::mem::swap(&mut ra, &mut rb);
                }
                self.asm.mov(w, d, ra);
                self.asm.op(IMUL_R_RM, w, d, rb);
            }
            Src::Mem(mem) => {
                let ra = self.read_beside(a);
                let d = self.write(dst, ra);
                let t = if d == ra || !uses(mem, d) { d } else { SCRATCH };
                self.asm.mov(w, t, ra);
                self.asm.op(IMUL_R_RM, w, t, mem);
                self.settle();
                self.asm.mov(w, d, t);
            }
        }
    }

    fn mul_imm(&mut self, w: bool, d: Reg, a: Reg, imm: i32) {
        match imm {
            3 | 5 | 9 => {
                let shift = (imm - 1).trailing_zeros() as u8;
                self.asm.op(LEA, w, d, Amode { base: Base::Reg(a), index: a, shift, disp: 0 });
            }
            i if i > 9 && is_short_product(i) => {
                let count = i.trailing_zeros() as u8;
                let shift = ((i >> count) - 1).trailing_zeros() as u8;
                self.asm.op(LEA, w, d, Amode { base: Base::Reg(a), index: a, shift, disp: 0 });
                self.asm.shift_imm(Shift::Shl, w, d, count);
            }
            i if i > 0 && (i as u32).is_power_of_two() => {
                self.asm.mov(w, d, a);
                let count = i.trailing_zeros() as u8;
                if count != 0 {
                    self.asm.shift_imm(Shift::Shl, w, d, count);
                }
            }
            i if fits8(i) => {
                self.asm.op(IMUL_R_RM_IMM8, w, d, a);
                self.asm.buf.put(i as u64, 1);
            }
            i => {
                self.asm.op(IMUL_R_RM_IMM, w, d, a);
                self.asm.buf.put(i as u32 as u64, 4);
            }
        }
    }

    pub fn shift(&mut self, inst: &InstData, shift: Shift) {
        let w = wide(inst.ty);
        match self.fold(self.src_b(inst)) {
            Src::Imm(count) => {
                let count = count as u8 & if w { 63 } else { 31 };
                let ra = self.read(VReg(inst.a));
                let d = self.write(VReg(inst.dst), ra);
                if shift == Shift::Shl && d != ra && (1..4).contains(&count) {
                    // Without a base the displacement takes four bytes.
                    let (base, shift) = if count == 1 { (Base::Reg(ra), 0) } else { (Base::None, count) };
                    self.asm.op(LEA, w, d, Amode { base, index: ra, shift, disp: 0 });
                    return;
                }
                if let (Shift::Rol | Shift::Ror, true) = (shift, d != ra && count != 0)
                    && self.options.features.bmi2
                {
                    let width = if w { 64 } else { 32 };
                    let right = if shift == Shift::Ror { count } else { width - count };
                    self.asm.rorx(w, d, ra, right);
                    return;
                }
                self.asm.mov(w, d, ra);
                if count != 0 {
                    self.asm.shift_imm(shift, w, d, count);
                }
            }
            Src::Val(count) => {
                let anywhere = match shift {
                    Shift::Shl => Some(SHLX),
                    Shift::Shr => Some(SHRX),
                    Shift::Sar => Some(SARX),
                    Shift::Rol | Shift::Ror => None,
                };
                if let (Some(op), true) = (anywhere, self.options.features.bmi2) {
                    let (ra, rb) = (self.read(VReg(inst.a)), self.read(count));
                    let d = self.write(VReg(inst.dst), ra);
                    self.asm.vex(op, w, d.number(), rb, ra);
                    return;
                }
                let mut ra = self.read(VReg(inst.a));
                let rb = self.read(count);
                self.take(RCX);
                let d = self.write(VReg(inst.dst), if ra == RCX { Reg::NONE } else { ra });
                if ra == RCX && rb != RCX {
                    self.asm.mov(w, SCRATCH, RCX);
                    ra = SCRATCH;
                }
                // A result that shares the count's register is written only after the count was moved.
                self.asm.mov(false, RCX, rb);
                self.asm.mov(w, d, ra);
                self.asm.rr(SHIFT_CL, w, shift as u32, d);
            }
            Src::Mem(_) => unreachable!("shift counts are not read from memory"),
        }
    }

    pub fn divide(&mut self, inst: &InstData, signed: bool, remainder: bool) {
        let w = wide(inst.ty);
        let b = self.fold(self.src_b(inst));
        if let Src::Imm(imm) = b
            && self.divide_by_constant(inst, signed, remainder, imm)
        {
            return;
        }
        let ra = self.read(VReg(inst.a));
        let mut rb = SCRATCH;
        match b {
            Src::Imm(imm) => self.asm.mov_imm(SCRATCH, if w { imm as i64 as u64 } else { imm as u32 as u64 }),
            Src::Val(v) => {
                rb = self.read(v);
                if rb == RAX || rb == RDX {
                    self.asm.mov(w, SCRATCH, rb);
                    rb = SCRATCH;
                }
            }
            Src::Mem(_) => unreachable!("divisors are not read from memory"),
        }
        self.discard(VReg(inst.dst));
        self.take(RDX);
        self.take(RAX);
        let result = if remainder { RDX } else { RAX };
        let d = self.write(VReg(inst.dst), result);
        self.asm.mov(w, RAX, ra);
        // The remainder by -1 is 0, but the processor faults for the least integer: not asked.
        let by_minus_one = if signed && remainder && !matches!(b, Src::Imm(_)) {
            self.asm.mov_imm(RDX, 0);
            self.asm.alu_imm(Alu::Cmp, w, rb, -1);
            Some(self.asm.skip_if(Cc::E))
        } else {
            None
        };
        if signed {
            // cdq, cqo
            if w { self.asm.raw(&[0x48, 0x99]) } else { self.asm.raw(&[0x99]) }
        } else {
            self.asm.alu(Alu::Xor, false, RDX, RDX);
        }
        self.trap_site(FaultCause::Division { divisor: dwarf(rb), wide: w });
        self.asm.group(GROUP3, w, if signed { 7 } else { 6 }, rb);
        if let Some(skip) = by_minus_one {
            self.asm.land(skip);
        }
        self.asm.mov(w, d, result);
    }

    /// Divisions by constants that need no division; false if this is none.
    fn divide_by_constant(&mut self, inst: &InstData, signed: bool, remainder: bool, imm: i32) -> bool {
        let w = wide(inst.ty);
        if signed && remainder && imm == -1 {
            // 0 for every dividend, also for the least integer, for which the processor faults.
            self.read(VReg(inst.a));
            let d = self.write(VReg(inst.dst), Reg::NONE);
            self.asm.mov_imm(d, 0);
            return true;
        }
        // As unsigned, a negative constant is a large one.
        if imm <= 0 || !(imm as u32).is_power_of_two() {
            return false;
        }
        let k = imm.trailing_zeros() as u8;
        let bits = if w { 64 } else { 32 };
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), if signed { Reg::NONE } else { ra });
        match (signed, remainder) {
            (false, false) => {
                self.asm.mov(w, d, ra);
                if k != 0 {
                    self.asm.shift_imm(Shift::Shr, w, d, k);
                }
            }
            (false, true) => {
                self.asm.mov(w, d, ra);
                self.asm.alu_imm(Alu::And, w, d, imm - 1);
            }
            (true, _) if k == 0 => {
                if remainder {
                    self.asm.mov_imm(d, 0);
                } else {
                    self.asm.mov(w, d, ra);
                }
            }
            (true, _) => {
                // r11 = a < 0 ? 2^k - 1 : 0; the quotient is (a + r11) >> k.
                self.asm.mov(w, SCRATCH, ra);
                if k > 1 {
                    self.asm.shift_imm(Shift::Sar, w, SCRATCH, bits - 1);
                }
                self.asm.shift_imm(Shift::Shr, w, SCRATCH, bits - k);
                if remainder {
                    // a - ((a + r11) & -2^k)
                    self.asm.alu(Alu::Add, w, SCRATCH, ra);
                    self.asm.alu_imm(Alu::And, w, SCRATCH, -imm);
                    self.asm.mov(w, d, ra);
                    self.asm.alu(Alu::Sub, w, d, SCRATCH);
                } else {
                    self.asm.alu(Alu::Add, w, SCRATCH, ra);
                    self.asm.mov(w, d, SCRATCH);
                    self.asm.shift_imm(Shift::Sar, w, d, k);
                }
            }
        }
        true
    }

    /// dst = a, replaced by b where the condition holds between them.
    pub fn min_max(&mut self, inst: &InstData, replace: Cc) {
        let w = wide(inst.ty);
        let (mut ra, b) = (self.read(VReg(inst.a)), self.src_b(inst));
        let mut rb = self.operand(b, w);
        let d = self.write(VReg(inst.dst), ra);
        if d == rb {
            std::mem::swap(&mut ra, &mut rb);
        }
        self.asm.alu(Alu::Cmp, w, ra, rb);
        self.asm.mov(w, d, ra);
        self.asm.cmovcc(replace, w, d, rb);
    }

    /// A second operand in a register: constants in the scratch register.
    pub fn operand(&mut self, b: Src, w: bool) -> Reg {
        match self.fold(b) {
            Src::Imm(imm) => {
                self.asm.mov_imm(SCRATCH, if w { imm as i64 as u64 } else { imm as u32 as u64 });
                SCRATCH
            }
            Src::Val(v) => self.read(v),
            Src::Mem(_) => unreachable!("operands that must be in registers are not fused"),
        }
    }

    /// neg (/3), not (/2).
    pub fn group3(&mut self, inst: &InstData, n: u8) {
        let w = wide(inst.ty);
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.asm.mov(w, d, ra);
        self.asm.group(GROUP3, w, n, d);
    }

    /// op d, a.
    pub fn unary_rm(&mut self, inst: &InstData, op: Opcode, w: bool) {
        if let Some(mem) = self.folded_mem(VReg(inst.a)) {
            let d = self.write(VReg(inst.dst), Reg::NONE);
            self.asm.op(op, w, d, mem);
            self.settle();
            return;
        }
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.asm.op(op, w, d, ra);
    }

    pub fn zext(&mut self, inst: &InstData) {
        if !P::is_copy(self, self.at) {
            return self.unary_rm(inst, MOV_R_RM, false);
        }
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.asm.mov(false, d, ra);
    }

    pub fn trunc(&mut self, inst: &InstData) {
        if self.folded(VReg(inst.a)).is_some() {
            return self.unary_rm(inst, MOV_R_RM, false);
        }
        // What is above the low half nobody looks at.
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.asm.mov(false, d, ra);
    }

    pub fn extend8(&mut self, inst: &InstData, op: Opcode, w: bool) {
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.asm.op8(op, w, d, ra, false);
    }

    pub fn abs(&mut self, inst: &InstData) {
        let w = wide(inst.ty);
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.asm.mov(w, SCRATCH, ra);
        self.asm.shift_imm(Shift::Sar, w, SCRATCH, if w { 63 } else { 31 });
        self.asm.mov(w, d, ra);
        self.asm.alu(Alu::Xor, w, d, SCRATCH);
        self.asm.alu(Alu::Sub, w, d, SCRATCH);
    }

    pub fn popcnt(&mut self, inst: &InstData) {
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.count_bits(POPCNT, wide(inst.ty), d, ra);
    }

    fn count_bits(&mut self, op: Opcode, w: bool, d: Reg, a: Reg) {
        if d != a {
            // Many processors make these wait for what was in the register before.
            self.asm.alu(Alu::Xor, false, d, d);
        }
        self.asm.op(op, w, d, a);
    }

    pub fn clz(&mut self, inst: &InstData) {
        let w = wide(inst.ty);
        let bits = if w { 64 } else { 32 };
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        if self.options.features.lzcnt {
            self.count_bits(LZCNT, w, d, ra);
            return;
        }
        self.asm.op(BSR, w, SCRATCH, ra);
        self.asm.mov_imm(d, 2 * bits - 1);
        self.asm.cmovcc(Cc::Ne, w, d, SCRATCH);
        self.asm.alu_imm(Alu::Xor, w, d, bits as i32 - 1);
    }

    pub fn ctz(&mut self, inst: &InstData) {
        let w = wide(inst.ty);
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        if self.options.features.bmi1 {
            self.count_bits(TZCNT, w, d, ra);
            return;
        }
        self.asm.op(BSF, w, SCRATCH, ra);
        self.asm.mov_imm(d, if w { 64 } else { 32 });
        self.asm.cmovcc(Cc::Ne, w, d, SCRATCH);
    }

    pub fn bswap(&mut self, inst: &InstData) {
        let w = wide(inst.ty);
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.asm.mov(w, d, ra);
        self.bswap_in_place(w, d);
    }

    fn bswap_in_place(&mut self, w: bool, d: Reg) {
        let rex = 0x40 | (w as u64) << 3 | (d.number() as u64) >> 3;
        self.asm.buf.put(rex | 0x0f << 8 | (0xc8 | d.number() as u64 & 7) << 16, 3);
    }

    pub fn bitrev(&mut self, inst: &InstData) {
        let w = wide(inst.ty);
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        let mask = self.temp(false);
        self.asm.mov(w, d, ra);
        self.bswap_in_place(w, d);
        for (bits, count) in
            [(0x0f0f_0f0f_0f0f_0f0fu64, 4), (0x3333_3333_3333_3333, 2), (0x5555_5555_5555_5555, 1)]
        {
            self.asm.mov_imm(mask, if w { bits } else { bits & 0xffff_ffff });
            self.asm.mov(w, SCRATCH, d);
            self.asm.shift_imm(Shift::Shr, w, SCRATCH, count);
            self.asm.alu(Alu::And, w, SCRATCH, mask);
            self.asm.alu(Alu::And, w, d, mask);
            self.asm.shift_imm(Shift::Shl, w, d, count);
            self.asm.alu(Alu::Or, w, d, SCRATCH);
        }
    }

    pub fn extract(&mut self, inst: &InstData, signed: bool) {
        let w = wide(inst.ty);
        let (bit, width) = (inst.b as u8, (inst.b >> 8) as u8);
        let bits = if w { 64 } else { 32 };
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.asm.mov(w, d, ra);
        if !signed && width < 32 {
            if bit != 0 {
                self.asm.shift_imm(Shift::Shr, w, d, bit);
            }
            self.asm.alu_imm(Alu::And, false, d, ((1u32 << width) - 1) as i32);
            return;
        }
        let up = bits - bit - width;
        if up != 0 {
            self.asm.shift_imm(Shift::Shl, w, d, up);
        }
        if width != bits {
            self.asm.shift_imm(if signed { Shift::Sar } else { Shift::Shr }, w, d, bits - width);
        }
    }

    pub fn insert(&mut self, inst: &InstData) {
        let w = wide(inst.ty);
        let tail = self.f.tail(inst);
        let (field, bit, width) = (VReg(tail[0]), tail[1] as u8, (tail[1] >> 8) as u8);
        let bits: u8 = if w { 64 } else { 32 };
        let (ra, rf) = (self.read(VReg(inst.a)), self.read(field));
        let d = self.write(VReg(inst.dst), ra);
        let mask = self.temp(false);
        self.asm.mov(w, SCRATCH, rf);
        if width != bits {
            self.asm.shift_imm(Shift::Shl, w, SCRATCH, bits - width);
        }
        let down = bits - width - bit;
        if down != 0 {
            self.asm.shift_imm(Shift::Shr, w, SCRATCH, down);
        }
        let ones = if width == 64 { u64::MAX } else { ((1u64 << width) - 1) << bit };
        self.asm.mov(w, d, ra);
        self.asm.mov_imm(mask, if w { !ones } else { !ones & 0xffff_ffff });
        self.asm.alu(Alu::And, w, d, mask);
        self.asm.alu(Alu::Or, w, d, SCRATCH);
    }
}

/// Whether a constant is 3, 5 or 9 times a power of two.
const fn is_short_product(imm: i32) -> bool {
    matches!(imm >> imm.trailing_zeros(), 3 | 5 | 9)
}

/// Whether a memory operand reads a register.
pub fn uses(mem: Amode, reg: Reg) -> bool {
    mem.index == reg || mem.base == Base::Reg(reg)
}
