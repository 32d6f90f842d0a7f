//! Float arithmetic, comparisons, conversions.

use super::body::Body;
use crate::lightning::program::Operand;
use crate::lightning::table::{Meaning, Row, Ty};
use kiln_ir::function::aux;
use kiln_ir::{InstData, Op, Type, VReg};

impl Body<'_, '_, '_> {
    pub(super) fn floating(&mut self, row: &Row, o: &[Operand; 4]) {
        let ty = if row.ty == Ty::F32 { Type::F32 } else { Type::F64 };
        match row.meaning {
            Meaning::FloatBinary(op) => {
                let (a, b) = (self.float(o[1], ty), self.float(o[2], ty));
                let to = self.float(o[0], ty);
                self.float_binary(op, to, a, b);
            }
            Meaning::FloatReverseSubtract => {
                let (a, b) = (self.float(o[1], ty), self.float(o[2], ty));
                let to = self.float(o[0], ty);
                self.float_binary(Op::Fsub, to, b, a);
            }
            Meaning::FloatUnary(op) => {
                let a = self.float(o[1], ty);
                let to = self.float(o[0], ty);
                self.unary(op, to, a);
            }
            Meaning::FloatMove => {
                let to = self.float(o[0], ty);
                self.float_into(to, o[1], ty);
            }
            Meaning::FloatFused(op) => {
                let (a, b, c) = (self.float(o[1], ty), self.float(o[2], ty), self.float(o[3], ty));
                let to = self.float(o[0], ty);
                self.b.push(InstData { op, ty, aux: aux::TAIL, dst: to.0, a: a.0, b: 0 }, &[b.0, c.0]);
            }
            Meaning::FloatCompare(predicate) => {
                let (a, b) = (self.float(o[1], ty), self.float(o[2], ty));
                let to = self.int(o[0]);
                let holds = self.b.fcmp(predicate, a, b);
                self.b.to(to).zext(holds);
            }
            Meaning::FromWord => {
                let a = self.word(o[1]);
                let to = self.float(o[0], ty);
                self.b.to(to).sitof(ty, a);
            }
            Meaning::Resize(op) => {
                let (from, into) =
                    if op == Op::Fpromote { (Type::F32, Type::F64) } else { (Type::F64, Type::F32) };
                let a = self.float(o[1], from);
                let to = self.float(o[0], into);
                self.unary(op, to, a);
            }
            Meaning::ToWord => {
                let a = self.float(o[1], ty);
                let to = self.int(o[0]);
                self.b.to(to).ftosi_x86(Type::I64, a);
            }
            Meaning::ToHalfWord => {
                let a = self.float(o[1], ty);
                let to = self.int(o[0]);
                let low = self.b.ftosi_x86(Type::I32, a);
                self.b.to(to).zext(low);
            }
            Meaning::FloatToBits => {
                let to = self.int(o[0]);
                match (o[1], ty) {
                    // The constant's pattern is extended with its sign, unlike that of a register.
                    (Operand::Number(v), Type::F32) => {
                        self.b.to(to).iconst(Type::I64, (v as f32).to_bits() as i32 as i64);
                    }
                    (Operand::Number(v), _) => {
                        self.b.to(to).iconst(Type::I64, v.to_bits() as i64);
                    }
                    (from, Type::F32) => {
                        let from = self.float(from, ty);
                        let bits = self.b.bitcast(Type::I32, from);
                        self.b.to(to).zext(bits);
                    }
                    (from, _) => {
                        let from = self.float(from, ty);
                        self.b.to(to).bitcast(Type::I64, from);
                    }
                }
            }
            Meaning::BitsToFloat => {
                let from = self.word(o[1]);
                let to = self.float(o[0], ty);
                if ty == Type::F32 {
                    let low = self.b.trunc(from);
                    self.b.to(to).bitcast(ty, low);
                } else {
                    self.b.to(to).bitcast(ty, from);
                }
            }
            _ => unreachable!("not a float instruction"),
        }
    }

    fn float_binary(&mut self, op: Op, to: VReg, a: VReg, b: VReg) {
        let ty = self.b.ty(to);
        self.b.push(InstData { op, ty, aux: 0, dst: to.0, a: a.0, b: b.0 }, &[]);
    }

    /// Gives a register the value of a float operand.
    pub(super) fn float_into(&mut self, to: VReg, from: Operand, ty: Type) {
        match from {
            Operand::Number(v) if ty == Type::F32 => self.b.to(to).f32const(v as f32),
            Operand::Number(v) => self.b.to(to).f64const(v),
            from => {
                let from = self.float(from, ty);
                self.b.to(to).copy(from)
            }
        };
    }
}
