//! What the baseline compiler does not do, found before a byte is written.

use crate::abi::{ArgPlace, call_layout};
use crate::target::Architecture;
use kiln_ir::diagnostic::{Diagnostic, Place};
use kiln_ir::function::Function;
use kiln_ir::types::Signature;
use kiln_ir::{FuncId, Inst, InstData, Module, Op, Type};
use std::fmt;

/// Something that a module asks for and the baseline compiler does not do. The interpreter does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A tail call that its convention has no way to make.
    TailCall(NoTailCall),
}

/// Why a convention cannot make a tail call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTailCall {
    /// The arguments take more stack than the caller itself got, and the caller's caller gives that much back.
    Stack {
        /// Bytes that the arguments take.
        wanted: u32,
        /// Bytes that the caller got.
        found: u32,
    },
    /// An argument travels as the address of a copy, which would lie in the frame that ends.
    Copy,
    /// An argument on the stack has a greater alignment than every caller's stack has.
    Alignment(u32),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::TailCall(NoTailCall::Stack { wanted, found }) => {
                write!(
                    f,
                    "the tail call passes {wanted} bytes on the stack, but its function got only {found}"
                )
            }
            Refusal::TailCall(NoTailCall::Copy) => {
                f.write_str("the tail call passes the address of a copy in the frame that it ends")
            }
            Refusal::TailCall(NoTailCall::Alignment(align)) => {
                write!(f, "the tail call passes an aggregate on the stack that is aligned to {align}")
            }
        }
    }
}

/// Why a tail call cannot be made, if so.
fn no_tail_call(
    module: &Module,
    func: FuncId,
    f: &Function,
    inst: &InstData,
    architecture: Architecture,
) -> Option<NoTailCall> {
    let parts = f.call(inst);
    let sig = &module.sigs()[parts.sig.index()];
    let variable: Vec<Type> = parts.args.iter().skip(sig.params.len()).map(|v| f.ty(v)).collect();
    let call = call_layout(architecture, sig, module.layouts(), &variable);
    let got = |sig: &Signature| call_layout(architecture, sig, module.layouts(), &[]).stack;
    // What every activation got, by whichever entry.
    let entries = f.entries().iter().map(|entry| got(&module.entry_signature(func, f, entry)));
    let found = entries.fold(got(module.signature_of(func)), u32::min);
    if call.args.iter().any(|place| matches!(place, ArgPlace::Address { .. })) {
        Some(NoTailCall::Copy)
    } else if call.align > 16 {
        Some(NoTailCall::Alignment(call.align))
    } else if !call.callee_pops && call.stack > found {
        Some(NoTailCall::Stack { wanted: call.stack, found })
    } else {
        None
    }
}

/// Everything in a function that the compiler does not do.
pub fn refusals(
    module: &Module,
    func: FuncId,
    f: &Function,
    architecture: Architecture,
) -> Vec<Diagnostic<Refusal>> {
    let mut found = Vec::new();
    let mut refuse = |at, refusal| {
        let help = match refusal {
            Refusal::TailCall(NoTailCall::Stack { .. }) => {
                "the convention `kiln` has tail calls from any function to any other; or call it and return"
            }
            Refusal::TailCall(_) => "call it and return instead, or pass an address",
        };
        found.push(Diagnostic::new(at, refusal).with_help(help));
    };
    let insts = if f.has_tail_calls() { f.insts() } else { &[] };
    for (i, inst) in insts.iter().enumerate() {
        if matches!(inst.op, Op::TailCall | Op::TailCallPtr)
            && let Some(reason) = no_tail_call(module, func, f, inst, architecture)
        {
            refuse(Place::Inst(func, Inst(i as u32), None), Refusal::TailCall(reason));
        }
    }
    found
}
