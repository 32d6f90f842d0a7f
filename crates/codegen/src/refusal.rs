//! What the baseline compiler does not do, found before a byte is written.

use kiln_ir::diagnostic::{Diagnostic, Place};
use kiln_ir::function::Function;
use kiln_ir::types::{AbiType, Convention, Signature};
use kiln_ir::{FuncId, Inst, Module, Op, SigId};
use std::fmt;

/// Something that a module asks for and the baseline compiler does not do. The interpreter does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// An op.
    Op(Op),
    /// Further entry points.
    Entries,
    /// An aggregate passed or returned by value.
    Aggregate,
    /// A calling convention other than the system's C one.
    Convention(Convention),
    /// A function with variable arguments of its own.
    VariadicDefinition,
    /// More than one result.
    SeveralResults,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the baseline compiler does not do ")?;
        match self {
            Refusal::Op(op) => write!(f, "`{}`", op.info().mnemonic.replace("_{}", "")),
            Refusal::Entries => f.write_str("functions with further entries"),
            Refusal::Aggregate => f.write_str("aggregates passed by value"),
            Refusal::Convention(c) => write!(f, "the {c:?} calling convention"),
            Refusal::VariadicDefinition => f.write_str("functions that take variable arguments"),
            Refusal::SeveralResults => f.write_str("functions with more than one result"),
        }
    }
}

/// Whether the baseline compiler does an op.
pub const fn supports(op: Op) -> bool {
    !matches!(
        op,
        Op::LabelAddr
            | Op::JumpTo
            | Op::TailCall
            | Op::TailCallPtr
            | Op::Guard
            | Op::Fguard
            | Op::Exit
            | Op::Safepoint
            | Op::Alloca
            | Op::VaStart
            | Op::VaArg
            | Op::VaCopy
            | Op::VaEnd
    )
}

/// One bit per op number: those that are refused or whose signature must be looked at.
static LOOK: [bool; 256] = {
    let mut look = [false; 256];
    let mut i = 0;
    while i < Op::ALL.len() {
        let op = Op::ALL[i];
        look[op as usize] = !supports(op) || matches!(op, Op::Call | Op::CallPtr);
        i += 1;
    }
    look
};

fn of_signature(sig: &Signature) -> Option<Refusal> {
    let aggregate = |t: &AbiType| matches!(t, AbiType::Aggregate(_));
    if sig.params.iter().chain(&sig.results).any(aggregate) {
        Some(Refusal::Aggregate)
    } else if sig.convention != Convention::C {
        Some(Refusal::Convention(sig.convention))
    } else if sig.results.len() > 1 {
        Some(Refusal::SeveralResults)
    } else {
        None
    }
}

/// Everything in a function that the compiler does not do.
pub fn refusals(module: &Module, func: FuncId, f: &Function) -> Vec<Diagnostic<Refusal>> {
    let mut found = Vec::new();
    let mut refuse = |at, refusal| {
        found.push(
            Diagnostic::new(at, refusal)
                .with_help("the interpreter runs it; use `--tier interpreter` or `Tier::Interpreter`"),
        );
    };
    let sig = module.signature_of(func);
    if let Some(refusal) = of_signature(sig) {
        refuse(Place::Func(func), refusal);
    }
    if sig.variadic {
        refuse(Place::Func(func), Refusal::VariadicDefinition);
    }
    if !f.entries().is_empty() {
        refuse(Place::Func(func), Refusal::Entries);
    }
    for (i, inst) in f.insts().iter().enumerate() {
        if !LOOK[inst.op as usize] {
            continue;
        }
        let at = Place::Inst(func, Inst(i as u32), None);
        if !supports(inst.op) {
            refuse(at, Refusal::Op(inst.op));
            continue;
        }
        let sig: SigId = f.call(inst).sig;
        if let Some(refusal) = of_signature(&module.sigs()[sig.index()]) {
            refuse(at, refusal);
        }
    }
    found
}
