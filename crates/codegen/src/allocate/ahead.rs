//! Moves on the way back to a loop's head, before the jump of the branch that ends the loop: with them behind it, each
//! round would take a second jump.

use super::flow::Flow;
use super::resolve::Place;
use crate::emit::{Emit, NO_SLOT, Val};
use crate::optimize::Edge;
use crate::regs::{COUNT, Reg, RegSet};
use crate::target::Target;
use kiln_ir::VReg;

/// So many moves at most come before the jump of a branch that they are not for alone.
const MOST_AHEAD: usize = 64;
/// And so many of them to the frame: what the other way needs is looked for among these.
const MOST_STORED: usize = 8;

impl<'a, T: Target> Emit<'_, T, Flow<'a>> {
    /// The moves of a way back to a loop's head, which the resolver has, may come before the jump of the branch: if the
    /// other way leads out of the loop, finds all that it needs in spite of them, and none of them changes the flags.
    /// Then carries them out, and gives the registers that were copied, with what from.
    pub fn move_ahead(&mut self, back: &Edge, other: &Edge) -> Option<[Reg; COUNT]> {
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
}
