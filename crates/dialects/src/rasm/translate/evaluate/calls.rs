//! Calls: what was prepared, pushed and asked for.

use super::{Evaluation, Shared};
use crate::rasm::fault::Fault;
use crate::rasm::table::{Opcode, Ty};
use crate::rasm::translate::body::{Call, Value};
use kiln_ir::diagnostic::Span;

/// Parameters of a function, and arguments of a call.
pub(super) const MAX_PARAMS: usize = 65535;

/// A call between `prepare` and `finish`.
pub(super) struct Preparing {
    pub at: Span,
    /// Integers, floats, doubles.
    counts: [Option<i64>; 3],
    first: u32,
}

/// The kinds of parameters and arguments in words, by [`kind`].
pub(super) const KINDS: [&str; 3] = ["integer", "float", "double"];

pub(super) fn kind(ty: Ty) -> usize {
    match ty {
        Ty::F => 1,
        Ty::D => 2,
        _ => 0,
    }
}

impl Shared<'_> {
    /// Checks calls between functions, once the parameters of all are known.
    pub(super) fn calls(&mut self) {
        let kind = |ty: &Ty| match ty {
            Ty::F | Ty::D => *ty,
            _ => Ty::L,
        };
        let mut faults = vec![];
        for call in self.out.bodies.iter().flat_map(|b| &b.calls) {
            let Some(callee) = call.callee else { continue };
            let wanted: Vec<Ty> = self.out.bodies[callee as usize].params.iter().map(kind).collect();
            let found: Vec<Ty> = call.types.iter().rev().map(kind).collect();
            let function = self.program.functions[callee as usize].name.clone();
            if wanted != found {
                let (wanted, found) = (listed(&wanted), listed(&found));
                faults.push((call.at, Fault::Arguments { function, wanted, found }));
            } else if call.float.is_some() {
                let reason = "a function of the program gives an integer, not a float";
                faults.push((call.at, Fault::ResultKind(reason)));
            }
        }
        for (at, fault) in faults {
            self.fault(at, fault, None);
        }
    }
}

/// Arguments in words, in order.
fn listed(types: &[Ty]) -> String {
    if types.is_empty() {
        return "no arguments".into();
    }
    let word = |ty: &Ty| match ty {
        Ty::F => "float",
        Ty::D => "double",
        _ => "integer",
    };
    format!("({})", types.iter().map(word).collect::<Vec<_>>().join(", "))
}

impl Evaluation<'_, '_> {
    pub(super) fn prepare(&mut self, ty: Ty, at: Span, count: Option<Value>) {
        let Some(Value::Int(count)) = count else { return };
        let first = self.body.pushed.len() as u32;
        let preparing = self.preparing.get_or_insert(Preparing { at, counts: [None; 3], first });
        let again = preparing.counts[kind(ty)].replace(count).is_some();
        if again || preparing.first != first {
            self.help(at, Fault::Unfinished, "`finish` makes the call that was prepared before");
            self.preparing = Some(Preparing { at, counts: [None; 3], first });
            if let Some(preparing) = &mut self.preparing {
                preparing.counts[kind(ty)] = Some(count);
            }
        }
    }

    /// Takes the arguments of a call; gives its number.
    pub(super) fn call(&mut self, op: Opcode, at: Span, target: Option<Value>) -> u32 {
        let with_arguments = matches!(op.mnemonic(), "finish" | "finishr");
        let end = self.body.pushed.len() as u32;
        let mut first = end;
        // One thing is told of a call.
        let mut told = false;
        if let Some(preparing) = self.preparing.take() {
            first = preparing.first;
            if !with_arguments {
                told = true;
                self.help(
                    at,
                    Fault::Unfinished,
                    "`calli` and `callr` take no arguments; use `finish` or `finishr`",
                );
            } else {
                let types = &self.body.pushed[first as usize..];
                let counted: [usize; 3] =
                    std::array::from_fn(|k| types.iter().filter(|ty| kind(**ty) == k).count());
                for (k, name) in KINDS.into_iter().enumerate() {
                    let wanted = preparing.counts[k].unwrap_or(0);
                    if wanted != counted[k] as i64 {
                        told = true;
                        self.fault(at, Fault::Prepared { kind: name, wanted, found: counted[k] });
                    }
                }
            }
        }
        let callee = match target {
            Some(Value::Function(number)) if !told => Some(number),
            _ => None,
        };
        let types = self.body.pushed[first as usize..].to_vec();
        if types.len() > MAX_PARAMS {
            self.fault(at, Fault::TooMany("arguments"));
        }
        self.body.calls.push(Call { at, callee, first, types, float: None, read: false });
        self.body.calls.len() as u32 - 1
    }

    pub(super) fn result(&mut self, ty: Ty, at: Span) {
        let Some(call) = self.body.calls.last_mut() else {
            self.fault(at, Fault::NoCall);
            return;
        };
        let float = ty.is_float().then_some(ty);
        if call.read && call.float != float {
            self.fault(at, Fault::ResultKind("the result of one call cannot be both an integer and a float"));
            return;
        }
        (call.read, call.float) = (true, float);
    }
}
