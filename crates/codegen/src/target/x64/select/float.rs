//! Float arithmetic and compares, on SSE2 and SSE4.1.

use super::control::Flags;
use super::{Pending, Src};
use crate::code::Routine;
use crate::emit::Val;
use crate::emit::{Emit, Placement};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::encode::{Amode, Rm};
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::op::FCond;
use kiln_ir::{Block, InstData, Op, Type, VReg};

impl<P: Placement> Emit<'_, X64, P> {
    pub fn fbinary(&mut self, inst: &InstData, op: Sse, commutes: bool) {
        if let Some((a, mem)) = self.folded_second(inst, commutes) {
            self.fbinary_op(op, commutes, inst.ty, VReg(inst.dst), a, Src::Mem(mem));
            return;
        }
        self.fbinary_op(op, commutes, inst.ty, VReg(inst.dst), VReg(inst.a), Src::Val(VReg(inst.b)));
    }

    /// A float constant that is in no register, as the memory it stands in.
    pub fn float_constant(&mut self, v: VReg) -> Option<Amode> {
        let val = self.vals[v.index()];
        if val.flags & Val::REMAT == 0 || val.home != Reg::NONE || val.reg != Reg::NONE {
            return None;
        }
        let f = self.f;
        self.consume(v);
        self.pending = Pending::Constant(f.constant(&f.insts()[val.aux as usize]));
        Some(Amode::RIP)
    }

    /// In canonical mode, replaces whatever NaN an operation left in a register by the one that stands for all.
    pub fn canonical(&mut self, ty: Type, d: Reg) {
        if !self.options.canonical_nan {
            return;
        }
        let double = ty == Type::F64;
        self.ucomis(double, d, d);
        let number = self.asm.skip_if(Cc::Np);
        self.pending = Pending::Constant(if double { 0x7ff8_0000_0000_0000 } else { 0x7fc0_0000 });
        self.asm.op(if double { MOVSD_X_XM } else { MOVSS_X_XM }, false, d, Amode::RIP);
        self.settle();
        self.asm.land(number);
    }

    /// dst = a op b.
    pub fn fbinary_op(&mut self, op: Sse, commutes: bool, ty: Type, dst: VReg, a: VReg, b: Src) {
        let d = self.fbinary_into(op, commutes, ty, dst, a, b);
        self.canonical(ty, d);
    }

    /// The same as it comes; gives the register that it is in.
    fn fbinary_into(&mut self, op: Sse, commutes: bool, ty: Type, dst: VReg, mut a: VReg, mut b: Src) -> Reg {
        let double = ty == Type::F64;
        if let Src::Val(vb) = b
            && commutes
            && vb != a
            && self.vals[a.index()].flags & Val::REMAT != 0
        {
            (a, b) = (vb, Src::Val(a));
        }
        match b {
            Src::Val(vb) => {
                let swap = commutes && !self.dies(a) && self.dies(vb);
                let mut ra = self.read(a);
                if let Some(mem) = self.float_constant(vb) {
                    let d = self.write(dst, ra);
                    self.asm.mov(true, d, ra);
                    self.asm.sse(op, double, d, mem);
                    self.settle();
                    return d;
                }
                let mut rb = self.read(vb);
                if swap {
                    (ra, rb) = (rb, ra);
                }
                if !commutes {
                    self.keep_apart(rb);
                }
                let d = self.write(dst, ra);
                if d == rb && d != ra {
                    if commutes {
                        self.asm.sse(op, double, d, ra);
                    } else {
                        self.asm.mov(true, FSCRATCH, rb);
                        self.asm.mov(true, d, ra);
                        self.asm.sse(op, double, d, FSCRATCH);
                    }
                } else {
                    self.asm.mov(true, d, ra);
                    self.asm.sse(op, double, d, rb);
                }
                d
            }
            Src::Mem(mem) => {
                let ra = self.read_beside(a);
                let d = self.write(dst, ra);
                self.asm.mov(true, d, ra);
                self.asm.sse(op, double, d, mem);
                self.settle();
                d
            }
            Src::Imm(_) => unreachable!("float operations have no immediate operands"),
        }
    }

    pub fn fsqrt(&mut self, inst: &InstData) {
        let prefix = if inst.ty == Type::F64 { 0xf2 } else { 0xf3 };
        self.funary(inst, Opcode { prefix, map: 1, byte: Sse::Sqrt as u8 });
    }

    /// d = op a, of those that leave the rest of the result's register as it was.
    pub fn funary(&mut self, inst: &InstData, op: Opcode) {
        let mem = self.folded_mem(VReg(inst.a));
        let ra = if mem.is_none() { self.read(VReg(inst.a)) } else { Reg::NONE };
        let d = self.write(VReg(inst.dst), ra);
        if d != ra {
            // Without this it would wait for whatever wrote the rest.
            self.asm.op(XORPS, false, d, d);
        }
        self.asm.op(op, false, d, mem.map_or(Rm::Reg(ra), Rm::Mem));
        self.settle();
        self.canonical(inst.ty, d);
    }

    /// Brings a pattern for the low lane into the scratch register.
    fn mask(&mut self, ty: Type, bits: u64) {
        let bits = if ty == Type::F64 { bits } else { (bits >> 32) & 0xffff_ffff };
        self.pending = Pending::Constant(bits);
        self.asm.op(MOVSD_X_XM, false, FSCRATCH, Amode::RIP);
        self.settle();
    }

    /// d = a op pattern; for `f32` the pattern's upper half.
    pub fn fsign(&mut self, inst: &InstData, op: Opcode, bits: u64) {
        // For f32 the shifted pattern of `abs` is 7fffffff as well.
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.mask(inst.ty, bits);
        self.asm.mov(true, d, ra);
        self.asm.op(op, false, d, FSCRATCH);
    }

    pub fn fcopysign(&mut self, inst: &InstData) {
        let (ra, rb) = (self.read(VReg(inst.a)), self.read(VReg(inst.b)));
        let d = self.write(VReg(inst.dst), ra);
        let sign = self.temp(true);
        self.mask(inst.ty, 0x8000_0000_0000_0000);
        self.asm.mov(true, sign, FSCRATCH);
        self.asm.op(ANDPS, false, sign, rb);
        // not mask and a
        self.asm.op(ANDNPS, false, FSCRATCH, ra);
        self.asm.mov(true, d, FSCRATCH);
        self.asm.op(ORPS, false, d, sign);
    }

    /// ±(a * b) ± c; `byte` is the opcode of the 231 form.
    pub fn fma(&mut self, inst: &InstData, byte: u8) {
        let tail = self.f.tail(inst);
        let (b, c) = (VReg(tail[0]), VReg(tail[1]));
        let double = inst.ty == Type::F64;
        if self.options.features.fma {
            let (ra, rb, rc) = (self.read(VReg(inst.a)), self.read(b), self.read(c));
            let d = self.write(VReg(inst.dst), rc);
            self.asm.mov(true, FSCRATCH, rc);
            self.asm.fma231(byte, double, FSCRATCH, ra, rb);
            self.asm.mov(true, d, FSCRATCH);
            self.canonical(inst.ty, d);
            return;
        }
        let routine = if double { Routine::Fma } else { Routine::Fmaf };
        self.call_routine(routine, &[(VReg(inst.a), None), (b, None), (c, None)], |e| {
            // The signs of the product and the summand, in the registers that the convention gives them.
            let mut flip = |reg: Reg| {
                e.mask(inst.ty, 0x8000_0000_0000_0000);
                e.asm.op(XORPS, false, reg, FSCRATCH);
            };
            if matches!(inst.op, Op::Fnma | Op::Fnms) {
                flip(xmm(0));
            }
            if matches!(inst.op, Op::Fms | Op::Fnms) {
                flip(xmm(2));
            }
        });
        let d = self.write(VReg(inst.dst), XMM0);
        self.asm.mov(true, d, XMM0);
        self.canonical(inst.ty, d);
    }

    /// The lesser or greater, zeros ordered by sign; a NaN wins, or with `number` loses.
    pub fn fmin_max(&mut self, inst: &InstData, op: Sse, number: bool) {
        let double = inst.ty == Type::F64;
        let (ra, rb) = (self.read(VReg(inst.a)), self.read(VReg(inst.b)));
        let d = self.write(VReg(inst.dst), ra);
        let t = FSCRATCH;
        self.asm.mov(true, t, ra);
        self.ucomis(double, t, rb);
        let nan = self.asm.skip_if(Cc::P);
        let differ = self.asm.skip_if(Cc::Ne);
        // Equal: only zeros of different sign differ, and their sign bits decide.
        self.asm.op(if op == Sse::Min { ORPS } else { ANDPS }, false, t, rb);
        let done = self.asm.skip();
        self.asm.land(nan);
        let also_done = if number {
            self.ucomis(double, t, t);
            let keep = self.asm.skip_if(Cc::Np);
            self.asm.mov(true, t, rb);
            self.asm.land(keep);
            self.asm.skip()
        } else {
            self.asm.sse(Sse::Add, double, t, rb);
            self.asm.skip()
        };
        self.asm.land(differ);
        self.asm.sse(op, double, t, rb);
        self.asm.land(done);
        self.asm.land(also_done);
        self.asm.mov(true, d, t);
        self.canonical(inst.ty, d);
    }

    pub fn round(&mut self, inst: &InstData, mode: u8) {
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        if d != ra {
            self.asm.op(XORPS, false, d, d);
        }
        self.asm.round(inst.ty == Type::F64, d, ra, mode);
        self.canonical(inst.ty, d);
    }

    /// Compares and sets the flags as unsigned integers would; unordered sets carry, zero and parity.
    pub fn ucomis(&mut self, double: bool, a: Reg, b: Reg) {
        self.asm.op(if double { UCOMISD } else { UCOMISS }, false, a, b);
    }

    /// Compares for a predicate and gives what says whether it holds.
    pub fn fcompare(&mut self, ty: Type, cond: FCond, a: VReg, b: VReg) -> Flags {
        let (first, second) = if compares_swapped(cond) { (b, a) } else { (a, b) };
        let double = ty == Type::F64;
        let r = self.read(first);
        let mem = if second == first {
            None
        } else {
            self.folded_mem(second).or_else(|| self.float_constant(second))
        };
        match mem {
            Some(mem) => {
                self.asm.op(if double { UCOMISD } else { UCOMISS }, false, r, mem);
                self.settle();
            }
            None => {
                let other = self.read(second);
                self.ucomis(double, r, other);
            }
        }
        Flags::One(match cond {
            FCond::Eq => return Flags::Equal,
            FCond::Ne => return Flags::Differ,
            FCond::Lt | FCond::Gt => Cc::A,
            FCond::Uge | FCond::Ule => Cc::Be,
            FCond::Le | FCond::Ge => Cc::Ae,
            FCond::Ugt | FCond::Ult => Cc::B,
            FCond::Ltgt => Cc::Ne,
            FCond::Ueq => Cc::E,
            FCond::Ord => Cc::Np,
            FCond::Unord => Cc::P,
        })
    }

    pub fn fcompare_value(&mut self, inst: &InstData) {
        let cond = inst.fcond();
        let (a, b) = (VReg(inst.a), VReg(inst.b));
        if self.fuse_compare(inst) {
            let next = self.f.insts()[self.at as usize + 1];
            let cond = if next.cond() == kiln_ir::Cond::Ne { cond } else { cond.inverse() };
            self.flush();
            let flags = self.fcompare(inst.ty, cond, a, b);
            self.part(flags, self.at + 1, Block(next.dst));
            return;
        }
        let flags = self.fcompare(inst.ty, cond, a, b);
        self.set(flags, VReg(inst.dst));
    }

    pub fn fbranch(&mut self, inst: &InstData) {
        self.flush();
        let flags = self.fcompare(inst.ty, inst.fcond(), VReg(inst.a), VReg(inst.b));
        self.part(flags, self.at, Block(inst.dst));
    }

    /// A choice between the two floats that its condition orders, as the least or greatest that it is; false if it is
    /// none. The instructions give their second operand for NaNs and equal zeros.
    pub fn select_float(&mut self, inst: &InstData, then: VReg, or: VReg) -> bool {
        let Some(def) = self.folded(VReg(inst.a)).filter(|def| def.op == Op::Fcmp && def.ty == inst.ty)
        else {
            return false;
        };
        let (a, b) = (VReg(def.a), VReg(def.b));
        // As a strict order that, where it holds, chooses the first.
        let (op, x, y, first, second) = match def.fcond() {
            FCond::Lt => (Sse::Min, a, b, then, or),
            FCond::Uge => (Sse::Min, a, b, or, then),
            FCond::Gt => (Sse::Max, a, b, then, or),
            FCond::Ule => (Sse::Max, a, b, or, then),
            _ => return false,
        };
        let (op, left, right) = match op {
            _ if (first, second) == (x, y) => (op, x, y),
            // "The lesser, or else the other" with the sides exchanged: x < y gives y, which is y > x gives y.
            Sse::Min if (first, second) == (y, x) => (Sse::Max, y, x),
            Sse::Max if (first, second) == (y, x) => (Sse::Min, y, x),
            _ => return false,
        };
        if self.folded(a).is_some() || self.folded(b).is_some() || a == b {
            return false;
        }
        let (rl, rr) = (self.read(left), self.read(right));
        self.consume(left);
        self.consume(right);
        let d = self.write(VReg(inst.dst), rl);
        if d == rr {
            self.asm.mov(true, FSCRATCH, rr);
            self.asm.mov(true, d, rl);
            self.asm.sse(op, inst.ty == Type::F64, d, FSCRATCH);
        } else {
            self.asm.mov(true, d, rl);
            self.asm.sse(op, inst.ty == Type::F64, d, rr);
        }
        true
    }
}

/// Whether the compare for a predicate exchanges its operands, so that one flag says whether it holds.
pub fn compares_swapped(cond: FCond) -> bool {
    matches!(cond, FCond::Lt | FCond::Uge | FCond::Le | FCond::Ugt)
}
