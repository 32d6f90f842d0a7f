//! The bytecode: two layouts of the same statements, big endian.
//!
//! An immediate that does not fit 32 bits, integer or float, takes a code of Kiln's own, written only then.

mod file;
mod read;
mod unit;
mod write;

use super::fault::Fault;
use super::program::{self, BYTECODE, Operand, Program, Sigil, What};
use super::table::{Class, Form, Opcode, Ty};
use kiln_ir::diagnostic::{Diagnostic, Place, Span};

const MAX_BYTES: usize = 1 << 30;

/// How a program is laid out in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// The instructions of one function, nothing before or behind them. Read, it is the function `start`.
    Unit,
    /// Functions with their names, one after the other.
    File,
}

/// Reads bytecode.
///
/// # Errors
/// The first thing that is not as it must be, with its byte.
pub fn decode(bytes: &[u8], layout: Layout) -> Result<Program, Diagnostic<Fault>> {
    if bytes.len() > MAX_BYTES {
        return Err(Diagnostic::new(Place::Byte(MAX_BYTES as u64), Fault::TooLarge));
    }
    match layout {
        Layout::Unit => unit::decode(bytes),
        Layout::File => file::decode(bytes),
    }
}

/// Writes bytecode.
///
/// # Errors
/// What the layout cannot say.
pub fn encode(program: &Program, layout: Layout) -> Result<Vec<u8>, Diagnostic<Fault>> {
    match layout {
        Layout::Unit => unit::encode(program),
        Layout::File => file::encode(program),
    }
}

/// What cannot be written, at the place in the program that it is about.
fn placed(fault: Diagnostic<Fault>, at: Span) -> Diagnostic<Fault> {
    Diagnostic { at: program::place(at), ..fault }
}

/// The span of a byte.
fn span(at: usize) -> Span {
    Span { file: BYTECODE, start: at as u32, end: at as u32 + 1 }
}

/// Whether an operand of an instruction is a float, which decides what a wide immediate is.
fn wants_float(op: Opcode, n: usize) -> bool {
    op.get().operands.get(n) == Some(&Class::Float)
}

/// The 32 bits of a float immediate, if they say all that the instruction sees of it.
fn narrow(value: f64, op: Opcode) -> Option<u32> {
    let single = value as f32;
    (op.get().ty == Ty::F || f64::from(single).to_bits() == value.to_bits()).then(|| single.to_bits())
}

/// Whether a statement with these operands keeps something as a float: no opcode says so.
fn keeps_float(op: Opcode, operands: &[Operand]) -> bool {
    let float = |o: &Operand| matches!(o.what, What::Float(_) | What::Variable(Sigil::Float, _));
    op.get().form == Form::AssignInt && operands.first().is_some_and(float)
}
