//! Calls of a function by itself, at its end, become jumps to its start.
//!
//! - A tail call of itself, marked or not, assigns the parameters and jumps.
//! - Where the result of the call is only added to, or only multiplied, on its way to the return, the function gets an
//!   *accumulator*: what would be added later is added now, and each return adds the accumulator to its value. Sums and
//!   products of integers wrap and may be regrouped, so the result is the same. Of `fib(n - 1) + fib(n - 2)` one call is
//!   left for each round of a loop.
//!
//! Why: gcc does both; without, recursive functions take about twice the time (fib 0.70 with the loop alone, 0.52 with
//! inlining of what is left; `inline` does that). Effects keep their order: between call and return there may stand only
//! ops that have none, do not trap and do not read the result, besides those that make it the returned value.
//!
//! Left alone: functions with further entries, labels, variable arguments, aggregates by value or `alloca`; replaceable
//! ones; those without any other end, which so end for want of stack and do not run for ever; unmarked calls in functions with slots, since the callee may be given an address of the caller's slot. A function
//! that passes its end to others by tail calls gets no accumulator: it would have to wait for them.
//!
//! O(instructions): the way from a call to the return is followed for a few instructions only.

use super::draft::{Draft, Renaming};
use super::extension;
use crate::optimize::Origin;
use kiln_ir::function::{BlockData, aux};
use kiln_ir::op::{Effect, Op};
use kiln_ir::verify::Checked;
use kiln_ir::{Block, FuncId, Function, Inst, InstData, Type, VReg};

/// The most instructions on the way from a call to the return.
pub(super) const WAY: usize = 16;

/// What an accumulator does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Sum,
    Product,
}

impl Family {
    const fn op(self) -> Op {
        match self {
            Family::Sum => Op::Add,
            Family::Product => Op::Mul,
        }
    }

    /// What changes nothing.
    const fn identity(self) -> u32 {
        match self {
            Family::Sum => 0,
            Family::Product => 1,
        }
    }
}

/// A call of the function by itself whose activation has little left to do.
#[derive(Clone, Copy, Debug)]
struct Site {
    call: Inst,
    /// What is done to its result; nothing if it is returned as it is.
    family: Option<Family>,
}

/// Memory for the pass.
#[derive(Debug, Default)]
pub(super) struct Sites(Vec<Site>);

/// What an instruction between a call and the return does.
enum Step {
    /// Nothing to the result.
    Aside,
    /// Gives it another name.
    Moves(VReg),
    /// Gives a sum or product of it and the operand.
    Adds(Family, VReg),
    /// Goes on in this block.
    Goes(Block),
    /// Returns it.
    Returns,
    /// Anything else.
    Other,
}

/// Writes the function with jumps in the place of its calls of itself; `false` if there is nothing to be done.
pub(super) fn recursion(
    module: &Checked,
    func: FuncId,
    f: &Function,
    draft: &mut Draft,
    sites: &mut Sites,
    blocks: &mut [Block],
) -> bool {
    let sites = &mut sites.0;
    sites.clear();
    if !may_loop(module, func, f) {
        return false;
    }
    let passes_on = f.insts().iter().any(|inst| match inst.op {
        Op::TailCall => inst.a != func.0,
        op => op == Op::TailCallPtr,
    });
    let results = &module.signature_of(func).results;
    // The first kind of accumulator found is the function's.
    let mut family = None;
    for (i, inst) in f.insts().iter().enumerate() {
        let call = Inst(i as u32);
        match inst.op {
            Op::TailCall if inst.a == func.0 => sites.push(Site { call, family: None }),
            Op::Call if inst.a == func.0 && f.slots().is_empty() => match follow(f, call, |_, _| {}) {
                // An address and the integer of its width mix, but an accumulator has one type.
                Some(Some(_)) if passes_on || f.ty(VReg(inst.dst)) != results[0].register() => {}
                Some(Some(other)) if *family.get_or_insert(other) != other => {}
                Some(family) => sites.push(Site { call, family }),
                None => {}
            },
            _ => {}
        }
    }
    if sites.is_empty() || !ends(f, sites) {
        return false;
    }

    draft.start(f);
    let mut writer = Rewriter { module, func, f, draft, accumulator: None };
    if let Some(family) = family {
        let ty = results[0].register();
        let accumulator = writer.draft.vreg(ty);
        writer.accumulator = Some((family, accumulator));
        writer.draft.accumulator = Some((family.op(), accumulator));
        let start = writer.draft.name(1);
        let origin = Origin::own(Inst(0));
        writer.draft.begin(start, BlockData::new(0, false));
        let identity = family.identity();
        writer
            .draft
            .push(InstData { op: Op::Const, ty, aux: 0, dst: accumulator.0, a: 0, b: identity }, origin);
        writer.draft.jump(Block(0), origin);
    }
    let mut sites = sites.iter().peekable();
    for b in 0..f.blocks().len() as u32 {
        writer.draft.begin(Block(b), f.blocks()[b as usize]);
        for at in f.block_range(Block(b)) {
            let inst = &f.insts()[at];
            let call = Inst(at as u32);
            if let Some(site) = sites.next_if(|site| site.call == call) {
                writer.again(*site);
                // What stands behind it has been written, or does not happen.
                while sites.next_if(|site| site.call.index() < f.block_range(Block(b)).end).is_some() {}
                break;
            }
            match (inst.op, writer.accumulator) {
                (Op::Ret, Some((family, accumulator))) => writer.give_back(inst, call, family, accumulator),
                _ => writer.draft.push(*inst, Origin::own(call)),
            }
        }
    }
    draft.settle(blocks);
    true
}

/// Whether the function has a way out besides its calls of itself.
fn ends(f: &Function, sites: &[Site]) -> bool {
    let mut sites = sites.iter().peekable();
    (0..f.blocks().len() as u32).map(|b| f.block_range(Block(b))).any(|range| {
        let mut called = false;
        while sites.next_if(|site| site.call.index() < range.end).is_some() {
            called = true;
        }
        let last = f.insts()[range.end - 1].op;
        !called && !matches!(last, Op::Jump | Op::Branch | Op::Fbranch | Op::Switch)
    })
}

/// Whether activations of the function may follow each other in one frame.
fn may_loop(module: &Checked, func: FuncId, f: &Function) -> bool {
    let decl = module.func(func);
    let sig = module.signature_of(func);
    !decl.replaceable
        && f.entries().is_empty()
        && f.label_sets().is_empty()
        && !f.has_alloca()
        && super::passes_scalars(sig)
        && module.labels_in_data(func).next().is_none()
}

/// Follows control from a call to the return of its result, and shows each instruction on the way with what it does. `None`
/// if something else happens to the result; else what is done to it.
fn follow(f: &Function, call: Inst, mut show: impl FnMut(Inst, Step)) -> Option<Option<Family>> {
    let inst = &f.insts()[call.index()];
    let parts = f.call(inst);
    let returns_all = |ret: &InstData| {
        let more = ret.has_tail().then(|| f.list(ret, 0).iter());
        ret.a == inst.dst && more.is_some_and(|more| more.eq(parts.more_results.iter()))
    };
    // The names that the result has had. The last one counts, but the others must not be read either.
    let mut names = [VReg::NONE; WAY + 1];
    let mut count = 1;
    if parts.results > 0 {
        names[0] = VReg(inst.dst);
    }
    let mut family = None;
    let mut at = call.index() + 1;
    for _ in 0..WAY {
        let inst = &f.insts()[at];
        let (known, result) = (&names[..count], names[count - 1]);
        let is_result = |v: VReg| known.contains(&v) || parts.more_results.iter().any(|more| more == v);
        let step = match inst.op {
            Op::Jump => Step::Goes(Block(inst.dst)),
            Op::Ret if parts.results <= 1 && inst.a == result.0 || returns_all(inst) => Step::Returns,
            Op::Copy if inst.a == result.0 && parts.results == 1 => Step::Moves(VReg(inst.dst)),
            Op::Add | Op::Sub | Op::Mul if parts.results == 1 => arithmetic(f, inst, known),
            op if op.effect() == Effect::pure && op.info().traps.is_empty() => Step::Aside,
            _ => Step::Other,
        };
        let here = Inst(at as u32);
        at += 1;
        match step {
            Step::Moves(_) => {}
            Step::Adds(other, _) if *family.get_or_insert(other) == other => {}
            Step::Goes(block) => at = f.block_range(block).start,
            Step::Returns => {
                show(here, step);
                return Some(family);
            }
            Step::Aside => {
                let mut free = true;
                f.for_each_use(inst, |v| free &= !is_result(v));
                f.for_each_def(inst, |v| {
                    free &= !is_result(v) && !parts.args.iter().any(|arg| arg == v);
                });
                if !free {
                    return None;
                }
            }
            Step::Adds(..) | Step::Other => return None,
        }
        // The arguments are read at the end of the way.
        if let Step::Moves(to) | Step::Adds(_, to) = step {
            if parts.args.iter().any(|arg| arg == to) {
                return None;
            }
            names[count] = to;
            count += 1;
        }
        show(here, step);
    }
    None
}

/// What an `add`, `sub` or `mul` does to the result of the call, the last of these names.
fn arithmetic(f: &Function, inst: &InstData, names: &[VReg]) -> Step {
    let result = names[names.len() - 1];
    let family = if inst.op == Op::Mul { Family::Product } else { Family::Sum };
    let old = |word: u32| VReg(word) != result && names.contains(&VReg(word));
    if old(inst.a) || !inst.has_imm() && old(inst.b) {
        return Step::Other;
    }
    let left = inst.a == result.0;
    let right = !inst.has_imm() && inst.b == result.0;
    match (left, right) {
        (false, false) => Step::Aside,
        (true, true) => Step::Other,
        // From something, it cannot be taken away later.
        (false, true) if inst.op == Op::Sub => Step::Other,
        _ if inst.ty == Type::Ptr || f.ty(result) != inst.ty || f.ty(VReg(inst.dst)) != inst.ty => {
            Step::Other
        }
        _ => Step::Adds(family, VReg(inst.dst)),
    }
}

struct Rewriter<'r> {
    module: &'r Checked,
    func: FuncId,
    f: &'r Function,
    draft: &'r mut Draft,
    accumulator: Option<(Family, VReg)>,
}

impl Rewriter<'_> {
    /// Writes what happens from a call on: the rest of the activation, then the next one.
    fn again(&mut self, site: Site) {
        let f = self.f;
        let inst = &f.insts()[site.call.index()];
        if inst.op == Op::Call {
            let draft = &mut *self.draft;
            let accumulator = self.accumulator;
            let mut result = VReg(inst.dst);
            let way = follow(f, site.call, |at, step| {
                let inst = &f.insts()[at.index()];
                match step {
                    Step::Aside => draft.copy(f, inst, Renaming::default(), Origin::own(at)),
                    Step::Moves(to) => result = to,
                    Step::Adds(_, to) => {
                        let Some((_, accumulator)) = accumulator else {
                            unreachable!("the function has an accumulator if something is added")
                        };
                        let mut add = *inst;
                        if add.a != result.0 {
                            // The result is the other operand.
                            add.b = add.a;
                        }
                        (add.dst, add.a) = (accumulator.0, accumulator.0);
                        draft.push(add, Origin::own(at));
                        result = to;
                    }
                    Step::Goes(_) | Step::Returns | Step::Other => {}
                }
            });
            debug_assert_eq!(way, Some(site.family), "the way is as it was");
        }
        self.assign(inst, site.call);
        self.draft.jump(Block(0), Origin::own(site.call));
    }

    /// Assigns the arguments of a call to the parameters, all at once.
    fn assign(&mut self, call: &InstData, at: Inst) {
        let (f, origin) = (self.f, Origin::own(at));
        let sig = self.module.signature_of(self.func);
        let args = f.call(call).args;
        let crossing = args.iter().enumerate().any(|(i, arg)| arg.0 < f.params() && arg.index() != i);
        let moved = |i: usize, arg: VReg| arg.index() != i || extension(sig.params[i]) != Op::Copy;
        // Parameters that go to others are read before any is written.
        let first = self.draft.f.vregs().len();
        if crossing {
            for (i, arg) in args.iter().enumerate().filter(|(i, arg)| moved(*i, *arg)) {
                let ty = f.ty(VReg(i as u32));
                let between = self.draft.vreg(ty);
                self.draft.unary(extension(sig.params[i]), ty, between, arg, origin);
            }
        }
        let mut between = first as u32..;
        for (i, arg) in args.iter().enumerate().filter(|(i, arg)| moved(*i, *arg)) {
            let (param, ty) = (VReg(i as u32), f.ty(VReg(i as u32)));
            match between.next().filter(|_| crossing) {
                Some(v) => self.draft.unary(Op::Copy, ty, param, VReg(v), origin),
                None => self.draft.unary(extension(sig.params[i]), ty, param, arg, origin),
            }
        }
    }

    /// Writes a return whose value is combined with the accumulator.
    fn give_back(&mut self, ret: &InstData, at: Inst, family: Family, accumulator: VReg) {
        let origin = Origin::own(at);
        let ty = self.draft.f.ty(accumulator);
        let total = self.draft.vreg(ty);
        let op = family.op();
        self.draft.push(InstData { op, ty, aux: 0, dst: total.0, a: ret.a, b: accumulator.0 }, origin);
        self.draft.push(InstData { a: total.0, aux: ret.aux & !aux::TAIL, b: 0, ..*ret }, origin);
    }
}
