//! Loops that test at their top are turned to test at their end.
//!
//! Of `head: branch out; …; jump head` the head's instructions are copied in the place of the jump back, so that each round
//! takes one branch in place of a branch and a jump, and the head before the loop is a *guard*: what follows it runs
//! only if the loop's body runs at least once, so later passes may move computations there without guessing. Where the
//! layout has the test at the end already and the loop is entered by a jump to it, the copy goes to the jumps that enter:
//! the same graph. Worth x0.93 to x0.95 (measured in Cranelift's code).
//!
//! Only heads of few instructions, without calls; only loops that are entered at their heads. A head is copied in the
//! place of a few jumps; other jumps, branches and switches that would need a copy share one. Functions with labels are
//! left alone.
//!
//! O(instructions).

use super::draft::{Draft, Input, Renaming};
use super::nest::Nest;
use crate::optimize::lent::{Borrower, Lent, make_room, swap};
use kiln_ir::function::{BlockData, aux};
use kiln_ir::op::{Effect, Hint, Op, Variant};
use kiln_ir::{Block, Function, InstData};

/// The most instructions of a head.
const HEAD: usize = 16;
/// The most instructions in copies that replace jumps, per loop.
const COPIES: usize = 48;

/// What happens to the edges to a block.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    /// Whether it is the head of a loop to be turned.
    turned: bool,
    /// Whether the edges that go back lead to copies, or those that enter.
    back: bool,
    /// Number of jumps to replace.
    jumps: u32,
    /// Whether some branch back is a test at the loop's end.
    tests_at_end: bool,
    /// The name of the copy that all others share, if there are any.
    shared: Option<Block>,
}

/// Memory for the pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    nest: Nest,
    plans: Vec<Plan>,
}

impl Borrower for Scratch {
    fn exchange(&mut self, lent: &mut Lent) {
        self.nest.exchange(lent);
        swap(&mut self.plans, &mut lent.quads);
    }
}

/// Writes the function with its loops turned; `false` if there is nothing to be done.
pub(super) fn invert(own: Input<'_>, draft: &mut Draft, scratch: &mut Scratch, blocks: &mut [Block]) -> bool {
    let f = own.f;
    if !f.label_sets().is_empty() || !scratch.nest.find(f) {
        return false;
    }
    let Scratch { nest, plans } = scratch;
    make_room(plans, f.blocks().len());
    let all = 0..f.blocks().len() as u32;
    plans.extend(all.clone().map(|b| plan(f, nest, Block(b))));
    if !plans.iter().any(|plan| plan.turned) {
        return false;
    }
    count(f, nest, plans);
    draft.start(f);
    for plan in plans.iter_mut().filter(|plan| plan.shared.is_some()) {
        plan.shared = Some(draft.name(1));
    }
    let mut turn = Turn { own, nest, plans, draft };
    for b in all.clone() {
        turn.block(Block(b));
    }
    for head in all.map(Block) {
        if let Some(shared) = turn.plans[head.index()].shared {
            turn.draft.begin(shared, BlockData::new(0, false));
            turn.copy(head, Block::NONE);
        }
    }
    draft.settle(blocks);
    true
}

/// Whether a block is the head of a loop to be turned, and how.
fn plan(f: &Function, nest: &Nest, head: Block) -> Plan {
    let none = Plan::default();
    if !nest.is_header(head) || f.blocks()[head.index()].cold {
        return none;
    }
    let insts = &f.insts()[f.block_range(head)];
    let Some((branch, body)) = insts.split_last() else { return none };
    let copied = |inst: &InstData| {
        matches!(inst.op.effect(), Effect::pure | Effect::reads | Effect::writes) && inst.op != Op::Alloca
    };
    if insts.len() > HEAD || !branch.op.falls_through() || !body.iter().all(copied) {
        return none;
    }
    let (taken, next) = (Block(branch.dst), Block(head.0 + 1));
    let stays = |to: Block| nest.is_in(to, head);
    if taken == head || stays(taken) == stays(next) {
        return none;
    }
    // What stands before the head in the layout stays before it.
    let above = head.0.checked_sub(1).map(Block);
    let falls = above.filter(|above| {
        let last = &f.insts()[f.block_range(*above).end - 1];
        last.op.falls_through() || last.op == Op::Jump && last.dst == head.0
    });
    let back = !falls.is_some_and(|above| nest.is_reached(above) && nest.is_back(above, head));
    let entered = head.0 == 0 || f.entries().iter().any(|entry| entry.block == head);
    Plan { turned: back || !entered, back, ..none }
}

/// Whether an edge leads to a copy of the head that it goes to.
fn redirected(nest: &Nest, plans: &[Plan], from: Block, to: Block) -> bool {
    let plan = &plans[to.index()];
    plan.turned && plan.back == nest.is_back(from, to)
}

/// Counts the jumps that copies replace and finds out which heads need a shared copy. Gives up loops that test at their ends
/// and have no jump back.
fn count(f: &Function, nest: &Nest, plans: &mut [Plan]) {
    for b in (0..f.blocks().len() as u32).map(Block).filter(|b| nest.is_reached(*b)) {
        let last = &f.insts()[f.block_range(b).end - 1];
        if last.op == Op::Jump {
            let to = Block(last.dst);
            plans[to.index()].jumps += redirected(nest, plans, b, to) as u32;
        } else if last.op.falls_through() {
            let (taken, next) = (Block(last.dst), Block(b.0 + 1));
            for (to, other) in [(taken, next), (next, taken)] {
                let back = plans[to.index()].turned && nest.is_back(b, to);
                plans[to.index()].tests_at_end |= back && !nest.is_inside(other, to);
            }
        }
    }
    for plan in plans.iter_mut() {
        plan.turned &= !plan.back || plan.jumps > 0 || !plan.tests_at_end;
    }
    for head in (0..plans.len() as u32).map(Block) {
        let most = (COPIES / f.block_range(head).len()) as u32;
        let plan = &mut plans[head.index()];
        if plan.turned && plan.jumps > most {
            plan.jumps = most;
            plan.shared = Some(Block::NONE);
        }
    }
    for b in (0..f.blocks().len() as u32).map(Block).filter(|b| nest.is_reached(*b)) {
        let last = &f.insts()[f.block_range(b).end - 1];
        if last.op != Op::Jump {
            f.for_each_target(last, |to| {
                if redirected(nest, plans, b, to) {
                    plans[to.index()].shared = Some(Block::NONE);
                }
            });
        }
    }
}

struct Turn<'t> {
    own: Input<'t>,
    nest: &'t Nest,
    plans: &'t mut [Plan],
    draft: &'t mut Draft,
}

impl Turn<'_> {
    /// Writes a block, with copies in the place of jumps.
    fn block(&mut self, block: Block) {
        let f = self.own.f;
        self.draft.begin(block, f.blocks()[block.index()]);
        let range = f.block_range(block);
        let last = range.end - 1;
        for at in range.start..last {
            self.draft.push(f.insts()[at], self.own.origins.of(at));
        }
        let mut inst = f.insts()[last];
        if self.nest.is_reached(block) {
            if inst.op == Op::Jump && redirected(self.nest, self.plans, block, Block(inst.dst)) {
                let head = Block(inst.dst);
                let plan = &mut self.plans[head.index()];
                if plan.jumps > 0 {
                    plan.jumps -= 1;
                    self.copy(head, Block(block.0 + 1));
                    return;
                }
            }
            let (nest, plans) = (self.nest, &*self.plans);
            self.draft.redirect(&mut inst, |to| target(nest, plans, block, to));
        }
        self.draft.push(inst, self.own.origins.of(last));
    }

    /// Writes a copy of a head behind what stands there, before a block of the layout.
    fn copy(&mut self, head: Block, before: Block) {
        let Input { f, origins, .. } = self.own;
        let range = f.block_range(head);
        let last = range.end - 1;
        for at in range.start..last {
            self.draft.copy(f, &f.insts()[at], Renaming::default(), origins.of(at));
        }
        let branch = f.insts()[last];
        let origin = origins.of(last);
        let taken = target(self.nest, self.plans, head, Block(branch.dst));
        let next = Block(head.0 + 1);
        let stays = self.nest.is_in(next, head);
        // Falling through is for what stands behind, else for the way out.
        let inverted = if before == taken { true } else { before != next && stays };
        let (inst, to, falls) = match inverted {
            true => (inverse(&branch), next, taken),
            false => (branch, taken, next),
        };
        self.draft.push(InstData { dst: to.0, ..inst }, origin);
        if falls != before {
            let between = self.draft.name(1);
            self.draft.begin(between, BlockData::new(0, false));
            self.draft.jump(falls, origin);
        }
    }
}

/// The name of the block to which an edge that is no replaced jump leads.
fn target(nest: &Nest, plans: &[Plan], from: Block, to: Block) -> Block {
    match plans[to.index()].shared {
        Some(shared) if redirected(nest, plans, from, to) => shared,
        _ => to,
    }
}

/// The branch that goes where this one falls through.
fn inverse(branch: &InstData) -> InstData {
    let variant = match branch.variant() {
        Variant::Cond(cond) => Variant::Cond(cond.inverse()),
        Variant::FCond(cond) => Variant::FCond(cond.inverse()),
        other => other,
    };
    let hint = match branch.hint() {
        Hint::None => Hint::None,
        Hint::Likely => Hint::Unlikely,
        Hint::Unlikely => Hint::Likely,
    };
    let kept = branch.aux & !(15 << aux::VARIANT | 3 << aux::HINT);
    InstData { aux: kept | InstData::variant_bits(variant) | (hint as u16) << aux::HINT, ..*branch }
}
