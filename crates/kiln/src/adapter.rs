//! Adapters: the way from Rust into compiled code. Rust knows signatures only as data, the compiler knows how to make a
//! call of any signature; so an adapter is an IR function of its own, `fn(words: ptr)`, which loads the callee's
//! address and the arguments from words, makes the call and stores the results over the arguments.
//!
//! There is one per signature in the process, made on first use (some ten microseconds) and kept.

use crate::link::{self, Assembled};
use kiln_ir::{AbiType, LayoutDecl, Linkage, MemType, Module, Signature, Type};
use kiln_runtime::fork::ForkMutex;
use std::collections::HashMap;

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
/// The words it takes: the callee's address, one per argument (of an aggregate the address), and for each result that
/// is an aggregate the address where its bytes are to be written. It leaves one word per result, from the second
/// on; of an aggregate the address again.
pub(crate) fn adapter(sig: &Signature, variable: &[Type], layouts: &[LayoutDecl]) -> usize {
    /// Held while an adapter is linked, hence the lowest rank.
    static ADAPTERS: ForkMutex<Option<HashMap<Key, Assembled>>> = ForkMutex::new(0, None);
    let has_aggregates = sig.params.iter().chain(&sig.results).any(|e| matches!(e, AbiType::Aggregate(_)));
    let key = Key {
        sig: sig.clone(),
        variable: variable.to_vec(),
        layouts: if has_aggregates { layouts.iter().map(|l| l.layout.clone()).collect() } else { Vec::new() },
    };
    let mut adapters = ADAPTERS.lock();
    let adapters = adapters.get_or_insert_default();
    adapters.entry(key).or_insert_with(|| link::assemble(build(sig, variable, layouts), &[])).address
}

/// Words that an adapter needs beside the callee's address: as many as it takes or leaves.
pub(crate) fn words_of(sig: &Signature, variable: usize) -> usize {
    let aggregates = sig.results.iter().filter(|r| matches!(r, AbiType::Aggregate(_))).count();
    (sig.params.len() + variable + aggregates).max(sig.results.len())
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
    let mut next = (1i32..).map(|word| word * 8);
    let arguments: Vec<_> =
        types.zip(&mut next).map(|(ty, at)| b.load(ty, MemType::of(ty), (words, at))).collect();
    // Read before a result is written over them.
    let aggregates = sig.results.iter().filter(|r| matches!(r, AbiType::Aggregate(_)));
    let room: Vec<_> =
        aggregates.zip(next).map(|(_, at)| b.load(Type::Ptr, MemType::PTR, (words, at))).collect();
    let mut room = room.into_iter();
    let results = b.call_ptr(callee, callee_sig, &arguments);
    for ((result, abi), word) in results.into_iter().zip(&sig.results).zip(1i32..) {
        let value = match abi {
            AbiType::Aggregate(layout) => {
                let to = room.next().expect("there is room for each aggregate");
                b.mem_copy(to, result, layouts[layout.index()].layout.size as i32);
                to
            }
            _ => result,
        };
        let ty = b.ty(value);
        b.store(MemType::of(ty), (words, word * 8), value);
    }
    b.ret(&[]);
    link::finish(b);
    module
}
