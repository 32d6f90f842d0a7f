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
use super::insts::{Alu, Cc, LEA, MOV_RM_R};
use super::regs::*;
use crate::Options;
use crate::baseline::Emit;
use crate::baseline::call::Place;
use crate::baseline::scan::{NO_SLOT, Scan, Val};
use crate::code::{FaultCause, FrameInfo, TrapSite};
use crate::regs::{Reg, RegSet};
use crate::target::FrameLayout;
use crate::target::x64::X64;
use crate::target::x64::abi::Places;
use kiln_ir::function::Function;
use kiln_ir::types::AbiType;
use kiln_ir::{Op, Slot, Type, VReg};

/// Distance in which one guard page is sure to be hit.
const PAGE: u32 = 4096;
const RED_ZONE: u32 = 128;
/// Marks a slot among this function's own stack arguments.
const INCOMING: u32 = 1 << 31;

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
    saved: [Reg; 6],
    saved_count: usize,
    /// Whether the stack pointer stays where it was.
    red_zone: bool,
    /// Whether there is no room but what pushes make.
    pushes_only: bool,
    /// Whether a lean frame turned out too small.
    overflowed: bool,
    /// Whether the prologue touches every page.
    probe: bool,
}

/// Whether a function's frame has a pointer of its own.
pub fn has_pointer(f: &Function, options: &Options) -> bool {
    options.frame_pointers || f.has_alloca()
}

impl Frame {
    /// Lays out what is known before the function is written.
    pub fn of(f: &Function, options: &Options, scan: &Scan, layout: FrameLayout) -> Frame {
        let mut frame = Frame {
            top: 0,
            outgoing: 0,
            pointer: has_pointer(f, options),
            slots: Vec::new(),
            saved: [Reg::NONE; 6],
            saved_count: 0,
            red_zone: false,
            pushes_only: false,
            overflowed: false,
            probe: false,
        };
        // In ascending order of DWARF numbers, as the unwind rows say.
        for reg in [RBX, RBP, R12, R13, R14, R15] {
            if scan.homes.has(reg) {
                frame.saved[frame.saved_count] = reg;
                frame.saved_count += 1;
            }
        }
        let slot_bytes: u64 = f.slots().iter().map(|s| room(s.size, s.align)).sum();
        frame.red_zone = layout == FrameLayout::Lean
            && scan.calls.is_empty()
            && !f.has_alloca()
            && slot_bytes <= RED_ZONE as u64;
        if !frame.red_zone {
            for &at in &scan.calls {
                let inst = &f.insts()[at as usize];
                if matches!(inst.op, Op::Call | Op::CallPtr) {
                    let mut places = Places::default();
                    for arg in f.call(inst).args.iter() {
                        places.next(f.ty(arg));
                    }
                    frame.outgoing = frame.outgoing.max(places.stack());
                }
            }
            frame.outgoing = frame.outgoing.next_multiple_of(16);
        }
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
        let room = frame.room();
        frame.pushes_only = layout == FrameLayout::Lean && !frame.red_zone && room == 0 && !scan.homeless;
        frame.probe = layout == FrameLayout::Probed || room >= PAGE / 2;
        frame
    }

    /// Whether room is made from the saved registers down, not from the stack pointer up.
    fn grows_down(&self) -> bool {
        self.pointer || self.red_zone
    }

    /// Where what lies this far below the saved registers is, from [`Self::base`]. The frame grows down.
    fn below(&self, distance: u32) -> i32 {
        let pushed = if self.pointer { 8 * self.saved_count as u32 } else { 0 };
        -((pushed + distance) as i32)
    }

    /// The register that slots and values are addressed from.
    pub fn base(&self) -> Reg {
        if self.pointer { RBP } else { RSP }
    }

    /// Bytes used so far, the arguments of calls included.
    fn room(&self) -> u32 {
        if self.pointer { self.top + self.outgoing } else { self.top }
    }

    /// Makes room for a value.
    pub fn spill(&mut self) -> u32 {
        self.top += 8;
        self.overflowed |= self.pushes_only;
        self.overflowed |= self.red_zone && self.top > RED_ZONE;
        if self.grows_down() { self.top } else { self.top - 8 }
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

impl Emit<'_, X64> {
    /// Writes the prologue and brings the parameters where they belong.
    pub fn prologue(&mut self) -> FrameInfo {
        let mut info = FrameInfo::default();
        let start = self.asm.buf.offset();
        let mut steps = info.steps.iter_mut();
        let mut step = |asm: &Asm<'_>| {
            if let Some(step) = steps.next() {
                *step = (asm.buf.offset() - start) as u8;
            }
        };
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
                self.probe_pages();
            } else {
                // sub rsp, imm32
                self.asm.raw(&[0x48, 0x81, 0xec]);
                let at = self.asm.buf.offset();
                self.asm.buf.frame_field(at, 1);
                self.asm.buf.put(0, 4);
            }
            step(&self.asm);
        }
        self.parameters();
        info
    }

    /// Moves the stack pointer down page by page and touches each, so that the guard page is not stepped over.
    fn probe_pages(&mut self) {
        // lea r11, [rsp - size]
        self.asm.raw(&[0x4c, 0x8d, 0x9c, 0x24]);
        let at = self.asm.buf.offset();
        self.asm.buf.frame_field(at, -1);
        self.asm.buf.put(0, 4);
        let top = self.asm.buf.offset();
        self.asm.alu_imm(Alu::Sub, true, RSP, PAGE as i32);
        let at = self.asm.buf.offset();
        self.asm.buf.code().traps.push(TrapSite { at, cause: FaultCause::StackProbe });
        self.asm.alu_imm(Alu::Or, false, Amode::stack(0), 0);
        self.asm.alu(Alu::Cmp, true, RSP, SCRATCH);
        let back = top.wrapping_sub(self.asm.buf.offset() + 2);
        self.asm.buf.put(0x70 | Cc::A as u64 | (back as u8 as u64) << 8, 2);
        self.asm.op(MOV_RM_R, true, SCRATCH, RSP);
    }

    /// Parameters from where the convention puts them to their homes, registers or slots.
    fn parameters(&mut self) {
        let sig = self.module.signature_of(self.func);
        let mut places = Places::default();
        let mut moves = crate::baseline::moves::ParallelMoves::default();
        let mut from_stack = Vec::new();
        for (n, param) in sig.params.iter().enumerate() {
            let v = VReg(n as u32);
            let val = self.vals[n];
            let place = places.next(param.register());
            let unused = val.uses == 0 && val.flags & Val::GLOBAL == 0;
            if unused {
                continue;
            }
            match place {
                Place::Reg(reg) => {
                    self.extend(*param, reg);
                    if val.home != Reg::NONE {
                        moves.add(val.home, reg);
                    } else if self.pool.has(reg) {
                        self.free = self.free.without(reg.set());
                        self.holds[reg.0 as usize] = v.0;
                        self.vals[n].reg = reg;
                        if val.flags & Val::GLOBAL != 0 {
                            self.dirty = self.dirty.with(reg.set());
                        }
                    } else {
                        let slot = self.slot_of(v);
                        self.store_slot(slot, val.ty, reg);
                        self.vals[n].flags |= Val::IN_SLOT;
                    }
                }
                Place::Stack(at) => {
                    self.vals[n].slot = INCOMING | at;
                    self.vals[n].flags |= Val::IN_SLOT;
                    if val.home != Reg::NONE || *param != AbiType::Value(param.register()) {
                        from_stack.push((v, *param));
                    }
                }
            }
        }
        self.resolve(moves);
        for (v, param) in from_stack {
            let val = self.vals[v.index()];
            self.asm.buf.reserve(0);
            self.pinned = RegSet::EMPTY;
            if val.home != Reg::NONE {
                self.load_slot(val.home, val.ty, val.slot);
                self.extend(param, val.home);
                self.vals[v.index()].slot = NO_SLOT;
            } else {
                // A narrow one: what the caller left above its bits is not trusted.
                self.load_slot(SCRATCH, Type::I32, val.slot);
                self.extend(param, SCRATCH);
                self.store_slot(val.slot, Type::I64, SCRATCH);
            }
        }
    }

    /// Writes the epilogue and the return.
    pub fn epilogue(&mut self) {
        if self.frame.pointer {
            // Wherever the stack pointer is by now.
            if !self.frame.red_zone {
                let saved = self.frame.below(0);
                self.asm.op(LEA, true, RSP, Amode::base(RBP, saved));
            }
        } else if self.frame.pushes_only {
            if self.frame.final_size() == Some(8) {
                self.asm.pop(RCX);
            }
        } else if !self.frame.red_zone {
            // add rsp, imm32
            self.asm.raw(&[0x48, 0x81, 0xc4]);
            let at = self.asm.buf.offset();
            self.asm.buf.frame_field(at, 1);
            self.asm.buf.put(0, 4);
        }
        for i in (0..self.frame.saved_count).rev() {
            let reg = self.frame.saved[i];
            self.asm.pop(reg);
        }
        if self.frame.pointer {
            self.asm.pop(RBP);
        }
        self.asm.raw(&[0xc3]);
    }
}
