//! Jumps, branches and returns, and what compares for them.

use super::{CALLS, Cold, Fixed, Kind, PARAMETERS, RESULTS, Translator, Value};
use crate::compile::functions::{Flow, flow};
use crate::instruction::Instruction;
use crate::options::{Division, Overflow};
use crate::state::Header;
use kiln::{Access, Cond, MemType, Operand, Type, VReg};
use std::mem::offset_of;

/// What a branch depends on.
enum Test {
    Known(bool),
    Compare(Cond, VReg, Operand),
}

impl Translator<'_> {
    /// Ends the block with a jump.
    pub(super) fn go_to(&mut self, to: u32) {
        if self.heights.heads[to as usize] {
            self.begin_region();
        } else {
            self.settle(&mut []);
        }
        self.b.jump(self.blocks[to as usize]);
    }

    /// Makes the state that the head of a region expects: all items in memory, `sp` behind the top one.
    pub(super) fn begin_region(&mut self) {
        let height = self.stack.height();
        self.sync_below(height);
        if height != 0 {
            let sp = self.sp;
            self.b.to(sp).add(sp, i64::from(height) * 8);
        }
        self.stack.reset(0);
    }

    /// Makes the state that other blocks expect: the items of the window in the registers of their places, the others in
    /// memory. The values of `kept` are wanted afterwards.
    fn settle(&mut self, kept: &mut [&mut VReg]) {
        let height = self.stack.height();
        let low = self.window(self.region_floor, height);
        self.sync_below(low);
        // Whoever is assigned to a place may be wanted in another: such values are copied first.
        let mut moves: Vec<(i32, Value)> = Vec::new();
        for place in low..height {
            let value = self.at_place(place);
            let register = self.place(place);
            if !matches!(value, Value::Register(from, _) if from == register) {
                moves.push((place, value));
            }
        }
        if moves.is_empty() {
            return;
        }
        for (_, value) in &mut moves {
            if let Value::Register(from, range) = *value
                && self.changes(from)
            {
                *value = Value::Register(self.b.copy(from), range);
            }
        }
        for kept in kept {
            if self.changes(**kept) {
                **kept = self.b.copy(**kept);
            }
        }
        for (place, value) in moves {
            let register = self.place(place);
            match value {
                Value::Constant(value) => self.b.to(register).iconst(Type::I64, value),
                Value::Register(from, _) => self.b.to(register).copy(from),
                Value::Memory => unreachable!("`at_place` loads"),
            };
            if let Some(item) = self.stack.get_mut(place) {
                item.value = Value::Register(register, super::Range::ANY);
            }
        }
        // Items below the window that was hold their registers now.
        if low < self.stack.low {
            let mut items = Vec::new();
            for place in low..self.stack.low {
                let register = self.place(place);
                let value = Value::Register(register, super::Range::ANY);
                items.push(super::Item { value, dirty: false });
            }
            items.append(&mut self.stack.items);
            self.stack.items = items;
            self.stack.low = low;
        }
    }

    /// Ends the block with a branch on the top item.
    pub(super) fn branch_on_top(&mut self, n: u32) {
        let top = self.peek(0);
        let cond = self.condition();
        self.stack.remove(1);
        let test = match top {
            Value::Constant(value) => Test::Known(if cond == Cond::Eq { value == 0 } else { value < 0 }),
            other if cond == Cond::Lt && other.range().low >= 0 => Test::Known(false),
            other => Test::Compare(cond, self.register(other), Operand::Imm(0)),
        };
        self.branch(n, test);
    }

    /// What the branch being translated asks of a number: to be 0, or to be less.
    fn condition(&self) -> Cond {
        match self.shared.program.instructions()[self.at as usize] {
            Instruction::Jz(..) => Cond::Eq,
            _ => Cond::Lt,
        }
    }

    /// Whether a branch follows that can be translated with the instruction at hand.
    fn branch_follows(&self, end: u32) -> bool {
        self.at + 1 < end
            && self.frames.is_empty()
            && matches!(flow(self.shared.program, self.at + 1), Flow::Branch(_))
    }

    /// Translates a subtraction whose difference is only compared: that is done without computing it, and so without
    /// overflow. Gives false if it is wanted otherwise.
    pub(super) fn compared(&mut self, n: u32, end: u32) -> bool {
        if !self.branch_follows(end) {
            return false;
        }
        self.need(2);
        let (b, a) = (self.peek(0), self.peek(1));
        self.at += 1;
        let cond = self.condition();
        let exact = match self.shared.settings.options.overflow {
            Overflow::Exact => true,
            // Differences that wrap have another sign, but are not 0.
            Overflow::Wrap => cond == Cond::Eq,
            Overflow::Error => false,
        };
        if !exact && a.range().sub(b.range()).is_none() {
            self.at -= 1;
            return false;
        }
        self.stack.remove(2);
        let test = match (a, b) {
            (Value::Constant(a), Value::Constant(b)) => {
                Test::Known(if cond == Cond::Eq { a == b } else { a < b })
            }
            (Value::Constant(a), b) => {
                let swapped = if cond == Cond::Eq { Cond::Eq } else { Cond::Gt };
                Test::Compare(swapped, self.register(b), Operand::Imm(a))
            }
            (a, b) => Test::Compare(cond, self.register(a), self.operand(b)),
        };
        self.branch(n, test);
        true
    }

    /// Translates a remainder by a constant of which only matters whether it is 0: how it is rounded does not.
    pub(super) fn divisible(&mut self, n: u32, end: u32) -> bool {
        if !self.branch_follows(end) {
            return false;
        }
        self.need(2);
        let (b, a) = (self.peek(0), self.peek(1));
        let (Value::Register(a, _), Value::Constant(b @ 2..)) = (a, b) else { return false };
        self.at += 1;
        let zero = self.condition() == Cond::Eq;
        if !zero && self.shared.settings.options.division == Division::Trunc {
            self.at -= 1;
            return false;
        }
        self.stack.remove(2);
        let test = if !zero {
            // The remainder has the sign of the divisor.
            Test::Known(false)
        } else if b & (b - 1) == 0 {
            Test::Compare(Cond::None, a, Operand::Imm(b - 1))
        } else {
            Test::Compare(Cond::Eq, self.b.srem(a, b), Operand::Imm(0))
        };
        self.branch(n, test);
        true
    }

    fn branch(&mut self, n: u32, test: Test) {
        self.ended = true;
        self.checked_at_end[n as usize] = Some(self.checked);
        let [Some(taken), Some(next)] = self.body.blocks[n as usize].next else {
            unreachable!("a branch leads to two blocks")
        };
        let (cond, mut a, mut b) = match test {
            Test::Known(true) => return self.go_to(taken),
            Test::Known(false) => return self.go_to(next),
            Test::Compare(cond, a, b) => (cond, a, b),
        };
        let heads = [taken, next].map(|to| self.heights.heads[to as usize]);
        if heads == [true, true] {
            self.begin_region();
        } else {
            match &mut b {
                Operand::Reg(b) => self.settle(&mut [&mut a, b]),
                Operand::Imm(_) => self.settle(&mut [&mut a]),
            }
        }
        // To a head alone the way is longer.
        let blocks = [(taken, heads[0]), (next, heads[1])].map(|(to, head)| {
            if !head || heads == [true, true] {
                return self.blocks[to as usize];
            }
            let block = self.b.block();
            let to = self.blocks[to as usize];
            self.cold.push(Cold::Edge { block, stack: self.stack.clone(), to });
            block
        });
        self.b.branch(cond, a, b, blocks[0]);
        if blocks[1] != self.blocks[n as usize + 1..].first().copied().unwrap_or(blocks[0]) {
            self.b.jump(blocks[1]);
        }
    }

    /// Ends the block with a return, or an inlined function.
    pub(super) fn ret(&mut self) {
        match self.kind {
            Kind::Fixed(fixed) => self.ret_fixed(fixed),
            Kind::Dynamic => {
                let height = self.stack.height();
                self.sync_below(height);
                let sp = self.b.addr((self.sp, height * 8));
                self.b.ret(&[sp]);
            }
            Kind::Entry(_) => {
                let base = self.header(Type::Ptr, offset_of!(Header, call_base));
                self.leave_if(Cond::Eq, self.csp, base);
                let height = self.stack.height();
                self.sync_below(height);
                let sp = self.b.addr((self.sp, height * 8));
                let csp = self.b.addr((self.csp, -4));
                let access = Access::new(MemType::U32).alias(CALLS);
                let place = self.b.load(Type::I64, access, csp);
                self.set_header(offset_of!(Header, stack_top), sp);
                self.set_header(offset_of!(Header, call_top), csp);
                self.b.ret(&[place]);
            }
        }
    }

    fn ret_fixed(&mut self, fixed: Fixed) {
        let (first, count) = results(fixed);
        for place in -fixed.reach..first {
            self.sync(place);
        }
        let results: Vec<VReg> = (first..first + count)
            .map(|place| {
                let value = self.at_place(place);
                self.register(value)
            })
            .collect();
        self.b.ret(&results);
    }
}

/// The places of the items that a function of fixed effect gives back in registers: the first, relative to its entry's height,
/// and how many there are. Items below that it replaces are in memory.
pub fn results(fixed: Fixed) -> (i32, i32) {
    let all = (fixed.reach.min(PARAMETERS) + fixed.net).max(0);
    let count = all.min(RESULTS);
    (fixed.net - count, count)
}
