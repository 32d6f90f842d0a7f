//! Looking on while a function is compiled: what each pass changes, and when it begins and ends.

use super::{Body, Passes};
use kiln_ir::{FuncId, Function};

/// What a function is between two passes.
#[derive(Clone, Copy, Debug)]
pub enum Form<'a> {
    /// Registers that are assigned anywhere, as in the source.
    Registers(&'a Function),
    /// Values that are written once.
    Values(&'a Body),
}

/// Who looks on. `()` does not, at no cost.
pub trait Watch {
    /// A pass is about to run over a function.
    #[inline]
    fn before(&mut self, func: FuncId, pass: Passes, form: Form<'_>) {
        let _ = (func, pass, form);
    }

    /// It has run.
    #[inline]
    fn after(&mut self, func: FuncId, pass: Passes, form: Form<'_>) {
        let _ = (func, pass, form);
    }
}

impl Watch for () {}
