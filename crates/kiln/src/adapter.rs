//! Adapters: the way from Rust into compiled code. Rust knows signatures only as data, the compiler knows how to make a
//! call of any signature; so an adapter is an IR function of its own, `fn(words: ptr)`, which loads the callee's
//! address and the arguments from words, makes the call and stores the results over the arguments.
//!
//! There is one per signature in the process, made on first use (some ten microseconds) and kept.

use crate::link::{self, Assembled};
use kiln_ir::{AbiType, LayoutDecl, Linkage, MemType, Module, Signature, Type};
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// What tells adapters apart.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    sig: Signature,
    /// Register types of the arguments after the fixed ones.
    variable: Vec<Type>,
    /// The layouts that the signature's aggregates name.
    layouts: Vec<kiln_ir::Layout>,
}

/// The address of the adapter for a signature, with these register types as variable arguments.
///
/// The words it takes: the callee's address, then one per argument; it leaves one per result, from the second word
/// on. Of an aggregate argument the word is the address.
///
/// `None` if the compiler does not make calls of such a signature.
pub(crate) fn adapter(sig: &Signature, variable: &[Type], layouts: &[LayoutDecl]) -> Option<usize> {
    static ADAPTERS: OnceLock<Mutex<HashMap<Key, Option<Assembled>>>> = OnceLock::new();
    let has_aggregates = sig.params.iter().chain(&sig.results).any(|e| matches!(e, AbiType::Aggregate(_)));
    let key = Key {
        sig: sig.clone(),
        variable: variable.to_vec(),
        layouts: if has_aggregates { layouts.iter().map(|l| l.layout.clone()).collect() } else { Vec::new() },
    };
    let adapters = ADAPTERS.get_or_init(Mutex::default);
    let mut adapters = adapters.lock().unwrap_or_else(PoisonError::into_inner);
    let made = adapters.entry(key).or_insert_with(|| link::assemble(build(sig, variable, layouts), &[]));
    made.as_ref().map(|adapter| adapter.address)
}

fn build(sig: &Signature, variable: &[Type], layouts: &[LayoutDecl]) -> Module {
    let mut module = Module::new();
    for layout in layouts {
        module.layout(&layout.name, layout.layout.clone());
    }
    let callee_sig = module.signature(sig.clone());
    let adapter = module.declare("adapter", Signature::new([Type::Ptr], [] as [Type; 0]), Linkage::Export);
    let mut b = module.build(adapter);
    let words = b.param(0);
    let callee = b.load(Type::Ptr, MemType::PTR, words);
    let types = sig.params.iter().map(|p| p.register()).chain(variable.iter().copied());
    let arguments: Vec<_> =
        types.zip(1i32..).map(|(ty, word)| b.load(ty, MemType::of(ty), (words, word * 8))).collect();
    let results = b.call_ptr(callee, callee_sig, &arguments);
    for (result, word) in results.into_iter().zip(1i32..) {
        let ty = b.ty(result);
        b.store(MemType::of(ty), (words, word * 8), result);
    }
    b.ret(&[]);
    link::finish(b);
    module
}
