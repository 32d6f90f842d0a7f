//! x86-64, System V. Requires the x86-64-v2 level (SSE4.1, POPCNT), as every processor since 2009 has.

pub mod abi;
mod encode;
mod frame;
pub mod fuse;
mod insts;
mod params;
mod regs;
mod select;

use super::{Allocatable, FrameLayout, FrameNeeds, Target};
use crate::Features;
use crate::abi::CallLayout;
use crate::code::{FrameInfo, ThreadWord};
use crate::emit::leave::Rounds;
use crate::emit::{Emit, Placement, Subject};
use crate::recovery::ValuePlace;
use crate::regs::{Reg, RegSet};
use encode::Asm;
use frame::Frame;
use kiln_ir::LayoutDecl;
use kiln_ir::function::Entry;
use kiln_ir::types::Signature;
use kiln_ir::{Block, InstData, Op, Slot, Type, VReg};

/// The target.
pub struct X64;

impl Target for X64 {
    type Asm<'c> = Asm<'c>;
    type Frame = Frame;
    type Pending = select::Pending;

    #[inline]
    fn call_layout(
        sig: &Signature,
        layouts: &[LayoutDecl],
        variable: impl Iterator<Item = Type>,
        out: &mut CallLayout,
    ) {
        abi::call_layout(sig, layouts, variable, out);
    }

    fn register_name(reg: Reg) -> &'static str {
        regs::name(reg)
    }

    fn clobbers(op: Op, features: Features) -> bool {
        abi::clobbers(op, features)
    }

    #[inline]
    fn takes(inst: &InstData, features: Features) -> RegSet {
        regs::takes(inst, features)
    }

    fn allocatable(of: &Subject) -> Allocatable {
        abi::allocatable(of.sig().convention, frame::has_pointer(of))
    }

    fn frame(of: &Subject, own: &CallLayout, needs: &FrameNeeds<'_>, layout: FrameLayout) -> Frame {
        Frame::of(of, own, needs, layout)
    }

    fn spill(frame: &mut Frame) -> u32 {
        frame.spill()
    }

    fn final_size(frame: &Frame) -> Option<u32> {
        frame.final_size()
    }

    fn prologue<P: Placement>(e: &mut Emit<'_, X64, P>) -> FrameInfo {
        e.prologue()
    }

    fn entry<P: Placement>(e: &mut Emit<'_, X64, P>, entry: &Entry) -> FrameInfo {
        e.entry(entry)
    }

    fn pad<P: Placement>(e: &mut Emit<'_, X64, P>, bytes: usize) {
        e.asm.pad(bytes);
    }

    fn landing_pad<P: Placement>(e: &mut Emit<'_, X64, P>) {
        e.landing_pad();
    }

    fn jump<P: Placement>(e: &mut Emit<'_, X64, P>, to: Block) {
        e.asm.jmp(to);
    }

    fn jump_through<P: Placement>(e: &mut Emit<'_, X64, P>, address: Reg) {
        e.asm.group(insts::GROUP5, false, 4, address);
    }

    #[inline]
    fn select<P: Placement>(e: &mut Emit<'_, X64, P>, inst: &InstData) {
        e.select(inst);
    }

    fn load_slot<P: Placement>(e: &mut Emit<'_, X64, P>, reg: Reg, ty: Type, slot: u32) {
        e.load_slot(reg, ty, slot);
    }

    fn store_slot<P: Placement>(e: &mut Emit<'_, X64, P>, slot: u32, ty: Type, reg: Reg) {
        e.store_slot(slot, ty, reg);
    }

    fn materialize<P: Placement>(e: &mut Emit<'_, X64, P>, v: VReg, reg: Reg) {
        e.materialize(v, reg);
    }

    fn move_register<P: Placement>(e: &mut Emit<'_, X64, P>, to: Reg, from: Reg) {
        e.move_whole(to, from);
    }

    fn dwarf(reg: Reg) -> u8 {
        regs::dwarf(reg)
    }

    fn slot_place(frame: &Frame, slot: u32) -> ValuePlace {
        frame.place(slot)
    }

    fn slot_address<P: Placement>(e: &Emit<'_, X64, P>, inst: &InstData) -> ValuePlace {
        e.slot_address(inst)
    }

    fn slot_start<P: Placement>(e: &Emit<'_, X64, P>, slot: Slot) -> ValuePlace {
        e.slot_start(slot, 0)
    }

    fn count<P: Placement>(e: &mut Emit<'_, X64, P>, counter: u32, step: u32) -> u32 {
        e.count(counter, step)
    }

    fn count_in_register<P: Placement>(e: &mut Emit<'_, X64, P>, reg: Reg, step: u32) -> u32 {
        e.count_in_register(reg, step)
    }

    fn load_rounds<P: Placement>(e: &mut Emit<'_, X64, P>, rounds: Rounds) {
        e.load_rounds(rounds);
    }

    fn count_down<P: Placement>(e: &mut Emit<'_, X64, P>, word: ThreadWord) -> u32 {
        e.count_down(word)
    }

    fn look<P: Placement>(e: &mut Emit<'_, X64, P>) -> u32 {
        e.look()
    }

    const SCRATCH: [Reg; 2] = [regs::SCRATCH, regs::FSCRATCH];
    const FRAME_START: Reg = regs::RSP;

    fn write_stubs<P: Placement>(e: &mut Emit<'_, X64, P>) {
        e.write_stubs();
    }
}
