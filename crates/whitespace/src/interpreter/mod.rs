//! Execution without the compiler: the oracle, any precision, and fast.

pub(crate) mod big;
pub(crate) mod fast;
pub(crate) mod reference;

use crate::fault::FaultKind;

/// Why an execution stopped that met no error. It can go on after all but the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The program has ended.
    End,
    /// As many instructions ran as were asked for.
    Steps,
    /// Somebody wanted it to stop.
    Interrupted,
}

/// How an execution went. The state is that before the instruction which failed, or which runs next.
pub(crate) type Outcome = Result<Stop, FaultKind>;
