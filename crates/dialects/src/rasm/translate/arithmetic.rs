//! Arithmetic, comparisons and copies.

use super::body::{Inst, Value};
use super::{Emitter, places};
use crate::rasm::table::{Alu, Relation, Ty};
use kiln_ir::function::{InstData, aux};
use kiln_ir::{Cond, FCond, Op, Operand, Type, VReg};

/// The condition on integers of this type.
pub(super) fn condition(relation: Relation, ty: Ty) -> Cond {
    let signed = ty.is_signed();
    match relation {
        Relation::Lt => [Cond::Ult, Cond::Lt][signed as usize],
        Relation::Le => [Cond::Ule, Cond::Le][signed as usize],
        Relation::Gt => [Cond::Ugt, Cond::Gt][signed as usize],
        Relation::Ge => [Cond::Uge, Cond::Ge][signed as usize],
        Relation::Ne => Cond::Ne,
        // The relations that know of NaN exist for floats only.
        _ => Cond::Eq,
    }
}

/// The predicate on floats.
pub(super) fn predicate(relation: Relation) -> FCond {
    match relation {
        Relation::Lt => FCond::Lt,
        Relation::Le => FCond::Le,
        Relation::Gt => FCond::Gt,
        Relation::Ge => FCond::Ge,
        Relation::Eq => FCond::Eq,
        Relation::Ne => FCond::Ne,
        Relation::Unlt => FCond::Ult,
        Relation::Unle => FCond::Ule,
        Relation::Ungt => FCond::Ugt,
        Relation::Unge => FCond::Uge,
        Relation::Uneq => FCond::Ueq,
        Relation::Ltgt => FCond::Ltgt,
        Relation::Ord => FCond::Ord,
        Relation::Unord => FCond::Unord,
    }
}

impl<'m> Emitter<'m, '_> {
    pub(super) fn arithmetic(&mut self, alu: Alu, ty: Ty, inst: &Inst) {
        let a = self.integer(inst, 1, ty);
        let signed = ty.is_signed();
        match alu {
            Alu::AddC | Alu::AddX => return self.carried(Op::AddCarry, alu == Alu::AddX, a, ty, inst),
            Alu::SubC | Alu::SubX => return self.carried(Op::SubBorrow, alu == Alu::SubX, a, ty, inst),
            Alu::Rsb => {
                let b = self.operand_register(inst, 2, ty);
                return self.write(inst, 0, ty, |f| f.sub(b, a));
            }
            Alu::Hmul => {
                let b = self.operand_register(inst, 2, ty);
                let (_, high) = if signed { self.b.smul_wide(a, b) } else { self.b.umul_wide(a, b) };
                return self.write(
                    inst,
                    0,
                    ty,
                    |f| if f.ty(high) == Type::I64 { f.copy(high) } else { high },
                );
            }
            Alu::Div | Alu::Mod if signed => return self.divide(alu, a, ty, inst),
            _ => {}
        }
        let b = self.operand(inst, 2, ty);
        self.write(inst, 0, ty, |f| match alu {
            Alu::Sub => f.sub(a, b),
            Alu::Mul => f.mul(a, b),
            Alu::Div => f.udiv(a, b),
            Alu::Mod => f.urem(a, b),
            Alu::And => f.and(a, b),
            Alu::Or => f.or(a, b),
            Alu::Xor => f.xor(a, b),
            Alu::Lsh => f.shl(a, b),
            Alu::Rsh if signed => f.ashr(a, b),
            Alu::Rsh => f.lshr(a, b),
            // The others are done above.
            _ => f.add(a, b),
        });
    }

    /// Registers trap where the quotient is out of range, for `mod` as well; the immediate -1 negates.
    fn divide(&mut self, alu: Alu, a: VReg, ty: Ty, inst: &Inst) {
        let b = self.operand(inst, 2, ty);
        match b {
            Operand::Imm(-1) if alu == Alu::Div => self.write(inst, 0, ty, |f| f.neg(a)),
            Operand::Imm(_) if alu == Alu::Mod => self.write(inst, 0, ty, |f| f.srem(a, b)),
            _ if alu == Alu::Div => self.write(inst, 0, ty, |f| f.sdiv(a, b)),
            _ => {
                let quotient = self.b.sdiv(a, b);
                let whole = self.b.mul(quotient, b);
                self.write(inst, 0, ty, |f| f.sub(a, whole));
            }
        }
    }

    /// Sums and differences that leave a carry, and those that take one as well.
    fn carried(&mut self, op: Op, takes: bool, a: VReg, ty: Ty, inst: &Inst) {
        let b = self.operand_register(inst, 2, ty);
        let carry = self.places[places::carry()];
        let carry_in = if takes { carry } else { self.b.iconst(Type::I32, 0) };
        let wide = ty.bits() == 64;
        let (dest, width) = (self.dest(inst, 0, ty), self.b.ty(a));
        let sum = if wide { dest } else { self.b.vreg(width) };
        let record = InstData { op, ty: width, aux: aux::TAIL, dst: sum.0, a: a.0, b: 0 };
        self.b.push(record, &[b.0, carry_in.0, carry.0]);
        if !wide {
            self.b.to(dest);
            if ty.is_signed() {
                self.b.sext(sum)
            } else {
                self.b.zext(sum)
            };
        }
    }

    pub(super) fn float_arithmetic(&mut self, alu: Alu, ty: Ty, inst: &Inst) {
        let (a, b) = (self.word(inst, 1, ty), self.word(inst, 2, ty));
        let dest = self.dest(inst, 0, ty);
        self.b.to(dest);
        match alu {
            Alu::Sub => self.b.fsub(a, b),
            Alu::Rsb => self.b.fsub(b, a),
            Alu::Mul => self.b.fmul(a, b),
            Alu::Div => self.b.fdiv(a, b),
            // The table has no other arithmetic on floats.
            _ => self.b.fadd(a, b),
        };
    }

    pub(super) fn negate(&mut self, ty: Ty, inst: &Inst) {
        if ty.is_float() {
            let (a, dest) = (self.word(inst, 1, ty), self.dest(inst, 0, ty));
            self.b.to(dest).fneg(a);
        } else {
            let a = self.integer(inst, 1, ty);
            self.write(inst, 0, ty, |f| f.neg(a));
        }
    }

    pub(super) fn invert(&mut self, ty: Ty, inst: &Inst) {
        let a = self.word(inst, 1, ty);
        let inverted = self.b.not(a);
        let dest = self.dest(inst, 0, ty);
        self.extended(dest, inverted, ty);
    }

    pub(super) fn compare(&mut self, relation: Relation, ty: Ty, inst: &Inst) {
        let holds = if ty.is_float() {
            let (a, b) = (self.word(inst, 1, ty), self.word(inst, 2, ty));
            self.b.fcmp(predicate(relation), a, b)
        } else {
            let a = self.integer(inst, 1, ty);
            let b = self.operand(inst, 2, ty);
            self.b.cmp(condition(relation, ty), a, b)
        };
        let dest = self.dest(inst, 0, Ty::L);
        self.b.to(dest).zext(holds);
    }

    pub(super) fn mov(&mut self, ty: Ty, inst: &Inst) {
        let dest = self.dest(inst, 0, ty);
        match self.value(inst, 1) {
            Value::Register(_) => {
                let word = self.word(inst, 1, ty);
                self.extended(dest, word, ty);
            }
            Value::Float(value) if ty == Ty::F => {
                self.b.to(dest).f32const(value as f32);
            }
            Value::Float(value) => {
                self.b.to(dest).f64const(value);
            }
            Value::Int(value) => {
                let value = match ty {
                    Ty::I => i64::from(value as i32),
                    Ty::Ui => i64::from(value as u32),
                    _ => value,
                };
                self.b.to(dest).iconst(Type::I64, value);
            }
            value => {
                let word = self.address(value);
                self.extended(dest, word, ty);
            }
        }
    }
}
