//! Moves that stand behind the function, on ways of their own: those of a branch's jump, of ways that part in the middle of
//! a block, and of jumps through label sets.

use super::flow::Flow;
use super::resolve::Place;
use super::states::{Expected, SEVERAL, SEVERAL_WRITTEN};
use crate::emit::{Emit, Event, NO_SLOT, Placement, Val};
use crate::optimize::{Edge, Origin};
use crate::regs::Reg;
use crate::target::{Assembler, Target};
use kiln_ir::Block;

/// Moves that stand behind the function.
#[derive(Clone, Copy, Debug)]
pub struct Detour {
    /// What is jumped to.
    pub label: Block,
    /// Where it leads.
    pub to: Block,
    /// Where its steps start; they end where those of the next one start.
    pub steps: u32,
    /// The instruction that goes this way.
    pub source: Origin,
    /// Whether it is jumped to through a register.
    pub landing: bool,
}

impl<'a, T: Target> Emit<'_, T, Flow<'a>> {
    /// The label that leads by the resolver's moves to a block.
    pub fn detour(&mut self, to: Block) -> Block {
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
    pub fn leave_anywhere(&mut self) {
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
            let pad = landing && self.options.landing_pads;
            if steps as usize == end && !pad {
                // Nothing to do on the way: who jumps through a register need not come by here.
                self.asm.buffer().place_with(label, to);
                self.placement.log(Event::Label(label));
                self.placement.log(Event::Go(to));
                continue;
            }
            self.asm.buffer().reserve(0);
            self.span(source);
            let align = self.f.blocks()[to.index()].align;
            if landing && align > 0 {
                self.align(align);
            }
            self.asm.buffer().place(label);
            self.placement.log(Event::Label(label));
            if pad {
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
}
