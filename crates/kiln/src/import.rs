//! Rust closures as imports. The address that a program calls is a thunk, an IR function of the closure's signature: it
//! stores its arguments to words, calls [`serve`] with the closure and the words, and loads the results from there;
//! if the closure failed it goes to the runtime's routine that ends the call from the host with a trap.

use crate::link::{self, Assembled};
use crate::signature::for_each_arity;
use crate::trap::{Trap, leave_pending};
use crate::value::{Value, Values};
use kiln_ir::{Cond, Hint, Linkage, MemType, Module, Signature, Type};
use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A Rust closure that programs can import: it takes up to twelve [`Value`]s and gives [`Values`], or a `Result` of
/// them whose error becomes a trap with its words. `Arguments` is a function type and follows from the closure.
///
/// A closure may be called from every thread that runs a program which imports it.
pub trait HostFunction<Arguments>: Send + Sync + 'static {
    /// The signature under which programs import it.
    fn signature(&self) -> Signature;

    /// Calls it with the argument words; writes the result words over them.
    ///
    /// # Errors
    /// What the closure says went wrong.
    fn serve(&self, words: &mut [u64]) -> Result<(), String>;
}

/// What a host function gives: [`Values`], or a `Result` of them.
pub trait Outcome {
    /// The values.
    type Values: Values;

    /// The values, or what went wrong.
    ///
    /// # Errors
    /// The error's words.
    fn outcome(self) -> Result<Self::Values, String>;
}

impl<V: Values> Outcome for V {
    type Values = V;

    #[inline]
    fn outcome(self) -> Result<V, String> {
        Ok(self)
    }
}

impl<V: Values, E: Display> Outcome for Result<V, E> {
    type Values = V;

    #[inline]
    fn outcome(self) -> Result<V, String> {
        self.map_err(|error| error.to_string())
    }
}

macro_rules! host_functions {
    ($($name:ident)*) => {
        impl<Closure, $($name: Value,)* Out: Outcome> HostFunction<fn($($name),*) -> Out> for Closure
        where
            Closure: Fn($($name),*) -> Out + Send + Sync + 'static,
        {
            fn signature(&self) -> Signature {
                let params: Vec<kiln_ir::AbiType> = vec![$($name::ABI),*];
                Signature::new(params, Out::Values::abi())
            }

            #[allow(non_snake_case, unused_mut, unused_variables, reason = "arguments are named as their types")]
            fn serve(&self, words: &mut [u64]) -> Result<(), String> {
                let mut next = words.iter();
                $(let $name = $name::from_word(*next.next().ok_or("too few words")?);)*
                self($($name),*).outcome()?.to_words(words);
                Ok(())
            }
        }
    };
}

for_each_arity!(host_functions);

/// What a thunk calls, with the closure's type hidden.
type Closure = dyn Fn(&mut [u64]) -> Result<(), String> + Send + Sync;

/// A closure with its thunk. Programs that import it keep it alive.
pub(crate) struct Import {
    /// The signature the thunk has.
    pub sig: Signature,
    /// The thunk, whose image keeps the closure.
    pub thunk: Assembled,
}

/// What a thunk hands to [`serve`]. Its address stands in the thunk's code.
struct Served {
    name: String,
    closure: Box<Closure>,
    words: usize,
    catch_panics: bool,
}

impl Import {
    pub(crate) fn new<Arguments: 'static>(
        name: &str,
        closure: impl HostFunction<Arguments>,
        catch_panics: bool,
    ) -> Import {
        let sig = closure.signature();
        let words = sig.params.len().max(sig.results.len()).max(1);
        let served = Arc::new(Served {
            name: name.into(),
            closure: Box::new(move |words| closure.serve(words)),
            words,
            catch_panics,
        });
        let context = &raw const *served as usize as i64;
        let thunk = thunk(&sig, serve as *const () as usize, &[context]);
        thunk.image.keep(served);
        Import { sig, thunk }
    }
}

/// A C function of the given signature that stores its arguments to words, calls `service(contexts..., words)` and
/// returns the results found in the words; if the service gives anything but 0, it traps.
pub(crate) fn thunk(sig: &Signature, service: usize, contexts: &[i64]) -> Assembled {
    let mut module = Module::new();
    let contexts_and_words = vec![Type::Ptr; contexts.len() + 1];
    let service_func = module.import("service", Signature::new(contexts_and_words, [Type::I32]));
    let raise = module.import("raise", Signature::new([] as [Type; 0], [] as [Type; 0]));
    let thunk = module.declare("thunk", sig.clone(), Linkage::Export);
    let mut b = module.build(thunk);
    thunk_body(&mut b, sig, service_func, raise, contexts);
    link::finish(b);
    link::assemble(module, &[("service", service), ("raise", link::raise_address())])
}

/// How many words a thunk hands over: one for each argument or result, and of a variadic function one more, the
/// address of the list of its variable arguments, behind those of its arguments.
pub(crate) fn thunk_words(sig: &Signature) -> usize {
    (sig.params.len() + usize::from(sig.variadic)).max(sig.results.len()).max(1)
}

/// The body of a thunk, for functions of modules that declare what it calls.
pub(crate) fn thunk_body(
    b: &mut kiln_ir::FunctionBuilder<'_>,
    sig: &Signature,
    service: kiln_ir::FuncId,
    raise: kiln_ir::FuncId,
    contexts: &[i64],
) {
    let slot = b.slot(thunk_words(sig) as u32 * 8, 8);
    for n in 0..sig.params.len() as u32 {
        let param = b.param(n);
        let ty = b.ty(param);
        let at = b.slot_addr(slot, n as i32 * 8);
        b.store(MemType::of(ty), at, param);
    }
    if sig.variadic {
        // Room for the longest kind of list.
        let list = b.slot(24, 8);
        let list = b.slot_addr(list, 0);
        b.va_start(list);
        let at = b.slot_addr(slot, sig.params.len() as i32 * 8);
        b.store(MemType::PTR, at, list);
    }
    let mut arguments: Vec<_> = contexts.iter().map(|context| b.iconst(Type::Ptr, *context)).collect();
    arguments.push(b.slot_addr(slot, 0));
    let status = b.call1(service, &arguments);
    let failed = b.block();
    b.branch_hint(Cond::Ne, status, 0, failed, Hint::Unlikely);
    let mut results = Vec::new();
    for (n, result) in sig.results.iter().enumerate() {
        let ty = result.register();
        let at = b.slot_addr(slot, n as i32 * 8);
        results.push(b.load(ty, MemType::of(ty), at));
    }
    b.ret(&results);
    b.place(failed);
    b.set_cold();
    b.call(raise, &[]);
    b.unreachable();
}

/// Runs a closure for a thunk. Gives 0, or 1 when a trap is left pending.
///
/// # Safety
/// `served` is the one that the calling thunk's image keeps, `words` the words of that thunk.
unsafe extern "C" fn serve(served: *const Served, words: *mut u64) -> i32 {
    kiln_runtime::look_around();
    // SAFETY: the thunk passes the address written into it, which its image keeps alive.
    let served = unsafe { &*served };
    // SAFETY: the thunk's slot has this many words, and nobody else has its address.
    let words = unsafe { std::slice::from_raw_parts_mut(words, served.words) };
    match catch_unwind(AssertUnwindSafe(|| (served.closure)(words))) {
        Ok(Ok(())) => 0,
        Ok(Err(message)) => {
            leave_pending(Trap::host(message));
            1
        }
        Err(panic) => {
            if !served.catch_panics {
                // The panic's own message has been written by the hook.
                eprintln!("a panic left the host function `{}` called from a Kiln program", served.name);
                std::process::abort();
            }
            leave_pending(Trap::host(panic_message(panic.as_ref())));
            1
        }
    }
}

/// What a caught panic says, for a trap.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", message.unwrap_or("without message"))
}
