//! Operands that are folded into their readers, as [`crate::target::x64::fuse`] decides. The baseline compiler folds
//! nothing, and nothing of this is in its way.

use super::control::Flags;
use super::{Src, wide};
use crate::emit::{Emit, Placement, Val};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::encode::{Amode, Base, fits8};
use crate::target::x64::fuse::{address, compares_narrow, scale_of, triple_of};
use crate::target::x64::insts::*;
use kiln_ir::function::Mem;
use kiln_ir::op::Cond;
use kiln_ir::{InstData, Op, VReg};

impl<'a, P: Placement> Emit<'a, X64, P> {
    /// The instruction that a value's readers fold, if they do.
    #[inline]
    pub fn folded(&self, v: VReg) -> Option<&'a InstData> {
        if P::HOMES {
            return None;
        }
        let val = &self.vals[v.index()];
        (val.flags & Val::FOLDED != 0).then(|| &self.f.insts()[val.aux as usize])
    }

    /// An address with all that is folded into it.
    #[inline]
    pub fn whole(&self, mem: Mem) -> Mem {
        if P::HOMES { mem } else { self.whole_folded(mem) }
    }

    fn whole_folded(&self, mut mem: Mem) -> Mem {
        loop {
            let index = if mem.index.is_none() { None } else { self.folded(mem.index) };
            if let Some(def) = self.folded(mem.base) {
                let Some(inner) = self.address_of(def) else { unreachable!("{:?} in an address", def.op) };
                mem.disp += inner.disp;
                mem.base = inner.base;
                if !inner.index.is_none() {
                    (mem.index, mem.scale) = (inner.index, inner.scale);
                }
            } else if let Some(def) = index {
                if let Some(k) = scale_of(def) {
                    mem.scale <<= k;
                    mem.index = VReg(def.a);
                } else if def.op == Op::Zext {
                    mem.index = VReg(def.a);
                } else if let Some(inner) = self.address_of(def) {
                    mem.disp += inner.disp * mem.scale as i32;
                    mem.index = inner.base;
                }
            } else {
                return mem;
            }
        }
    }

    fn address_of(&self, inst: &InstData) -> Option<Mem> {
        address(self.f, inst, |v| self.folded(v).copied())
    }

    /// The operand in memory that a folded load stands for, its registers read. May leave a pending symbol. A fault is the
    /// load's.
    pub fn folded_mem(&mut self, v: VReg) -> Option<Amode> {
        let load = *self.folded(v).filter(|def| def.op == Op::Load)?;
        let source = P::source(self, self.vals[v.index()].aux);
        self.span(source);
        Some(self.mem(&load))
    }

    /// The operand that is in a register, and the other one, which a folded load stands for.
    pub fn folded_second(&mut self, inst: &InstData, commutes: bool) -> Option<(VReg, Amode)> {
        if P::HOMES || inst.has_imm() {
            return None;
        }
        let (a, b) = (VReg(inst.a), VReg(inst.b));
        match self.folded_mem(b) {
            Some(mem) => Some((a, mem)),
            None if commutes => self.folded_mem(a).map(|mem| (b, mem)),
            None => None,
        }
    }

    /// An operation on integers one of whose operands is folded; false if none is.
    #[inline]
    pub fn binary_folded(&mut self, inst: &InstData, alu: Alu, commutes: bool) -> bool {
        if P::HOMES {
            return false;
        }
        let b = if inst.has_imm() { None } else { self.folded(VReg(inst.b)) };
        match (self.folded(VReg(inst.a)), b) {
            (None, None) => false,
            (a, b) => {
                self.with_folded(inst, a.copied(), b.copied(), alu, commutes);
                true
            }
        }
    }

    fn with_folded(
        &mut self,
        inst: &InstData,
        a: Option<InstData>,
        b: Option<InstData>,
        alu: Alu,
        commutes: bool,
    ) {
        let (w, dst) = (wide(inst.ty), VReg(inst.dst));
        if let Some((other, mem)) = self.folded_second(inst, commutes) {
            return self.alu_op(alu, commutes, w, dst, other, Src::Mem(mem));
        }
        let product = a.filter(|_| inst.op == Op::Add && inst.has_imm());
        if let Some((product, shift)) = product.and_then(|a| Some((a, triple_of(&a)?))) {
            let r = self.read(VReg(product.a));
            let d = self.write(dst, r);
            let sum = Amode { base: Base::Reg(r), index: r, shift, disp: inst.b as i32 };
            return self.asm.op(LEA, w, d, sum);
        }
        if inst.op == Op::Add {
            let Some(mem) = self.address_of(inst) else { unreachable!("a sum is an address") };
            let mem = self.amode(mem);
            let base = if let Base::Reg(base) = mem.base { base } else { Reg::NONE };
            let d = self.write(dst, base);
            self.asm.op(LEA, w, d, mem);
            return self.settle();
        }
        let Some((inner, other)) = b.map(|b| (b, inst.a)).or(a.map(|a| (a, inst.b))) else { return };
        let lowest = match (inst.op, inner.op) {
            (Op::And, Op::Not) => {
                let (rn, ro) = (self.read(VReg(inner.a)), self.read(VReg(other)));
                let d = self.write(dst, ro);
                return self.asm.vex(ANDN, w, d.number(), rn, ro);
            }
            (Op::And, Op::Neg) => 3,
            (Op::Xor, _) => 2,
            _ => 1,
        };
        let r = self.read(VReg(other));
        self.consume(VReg(inner.a));
        let d = self.write(dst, r);
        self.asm.vex(LOWEST_BIT, w, lowest, d, r);
    }

    /// A compare one of whose operands is folded: nothing if none is.
    #[inline]
    pub fn compare_folded(&mut self, w: bool, cond: Cond, a: VReg, b: Src) -> Option<Flags> {
        if P::HOMES {
            return None;
        }
        if let Src::Val(vb) = b {
            let (first, cond, mem) = match self.folded_mem(vb) {
                Some(mem) => (a, cond, mem),
                None => (vb, cond.exchanged(), self.folded_mem(a)?),
            };
            let r = self.read_beside(first);
            if matches!(cond, Cond::Any | Cond::None) {
                self.asm.op(TEST_RM_R, w, r, mem);
            } else {
                self.asm.alu(Alu::Cmp, w, r, mem);
            }
            self.settle();
            return Some(Flags::One(super::control::cc(cond)));
        }
        let Src::Imm(imm) = b else { return None };
        let def = *self.folded(a)?;
        let flags = match def.op {
            Op::Load => {
                let narrow = compares_narrow(&def, cond, imm);
                let bytes = if narrow.is_some() { def.access().bytes() } else { def.ty.bytes() };
                let cond = narrow.unwrap_or(cond);
                let mem = self.folded_mem(a)?;
                self.compare_memory(bytes, cond, mem, imm);
                return Some(Flags::One(super::control::cc(cond)));
            }
            Op::Cmp => self.compare(def.ty, def.cond(), VReg(def.a), self.src_b(&def)),
            Op::Fcmp => self.fcompare(def.ty, def.fcond(), VReg(def.a), VReg(def.b)),
            Op::And => self.test_folded(&def),
            op => unreachable!("{op:?} looked at for its flags"),
        };
        Some(if cond == Cond::Eq { flags.inverse() } else { flags })
    }

    /// Whether bits are set that an `and` leaves.
    fn test_folded(&mut self, and: &InstData) -> Flags {
        let w = wide(and.ty);
        let (a, b) = (VReg(and.a), VReg(and.b));
        if and.has_imm() {
            if let Some(shift) = self.folded(a).filter(|def| def.op == Op::Lshr) {
                return self.test_bit(w, VReg(shift.a), self.src_b(shift));
            }
            return self.compare(and.ty, Cond::Any, a, Src::Imm(and.b as i32));
        }
        for (shift, other) in [(b, a), (a, b)] {
            if let Some(shift) = self.folded(shift).filter(|def| def.op == Op::Shl) {
                self.consume(VReg(shift.a));
                return self.test_bit(w, other, self.src_b(shift));
            }
        }
        self.compare(and.ty, Cond::Any, a, Src::Val(b))
    }

    /// Whether the bit of this number, modulo the width, is set.
    fn test_bit(&mut self, w: bool, v: VReg, bit: Src) -> Flags {
        let r = self.read(v);
        match self.fold(bit) {
            Src::Val(bit) => {
                let bit = self.read(bit);
                self.asm.op(BT_RM_R, w, bit, r);
            }
            Src::Imm(bit) => {
                self.asm.group(BIT_IMM, w, 4, r);
                self.asm.buf.put(bit as u8 as u64 & if w { 63 } else { 31 }, 1);
            }
            Src::Mem(_) => unreachable!("the number of a bit is not read from memory"),
        }
        Flags::One(Cc::B)
    }

    /// Compares memory with a constant.
    fn compare_memory(&mut self, bytes: u32, cond: Cond, mem: Amode, imm: i32) {
        let test = matches!(cond, Cond::Any | Cond::None);
        let (op, n, len) = match (test, bytes) {
            (true, 1) => (TEST_RM8_IMM8, 0, 1),
            (true, 2) => (TEST_RM16_IMM16, 0, 2),
            (true, _) => (TEST_RM_IMM, 0, 4),
            (false, 1) => (ALU_RM8_IMM8, 7, 1),
            (false, 2) if fits8(imm) => (ALU_RM16_IMM8, 7, 1),
            (false, 2) => (ALU_RM16_IMM16, 7, 2),
            (false, _) if fits8(imm) => (ALU_RM_IMM8, 7, 1),
            (false, _) => (ALU_RM_IMM, 7, 4),
        };
        self.with_constant(op, bytes == 8, n, mem, imm, len);
    }

    /// op /n [mem], imm.
    fn with_constant(&mut self, op: Opcode, w: bool, n: u32, mem: Amode, imm: i32, len: u32) {
        self.asm.rm(op, w, n, mem, len);
        self.asm.buf.put(imm as u32 as u64, len as usize);
        self.settle();
    }

    /// A store of what an operation made of the same memory, both folded into it; false if it is a plain store.
    #[inline]
    pub fn update(&mut self, store: &InstData) -> bool {
        if P::HOMES {
            return false;
        }
        let Some(def) = self.folded(VReg(store.dst)).copied() else { return false };
        self.update_memory(store, &def);
        true
    }

    fn update_memory(&mut self, store: &InstData, def: &InstData) {
        let is_load = |e: &Self, v: VReg| e.folded(v).is_some_and(|def| def.op == Op::Load);
        let unary = matches!(def.op, Op::Neg | Op::Not);
        let (old, other) = if unary {
            (VReg(def.a), None)
        } else if is_load(self, VReg(def.a)) {
            (VReg(def.a), Some(self.src_b(def)))
        } else {
            (VReg(def.b), Some(Src::Val(VReg(def.a))))
        };
        let Some(load) = self.folded(old).copied() else { unreachable!("an update without its load") };
        let source = P::source(self, self.vals[old.index()].aux);
        self.span(source);
        let mem = self.mem(store);
        // The load reads the same registers.
        let again = self.whole(self.f.mem(&load));
        self.consume(again.base);
        if !again.index.is_none() {
            self.consume(again.index);
        }
        let bytes = store.access().bytes();
        let w = bytes == 8;
        let alu = match def.op {
            Op::Add => Alu::Add,
            Op::Sub => Alu::Sub,
            Op::And => Alu::And,
            Op::Or => Alu::Or,
            Op::Xor => Alu::Xor,
            op => {
                let row = match bytes {
                    1 => GROUP3_8,
                    2 => GROUP3_16,
                    _ => GROUP3,
                };
                self.asm.rm(row, w, if op == Op::Neg { 3 } else { 2 }, mem, 0);
                return self.settle();
            }
        };
        match other.map(|other| self.fold(other)) {
            Some(Src::Imm(imm)) => {
                // Of what is wider than the memory only the low bits matter.
                let imm = match bytes {
                    1 => imm as i8 as i32,
                    2 => imm as i16 as i32,
                    _ => imm,
                };
                let (row, len) = match bytes {
                    1 => (ALU_RM8_IMM8, 1),
                    2 if fits8(imm) => (ALU_RM16_IMM8, 1),
                    2 => (ALU_RM16_IMM16, 2),
                    _ if fits8(imm) => (ALU_RM_IMM8, 1),
                    _ => (ALU_RM_IMM, 4),
                };
                self.with_constant(row, w, alu as u32, mem, imm, len);
            }
            Some(Src::Val(other)) => {
                let r = self.read_beside(other);
                let byte = (alu as u8) << 3;
                match bytes {
                    1 => self.asm.op8(Opcode { prefix: 0, map: 0, byte }, false, r, mem, true),
                    2 => self.asm.op(Opcode { prefix: 0x66, map: 0, byte: byte | 1 }, false, r, mem),
                    _ => self.asm.op(Opcode { prefix: 0, map: 0, byte: byte | 1 }, w, r, mem),
                }
                self.settle();
            }
            other => unreachable!("{other:?} operates on memory"),
        }
    }
}
