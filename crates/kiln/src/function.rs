//! Typed handles to functions of a program.

use crate::callback::Callback;
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

    /// The address at which C code can call it, and at which programs can call it if it is handed to them. It stays
    /// callable as long as the program or one of its functions is alive, and stays the same when the function is
    /// replaced.
    ///
    /// A trap in a call that C makes ends the process with a message, because frames of C are never skipped; use a
    /// callback (see `callback`) if the caller can be told of it.
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

            /// A function that C code can call in place of this one, at [`Callback::address`]: if the call traps,
            /// the C code gets what `on_trap` makes of the trap.
            ///
            /// ```
            /// # use kiln::{Config, Engine};
            /// # use std::sync::{Arc, Mutex};
            /// let engine = Engine::new(Config::new());
            /// let program = engine.load_text("
            ///     export fn ratio(%a: i32, %b: i32) -> i32 {
            ///         %q = sdiv %a, %b
            ///         ret %q
            ///     }
            /// ")?;
            /// let seen = Arc::new(Mutex::new(Vec::new()));
            /// let log = seen.clone();
            /// let ratio = program.function::<fn(i32, i32) -> i32>("ratio")?.callback(move |trap| {
            ///     log.lock().unwrap().push(trap.to_string());
            ///     -1
            /// });
            /// // SAFETY: the callback has this type, and `ratio` lives. C code would do the same.
            /// let called = unsafe {
            ///     let ratio: extern "C" fn(i32, i32) -> i32 = std::mem::transmute(ratio.address());
            ///     (ratio(7, 2), ratio(7, 0))
            /// };
            /// assert_eq!(called, (3, -1));
            /// assert_eq!(*seen.lock().unwrap(), ["division by zero in `ratio` at <text>:3:9"]);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            ///
            /// `on_trap` runs on the thread that made the call, and must not panic: that ends the process. Whoever has
            /// the address called vouches for what [`Function`]'s `call` asks, and holds the callback meanwhile.
            pub fn callback(
                &self,
                on_trap: impl Fn(Trap) -> Out + Send + Sync + 'static,
            ) -> Callback<fn($($name),*) -> Out> {
                let function = self.clone();
                let module = self.program.module();
                let name = &module.func(self.callee.func).name;
                #[allow(non_snake_case, reason = "arguments are named as their types")]
                let call = move |$($name: $name),*| -> Out {
                    // SAFETY: what is asked for is left to whoever has C call the callback.
                    unsafe { function.call($($name),*) }.unwrap_or_else(&on_trap)
                };
                Callback::new::<fn($($name),*) -> Out>(name, call)
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
