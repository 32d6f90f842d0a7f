//! The frame: prologue, epilogue, slots.
//!
//! From the stack pointer up: arguments of calls, the IR's slots, values that found no register, saved registers,
//! return address, arguments of this function. The size is known when the function has been written, so the
//! instructions that need it are patched then. A function that calls nothing and needs at most 128 bytes leaves the
//! stack pointer alone and uses the red zone below it (psABI 3.2.2); one that calls but needs no room only pushes.
//!
//! A function with a frame pointer pushes `rbp` first and addresses all but the arguments of calls from it, so that
//! the stack pointer may move: slots and values then lie below the saved registers, in the order in which room was
//! made for them, and the arguments of calls below all.

use super::encode::{Amode, Asm, Base};
use super::insts::{Alu, Cc, GROUP5, LEA, MOV_R_RM, MOV_RM_R, MOVUPS_X_XM, MOVUPS_XM_X};
use super::regs::*;
use crate::abi::CallLayout;
use crate::code::{Epilogue, FaultCause, FrameInfo, ThreadWord, TrapSite};
use crate::emit::NO_SLOT;
use crate::emit::call::Room;
use crate::emit::{Emit, Placement, Subject};
use crate::recovery::{NO_BASE, ValuePlace};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::abi;
use crate::target::{FrameLayout, FrameNeeds};
use kiln_ir::function::{Entry, Function};
use kiln_ir::trap::TrapKind;
use kiln_ir::types::Convention;
use kiln_ir::{Block, InstData, Op, Slot, VReg};

/// Distance in which one guard page is sure to be hit.
const PAGE: u32 = 4096;
const RED_ZONE: u32 = 128;
/// Six general and eight vector registers, as a `va_list` of System V finds them (psABI 3.5.7).
const VARIABLE_AREA: u32 = 6 * 8 + 8 * 16;
/// Marks a slot among this function's own stack arguments.
pub const INCOMING: u32 = 1 << 31;

/// The layout of one function's frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Bytes used so far, from the stack pointer up (in the red zone and with a frame pointer: down).
    top: u32,
    /// Bytes at the stack pointer for the arguments of calls, a multiple of 16.
    outgoing: u32,
    /// Whether `rbp` points to the caller's, just below the return address.
    pointer: bool,
    /// Where each slot of the IR is.
    slots: Vec<i32>,
    /// Registers pushed, in order.
    saved: [Reg; 8],
    saved_count: usize,
    /// Vector registers that the function keeps for its caller, and where.
    pub vectors: Vec<(Reg, Room)>,
    /// Whether the stack pointer stays where it was.
    red_zone: bool,
    /// Whether there is no room but what pushes make.
    pushes_only: bool,
    /// Whether a lean frame turned out too small.
    overflowed: bool,
    /// Whether the prologue touches every page.
    probe: bool,
    /// What the stack pointer is a multiple of at calls: 16, or more and there is a frame pointer.
    align: u32,
    /// Bytes of its caller's arguments that the function gives back.
    popped: u32,
    /// Where the hidden argument is kept, if there is one.
    pub hidden: u32,
    /// Where the registers are kept that may hold variable arguments.
    pub variable: Option<Room>,
    /// Whether parameters that come on the stack get places of their own, because not every activation of the function
    /// has them where they come.
    pub several_entries: bool,
}

/// The layouts of these calls of a function, but for those that need no stack: the plain ones of few arguments.
fn call_layouts<'f>(
    of: &Subject<'f>,
    calls: impl Iterator<Item = &'f InstData>,
    mut look: impl FnMut(&CallLayout, Convention),
) {
    // As many as there are registers for arguments of either class.
    const FEW: usize = 6;
    let mut layout = CallLayout::default();
    for inst in calls {
        let parts = of.f.call(inst);
        let sig = &of.module.sigs()[parts.sig.index()];
        if parts.args.len() > FEW || !sig.is_plain() {
            let variable = parts.args.iter().skip(sig.params.len()).map(|v| of.f.ty(v));
            abi::call_layout(sig, of.module.layouts(), variable, &mut layout);
            look(&layout, sig.convention);
        }
    }
}

/// The tail calls of a function: they end blocks.
fn tail_calls(f: &Function) -> impl Iterator<Item = &InstData> {
    let blocks = if f.has_tail_calls() { f.blocks().len() } else { 0 };
    let last = (0..blocks as u32).map(|b| &f.insts()[f.block_range(Block(b)).end - 1]);
    last.filter(|inst| matches!(inst.op, Op::TailCall | Op::TailCallPtr))
}

/// Whether a function's frame has a pointer of its own: asked for; or the stack pointer moves, by `alloca`, for
/// arguments of a greater alignment than frames have, or in a tail call that needs more or less stack than its caller
/// got; or the function calls one that may do the last, and so ends its frame elsewhere than where it began, for
/// unwinders.
pub fn has_pointer(of: &Subject) -> bool {
    if of.options.frame_pointers || of.f.has_alloca() {
        return true;
    }
    if of.module.has_plain_sigs() {
        return false;
    }
    let mut wants = false;
    let insts = if of.f.has_calls() { of.f.insts() } else { &[] };
    let calls = insts.iter().filter(|inst| matches!(inst.op, Op::Call | Op::CallPtr));
    call_layouts(of, calls, |layout, convention| {
        wants |= convention == Convention::Kiln || layout.align > 16;
    });
    if of.sig().convention == Convention::Kiln && !wants && of.f.has_tail_calls() {
        let mut own = CallLayout::default();
        abi::call_layout(of.sig(), of.module.layouts(), std::iter::empty(), &mut own);
        // A layout that is not looked at is of another convention, which the verifier refuses.
        call_layouts(of, tail_calls(of.f), |layout, _| wants |= layout.stack != own.stack);
    }
    wants
}

impl Frame {
    /// Lays out what is known before the function is written.
    pub fn of(of: &Subject, own: &CallLayout, needs: &FrameNeeds<'_>, layout: FrameLayout) -> Frame {
        let f = of.f;
        let win64 = of.sig().convention == Convention::Win64;
        let mut frame = Frame {
            top: 0,
            outgoing: 0,
            pointer: has_pointer(of),
            slots: Vec::new(),
            saved: [Reg::NONE; 8],
            saved_count: 0,
            vectors: Vec::new(),
            red_zone: false,
            pushes_only: false,
            overflowed: false,
            probe: false,
            align: 16,
            popped: own.popped(),
            hidden: NO_SLOT,
            variable: None,
            several_entries: !f.entries().is_empty(),
        };
        // In ascending order of DWARF numbers, as the unwind rows say. What Win64 keeps and System V does not is
        // lost in a call.
        let keeps_all = win64 && !needs.calls.is_empty();
        for reg in [RBX, RSI, RDI, RBP, R12, R13, R14, R15] {
            if needs.saved.has(reg) || keeps_all && matches!(reg, RSI | RDI) {
                frame.saved[frame.saved_count] = reg;
                frame.saved_count += 1;
            }
        }
        let slot_bytes: u64 = f.slots().iter().map(|s| room(s.size, s.align)).sum();
        // Without a frame pointer nothing in the red zone is known to be at a multiple of 16.
        frame.red_zone = layout == FrameLayout::Lean
            && needs.calls.is_empty()
            && !f.has_alloca()
            && !of.can_be_taken_over()
            && !win64
            && slot_bytes + frame.gap() as u64 <= RED_ZONE as u64
            && (frame.pointer || f.slots().iter().all(|s| s.align <= 8));
        let Frame { outgoing, align, .. } = &mut frame;
        let mut arguments = |layout: &CallLayout, _| {
            *outgoing = layout.stack.next_multiple_of(16).max(*outgoing);
            *align = layout.align.max(*align);
        };
        let calls = needs.calls.iter().map(|at| &f.insts()[*at as usize]);
        call_layouts(of, calls.filter(|inst| matches!(inst.op, Op::Call | Op::CallPtr)), &mut arguments);
        call_layouts(of, tail_calls(f), &mut arguments);
        frame.red_zone &= frame.outgoing == 0;
        if !frame.pointer {
            frame.top = frame.outgoing;
        }
        for slot in f.slots() {
            let room = room(slot.size, slot.align) as u32;
            if frame.grows_down() {
                frame.top += room;
                frame.slots.push(frame.below(frame.top));
            } else {
                frame.slots.push(frame.top as i32);
                frame.top += room;
            }
        }
        if win64 {
            let first = if keeps_all { 6 } else { FSCRATCH.number() as u8 };
            for reg in (first..16).map(xmm) {
                let room = frame.reserve(16, 16);
                frame.vectors.push((reg, room));
            }
        }
        if of.sig().variadic {
            frame.variable = (!win64).then(|| frame.reserve(VARIABLE_AREA, 16));
        }
        if own.hidden().is_some() {
            frame.hidden = frame.spill();
        }
        let room = frame.room();
        frame.pushes_only = layout == FrameLayout::Lean && !frame.red_zone && room == 0 && !needs.spills;
        frame.probe = layout == FrameLayout::Probed || room >= PAGE / 2;
        frame
    }

    /// Whether room is made from the saved registers down, not from the stack pointer up.
    fn grows_down(&self) -> bool {
        self.pointer || self.red_zone
    }

    /// Where what lies this far below the saved registers is, from [`Self::base`]. The frame grows down.
    fn below(&self, distance: u32) -> i32 {
        -((self.pushed_below().next_multiple_of(16) + distance) as i32)
    }

    /// Bytes of registers pushed between [`Self::base`] and what is addressed from it.
    fn pushed_below(&self) -> u32 {
        if self.pointer { 8 * self.saved_count as u32 } else { 0 }
    }

    /// Bytes between what is pushed and what lies below, so that the latter starts at a multiple of 16.
    fn gap(&self) -> u32 {
        self.pushed_below().next_multiple_of(16) - self.pushed_below()
    }

    /// The register that slots and values are addressed from.
    pub fn base(&self) -> Reg {
        if self.pointer { RBP } else { RSP }
    }

    /// Bytes used so far, the arguments of calls included.
    fn room(&self) -> u32 {
        if self.pointer {
            self.top + self.gap() + self.outgoing + if self.align > 16 { self.align } else { 0 }
        } else {
            self.top
        }
    }

    /// Makes room for a value.
    pub fn spill(&mut self) -> u32 {
        self.top += 8;
        self.overflowed |= self.pushes_only;
        self.overflowed |= self.red_zone && self.top + self.gap() > RED_ZONE;
        if self.grows_down() { self.top } else { self.top - 8 }
    }

    /// Makes room for bytes.
    pub fn reserve(&mut self, size: u32, align: u32) -> Room {
        let aligned = align.clamp(8, 16);
        let bytes = size + if align > 16 { align } else { 0 };
        self.overflowed |= self.pushes_only || self.red_zone && !self.pointer && align > 8;
        let at = if self.grows_down() {
            self.top = (self.top + bytes).next_multiple_of(aligned);
            self.top
        } else {
            let at = self.top.next_multiple_of(aligned);
            self.top = at + bytes.next_multiple_of(8);
            at
        };
        self.overflowed |= self.red_zone && self.top + self.gap() > RED_ZONE;
        Room { at, align }
    }

    /// How to address a value's room.
    pub fn amode(&self, slot: u32) -> Amode {
        if slot & INCOMING != 0 && self.pointer {
            Amode::base(RBP, ((slot & !INCOMING) + 16) as i32)
        } else if slot & INCOMING != 0 {
            let disp = (slot & !INCOMING) + 8 + 8 * self.saved_count as u32;
            Amode { base: Base::Frame, index: Reg::NONE, shift: 0, disp: disp as i32 }
        } else if self.grows_down() {
            Amode::base(self.base(), self.below(slot))
        } else {
            Amode::stack(slot as i32)
        }
    }

    /// The argument bytes that the function got, from this place on.
    pub fn incoming(&self, at: u32) -> Amode {
        self.amode(INCOMING | at)
    }

    /// A value's room, for a recovery record.
    pub fn place(&self, slot: u32) -> ValuePlace {
        let mem = self.amode(slot);
        let base = if let Base::Reg(reg) = mem.base { dwarf(reg) } else { NO_BASE };
        ValuePlace::Memory(base, mem.disp)
    }

    /// Where a slot of the IR starts, from [`Self::base`]. With an alignment above 16, the first aligned address
    /// from there on.
    pub fn slot(&self, slot: Slot) -> i32 {
        self.slots[slot.index()]
    }

    /// The frame's size without pushes: keeps the stack pointer a multiple of 16 at calls. None if the layout
    /// turned out too small for it.
    pub fn final_size(&self) -> Option<u32> {
        if self.overflowed {
            return None;
        }
        if self.red_zone {
            return Some(0);
        }
        let pushed = 8 + 8 * self.saved_count as u32 + if self.pointer { 8 } else { 0 };
        let size = (self.room() + pushed).next_multiple_of(16) - pushed;
        (self.probe || size < PAGE).then_some(size)
    }
}

/// Bytes that a slot takes.
fn room(size: u32, align: u32) -> u64 {
    let slack = if align > 16 { align as u64 } else { 0 };
    (size as u64 + slack).next_multiple_of(16).max(16)
}

impl<P: Placement> Emit<'_, X64, P> {
    /// Writes the prologue and brings the parameters where they belong.
    pub fn prologue(&mut self) -> FrameInfo {
        let info = self.make_frame();
        self.parameters();
        info
    }

    /// Begins a further entry.
    pub fn entry(&mut self, entry: &Entry) -> FrameInfo {
        let info = self.make_frame();
        self.entry_parameters(entry);
        info
    }

    /// ENDBR64, which is a no-operation where nobody asks for it.
    pub fn landing_pad(&mut self) {
        self.asm.raw(&[0xf3, 0x0f, 0x1e, 0xfa]);
    }

    /// Writes the instructions that make the frame.
    fn make_frame(&mut self) -> FrameInfo {
        let mut info = FrameInfo::default();
        let start = self.asm.buf.offset();
        let mut steps = info.steps.iter_mut();
        let mut step = |asm: &Asm<'_>| {
            if let Some(step) = steps.next() {
                *step = (asm.buf.offset() - start) as u8;
            }
        };
        if self.options.landing_pads {
            self.landing_pad();
        }
        info.frame_pointer = self.frame.pointer;
        if self.frame.pointer {
            self.asm.push(RBP);
            step(&self.asm);
            self.asm.mov(true, RBP, RSP);
            step(&self.asm);
        }
        for reg in &self.frame.saved[..self.frame.saved_count] {
            self.asm.push(*reg);
            info.saved |= 1 << dwarf(*reg);
            step(&self.asm);
        }
        if !self.frame.red_zone {
            if self.frame.pushes_only {
                if self.frame.final_size() == Some(8) {
                    self.asm.push(RAX);
                }
            } else if self.frame.probe {
                info.probed = self.probe_pages(start);
            } else {
                // sub rsp, imm32
                self.asm.raw(&[0x48, 0x81, 0xec]);
                let at = self.asm.buf.offset();
                self.asm.buf.frame_field(at, 1);
                self.asm.buf.put(0, 4);
            }
            step(&self.asm);
        }
        if self.frame.align > 16 {
            self.asm.alu_imm(Alu::And, true, RSP, -(self.frame.align as i32));
        }
        self.keep_vectors();
        info
    }

    /// Moves the stack pointer down page by page and touches each, so that the guard page is not stepped over. Gives
    /// the offset from `start` from which on the scratch register says where it will end.
    fn probe_pages(&mut self, start: u32) -> u8 {
        // lea r11, [rsp - size]
        self.asm.raw(&[0x4c, 0x8d, 0x9c, 0x24]);
        let at = self.asm.buf.offset();
        self.asm.buf.frame_field(at, -1);
        self.asm.buf.put(0, 4);
        let top = self.asm.buf.offset();
        self.asm.alu_imm(Alu::Sub, true, RSP, PAGE as i32);
        self.touch();
        self.asm.alu(Alu::Cmp, true, RSP, SCRATCH);
        let back = top.wrapping_sub(self.asm.buf.offset() + 2);
        self.asm.buf.put(0x70 | Cc::A as u64 | (back as u8 as u64) << 8, 2);
        self.asm.op(MOV_RM_R, true, SCRATCH, RSP);
        (top - start) as u8
    }

    /// Takes storage from the stack. It lies above the arguments of calls, whose room is rounded up so that one rounding
    /// down aligns both.
    pub fn alloca(&mut self, inst: &InstData) {
        let align = inst.b.max(self.frame.align);
        let below = self.frame.outgoing.next_multiple_of(align);
        let slack = below - self.frame.outgoing;
        let size = self.read(VReg(inst.a));
        if slack == 0 {
            self.asm.mov(true, SCRATCH, RSP);
        } else {
            self.asm.op(LEA, true, SCRATCH, Amode::stack(-(slack as i32)));
        }
        self.asm.alu(Alu::Sub, true, SCRATCH, size);
        let fits = self.asm.skip_if(Cc::Ae);
        self.trap(TrapKind::StackOverflow);
        self.asm.land(fits);
        self.asm.alu_imm(Alu::And, true, SCRATCH, -(align as i32));
        // Page by page, so that the guard page is not stepped over.
        let top = self.asm.buf.offset();
        self.asm.alu_imm(Alu::Sub, true, RSP, PAGE as i32);
        self.asm.alu(Alu::Cmp, true, RSP, SCRATCH);
        let last = self.asm.skip_if(Cc::Be);
        self.touch();
        let again = self.asm.skip();
        self.asm.buf.patch8(again - 1, top.wrapping_sub(again) as u8);
        self.asm.land(last);
        self.asm.mov(true, RSP, SCRATCH);
        self.touch();
        let dst = self.write(VReg(inst.dst), Reg::NONE);
        self.asm.op(LEA, true, dst, Amode::stack(below as i32));
    }

    /// Faults if the word at the stack pointer cannot be written, and changes nothing.
    fn touch(&mut self) {
        let at = self.asm.buf.offset();
        self.asm.buf.code().traps.push(TrapSite { at, cause: FaultCause::StackProbe });
        self.asm.alu_imm(Alu::Or, false, Amode::stack(0), 0);
    }

    /// Stores the vector registers that the caller wants back.
    fn keep_vectors(&mut self) {
        for i in 0..self.frame.vectors.len() {
            let (reg, room) = self.frame.vectors[i];
            let mem = self.frame.amode(room.at);
            self.asm.op(MOVUPS_XM_X, false, reg, mem);
        }
    }

    /// Writes the epilogue and the return.
    pub fn epilogue(&mut self) {
        if self.options.depth {
            self.count_up(ThreadWord::Depth);
        }
        if let Some(rounds) = self.rounds {
            self.store_rounds(rounds);
        }
        self.give_back_and_return();
    }

    /// Gives back the frame and returns.
    pub fn give_back_and_return(&mut self) {
        let at = self.unframe(false);
        match u16::try_from(self.frame.popped) {
            Ok(0) => self.asm.raw(&[0xc3]),
            Ok(popped) => {
                // ret imm16
                self.asm.raw(&[0xc2]);
                self.asm.buf.put(popped as u64, 2);
            }
            Err(_) => {
                self.asm.pop(SCRATCH);
                self.asm.alu_imm(Alu::Add, true, RSP, self.frame.popped as i32);
                // NOTRACK: return addresses have no landing pads.
                self.asm.raw(&[0x3e]);
                self.asm.group(GROUP5, false, 4, SCRATCH);
            }
        }
        self.left(at, 0);
    }

    /// Gives back the frame, down to the return address. Changes no register that holds an argument or a result; with
    /// `tail`, also not the scratch register. Gives the place from which on saved registers are popped.
    pub fn unframe(&mut self, tail: bool) -> u32 {
        for i in 0..self.frame.vectors.len() {
            let (reg, room) = self.frame.vectors[i];
            let mem = self.frame.amode(room.at);
            self.asm.op(MOVUPS_X_XM, false, reg, mem);
        }
        if self.frame.pointer {
            // Wherever the stack pointer is by now.
            if !self.frame.red_zone {
                let saved = -(self.frame.pushed_below() as i32);
                self.asm.op(LEA, true, RSP, Amode::base(RBP, saved));
            }
        } else if self.frame.pushes_only {
            if self.frame.final_size() == Some(8) {
                if tail {
                    self.asm.op(LEA, true, RSP, Amode::stack(8));
                } else {
                    self.asm.pop(SCRATCH);
                }
            }
        } else if !self.frame.red_zone {
            // add rsp, imm32
            self.asm.raw(&[0x48, 0x81, 0xc4]);
            let at = self.asm.buf.offset();
            self.asm.buf.frame_field(at, 1);
            self.asm.buf.put(0, 4);
        }
        let at = self.asm.buf.offset();
        for i in (0..self.frame.saved_count).rev() {
            let reg = self.frame.saved[i];
            self.asm.pop(reg);
        }
        if self.frame.pointer {
            self.asm.pop(RBP);
        }
        at
    }

    /// Behind the instruction that leaves the function: lists the epilogue, for unwinders, with the place that
    /// [`Self::unframe`] gave, and for some tail calls where the return address moved, else 0.
    pub fn left(&mut self, at: u32, moved: u32) {
        if self.frame.saved_count > 0 || self.frame.pointer || !self.frame.red_zone {
            let end = self.asm.buf.offset();
            self.asm.buf.code().epilogues.push(Epilogue { at, end, moved });
        }
    }

    /// Gives the saved registers their values back, but for the frame pointer, and leaves the frame as it is.
    pub fn restore_saved(&mut self) {
        for i in 0..self.frame.saved_count {
            let mem = Amode::base(RBP, -8 * (i as i32 + 1));
            self.asm.op(MOV_R_RM, true, self.frame.saved[i], mem);
        }
    }

    /// The address of room in the frame, in a register. Changes flags.
    pub fn room_address(&mut self, room: Room, reg: Reg) {
        let mem = self.frame.amode(room.at);
        self.asm.op(LEA, true, reg, mem);
        if room.align > 16 {
            // The slack was laid out.
            self.asm.alu_imm(Alu::Add, true, reg, room.align as i32 - 1);
            self.asm.alu_imm(Alu::And, true, reg, -(room.align as i32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many values fit the red zone of a function that pushes so many registers below its frame pointer.
    fn values_in_red_zone(saved_count: usize) -> usize {
        let mut frame = Frame {
            top: 0,
            outgoing: 0,
            pointer: true,
            slots: Vec::new(),
            saved: [RBX; 8],
            saved_count,
            vectors: Vec::new(),
            red_zone: true,
            pushes_only: false,
            overflowed: false,
            probe: false,
            align: 16,
            popped: 0,
            hidden: NO_SLOT,
            variable: None,
            several_entries: false,
        };
        let mut count = 0;
        loop {
            let slot = frame.spill();
            if frame.final_size().is_none() {
                return count;
            }
            let lowest = frame.below(slot) + 8 * saved_count as i32;
            assert!(lowest >= -(RED_ZONE as i32), "{lowest} bytes from the stack pointer");
            count += 1;
        }
    }

    #[test]
    fn the_red_zone_begins_at_the_stack_pointer_and_not_at_a_multiple_of_16() {
        assert_eq!([0, 1, 2, 3].map(values_in_red_zone), [16, 15, 16, 15]);
    }
}
