//! A brainfuck compiler on Kiln: parse, fold, compile with the [`kiln::FunctionBuilder`], run.
//!
//! ```
//! use brainfuck::{AtEnd, Program, Tier};
//!
//! let mut output = Vec::new();
//! let program = Program::new("b.bf", b"++++++[>+++++++++++<-]>.", Tier::Baseline)?;
//! program.run(std::io::empty(), &mut output, AtEnd::Zero)?;
//! assert_eq!(output, b"B");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! README.md tells how it works and which rules it follows where implementations of the language differ.

#![deny(missing_docs)]

mod compile;
mod optimize;
mod parse;
mod program;
mod streams;
mod tape;

pub use compile::compile;
pub use kiln::Tier;
pub use optimize::{Step, optimize};
pub use parse::{Command, MAX_SOURCE, Place, SyntaxError, parse};
pub use program::{LoadError, Program, RunError};
pub use streams::AtEnd;
pub use tape::CELLS;
