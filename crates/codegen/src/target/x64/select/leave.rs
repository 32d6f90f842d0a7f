//! Guards, exits, safepoints, limits, and the stubs by which they leave.

use super::Pending;
use super::control::Flags;
use crate::code::{Code, RelocKind, Routine, SpanRow, Target, ThreadWord, inlined_frames};
use crate::emit::leave::Rounds;
use crate::emit::{Emit, Placement};
use crate::optimize::checks::is_mark;
use crate::recovery::{Leave, ValuePlace};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::encode::{Amode, fits8};
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::{Block, InstData, Slot, VReg};

impl<P: Placement> Emit<'_, X64, P> {
    pub fn guard(&mut self, inst: &InstData) {
        let flags = self.compare(inst.ty, inst.cond(), VReg(inst.a), self.src_tail(inst));
        self.leave_where(flags, inst);
    }

    pub fn fguard(&mut self, inst: &InstData) {
        let b = VReg(self.f.tail(inst)[0]);
        let flags = self.fcompare(inst.ty, inst.fcond(), VReg(inst.a), b);
        self.leave_where(flags, inst);
    }

    /// Leaves by the exit of a guard if the condition holds.
    fn leave_where(&mut self, flags: Flags, inst: &InstData) {
        let f = self.f;
        let jumps = match flags {
            Flags::One(cc) => [self.asm.jcc_stub(cc), 0],
            Flags::Equal => {
                let unordered = self.asm.skip_if(Cc::P);
                let jump = self.asm.jcc_stub(Cc::E);
                self.asm.land(unordered);
                [jump, 0]
            }
            Flags::Differ => [self.asm.jcc_stub(Cc::P), self.asm.jcc_stub(Cc::Ne)],
        };
        self.stub(jumps, Leave::Exit(f.tail(inst)[1]), f.list(inst, 2));
    }

    pub fn exit(&mut self, inst: &InstData) {
        // jmp stub
        self.asm.raw(&[0xe9, 0, 0, 0, 0]);
        let jump = self.asm.buf.offset() - 4;
        let f = self.f;
        self.stub([jump, 0], Leave::Exit(inst.a), f.list(inst, 0));
    }

    pub fn safepoint(&mut self, inst: &InstData) {
        if is_mark(inst) {
            let source = P::source(self, self.at);
            return self.check(source);
        }
        let jump = self.look();
        let f = self.f;
        self.stub([jump, 0], Leave::Safepoint(inst.a), f.list(inst, 0));
        self.stub_goes_on();
    }

    /// Jumps to a stub if something is asked of the code; gives where the jump's distance stands.
    pub fn look(&mut self) -> u32 {
        self.pending = Pending::Symbol(RelocKind::Pc32, Target::Request, 0);
        self.asm.alu_imm(Alu::Cmp, false, Amode::RIP, 0);
        self.settle();
        self.asm.jcc_stub(Cc::Ne)
    }

    /// Takes something from a counter and jumps to a stub if it is below 0 then; gives where the jump's distance stands.
    pub fn count(&mut self, counter: u32, step: u32) -> u32 {
        self.pending = Pending::Symbol(RelocKind::Pc32, Target::Counter(counter), 0);
        self.asm.alu_imm(Alu::Sub, false, Amode::RIP, step as i32);
        self.settle();
        self.asm.jcc_stub(Cc::S)
    }

    /// The same for a counter in a register.
    pub fn count_in_register(&mut self, reg: Reg, step: u32) -> u32 {
        self.asm.alu_imm(Alu::Sub, false, reg, step as i32);
        self.asm.jcc_stub(Cc::S)
    }

    /// Fills the register in which rounds are counted.
    pub fn load_rounds(&mut self, Rounds { reg, word }: Rounds) {
        self.pending = Pending::Symbol(RelocKind::Pc32, Target::Counter(word), 0);
        self.asm.op(MOV_R_RM, false, reg, Amode::RIP);
        self.settle();
    }

    /// Writes it back.
    pub fn store_rounds(&mut self, Rounds { reg, word }: Rounds) {
        self.pending = Pending::Symbol(RelocKind::Pc32, Target::Counter(word), 0);
        self.asm.op(MOV_RM_R, false, reg, Amode::RIP);
        self.settle();
    }

    /// Takes 1 from a word of the thread and jumps to a stub if it was 0; gives where the jump's distance stands.
    pub fn count_down(&mut self, word: ThreadWord) -> u32 {
        self.thread_word(5, word);
        self.asm.jcc_stub(Cc::B)
    }

    /// Adds 1 to a word of the thread.
    pub fn count_up(&mut self, word: ThreadWord) {
        self.thread_word(0, word);
    }

    /// add or sub (/0, /5) qword fs:[word], 1
    fn thread_word(&mut self, n: u8, word: ThreadWord) {
        self.asm.raw(&[0x64, 0x48, 0x83, 0x04 | n << 3, 0x25]);
        let at = self.asm.buf.offset();
        self.asm.buf.put(1 << 32, 5);
        self.asm.buf.relocate(at, RelocKind::Thread32, Target::Thread(word), 0);
    }

    /// The address that a `slot_addr` gives, for a recovery record.
    pub fn slot_address(&self, inst: &InstData) -> ValuePlace {
        self.slot_start(Slot(inst.a), inst.b as i32)
    }

    /// The address of a slot of the IR, plus a distance, for a recovery record.
    pub fn slot_start(&self, slot: Slot, plus: i32) -> ValuePlace {
        let (base, disp) = (self.frame.base(), self.frame.slot(slot));
        let align = self.f.slot(slot).align;
        // Smaller alignments are the frame's own.
        let align = if align > 16 { align } else { 1 };
        ValuePlace::Address { base: dwarf(base), disp, align, plus }
    }

    /// Writes the stubs, and the jump that all of them share: a relocation for each would cost more than a second
    /// jump does.
    pub fn write_stubs(&mut self) {
        let shared = self.asm.buf.offset();
        self.asm.raw(&[0xe9, 0, 0, 0, 0]);
        let routine = Target::Routine(Routine::Leave);
        self.asm.buf.relocate(shared + 1, RelocKind::Call32, routine, -4);
        for i in 0..self.stubs.list.len() {
            let stub = self.stubs.list[i];
            let buf = &mut self.asm.buf;
            buf.reserve(0);
            let start = buf.offset();
            for jump in stub.jumps.into_iter().filter(|at| *at != 0) {
                buf.patch32(jump, start - (jump + 4));
            }
            buf.code().spans.push(SpanRow { at: start, inst: stub.inst.inst, site: stub.inst.site });
            // lea r11, [rip + the jump's length]; jmp shared
            let short = shared.wrapping_sub(start + 9) as i32;
            if fits8(short) {
                buf.put(0x02_1d8d4c, 7);
                buf.put(0xeb | (short as u8 as u64) << 8, 2);
            } else {
                buf.put(0x05_1d8d4c, 7);
                buf.put(0xe9 | (short.wrapping_sub(3) as u32 as u64) << 8, 5);
            }
            let end = buf.offset();
            if let Some(back) = stub.back {
                // jmp back
                buf.put(0xe9 | (back.wrapping_sub(end + 5) as u64) << 8, 5);
            }
            let goes_back = buf.offset();
            if stub.takeover {
                // Here the routine goes on if other code takes over: call rax. What that returns is returned.
                self.asm.raw(&[0xff, 0xd0]);
                self.give_back_and_return();
            }
            if let (true, Some(back), Some(rounds)) = (stub.reload, stub.back, self.rounds) {
                let buf = &mut self.asm.buf;
                buf.reserve(0);
                buf.patch32(goes_back - 4, buf.offset() - goes_back);
                self.load_rounds(rounds);
                let buf = &mut self.asm.buf;
                buf.put(0xe9 | (back.wrapping_sub(buf.offset() + 5) as u64) << 8, 5);
            }
            let buf = &mut self.asm.buf;
            let values = self.stubs.list.get(i + 1).map_or(self.stubs.values.len(), |s| s.values as usize);
            let values = &mut self.stubs.values[stub.values as usize..values];
            for value in values.iter_mut() {
                if let ValuePlace::Code(block) = &mut value.place {
                    *block = buf.placed(Block(*block)).expect("all blocks are placed before the stubs");
                }
            }
            let Code { recoveries, inlined, .. } = buf.code();
            recoveries.start(end, stub.leave);
            // The values are those of the innermost function; outer ones are at their calls.
            let mut values = &*values;
            for (func, inst) in inlined_frames(inlined, self.func, stub.inst.inst, stub.inst.site) {
                recoveries.frame(func, inst, std::mem::take(&mut values).iter().copied());
            }
        }
    }
}
