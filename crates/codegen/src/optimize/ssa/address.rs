//! Memory operands: sums, products by 2, 4 and 8, and constants become part of the address of the access that they are for.
//! Addresses are 64-bit sums that wrap, so any part may move; an index that was extended from 32 bits is a value of its own.

use super::Walk;
use super::fold::{with_constant, with_two};
use kiln_ir::function::aux;
use kiln_ir::{InstData, Mem, Op, Type, VReg};

/// How far a displacement may lead from a slot or data object into which it is folded.
const NEAR: u64 = 1 << 24;

impl Walk<'_> {
    /// Folds what the address of a record with a memory operand is made of into the operand.
    pub(super) fn fold_address(&mut self, inst: &mut InstData) {
        let mut mem = self.body.f.mem(inst);
        let before = mem;
        // Each operand is what folding left of it, so a few rounds find all.
        for _ in 0..4 {
            let now = mem;
            self.fold_base(&mut mem);
            self.fold_index(&mut mem);
            if mem == now {
                break;
            }
        }
        if mem == before {
            return;
        }
        inst.a = mem.base.0;
        let always = matches!(inst.op, Op::AtomicLoad | Op::AtomicStore | Op::AtomicRmw | Op::AtomicCas);
        if mem.index.is_none() && !always {
            inst.aux &= !aux::TAIL;
            inst.b = mem.disp as u32;
            return;
        }
        let pool = self.body.f.arrays().pool;
        if !inst.has_tail() {
            inst.aux |= aux::TAIL;
            inst.b = pool.len() as u32;
            pool.extend_from_slice(&[0; 3]);
        }
        let words = [mem.index.0, mem.scale as u32, mem.disp as u32];
        pool[inst.b as usize..][..3].copy_from_slice(&words);
    }

    fn fold_base(&mut self, mem: &mut Mem) {
        let Some(def) = self.def(mem.base) else { return };
        if matches!(def.op, Op::Add | Op::Addr) && self.advances(&def) {
            return;
        }
        match def.op {
            Op::Add if def.has_imm() => {
                if let Some(disp) = mem.disp.checked_add(def.b as i32) {
                    (mem.base, mem.disp) = (VReg(def.a), disp);
                }
            }
            // Only a sum made nearby: one made outside a loop would cost it a register more.
            Op::Add
                if !def.has_imm()
                    && mem.index.is_none()
                    && self.draft.def[mem.base.index()] >= self.node_start =>
            {
                (mem.base, mem.index, mem.scale) = (VReg(def.a), VReg(def.b), 1);
            }
            Op::SlotAddr | Op::DataAddr if def.b != 0 => {
                let sum = (def.b as i32).checked_add(mem.disp);
                if let Some(disp) = sum.filter(|disp| (disp.unsigned_abs() as u64) < NEAR) {
                    mem.base = self.make(InstData { b: 0, ..def });
                    mem.disp = disp;
                }
            }
            Op::Addr => {
                let inner = self.body.f.mem(&def);
                let Some(disp) = mem.disp.checked_add(inner.disp) else { return };
                if inner.index.is_none() {
                    (mem.base, mem.disp) = (inner.base, disp);
                } else if mem.index.is_none() {
                    *mem = Mem { disp, ..inner };
                }
            }
            _ => {}
        }
    }

    /// Whether a sum is the next value of the register that it adds to: the old value ends there, and would need a register
    /// of its own if an address behind it counted from it, in a loop with a copy for each round. (A sum that nobody else
    /// reads in the end selection makes part of the address.)
    fn advances(&self, sum: &InstData) -> bool {
        let home = self.draft.home[sum.dst as usize];
        home != VReg::NONE.0 && home == self.draft.home[sum.a as usize]
    }

    fn fold_index(&mut self, mem: &mut Mem) {
        if mem.index.is_none() {
            return;
        }
        let Some(def) = self.def(mem.index) else { return };
        let add = |disp: i32, k: i64, scale: u8| {
            i32::try_from(k.checked_mul(scale as i64)?.checked_add(disp as i64)?).ok()
        };
        match def.op {
            Op::Shl if def.has_imm() && def.b <= 3 && (mem.scale as u32) << def.b <= 8 => {
                (mem.index, mem.scale) = (VReg(def.a), mem.scale << def.b);
            }
            Op::Add if def.has_imm() && !self.advances(&def) => {
                if let Some(disp) = add(mem.disp, def.b as i32 as i64, mem.scale) {
                    (mem.index, mem.disp) = (VReg(def.a), disp);
                }
            }
            Op::Const => {
                let Some(k) = self.constant_of(mem.index) else { return };
                if let Some(disp) = add(mem.disp, k, mem.scale) {
                    (mem.index, mem.scale, mem.disp) = (VReg::NONE, 1, disp);
                }
            }
            _ => {}
        }
    }

    /// An address by itself: a sum of two is written as one.
    pub(super) fn addr(&mut self, inst: &mut InstData) -> Option<VReg> {
        self.fold_address(inst);
        let mem = self.body.f.mem(inst);
        match (mem.index.is_none(), mem.scale, mem.disp) {
            (true, _, 0) => Some(mem.base),
            (true, _, disp) => Some(self.make(with_constant(Op::Add, Type::Ptr, mem.base, disp))),
            (false, 1, 0) => Some(self.make(with_two(Op::Add, Type::Ptr, mem.base, mem.index))),
            _ => None,
        }
    }
}
