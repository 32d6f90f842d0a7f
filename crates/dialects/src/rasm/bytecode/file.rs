//! The second layout: functions with their names.
//!
//! ```text
//! function    = u8 0, string name, u16 count, statements
//! statement   = instruction | u8 2, operand, variable
//! instruction = u8 1, u8 count, u16 opcode, operands
//! operand     = u8 kind, payload
//! string      = u32 length, bytes
//! ```

use super::read::{Read, Reader, fault, register};
use super::write::{Write, Writer};
use super::{keeps_float, narrow, placed, span, wants_float};
use crate::names::Name;
use crate::rasm::fault::Fault;
use crate::rasm::program::{Function, Operand, Program, Register, Sigil, Statement, Variable, What};
use crate::rasm::program::{is_function, is_identifier, is_symbol};
use crate::rasm::resolve;
use crate::rasm::table::Opcode;
use kiln_ir::diagnostic::Diagnostic;
use std::collections::HashSet;

/// What a byte begins. The last two are Kiln's.
mod kind {
    pub const FUNCTION: u8 = 0;
    pub const INSTRUCTION: u8 = 1;
    pub const ASSIGNMENT: u8 = 2;
    pub const FLOAT: u8 = 3;
    pub const INT: u8 = 4;
    pub const R: u8 = 5;
    pub const V: u8 = 6;
    pub const FLOAT_REGISTER: u8 = 7;
    pub const SP: u8 = 8;
    pub const FP: u8 = 9;
    pub const RET: u8 = 10;
    pub const ENTRY: u8 = 11;
    pub const LABEL: u8 = 12;
    pub const INT_VAR: u8 = 13;
    pub const FLOAT_VAR: u8 = 14;
    pub const CALL: u8 = 15;
    pub const EXTERNAL: u8 = 16;
    pub const STR: u8 = 17;
    pub const WIDE: u8 = 18;
}

pub(super) fn decode(bytes: &[u8]) -> Read<Program> {
    let mut reader = Reader::new(bytes);
    let mut program = Program::default();
    let mut known = HashSet::new();
    while !reader.is_done() {
        let start = reader.at;
        let byte = reader.u8()?;
        if byte != kind::FUNCTION {
            return fault(start, Fault::BadByte { what: "beginning of a function", value: byte.into() });
        }
        let length = reader.u32()?;
        let name = reader.name(length as usize, is_function)?;
        if !known.insert(name) {
            return fault(start, Fault::DuplicateFunction(name.into()));
        }
        let count = reader.u16()?;
        let statements =
            (0..count).map(|_| statement(&mut reader, &mut program)).collect::<Read<Vec<_>>>()?;
        program.functions.push(Function { name: name.into(), at: span(start), statements });
    }
    Ok(program)
}

fn statement(reader: &mut Reader<'_>, program: &mut Program) -> Read<Statement> {
    let start = reader.at;
    match reader.u8()? {
        kind::INSTRUCTION => instruction(reader, program, start),
        kind::ASSIGNMENT => assignment(reader, program, start),
        byte => fault(start, Fault::BadByte { what: "kind of statement", value: byte.into() }),
    }
}

fn instruction(reader: &mut Reader<'_>, program: &mut Program, start: usize) -> Read<Statement> {
    let count = reader.count()?;
    let op = reader.opcode()?;
    let first = program.operands.len() as u32;
    for n in 0..count.into() {
        let at = reader.at;
        let kind = reader.u8()?;
        let operand = operand(reader, program, kind, at, wants_float(op, n))?;
        program.operands.push(operand);
    }
    Ok(Statement { op, at: span(start), line: 0, first, count: count.into(), keep: None })
}

/// An instruction, or an operand by itself, and the variable that keeps it.
fn assignment(reader: &mut Reader<'_>, program: &mut Program, start: usize) -> Read<Statement> {
    let at = reader.at;
    let byte = reader.u8()?;
    if byte == kind::INSTRUCTION {
        let mut statement = instruction(reader, program, start)?;
        statement.keep = Some(variable(reader, program)?);
        return Ok(statement);
    }
    let mut operand = operand(reader, program, byte, at, false)?;
    let keep = variable(reader, program)?;
    if let (What::Int(bits), kind::WIDE, Sigil::Float) = (operand.what, byte, keep.sigil) {
        operand.what = What::Float(f64::from_bits(bits as u64));
    }
    match resolve::assign(&operand) {
        Some(op) => {
            let first = program.operands.len() as u32;
            program.operands.push(operand);
            Ok(Statement { op, at: span(start), line: 0, first, count: 1, keep: Some(keep) })
        }
        None => fault(at, Fault::BadByte { what: "kind of operand", value: byte.into() }),
    }
}

fn name(reader: &mut Reader<'_>, program: &mut Program, allowed: fn(&str) -> bool) -> Read<Name> {
    let length = reader.u32()?;
    let name = reader.name(length as usize, allowed)?;
    Ok(program.names.intern(name))
}

fn variable(reader: &mut Reader<'_>, program: &mut Program) -> Read<Variable> {
    let start = reader.at;
    let sigil = match reader.u8()? {
        kind::LABEL => Sigil::Label,
        kind::INT_VAR => Sigil::Int,
        kind::FLOAT_VAR => Sigil::Float,
        byte => return fault(start, Fault::BadByte { what: "kind of variable", value: byte.into() }),
    };
    Ok(Variable { sigil, name: name(reader, program, is_identifier)?, at: span(start).into() })
}

fn operand(
    reader: &mut Reader<'_>,
    program: &mut Program,
    kind: u8,
    start: usize,
    float: bool,
) -> Read<Operand> {
    let at = reader.at;
    let what = match kind {
        kind::FLOAT => What::Float(f32::from_bits(reader.u32()?).into()),
        kind::INT => What::Int((reader.u32()? as i32).into()),
        kind::R => What::Register(register(at, Register::R, 3, reader.u8()?.into())?),
        kind::V => What::Register(register(at, Register::V, 3, reader.u8()?.into())?),
        kind::FLOAT_REGISTER => What::Register(register(at, Register::Float, 6, reader.u8()?.into())?),
        kind::SP => What::Register(Register::Sp),
        kind::FP => What::Register(Register::Fp),
        kind::RET => What::Register(Register::Ret),
        kind::ENTRY => What::Entry(name(reader, program, is_identifier)?),
        kind::LABEL => What::Variable(Sigil::Label, name(reader, program, is_identifier)?),
        kind::INT_VAR => What::Variable(Sigil::Int, name(reader, program, is_identifier)?),
        kind::FLOAT_VAR => What::Variable(Sigil::Float, name(reader, program, is_identifier)?),
        kind::CALL => {
            let op = reader.opcode()?;
            if !resolve::is_callable(op) {
                return fault(at, Fault::NotCallable(op.mnemonic().into()));
            }
            What::Call(op)
        }
        kind::EXTERNAL => What::External(name(reader, program, is_symbol)?),
        kind::STR => {
            let length = reader.u32()?;
            program.string(reader.bytes(length as usize)?.into())
        }
        kind::WIDE if float => What::Float(f64::from_bits(reader.u64()?)),
        kind::WIDE => What::Int(reader.u64()? as i64),
        byte => return fault(start, Fault::BadByte { what: "kind of operand", value: byte.into() }),
    };
    Ok(Operand { what, at: span(start).into() })
}

pub(super) fn encode(program: &Program) -> Result<Vec<u8>, Diagnostic<Fault>> {
    let mut writer = Writer::default();
    for function in &program.functions {
        writer.u8(kind::FUNCTION);
        writer.long(function.name.as_bytes())?;
        match u16::try_from(function.statements.len()) {
            Ok(count) => writer.u16(count),
            Err(_) => {
                let refused = writer.refuse("a function of more than 65535 statements");
                return refused.map_err(|fault| placed(fault, function.at));
            }
        }
        for statement in &function.statements {
            put_statement(&mut writer, program, statement).map_err(|fault| placed(fault, statement.at))?;
        }
    }
    Ok(writer.bytes)
}

fn put_statement(writer: &mut Writer, program: &Program, statement: &Statement) -> Write {
    let operands = program.operands(statement);
    if statement.keep.is_some() {
        writer.u8(kind::ASSIGNMENT);
    }
    if statement.keep.is_some() && keeps_float(statement.op, operands) {
        // There is no opcode for it: the operand stands by itself.
        put(writer, program, &operands[0], statement.op, true)?;
    } else {
        writer.u8(kind::INSTRUCTION);
        writer.count(statement.count as usize)?;
        writer.u16(statement.op.number());
        for (n, operand) in operands.iter().enumerate() {
            put(writer, program, operand, statement.op, wants_float(statement.op, n))?;
        }
    }
    let Some(keep) = &statement.keep else { return Ok(()) };
    writer.u8(match keep.sigil {
        Sigil::Label => kind::LABEL,
        Sigil::Int => kind::INT_VAR,
        Sigil::Float => kind::FLOAT_VAR,
    });
    writer.long(program.names.get(keep.name).as_bytes())
}

fn put(writer: &mut Writer, program: &Program, operand: &Operand, op: Opcode, float: bool) -> Write {
    let mut name = |kind: u8, name: &[u8]| {
        writer.u8(kind);
        writer.long(name)
    };
    let names = &program.names;
    match operand.what {
        What::Entry(of) => return name(kind::ENTRY, names.get(of).as_bytes()),
        What::Variable(Sigil::Label, of) => return name(kind::LABEL, names.get(of).as_bytes()),
        What::Variable(Sigil::Int, of) => return name(kind::INT_VAR, names.get(of).as_bytes()),
        What::Variable(Sigil::Float, of) => return name(kind::FLOAT_VAR, names.get(of).as_bytes()),
        What::External(of) => return name(kind::EXTERNAL, names.get(of).as_bytes()),
        What::Str(number) => return name(kind::STR, &program.strings[number as usize]),
        What::Call(op) => {
            writer.u8(kind::CALL);
            writer.u16(op.number());
        }
        What::Register(register) => match register {
            Register::R(n) => writer.bytes.extend([kind::R, n]),
            Register::V(n) => writer.bytes.extend([kind::V, n]),
            Register::Float(n) => writer.bytes.extend([kind::FLOAT_REGISTER, n]),
            Register::Ret => writer.u8(kind::RET),
            Register::Sp => writer.u8(kind::SP),
            Register::Fp => writer.u8(kind::FP),
        },
        What::Int(value) => match i32::try_from(value) {
            Ok(value) => {
                writer.u8(kind::INT);
                writer.u32(value as u32);
            }
            Err(_) if float => {
                return writer.refuse("an integer of more than 32 bits in the place of a float");
            }
            Err(_) => {
                writer.u8(kind::WIDE);
                writer.u64(value as u64);
            }
        },
        What::Float(value) => match narrow(value, op) {
            Some(bits) => {
                writer.u8(kind::FLOAT);
                writer.u32(bits);
            }
            None if float => {
                writer.u8(kind::WIDE);
                writer.u64(value.to_bits());
            }
            None => return writer.refuse("a float of more than 32 bits here"),
        },
    }
    Ok(())
}
