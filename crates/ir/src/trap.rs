//! Why running code stopped: the traps that the interpreter and compiled code both report.

use std::fmt;

/// The reason of a trap, with its values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TrapKind {
    /// An integer was divided by 0.
    DivideByZero,
    /// The least integer was divided by -1.
    IntegerOverflow,
    /// A float has no integer of the wanted type.
    InvalidConversion,
    /// Memory that may not be accessed; the address, where it is known.
    BadAccess(Option<u64>),
    /// No room left on the stack.
    StackOverflow,
    /// `unreachable` was reached.
    Unreachable,
    /// `trap` with this code, 0 to 2^31 - 1.
    User(u32),
    /// `jump_to` an address outside its label set (found by the interpreter only; undefined in compiled code).
    BadLabel,
    /// The interpreter's step limit was reached.
    StepLimit,
    /// A host function returned an error.
    Host,
    /// A replaceable import was called to which nothing is bound.
    Unbound,
    /// The call was asked to end, by another thread for instance.
    Interrupted,
    /// The call has used up its fuel.
    OutOfFuel,
    /// The program left by `exit`, or by a guard that held; the exit's number. The values come beside.
    Exit(u32),
}

impl fmt::Display for TrapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrapKind::DivideByZero => f.write_str("division by zero"),
            TrapKind::IntegerOverflow => f.write_str("integer overflow in division"),
            TrapKind::InvalidConversion => f.write_str("float has no value of the integer type"),
            TrapKind::BadAccess(Some(address)) => write!(f, "bad memory access at {address:#x}"),
            TrapKind::BadAccess(None) => f.write_str("bad memory access"),
            TrapKind::StackOverflow => f.write_str("stack overflow"),
            TrapKind::Unreachable => f.write_str("unreachable code was reached"),
            TrapKind::User(code) => write!(f, "trap {code}"),
            TrapKind::BadLabel => f.write_str("jump to an address outside the label set"),
            TrapKind::StepLimit => f.write_str("step limit reached"),
            TrapKind::Interrupted => f.write_str("interrupted"),
            TrapKind::OutOfFuel => f.write_str("out of fuel"),
            TrapKind::Host => f.write_str("a host function failed"),
            TrapKind::Unbound => f.write_str("call of a function to which nothing is bound"),
            TrapKind::Exit(id) => write!(f, "exit {id}"),
        }
    }
}
