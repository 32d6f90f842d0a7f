//! The language Whitespace: programs as bytes and as readable assembly, and how they run.
//!
//! A [`Program`] is read by [`Program::parse`] from bytes of which only space (S), tab (T) and line feed (L) count. Reading
//! gives every problem that it finds, with its place. What implementations disagree on is decided by
//! [`Options`](options::Options). `docs/whitespace.md` is the reference.
//!
//! ```
//! use kiln_whitespace::{AsmOptions, Program, Style};
//!
//! let program = Program::assemble("push 1 printi end", &AsmOptions::default())?;
//! let text = program.to_whitespace();
//! let again = Program::parse(&text)?;
//! assert_eq!(again.to_assembly(Style::KILN), "  push 1\n  printi\n  end\n");
//! # Ok::<(), kiln_whitespace::Rejected>(())
//! ```

#![deny(missing_docs)]
#![deny(unsafe_code)]

mod annotate;
mod arithmetic;
pub mod assembly;
mod bits;
mod check;
pub mod compile;
pub mod diagnostic;
pub mod engine;
pub mod fault;
pub mod instruction;
mod interpreter;
pub mod io;
pub mod label;
pub mod machine;
mod minify;
pub mod number;
pub mod options;
mod parse;
pub mod program;
mod shrink;
pub mod signals;
pub mod source;
pub mod source_map;
pub mod state;
mod suggest;
pub mod token;
pub mod trace;
pub mod value;
mod write;

pub use assembly::{AsmOptions, Style};
pub use compile::CompiledProgram;
pub use diagnostic::{Diagnostic, Rejected};
pub use engine::Engine;
pub use fault::{Class, Fault, FaultKind};
pub use instruction::{Instruction, Opcode};
pub use interpreter::Stop;
pub use label::{Label, LabelId};
pub use machine::Machine;
pub use number::Number;
pub use options::Options;
pub use program::{Program, Target};
pub use source::Position;
pub use source_map::SourceMap;
pub use state::State;

/// An integer of any size.
pub type Integer = dashu_int::IBig;
