//! Problems of program texts, as data: class, place, words, and what to do. Rendering is left to whoever has a terminal.

use crate::fault::Class;
use crate::source::{Position, Sources, Span};
use std::fmt;

/// A problem of a program's text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Its class.
    pub class: Class,
    /// What was expected and what was there.
    pub message: String,
    /// Where it is. Unterminated things are where they start.
    pub span: Span,
    /// The instruction that it concerns, by its index.
    pub instruction: Option<u32>,
    /// What else to know, and where that is.
    pub notes: Vec<Note>,
    /// What to do about it, where something can be suggested.
    pub help: Option<String>,
}

/// A remark of a [`Diagnostic`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// What it says.
    pub message: String,
    /// The place it speaks of.
    pub span: Option<Span>,
}

impl Diagnostic {
    /// A problem at a place.
    pub(crate) fn new(class: Class, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { class, message: message.into(), span, instruction: None, notes: Vec::new(), help: None }
    }

    /// Says which instruction it concerns.
    pub(crate) fn at(mut self, instruction: usize) -> Diagnostic {
        self.instruction = Some(instruction as u32);
        self
    }

    /// Adds a remark.
    pub(crate) fn note(mut self, message: impl Into<String>, span: Option<Span>) -> Diagnostic {
        self.notes.push(Note { message: message.into(), span });
        self
    }

    /// Adds what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }
}

/// How many problems of one text are reported.
pub const MOST: usize = 20;

/// Problems as they are found; no more are kept than are reported.
#[derive(Default, Debug)]
pub(crate) struct Problems {
    list: Vec<Diagnostic>,
    omitted: usize,
}

impl Problems {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < MOST {
            self.list.push(diagnostic);
        } else {
            self.omitted += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether no more are kept.
    pub fn is_full(&self) -> bool {
        self.list.len() == MOST
    }

    /// The problems in the order of their places.
    pub fn rejected(mut self, sources: Sources) -> Rejected {
        self.list.sort_by_key(|diagnostic| diagnostic.span);
        Rejected { diagnostics: self.list, omitted: self.omitted, sources }
    }
}

/// Why a text is no program: everything that was found, in the order of the text.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The problems, at least one and at most [`MOST`].
    pub diagnostics: Vec<Diagnostic>,
    /// How many more were found. Parsing may have stopped before it found all.
    pub omitted: usize,
    /// The texts that the places are in.
    pub sources: Sources,
}

impl Rejected {
    /// Where a problem is.
    pub fn position(&self, diagnostic: &Diagnostic) -> Option<Position> {
        self.sources.position(diagnostic.span.start)
    }
}

/// A line for each problem.
impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.diagnostics.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            if let Some(position) = self.position(diagnostic) {
                write!(f, "{position}: ")?;
            }
            write!(f, "{}: {}", diagnostic.class, diagnostic.message)?;
        }
        if self.omitted > 0 {
            write!(f, "\nand {} more", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejected {}
