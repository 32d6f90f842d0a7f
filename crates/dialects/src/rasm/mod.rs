//! rasm, the language of the *Runtime assembler*: its text in both forms, its bytecode in both layouts.
//!
//! Text ([`parse`]) or bytecode ([`decode`]) becomes a [`Program`]; [`translate`] evaluates what happens at assembly time
//! and writes the rest as IR. `docs/rasm.md` is the reference.

mod bytecode;
mod excerpt;
mod expr;
mod fault;
mod from_ir;
mod lex;
mod parse;
mod print;
mod program;
mod resolve;
mod table;
mod translate;

pub use bytecode::{Layout, decode, encode};
pub use excerpt::instruction_span;
pub use fault::Fault;
pub use from_ir::from_module;
pub use parse::parse;
pub use print::print;
pub use program::Program;
pub use translate::translate;

/// The mnemonics without letter and type, which depend on their operands.
pub fn stems() -> impl Iterator<Item = &'static str> {
    resolve::stems()
}

/// Every mnemonic, in the order of the opcodes.
pub fn mnemonics() -> impl Iterator<Item = &'static str> {
    table::all().iter().map(|instruction| instruction.mnemonic.as_str())
}
