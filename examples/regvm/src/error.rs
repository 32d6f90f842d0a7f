//! What can be wrong with a program, and where.

use crate::operand::{Kind, Reg};
use std::fmt;

/// A place in the source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A mistake in a program.
#[derive(Clone, PartialEq, Debug)]
pub struct Error {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Clone, PartialEq, Debug)]
pub enum Fault {
    /// Something else was expected at a place of the text.
    Expected {
        /// What was.
        wanted: String,
        /// What stands there.
        found: String,
    },
    /// No instruction has this word.
    UnknownInstruction(String),
    /// A constant that is none, or that 64 bits cannot hold.
    BadNumber(String),
    /// A name was given to two things.
    NameTaken(String),
    /// A name that should be a function's is something else's.
    NotAFunction(String),
    /// A name that should be an external function's is not.
    NotExternal(String),
    /// The name of a library that is not UTF-8.
    LibraryName,
    /// A call to a function, or its address, but no `func_start`.
    Undefined(String),
    /// Two functions of one name.
    DefinedTwice(String),
    /// A jump to a label that its function does not have.
    NoLabel(String),
    /// A label placed twice, or in two functions.
    LabelTwice(String),
    /// A patch of a site that no call has.
    NoSite(String),
    /// Two calls with one site.
    SiteTwice(String),
    /// The instruction at this index is not a call.
    NoCall(usize),
    /// An instruction that stands outside functions.
    OutsideFunction,
    /// `func_start` before the `func_end` of the function above.
    InsideFunction,
    /// The program ends inside a function.
    NotEnded(String),
    /// Control reaches the end of a function that gives a result.
    NoResult(Kind),
    /// A register twice among the parameters.
    ParamTwice(Reg),
    /// A register or constant of the wrong kind.
    WrongKind {
        /// The kind it must have.
        wanted: Kind,
        /// The register.
        found: Reg,
    },
    /// Something is pushed or called, but no call is open.
    NoCallOpen,
    /// Control moves away while calls are open.
    CallOpen,
    /// A call passes other arguments than its target takes.
    Arguments {
        /// What it takes.
        wanted: String,
        /// What was pushed.
        found: String,
    },
    /// A result of another kind than the function gives, or of one that gives none.
    Result {
        /// What it gives.
        wanted: Option<Kind>,
        /// What is asked of it.
        found: Option<Kind>,
    },
    /// A call's target is overwritten with a function of another signature.
    OtherSignature(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Expected { wanted, found } => write!(f, "expected {wanted}, found {found}"),
            Fault::UnknownInstruction(word) => write!(f, "there is no instruction `{word}`"),
            Fault::BadNumber(word) => write!(f, "`{word}` is not a number of 64 bits"),
            Fault::NameTaken(name) => write!(f, "the name `{name}` is taken"),
            Fault::NotAFunction(name) => write!(f, "`{name}` is not a function of the program"),
            Fault::NotExternal(name) => write!(f, "`{name}` is not declared by an `extern` above"),
            Fault::LibraryName => f.write_str("the library's name is not UTF-8"),
            Fault::Undefined(name) => write!(f, "there is no function `{name}`"),
            Fault::DefinedTwice(name) => write!(f, "function `{name}` is defined twice"),
            Fault::NoLabel(name) => write!(f, "this function has no label `{name}`"),
            Fault::LabelTwice(name) => write!(f, "label `{name}` is placed twice"),
            Fault::NoSite(name) => write!(f, "no call has the site `@{name}`"),
            Fault::SiteTwice(name) => write!(f, "two calls have the site `@{name}`"),
            Fault::NoCall(index) => write!(f, "instruction {index} is not a call"),
            Fault::OutsideFunction => f.write_str("this stands outside functions"),
            Fault::InsideFunction => f.write_str("the function above has not ended"),
            Fault::NotEnded(name) => write!(f, "function `{name}` has no `func_end`"),
            Fault::NoResult(kind) => write!(f, "the function ends here without its {kind} result"),
            Fault::ParamTwice(reg) => write!(f, "{reg} is a parameter twice"),
            Fault::WrongKind { wanted, found } => {
                write!(f, "{found} holds {}, {} is needed here", a(found.kind), a(*wanted))
            }
            Fault::NoCallOpen => f.write_str("no call is open: `call_start` is missing"),
            Fault::CallOpen => f.write_str("a call is still open: its arguments are pushed, but not used"),
            Fault::Arguments { wanted, found } => write!(f, "the function takes {wanted}, not {found}"),
            Fault::Result { wanted, found } => {
                let show = |kind: &Option<Kind>| kind.map_or("nothing", a);
                write!(f, "the function gives {}, not {}", show(wanted), show(found))
            }
            Fault::OtherSignature(name) => write!(f, "`{name}` has another signature than the call's target"),
        }
    }
}

/// A kind with its article.
fn a(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "an int",
        Kind::Double => "a double",
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.fault)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl std::error::Error for Fault {}
impl std::error::Error for Error {}
