//! Branches and jumps.

use super::Emitter;
use super::arithmetic::{condition, predicate};
use super::body::{Inst, Value};
use crate::rasm::table::{Alu, Relation, Ty};
use kiln_ir::{Block, Cond, Operand, VReg};

/// An overflow branch that is taken: the op has written nothing, so that its operands are as they were, and the result
/// is computed here.
pub(super) struct Overflow {
    block: Block,
    target: Block,
    alu: Alu,
    ty: Ty,
    a: VReg,
    b: Operand,
    dest: VReg,
}

impl Emitter<'_, '_> {
    /// The block of a label.
    pub(super) fn block_at(&self, at: u32) -> Block {
        let block = self.blocks[at as usize];
        assert!(!block.is_none(), "a block begins at every label that is used");
        block
    }

    /// The block that an operand leads to.
    pub(super) fn block(&self, inst: &Inst, n: usize) -> Block {
        match self.value(inst, n) {
            Value::Label(at) => self.block_at(at),
            other => unreachable!("a branch goes to a label, not to {other:?}"),
        }
    }

    pub(super) fn branch(&mut self, relation: Relation, ty: Ty, inst: &Inst) {
        let target = self.block(inst, 0);
        if ty.is_float() {
            let (a, b) = (self.word(inst, 1, ty), self.word(inst, 2, ty));
            self.b.fbranch(predicate(relation), a, b, target);
        } else {
            let a = self.integer(inst, 1, ty);
            let b = self.operand(inst, 2, ty);
            self.b.branch(condition(relation, ty), a, b, target);
        }
    }

    pub(super) fn branch_bits(&mut self, any: bool, ty: Ty, inst: &Inst) {
        let target = self.block(inst, 0);
        let a = self.integer(inst, 1, ty);
        let b = self.operand(inst, 2, ty);
        self.b.branch(if any { Cond::Any } else { Cond::None }, a, b, target);
    }

    pub(super) fn branch_overflow(&mut self, alu: Alu, ty: Ty, inst: &Inst) {
        let target = self.block(inst, 0);
        let a = self.integer(inst, 1, ty);
        let b = self.operand(inst, 2, ty);
        let dest = self.dest(inst, 1, ty);
        let block = self.b.block();
        let add = alu == Alu::Add;
        self.write(inst, 1, ty, |f| match (add, ty.is_signed()) {
            (true, true) => f.sadd_ovf(a, b, block),
            (true, false) => f.uadd_ovf(a, b, block),
            (false, true) => f.ssub_ovf(a, b, block),
            (false, false) => f.usub_ovf(a, b, block),
        });
        self.cold.push(Overflow { block, target, alu, ty, a, b, dest });
    }

    /// Writes the taken overflow branches behind the function.
    pub(super) fn overflows(&mut self) {
        for Overflow { block, target, alu, ty, a, b, dest } in std::mem::take(&mut self.cold) {
            self.b.place(block);
            self.b.set_cold();
            let result = if alu == Alu::Add { self.b.add(a, b) } else { self.b.sub(a, b) };
            if ty.bits() == 64 {
                self.b.to(dest).copy(result);
            } else if ty.is_signed() {
                self.b.to(dest).sext(result);
            } else {
                self.b.to(dest).zext(result);
            }
            self.b.jump(target);
        }
    }

    pub(super) fn jump_to(&mut self, inst: &Inst) {
        let address = self.word(inst, 0, Ty::L);
        let blocks: Vec<Block> = self.flow.taken.iter().map(|at| self.block_at(*at)).collect();
        let set = self.b.label_set(&blocks);
        self.b.jump_to(address, set);
    }
}
