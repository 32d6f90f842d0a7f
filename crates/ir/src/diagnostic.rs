//! Faults in programs, as data: what is wrong, where, and what to do. Rendering is left to whoever has the source
//! text and a terminal.

use crate::entity::{FileId, FuncId, Inst};
use std::fmt;

/// A half-open range of bytes in a source file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Span {
    /// The file, as the reader's table of sources names it.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// Where a fault is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// In source text.
    Span(Span),
    /// At a byte of a bytecode file.
    Byte(u64),
    /// In an instruction of a function; the operand, if one is at fault, counted as the text form writes them,
    /// results first.
    Inst(FuncId, Inst, Option<u8>),
    /// In a function as a whole.
    Func(FuncId),
    /// In the module as a whole.
    Module,
}

/// A fault with its place and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic<F> {
    /// Where.
    pub at: Place,
    /// What is wrong.
    pub fault: F,
    /// What to do, where something can be suggested.
    pub help: Option<String>,
}

impl<F> Diagnostic<F> {
    /// A fault at a place.
    pub fn new(at: Place, fault: F) -> Diagnostic<F> {
        Diagnostic { at, fault, help: None }
    }

    /// Adds what to do.
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic<F> {
        self.help = Some(help.into());
        self
    }
}

impl<F: fmt::Display> fmt::Display for Diagnostic<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}
