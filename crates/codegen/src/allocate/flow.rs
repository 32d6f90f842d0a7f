//! Where values are at the ends of ways from block to block.
//!
//! The first way that reaches a block fixes what the block *expects*: for each value that it finds written, and each of its
//! parameters, a register or its place in the frame. Each further way brings values there, by parallel moves. The moves
//! of a jump, and of the way on which a branch goes on, stand in the block that is left; those of a branch's jump, of
//! ways that part in the middle of a block, and of many ways at once, stand behind the function, in a *detour* of their
//! own; a way without moves needs none.

use super::check::Log;
use super::live::Live;
use super::loops::Loop;
use super::resolve::{Place, Resolver, Step};
use crate::Stress;
use crate::emit::{Emit, Event, Fork, NO_SLOT, Placement, Val};
use crate::optimize::{Body, Edge, Fused, Origin};
use crate::regs::{COUNT, Reg, RegSet};
use crate::target::{Assembler, Target};
use kiln_ir::{Block, Op, VReg};

/// Where a block expects a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    /// In this register, or in none.
    pub reg: Reg,
    /// In its place in the frame (too), see [`Val::since`]; or 0, not there.
    pub since: u8,
}

impl Expected {
    const NOWHERE: Expected = Expected { reg: Reg::NONE, since: 0 };
    const SLOT: Expected = Expected { reg: Reg::NONE, since: Val::HERE };

    const fn in_reg(reg: Reg) -> Expected {
        Expected { reg, since: 0 }
    }

    const fn in_slot(self) -> bool {
        self.since != 0
    }
}

/// What blocks expect, and the memory that it takes.
#[derive(Debug, Default)]
pub struct States {
    /// For each block, whether a way has reached it.
    fixed: Vec<bool>,
    /// For each entry of the live lists.
    live: Vec<Expected>,
    /// For each parameter of a block, as [`Body::params`] has them.
    params: Vec<Expected>,
    /// For each block, the label by which the current instruction goes there.
    ways: Vec<Block>,
    /// For each block, the label that its address names.
    pub addresses: Vec<Block>,
    /// For each block, how many label sets that are jumped through it is in: at most [`SEVERAL`], or [`SEVERAL_WRITTEN`].
    sets: Vec<u8>,
    /// For each block that jumps through a label set and does nothing before, the place in [`Body::params`] of the address.
    dispatches: Vec<Option<u32>>,
    /// For each parameter of a block of several such sets, the room in the frame through which it comes. Places in
    /// [`Body::params`].
    rooms: Vec<u32>,
    detours: Vec<Detour>,
    /// The steps of all detours, then those of the way that is being gone.
    steps: Vec<Step>,
    resolver: Resolver,
}

impl States {
    /// Starts a function: nothing is expected yet.
    pub fn clear(&mut self, body: &Body, live: &Live) {
        let blocks = body.blocks() as usize;
        self.fixed.clear();
        self.fixed.resize(blocks, false);
        self.live.clear();
        self.live.resize(live.entries.len(), Expected::NOWHERE);
        self.params.clear();
        self.params.resize(body.params.len(), Expected::NOWHERE);
        self.ways.clear();
        self.ways.extend((0..blocks as u32).map(Block));
        self.addresses.clear();
        self.addresses.extend((0..blocks as u32).map(Block));
        self.rooms.clear();
        self.sets.clear();
        self.sets.resize(blocks, 0);
        if !body.f.label_sets().is_empty() {
            for inst in body.f.insts().iter().filter(|inst| inst.op == Op::JumpTo) {
                for label in &body.f.label_sets()[inst.b as usize] {
                    let sets = &mut self.sets[label.index()];
                    *sets = (*sets + 1).min(SEVERAL);
                }
            }
        }
        self.detours.clear();
        self.steps.clear();
        self.find_dispatches(body);
    }

    /// Finds the blocks whose jump may stand in the place of jumps to them: what they expect is all that it needs.
    fn find_dispatches(&mut self, body: &Body) {
        self.dispatches.clear();
        if body.f.label_sets().is_empty() {
            return;
        }
        self.dispatches.resize(body.blocks() as usize, None);
        for block in (0..body.blocks()).map(Block) {
            let range = body.f.block_range(block);
            let inst = &body.f.insts()[range.start];
            if inst.op != Op::JumpTo || range.len() != 1 {
                continue;
            }
            let mut labels = body.f.label_sets()[inst.b as usize].iter();
            let address = body.params_of(block).iter().position(|param| param.0 == inst.a);
            if labels.all(|label| self.sets[label.index()] == 1) {
                self.dispatches[block.index()] = address.map(|n| body.param_start[block.index()] + n as u32);
            }
        }
    }

    /// The register in which a block that does nothing but jump through it expects the address.
    fn dispatch(&self, block: Block) -> Option<Reg> {
        let param = (*self.dispatches.get(block.index())?)?;
        let reg = self.params[param as usize].reg;
        (reg != Reg::NONE).then_some(reg)
    }
}

/// In [`States::sets`]: more than one.
const SEVERAL: u8 = 2;
/// In [`States::sets`]: more than one, and the detour to the block is noted.
const SEVERAL_WRITTEN: u8 = 3;

/// Moves that stand behind the function.
#[derive(Clone, Copy, Debug)]
struct Detour {
    /// What is jumped to.
    label: Block,
    /// Where it leads.
    to: Block,
    /// Where its steps start; they end where those of the next one start.
    steps: u32,
    /// The instruction that goes this way.
    source: Origin,
    /// Whether it is jumped to through a register.
    landing: bool,
}

/// So many moves at most come before the jump of a branch that they are not for alone.
const MOST_AHEAD: usize = 64;
/// And so many of them to the frame: what the other way needs is looked for among these.
const MOST_STORED: usize = 8;

/// Makes a position greater than all others but those of what is not read in the loop again.
const NEXT_ROUND: u32 = 1 << 30;

/// Values in any place at any time.
pub struct Flow<'a> {
    /// What is compiled.
    pub body: &'a Body,
    /// What is folded.
    pub fused: &'a Fused,
    /// Which values each block finds written.
    pub live: &'a Live,
    /// What blocks expect.
    pub states: &'a mut States,
    /// Positions of ops that call something, ascending.
    calls: &'a [u32],
    /// The place in it of the first that is not behind the walk.
    next_call: usize,
    /// Positions of instructions that use registers for themselves, ascending, and which.
    takes: &'a [(u32, RegSet)],
    /// The place in it of the first that is not behind the walk.
    next_take: usize,
    /// Registers that calls keep.
    saved: RegSet,
    /// Where the current block ends.
    pub block_end: u32,
    /// The place in [`Body::edges`] of the first edge that has not been left by.
    pub edge: usize,
    /// Where a branch goes on: its steps, from here in [`States::steps`], the block, and the edge.
    rest: (usize, Block, u32),
    /// Legal but hostile choices.
    pub stress: Stress,
    /// State of the generator of random choices.
    pub random: u32,
    /// What is added to the rows of inlined calls that instructions name.
    pub first_site: u32,
    /// What is written, for the checker.
    pub log: &'a mut Log,
}

impl<'a> Flow<'a> {
    /// At the start of a function. `calls` are the positions of ops that call something, `takes` those of instructions that
    /// use registers for themselves, with these, `saved` registers that calls keep, and `first_site` is added to the rows of inlined calls that instructions name.
    pub fn new(
        (body, fused, live): (&'a Body, &'a Fused, &'a Live),
        (calls, takes, saved): (&'a [u32], &'a [(u32, RegSet)], RegSet),
        states: &'a mut States,
        stress: Stress,
        first_site: u32,
        log: &'a mut Log,
    ) -> Flow<'a> {
        states.clear(body, live);
        log.clear(body);
        let random = match stress {
            Stress::RandomRegisters(seed) => seed.wrapping_mul(0x9e37_79b9) | 1,
            _ => 0,
        };
        Flow {
            body,
            fused,
            live,
            states,
            calls,
            next_call: 0,
            takes,
            next_take: 0,
            saved,
            block_end: 0,
            edge: 0,
            rest: (0, Block(0), 0),
            stress,
            random,
            first_site,
            log,
        }
    }

    /// One of these registers, by the seed.
    fn draw(&mut self, from: RegSet) -> Reg {
        // xorshift, Marsaglia 2003
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        let n = self.random as usize % from.0.count_ones().max(1) as usize;
        from.iter().nth(n).unwrap_or(Reg::NONE)
    }
}

/// Of a register class.
pub fn class(vector: bool) -> RegSet {
    if vector { RegSet::VECTOR } else { RegSet::GENERAL }
}

impl<'a, T: Target> Emit<'_, T, Flow<'a>> {
    /// At the start: labels for the addresses of blocks that are jumped to through registers.
    pub fn name_addresses(&mut self) {
        for b in 0..self.placement.states.sets.len() {
            if self.placement.states.sets[b] != 0 {
                self.placement.states.addresses[b] = self.asm.buffer().label();
            }
        }
    }

    /// Where a value is that is needed now.
    fn whence(&mut self, v: VReg) -> Place {
        let val = self.vals[v.index()];
        if val.reg != Reg::NONE {
            Place::Reg(val.reg)
        } else if val.flags & Val::REMAT != 0 {
            Place::Made(v)
        } else {
            debug_assert!(val.flags & Val::IN_SLOT != 0, "{v:?} is nowhere at {}", self.at);
            Place::Slot(self.slot_of(v))
        }
    }

    /// Whether a value that is written now lives across a call.
    fn crosses_call(&mut self, v: VReg) -> bool {
        if v.is_none() {
            return false;
        }
        if self.placement.live.crosses[v.index()] {
            return true;
        }
        let Flow { calls, next_call, .. } = &mut self.placement;
        while calls.get(*next_call).is_some_and(|call| *call <= self.at) {
            *next_call += 1;
        }
        // A value of one block only, or one that leaves the block that writes it.
        let call = calls.get(*next_call).copied().unwrap_or(u32::MAX);
        let wanted =
            self.vals[v.index()].flags & Val::GLOBAL != 0 || call < self.placement.live.last_read[v.index()];
        wanted && call < self.placement.block_end
    }

    /// Registers that instructions use for themselves while a value lives that is written now: it would have to move.
    fn avoided(&mut self, v: VReg) -> RegSet {
        let Flow { takes, next_take, live, block_end, .. } = &mut self.placement;
        let mut avoided = RegSet::EMPTY;
        if takes.is_empty() || v.is_none() {
            return avoided;
        }
        while takes.get(*next_take).is_some_and(|(at, _)| *at <= self.at) {
            *next_take += 1;
        }
        let is_global = self.vals[v.index()].flags & Val::GLOBAL != 0;
        let last = if is_global { *block_end } else { live.last_read[v.index()].min(*block_end) };
        // Behind a few of them they are mostly the same again.
        for (_, taken) in takes[*next_take..].iter().take(4).take_while(|(at, _)| *at < last) {
            avoided = avoided.with(*taken);
        }
        avoided
    }

    /// Registers that instructions of a loop use for themselves.
    fn taken_in(&self, head: &Loop) -> RegSet {
        let takes = self.placement.takes;
        let first = takes.partition_point(|(at, _)| *at < head.start);
        let taken = takes[first..].iter().take_while(|(at, _)| *at < head.stop).take(16);
        taken.fold(RegSet::EMPTY, |all, (_, taken)| all.with(*taken))
    }

    /// Whether somebody reads a value behind its definition.
    fn is_wanted(&self, v: VReg) -> bool {
        let val = &self.vals[v.index()];
        val.uses != 0 || val.flags & Val::GLOBAL != 0
    }

    /// Goes by an edge as far as the resolver: what is expected behind it, and the moves to there.
    fn cross(&mut self, edge: &Edge) {
        let (body, live) = (self.placement.body, self.placement.live);
        if !std::mem::replace(&mut self.placement.states.fixed[edge.to.index()], true) {
            self.fix(edge);
        }
        for i in live.of(edge.to) {
            let expected = self.placement.states.live[i];
            let reg = expected.reg;
            let v = live.entries[i].v;
            let val = self.vals[v.index()];
            if expected.in_slot() && val.flags & Val::IN_SLOT == 0 {
                let slot = self.slot_of(v);
                debug_assert!(val.reg != Reg::NONE, "{v:?} is nowhere at {}", self.at);
                self.placement.states.resolver.add(Place::Slot(slot), Place::Reg(val.reg), val.ty);
            }
            if reg != Reg::NONE && val.reg != reg {
                let from = self.whence(v);
                self.placement.states.resolver.add(Place::Reg(reg), from, val.ty);
            }
        }
        let first = body.param_start[edge.to.index()] as usize;
        for (i, arg) in body.args_of(edge).iter().enumerate() {
            let expected = self.placement.states.params[first + i];
            let (reg, in_slot) = (expected.reg, expected.in_slot());
            let param = body.params[first + i];
            let ty = self.vals[param.index()].ty;
            if reg != Reg::NONE || in_slot {
                let from = self.whence(*arg);
                let to = if in_slot { Place::Slot(self.slot_of(param)) } else { Place::Reg(reg) };
                self.placement.states.resolver.add(to, from, ty);
            }
        }
        for arg in body.args_of(edge) {
            self.consume(*arg);
        }
    }

    /// The block behind an edge is reached for the first time: it expects values where they are. The head of a loop
    /// expects in registers what the loop reads, first of all.
    fn fix(&mut self, edge: &Edge) {
        let (body, live) = (self.placement.body, self.placement.live);
        let single = live.pred_start[edge.to.index() + 1] - live.pred_start[edge.to.index()] == 1;
        let head = live.loops.headed_by(edge.to);
        // How many loops around this way are around the block too.
        let around = live.loops.around(edge.to.0).map_or(0, |found| found.depth) - head.is_some() as u8;
        let mut taken = RegSet::EMPTY;
        for i in live.of(edge.to) {
            let v = live.entries[i].v;
            let val = self.vals[v.index()];
            let since = match head {
                _ if val.flags & Val::IN_SLOT == 0 => 0,
                _ if val.since <= around => val.since,
                Some(head) => head.depth,
                None => Val::HERE * single as u8,
            };
            let expected = if val.flags & Val::REMAT != 0 {
                Expected::NOWHERE
            } else if live.demoted[v.index()] || val.reg == Reg::NONE {
                Expected { since: if since == 0 { Val::HERE } else { since }, ..Expected::SLOT }
            } else {
                taken = taken.with(val.reg.set());
                Expected { reg: val.reg, since }
            };
            self.placement.states.live[i] = expected;
        }
        let room = head.map(|head| self.make_room(edge.to, head, &mut taken));
        let room = room.filter(|_| self.placement.stress != Stress::SpillEverything);
        let avoided = head.map_or(RegSet::EMPTY, |head| self.taken_in(head));
        if taken.and(avoided) != RegSet::EMPTY {
            for i in live.of(edge.to) {
                let Expected { reg, .. } = self.placement.states.live[i];
                let free = self.pool.without(taken).without(avoided).and(class(reg.is_vector()));
                if reg != Reg::NONE && avoided.has(reg) && free != RegSet::EMPTY {
                    taken = taken.without(reg.set());
                    self.placement.states.live[i].reg = self.choose(live.entries[i].v, &mut taken, avoided);
                }
            }
        }
        let first = body.param_start[edge.to.index()] as usize;
        let args = body.args_of(edge);
        // Where an argument ends its life here, its register goes over to the parameter.
        for (i, arg) in args.iter().enumerate() {
            let reg = self.vals[arg.index()].reg;
            let param = body.params[first + i];
            let takes = reg != Reg::NONE
                && !taken.with(avoided).has(reg)
                && self.is_wanted(param)
                && !live.demoted[param.index()];
            let reg = if takes { reg } else { Reg::NONE };
            if takes {
                taken = taken.with(reg.set());
            }
            self.placement.states.params[first + i] = Expected::in_reg(reg);
        }
        for i in 0..args.len() {
            let param = body.params[first + i];
            if self.placement.states.params[first + i].reg != Reg::NONE || !self.is_wanted(param) {
                continue;
            }
            let reg = match live.demoted[param.index()] {
                true => Reg::NONE,
                false => self.choose(param, &mut taken, avoided),
            };
            self.placement.states.params[first + i] =
                if reg == Reg::NONE { Expected::SLOT } else { Expected::in_reg(reg) };
        }
        let Some(room) = room else { return };
        for i in live.of(edge.to) {
            let entry = live.entries[i];
            let expected = self.placement.states.live[i];
            let fits = room[self.vals[entry.v.index()].ty.is_float() as usize];
            let stays = live.demoted[entry.v.index()] || expected.reg != Reg::NONE || !expected.in_slot();
            if entry.near && fits && !stays {
                self.placement.states.live[i].reg = self.choose(entry.v, &mut taken, avoided);
            }
        }
    }

    /// A register in which a block is to expect a value, one that is not taken, and not avoided if there are others; or
    /// none.
    fn choose(&mut self, v: VReg, taken: &mut RegSet, avoided: RegSet) -> Reg {
        let class = class(self.vals[v.index()].ty.is_float());
        let free = self.pool.and(class).without(*taken);
        if free == RegSet::EMPTY {
            return Reg::NONE;
        }
        let free = if free.without(avoided) == RegSet::EMPTY { free } else { free.without(avoided) };
        // Rather one that holds nothing now, so that moves do not wait for each other.
        let idle = free.and(self.free);
        let reg = Flow::pick(self, if idle == RegSet::EMPTY { free } else { idle }, v);
        *taken = taken.with(reg.set());
        reg
    }

    /// At the head of a loop in which more is live than there are registers: what is only read behind it goes to the
    /// frame before it, and what may have to give up its register in it is stored before it. Gives for each class
    /// whether there is room for all that the loop reads.
    fn make_room(&mut self, block: Block, head: &Loop, taken: &mut RegSet) -> [bool; 2] {
        let (body, live) = (self.placement.body, self.placement.live);
        let mut room = [true; 2];
        for vector in [false, true] {
            let class = class(vector);
            let registers = self.pool.and(class).0.count_ones();
            let saved = self.placement.saved.and(class);
            let excess = head.most[vector as usize].saturating_sub(registers);
            let at_calls = head.across[vector as usize].saturating_sub(saved.0.count_ones());
            if excess == 0 && at_calls == 0 {
                continue;
            }
            // What the loop does not read, and whether a call in it would change its register; that goes first that is
            // read last.
            let mut idle = [(false, 0, 0); 64];
            let (mut count, mut in_frame) = (0, 0);
            let mut busy = 0;
            for i in live.of(block) {
                let entry = live.entries[i];
                let val = &self.vals[entry.v.index()];
                if val.ty.is_float() != vector || val.flags & Val::REMAT != 0 || live.demoted[entry.v.index()]
                {
                    continue;
                }
                let reg = self.placement.states.live[i].reg;
                match (entry.near, reg) {
                    (true, Reg::NONE) => {}
                    (true, _) => busy += 1,
                    (false, Reg::NONE) => in_frame += 1,
                    (false, _) => {
                        idle[count] = (at_calls > 0 && !saved.has(reg), entry.first, i);
                        count += 1;
                    }
                }
            }
            let short = excess.max(at_calls).saturating_sub(in_frame);
            let idle = &mut idle[..count];
            idle.sort_unstable_by(|a, b| b.cmp(a));
            for (_, _, i) in idle.iter().take(short as usize) {
                self.lose(*i, head.depth, taken);
            }
            if short <= count as u32 {
                continue;
            }
            room[vector as usize] = false;
            let params = body.params_of(block).iter();
            let params =
                params.filter(|v| self.vals[v.index()].ty.is_float() == vector && self.is_wanted(**v));
            // Each of these takes a load and a store in each round if it has no register, the others a load at most.
            let mut over = (busy + params.count()).saturating_sub(registers as usize);
            let excess = excess > in_frame + count as u32;
            for i in live.of(block) {
                let entry = live.entries[i];
                let Expected { reg, since } = self.placement.states.live[i];
                if !entry.near || reg == Reg::NONE || reg.is_vector() != vector {
                    continue;
                }
                if over > 0 {
                    over -= 1;
                    self.lose(i, head.depth, taken);
                } else if since == 0 && (excess || !saved.has(reg)) {
                    self.placement.states.live[i].since = head.depth;
                }
            }
        }
        room
    }

    /// An entry of a live list loses its register, and is expected in the frame.
    fn lose(&mut self, i: usize, depth: u8, taken: &mut RegSet) {
        let expected = &mut self.placement.states.live[i];
        *taken = taken.without(expected.reg.set());
        expected.reg = Reg::NONE;
        if expected.since == 0 {
            expected.since = depth;
        }
    }

    /// Nobody has come to a block before it is written: ways to it come later. It expects everything in the frame.
    fn fix_unreached(&mut self, block: Block) {
        let (body, live) = (self.placement.body, self.placement.live);
        let states = &mut *self.placement.states;
        for i in live.of(block) {
            let remat = self.vals[live.entries[i].v.index()].flags & Val::REMAT != 0;
            states.live[i] = if remat { Expected::NOWHERE } else { Expected::SLOT };
        }
        let first = body.param_start[block.index()] as usize;
        for i in 0..body.params_of(block).len() {
            let val = &self.vals[body.params[first + i].index()];
            let wanted = val.uses != 0 || val.flags & Val::GLOBAL != 0;
            self.placement.states.params[first + i] = if wanted { Expected::SLOT } else { Expected::NOWHERE };
        }
    }

    /// At the start of a block: values are where it expects them.
    pub fn enter(&mut self, block: Block) {
        let (body, live) = (self.placement.body, self.placement.live);
        if !std::mem::replace(&mut self.placement.states.fixed[block.index()], true) {
            self.fix_unreached(block);
        }
        self.forget();
        for i in live.of(block) {
            let entry = live.entries[i];
            let val = &mut self.vals[entry.v.index()];
            val.uses = entry.uses;
            if val.flags & (Val::REMAT | Val::FOLDED) == 0 {
                val.aux = entry.first;
            }
            let out = if entry.out { Val::GLOBAL } else { 0 } | if entry.near { Val::NEAR } else { 0 };
            self.arrive(entry.v, self.placement.states.live[i], out);
        }
        let first = body.param_start[block.index()] as usize;
        for (i, param) in body.params_of(block).iter().enumerate() {
            let global = self.vals[param.index()].flags & (Val::GLOBAL | Val::NEAR);
            self.arrive(*param, self.placement.states.params[first + i], global);
            if live.demoted[param.index()] {
                debug_assert!(self.vals[param.index()].flags & Val::IN_SLOT != 0 || !self.is_wanted(*param));
            }
        }
    }

    fn arrive(&mut self, v: VReg, expected: Expected, wanted: u8) {
        let reg = expected.reg;
        let val = &mut self.vals[v.index()];
        let in_slot = if expected.in_slot() { Val::IN_SLOT } else { 0 };
        val.since = if expected.in_slot() { expected.since } else { Val::HERE };
        val.flags = val.flags & !(Val::GLOBAL | Val::NEAR | Val::IN_SLOT) | wanted | in_slot;
        if reg != Reg::NONE {
            debug_assert!(self.free.has(reg), "{reg:?} is expected to hold two values");
            self.free = self.free.without(reg.set());
            self.hold(v, reg);
        }
    }

    /// Carries out the steps from a place of the list on, and forgets them.
    fn carry_out(&mut self, from: usize) {
        for i in from..self.placement.states.steps.len() {
            self.asm.buffer().reserve(0);
            let step = self.placement.states.steps[i];
            self.step(step);
        }
        self.placement.states.steps.truncate(from);
    }

    fn step(&mut self, Step { to, from, ty }: Step) {
        match (to, from) {
            (Place::Reg(to), Place::Reg(from)) => T::move_register(self, to, from),
            (Place::Reg(to), Place::Slot(slot)) => T::load_slot(self, to, ty, slot),
            (Place::Slot(slot), Place::Reg(from)) => T::store_slot(self, slot, ty, from),
            (Place::Reg(to), Place::Made(v)) => T::materialize(self, v, to),
            (to, from) => unreachable!("a step from {from:?} to {to:?}"),
        }
    }

    /// Whether the resolver has moves.
    fn moves(&self) -> bool {
        !self.placement.states.resolver.moves.is_empty()
    }

    /// Appends the steps of the resolver's moves; gives where they start.
    fn resolve_ways(&mut self) -> usize {
        let States { steps, resolver, .. } = &mut *self.placement.states;
        let from = steps.len();
        resolver.resolve(T::SCRATCH, steps);
        from
    }

    /// The moves of a way back to a loop's head, which the resolver has, may come before the jump of the branch: if the
    /// other way leads out of the loop, finds all that it needs in spite of them, and none of them changes the flags.
    /// Then carries them out, and gives the registers that were copied, with what from.
    fn move_ahead(&mut self, back: &Edge, other: &Edge) -> Option<[Reg; COUNT]> {
        let (body, live) = (self.placement.body, self.placement.live);
        let head = live.loops.headed_by(back.to)?;
        let moves = &self.placement.states.resolver.moves;
        let stores = moves.iter().take(MOST_AHEAD).filter(|m| matches!(m.to, Place::Slot(_))).count();
        if (head.head..head.end).contains(&other.to.0) || moves.len() > MOST_AHEAD || stores > MOST_STORED {
            return None;
        }
        // Of each register, where its value has been copied.
        let mut copies = [Reg::NONE; COUNT];
        let mut written = RegSet::EMPTY;
        for m in moves {
            match (m.to, m.from) {
                (_, Place::Made(_)) => return None,
                (Place::Reg(to), Place::Reg(from)) => {
                    written = written.with(to.set());
                    copies[from.0 as usize] = to;
                }
                (Place::Reg(to), _) => written = written.with(to.set()),
                _ => {}
            }
        }
        let overwrites = |slot: u32| moves.iter().any(|m| m.to == Place::Slot(slot));
        let is_lost = |v: VReg| {
            let Val { reg, flags, slot, .. } = self.vals[v.index()];
            let stays = reg != Reg::NONE && (!written.has(reg) || copies[reg.0 as usize] != Reg::NONE);
            let is_new = reg != Reg::NONE && flags & Val::IN_SLOT == 0;
            !stays && flags & Val::REMAT == 0 && (is_new || overwrites(slot))
        };
        let live_values = live.of(other.to).map(|i| live.entries[i].v);
        if live_values.chain(body.args_of(other).iter().copied()).any(is_lost) {
            return None;
        }
        for v in body.params_of(back.to) {
            if self.vals[v.index()].slot != NO_SLOT && overwrites(self.vals[v.index()].slot) {
                self.vals[v.index()].flags &= !Val::IN_SLOT;
            }
        }
        let from = self.resolve_ways();
        self.carry_out(from);
        let overwritten = written.and(self.pool).without(self.free);
        for reg in overwritten.iter() {
            self.vals[self.holds[reg.0 as usize] as usize].reg = Reg::NONE;
        }
        self.free = self.free.with(overwritten);
        // Two of the overwritten ones may have changed places.
        let held = self.holds;
        for reg in overwritten.iter() {
            let to = copies[reg.0 as usize];
            if to != Reg::NONE {
                self.free = self.free.without(to.set());
                self.hold(VReg(held[reg.0 as usize]), to);
            }
        }
        for reg in written.iter() {
            copies[reg.0 as usize] = Reg::NONE;
        }
        Some(copies)
    }

    /// The label that leads by the resolver's moves to a block.
    fn detour(&mut self, to: Block) -> Block {
        if !self.moves() {
            return to;
        }
        let steps = self.resolve_ways() as u32;
        let label = self.asm.buffer().label();
        let source = Flow::source(self, self.at);
        self.placement.states.detours.push(Detour { label, to, steps, source, landing: false });
        label
    }

    /// The ways of a jump through a label set: where a block's address is taken, it is the address of a detour.
    fn leave_anywhere(&mut self) {
        let body = self.placement.body;
        let ways = self.placement.edge;
        // First what must happen before the jump: blocks that are reached from jumps through several sets find
        // everything in the frame.
        while let Some(edge) = body.edges.get(self.placement.edge).filter(|edge| edge.inst.0 == self.at) {
            self.placement.edge += 1;
            if self.placement.states.sets[edge.to.index()] >= SEVERAL {
                self.leave_by_frame(edge);
            }
        }
        for (edge, number) in body.edges[ways..self.placement.edge].iter().zip(ways as u32..) {
            let label = self.placement.states.addresses[edge.to.index()];
            self.placement.log(Event::Leave(number, label));
            let sets = &mut self.placement.states.sets[edge.to.index()];
            match *sets {
                1 => self.cross(edge),
                SEVERAL => {
                    *sets = SEVERAL_WRITTEN;
                    self.arrive_by_frame(edge);
                }
                _ => continue,
            }
            let steps = self.resolve_ways() as u32;
            let source = Flow::source(self, self.at);
            self.placement.states.detours.push(Detour { label, to: edge.to, steps, source, landing: true });
        }
    }

    /// Brings all that a block wants to the frame.
    fn leave_by_frame(&mut self, edge: &Edge) {
        let (body, live) = (self.placement.body, self.placement.live);
        for i in live.of(edge.to) {
            let v = live.entries[i].v;
            if self.vals[v.index()].flags & Val::REMAT == 0 {
                self.store_value(v);
            }
        }
        let first = body.param_start[edge.to.index()] as usize;
        for (param, arg) in (first..).zip(body.args_of(edge)) {
            let room = self.room_of(param);
            let (from, ty) = (self.whence(*arg), self.vals[arg.index()].ty);
            self.placement.states.resolver.add(Place::Slot(room), from, ty);
        }
        body.args_of(edge).iter().for_each(|arg| self.consume(*arg));
        let from = self.resolve_ways();
        self.carry_out(from);
    }

    /// The other end of this.
    fn arrive_by_frame(&mut self, edge: &Edge) {
        let (body, live) = (self.placement.body, self.placement.live);
        if !std::mem::replace(&mut self.placement.states.fixed[edge.to.index()], true) {
            self.fix_unreached(edge.to);
        }
        for i in live.of(edge.to) {
            let Expected { reg, .. } = self.placement.states.live[i];
            if reg != Reg::NONE {
                let v = live.entries[i].v;
                let (slot, ty) = (self.slot_of(v), self.vals[v.index()].ty);
                self.placement.states.resolver.add(Place::Reg(reg), Place::Slot(slot), ty);
            }
        }
        let first = body.param_start[edge.to.index()] as usize;
        for (i, param) in body.params_of(edge.to).iter().enumerate() {
            let expected = self.placement.states.params[first + i];
            let (reg, in_slot) = (expected.reg, expected.in_slot());
            if reg != Reg::NONE || in_slot {
                let to = if in_slot { Place::Slot(self.slot_of(*param)) } else { Place::Reg(reg) };
                let (room, ty) = (self.room_of(first + i), self.vals[param.index()].ty);
                self.placement.states.resolver.add(to, Place::Slot(room), ty);
            }
        }
    }

    /// The room through which a parameter comes to a block of several label sets.
    fn room_of(&mut self, param: usize) -> u32 {
        let rooms = &mut self.placement.states.rooms;
        if rooms.is_empty() {
            rooms.resize(self.placement.body.params.len(), NO_SLOT);
        }
        if rooms[param] == NO_SLOT {
            rooms[param] = T::spill(&mut self.frame);
        }
        rooms[param]
    }

    /// Writes the detours noted since the last time.
    pub fn write_detours(&mut self) {
        for i in 0..self.placement.states.detours.len() {
            let Detour { label, to, steps, source, landing } = self.placement.states.detours[i];
            let end = self.placement.states.detours.get(i + 1);
            let end = end.map_or(self.placement.states.steps.len(), |next| next.steps as usize);
            self.asm.buffer().reserve(0);
            self.span(source);
            self.asm.buffer().place(label);
            self.placement.log(Event::Label(label));
            if landing && self.options.landing_pads {
                T::landing_pad(self);
            }
            for at in steps as usize..end {
                self.asm.buffer().reserve(0);
                let step = self.placement.states.steps[at];
                self.step(step);
            }
            T::jump(self, to);
            self.placement.log(Event::Go(to));
        }
        self.placement.states.detours.clear();
        self.placement.states.steps.clear();
    }

    /// Puts results of the current instructions in the frame that stay there.
    fn store_demoted(&mut self) {
        let (f, live) = (self.f, self.placement.live);
        for inst in &f.insts()[self.at as usize..=(self.at + self.skip) as usize] {
            f.for_each_def(inst, |v| {
                if live.demoted[v.index()] {
                    self.store_value(v);
                }
            });
        }
    }

    /// Makes the frame hold a value that a register holds.
    pub fn store_value(&mut self, v: VReg) {
        let val = self.vals[v.index()];
        if val.reg != Reg::NONE && val.flags & Val::IN_SLOT == 0 {
            self.asm.buffer().reserve(0);
            let slot = self.slot_of(v);
            T::store_slot(self, slot, val.ty, val.reg);
            self.vals[v.index()].flags |= Val::IN_SLOT;
        }
    }

    fn next_edge(&mut self) -> Edge {
        let edge = self.placement.body.edges[self.placement.edge];
        self.placement.edge += 1;
        edge
    }
}

impl<'a> Placement for Flow<'a> {
    const HOMES: bool = false;

    fn pick<T: Target>(e: &mut Emit<'_, T, Self>, free: RegSet, v: VReg) -> Reg {
        if e.placement.random != 0 {
            return e.placement.draw(free);
        }
        let saved = e.placement.saved;
        let avoided = e.avoided(v);
        let better = if e.crosses_call(v) { free.and(saved) } else { free.without(saved) };
        let best = better.without(avoided).first().or(free.without(avoided).first()).or(better.first());
        best.unwrap_or(Reg(free.0.trailing_zeros() as u8))
    }

    fn victim<T: Target>(e: &mut Emit<'_, T, Self>, taken: RegSet) -> Reg {
        if e.placement.random != 0 {
            return e.placement.draw(taken);
        }
        // What is wanted last goes (Belady); of those that are alike, what costs no store.
        let key = |reg: &Reg| {
            let val = &e.vals[e.holds[reg.0 as usize] as usize];
            let wanted = match val.uses {
                0 if val.flags & Val::NEAR == 0 => u32::MAX,
                _ if val.flags & Val::REMAT != 0 => u32::MAX - 1,
                // In the next round, if not before.
                0 if val.aux <= e.at => val.aux | NEXT_ROUND,
                _ => val.aux.max(e.at),
            };
            (wanted, val.flags & (Val::IN_SLOT | Val::REMAT) != 0)
        };
        taken.iter().max_by_key(key).expect("an instruction pins fewer registers than the pool has")
    }

    fn place<T: Target>(e: &mut Emit<'_, T, Self>, v: VReg, prefer: Reg, free: RegSet) -> Reg {
        if e.placement.random != 0 && free != RegSet::EMPTY {
            return e.placement.draw(free);
        }
        let saved = e.placement.saved;
        if !saved.has(prefer) && e.crosses_call(v) {
            return free.and(saved).first().unwrap_or(prefer);
        }
        prefer
    }

    /// Where a block that has fixed what it expects wants the parameter that the value becomes.
    #[inline]
    fn destination<T: Target>(e: &Emit<'_, T, Self>, v: VReg) -> Reg {
        let Flow { live, states, random, .. } = &e.placement;
        if *random != 0 {
            return Reg::NONE;
        }
        let param = live.becomes[v.index()];
        states.params.get(param as usize).map_or(Reg::NONE, |expected| expected.reg)
    }

    fn receive<T: Target>(e: &mut Emit<'_, T, Self>, v: VReg, reg: Reg) -> Reg {
        if reg.is_vector() || !e.crosses_call(v) {
            return reg;
        }
        // Those that other parameters arrive in are none of these.
        e.free.and(e.placement.saved).first().unwrap_or(reg)
    }

    #[inline]
    fn source<T: Target>(e: &Emit<'_, T, Self>, at: u32) -> Origin {
        let mut origin = e.placement.body.origins[at as usize];
        if origin.site != Origin::OWN {
            origin.site += e.placement.first_site;
        }
        origin
    }

    fn address<T: Target>(e: &Emit<'_, T, Self>, block: Block) -> Block {
        e.placement.states.addresses[block.index()]
    }

    fn leave<T: Target>(e: &mut Emit<'_, T, Self>) {
        let body = e.placement.body;
        if body.f.insts()[e.at as usize].op == Op::JumpTo {
            return e.leave_anywhere();
        }
        while body.edges.get(e.placement.edge).is_some_and(|edge| edge.inst.0 == e.at) {
            let edge = e.next_edge();
            e.cross(&edge);
            let label = e.detour(edge.to);
            e.placement.log(Event::Leave(e.placement.edge as u32 - 1, label));
            e.placement.states.ways[edge.to.index()] = label;
        }
    }

    #[inline]
    fn way<T: Target>(e: &Emit<'_, T, Self>, to: Block) -> Block {
        e.placement.states.ways[to.index()]
    }

    fn fork<T: Target>(e: &mut Emit<'_, T, Self>, branch: u32, _: Block) -> Fork {
        let (taken, other) = (e.next_edge(), e.next_edge());
        debug_assert!(taken.inst.0 == branch && other.inst.0 == branch);
        let number = e.placement.edge as u32 - 2;
        let next = e.next_block;
        let is_back = |edge: &Edge| next != Block(u32::MAX) && edge.to < next;
        // Inner loops have later heads.
        let swapped = is_back(&other) && !(is_back(&taken) && taken.to > other.to);
        let (first, second) = if swapped { (other, taken) } else { (taken, other) };
        let start = e.placement.states.steps.len();
        e.cross(&first);
        let ahead = if is_back(&first) && e.moves() { e.move_ahead(&first, &second) } else { None };
        e.resolve_ways();
        let middle = e.placement.states.steps.len();
        e.cross(&second);
        if let Some(copies) = ahead {
            let is_done = |to: Place, from: Place| match (to, from) {
                (Place::Reg(to), Place::Reg(from)) => copies[from.0 as usize] == to,
                _ => false,
            };
            e.placement.states.resolver.moves.retain(|m| !is_done(m.to, m.from));
        }
        e.resolve_ways();
        let end = e.placement.states.steps.len();
        let (first_moves, second_moves) = (middle > start, end > middle);
        let blocks = e.f.blocks();
        let is_cold = |edge: &Edge| blocks[edge.to.index()].cold;
        let jumps_first = if is_back(&first) && !first_moves {
            true
        } else if is_cold(&first) != is_cold(&second) {
            is_cold(&first)
        } else {
            let (taken_moves, other_moves) =
                if swapped { (second_moves, first_moves) } else { (first_moves, second_moves) };
            swapped == (!other_moves && (taken_moves || taken.to == next))
        };
        let (jump, rest, jump_moves) = match jumps_first {
            true => (first, second, first_moves),
            false => (second, first, second_moves),
        };
        let mut from = start;
        if !jumps_first {
            // The steps of a detour come first.
            e.placement.states.steps[start..].rotate_left(middle - start);
        }
        let mut to = jump.to;
        if jump_moves {
            let label = e.asm.buffer().label();
            let source = Flow::source(e, branch);
            e.placement.states.detours.push(Detour {
                label,
                to,
                steps: start as u32,
                source,
                landing: false,
            });
            to = label;
            from = start + if jumps_first { middle - start } else { end - middle };
        }
        // Which of the branch's edges these are: the first is the one that is taken where its condition holds.
        let inverted = jumps_first == swapped;
        let (jump, rest_edge) = if inverted { (number + 1, number) } else { (number, number + 1) };
        e.placement.log(Event::Leave(jump, to));
        e.placement.rest = (from, rest.to, rest_edge);
        Fork { to, inverted }
    }

    #[inline]
    fn is_copy<T: Target>(e: &Emit<'_, T, Self>, at: u32) -> bool {
        e.placement.fused.is_copy(kiln_ir::Inst(at))
    }

    #[inline]
    fn is_absent<T: Target>(e: &Emit<'_, T, Self>, at: u32) -> bool {
        e.placement.fused.is_absent(kiln_ir::Inst(at))
    }

    fn go_on<T: Target>(e: &mut Emit<'_, T, Self>) {
        let (from, to, edge) = e.placement.rest;
        e.carry_out(from);
        e.placement.log(Event::Leave(edge, to));
        if to != e.next_block {
            T::jump(e, to);
        }
    }

    fn jump<T: Target>(e: &mut Emit<'_, T, Self>, to: Block) {
        let edge = e.next_edge();
        debug_assert!(edge.inst.0 == e.at && edge.to == to);
        e.cross(&edge);
        let from = e.resolve_ways();
        e.carry_out(from);
        e.placement.log(Event::Leave(e.placement.edge as u32 - 1, to));
        // A jump of its own for each place that jumps through the set, so that each is foretold by itself.
        if let Some(address) = e.placement.states.dispatch(to) {
            T::jump_through(e, address);
        } else if to != e.next_block {
            T::jump(e, to);
        }
    }

    fn wrote<T: Target>(e: &mut Emit<'_, T, Self>) {
        e.placement.log(Event::Done(e.skip));
        if e.placement.live.any_demoted {
            e.store_demoted();
        }
        // Behind the moves of a way, registers hold what the next block expects and no more what they are noted to hold.
        let last = e.f.insts()[(e.at + e.skip) as usize].op;
        if e.placement.stress == Stress::SpillEverything && !last.is_terminator() {
            e.give_up(e.pool);
        }
    }

    #[inline]
    fn log(&mut self, event: Event) {
        self.log.add(event);
    }
}
