//! Leaving for the host: what is known at the place, and the list of stubs that are written behind the function.
//!
//! A value that the place lists is where it happens to be: in its home, in the register that caches it, in its place
//! in the frame, or nowhere because it is a constant. Nothing is done to it on the way that goes on.

use super::{At, Emit, Event, NO_SLOT, Placement, Val};
use crate::code::{Counter, ThreadWord};
use crate::optimize::Origin;
use crate::recovery::{Leave, RecoveryValue, ValuePlace};
use crate::regs::Reg;
use crate::takeover;
use crate::target::{Assembler, Target};
use kiln_ir::function::VRegList;
use kiln_ir::{Block, Inst, Op, Slot, Type, VReg};

/// A stub to be written behind the function.
#[derive(Clone, Copy, Debug)]
pub struct Stub {
    /// Where the 32-bit distances of the jumps to it are; 0 for none.
    pub jumps: [u32; 2],
    /// What it does.
    pub leave: Leave,
    /// Where the code goes on, if it may.
    pub back: Option<u32>,
    /// Whether other code may take the activation over here.
    pub takeover: bool,
    /// Whether the code goes on with the word of [`Emit::rounds`] in its register.
    pub reload: bool,
    /// The instruction of the source that it belongs to.
    pub inst: Origin,
    /// Where its values start in the list of all stubs' values; they end where the next stub's start.
    pub values: u32,
}

/// What the loops of a function do, in ops.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// What is outside of them, and what an entry and a return cost besides.
    pub outside: u32,
    /// The least of the rounds of its innermost loops.
    pub least_round: u32,
    /// For each block that is a loop head a round of that loop.
    pub rounds: Vec<Round>,
}

/// A round of a loop.
#[derive(Clone, Copy, Default, Debug)]
pub struct Round {
    /// The ops in the loop that are in no loop in it.
    pub ops: u32,
    /// Whether no loop is in it.
    pub innermost: bool,
}

/// Where the rounds of a function's innermost loops are counted. In memory each round would wait for the one before to
/// be stored, which takes longer than many a loop's round.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// A register that callees keep and that holds nothing else in the whole function.
    pub reg: Reg,
    /// The counter that it is filled from, and written to when the function returns.
    pub word: u32,
}

/// The stubs of one function.
#[derive(Debug, Default)]
pub struct Stubs {
    /// In the order in which they will be written.
    pub list: Vec<Stub>,
    /// What they list. In the place of offsets in the code stand numbers of blocks.
    pub values: Vec<RecoveryValue>,
}

impl Stubs {
    pub fn clear(&mut self) {
        self.list.clear();
        self.values.clear();
    }
}

impl<T: Target, P: Placement> Emit<'_, T, P> {
    /// Takes note of a stub for the current instruction with the values that it lists where they are now: when the
    /// jumps to it are taken. This is their read.
    pub fn stub(&mut self, jumps: [u32; 2], leave: Leave, list: VRegList<'_>) {
        let values = self.stubs.values.len() as u32;
        for v in list.iter() {
            let place = self.whereabouts(v);
            self.stubs.values.push(RecoveryValue { ty: self.vals[v.index()].ty, place });
        }
        for v in list.iter() {
            self.consume(v);
        }
        let inst = P::source(self, self.at);
        let (takeover, reload) = (false, false);
        self.stubs.list.push(Stub { jumps, back: None, takeover, reload, leave, inst, values });
    }

    /// Says that the code behind the jump written last is where the stub noted last goes on.
    pub fn stub_goes_on(&mut self) {
        let back = self.asm.buffer().offset();
        if let Some(stub) = self.stubs.list.last_mut() {
            stub.back = Some(back);
        }
    }

    /// Takes note of a stub without values for what happens before an instruction.
    fn stub_before(&mut self, jump: u32, leave: Leave, inst: Origin) {
        let (back, values) = (Some(self.asm.buffer().offset()), self.stubs.values.len() as u32);
        let (jumps, takeover, reload) = ([jump, 0], false, false);
        self.stubs.list.push(Stub { jumps, back, takeover, reload, leave, inst, values });
    }

    /// Adds a counter for so many times; gives its number. `word` is that of another one, if it shares that.
    fn counter(&mut self, head: Option<Block>, word: Option<u32>, times: u32, step: u32) -> u32 {
        let ops = self.options.counts.map_or(0, |counts| counts.ops);
        let first = times.saturating_mul(step).max(ops).min(i32::MAX as u32);
        let counters = &mut self.asm.buffer().code().counters;
        let number = counters.len() as u32;
        counters.push(Counter { func: self.func, head, word: word.unwrap_or(number), first, step });
        number
    }

    /// Makes the counter of the function's calls, by whichever entry, and says which word the register for rounds is filled
    /// from.
    pub fn count_calls(&mut self, work: &Work) -> Option<u32> {
        let counts = self.options.counts?;
        let number = self.counter(None, None, counts.calls, work.outside);
        if let Some(reg) = self.rounds.map(|rounds| rounds.reg) {
            let word = self.counter(None, None, counts.rounds, work.least_round);
            self.rounds = Some(Rounds { reg, word });
        }
        Some(number)
    }

    /// Counts an arrival at a loop head.
    fn count_round(&mut self, head: Block, round: Round, inst: Origin) {
        let Some(counts) = self.options.counts else { return };
        let rounds = self.rounds.filter(|_| round.innermost);
        let word = rounds.map(|rounds| rounds.word);
        let number = self.counter(Some(head), word, counts.rounds, round.ops);
        let jump = match rounds {
            Some(Rounds { reg, .. }) => T::count_in_register(self, reg, round.ops),
            None => T::count(self, number, round.ops),
        };
        self.stub_before(jump, Leave::Hot(number), inst);
        if let Some(stub) = self.stubs.list.last_mut() {
            (stub.takeover, stub.reload) = (self.can_be_taken_over, rounds.is_some());
        }
    }

    /// At the start of a loop head. What takes the activation over here does the rest of it.
    pub fn check_head(&mut self, head: Block, round: Round, inst: Origin) {
        self.asm.buffer().reserve(0);
        self.count_round(head, round, inst);
        self.check(inst);
    }

    /// Says where the function holds what code that takes it over is handed. All code of the function is written.
    pub fn say_held(&mut self) {
        if !self.can_be_taken_over {
            return;
        }
        let f = self.f;
        let mut held: Vec<RecoveryValue> = Vec::new();
        for v in takeover::handed(f) {
            let val = self.vals[v.index()];
            let place = match (val.home, val.slot) {
                // Nothing was ever written there.
                (Reg::NONE, NO_SLOT) => ValuePlace::Constant(0),
                (Reg::NONE, slot) => T::slot_place(&self.frame, slot),
                (home, _) => ValuePlace::Register(T::dwarf(home)),
            };
            held.push(RecoveryValue { ty: val.ty, place });
        }
        for slot in 0..f.slots().len() as u32 {
            let place = T::slot_start(self, Slot(slot));
            held.push(RecoveryValue { ty: Type::Ptr, place });
        }
        let start = self.asm.buffer().start();
        self.asm.buffer().code().recoveries.hold(start, held);
    }

    /// At a function's entry, when the frame is there, and at the start of a loop head: takes fuel, and looks whether
    /// something is asked of the code.
    pub fn check(&mut self, inst: Origin) {
        self.asm.buffer().reserve(0);
        if self.options.fuel {
            let jump = T::count_down(self, ThreadWord::Fuel);
            self.stub_before(jump, Leave::OutOfFuel, inst);
        }
        if self.options.polls {
            let jump = T::look(self);
            self.stub_before(jump, Leave::Poll, inst);
        }
    }

    /// At a function's entry, when the frame is there, unless it is for an activation that there was before.
    pub fn check_entry(&mut self) {
        if self.options.takes_over {
            return;
        }
        if let Some(rounds) = self.rounds {
            self.asm.buffer().reserve(0);
            T::load_rounds(self, rounds);
        }
        let start = Origin::own(Inst(0));
        if self.options.depth {
            let jump = T::count_down(self, ThreadWord::Depth);
            self.stub_before(jump, Leave::TooDeep, start);
        }
        self.check(start);
    }

    /// At an entry of a function, as it is called. Its calls are counted by the counter of this number, if by any.
    pub fn check_call(&mut self, work: &Work, counter: Option<u32>) {
        self.asm.buffer().reserve(0);
        if let Some(number) = counter {
            let jump = T::count(self, number, work.outside);
            self.stub_before(jump, Leave::Hot(number), Origin::own(Inst(0)));
        }
        self.check_entry();
    }

    /// Writes the stubs noted since the last time, before the part of the function ends that they belong to.
    pub fn end_stubs(&mut self) {
        if !self.stubs.list.is_empty() {
            T::write_stubs(self);
            self.stubs.clear();
        }
    }

    /// Where a value is now.
    fn whereabouts(&mut self, v: VReg) -> ValuePlace {
        let val = self.vals[v.index()];
        let reg = if val.home != Reg::NONE { val.home } else { val.reg };
        if reg != Reg::NONE {
            self.placement.log(Event::Read(v, At::Reg(reg)));
            return ValuePlace::Register(T::dwarf(reg));
        }
        if val.flags & Val::REMAT == 0 {
            let slot = self.slot_of(v);
            self.placement.log(Event::Read(v, At::Slot(slot)));
            return T::slot_place(&self.frame, slot);
        }
        if val.flags & Val::CONST != 0 {
            return ValuePlace::Constant(val.aux as i32 as i64 as u64);
        }
        let f = self.f;
        let inst = &f.insts()[val.aux as usize];
        match inst.op {
            Op::Const => ValuePlace::Constant(f.constant(inst)),
            Op::SlotAddr => T::slot_address(self, inst),
            Op::DataAddr => ValuePlace::Data(kiln_ir::DataId(inst.a), inst.b as i32),
            Op::LabelAddr => ValuePlace::Code(P::address(self, kiln_ir::Block(inst.a)).0),
            Op::FuncAddr => ValuePlace::Func(kiln_ir::FuncId(inst.a)),
            op => unreachable!("{op:?} is not made anew where it is needed"),
        }
    }
}
