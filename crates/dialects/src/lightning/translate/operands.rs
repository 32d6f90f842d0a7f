//! Operands as values of the IR, and the instructions that have no method of the builder because of how they take them.

use super::body::Body;
use super::fits;
use crate::lightning::live;
use crate::lightning::program::{FRAME_POINTER, Operand};
use crate::lightning::table::Ty;
use crate::lightning::value::Base;
use kiln_ir::function::aux;
use kiln_ir::{InstData, Op, Type, VReg};

/// What a number of the IR's operands is.
pub(super) type Value = kiln_ir::Operand;

impl Body<'_, '_, '_> {
    /// The register with this bit.
    pub(super) fn register(&mut self, bit: u32) -> VReg {
        if self.registers[bit as usize].is_none() {
            let ty = match bit {
                0..live::F32 => Type::I64,
                live::F32..live::F64 | live::RETURNED_F32 => Type::F32,
                live::CARRY => Type::I32,
                _ => Type::F64,
            };
            let register = self.b.vreg(ty);
            let name = match bit {
                0..3 => format!("r{bit}"),
                3..8 => format!("v{}", bit - 3),
                8..16 => format!("f{}.f", bit - 8),
                16..24 => format!("f{}", bit - 16),
                live::CARRY => "carry".into(),
                live::RETURNED_F32 => "ret.f".into(),
                _ => "ret.d".into(),
            };
            self.b.name_vreg(register, &name);
            self.registers[bit as usize] = register;
        }
        self.registers[bit as usize]
    }

    /// The integer register of an operand that is written.
    pub(super) fn int(&mut self, operand: Operand) -> VReg {
        match operand {
            Operand::Int(n) => self.register(n as u32),
            _ => unreachable!("the parser gives an integer register here"),
        }
    }

    /// The register of a float operand that holds this type.
    pub(super) fn float(&mut self, operand: Operand, ty: Type) -> VReg {
        let first = if ty == Type::F32 { live::F32 } else { live::F64 };
        match operand {
            Operand::Float(n) => self.register(first + n as u32),
            Operand::Number(v) if ty == Type::F32 => self.b.f32const(v as f32),
            Operand::Number(v) => self.b.f64const(v),
            _ => unreachable!("the parser gives a float here"),
        }
    }

    /// An address that is known when the program runs.
    pub(super) fn address(&mut self, base: Base, offset: i64) -> VReg {
        match base {
            Base::Data if fits(offset) => self.b.data_addr(self.names.data, offset as i32),
            Base::Data => {
                let start = self.b.data_addr(self.names.data, 0);
                self.b.add(start, offset)
            }
            Base::Symbol(symbol) => {
                let function = self.names.symbol(self.b.module(), symbol, None);
                let start = self.b.func_addr(function);
                if offset == 0 { start } else { self.b.add(start, offset) }
            }
        }
    }

    /// An operand that is a register or a constant.
    pub(super) fn value(&mut self, operand: Operand) -> Value {
        match operand {
            Operand::Word(v) => Value::Imm(v),
            operand => Value::Reg(self.word(operand)),
        }
    }

    /// An operand in a register.
    pub(super) fn word(&mut self, operand: Operand) -> VReg {
        match operand {
            Operand::Int(FRAME_POINTER) => self.beside_frame_end(0),
            Operand::Int(n) => self.register(n as u32),
            Operand::Word(v) => self.b.iconst(Type::I64, v),
            Operand::Address(base, offset) => self.address(base, offset),
            _ => unreachable!("the parser gives an integer or an address here"),
        }
    }

    /// A value in a register.
    pub(super) fn in_register(&mut self, value: Value) -> VReg {
        match value {
            Value::Reg(v) => v,
            Value::Imm(v) => self.b.iconst(Type::I64, v),
        }
    }

    /// The words by which a record has a register or constant: the word and the flag.
    pub(super) fn or_constant(&mut self, value: Value) -> (u32, u16) {
        match value {
            Value::Imm(v) if fits(v) => (v as u32, aux::IMM),
            value => (self.in_register(value).0, 0),
        }
    }

    /// An op with two operands.
    pub(super) fn binary(&mut self, op: Op, to: VReg, a: VReg, b: Value) {
        let (b, imm) = self.or_constant(b);
        self.b.push(InstData { op, ty: Type::I64, aux: imm, dst: to.0, a: a.0, b }, &[]);
    }

    /// An op with one operand, of the operand's type.
    pub(super) fn unary(&mut self, op: Op, to: VReg, a: VReg) {
        let ty = self.b.ty(to);
        self.b.push(InstData { op, ty, aux: 0, dst: to.0, a: a.0, b: 0 }, &[]);
    }

    /// An op with two results.
    pub(super) fn pair(&mut self, op: Op, low: VReg, high: VReg, a: VReg, b: Value) {
        let (b, imm) = self.or_constant(b);
        let inst = InstData { op, ty: Type::I64, aux: aux::TAIL | imm, dst: low.0, a: a.0, b: 0 };
        self.b.push(inst, &[b, high.0]);
    }

    /// A register's value extended as a type says.
    pub(super) fn extend(&mut self, ty: Ty, to: VReg, from: VReg) {
        match ty {
            Ty::I8 => self.b.to(to).sext8(from),
            Ty::U8 => self.b.to(to).zext8(from),
            Ty::I16 => self.b.to(to).sext16(from),
            Ty::U16 => self.b.to(to).zext16(from),
            Ty::I32 => {
                let low = self.b.trunc(from);
                self.b.to(to).sext(low)
            }
            Ty::U32 => {
                let low = self.b.trunc(from);
                self.b.to(to).zext(low)
            }
            Ty::Word | Ty::F32 | Ty::F64 => self.b.to(to).copy(from),
        };
    }
}
