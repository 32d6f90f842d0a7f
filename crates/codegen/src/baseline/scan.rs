//! The first of the two walks: what must be known before a byte is written.
//!
//! Loops come from branches that go back in the layout: `header..=latch`, nested by containment. A register that
//! more than one block mentions, or that lives across a call, is a *candidate* for a fixed register ("home") on
//! its whole live range. A range spans from the first to the last mention and is widened over each loop that it is
//! live into: because every read is preceded by a write on all paths (the verifier's rule), a range that begins
//! inside a loop is dead at its header, so only loops that begin behind the range's start count. Where a jump
//! enters a loop other than by its header that argument fails, and ranges that touch such a loop span all of it.
//! Jumps through a label set count as one way from the first and one from the last of them to each of its labels, so
//! that many jumps through a large set stay linear; those that go back make one loop, from the set's first label on.
//! A further entry is a way in from outside, which writes its parameters.
//!
//! Homes are given by linear scan (Poletto and Sarkar, "Linear Scan Register Allocation", TOPLAS 21(5), 1999) over
//! the candidates in order of their starts; where registers run out, the candidate with the least weight (mentions,
//! times 8 per loop level) goes to the frame for good. O(instructions + candidates * registers).

use crate::emit::leave::{Round, Work};
use crate::emit::{NO_SLOT, Val};
use crate::regs::{Reg, RegSet};
use crate::target::HomeRegs;
use kiln_ir::function::{Function, VRegInfo};
use kiln_ir::op::{Effect, Mentions};
use kiln_ir::{Block, Inst, Op, Type, VReg};

/// A register that may get a home.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    vreg: VReg,
    weight: u32,
    start: u32,
    end: u32,
    first_block: u32,
    last_block: u32,
}

#[derive(Clone, Copy, Debug)]
struct Loop {
    header: u32,
    end: u32,
    parent: u32,
    /// Entered other than by its header.
    side_entry: bool,
    /// Whether no other loop is in it.
    innermost: bool,
}

const NO_LOOP: u32 = u32::MAX;
/// Loops nested deeper than this count as part of the loop around them.
const MAX_DEPTH: u32 = 48;

/// What the scan found, and the memory it reuses.
#[derive(Debug, Default)]
pub struct Scan {
    /// Where each virtual register is.
    pub vals: Vec<Val>,
    /// Number of ways into each block, at most 2; or [`Scan::JUMPED_TO`].
    pub preds: Vec<u8>,
    /// Registers that are someone's home.
    pub homes: RegSet,
    /// The home of what innermost loops count in, if they count and it got one. Else they count in memory.
    pub rounds: Option<Reg>,
    /// Positions of calls, ascending.
    pub calls: Vec<u32>,
    /// Whether some value of several blocks, or across a call, got no home and so will need room in the frame.
    pub homeless: bool,
    /// Registers that several blocks mention.
    globals: Vec<VReg>,
    /// Mentions of each register, each times its loop's weight, and one entry more.
    weights: Vec<u32>,
    candidates: Vec<Candidate>,
    loops: Vec<Loop>,
    loop_of: Vec<u32>,
    loop_end: Vec<u32>,
    depth: Vec<u8>,
    stack: Vec<u32>,
    /// For each label set the first and the last block that jump through it.
    jumps: Vec<(u32, u32)>,
    /// For each register, if there are further entries, the first and the last block of those that it is a parameter of.
    entered: Vec<(u32, u32)>,
}

/// No block jumps through the label set, or the register is no parameter of a further entry.
const NOWHERE: (u32, u32) = (u32::MAX, 0);

/// So many ops in the time of a call and a return, or of a division.
const CALL: u32 = 10;

/// About how many ops take as long as this one.
fn time(op: Op) -> u32 {
    match op {
        Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem | Op::Fdiv | Op::Fsqrt => CALL,
        _ if op.effect() == Effect::call => CALL,
        _ => 1,
    }
}

/// More than the three words: what the shape says.
const MORE: Mentions = Mentions::MORE_READS.with(Mentions::MORE_WRITES);

/// Calls `edge` with both blocks of each way from block to block, `through` with block and label set of each jump
/// through one.
fn for_each_edge(f: &Function, mut edge: impl FnMut(u32, u32), mut through: impl FnMut(u32, u32)) {
    // Cold edges leave from the middle of blocks; without a cold block there are none.
    let any_cold = f.blocks().iter().any(|b| b.cold);
    for b in 0..f.blocks().len() as u32 {
        let range = f.block_range(Block(b));
        if any_cold {
            for inst in &f.insts()[range.start..range.end - 1] {
                if matches!(inst.op.effect(), Effect::control) {
                    f.for_each_target(inst, |t| edge(b, t.0));
                }
            }
        }
        let last = &f.insts()[range.end - 1];
        if last.op.falls_through() {
            edge(b, b + 1);
        }
        if last.op == Op::JumpTo {
            through(b, last.b);
        } else {
            f.for_each_target(last, |t| edge(b, t.0));
        }
    }
}

impl Scan {
    /// In [`Scan::preds`]: the block is of a label set that is jumped through.
    pub const JUMPED_TO: u8 = 3;

    /// Scans a function and gives homes, if it `counts` also to what its innermost loops count in. `calls` says which ops
    /// run other code, and so change the registers that callees may change.
    pub fn run(&mut self, f: &Function, regs: &HomeRegs, counts: bool, calls: impl Fn(Op) -> bool) {
        self.find_loops(f);
        self.init_vals(f);
        self.weigh(f, calls);
        self.widen(f);
        self.rounds = None;
        if counts && !self.loops.is_empty() {
            self.weigh_rounds(f);
        }
        self.assign(regs);
        if self.vals.len() > f.vregs().len() {
            self.rounds = self.vals.pop().map(|rounds| rounds.home).filter(|home| *home != Reg::NONE);
        }
    }

    fn init_vals(&mut self, f: &Function) {
        self.vals.clear();
        self.globals.clear();
        for (v, info) in f.vregs().iter().enumerate() {
            let mut flags = 0;
            if !info.is_local() {
                flags = Val::GLOBAL;
                self.globals.push(VReg(v as u32));
            }
            let (home, reg) = (Reg::NONE, Reg::NONE);
            self.vals.push(Val {
                home,
                reg,
                flags,
                ty: info.ty,
                since: Val::HERE,
                uses: info.uses,
                slot: NO_SLOT,
                aux: 0,
            });
        }
    }

    /// What the loops of the function do. O(instructions).
    pub fn work(&self, f: &Function) -> Work {
        const MOST: u32 = 1 << 20;
        let mut rounds = vec![Round::default(); self.loop_of.len()];
        let mut outside = CALL;
        for (b, l) in (0..).zip(&self.loop_of) {
            let ops = f.insts()[f.block_range(Block(b))].iter().map(|inst| time(inst.op)).sum::<u32>();
            // A head of a loop that is nested too deep to be listed stands for its block alone.
            rounds[b as usize].ops += ops.min(MOST);
            match self.loops.get(*l as usize) {
                None => outside = outside.saturating_add(ops).min(MOST),
                Some(l) if l.header != b => {
                    let round = &mut rounds[l.header as usize].ops;
                    *round = round.saturating_add(ops).min(MOST);
                }
                Some(_) => {}
            }
        }
        let mut least_round = MOST;
        for innermost in self.loops.iter().filter(|l| l.innermost) {
            let round = &mut rounds[innermost.header as usize];
            round.innermost = true;
            least_round = least_round.min(round.ops);
        }
        Work { outside, least_round, rounds }
    }

    /// Makes what innermost loops count in a candidate beside the function's registers. It is read and written once a round,
    /// and lives as long as the function is active.
    fn weigh_rounds(&mut self, f: &Function) {
        let rounds = VReg(self.vals.len() as u32);
        let (home, reg) = (Reg::NONE, Reg::NONE);
        self.vals.push(Val {
            home,
            reg,
            flags: Val::GLOBAL,
            ty: Type::I32,
            uses: 0,
            since: Val::HERE,
            slot: NO_SLOT,
            aux: 0,
        });
        let innermost = self.loops.iter().filter(|l| l.innermost);
        let weight = |l: &Loop| 2u32 << (3 * self.depth[l.header as usize].min(6));
        let weight = innermost.map(weight).fold(0u32, u32::saturating_add);
        let (start, end) = (0, f.insts().len() as u32);
        let (first_block, last_block) = (0, f.blocks().len() as u32 - 1);
        // It starts before all others.
        self.candidates.insert(0, Candidate { vreg: rounds, weight, start, end, first_block, last_block });
    }

    /// Counts ways into blocks and finds loops.
    fn find_loops(&mut self, f: &Function) {
        let n = f.blocks().len();
        self.preds.clear();
        self.preds.resize(n, 0);
        self.loop_end.clear();
        self.loop_end.resize(n, NO_LOOP);
        self.calls.clear();
        self.preds[0] = 1;
        self.jumps.clear();
        self.jumps.resize(f.label_sets().len(), NOWHERE);
        let mut any_loop = false;
        let Scan { preds, loop_end, jumps, .. } = self;
        let mut back = |from: u32, to: u32| {
            any_loop = true;
            let end = &mut loop_end[to as usize];
            *end = if *end == NO_LOOP { from } else { (*end).max(from) };
        };
        for_each_edge(
            f,
            |b, t| {
                preds[t as usize] = (preds[t as usize] + 1).min(2);
                if t <= b {
                    back(b, t);
                }
            },
            |b, set| {
                let (first, last) = &mut jumps[set as usize];
                (*first, *last) = ((*first).min(b), (*last).max(b));
            },
        );
        for entry in f.entries() {
            let ways = &mut preds[entry.block.index()];
            *ways = (*ways + 1).min(2);
        }
        for (set, jumps) in f.label_sets().iter().zip(&*jumps).filter(|(_, jumps)| **jumps != NOWHERE) {
            for label in set {
                preds[label.index()] = Scan::JUMPED_TO;
            }
            if let Some(first) = set.iter().min().filter(|first| first.0 <= jumps.1) {
                back(jumps.1, first.0);
            }
        }
        self.loops.clear();
        self.stack.clear();
        self.loop_of.clear();
        self.depth.clear();
        if !any_loop {
            self.loop_of.resize(n, NO_LOOP);
            self.depth.resize(n, 0);
            return;
        }
        for b in 0..n as u32 {
            while let Some(&top) = self.stack.last() {
                if self.loops[top as usize].end >= b {
                    break;
                }
                self.stack.pop();
            }
            let end = self.loop_end[b as usize];
            if end != NO_LOOP {
                // A loop that sticks out of the one around it makes that one longer.
                for &outer in self.stack.iter().rev() {
                    let outer = &mut self.loops[outer as usize];
                    if outer.end >= end {
                        break;
                    }
                    outer.end = end;
                }
                if self.stack.len() < MAX_DEPTH as usize {
                    let parent = self.stack.last().copied().unwrap_or(NO_LOOP);
                    if let Some(parent) = self.loops.get_mut(parent as usize) {
                        parent.innermost = false;
                    }
                    self.stack.push(self.loops.len() as u32);
                    self.loops.push(Loop { header: b, end, parent, side_entry: false, innermost: true });
                } else if let Some(&top) = self.stack.last() {
                    self.loops[top as usize].side_entry = true;
                }
            }
            self.loop_of.push(self.stack.last().copied().unwrap_or(NO_LOOP));
            self.depth.push(self.stack.len() as u8);
        }
        let Scan { loops, loop_of, jumps, .. } = self;
        let mut enter = |from: i64, to: u32| {
            let mut l = loop_of[to as usize];
            while l != NO_LOOP && loops[l as usize].header as i64 > from {
                let this = &mut loops[l as usize];
                this.side_entry |= this.header != to;
                l = this.parent;
            }
        };
        for_each_edge(f, |b, t| enter(b as i64, t), |_, _| {});
        for entry in f.entries() {
            enter(-1, entry.block.0);
        }
        let jumped = |(_, jumps): &(_, &(u32, u32))| **jumps != NOWHERE;
        for (set, jumps) in f.label_sets().iter().zip(&*jumps).filter(jumped) {
            set.iter().for_each(|label| enter(jumps.0 as i64, label.0));
        }
        for (set, jumps) in f.label_sets().iter().zip(&*jumps).filter(jumped) {
            // Its labels lie all over the loop that the set makes.
            if let Some(first) = set.iter().min().filter(|first| first.0 <= jumps.1) {
                loops[loop_of[first.index()] as usize].side_entry = true;
            }
        }
    }

    /// Adds up the weights of registers, makes candidates of those that several blocks mention, and finds constants
    /// and calls.
    fn weigh(&mut self, f: &Function, calls: impl Fn(Op) -> bool) {
        self.candidates.clear();
        self.weights.clear();
        self.weights.resize(f.vregs().len() + 1, 0);
        self.weights[..f.params() as usize].fill(1);
        // Takes the weight of operands that an instruction does not have, so that no branch is spent on them.
        let nobody = f.vregs().len() as u32;
        let mut last_call = 0;
        for b in 0..f.blocks().len() as u32 {
            let weight = 1u32 << (3 * self.depth[b as usize].min(6));
            let range = f.block_range(Block(b));
            for (inst, i) in f.insts()[range.clone()].iter().zip(range.start as u32..) {
                let mentions = inst.op.mentions();
                let has = |words: Mentions, not: bool| mentions.has(words) && !not;
                let dst = has(Mentions::DST, false) | has(Mentions::STORED, inst.value_is_imm());
                self.mention(if has(Mentions::A, false) { inst.a } else { nobody }, weight);
                self.mention(if has(Mentions::B, inst.has_imm()) { inst.b } else { nobody }, weight);
                self.mention(if dst { inst.dst } else { nobody }, weight);
                if inst.op as u8 <= Op::FrameAddr as u8 && mentions.has(Mentions::DST) {
                    self.constant(f, inst, i);
                }
                if last_call > range.start as u32 {
                    self.local_across_call(f, inst, i, last_call, weight, b);
                }
                if inst.has_tail() || mentions.has(MORE) || inst.op == Op::TlsAddr {
                    f.for_each_use(inst, |v| self.mention(v.0, weight));
                    f.for_each_def(inst, |v| self.mention(v.0, weight));
                    if calls(inst.op) {
                        self.calls.push(i);
                        last_call = i;
                    }
                }
            }
        }
        for &vreg in &self.globals {
            let info = &f.vregs()[vreg.index()];
            self.candidates.push(Candidate {
                vreg,
                weight: self.weights[vreg.index()],
                start: 0,
                end: 0,
                first_block: info.block,
                last_block: f.block_of(Inst(info.last)).0,
            });
        }
    }

    #[inline]
    fn mention(&mut self, v: u32, weight: u32) {
        let sum = &mut self.weights[v as usize];
        *sum = sum.saturating_add(weight);
    }

    /// A register of one block that is read behind a call and was written before it is a candidate as well.
    fn local_across_call(
        &mut self,
        f: &Function,
        inst: &kiln_ir::InstData,
        i: u32,
        call: u32,
        weight: u32,
        block: u32,
    ) {
        let Scan { vals, candidates, .. } = self;
        f.for_each_use(inst, |v| {
            let val = &mut vals[v.index()];
            let info = &f.vregs()[v.index()];
            if val.flags & (Val::GLOBAL | Val::CANDIDATE | Val::REMAT) == 0
                && info.last == i
                && info.first < call
                && call < i
            {
                val.flags |= Val::CANDIDATE;
                candidates.push(Candidate {
                    vreg: v,
                    weight: weight.saturating_mul(2),
                    start: 0,
                    end: 0,
                    first_block: block,
                    last_block: block,
                });
            }
        });
    }

    /// Notes a register whose only write is a constant or an address.
    fn constant(&mut self, f: &Function, inst: &kiln_ir::InstData, i: u32) {
        if f.vregs()[inst.dst as usize].flags & VRegInfo::MULTI != 0 {
            return;
        }
        let val = &mut self.vals[inst.dst as usize];
        match inst.op {
            Op::Const if inst.ty.is_float() || inst.has_tail() => {
                val.flags |= Val::REMAT;
                val.aux = i;
            }
            Op::Const => {
                val.flags |= Val::REMAT | Val::CONST;
                val.aux = inst.b;
            }
            Op::SlotAddr | Op::DataAddr | Op::FuncAddr | Op::LabelAddr => {
                val.flags |= Val::REMAT;
                val.aux = i;
            }
            _ => {}
        }
    }

    /// Notes in which blocks further entries write their parameters.
    fn find_entered(&mut self, f: &Function) {
        self.entered.clear();
        if f.entries().is_empty() {
            return;
        }
        self.entered.resize(f.vregs().len(), NOWHERE);
        for entry in f.entries() {
            for v in &entry.params {
                let (first, last) = &mut self.entered[v.index()];
                (*first, *last) = ((*first).min(entry.block.0), (*last).max(entry.block.0));
            }
        }
    }

    /// From mentions to live ranges.
    fn widen(&mut self, f: &Function) {
        self.find_entered(f);
        // Just before a block, so that a value which is live into it is live across its first instruction.
        let before = |block: u32| f.blocks()[block as usize].start.saturating_sub(1);
        for c in &mut self.candidates {
            let info = &f.vregs()[c.vreg.index()];
            let is_param = c.vreg.0 < f.params();
            (c.start, c.end) = (info.first, info.last);
            if is_param {
                c.start = 0;
            }
            if self.vals[c.vreg.index()].flags & Val::GLOBAL == 0 {
                continue;
            }
            // A parameter is written before the first block, which may be a loop's header.
            let mut first = if is_param { -1 } else { c.first_block as i64 };
            if let Some(&(from, to)) = self.entered.get(c.vreg.index()).filter(|entered| **entered != NOWHERE)
            {
                // Written before the entry's block, which may be a loop's header too.
                first = first.min(from as i64 - 1);
                c.first_block = c.first_block.min(from);
                c.last_block = c.last_block.max(to);
                c.start = c.start.min(before(from));
                c.end = c.end.max(f.blocks()[to as usize].start);
            }
            let mut l = self.loop_of[c.last_block as usize];
            while l != NO_LOOP {
                let this = &self.loops[l as usize];
                if this.header as i64 > first || this.side_entry {
                    c.end = c.end.max(f.block_range(Block(this.end)).end as u32);
                    if this.side_entry {
                        c.start = c.start.min(before(this.header));
                    }
                }
                l = this.parent;
            }
            l = self.loop_of[c.first_block as usize];
            while l != NO_LOOP {
                let this = &self.loops[l as usize];
                if this.side_entry {
                    c.start = c.start.min(before(this.header));
                    c.end = c.end.max(f.block_range(Block(this.end)).end as u32);
                }
                l = this.parent;
            }
        }
        self.candidates.sort_unstable_by_key(|c| (c.start, c.vreg.0));
    }

    fn crosses_call(&self, c: &Candidate) -> bool {
        let next = self.calls.partition_point(|call| *call <= c.start);
        // A parameter whose range starts with the very first instruction lives before it.
        let at_start = c.start == 0 && self.calls.first() == Some(&0);
        self.calls.get(next).is_some_and(|call| *call < c.end) || at_start && c.end > 0
    }

    /// The linear scan.
    fn assign(&mut self, regs: &HomeRegs) {
        self.homes = RegSet::EMPTY;
        self.homeless = false;
        // Who holds each register, as a number in `candidates`.
        let mut active = [NO_LOOP; crate::regs::COUNT];
        for i in 0..self.candidates.len() {
            let c = self.candidates[i];
            let val = self.vals[c.vreg.index()];
            if val.flags & Val::CONST != 0 {
                continue;
            }
            let mut weight = c.weight;
            if val.flags & Val::REMAT != 0 {
                // Cheap to make anew: only worth a register that nobody else wants.
                weight = (weight / 8).max(1);
                if weight < 8 {
                    continue;
                }
            }
            let crosses = self.crosses_call(&c);
            let own: &[Reg] = match (val.ty.is_float(), crosses) {
                (true, true) => &[],
                (true, false) => regs.float,
                (false, true) => &[],
                (false, false) => regs.integer,
            };
            let saved = if val.ty.is_float() { &[] } else { regs.saved };
            let mut chosen = Reg::NONE;
            let mut least = weight;
            for &reg in own.iter().chain(saved) {
                let holder = active[reg.0 as usize];
                if holder == NO_LOOP || self.candidates[holder as usize].end < c.start {
                    chosen = reg;
                    least = 0;
                    break;
                }
                let other = self.candidates[holder as usize].weight;
                if other < least {
                    (chosen, least) = (reg, other);
                }
            }
            if chosen == Reg::NONE {
                self.homeless |= val.flags & Val::REMAT == 0;
                continue;
            }
            if least > 0 {
                let loser = self.candidates[active[chosen.0 as usize] as usize].vreg;
                let loser = &mut self.vals[loser.index()];
                loser.home = Reg::NONE;
                self.homeless |= loser.flags & Val::REMAT == 0;
            }
            self.candidates[i].weight = weight;
            active[chosen.0 as usize] = i as u32;
            self.vals[c.vreg.index()].home = chosen;
            self.homes = self.homes.with(chosen.set());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_ir::Module;

    const TEXT: &str = "
        fn f(%n: i64, %p: ptr) {
            %i = const 0
        outer:
            %j = const 0
        inner:
            store.i64 [%p + %j*8], %i
            %j = add %j, 1
            blt %j, %n, inner
            %i = add %i, 1
            blt %i, %n, outer
            ret
        }
    ";

    fn scan(saved: &'static [Reg], counts: bool) -> (Scan, Module) {
        let module = Module::parse(TEXT).unwrap();
        let mut scan = Scan::default();
        let regs = HomeRegs { saved, integer: &[], float: &[] };
        scan.run(module.funcs()[0].body.as_ref().unwrap(), &regs, counts, |_| false);
        (scan, module)
    }

    #[test]
    fn rounds_are_what_is_in_a_loop_and_in_no_loop_inside() {
        let (scan, module) = scan(&[], true);
        let f = module.funcs()[0].body.as_ref().unwrap();
        let work = scan.work(f);
        let heads: Vec<(u32, bool)> = (f.loop_heads().into_iter().zip(&work.rounds))
            .filter_map(|(head, round)| head.then_some((round.ops, round.innermost)))
            .collect();
        // `const`, `jump`, `add` and `blt` around `store`, `add` and `blt`; outside are `const`, `jump`, `ret` and the call.
        assert_eq!(heads, [(4, false), (3, true)]);
        assert_eq!((work.outside, work.least_round), (13, 3));
    }

    #[test]
    fn divisions_and_calls_count_as_the_ops_that_take_as_long() {
        let text =
            "fn f(%a: i64) -> i64 {\n %b = udiv %a, 3\n %b = call f(%b)\n %b = add %b, 1\n ret %b\n}\n";
        let module = Module::parse(text).unwrap();
        let f = module.funcs()[0].body.as_ref().unwrap();
        let mut scan = Scan::default();
        scan.run(f, &HomeRegs { saved: &[], integer: &[], float: &[] }, true, |_| false);
        // The two, `add`, `ret` and being called.
        assert_eq!(scan.work(f).outside, 10 + 10 + 1 + 1 + 10);
    }

    #[test]
    fn rounds_get_a_register_unless_values_are_worth_more() {
        const FIVE: [Reg; 5] = [Reg(1), Reg(2), Reg(3), Reg(4), Reg(5)];
        // The other four are for n, p, i and j.
        let with = |registers: usize, counts| scan(&FIVE[..registers], counts).0;
        let five = with(5, true);
        assert!(five.rounds.is_some_and(|reg| five.homes.has(reg)));
        assert!(five.vals.iter().all(|val| val.home != Reg::NONE && Some(val.home) != five.rounds));
        assert_eq!((with(5, false).rounds, with(1, true).rounds), (None, None));
    }
}
