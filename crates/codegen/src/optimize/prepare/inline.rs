//! The bodies of functions take the place of calls of them.
//!
//! Which: functions of a few instructions always (helpers of one expression: the call costs more than they do); leaves of up
//! to 30; those called from one place only, up to 200; those of up to 60 that branch on a parameter for which the call has a
//! constant; and a function in itself, a few levels deep. What is inlined is searched for calls in turn. Each
//! caller may grow by a multiple of its size and no more; calls in cold blocks stay.
//!
//! Why: in loops that call helpers it is the pass with the largest effect of all (sha256 x0.35, spectral-norm x0.5 in time);
//! what surrounds the call is known in the callee, and registers need not be saved.
//!
//! How: registers, slots and blocks of the callee get numbers behind those of the caller. Parameters are assigned as a
//! call would pass them: small integers are extended, also in results. A return assigns the results and goes on
//! behind the call. A tail call of the callee becomes a call, unless the call itself is one. Each inlined call gets a
//! row in the table of sites, which says through which calls an instruction came here.
//!
//! A function that has an accumulator hands it on to its own body where the result would be added to it: the inner rounds
//! add to the same register, and nothing is left to add afterwards.
//!
//! Never: imports and replaceable functions; callees with further entries, labels, variable arguments, aggregates by
//! value, `alloca`, `frame_addr` or `slot_offset`, large or strictly aligned slots; those that never return; those that
//! call themselves (but in themselves).
//!
//! O(instructions written). What a callee is like is found out once per caller, by looking at no more instructions than may be
//! inlined.

use super::draft::{Draft, Input, Renaming};
use super::recursion::WAY;
use super::{Facts, extension};
use crate::code::InlinedCall;
use crate::optimize::{Origin, Origins};
use kiln_ir::function::{BlockData, VRegInfo};
use kiln_ir::op::Op;
use kiln_ir::types::AbiType;
use kiln_ir::verify::Checked;
use kiln_ir::{Block, FuncId, Function, Inst, InstData, VReg};

/// Up to so many instructions the call costs more than the body.
const TINY: u32 = 12;
/// The size of a function that calls no other.
const LEAF: u32 = 30;
/// The size of a function that branches on what the caller knows.
const FOLDING: u32 = 60;
/// The size of a function that is called from one place.
pub(super) const SINGLE: u32 = 200;
/// The size of a function that is inlined in itself, and how large it may grow by that.
const RECURSIVE: u32 = 40;
const RECURSIVE_GROWTH: u32 = 400;
/// How often a function is inlined in itself, one in the other. Measured with fib in the form that `recursion` gives it,
/// allocated by gcc: 0 levels take 1.8 times the time of 2; more than 2 gain nothing, since their values no longer fit
/// the registers that calls preserve.
const LEVELS: u32 = 2;
/// The same of a function with one parameter whose sum is handed on: a level takes one register more. Of fib's
/// instructions 2 levels take 1.19 times as many as 3, and 1.43 times as many as 4; 5 no longer fit.
const SUM_LEVELS: u32 = 4;
/// How deep calls of inlined bodies are followed.
const DEPTH: u32 = 8;
/// Bytes of slots by which a frame may grow.
const SLOTS: u32 = 4096;

/// What is inlined into: one function, with what recursion has made of it.
pub(super) struct Inline<'i> {
    pub module: &'i Checked,
    pub func: FuncId,
    pub own: Input<'i>,
    pub draft: &'i mut Draft,
    pub sites: &'i mut Vec<InlinedCall>,
    pub facts: &'i mut Facts,
    /// Instructions by which it may still grow: by tiny bodies, by others, by its own.
    pub tiny: u32,
    pub others: u32,
    pub itself: u32,
    pub slots: u32,
}

/// What a return of the body being written does.
#[derive(Clone, Copy)]
enum Return<'r> {
    /// It returns from the function that is compiled.
    Returns,
    /// It assigns the results of a call of `caller`, and goes on in the block `next`, or where it stands if there is none.
    Assigns {
        caller: &'r Function,
        call: &'r InstData,
        by: Renaming,
        types: &'r [AbiType],
        next: Option<Block>,
    },
}

/// A body being written.
#[derive(Clone, Copy)]
struct Source<'r> {
    f: &'r Function,
    origins: Origins<'r>,
    by: Renaming,
    site: u32,
    returns: Return<'r>,
    depth: u32,
    /// What the accumulator starts with, of the function in itself, if not with nothing.
    sum: Option<VReg>,
}

impl Source<'_> {
    fn origin(&self, at: usize) -> Origin {
        Origin { inst: self.origins.of(at).inst, site: self.site }
    }
}

/// Writes the function with bodies in the place of calls; `false` if none is worth it.
pub(super) fn inline(
    module: &Checked,
    func: FuncId,
    own: Input<'_>,
    draft: &mut Draft,
    sites: &mut Vec<InlinedCall>,
    facts: &mut Facts,
    blocks: &mut [Block],
) -> bool {
    let f = own.f;
    if !f.has_calls() && !f.has_tail_calls() {
        return false;
    }
    facts.start(module, func, f);
    let size = f.insts().len() as u32;
    let mut inline = Inline {
        module,
        func,
        own,
        draft,
        sites,
        facts,
        tiny: size.saturating_mul(8).saturating_add(4000),
        others: size.saturating_mul(2).saturating_add(600),
        itself: RECURSIVE_GROWTH,
        slots: SLOTS,
    };
    let own_source = Source {
        f,
        origins: own.origins,
        by: Renaming::default(),
        site: Origin::OWN,
        returns: Return::Returns,
        depth: 0,
        sum: None,
    };
    let cold = |at: usize| f.blocks()[f.block_of(Inst(at as u32)).index()].cold;
    let calls = |inst: &InstData| matches!(inst.op, Op::Call | Op::TailCall);
    let worth =
        |(at, inst): (usize, &InstData)| calls(inst) && !cold(at) && inline.worth(&own_source, at).is_some();
    if !f.insts().iter().enumerate().any(worth) {
        return false;
    }
    inline.draft.start(f);
    for b in 0..f.blocks().len() as u32 {
        inline.draft.begin(Block(b), f.blocks()[b as usize]);
        inline.block(&own_source, Block(b));
    }
    draft.settle(blocks);
    true
}

impl<'i> Inline<'i> {
    /// Writes the instructions of a block of a body into the block begun last.
    fn block(&mut self, source: &Source<'_>, block: Block) {
        let f = source.f;
        let cold = f.blocks()[block.index()].cold;
        // Where the result of an inlined body is added to the accumulator that it started with.
        let mut added = None;
        for at in f.block_range(block) {
            let inst = &f.insts()[at];
            let origin = source.origin(at);
            if matches!(inst.op, Op::Call | Op::TailCall)
                && !cold
                && let Some(callee) = self.worth(source, at)
            {
                let sum = self.sum(source, at);
                added = added.or(sum);
                self.call(source, at, callee, sum.is_some());
                continue;
            }
            match (inst.op, source.returns) {
                (Op::Const, _) if at == 0 && source.sum.is_some() => {
                    let (to, from) = (source.by.vreg(VReg(inst.dst)), source.sum.unwrap_or(VReg::NONE));
                    self.draft.unary(Op::Copy, inst.ty, to, from, origin);
                }
                _ if added == Some(at) => {
                    let (to, from) = (source.by.vreg(VReg(inst.dst)), source.by.vreg(VReg(inst.b)));
                    self.draft.unary(Op::Copy, inst.ty, to, from, origin);
                }
                (Op::Ret, Return::Assigns { .. }) => self.assign_results(source, inst, origin),
                (Op::TailCall | Op::TailCallPtr, Return::Assigns { .. }) => {
                    self.call_and_return(source, inst, origin);
                }
                // The tails of the function's own instructions have been taken over.
                _ if source.depth == 0 => self.draft.push(*inst, origin),
                _ => self.draft.copy(f, inst, source.by, origin),
            }
        }
    }

    /// The callee of a call if it is to be inlined.
    fn worth(&mut self, source: &Source<'_>, at: usize) -> Option<FuncId> {
        let call = &source.f.insts()[at];
        let callee = FuncId(call.a);
        if source.depth >= DEPTH {
            return None;
        }
        let fact = self.facts.of(self.module, callee);
        if !fact.fits || fact.slots > self.slots {
            return None;
        }
        let mut around = 0;
        let mut site = source.site;
        while let Some(outer) = self.sites.get(site as usize) {
            around += (outer.func == callee) as u32;
            site = outer.outer;
        }
        if callee == self.func {
            let hands_on = source.f.params() == 1 && self.sum(source, at).is_some();
            let levels = if hands_on { SUM_LEVELS } else { LEVELS };
            let worth = fact.size <= RECURSIVE && around < levels && fact.size <= self.itself;
            return worth.then_some(callee);
        }
        if around > 0 || fact.recursive {
            return None;
        }
        if fact.size <= TINY {
            return (fact.size <= self.tiny).then_some(callee);
        }
        let worth = fact.leaf && fact.size <= LEAF
            || fact.size <= SINGLE && self.module.call_sites(callee) == 1
            || fact.size <= FOLDING && fact.decided_by != 0 && knows(source.f, call, fact.decided_by);
        (worth && fact.size <= self.others).then_some(callee)
    }

    /// Where the result of a call of the function by itself is added to its accumulator, which nothing touches in between.
    fn sum(&self, source: &Source<'_>, at: usize) -> Option<usize> {
        let f = source.f;
        let (op, accumulator) = self.own.accumulator.filter(|_| std::ptr::eq(f, self.own.f))?;
        let call = &f.insts()[at];
        let result = VReg(call.dst);
        let info = &f.vregs()[result.index()];
        let plain = extension(self.module.signature_of(self.func).results[0]) == Op::Copy;
        if call.op != Op::Call || call.a != self.func.0 || !plain {
            return None;
        }
        if info.uses != 1 || info.flags & VRegInfo::MULTI != 0 {
            return None;
        }
        let end = f.block_range(f.block_of(Inst(at as u32))).end.min(at + WAY);
        for (at, inst) in f.insts().iter().enumerate().take(end).skip(at + 1) {
            let adds = inst.op == op && !inst.has_imm() && inst.b == result.0;
            if adds && inst.a == accumulator.0 && inst.dst == accumulator.0 {
                return Some(at);
            }
            let mut touches = false;
            f.for_each_use(inst, |v| touches |= v == accumulator);
            f.for_each_def(inst, |v| touches |= v == accumulator);
            if touches {
                return None;
            }
        }
        None
    }

    /// Writes the body of the callee in the place of a call. If its result is added to the accumulator, it starts with that.
    fn call(&mut self, source: &Source<'_>, at: usize, callee: FuncId, added: bool) {
        let (module, own) = (self.module, self.own);
        let call = &source.f.insts()[at];
        let origin = source.origin(at);
        let fact = self.facts.of(module, callee);
        let itself = callee == self.func;
        let f = match &module.func(callee).body {
            _ if itself => own.f,
            Some(body) => body,
            None => unreachable!("what fits has a body"),
        };
        let budget = match () {
            () if itself => &mut self.itself,
            () if fact.size <= TINY => &mut self.tiny,
            () => &mut self.others,
        };
        *budget -= fact.size;
        self.slots -= fact.slots;
        self.sites.push(InlinedCall { func: callee, call: origin.inst, outer: source.site });

        let by = Renaming {
            vregs: self.draft.f.vregs().len() as u32,
            slots: self.draft.f.slots().len() as u32,
            blocks: self.draft.name(f.blocks().len() as u32).0,
        };
        let sig = module.signature_of(callee);
        let arrays = self.draft.f.arrays();
        arrays.vregs.extend(f.vregs().iter().map(|info| VRegInfo::new(info.ty)));
        arrays.slots.extend_from_slice(f.slots());
        for (i, arg) in source.f.call(call).args.iter().enumerate() {
            let (param, ty) = (VReg(i as u32), f.ty(VReg(i as u32)));
            self.draft.unary(extension(sig.params[i]), ty, by.vreg(param), source.by.vreg(arg), origin);
        }
        // A body with one return, at its end, goes on where that stands; the others go on in a block behind them.
        let mut behind = || (!fact.straight).then(|| self.draft.name(1));
        let (returns, begun) = match (call.op, source.returns) {
            (Op::TailCall, Return::Assigns { caller, call, by, types, next: None }) => {
                let next = behind();
                (Return::Assigns { caller, call, by, types, next }, next)
            }
            // What it returns goes where the results of the body around it go.
            (Op::TailCall, returns) => (returns, None),
            _ => {
                let next = behind();
                let (by, types) = (source.by, &sig.results[..]);
                (Return::Assigns { caller: source.f, call, by, types, next }, next)
            }
        };
        let origins = if itself { own.origins } else { Origins::Own };
        let site = self.sites.len() as u32 - 1;
        let sum = self.own.accumulator.filter(|_| added).map(|(_, accumulator)| source.by.vreg(accumulator));
        let body = Source { f, origins, by, site, returns, depth: source.depth + 1, sum };
        for b in 0..f.blocks().len() as u32 {
            let block = Block(b);
            if b > 0 || fact.start_is_target {
                if b == 0 {
                    self.draft.jump(by.block(block), origin);
                }
                self.draft.begin(by.block(block), f.blocks()[b as usize]);
            }
            self.block(&body, block);
        }
        if let Some(next) = begun {
            self.draft.begin(next, BlockData::new(0, false));
        }
    }

    /// Writes a return of an inlined body.
    fn assign_results(&mut self, source: &Source<'_>, ret: &InstData, origin: Origin) {
        let Return::Assigns { caller, call, by, types, next } = source.returns else { return };
        let f = source.f;
        let more = ret.has_tail().then(|| f.list(ret, 0).iter()).into_iter().flatten();
        let values = std::iter::once(VReg(ret.a)).chain(more);
        let results = caller.call(call);
        let results = std::iter::once(VReg(call.dst)).chain(results.more_results.iter());
        for ((ty, result), value) in types.iter().zip(results).zip(values) {
            let (to, from) = (by.vreg(result), source.by.vreg(value));
            self.draft.unary(extension(*ty), caller.ty(result), to, from, origin);
        }
        if let Some(next) = next {
            self.draft.jump(next, origin);
        }
    }

    /// Writes a tail call of an inlined body: a call whose results are those of the call in whose place the body stands.
    fn call_and_return(&mut self, source: &Source<'_>, tail_call: &InstData, origin: Origin) {
        let Return::Assigns { caller, call, by, next, .. } = source.returns else { return };
        let results = caller.call(call);
        let parts = source.f.call(tail_call);
        let pool = self.draft.f.arrays().pool;
        let start = pool.len() as u32;
        pool.extend([parts.sig.0, parts.args.len() as u32, results.results]);
        pool.extend(parts.args.iter().map(|v| source.by.vreg(v).0));
        pool.extend(results.more_results.iter().map(|v| by.vreg(v).0));
        let dst = if results.results > 0 { by.vreg(VReg(call.dst)) } else { VReg::NONE };
        let (op, a) = match tail_call.op {
            Op::TailCall => (Op::Call, tail_call.a),
            _ => (Op::CallPtr, source.by.vreg(VReg(tail_call.a)).0),
        };
        self.draft.push(InstData { op, dst: dst.0, a, b: start, ..*tail_call }, origin);
        if let Some(next) = next {
            self.draft.jump(next, origin);
        }
    }
}

/// Whether a call has a constant for one of these parameters (bit by bit).
fn knows(f: &Function, call: &InstData, params: u64) -> bool {
    f.call(call).args.iter().take(64).enumerate().any(|(i, arg)| {
        let info = &f.vregs()[arg.index()];
        let written_once = info.flags & VRegInfo::MULTI == 0;
        let constant = f.insts().get(info.first as usize);
        params >> i & 1 != 0
            && written_once
            && constant.is_some_and(|inst| inst.op == Op::Const && inst.dst == arg.0)
    })
}
