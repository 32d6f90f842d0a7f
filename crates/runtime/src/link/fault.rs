//! What may be wrong with a module that is to be linked.

use crate::memory::PAGE;
use kiln_codegen::code::{Routine, Target};
use kiln_ir::{DataId, FuncId};
use std::fmt;

/// Why a module could not be linked: everything that is wrong, not only the first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkError {
    /// At least one fault.
    pub faults: Vec<LinkFault>,
}

/// One reason why a module could not be linked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkFault {
    /// An imported function that is used was not found.
    MissingFunction {
        /// Which.
        func: FuncId,
        /// Its name.
        name: String,
        /// The library it was looked for in, if the import names one.
        library: Option<String>,
        /// Why the library cannot be used, if that is the cause.
        reason: Option<String>,
    },
    /// An imported data object that is used was not found.
    MissingData {
        /// Which.
        data: DataId,
        /// Its name.
        name: String,
    },
    /// A function of the module is used whose code was not given.
    NoCode {
        /// Which.
        func: FuncId,
        /// Its name.
        name: String,
    },
    /// A routine that compiled code needs was not found in the process.
    MissingRoutine(Routine),
    /// Something is too far away for a direct access.
    OutOfReach {
        /// The offset in the code.
        at: u32,
        /// What is accessed.
        to: Target,
    },
    /// A data object is declared thread-local and is not, or it is and is used like one that is not.
    ThreadLocal {
        /// Which.
        data: DataId,
        /// Its name.
        name: String,
    },
    /// A data object wants to start at a multiple of more than a page (4096 bytes).
    Alignment {
        /// Which.
        data: DataId,
        /// What it wants, in bytes.
        align: u32,
    },
    /// The system gives no more memory, or the region for linked modules is full.
    NoMemory {
        /// How many bytes were wanted.
        wanted: usize,
        /// The system's error number.
        code: i32,
    },
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for LinkError {}

impl fmt::Display for LinkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkFault::MissingFunction { name, library, reason, .. } => {
                write!(f, "imported function `{name}` was not found")?;
                if let Some(library) = library {
                    write!(f, " in library `{library}`")?;
                }
                match reason {
                    Some(reason) => write!(f, ": {reason}"),
                    None => Ok(()),
                }
            }
            LinkFault::MissingData { name, .. } => write!(f, "imported data `{name}` was not found"),
            LinkFault::NoCode { name, .. } => write!(f, "function `{name}` is used but was not compiled"),
            LinkFault::MissingRoutine(routine) => {
                write!(f, "the process has no {routine:?}, which compiled code needs")
            }
            LinkFault::OutOfReach { at, to } => write!(f, "{to:?} is out of reach of the code at {at:#x}"),
            LinkFault::ThreadLocal { name, .. } => {
                write!(
                    f,
                    "imported data `{name}` is thread-local only in its declaration, or only where it is defined"
                )
            }
            LinkFault::Alignment { data, align } => {
                write!(f, "data {data:?} wants alignment {align}; at most {PAGE} is possible")
            }
            LinkFault::NoMemory { wanted, code } => {
                let why = std::io::Error::from_raw_os_error(*code);
                write!(f, "no memory for {wanted} bytes of code and data: {why}")
            }
        }
    }
}
