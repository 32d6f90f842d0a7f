//! Why a program could not be loaded, or a function not be had.

use crate::link::Failure;
use kiln_codegen::Refusal;
use kiln_ir::diagnostic::Diagnostic;
use kiln_ir::{bytecode, text, verify};
use kiln_runtime::LinkError;
use std::fmt::{self, Display};

/// Why a program could not be loaded, by the stage that found it.
#[derive(Clone, PartialEq, Debug)]
pub enum LoadError {
    /// The text has mistakes: all of them, up to 50.
    Parse(Vec<Diagnostic<text::Fault>>),
    /// The bytecode is damaged, or of a version that this Kiln does not read.
    Bytecode(Diagnostic<bytecode::Fault>),
    /// The module breaks rules: all of them.
    Verify(Vec<Diagnostic<verify::Fault>>),
    /// The compiler of the chosen tier refuses parts of the module; the interpreter would not.
    Compile(Vec<Diagnostic<Refusal>>),
    /// An import was not found, or memory for the code not to be had.
    Link(LinkError),
    /// A Rust closure defined for an import has another signature than the module declares.
    ImportSignature {
        /// The import.
        name: String,
        /// As the module declares it.
        declared: String,
        /// As the closure has it.
        defined: String,
    },
    /// The file that [`crate::Config::perf_map`] asks for cannot be written.
    PerfMap {
        /// What the system says.
        reason: String,
    },
}

impl Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Parse(faults) => list(f, faults),
            LoadError::Bytecode(fault) => Display::fmt(fault, f),
            LoadError::Verify(faults) => list(f, faults),
            LoadError::Compile(faults) => list(f, faults),
            LoadError::Link(error) => Display::fmt(error, f),
            LoadError::ImportSignature { name, declared, defined } => {
                write!(f, "the module imports `{name}` as {declared}, the host defines it as {defined}")
            }
            LoadError::PerfMap { reason } => write!(f, "the perf map file cannot be written: {reason}"),
        }
    }
}

fn list<F: Display>(f: &mut fmt::Formatter<'_>, faults: &[Diagnostic<F>]) -> fmt::Result {
    for (i, fault) in faults.iter().enumerate() {
        write!(f, "{}{fault}", if i > 0 { "; " } else { "" })?;
    }
    Ok(())
}

impl std::error::Error for LoadError {}

impl LoadError {
    pub(crate) fn perf_map(error: std::io::Error) -> LoadError {
        LoadError::PerfMap { reason: error.to_string() }
    }
}

impl From<Failure> for LoadError {
    fn from(failure: Failure) -> LoadError {
        match failure {
            Failure::Refused(refused) => LoadError::Compile(refused),
            Failure::Link(error) => LoadError::Link(error),
        }
    }
}

/// Why a program gives no handle to a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FunctionError {
    /// The program exports no function of this name.
    NotFound {
        /// The name asked for.
        name: String,
        /// What the program exports.
        exports: Vec<String>,
    },
    /// The function has another signature.
    Signature {
        /// The function.
        name: String,
        /// The signature asked for.
        wanted: String,
        /// The signature it has.
        found: String,
    },
    /// A dynamic call passed another number of arguments.
    Arguments {
        /// The function.
        name: String,
        /// How many it takes.
        wanted: usize,
        /// How many were passed.
        found: usize,
    },
}

impl Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FunctionError::NotFound { name, exports } if exports.is_empty() => {
                write!(f, "no function `{name}` is exported, nor any other")
            }
            FunctionError::NotFound { name, exports } => {
                write!(f, "no function `{name}` is exported; there are {}", exports.join(", "))
            }
            FunctionError::Signature { name, wanted, found } => {
                write!(f, "`{name}` is {found}, not {wanted}")
            }
            FunctionError::Arguments { name, wanted, found } => {
                write!(f, "`{name}` takes {wanted} arguments, not {found}")
            }
        }
    }
}

impl std::error::Error for FunctionError {}

/// Why a function was not replaced, or not restored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplaceError {
    /// The program has no function of this name.
    NotFound {
        /// The name asked for.
        name: String,
        /// The functions of the program that can be replaced.
        replaceable: Vec<String>,
    },
    /// The function is not declared `replaceable`.
    NotReplaceable {
        /// The function.
        name: String,
    },
    /// The other program does not export the function that was to take its place.
    With(FunctionError),
    /// The two functions have different signatures.
    Signature {
        /// The function to be replaced.
        name: String,
        /// Its signature.
        wanted: String,
        /// The function that was to take its place.
        with: String,
        /// That one's signature.
        found: String,
    },
    /// The function that was to take its place has been replaced, and leads to this one.
    Circle {
        /// The function to be replaced.
        name: String,
        /// The function that was to take its place.
        with: String,
    },
}

impl Display for ReplaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplaceError::NotFound { name, replaceable } if replaceable.is_empty() => {
                write!(f, "there is no function `{name}`, nor any that can be replaced")
            }
            ReplaceError::NotFound { name, replaceable } => {
                write!(f, "there is no function `{name}`; what can be replaced is {}", replaceable.join(", "))
            }
            ReplaceError::NotReplaceable { name } => write!(f, "`{name}` is not declared replaceable"),
            ReplaceError::With(error) => Display::fmt(error, f),
            ReplaceError::Signature { name, wanted, with, found } => {
                write!(f, "`{name}` is {wanted}, but `{with}` is {found}")
            }
            ReplaceError::Circle { name, with } => {
                write!(
                    f,
                    "`{with}` has been replaced and leads to `{name}`, so calls would go round in a circle"
                )
            }
        }
    }
}

impl std::error::Error for ReplaceError {}

impl From<FunctionError> for ReplaceError {
    fn from(error: FunctionError) -> ReplaceError {
        ReplaceError::With(error)
    }
}

/// Why a dynamic call gave no results.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InvokeError {
    /// It was not made.
    Function(FunctionError),
    /// It ended before it returned.
    Trap(crate::Trap),
}

impl Display for InvokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvokeError::Function(error) => Display::fmt(error, f),
            InvokeError::Trap(trap) => Display::fmt(trap, f),
        }
    }
}

impl std::error::Error for InvokeError {}

impl From<FunctionError> for InvokeError {
    fn from(error: FunctionError) -> InvokeError {
        InvokeError::Function(error)
    }
}

impl From<crate::Trap> for InvokeError {
    fn from(trap: crate::Trap) -> InvokeError {
        InvokeError::Trap(trap)
    }
}
