//! Call stubs: calls of signatures that are known only at run time.

use crate::adapter::{adapter, words_of};
use crate::trap::Trap;
use kiln_ir::{AbiType, Layout, LayoutDecl, Signature, Type};
use std::fmt;

/// Calls functions of one signature, whatever it is, by their addresses. Stubs of equal signatures share their code,
/// which is made once in the process, in some ten microseconds; making the stub again is a look-up.
///
/// ```
/// use kiln::{CallStub, Signature, Type};
///
/// extern "C" fn average(a: f64, b: f64) -> f64 {
///     (a + b) / 2.0
/// }
/// let stub = CallStub::new(&Signature::new([Type::F64, Type::F64], [Type::F64]), &[], &[]);
/// let mut results = [0];
/// let target = average as *const () as *const u8;
/// // SAFETY: the function is of that signature.
/// unsafe { stub.call(target, &[1.0f64.to_bits(), 4.0f64.to_bits()], &mut results) }?;
/// assert_eq!(f64::from_bits(results[0]), 2.5);
/// # Ok::<(), kiln::Trap>(())
/// ```
#[derive(Clone, Copy)]
pub struct CallStub {
    adapter: usize,
    arguments: usize,
    results: usize,
    words: usize,
}

impl CallStub {
    /// The stub of a signature. `layouts` are those that its aggregates name, a [`kiln_ir::LayoutId`] being a position
    /// there; `variable` are the types of the variable arguments, if the signature is variadic.
    ///
    /// # Panics
    /// If an aggregate names a layout that is not there, or there are variable arguments and the signature has none.
    pub fn new(sig: &Signature, layouts: &[Layout], variable: &[Type]) -> CallStub {
        assert!(sig.variadic || variable.is_empty(), "the signature takes no variable arguments");
        let named = |layout: &Layout| LayoutDecl { name: String::new(), layout: layout.clone() };
        let layouts: Vec<LayoutDecl> = layouts.iter().map(named).collect();
        let aggregates = sig.results.iter().filter(|r| matches!(r, AbiType::Aggregate(_))).count();
        CallStub {
            adapter: adapter(sig, variable, &layouts),
            arguments: sig.params.len() + variable.len() + aggregates,
            results: sig.results.len(),
            words: words_of(sig, variable.len()),
        }
    }

    /// Calls the function at an address. Arguments and results are words: integers in the low bytes, floats as their
    /// bits, of an aggregate its address. Behind the arguments stand the addresses to which the bytes of results that
    /// are aggregates are written; the result's word is that address again.
    ///
    /// # Errors
    /// If compiled code that was called trapped.
    ///
    /// # Panics
    /// If there are more or fewer arguments or results than the signature has.
    ///
    /// # Safety
    /// A function of the stub's signature is at the address, it may be called with these arguments, and addresses among
    /// them are what it takes them for.
    pub unsafe fn call(&self, target: *const u8, arguments: &[u64], results: &mut [u64]) -> Result<(), Trap> {
        const FEW: usize = 16;
        assert_eq!((arguments.len(), results.len()), (self.arguments, self.results), "arguments and results");
        let (mut few, mut many);
        let words = match self.words < FEW {
            true => {
                few = [0u64; FEW];
                &mut few[..]
            }
            false => {
                many = vec![0u64; self.words + 1];
                &mut many[..]
            }
        };
        words[0] = target as u64;
        words[1..=arguments.len()].copy_from_slice(arguments);
        // SAFETY: the adapter is of the signature and there is a word for all that it reads and writes; the rest is
        // what this function asks of its caller.
        unsafe { kiln_runtime::enter(self.adapter as *const u8, words.as_mut_ptr()) }
            .map_err(|raw| Trap::from_raw(&raw))?;
        results.copy_from_slice(&words[1..=self.results]);
        Ok(())
    }
}

impl fmt::Debug for CallStub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallStub({} arguments, {} results)", self.arguments, self.results)
    }
}
