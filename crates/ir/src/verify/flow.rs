//! The rules of a function as a whole: parameters, blocks, slots, label sets, entries, positions.

use super::Report;
use super::fault::{self, Fault};
use super::limits::Limits;
use super::module::{align, exists, round_up};
use crate::diagnostic::Place;
use crate::entity::{Block, FuncId, VReg};
use crate::function::{Function, MAX_BLOCK_ALIGN};
use crate::module::Module;
use crate::types::{AbiType, Convention, Signature};

/// Checks all of a function but its records. Gives whether the records can be read: blocks cover them in order, and the
/// tables are of bearable size.
pub(super) fn check(
    module: &Module,
    func: FuncId,
    f: &Function,
    sig: &Signature,
    limits: &Limits,
    report: &mut Report,
) -> bool {
    let at = Place::Func(func);
    let before = report.found.len();
    for (what, count, max) in [
        ("instructions", f.insts.len(), limits.insts),
        ("registers", f.vregs.len(), limits.vregs),
        ("label sets and entries", f.label_sets.len() + f.entries.len(), limits.insts),
        ("words of tails", f.pool.len(), limits.insts.saturating_mul(16).min(u32::MAX as u64)),
    ] {
        if count as u64 > max {
            report.add(at, Fault::TooMuch { what, count: count as u64, max });
        }
    }
    parameters(at, f, sig, report);
    blocks(at, f, report);
    if report.found.len() > before {
        return false;
    }
    for block in f.label_sets.iter().flatten() {
        exists(report, at, "block", block.0, f.blocks.len());
    }
    entries(at, module, f, sig, report);
    let readable = report.found.len() == before;
    slots(at, f, limits, report);
    positions(at, module, f, report);
    readable
}

fn parameters(at: Place, f: &Function, sig: &Signature, report: &mut Report) {
    if f.params as usize != sig.params.len() || f.params as usize > f.vregs.len() {
        report.add(at, Fault::Params { found: f.params, wanted: sig.params.len() });
        return;
    }
    for (i, (param, info)) in sig.params.iter().zip(&f.vregs).enumerate() {
        if param.register() != info.ty {
            let reg = fault::reg(f, VReg(i as u32));
            report.add(at, Fault::ParamType { reg, found: info.ty, wanted: param.register() });
        }
    }
}

fn blocks(at: Place, f: &Function, report: &mut Report) {
    if f.insts.is_empty() || f.blocks.is_empty() {
        report.add(at, Fault::EmptyBody {});
        return;
    }
    let mut next = 0;
    for (i, block) in f.blocks.iter().enumerate() {
        if block.align > MAX_BLOCK_ALIGN {
            report.add(
                at,
                Fault::Align { what: "a block", align: 1u32.checked_shl(block.align as u32).unwrap_or(0) },
            );
        }
        let in_order = if i == 0 { block.start == 0 } else { block.start >= next };
        if !in_order || block.start as usize >= f.insts.len() {
            report.add(at, Fault::BlockOrder { block: fault::label(f, Block(i as u32)) });
            return;
        }
        next = block.start + 1;
    }
}

fn slots(at: Place, f: &Function, limits: &Limits, report: &mut Report) {
    let mut bytes = 0u64;
    for slot in &f.slots {
        align(report, at, "a slot", slot.align);
        bytes = round_up(bytes, slot.align).saturating_add(slot.size as u64);
    }
    if bytes > limits.frame_bytes {
        report
            .add(at, Fault::TooMuch { what: "bytes of stack slots", count: bytes, max: limits.frame_bytes });
    }
}

fn entries(at: Place, module: &Module, f: &Function, sig: &Signature, report: &mut Report) {
    if !f.entries.is_empty() {
        // All returns are the same, so no activation can give back other arguments than the others.
        let kiln = (sig.convention == Convention::Kiln).then_some("of the convention `kiln`");
        let variadic = sig.variadic.then_some("with variable arguments");
        if let Some(what) = kiln.or(variadic) {
            report.add(at, Fault::EntriesOf { what });
        }
    }
    // Entries are few and their parameters sorted copies of lists that the module already holds.
    let mut sorted: Vec<VReg> = Vec::new();
    for entry in &f.entries {
        exists(report, at, "block", entry.block.0, f.blocks.len());
        let mut known = true;
        for v in &entry.params {
            known &= exists(report, at, "register", v.0, f.vregs.len());
        }
        if let Some(decl) = module.funcs.get(entry.func.index())
            && known
        {
            let found = &module.sigs[decl.sig.index()];
            let params = entry.params.iter().map(|v| AbiType::Value(f.ty(*v)));
            let fits = found.params.iter().copied().eq(params)
                && found.results == sig.results
                && (found.variadic, found.convention) == (false, sig.convention);
            // Of a function that has no entries at all that was said already.
            if !fits && !sig.variadic && sig.convention != Convention::Kiln {
                report.add(at, Fault::EntrySignature { func: fault::func(module, entry.func) });
            }
        }
        sorted.clear();
        sorted.extend(&entry.params);
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            report.add(at, Fault::EntryParamTwice { reg: fault::reg(f, twice[0]) });
        }
    }
}

fn positions(at: Place, module: &Module, f: &Function, report: &mut Report) {
    let mut next = 0;
    for (inst, pos) in &f.positions {
        if inst.0 < next || inst.index() > f.insts.len() {
            report.add(at, Fault::PositionOrder { inst: inst.0 });
            return;
        }
        next = inst.0 + 1;
        if !exists(report, at, "source file", pos.file.0, module.files.len()) {
            return;
        }
    }
}
