//! Programs: loaded once, run any number of times.

use crate::compile::compile;
use crate::optimize::optimize;
use crate::parse::{SyntaxError, parse};
use crate::streams::{AtEnd, Streams};
use crate::tape::{CELLS, Tape};
use kiln::{Config, Engine, Function, Position, Tier, Trap, TrapKind};
use std::fmt;
use std::io::{self, Read, Write};

/// What is run: from the address of a cell, with the streams that `read` and `write` are handed.
type Run = fn(*mut u8, *mut Streams<'static>);

/// A program in memory.
pub struct Program {
    run: Function<Run>,
    /// The length of its source in bytes.
    source: usize,
}

/// Why a program cannot be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The source's brackets do not match, or it is too long.
    Syntax(SyntaxError),
    /// Kiln has no memory for it.
    Kiln(Box<kiln::LoadError>),
}

/// Why a program stopped before its end.
#[derive(Debug)]
pub enum RunError {
    /// There is no memory for the tape.
    NoTape(io::Error),
    /// It used a cell that the tape does not have.
    OutsideTape {
        /// Which one: below 0, or [`CELLS`] and more.
        cell: i64,
        /// Where in the source.
        position: Option<Position>,
    },
    /// A stream failed, or something else stopped it.
    Trap(Trap),
    /// It ended, but its last output could not be written.
    Output(String),
}

impl Program {
    /// Compiles a program; `file` is the name under which messages know it.
    ///
    /// # Errors
    /// Brackets that do not match, no memory.
    pub fn new(file: &str, source: &[u8], tier: Tier) -> Result<Program, LoadError> {
        let commands = parse(source).map_err(LoadError::Syntax)?;
        let module = compile(file, &optimize(&commands));
        let mut engine = Engine::new(Config::new().tier(tier));
        engine.define("read", |streams: *mut Streams<'static>, old: u8| {
            // SAFETY: programs pass on what `Program::run` handed them: its streams, which it does not use meanwhile.
            unsafe { (*streams).read(old) }
        });
        engine.define("write", |streams: *mut Streams<'static>, byte: u8| {
            // SAFETY: as above.
            unsafe { (*streams).write(byte) }
        });
        let program = engine.load_module(module).map_err(|error| LoadError::Kiln(Box::new(error)))?;
        let run = program.function::<Run>("run").expect("the module exports `run` of this type");
        Ok(Program { run, source: source.len() })
    }

    /// Runs it on a new tape.
    ///
    /// # Errors
    /// What stopped it. The output before that has been written.
    pub fn run(&self, input: impl Read, output: impl Write, at_end: AtEnd) -> Result<(), RunError> {
        let tape = Tape::new(self.source).map_err(RunError::NoTape)?;
        let mut streams = Streams::new(input, output, at_end);
        let handed: *mut Streams<'_> = &mut streams;
        // SAFETY: the program touches nothing but the tape and the addresses around it that cannot be accessed, as
        // the tape's documentation argues; the streams outlive the call, whatever the pointer's type says.
        let result = unsafe { self.run.call(tape.first(), handed.cast()) };
        let flushed = streams.flush();
        result.map_err(|trap| RunError::from_trap(trap, &tape))?;
        flushed.map_err(RunError::Output)
    }
}

impl RunError {
    fn from_trap(trap: Trap, tape: &Tape) -> RunError {
        if let TrapKind::BadAccess(Some(address)) = trap.kind()
            && let Some(cell) = tape.cell_outside(address)
        {
            return RunError::OutsideTape { cell, position: trap.position().cloned() };
        }
        RunError::Trap(trap)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Syntax(error) => error.fmt(f),
            LoadError::Kiln(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::NoTape(error) => write!(f, "no memory for the tape: {error}"),
            RunError::OutsideTape { cell, position } => {
                if let Some(position) = position {
                    write!(f, "{position}: ")?;
                }
                write!(f, "there is no cell {cell}: the tape has cells 0 to {}", CELLS - 1)
            }
            RunError::Trap(trap) => trap.fmt(f),
            RunError::Output(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for LoadError {}
impl std::error::Error for RunError {}
