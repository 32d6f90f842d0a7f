//! Branches, jumps, returns, and arithmetic that branches on overflow.

use super::words::{bits, condition, predicate, suffix};
use super::writer::Writer;
use super::{Written, refuse};
use kiln_ir::diagnostic::Place;
use kiln_ir::{Block, InstData, Op, Type, VReg};

impl Writer<'_, '_> {
    pub(super) fn control(&mut self, at: Place, inst: &InstData) -> Written {
        let (a, signed) = (VReg(inst.a), suffix(inst.ty, true));
        match inst.op {
            Op::Branch => {
                let (stem, is_signed) = condition(inst.cond());
                self.get("%r0", a);
                self.operand(inst, inst.b, "%r1");
                let ty = suffix(inst.ty, is_signed);
                self.branch_to(Block(inst.dst), format_args!("b{stem}r_{ty}"), ", %r0, %r1");
            }
            Op::Fbranch => {
                self.get("%fpr0", a);
                self.get("%fpr1", VReg(inst.b));
                let stem = predicate(inst.fcond());
                self.branch_to(Block(inst.dst), format_args!("b{stem}r_{signed}"), ", %fpr0, %fpr1");
            }
            Op::Switch => {
                let (default, cases) = self.body.cases(inst);
                self.get("%r0", a);
                for (value, block) in cases {
                    self.line(format_args!("movi_l %r1, {value}"));
                    self.branch_to(block, format_args!("beqr_{signed}"), ", %r0, %r1");
                }
                self.branch_to(default, "jmpi", "");
            }
            Op::JumpTo => {
                if !self.body.insts().iter().any(|inst| inst.op == Op::LabelAddr) {
                    return refuse(at, "a `jump_to` in a function that takes no label's address");
                }
                self.get("%r0", a);
                self.line("jmpr %r0");
            }
            Op::Ret => {
                if !a.is_none() {
                    let ty = self.body.ty(a);
                    self.line(format_args!("ldxi_{} %ret, %fp, $v{}", bits(ty), a.0));
                    if ty == Type::I32 {
                        self.line("extr_i_l %ret, %ret");
                    }
                }
                self.line("ret");
            }
            _ => self.branch_to(Block(inst.dst), "jmpi", ""),
        }
        Ok(())
    }

    /// On overflow nothing of the IR's is written: the sum is stored behind the branch.
    pub(super) fn overflowing(&mut self, inst: &InstData) {
        let (ty, unsigned) = (suffix(inst.ty, true), suffix(inst.ty, false));
        let tail = self.body.tail(inst);
        let (second, cold) = if inst.op == Op::SnegOvf { (0, inst.b) } else { (tail[0], tail[1]) };
        if inst.op == Op::SnegOvf {
            self.line("movi_l %r0, 0");
            self.get("%r1", VReg(inst.a));
        } else {
            self.get("%r0", VReg(inst.a));
            self.operand(inst, second, "%r1");
        }
        let cold = Block(cold);
        match inst.op {
            Op::SaddOvf => self.branch_to(cold, format_args!("boaddr_{ty}"), ", %r0, %r1"),
            Op::UaddOvf => self.branch_to(cold, format_args!("boaddr_{unsigned}"), ", %r0, %r1"),
            Op::UsubOvf => self.branch_to(cold, format_args!("bosubr_{unsigned}"), ", %r0, %r1"),
            Op::SmulOvf => {
                self.line(format_args!("hmulr_{ty} %r2, %r0, %r1"));
                self.line(format_args!("mulr_{ty} %r0, %r0, %r1"));
                self.line(format_args!("rshi_{ty} %r1, %r0, {}", 8 * inst.ty.bytes() - 1));
                self.branch_to(cold, format_args!("bner_{ty}"), ", %r2, %r1");
            }
            Op::UmulOvf => {
                self.line(format_args!("hmulr_{unsigned} %r2, %r0, %r1"));
                self.line(format_args!("mulr_{ty} %r0, %r0, %r1"));
                self.branch_to(cold, format_args!("bnei_{ty}"), ", %r2, 0");
            }
            // Differences, of 0 for the negation.
            _ => self.branch_to(cold, format_args!("bosubr_{ty}"), ", %r0, %r1"),
        }
        self.put(VReg(inst.dst), "%r0");
    }
}
