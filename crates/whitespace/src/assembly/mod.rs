//! Assembly: readable text for programs, both ways.
//!
//! [`Program::assemble`] reads a superset of the format of whitespacers, [`Program::to_assembly`] prints a part of it that reads
//! back to the same tokens. `docs/whitespace.md` has the grammar.
//!
//! Text becomes words (`lex.rs`), words become instructions (`read.rs`), with macros and included files as further streams of
//! words (`stream.rs`).

mod lex;
mod literal;
mod print;
mod read;
mod stream;

pub(crate) use lex::cut;
pub use print::{Names, Style};

use crate::diagnostic::Rejected;
use crate::options::Options;
use crate::program::Program;
use crate::source::Language;

/// Whose rules the text keeps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Dialect {
    /// Kiln's: those of whitespacers and much of what others have.
    #[default]
    Kiln,
    /// Those of whitespacers and no more: a text that is accepted here is accepted there.
    Whitespacers,
}

impl Dialect {
    /// Every one.
    pub const ALL: &'static [Dialect] = &[Dialect::Kiln, Dialect::Whitespacers];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Kiln => "kiln",
            Dialect::Whitespacers => "whitespacers",
        }
    }
}

/// Which tokens labels get.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Labels {
    /// Those that their names stand for, so that text and program map to each other.
    #[default]
    Spelled,
    /// The shortest, the most used label first. Messages still have the names; the program alone does not.
    Short,
}

/// A file to include.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Included {
    /// Its name for messages, the same however it is reached.
    pub name: String,
    /// What is in it.
    pub text: Vec<u8>,
}

/// Where included files come from.
pub trait Includes {
    /// The file that `path` means in a file with the name `from`.
    ///
    /// # Errors
    ///
    /// Why there is none, in words.
    fn load(&self, from: &str, path: &str) -> Result<Included, String>;
}

/// No file can be included.
#[derive(Clone, Copy, Debug)]
pub struct NoIncludes;

impl Includes for NoIncludes {
    fn load(&self, _: &str, _: &str) -> Result<Included, String> {
        Err("files cannot be included here".into())
    }
}

/// How a text is assembled.
#[derive(Clone)]
pub struct AsmOptions<'a> {
    /// The name of the file in messages.
    pub name: &'a str,
    /// Whose rules the text keeps.
    pub dialect: Dialect,
    /// Which tokens labels get.
    pub labels: Labels,
    /// Where included files come from.
    pub includes: &'a dyn Includes,
    /// Of these, `duplicate_labels` and `undefined_labels` count.
    pub options: Options,
}

impl Default for AsmOptions<'_> {
    fn default() -> Self {
        AsmOptions {
            name: "<assembly>",
            dialect: Dialect::default(),
            labels: Labels::default(),
            includes: &NoIncludes,
            options: Options::default(),
        }
    }
}

/// The language that a text seems to be in: assembly if most lines that say anything begin with a mnemonic or define a
/// label, Whitespace otherwise.
pub fn language(text: &[u8]) -> Language {
    match std::str::from_utf8(text) {
        Ok(text) if read::looks_like_assembly(text) => Language::Assembly,
        _ => Language::Whitespace,
    }
}

impl Program {
    /// Reads assembly.
    ///
    /// # Errors
    ///
    /// Everything that was found wrong.
    pub fn assemble(text: &str, options: &AsmOptions<'_>) -> Result<Program, Rejected> {
        Program::assemble_bytes(text.as_bytes(), options)
    }

    /// Reads assembly that may turn out not to be UTF-8.
    ///
    /// # Errors
    ///
    /// Everything that was found wrong.
    pub fn assemble_bytes(text: &[u8], options: &AsmOptions<'_>) -> Result<Program, Rejected> {
        let program = read::read(text, options)?;
        Ok(match options.labels {
            Labels::Spelled => program,
            Labels::Short => program.with_short_labels(),
        })
    }
}
