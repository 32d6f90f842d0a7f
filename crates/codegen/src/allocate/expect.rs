//! Where a block expects values, decided when the first way reaches it.
//!
//! Mostly where they are. The head of a loop is where registers are given to what the loop reads ([`super::loops`],
//! [`super::pressure`]): what only lives through it waits in the frame if there is no room, and is stored before the loop.

use super::flow::{Flow, class};
use super::loops::Loop;
use super::states::Expected;
use crate::Stress;
use crate::emit::{Emit, Placement, Val};
use crate::optimize::Edge;
use crate::regs::{Reg, RegSet};
use crate::target::Target;
use kiln_ir::{Block, VReg};

impl<'a, T: Target> Emit<'_, T, Flow<'a>> {
    /// Registers that instructions of a loop use for themselves.
    fn taken_in(&self, head: &Loop) -> RegSet {
        let takes = self.placement.takes;
        let first = takes.partition_point(|(at, _)| *at < head.start);
        let taken = takes[first..].iter().take_while(|(at, _)| *at < head.stop).take(16);
        taken.fold(RegSet::EMPTY, |all, (_, taken)| all.with(*taken))
    }

    /// Whether somebody reads a value behind its definition.
    pub fn is_wanted(&self, v: VReg) -> bool {
        let val = &self.vals[v.index()];
        val.uses != 0 || val.flags & Val::GLOBAL != 0
    }

    /// The block behind an edge is reached for the first time: it expects values where they are. The head of a loop
    /// expects in registers what the loop reads, first of all.
    pub fn fix(&mut self, edge: &Edge) {
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
    pub fn fix_unreached(&mut self, block: Block) {
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
}
