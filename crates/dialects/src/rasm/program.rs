//! A program as it is written: functions of statements, whichever of the forms it came in.

use super::table::Opcode;
use crate::names::{Name, Names};
use kiln_ir::FileId;
use kiln_ir::diagnostic::{Place, Span};

/// The file of spans that count bytes of bytecode.
pub(super) const BYTECODE: FileId = FileId(u32::MAX);

/// The place that a span is.
pub(super) fn place(at: Span) -> Place {
    if at.file == BYTECODE { Place::Byte(at.start.into()) } else { Place::Span(at) }
}

/// Functions in the order of their first appearance.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub(super) functions: Vec<Function>,
    /// Names of variables, and of functions as operands.
    pub(super) names: Names,
    /// Strings, without the zero byte that ends each in memory.
    pub(super) strings: Vec<Vec<u8>>,
    /// Operands of all statements.
    pub(super) operands: Vec<Operand>,
}

impl Program {
    /// The operands of a statement.
    pub(super) fn operands(&self, statement: &Statement) -> &[Operand] {
        &self.operands[statement.first as usize..][..statement.count as usize]
    }

    /// Where a C symbol is named first.
    pub fn external(&self, name: &str) -> Option<Place> {
        let wanted = What::External(self.names.find(name)?);
        let number = self.operands.iter().position(|operand| operand.what == wanted)?;
        let has = |statement: &&Statement| {
            (statement.first..statement.first + statement.count).contains(&(number as u32))
        };
        let statement = self.functions.iter().flat_map(|function| &function.statements).find(has)?;
        Some(place(statement.part(self.operands[number].at)))
    }

    /// The operand that a string is.
    pub(super) fn string(&mut self, bytes: Vec<u8>) -> What {
        self.strings.push(bytes);
        What::Str(self.strings.len() as u32 - 1)
    }
}

/// A function.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub name: String,
    /// Where it begins.
    pub at: Span,
    pub statements: Vec<Statement>,
}

/// A part of the text or bytecode that a statement stands in: its first byte, and one past its last.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Bytes {
    pub start: u32,
    pub end: u32,
}

impl From<Span> for Bytes {
    fn from(at: Span) -> Bytes {
        Bytes { start: at.start, end: at.end }
    }
}

/// An instruction, and what is kept of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    pub op: Opcode,
    /// Where the mnemonic stands; of a bare operand, the operand.
    pub at: Span,
    /// The number of the line, from 1; 0 in bytecode.
    pub line: u32,
    /// Where its operands begin in [`Program::operands`], and how many there are.
    pub first: u32,
    pub count: u32,
    pub keep: Option<Variable>,
}

impl Statement {
    /// Where a part of it stands.
    pub fn part(&self, at: Bytes) -> Span {
        Span { file: self.at.file, start: at.start, end: at.end }
    }
}

/// The sigil of a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sigil {
    /// `$`
    Int,
    /// `@`
    Label,
    /// `&`
    Float,
}

impl Sigil {
    pub fn text(self) -> char {
        match self {
            Sigil::Int => '$',
            Sigil::Label => '@',
            Sigil::Float => '&',
        }
    }
}

/// `=> $name`
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Variable {
    pub sigil: Sigil,
    pub name: Name,
    pub at: Bytes,
}

/// A register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Register {
    R(u8),
    V(u8),
    Float(u8),
    Ret,
    Sp,
    Fp,
}

impl std::fmt::Display for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Register::R(n) => write!(f, "%r{n}"),
            Register::V(n) => write!(f, "%v{n}"),
            Register::Float(n) => write!(f, "%fpr{n}"),
            Register::Ret => f.write_str("%ret"),
            Register::Sp => f.write_str("%sp"),
            Register::Fp => f.write_str("%fp"),
        }
    }
}

/// What an instruction is given.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum What {
    Register(Register),
    Int(i64),
    Float(f64),
    Variable(Sigil, Name),
    /// `=name`
    Entry(Name),
    /// `!op`
    Call(Opcode),
    /// `*name`
    External(Name),
    /// The number of a string.
    Str(u32),
}

impl What {
    pub fn describe(self, names: &Names) -> String {
        match self {
            What::Register(r @ Register::Float(_)) => format!("the float register `{r}`"),
            What::Register(r) => format!("the register `{r}`"),
            What::Int(n) => format!("the integer {n}"),
            What::Float(x) => format!("the float {x:?}"),
            What::Variable(sigil, name) => format!("`{}{}`", sigil.text(), names.get(name)),
            What::Entry(name) => format!("the function `={}`", names.get(name)),
            What::Call(op) => format!("`!{}`", op.mnemonic()),
            What::External(name) => format!("the C function `*{}`", names.get(name)),
            What::Str(_) => "a string".into(),
        }
    }
}

/// An operand with its place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Operand {
    pub what: What,
    pub at: Bytes,
}

/// Whether it can be the name of a variable, or that of a function that operands refer to.
pub(super) fn is_identifier(name: &str) -> bool {
    is_symbol(name) && !name.contains([':', '<', '>'])
}

/// Whether it can be the name of a C function.
pub(super) fn is_symbol(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '<' | '>'))
}

/// Whether it can be the name of a function.
pub(super) fn is_function(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control())
}
