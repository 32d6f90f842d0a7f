//! Which value is in which register, inside one block.
//!
//! Invariants: a register of the pool is either free or holds one value, and that value's `reg` says so; homes are
//! not of the pool. A value without home is in its register, or in its frame slot (`IN_SLOT`), or both; a
//! rematerialized one may be in neither. Registers that the current instruction uses are pinned: they are given up
//! only by its own hand. A value of one block is freed at its last read, so it is never stored for nothing.

use super::{ANY, At, Emit, Event, NO_SLOT, Placement, Val};
use crate::regs::{Reg, RegSet};
use crate::target::Target;
use kiln_ir::VReg;

impl<T: Target, P: Placement> Emit<'_, T, P> {
    /// The register that holds a value, which this read leaves with one read less. Pinned until the instruction's
    /// end, even if it was the last read.
    #[inline]
    pub fn read(&mut self, v: VReg) -> Reg {
        let val = &self.vals[v.index()];
        if P::HOMES && val.home != Reg::NONE {
            return val.home;
        }
        let reg = if val.reg != Reg::NONE { val.reg } else { self.fill(v) };
        self.pinned = self.pinned.with(reg.set());
        if !P::HOMES {
            self.operands = self.operands.with(reg.set());
        }
        self.placement.log(Event::Read(v, At::Reg(reg)));
        self.consume(v);
        reg
    }

    /// Takes note of one read of a value.
    #[inline]
    pub fn consume(&mut self, v: VReg) {
        let val = &mut self.vals[v.index()];
        if val.uses != u16::MAX {
            val.uses = val.uses.saturating_sub(1);
            if val.uses == 0 && val.flags & Val::GLOBAL == 0 {
                if val.reg != Reg::NONE {
                    let reg = std::mem::replace(&mut val.reg, Reg::NONE);
                    self.free = self.free.with(reg.set());
                }
                if val.flags & Val::SPILLED != 0 {
                    self.spare.push((val.slot, self.at));
                }
            }
        }
    }

    /// Brings a value that is in no register into one.
    fn fill(&mut self, v: VReg) -> Reg {
        let val = self.vals[v.index()];
        let reg = self.alloc(v, val.ty.is_float());
        if val.flags & Val::REMAT != 0 {
            T::materialize(self, v, reg);
        } else {
            let slot = self.slot_of(v);
            T::load_slot(self, reg, val.ty, slot);
        }
        self.hold(v, reg);
        reg
    }

    /// Takes note that a register holds a value.
    pub fn hold(&mut self, v: VReg, reg: Reg) {
        self.holds[reg.0 as usize] = v.0;
        self.vals[v.index()].reg = reg;
    }

    /// The value's place in the frame.
    pub fn slot_of(&mut self, v: VReg) -> u32 {
        let val = &mut self.vals[v.index()];
        if val.slot == NO_SLOT {
            if val.flags & (Val::GLOBAL | Val::ACROSS) != 0 {
                val.slot = T::spill(&mut self.frame);
                return val.slot;
            }
            // The room of a value of one block serves another behind its last read; the reading instruction itself
            // may still look there.
            let now = self.at;
            val.slot = match self.spare.iter().rposition(|(_, read)| *read < now) {
                Some(older) => self.spare.swap_remove(older).0,
                None => T::spill(&mut self.frame),
            };
            val.flags |= Val::SPILLED;
        }
        val.slot
    }

    /// A register for a value (or for none in particular) that holds nothing and is not pinned, taken from the pool and
    /// pinned.
    fn alloc(&mut self, v: VReg, vector: bool) -> Reg {
        let class = if vector { RegSet::VECTOR } else { RegSet::GENERAL };
        let free = self.free.and(class).without(self.pinned);
        let reg = match free {
            RegSet::EMPTY => {
                let taken = self.pool.and(class).without(self.free).without(self.pinned);
                let victim = P::victim(self, taken);
                self.evict(victim)
            }
            _ => P::pick(self, free, v),
        };
        self.free = self.free.without(reg.set());
        self.pinned = self.pinned.with(reg.set());
        self.placement.log(Event::Clobber(reg.set()));
        reg
    }

    /// A register for the rest of the current instruction only.
    pub fn temp(&mut self, vector: bool) -> Reg {
        let reg = self.alloc(VReg::NONE, vector);
        self.free = self.free.with(reg.set());
        reg
    }

    /// Gives up a register: its value goes to the frame unless it is there or can be made anew.
    pub fn evict(&mut self, reg: Reg) -> Reg {
        let v = VReg(self.holds[reg.0 as usize]);
        self.store_held(v, reg);
        self.vals[v.index()].reg = Reg::NONE;
        self.free = self.free.with(reg.set());
        reg
    }

    /// Makes the frame hold the value that a register holds.
    fn store_held(&mut self, v: VReg, reg: Reg) {
        let val = self.vals[v.index()];
        if val.flags & (Val::IN_SLOT | Val::REMAT) == 0 {
            let slot = self.slot_of(v);
            T::store_slot(self, slot, val.ty, reg);
            self.vals[v.index()].flags |= Val::IN_SLOT;
        }
        self.dirty = self.dirty.without(reg.set());
    }

    /// Makes one particular register of the pool hold nothing and pins it; what it held moves elsewhere.
    pub fn take(&mut self, reg: Reg) {
        if !self.free.has(reg) {
            let class = if reg.is_vector() { RegSet::VECTOR } else { RegSet::GENERAL };
            let others = self.free.and(class).without(self.pinned).without(reg.set());
            match others.first() {
                Some(other) => {
                    let v = VReg(self.holds[reg.0 as usize]);
                    T::move_register(self, other, reg);
                    self.hold(v, other);
                    self.free = self.free.without(other.set()).with(reg.set());
                    if self.dirty.has(reg) {
                        self.dirty = self.dirty.without(reg.set()).with(other.set());
                    }
                    if self.pinned.has(reg) {
                        self.pinned = self.pinned.with(other.set());
                    }
                }
                None => {
                    self.evict(reg);
                }
            }
        }
        self.placement.log(Event::Clobber(reg.set()));
        self.pinned = self.pinned.with(reg.set());
        if !P::HOMES {
            self.operands = self.operands.without(reg.set());
        }
    }

    /// The register that a value is to be written to: its home, the one it has, `prefer` if that is free, or
    /// another. Read all operands first.
    #[inline]
    pub fn write(&mut self, v: VReg, prefer: Reg) -> Reg {
        let val = &mut self.vals[v.index()];
        if P::HOMES && val.home != Reg::NONE {
            return val.home;
        }
        val.flags &= !Val::IN_SLOT;
        let mut reg = val.reg;
        if reg == Reg::NONE {
            debug_assert!(
                prefer == ANY || prefer.is_vector() == val.ty.is_float(),
                "{v:?} is of the other class"
            );
            let vector = val.ty.is_float();
            let destination = if P::HOMES { ANY } else { P::destination(self, v) };
            if destination != ANY && self.free.without(self.pinned.without(self.operands)).has(destination) {
                reg = destination;
                self.free = self.free.without(reg.set());
            } else if prefer != ANY && self.free.has(prefer) {
                reg = prefer;
                if !P::HOMES {
                    let class = if vector { RegSet::VECTOR } else { RegSet::GENERAL };
                    let free = self.free.and(class).without(self.pinned);
                    reg = P::place(self, v, prefer, free);
                }
                self.free = self.free.without(reg.set());
            } else {
                reg = self.alloc(v, vector);
            }
            self.hold(v, reg);
        }
        self.placement.log(Event::Given(v, At::Reg(reg)));
        self.pinned = self.pinned.with(reg.set());
        if !P::HOMES {
            self.operands = self.operands.without(reg.set());
        }
        let val = &mut self.vals[v.index()];
        if val.flags & Val::GLOBAL != 0 {
            if P::HOMES {
                self.dirty = self.dirty.with(reg.set());
            }
        } else if val.uses == 0 {
            // Nobody reads it: the register is free again behind this instruction.
            val.reg = Reg::NONE;
            self.free = self.free.with(reg.set());
        }
        reg
    }

    /// The current instruction's result had better not share this operand's register.
    #[inline]
    pub fn keep_apart(&mut self, operand: Reg) {
        if !P::HOMES {
            self.operands = self.operands.without(operand.set());
        }
    }

    /// Lets go of the register of a value that is about to be overwritten, where the new value comes in another one.
    /// Read all operands first.
    pub fn discard(&mut self, v: VReg) {
        let val = &mut self.vals[v.index()];
        if val.reg != Reg::NONE {
            let reg = std::mem::replace(&mut val.reg, Reg::NONE);
            self.free = self.free.with(reg.set());
            self.dirty = self.dirty.without(reg.set());
        }
    }

    /// Before control leaves the block: the frame must hold every value of several blocks that has no home.
    /// Changes no flags.
    #[inline]
    pub fn flush(&mut self) {
        while let Some(reg) = self.dirty.first() {
            let v = VReg(self.holds[reg.0 as usize]);
            self.store_held(v, reg);
        }
    }

    /// At the start of a block that is reached from elsewhere: registers of the pool hold nothing.
    #[inline]
    pub fn forget(&mut self) {
        let mut taken = self.pool.without(self.free);
        while let Some(reg) = taken.first() {
            taken = taken.without(reg.set());
            let val = &mut self.vals[self.holds[reg.0 as usize] as usize];
            val.reg = Reg::NONE;
        }
        self.free = self.pool;
        self.dirty = RegSet::EMPTY;
    }

    /// Before other code runs: what callees may change is stored and given up, except values without a read left.
    pub fn give_up(&mut self, clobbered: RegSet) {
        let mut taken = self.pool.without(self.free).and(clobbered);
        while let Some(reg) = taken.first() {
            taken = taken.without(reg.set());
            self.evict(reg);
        }
    }

    /// The constant that a value is, if it fits 32 bits.
    #[inline]
    pub fn imm(&self, v: VReg) -> Option<i32> {
        let val = &self.vals[v.index()];
        (val.flags & Val::CONST != 0).then_some(val.aux as i32)
    }

    /// Whether the current instruction's read of a value is its last, so that its register may be overwritten.
    #[inline]
    pub fn dies(&self, v: VReg) -> bool {
        let val = &self.vals[v.index()];
        val.uses == 1 && val.flags & Val::GLOBAL == 0 && !(P::HOMES && val.home != Reg::NONE)
    }
}
