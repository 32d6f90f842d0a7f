//! Where values are at the ends of ways from block to block.
//!
//! The first way that reaches a block fixes what the block *expects* ([`super::expect`]): for each value that it finds
//! written, and each of its parameters, a register or its place in the frame. Each further way brings values there, by parallel moves. The moves
//! of a jump, and of the way on which a branch goes on, stand in the block that is left; those of a branch's jump, of
//! ways that part in the middle of a block, and of many ways at once, stand behind the function, in a *detour* of their
//! own ([`super::detour`]); a way without moves needs none.

use super::check::Log;
use super::detour::Detour;
use super::live::Live;
use super::resolve::{Place, Step};
use super::states::States;
use crate::Stress;
use crate::emit::{Emit, Event, Fork, Placement, Val};
use crate::optimize::{Body, Edge, Fused, Origin};
use crate::regs::{Reg, RegSet};
use crate::target::{Assembler, Target};
use kiln_ir::{Block, Op, VReg};

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
    pub calls: &'a [u32],
    /// The place in it of the first that is not behind the walk.
    next_call: usize,
    /// Positions of instructions that use registers for themselves, ascending, and which.
    pub takes: &'a [(u32, RegSet)],
    /// The place in it of the first that is not behind the walk.
    next_take: usize,
    /// Registers that calls keep.
    pub saved: RegSet,
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
    pub fn whence(&mut self, v: VReg) -> Place {
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
    pub fn crosses_call(&mut self, v: VReg) -> bool {
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
    pub fn avoided(&mut self, v: VReg) -> RegSet {
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

    /// Goes by an edge as far as the resolver: what is expected behind it, and the moves to there.
    pub fn cross(&mut self, edge: &Edge) {
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

    /// Carries out the steps from a place of the list on, and forgets them.
    pub fn carry_out(&mut self, from: usize) {
        for i in from..self.placement.states.steps.len() {
            self.asm.buffer().reserve(0);
            let step = self.placement.states.steps[i];
            self.step(step);
        }
        self.placement.states.steps.truncate(from);
    }

    pub fn step(&mut self, Step { to, from, ty }: Step) {
        match (to, from) {
            (Place::Reg(to), Place::Reg(from)) => T::move_register(self, to, from),
            (Place::Reg(to), Place::Slot(slot)) => T::load_slot(self, to, ty, slot),
            (Place::Slot(slot), Place::Reg(from)) => T::store_slot(self, slot, ty, from),
            (Place::Reg(to), Place::Made(v)) => T::materialize(self, v, to),
            (to, from) => unreachable!("a step from {from:?} to {to:?}"),
        }
    }

    /// Whether the resolver has moves.
    pub fn moves(&self) -> bool {
        !self.placement.states.resolver.moves.is_empty()
    }

    /// Appends the steps of the resolver's moves; gives where they start.
    pub fn resolve_ways(&mut self) -> usize {
        let States { steps, resolver, .. } = &mut *self.placement.states;
        let from = steps.len();
        resolver.resolve(T::SCRATCH, steps);
        from
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
