//! If-conversion: a short branch whose way no processor can guess becomes a selection.
//!
//! A branch is replaced if it joins again behind at most one block on each side, these hold at most [`OPS`] cheap
//! integer ops together with what they need, touch no memory and cannot trap, and at most [`SELECTS`] integers differ at
//! the join; and if its condition is one of two:
//! - a bit of a value is tested: data, so as good as random (in a guessed branch half of the guesses would be wrong);
//! - it asks which of two integers is less, and the join takes one of them: a minimum or maximum.
//!
//! Everything else stays a branch: guessed right, it takes its condition off the critical path, and a selection would make
//! what follows wait for it, in a loop for each round. For the same reason no arm may hold a multiplication or a load: their
//! latency would be added to the chain that goes round the loop, whether the arm was wanted or not.
//! A branch that the producer gave a hint stays.
//!
//! Comparison and selection stand together, for the target to make one pair of instructions of them.
//! O(blocks) beside the copying. Source: the costs are measured (a conditional move in the inner loop of collatz takes
//! 0.80 to 0.87 of the branch's time; converting all small branches loses on searches and sorts).

use super::cfg::Cfg;
use super::cost::is_one_cycle;
use super::lent::{Borrower, Lent, fill};
use super::operands::{for_each_name, map_names};
use super::{Body, Taken, Writer};
use kiln_ir::function::aux;
use kiln_ir::op::{Cond, Hint, Op};
use kiln_ir::{Block, InstData, Type, VReg};

/// How many ops an arm may hold.
pub const OPS: usize = 3;
/// How many values may differ at the join.
pub const SELECTS: usize = 2;

/// What the pass remembers.
#[derive(Debug, Default)]
pub struct Scratch {
    /// For each block the branch that it ends with, if that goes.
    plans: Vec<Option<Plan>>,
    /// For each block its new number; none for those that become part of others.
    number: Vec<Block>,
    /// Blocks that something names beside the edges.
    named: Vec<bool>,
    /// For each value the instruction that writes it, or `u32::MAX`.
    def: Vec<u32>,
}

impl Borrower for Scratch {
    fn exchange(&mut self, lent: &mut Lent) {
        lent.words(0, [&mut self.def]);
    }
}

/// What takes the place of a branch: the instructions of both arms, then selections.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Where the branch goes if its condition holds and if not, up to the join: none if at once.
    arms: [Option<Block>; 2],
    join: Block,
    /// The positions of the edges to the join.
    edges: [u32; 2],
}

/// Replaces branches by selections. Says whether there were any.
pub fn if_convert(body: &mut Body, cfg: &Cfg, scratch: &mut Scratch, taken: &mut Taken) -> bool {
    let f = &body.f;
    if !(0..body.blocks()).any(|b| jumps_to(body, cfg, Block(b)).is_some()) {
        return false;
    }
    let Scratch { plans, number, named, def } = scratch;
    named.clear();
    named.resize(f.blocks().len(), false);
    for_each_name(body, |block| named[block.index()] = true);
    fill(def, f.vregs().len(), u32::MAX);
    for (at, inst) in f.insts().iter().enumerate() {
        f.for_each_def(inst, |v| def[v.index()] = at as u32);
    }
    plans.clear();
    number.clear();
    number.resize(f.blocks().len(), Block(0));
    let mut any = false;
    for b in 0..body.blocks() {
        // An arm that ends in a plan of its own is none: it does not jump to the join.
        let plan = plan(body, cfg, named, def, Block(b));
        for arm in plan.iter().flat_map(|plan| plan.arms).flatten() {
            number[arm.index()] = Block::NONE;
        }
        any |= plan.is_some();
        plans.push(plan);
    }
    if !any {
        return false;
    }
    for (n, number) in number.iter_mut().filter(|number| !number.is_none()).enumerate() {
        *number = Block(n as u32);
    }
    body.take_code(taken);
    for b in 0..taken.blocks.len() as u32 {
        let block = Block(b);
        if number[block.index()].is_none() {
            continue;
        }
        let mut writer = Writer::new(body);
        writer.block(taken.blocks[block.index()], taken.params_of(block).iter().copied());
        let Some(plan) = &plans[block.index()] else {
            writer.copy(taken, block, |to| number[to.index()]);
            continue;
        };
        // The branch is the only instruction that goes anywhere: see `plan`.
        let range = taken.block_range(block);
        for at in range.start..range.end - 1 {
            writer.push(taken.insts[at], taken.origins[at]);
        }
        select(body, taken, plan, (number, def), range.end - 1);
    }
    map_names(body, |block| number[block.index()]);
    Writer::new(body).end();
    true
}

/// How to replace the branch at the end of a block, if that is worth it.
fn plan(body: &Body, cfg: &Cfg, named: &[bool], def: &[u32], block: Block) -> Option<Plan> {
    let branch = &body.f.insts()[body.f.block_range(block).end - 1];
    if branch.op != Op::Branch || branch.hint() != Hint::None {
        return None;
    }
    let first = body.edge_start[block.index() + 1] - 2;
    // What stands before the branch is copied as it is.
    let range = body.f.block_range(block);
    let names = |inst: &InstData| inst.op == Op::LabelAddr;
    if first != body.edge_start[block.index()] || body.f.insts()[range].iter().any(names) {
        return None;
    }
    let mut plan = Plan { arms: [None; 2], join: Block::NONE, edges: [first, first + 1] };
    let targets = plan.edges.map(|edge| body.edges[edge as usize].to);
    // Which of the two are arms: blocks that are reached from here only, and jump to where the other way goes too.
    let ends = targets.map(|arm| if named[arm.index()] { None } else { jumps_to(body, cfg, arm) });
    let is_arm = match (ends[0], ends[1]) {
        (Some(a), Some(b)) if a == b => [true, true],
        (Some(a), _) if a == targets[1] => [true, false],
        (_, Some(b)) if b == targets[0] => [false, true],
        _ => return None,
    };
    for side in 0..2 {
        if is_arm[side] {
            plan.arms[side] = Some(targets[side]);
            plan.edges[side] = body.edge_start[targets[side].index()];
        }
    }
    plan.join = body.edges[plan.edges[0] as usize].to;
    if body.f.blocks()[plan.join.index()].cold || plan.join == block {
        return None;
    }
    let args = plan.edges.map(|edge| body.args_of(&body.edges[edge as usize]));
    let mut differ = 0;
    for (a, b) in args[0].iter().zip(args[1]).filter(|(a, b)| a != b) {
        differ += 1;
        if body.f.ty(*a).is_float() || body.f.ty(*b).is_float() {
            return None;
        }
    }
    let known = (body.f.insts(), def);
    let least = args[0]
        .iter()
        .zip(args[1])
        .any(|(a, b)| a != b && extremum(known, branch, body.f.ty(*a), *a, *b).is_some());
    let worth = differ > 0 && (least && differ == 1 || tests_bit(body, def, branch) && differ <= SELECTS);
    worth.then_some(plan)
}

/// Where a block jumps that may become part of its only predecessor, unless something names it beside the edge.
fn jumps_to(body: &Body, cfg: &Cfg, block: Block) -> Option<Block> {
    let range = body.f.block_range(block);
    if range.len() > OPS + 1
        || body.f.blocks()[block.index()].cold
        || cfg.preds(block).len() != 1
        || !body.params_of(block).is_empty()
    {
        return None;
    }
    let (jump, ops) = body.f.insts()[range].split_last()?;
    (jump.op == Op::Jump && ops.iter().all(is_cheap)).then_some(Block(jump.dst))
}

/// Whether an op is done in a cycle or two, cannot trap, and does not touch memory.
fn is_cheap(inst: &InstData) -> bool {
    match inst.op {
        Op::Const => !inst.has_tail() && !inst.ty.is_float(),
        // Products that an address computation does.
        Op::Mul => inst.has_imm() && matches!(inst.b, 2 | 3 | 4 | 5 | 8 | 9),
        op => (op == Op::Copy || is_one_cycle(op)) && !inst.ty.is_float(),
    }
}

/// Whether a branch tests a bit of a value.
fn tests_bit(body: &Body, def: &[u32], branch: &InstData) -> bool {
    let one_bit = |imm: u32| (imm as i32 as i64 as u64).is_power_of_two();
    match branch.cond() {
        Cond::Any | Cond::None => branch.has_imm() && one_bit(branch.b),
        Cond::Eq | Cond::Ne if branch.has_imm() && branch.b == 0 => {
            let at = def[branch.a as usize];
            at != u32::MAX && {
                let inst = &body.f.insts()[at as usize];
                inst.op == Op::And && inst.has_imm() && one_bit(inst.b)
                    || inst.op == Op::Ubits && inst.b >> 8 == 1
            }
        }
        _ => false,
    }
}

/// The op that gives `held` if the branch's condition holds and else `other`, if that is a minimum or maximum.
fn extremum(
    (insts, def): (&[InstData], &[u32]),
    branch: &InstData,
    ty: Type,
    held: VReg,
    other: VReg,
) -> Option<Op> {
    let is_second = |v: VReg| {
        if !branch.has_imm() {
            return v.0 == branch.b;
        }
        let at = def[v.index()];
        at != u32::MAX && {
            let inst = &insts[at as usize];
            inst.op == Op::Const && !inst.has_tail() && !inst.ty.is_float() && inst.b == branch.b
        }
    };
    let straight = held.0 == branch.a && is_second(other);
    let crossed = other.0 == branch.a && is_second(held);
    if !straight && !crossed || !matches!(branch.ty, Type::I32 | Type::I64) || ty != branch.ty {
        return None;
    }
    let (least, most) = match branch.cond() {
        Cond::Lt | Cond::Le => (Op::Smin, Op::Smax),
        Cond::Gt | Cond::Ge => (Op::Smax, Op::Smin),
        Cond::Ult | Cond::Ule => (Op::Umin, Op::Umax),
        Cond::Ugt | Cond::Uge => (Op::Umax, Op::Umin),
        _ => return None,
    };
    Some(if straight { least } else { most })
}

/// Writes what takes the place of a branch.
fn select(body: &mut Body, taken: &Taken, plan: &Plan, (number, def): (&[Block], &[u32]), at: usize) {
    let (branch, origin) = (taken.insts[at], taken.origins[at]);
    for arm in plan.arms.iter().flatten() {
        let range = taken.block_range(*arm);
        for inst in range.start..range.end - 1 {
            Writer::new(body).push(taken.insts[inst], taken.origins[inst]);
        }
    }
    let edges = plan.edges.map(|edge| taken.edges[edge as usize]);
    let count = taken.params_of(plan.join).len();
    let mut args = [VReg::NONE; SELECTS];
    let mut next = 0;
    let mut condition = VReg::NONE;
    for n in 0..count {
        let [held, other] = [0, 1].map(|side| taken.args_of(&edges[side])[n]);
        if held == other {
            continue;
        }
        let param = taken.params_of(plan.join)[n];
        let ty = body.f.ty(param);
        let value = body.value(ty);
        args[next] = value;
        next += 1;
        if let Some(op) = extremum((&taken.insts, def), &branch, ty, held, other) {
            let inst =
                InstData { op, ty, aux: branch.aux & aux::IMM, dst: value.0, a: branch.a, b: branch.b };
            Writer::new(body).push(inst, origin);
            continue;
        }
        if condition.is_none() {
            condition = body.value(Type::I32);
            let aux = branch.aux & !(3 << aux::HINT);
            let inst = InstData { op: Op::Cmp, aux, dst: condition.0, ..branch };
            Writer::new(body).push(inst, origin);
        }
        let pool = body.f.arrays().pool;
        let tail = pool.len() as u32;
        pool.extend([held.0, other.0]);
        let inst = InstData { op: Op::Select, ty, aux: aux::TAIL, dst: value.0, a: condition.0, b: tail };
        Writer::new(body).push(inst, origin);
    }
    let jump = InstData { op: Op::Jump, ty: Type::I32, aux: 0, dst: number[plan.join.index()].0, a: 0, b: 0 };
    let mut writer = Writer::new(body);
    writer.push(jump, origin);
    let mut selected = args.into_iter();
    let [held, other] = [0, 1].map(|side| taken.args_of(&edges[side]));
    let args = held.iter().zip(other).map(|(a, b)| if a == b { *a } else { selected.next().unwrap_or(*a) });
    writer.edge(number[plan.join.index()], args);
}
