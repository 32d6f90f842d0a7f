//! The Whitespace compiler `whitespacers` as its command `wsc` uses it, with heap cells that nobody wrote reading as 0.

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use whitespacers::{Interpreter, Options};

/// A way to run a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Strategy {
    /// Its faster interpreter.
    Optimized,
    /// Everything is compiled first. The command's default.
    AheadOfTime,
    /// What is reached is compiled.
    Synchronous,
    /// Another thread compiles what is reached.
    Threaded,
}

impl Strategy {
    /// Every one.
    pub const ALL: [Strategy; 4] =
        [Strategy::AheadOfTime, Strategy::Optimized, Strategy::Synchronous, Strategy::Threaded];

    /// The name in reports, which has the command's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Optimized => "wsc opt",
            Strategy::AheadOfTime => "wsc aot",
            Strategy::Synchronous => "wsc sync",
            Strategy::Threaded => "wsc async",
        }
    }
}

/// A parsed program.
pub struct Program(whitespacers::Program);

impl Program {
    /// Parses a program.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &[u8]) -> Result<Program> {
        whitespacers::Program::parse(text.to_vec()).map(Program).map_err(|error| anyhow!("{error}"))
    }

    /// Compiles it; gives the bytes of code.
    pub fn compile(&self) -> usize {
        whitespacers::debug_compile(&self.0, Options::UNCHECKED_HEAP).len()
    }

    /// Compiles it as the strategy wants, and runs it.
    ///
    /// # Errors
    /// The program fails.
    pub fn run(&self, strategy: Strategy, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<()> {
        let mut interpreter = Interpreter::new(&self.0, Options::UNCHECKED_HEAP, input, output);
        let done = match strategy {
            Strategy::Optimized => interpreter.interpret_with_fast_state(),
            Strategy::AheadOfTime => interpreter.jit_aot(),
            Strategy::Synchronous => interpreter.jit_sync(),
            Strategy::Threaded => interpreter.jit_threaded(),
        };
        done.map_err(|error| anyhow!("{}", error.format_with_program(&self.0)))
    }
}
