//! What instructions work on: registers, constants, names; how each is written.

use crate::bytecode::Bytecode;
use crate::error::Fault;
use crate::read::Line;
use std::fmt;

/// What a register holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A 64-bit integer, of either signedness, or an address: registers `r0`, `r1`, …
    Int,
    /// An IEEE 754 binary64: registers `d0`, `d1`, …
    Double,
}

/// A register: its name says what it holds. Each activation of a function has its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reg {
    /// What it holds.
    pub kind: Kind,
    /// Its number among those of the kind.
    pub number: u16,
}

impl Reg {
    /// Int register `r{number}`.
    pub const fn int(number: u16) -> Reg {
        Reg { kind: Kind::Int, number }
    }

    /// Double register `d{number}`.
    pub const fn double(number: u16) -> Reg {
        Reg { kind: Kind::Double, number }
    }

    /// The register of this name.
    pub(crate) fn from_name(name: &str) -> Option<Reg> {
        let (kind, digits) = match name.split_at_checked(1)? {
            ("r", digits) => (Kind::Int, digits),
            ("d", digits) => (Kind::Double, digits),
            _ => return None,
        };
        let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
        let one_spelling = digits == "0" || !digits.starts_with('0');
        let number = digits.parse().ok()?;
        (all_digits && one_spelling).then_some(Reg { kind, number })
    }
}

macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name(pub(crate) u32);

        impl $name {
            pub(crate) fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A function of the program.
    Func;
    /// An external function.
    Target;
    /// A string.
    Text;
    /// A label.
    Label;
    /// The name of a call whose target can be overwritten while the program runs.
    Site;
}

/// An int constant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imm {
    /// A number.
    Int(i64),
    /// The address of a function, for `callr` or for C.
    Func(Func),
    /// The address of a string's first byte.
    Text(Text),
}

/// A part of an instruction: read after, and written with, the text that stands before it.
pub(crate) trait Operand: Sized {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<Self, Fault>;
    fn write(&self, code: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// How the reference shows one of this name.
    fn form(lead: &str, name: &str) -> String {
        format!("{lead}{name}")
    }

    /// Tells the registers it names.
    fn registers(&self, _see: &mut dyn FnMut(Reg)) {}
}

impl Operand for Reg {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<Reg, Fault> {
        line.expect(lead)?;
        line.register()
    }

    fn write(&self, _: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{lead}{self}")
    }

    fn registers(&self, see: &mut dyn FnMut(Reg)) {
        see(*self);
    }
}

impl Operand for Imm {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<Imm, Fault> {
        line.expect(lead)?;
        line.imm()
    }

    fn write(&self, code: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Imm::Int(value) => write!(f, "{lead}{value}"),
            Imm::Func(func) => write!(f, "{lead}{}", code.function_name(*func)),
            Imm::Text(text) => write!(f, "{lead}{}", code.texts()[text.index()].name),
        }
    }
}

impl Operand for f64 {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<f64, Fault> {
        line.expect(lead)?;
        line.double()
    }

    fn write(&self, _: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{lead}{self:?}")
    }
}

impl Operand for Kind {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<Kind, Fault> {
        line.expect(lead)?;
        line.kind()
    }

    fn write(&self, _: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{lead}{self}")
    }
}

impl Operand for Func {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<Func, Fault> {
        line.expect(lead)?;
        line.function()
    }

    fn write(&self, code: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{lead}{}", code.function_name(*self))
    }
}

impl Operand for Target {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<Target, Fault> {
        line.expect(lead)?;
        line.external()
    }

    fn write(&self, code: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{lead}{}", code.externals()[self.index()].name)
    }
}

impl Operand for Label {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<Label, Fault> {
        line.expect(lead)?;
        line.label()
    }

    fn write(&self, code: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{lead}{}", code.label_name(*self))
    }
}

impl Operand for Site {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<Site, Fault> {
        line.expect(lead)?;
        line.site()
    }

    fn write(&self, code: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{lead}{}", code.site_name(*self))
    }
}

/// There if the text before it is, or, where that is only a blank, if anything is.
impl<T: Operand> Operand for Option<T> {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<Option<T>, Fault> {
        if line.at_end() || !line.accept(lead) { Ok(None) } else { T::read(line, "").map(Some) }
    }

    fn write(&self, code: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().map_or(Ok(()), |operand| operand.write(code, lead, f))
    }

    fn form(lead: &str, name: &str) -> String {
        format!(" [{}{name}]", lead.trim_start())
    }

    fn registers(&self, see: &mut dyn FnMut(Reg)) {
        if let Some(operand) = self {
            operand.registers(see);
        }
    }
}

/// A list in parentheses.
impl<T: Operand> Operand for Vec<T> {
    fn read(line: &mut Line<'_>, lead: &str) -> Result<Vec<T>, Fault> {
        line.expect(lead)?;
        line.list(|line| T::read(line, ""))
    }

    fn write(&self, code: &Bytecode, lead: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{lead}(")?;
        for (n, operand) in self.iter().enumerate() {
            operand.write(code, if n > 0 { ", " } else { "" }, f)?;
        }
        f.write_str(")")
    }

    fn form(lead: &str, name: &str) -> String {
        format!("{lead}({name})")
    }

    fn registers(&self, see: &mut dyn FnMut(Reg)) {
        self.iter().for_each(|operand| operand.registers(see));
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.kind {
            Kind::Int => 'r',
            Kind::Double => 'd',
        };
        write!(f, "{letter}{}", self.number)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Int => "int",
            Kind::Double => "double",
        })
    }
}
