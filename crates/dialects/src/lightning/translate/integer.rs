//! Integer arithmetic, bits, comparisons.

use super::body::Body;
use super::operands::Value;
use crate::lightning::live;
use crate::lightning::program::Operand;
use crate::lightning::table::{Meaning, Row, Ty};
use kiln_ir::function::aux;
use kiln_ir::{InstData, Op, Type, VReg};

impl Body<'_, '_, '_> {
    pub(super) fn integer(&mut self, row: &Row, o: &[Operand; 4]) {
        let to = self.int(o[0]);
        match row.meaning {
            Meaning::Binary(Op::Add) if o[1] == Operand::Int(crate::lightning::program::FRAME_POINTER) => {
                match o[2] {
                    Operand::Word(offset) => {
                        let address = self.beside_frame_end(offset);
                        self.b.to(to).copy(address);
                    }
                    other => {
                        let (a, b) = (self.word(o[1]), self.value(other));
                        self.binary(Op::Add, to, a, b);
                    }
                }
            }
            Meaning::Binary(op) => {
                let (a, b) = (self.word(o[1]), self.value(o[2]));
                self.binary(op, to, a, b);
            }
            Meaning::Shift(op) => {
                let a = self.word(o[1]);
                let b = match self.value(o[2]) {
                    Value::Imm(count) => Value::Imm(count & 63),
                    register => register,
                };
                self.binary(op, to, a, b);
            }
            Meaning::ReverseSubtract => {
                let (a, b) = (self.word(o[1]), self.word(o[2]));
                self.binary(Op::Sub, to, b, Value::Reg(a));
            }
            Meaning::Carry { op, chained } => {
                let (a, b) = (self.word(o[1]), self.value(o[2]));
                let carry = self.register(live::CARRY);
                let (b, imm) = self.or_constant(b);
                let carried = if chained { carry } else { self.b.iconst(Type::I32, 0) };
                let inst = InstData { op, ty: Type::I64, aux: aux::TAIL | imm, dst: to.0, a: a.0, b: 0 };
                self.b.push(inst, &[b, carried.0, carry.0]);
            }
            Meaning::HighProduct(op) => {
                let (a, b) = (self.word(o[1]), self.value(o[2]));
                let low = self.b.vreg(Type::I64);
                self.pair(op, low, to, a, b);
            }
            Meaning::Product(op) => {
                let high = self.int(o[1]);
                let (a, b) = (self.word(o[2]), self.value(o[3]));
                self.pair(op, to, high, a, b);
            }
            Meaning::Divide(op) => {
                let (a, b) = (self.word(o[1]), self.value(o[2]));
                self.divide(op, to, a, b);
            }
            Meaning::Remainder(op) => {
                let (a, b) = (self.word(o[1]), self.value(o[2]));
                self.remainder(op, to, a, b);
            }
            Meaning::DivideBoth(op) => {
                let second = self.int(o[1]);
                let (a, b) = (self.word(o[2]), self.value(o[3]));
                let quotient = self.b.vreg(Type::I64);
                self.divide(op, quotient, a, b);
                self.rest(second, a, quotient, b);
                self.b.to(to).copy(quotient);
            }
            Meaning::ShiftBoth { left, right } => {
                let second = self.int(o[1]);
                let (a, n) = (self.word(o[2]), self.value(o[3]));
                let rest = match n {
                    Value::Imm(n) => Value::Imm(64 - n),
                    Value::Reg(n) => {
                        let width = self.b.iconst(Type::I64, 64);
                        Value::Reg(self.b.sub(width, n))
                    }
                };
                let (here, there) = if left { (Op::Shl, right) } else { (right, Op::Shl) };
                let first = self.b.vreg(Type::I64);
                self.wide_shift(here, first, a, n);
                self.wide_shift(there, second, a, rest);
                self.b.to(to).copy(first);
            }
            Meaning::Unary(op) => {
                let a = self.word(o[1]);
                self.unary(op, to, a);
            }
            Meaning::OfInverse(op) => {
                let a = self.word(o[1]);
                let inverse = self.b.not(a);
                self.unary(op, to, inverse);
            }
            Meaning::SwapBytes => {
                let a = self.word(o[1]);
                let unused = match row.ty {
                    Ty::U16 => 48,
                    Ty::U32 => 32,
                    _ => 0,
                };
                if unused == 0 {
                    self.b.to(to).bswap(a);
                } else {
                    let swapped = self.b.bswap(a);
                    self.b.to(to).lshr(swapped, unused);
                }
            }
            Meaning::Extend => {
                let a = self.word(o[1]);
                self.extend(row.ty, to, a);
            }
            Meaning::Extract(op) => {
                let a = self.word(o[1]);
                match field(o) {
                    (0, 64) => self.b.to(to).copy(a),
                    (first, width) if op == Op::Sbits => self.b.to(to).sbits(a, first, width),
                    (first, width) => self.b.to(to).ubits(a, first, width),
                };
            }
            Meaning::Deposit => {
                let a = self.word(o[1]);
                match field(o) {
                    (0, 64) => self.b.to(to).copy(a),
                    (first, width) => self.b.to(to).set_bits(to, a, first, width),
                };
            }
            Meaning::Compare(cond) => {
                let (a, b) = (self.word(o[1]), self.value(o[2]));
                let holds = self.b.cmp(cond, a, b);
                self.b.to(to).zext(holds);
            }
            Meaning::MoveIf(cond) => {
                let (a, condition) = (self.word(o[1]), self.word(o[2]));
                let holds = self.b.cmp(cond, condition, 0);
                self.b.to(to).select(holds, a, to);
            }
            _ => unreachable!("not an integer instruction"),
        }
    }

    /// A quotient. Registers that overflow trap; by a constant -1 it wraps.
    fn divide(&mut self, op: Op, to: VReg, a: VReg, b: Value) {
        if op == Op::Sdiv && b == Value::Imm(-1) {
            self.unary(Op::Neg, to, a);
        } else {
            self.binary(op, to, a, b);
        }
    }

    /// A remainder. The least word by -1 traps, which the IR's signed remainder does not: that comes from the division.
    fn remainder(&mut self, op: Op, to: VReg, a: VReg, b: Value) {
        match (op, b) {
            (Op::Sdiv, Value::Imm(-1)) => {
                self.b.to(to).iconst(Type::I64, 0);
            }
            (Op::Sdiv, Value::Imm(_)) => self.binary(Op::Srem, to, a, b),
            (Op::Sdiv, Value::Reg(_)) => {
                let quotient = self.b.vreg(Type::I64);
                self.divide(op, quotient, a, b);
                self.rest(to, a, quotient, b);
            }
            _ => self.binary(Op::Urem, to, a, b),
        }
    }

    /// What a quotient leaves.
    fn rest(&mut self, to: VReg, a: VReg, quotient: VReg, b: Value) {
        let product = self.b.vreg(Type::I64);
        self.binary(Op::Mul, product, quotient, b);
        self.binary(Op::Sub, to, a, Value::Reg(product));
    }

    /// A shift by 0 to 64: in two steps, neither of which is by the whole width.
    fn wide_shift(&mut self, op: Op, to: VReg, a: VReg, count: Value) {
        match count {
            Value::Imm(count @ 0..64) => self.binary(op, to, a, Value::Imm(count)),
            Value::Imm(_) if op == Op::Ashr => self.binary(op, to, a, Value::Imm(63)),
            Value::Imm(_) => {
                self.b.to(to).iconst(Type::I64, 0);
            }
            Value::Reg(count) => {
                let half = self.b.lshr(count, 1);
                let other = self.b.sub(count, half);
                let partly = self.b.vreg(Type::I64);
                self.binary(op, partly, a, Value::Reg(half));
                self.binary(op, to, partly, Value::Reg(other));
            }
        }
    }
}

/// The first bit and the width of a field, which the parser has checked.
fn field(o: &[Operand; 4]) -> (u8, u8) {
    match (o[2], o[3]) {
        (Operand::Word(first), Operand::Word(width)) => (first as u8, width as u8),
        _ => unreachable!("the parser gives integers here"),
    }
}
