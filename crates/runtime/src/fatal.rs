//! Traps that nobody can be told of by returning: the process ends, with a message.

use crate::call::RawTrap;
use std::sync::OnceLock;

/// Why a trap ends the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fatal {
    /// Frames of C or Rust lie between the trap and the entry, and they are never skipped.
    NativeBetween,
    /// The compiled code was called at an address, on a thread on which no host has entered.
    NotEntered,
}

static REPORT: OnceLock<fn(&RawTrap, Fatal)> = OnceLock::new();

/// Has a trap that ends the process reported by this function, which knows more than this crate. It is called on the
/// thread of the trap, perhaps in a signal handler; that compiled code has trapped there is all that is known of the
/// thread's state. If it returns, the process aborts. Only the first call counts.
pub fn report_fatal_traps(report: fn(&RawTrap, Fatal)) {
    // A second report is documented to change nothing.
    let _ = REPORT.set(report);
}

/// Ends the process because of a trap.
#[cold]
pub(crate) fn end(trap: &RawTrap, why: Fatal) -> ! {
    match REPORT.get() {
        Some(report) => report(trap, why),
        None => eprintln!("kiln: {} at {:#x}: {why}", trap.kind, trap.pc),
    }
    std::process::abort()
}

impl std::fmt::Display for Fatal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Fatal::NativeBetween => "native code that called back into the program cannot be skipped",
            Fatal::NotEntered => {
                "native code called the program at an address, on a thread where no host has entered it"
            }
        })
    }
}
