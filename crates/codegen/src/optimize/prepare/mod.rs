//! Passes over register IR, before there are values: what changes the shape of a function. They read a function of a
//! checked module and write one that a verifier would accept again, with the origin of each instruction.
//!
//! First recursion, because it makes functions smaller to be inlined in themselves; then inlining; then loops are turned
//! around, those of inlined bodies included.
//!
//! All tiers count fuel and activations alike, and look for interruptions in the same places. So with
//! [`Options::depth`], [`Options::fuel`] or [`Options::polls`] neither recursion nor inlining is touched, and with
//! [`Options::fuel`] no loop.

mod draft;
mod facts;
mod inline;
mod invert;
mod nest;
mod recursion;

use super::lent::{Borrower, Lent};
use super::watch::{Form, Watch};
use super::{Origin, Origins, Passes};
use crate::Options;
use crate::code::InlinedCall;
use draft::{Draft, Input};
use facts::Facts;
use kiln_ir::op::Op;
use kiln_ir::types::{AbiType, Signature};
use kiln_ir::verify::Checked;
use kiln_ir::{Block, FuncId, Function};

/// A function after the passes over register IR.
#[derive(Debug, Default)]
pub struct Prepared {
    /// What the passes wrote, with an origin for each instruction. Registers of the source keep their numbers; it has
    /// neither names nor positions.
    f: Function,
    origins: Vec<Origin>,
    /// Whether they wrote anything: else the source is as it was.
    changed: bool,
    /// The inlined calls, each row behind those it names. [`Code::add_inlined`](crate::Code::add_inlined) takes them.
    pub sites: Vec<InlinedCall>,
    /// For each block of the source the one at whose start it begins now.
    pub blocks: Vec<Block>,
}

impl Prepared {
    /// The function, and where its instructions come from. `source` is what has been prepared.
    pub fn code<'a>(&'a self, source: &'a Function) -> (&'a Function, Origins<'a>) {
        match self.changed {
            true => (&self.f, Origins::Listed(&self.origins)),
            false => (source, Origins::Own),
        }
    }
}

/// Memory for [`prepare`], kept from function to function.
#[derive(Debug, Default)]
pub struct Prepare {
    now: Draft,
    next: Draft,
    facts: Facts,
    recursion: recursion::Sites,
    invert: invert::Scratch,
}

impl Borrower for Prepare {
    fn exchange(&mut self, lent: &mut Lent) {
        self.invert.exchange(lent);
    }
}

/// Runs the passes over register IR on a function of a module, as far as the options want them. `source` is its body, or
/// that of code which takes it over.
pub fn prepare(
    module: &Checked,
    func: FuncId,
    source: &Function,
    options: &Options,
    scratch: &mut Prepare,
    watch: &mut impl Watch,
    out: &mut Prepared,
) {
    let Prepare { now, next, facts, recursion, invert } = scratch;
    let Prepared { sites, blocks, changed, .. } = out;
    sites.clear();
    blocks.clear();
    blocks.extend((0..source.blocks().len() as u32).map(Block));
    *changed = false;
    let counted = options.depth || options.fuel || options.polls;
    let calls = source.has_calls() || source.has_tail_calls();
    let mut run = |pass: Passes, when: bool, with: &mut dyn FnMut(Input<'_>, &mut Draft) -> bool| {
        if !when || !options.passes.has(pass) {
            return;
        }
        watch.before(func, pass, Form::Registers(if *changed { &now.f } else { source }));
        let input = match *changed {
            true => Input { f: &now.f, origins: Origins::Listed(&now.origins), accumulator: now.accumulator },
            false => Input { f: source, origins: Origins::Own, accumulator: None },
        };
        if with(input, next) {
            std::mem::swap(now, next);
            *changed = true;
        }
        watch.after(func, pass, Form::Registers(if *changed { &now.f } else { source }));
    };
    run(Passes::RECURSION, calls && !counted, &mut |now, next| {
        recursion::recursion(module, func, now.f, next, recursion, blocks)
    });
    run(Passes::INLINE, calls && !counted, &mut |now, next| {
        inline::inline(module, func, now, next, sites, facts, blocks)
    });
    run(Passes::INVERT, !options.fuel, &mut |now, next| invert::invert(now, next, invert, blocks));
    if out.changed {
        std::mem::swap(&mut out.f, &mut now.f);
        std::mem::swap(&mut out.origins, &mut now.origins);
    }
}

/// The op that makes of a word what a parameter or result of this type is: the caller extends, the callee does not trust it.
const fn extension(ty: AbiType) -> Op {
    match ty {
        AbiType::I8 => Op::Sext8,
        AbiType::U8 => Op::Zext8,
        AbiType::I16 => Op::Sext16,
        AbiType::U16 => Op::Zext16,
        AbiType::Value(_) | AbiType::Aggregate(_) => Op::Copy,
    }
}

/// Whether a call is no more than assignments of its arguments and results.
fn passes_scalars(sig: &Signature) -> bool {
    let scalar = |element: &AbiType| !matches!(element, AbiType::Aggregate(_));
    !sig.variadic && sig.params.iter().chain(&sig.results).all(scalar)
}
