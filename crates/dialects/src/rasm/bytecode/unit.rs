//! The first layout: one function, instruction by instruction.
//!
//! ```text
//! instruction = u8 returns, u8 count, u16 opcode, operands, [ string ]    the string if returns is 1
//! operand     = u8 code, then a string (names) or 32 bits
//! string      = u16 length, bytes
//! ```

use super::read::{Read, Reader, fault, register};
use super::write::{Write, Writer};
use super::{keeps_float, narrow, placed, span, wants_float};
use crate::names::Name;
use crate::rasm::fault::Fault;
use crate::rasm::program::{Function, Operand, Program, Register, Sigil, Statement, Variable, What};
use crate::rasm::program::{is_identifier, is_symbol};
use crate::rasm::resolve;
use crate::rasm::table::{Gives, Opcode};
use kiln_ir::diagnostic::Diagnostic;

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
    let mut program = Program::default();
    let mut statements = Vec::new();
    while !reader.is_done() {
        statements.push(statement(&mut reader, &mut program)?);
    }
    name_functions(&mut program, &statements);
    program.functions.push(Function { name: "start".into(), at: span(0), statements });
    Ok(program)
}

fn statement(reader: &mut Reader<'_>, program: &mut Program) -> Read<Statement> {
    let start = reader.at;
    let returns = reader.u8()?;
    if returns > 1 {
        return fault(start, Fault::BadByte { what: "mark of a result", value: returns.into() });
    }
    let count = reader.count()?;
    let op = reader.opcode()?;
    let first = program.operands.len() as u32;
    for n in 0..count.into() {
        let operand = operand(reader, program, op, n)?;
        program.operands.push(operand);
    }
    let mut statement = Statement { op, at: span(start), line: 0, first, count: count.into(), keep: None };
    if returns == 1 {
        let at = span(reader.at);
        let length = reader.u16()?;
        let name = program.names.intern(reader.name(length.into(), is_identifier)?);
        let sigil = match op.get().gives() {
            Gives::Label => Sigil::Label,
            _ if keeps_float(op, program.operands(&statement)) => Sigil::Float,
            _ => Sigil::Int,
        };
        statement.keep = Some(Variable { sigil, name, at: at.into() });
    }
    Ok(statement)
}

fn operand(reader: &mut Reader<'_>, program: &mut Program, op: Opcode, n: usize) -> Read<Operand> {
    let start = reader.at;
    let kind = reader.u8()?;
    let at = reader.at;
    let mut name = |allowed: fn(&str) -> bool| {
        let length = reader.u16()?;
        let name = reader.name(length.into(), allowed)?;
        Ok(program.names.intern(name))
    };
    let what = match kind {
        code::VAR => What::Variable(Sigil::Int, name(is_identifier)?),
        code::LABEL => What::Variable(Sigil::Label, name(is_symbol)?),
        code::FLOAT_VAR => What::Variable(Sigil::Float, name(is_identifier)?),
        code::ENTRY => What::Entry(name(is_identifier)?),
        code::EXTERNAL => What::External(name(is_symbol)?),
        code::CALL => {
            let length = reader.u16()?;
            let name = reader.name(length.into(), is_identifier)?;
            match resolve::resolve(name, &[]) {
                Some(op) if resolve::is_callable(op) => What::Call(op),
                _ => return fault(at, Fault::NotCallable(name.into())),
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
            program.string(reader.bytes(length.into())?.into())
        }
        code::WIDE if wants_float(op, n) => What::Float(f64::from_bits(reader.u64()?)),
        code::WIDE => What::Int(reader.u64()? as i64),
        _ => return fault(start, Fault::BadByte { what: "kind of operand", value: kind.into() }),
    };
    Ok(Operand { what, at: span(start).into() })
}

/// The code of a label is also that of functions, which are what no instruction names.
fn name_functions(program: &mut Program, statements: &[Statement]) {
    let mut kept = vec![false; program.names.len()];
    for keep in statements.iter().filter_map(|s| s.keep) {
        kept[keep.name.index()] = true;
    }
    let names = ["self", "start"].map(|name| program.names.find(name));
    for operand in &mut program.operands {
        if let What::Variable(Sigil::Label, name) = operand.what
            && names[0] != Some(name)
            && !kept[name.index()]
        {
            operand.what = if names[1] == Some(name) { What::Entry(name) } else { What::External(name) };
        }
    }
}

pub(super) fn encode(program: &Program) -> Result<Vec<u8>, Diagnostic<Fault>> {
    let mut writer = Writer::default();
    let [function] = program.functions.as_slice() else {
        let refused = writer.refuse("any number of functions but one");
        let second = program.functions.get(1);
        return refused.map_err(|fault| second.map_or(fault.clone(), |second| placed(fault, second.at)));
    };
    if function.name != "start" {
        let refused = writer.refuse("a function that is not `start`");
        return refused.map_err(|fault| placed(fault, function.at));
    }
    for statement in &function.statements {
        put_statement(&mut writer, program, statement).map_err(|fault| placed(fault, statement.at))?;
    }
    Ok(writer.bytes)
}

fn put_statement(writer: &mut Writer, program: &Program, statement: &Statement) -> Write {
    writer.u8(statement.keep.is_some().into());
    writer.count(statement.count as usize)?;
    writer.u16(statement.op.number());
    for (n, operand) in program.operands(statement).iter().enumerate() {
        put(writer, program, operand, statement.op, n)?;
    }
    match &statement.keep {
        Some(keep) => writer.short(program.names.get(keep.name).as_bytes()),
        None => Ok(()),
    }
}

fn put(writer: &mut Writer, program: &Program, operand: &Operand, op: Opcode, n: usize) -> Write {
    let mut name = |code: u8, name: Name| {
        writer.u8(code);
        writer.short(program.names.get(name).as_bytes())
    };
    let (code, word) = match operand.what {
        What::Variable(Sigil::Int, of) => return name(code::VAR, of),
        What::Variable(Sigil::Label, of) => return name(code::LABEL, of),
        What::Variable(Sigil::Float, of) => return name(code::FLOAT_VAR, of),
        What::Entry(of) => return name(code::ENTRY, of),
        What::External(of) => return name(code::EXTERNAL, of),
        What::Call(op) => {
            writer.u8(code::CALL);
            return writer.short(op.mnemonic().as_bytes());
        }
        What::Str(number) => {
            writer.u8(code::STR);
            return writer.short(&program.strings[number as usize]);
        }
        What::Register(register) => match register {
            Register::R(n) => (code::R, n.into()),
            Register::V(n) => (code::V, n.into()),
            Register::Float(n) => (code::FLOAT_REGISTER, n.into()),
            Register::Ret => (code::RET, 0),
            Register::Sp => (code::SP, 0),
            Register::Fp => (code::FP, 0),
        },
        What::Int(value) => match i32::try_from(value) {
            Ok(value) => (code::INT, value as u32),
            Err(_) if wants_float(op, n) => {
                return writer.refuse("an integer of more than 32 bits in the place of a float");
            }
            Err(_) => {
                writer.u8(code::WIDE);
                writer.u64(value as u64);
                return Ok(());
            }
        },
        What::Float(value) => match narrow(value, op) {
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
