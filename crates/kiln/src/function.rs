//! Typed handles to functions of a program.

use crate::program::{Callee, Program};
use crate::signature::{FunctionType, for_each_arity};
use crate::trap::Trap;
use crate::value::{Value, Values};
use std::fmt;
use std::marker::PhantomData;

/// Most words that an adapter is handed: the callee, twelve arguments or four results, rounded up.
pub(crate) const WORDS: usize = 16;

/// A function of a program, its signature checked against the Rust type `F`. Keeps the program alive; cheap to clone,
/// free to pass to other threads.
pub struct Function<F> {
    program: Program,
    callee: Callee,
    signature: PhantomData<F>,
}

impl<F: FunctionType> Function<F> {
    pub(crate) fn new(program: Program, callee: Callee) -> Function<F> {
        Function { program, callee, signature: PhantomData }
    }

    /// The program it belongs to.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The address at which C code can call it, for example as a callback. It stays callable as long as the program or
    /// one of its functions is alive. A trap in a call made so ends the process, unless the C code was itself called
    /// from a program: then it ends that call.
    pub fn address(&self) -> *const u8 {
        self.callee.target as *const u8
    }
}

macro_rules! callable {
    ($($name:ident)*) => {
        impl<$($name: Value,)* Out: Values + 'static> Function<fn($($name),*) -> Out> {
            /// Calls the function.
            ///
            /// # Errors
            /// Why it stopped before it returned. What it had done by then stays done; the program can be called again.
            ///
            /// # Safety
            /// This runs the program as native code with all rights of the process. The caller vouches that the
            /// program, with these arguments, does nothing that would be undefined behaviour in C: accesses no
            /// memory that Rust code reads or writes at the same time or relies on, calls C functions as they ask,
            /// and that each import has the signature the program declares.
            #[allow(clippy::too_many_arguments, reason = "the function has as many")]
            #[allow(non_snake_case, reason = "arguments are named as their types")]
            #[inline]
            pub unsafe fn call(&self, $($name: $name),*) -> Result<Out, Trap> {
                let mut words = [0u64; WORDS];
                let arguments: &[u64] = &[$($name.to_word()),*];
                words[1..=arguments.len()].copy_from_slice(arguments);
                // SAFETY: the signature was checked when the handle was made, so the adapter takes these words; the
                // rest is what this function asks of its caller.
                unsafe { self.program.enter(self.callee, &mut words)? };
                Ok(Out::from_words(&words[1..]))
            }
        }
    };
}

for_each_arity!(callable);

impl<F> Clone for Function<F> {
    fn clone(&self) -> Function<F> {
        Function { program: self.program.clone(), callee: self.callee, signature: PhantomData }
    }
}

impl<F> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({:#x})", self.callee.target)
    }
}
