//! The first layout: one function, instruction by instruction.
//!
//! ```text
//! instruction = u8 returns, u8 count, u16 opcode, operands, [ string ]    the string if returns is 1
//! operand     = u8 code, then a string (names) or 32 bits
//! string      = u16 length, bytes
//! ```

use super::read::{Read, Reader, fault, register};
use super::write::{Write, Writer};
use super::{keeps_float, narrow, span, wants_float};
use crate::rasm::fault::Fault;
use crate::rasm::program::{Function, Operand, Program, Register, Sigil, Statement, Variable, What};
use crate::rasm::program::{is_identifier, is_symbol};
use crate::rasm::resolve;
use crate::rasm::table::{Gives, Opcode};
use kiln_ir::diagnostic::Diagnostic;
use std::collections::HashSet;

/// The codes of operands. Those from `SP` on are Kiln's.
mod code {
    pub const VAR: u8 = 0;
    pub const LABEL: u8 = 1;
    pub const CALL: u8 = 2;
    pub const R: u8 = 3;
    pub const V: u8 = 4;
    pub const FLOAT_REGISTER: u8 = 5;
    pub const RET: u8 = 6;
    pub const INT: u8 = 7;
    pub const SP: u8 = 8;
    pub const FP: u8 = 9;
    pub const FLOAT: u8 = 10;
    pub const FLOAT_VAR: u8 = 11;
    pub const ENTRY: u8 = 12;
    pub const EXTERNAL: u8 = 13;
    pub const STR: u8 = 14;
    pub const WIDE: u8 = 15;
}

pub(super) fn decode(bytes: &[u8]) -> Read<Program> {
    let mut reader = Reader::new(bytes);
    let mut statements = Vec::new();
    while !reader.is_done() {
        statements.push(statement(&mut reader)?);
    }
    name_functions(&mut statements);
    Ok(Program { functions: vec![Function { name: "start".into(), at: span(0), statements }] })
}

fn statement(reader: &mut Reader<'_>) -> Read<Statement> {
    let start = reader.at;
    let returns = reader.u8()?;
    if returns > 1 {
        return fault(start, Fault::BadByte { what: "mark of a result", value: returns.into() });
    }
    let count = reader.count()?;
    let op = reader.opcode()?;
    let operands = (0..count.into()).map(|n| operand(reader, op, n)).collect::<Read<Vec<_>>>()?;
    let mut statement = Statement { op, at: span(start), operands, keep: None };
    if returns == 1 {
        let at = span(reader.at);
        let length = reader.u16()?;
        let name = reader.name(length.into(), is_identifier)?;
        let sigil = match op.get().gives() {
            Gives::Label => Sigil::Label,
            _ if keeps_float(&statement) => Sigil::Float,
            _ => Sigil::Int,
        };
        statement.keep = Some(Variable { sigil, name, at });
    }
    Ok(statement)
}

fn operand(reader: &mut Reader<'_>, op: Opcode, n: usize) -> Read<Operand> {
    let start = reader.at;
    let kind = reader.u8()?;
    let at = reader.at;
    let mut name = |allowed: fn(&str) -> bool| {
        let length = reader.u16()?;
        reader.name(length.into(), allowed)
    };
    let what = match kind {
        code::VAR => What::Variable(Sigil::Int, name(is_identifier)?),
        code::LABEL => What::Variable(Sigil::Label, name(is_symbol)?),
        code::FLOAT_VAR => What::Variable(Sigil::Float, name(is_identifier)?),
        code::ENTRY => What::Entry(name(is_identifier)?),
        code::EXTERNAL => What::External(name(is_symbol)?),
        code::CALL => {
            let name = name(is_identifier)?;
            match resolve::resolve(&name, &[]) {
                Some(op) if resolve::is_callable(op) => What::Call(op),
                _ => return fault(at, Fault::NotCallable(name)),
            }
        }
        code::R => What::Register(register(at, Register::R, 3, reader.u32()?)?),
        code::V => What::Register(register(at, Register::V, 3, reader.u32()?)?),
        code::FLOAT_REGISTER => What::Register(register(at, Register::Float, 6, reader.u32()?)?),
        // What these hold says nothing.
        code::RET | code::SP | code::FP => {
            reader.u32()?;
            What::Register(match kind {
                code::RET => Register::Ret,
                code::SP => Register::Sp,
                _ => Register::Fp,
            })
        }
        code::INT => What::Int((reader.u32()? as i32).into()),
        code::FLOAT => What::Float(f32::from_bits(reader.u32()?).into()),
        code::STR => {
            let length = reader.u16()?;
            What::Str(reader.bytes(length.into())?.into())
        }
        code::WIDE if wants_float(op, n) => What::Float(f64::from_bits(reader.u64()?)),
        code::WIDE => What::Int(reader.u64()? as i64),
        _ => return fault(start, Fault::BadByte { what: "kind of operand", value: kind.into() }),
    };
    Ok(Operand { what, at: span(start) })
}

/// The code of a label is also that of functions, which are what no instruction names.
fn name_functions(statements: &mut [Statement]) {
    let kept: HashSet<String> =
        statements.iter().filter_map(|s| s.keep.as_ref()).map(|keep| keep.name.clone()).collect();
    for operand in statements.iter_mut().flat_map(|s| &mut s.operands) {
        if let What::Variable(Sigil::Label, name) = &operand.what
            && name != "self"
            && !kept.contains(name)
        {
            operand.what =
                if name == "start" { What::Entry(name.clone()) } else { What::External(name.clone()) };
        }
    }
}

pub(super) fn encode(program: &Program) -> Result<Vec<u8>, Diagnostic<Fault>> {
    let mut writer = Writer::default();
    let [function] = program.functions.as_slice() else {
        return writer.refuse("any number of functions but one");
    };
    if function.name != "start" {
        return writer.refuse("a function that is not `start`");
    }
    for statement in &function.statements {
        writer.u8(statement.keep.is_some().into());
        writer.count(statement.operands.len())?;
        writer.u16(statement.op.number());
        for (n, operand) in statement.operands.iter().enumerate() {
            put(&mut writer, operand, statement.op, n)?;
        }
        if let Some(keep) = &statement.keep {
            writer.short(keep.name.as_bytes())?;
        }
    }
    Ok(writer.bytes)
}

fn put(writer: &mut Writer, operand: &Operand, op: Opcode, n: usize) -> Write {
    let mut name = |code: u8, name: &str| {
        writer.u8(code);
        writer.short(name.as_bytes())
    };
    let (code, word) = match &operand.what {
        What::Variable(Sigil::Int, of) => return name(code::VAR, of),
        What::Variable(Sigil::Label, of) => return name(code::LABEL, of),
        What::Variable(Sigil::Float, of) => return name(code::FLOAT_VAR, of),
        What::Entry(of) => return name(code::ENTRY, of),
        What::External(of) => return name(code::EXTERNAL, of),
        What::Call(op) => return name(code::CALL, op.mnemonic()),
        What::Str(bytes) => {
            writer.u8(code::STR);
            return writer.short(bytes);
        }
        What::Register(register) => match *register {
            Register::R(n) => (code::R, n.into()),
            Register::V(n) => (code::V, n.into()),
            Register::Float(n) => (code::FLOAT_REGISTER, n.into()),
            Register::Ret => (code::RET, 0),
            Register::Sp => (code::SP, 0),
            Register::Fp => (code::FP, 0),
        },
        What::Int(value) => match i32::try_from(*value) {
            Ok(value) => (code::INT, value as u32),
            Err(_) if wants_float(op, n) => {
                return writer.refuse("an integer of more than 32 bits in the place of a float");
            }
            Err(_) => {
                writer.u8(code::WIDE);
                writer.u64(*value as u64);
                return Ok(());
            }
        },
        What::Float(value) => match narrow(*value, op) {
            Some(bits) => (code::FLOAT, bits),
            None if wants_float(op, n) => {
                writer.u8(code::WIDE);
                writer.u64(value.to_bits());
                return Ok(());
            }
            None => return writer.refuse("a variable that holds a float of more than 32 bits"),
        },
    };
    writer.u8(code);
    writer.u32(word);
    Ok(())
}
