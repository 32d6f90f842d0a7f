//! Functions of programs as C calls them: with an answer for the case of a trap.

use crate::import::{HostFunction, Import};
use std::fmt;
use std::marker::PhantomData;

/// A function of a program for C to call: see [`Function`](crate::Function)'s `callback`. Keeps the program alive.
///
/// The address is that of a function of its own, which calls the program's as Rust would: a trap ends there and the
/// caller gets the value that the creator gave for it. Any thread may call it, also one that Kiln has never seen, and
/// several at once. What C code gets is the C convention of the signature; in both tiers.
pub struct Callback<F> {
    import: Import,
    signature: PhantomData<F>,
}

impl<F> Callback<F> {
    /// Wraps a closure that calls the function.
    pub(crate) fn new<Arguments: 'static>(name: &str, call: impl HostFunction<Arguments>) -> Callback<F> {
        let import = Import::new(&format!("callback of {name}"), call, false);
        Callback { import, signature: PhantomData }
    }

    /// The address to call. It must not be called once this handle is dropped, nor may the handle be dropped while
    /// such a call is under way.
    pub fn address(&self) -> *const u8 {
        self.import.thunk.address as *const u8
    }
}

impl<F> fmt::Debug for Callback<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Callback({:#x}, {})",
            self.import.thunk.address,
            crate::signature::show(&self.import.sig, None)
        )
    }
}
