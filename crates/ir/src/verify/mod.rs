//! The rules that a module must keep before it is compiled or interpreted. Whatever the later stages rely on is
//! checked here, once; only [`check`] makes a [`Checked`].
//!
//! Rules stand in files by topic: `module.rs` (names, functions, data, signatures, layouts), `flow.rs` (blocks, label
//! sets, entries), `walk.rs` (each record, the common ones the short way), `operands.rs`, `encoding.rs` and `calls.rs`
//! (any record the long way), `assigned.rs` (no register is read before it is assigned), `limits.rs` (absurd sizes).
//! `rules.rs` is the op table turned into masks, `fault.rs` the list of what can be wrong.
//!
//! Cost: one pass over the records, a few nanoseconds each, and for registers that are read in a block that need
//! not follow their assignment a backward search over the blocks between, for 64 registers at a time. Nothing of a
//! module is trusted: every index is compared with its table before it is used, so any module that can be built gives a
//! verdict, not a panic.

mod assigned;
mod calls;
mod encoding;
mod fault;
mod flow;
mod limits;
mod module;
mod operands;
mod rules;
#[cfg(test)]
mod tests;
mod walk;

pub use fault::{Conversion, Fault, InstName, Named, OneOf, OrderName, Trail};
pub use limits::{Limits, MAX_ALIGN};

use crate::diagnostic::{Diagnostic, Place};
use crate::entity::{Block, FuncId};
use crate::module::{DataTarget, Module};
use crate::op::Op;
use std::sync::OnceLock;

/// A module that keeps every rule. It cannot be changed.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked {
    module: Module,
    /// The labels whose addresses data holds, sorted, each once.
    labels: Vec<(FuncId, Block)>,
    callers: Callers,
}

/// For each function the number of direct calls of it, when somebody has asked. It follows from the module, so it has no
/// part in comparisons.
#[derive(Clone, Debug, Default)]
struct Callers(OnceLock<Box<[u32]>>);

impl PartialEq for Callers {
    fn eq(&self, _: &Callers) -> bool {
        true
    }
}

impl Checked {
    fn new(module: Module) -> Checked {
        let relocs = module.data.iter().flat_map(|data| &data.relocs);
        let mut labels: Vec<(FuncId, Block)> = relocs
            .filter_map(|reloc| match reloc.target {
                DataTarget::Label(func, block) => Some((func, block)),
                DataTarget::Func(_) | DataTarget::Data(_) => None,
            })
            .collect();
        labels.sort_unstable();
        labels.dedup();
        Checked { module, labels, callers: Callers::default() }
    }

    /// The number of direct calls and tail calls of a function in the whole module. O(instructions of the module) the first
    /// time, O(1) then.
    pub fn call_sites(&self, func: FuncId) -> u32 {
        let count = || {
            let mut sites = vec![0; self.module.funcs.len()];
            let bodies = self.module.funcs.iter().filter_map(|decl| decl.body.as_ref());
            for inst in bodies.filter(|f| f.has_calls() || f.has_tail_calls()).flat_map(|f| f.insts()) {
                if matches!(inst.op, Op::Call | Op::TailCall) {
                    sites[inst.a as usize] += 1;
                }
            }
            sites.into()
        };
        self.callers.0.get_or_init(count)[func.index()]
    }

    /// Gives the module back, for changes; it must be checked again.
    pub fn into_module(self) -> Module {
        self.module
    }

    /// The blocks of a function whose addresses data of the module holds, in layout order, each once.
    pub fn labels_in_data(&self, func: FuncId) -> impl Iterator<Item = Block> + '_ {
        let start = self.labels.partition_point(|(of, _)| *of < func);
        self.labels[start..].iter().take_while(move |(of, _)| *of == func).map(|(_, block)| *block)
    }
}

impl std::ops::Deref for Checked {
    type Target = Module;

    fn deref(&self) -> &Module {
        &self.module
    }
}

/// A module that was refused, with every rule it breaks, in the order of the module.
pub type Refused = (Module, Vec<Diagnostic<Fault>>);

/// Checks a module against the usual limits.
///
/// # Errors
/// Every rule that is broken, with its place; the module comes back with them.
#[allow(clippy::result_large_err, reason = "the module must not be lost")]
pub fn check(module: Module) -> Result<Checked, Refused> {
    Verifier::default().check(module)
}

/// Checks modules one after another and keeps its memory between them.
#[derive(Debug, Default)]
pub struct Verifier {
    limits: Limits,
    tracker: assigned::Tracker,
}

impl Verifier {
    /// A verifier with limits of one's own.
    pub fn new(limits: Limits) -> Verifier {
        Verifier { limits, tracker: assigned::Tracker::default() }
    }

    /// Checks a module.
    ///
    /// # Errors
    /// Every rule that is broken, with its place; the module comes back with them.
    #[allow(clippy::result_large_err, reason = "the module must not be lost")]
    pub fn check(&mut self, module: Module) -> Result<Checked, Refused> {
        let mut report = Report { found: Vec::new(), max: self.limits.diagnostics.max(1) };
        if module::check(&module, &self.limits, &mut report) {
            for (i, decl) in module.funcs.iter().enumerate() {
                if let Some(body) = &decl.body {
                    let func = FuncId(i as u32);
                    walk::check(&module, func, body, &self.limits, &mut self.tracker, &mut report);
                }
                if report.is_full() {
                    break;
                }
            }
        }
        if report.found.is_empty() { Ok(Checked::new(module)) } else { Err((module, report.found)) }
    }
}

/// Collects what is wrong, up to a number.
#[derive(Debug)]
struct Report {
    found: Vec<Diagnostic<Fault>>,
    max: usize,
}

impl Report {
    #[cold]
    fn add(&mut self, at: Place, fault: Fault) {
        if !self.is_full() {
            let help = fault.help();
            self.found.push(Diagnostic { at, fault, help });
        }
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.max
    }
}
