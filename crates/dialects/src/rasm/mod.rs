//! rasm, the language of the *Runtime assembler*: its text in both forms, its bytecode in both layouts.
//!
//! Text or bytecode becomes a [`Program`]; [`translate`] evaluates what happens at assembly time and writes the rest as
//! IR.

mod expr;
mod fault;
mod lex;
mod parse;
mod program;
mod resolve;
mod table;
mod translate;

pub use fault::Fault;
pub use parse::parse;
pub use program::Program;
pub use translate::translate;
