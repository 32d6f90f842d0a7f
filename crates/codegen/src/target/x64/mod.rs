//! x86-64, System V. Requires the x86-64-v2 level (SSE4.1, POPCNT), as every processor since 2009 has.

pub mod abi;
mod encode;
mod frame;
mod insts;
mod params;
mod regs;
mod select;

use super::{FrameLayout, Target};
use crate::Features;
use crate::abi::CallLayout;
use crate::baseline::scan::{Allocatable, Scan};
use crate::baseline::{Emit, Subject};
use crate::code::{FrameInfo, ThreadWord};
use crate::recovery::ValuePlace;
use crate::regs::Reg;
use encode::Asm;
use frame::Frame;
use kiln_ir::LayoutDecl;
use kiln_ir::function::Entry;
use kiln_ir::types::Signature;
use kiln_ir::{InstData, Op, Type, VReg};

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

    fn allocatable(of: &Subject) -> Allocatable {
        abi::allocatable(of.sig().convention, frame::has_pointer(of))
    }

    fn frame(of: &Subject, own: &CallLayout, scan: &Scan, layout: FrameLayout) -> Frame {
        Frame::of(of, own, scan, layout)
    }

    fn spill(frame: &mut Frame) -> u32 {
        frame.spill()
    }

    fn final_size(frame: &Frame) -> Option<u32> {
        frame.final_size()
    }

    fn prologue(e: &mut Emit<'_, X64>) -> FrameInfo {
        e.prologue()
    }

    fn entry(e: &mut Emit<'_, X64>, entry: &Entry) -> FrameInfo {
        e.entry(entry)
    }

    fn landing_pad(e: &mut Emit<'_, X64>) {
        e.landing_pad();
    }

    #[inline]
    fn select(e: &mut Emit<'_, X64>, inst: &InstData) {
        e.select(inst);
    }

    fn load_slot(e: &mut Emit<'_, X64>, reg: Reg, ty: Type, slot: u32) {
        e.load_slot(reg, ty, slot);
    }

    fn store_slot(e: &mut Emit<'_, X64>, slot: u32, ty: Type, reg: Reg) {
        e.store_slot(slot, ty, reg);
    }

    fn materialize(e: &mut Emit<'_, X64>, v: VReg, reg: Reg) {
        e.materialize(v, reg);
    }

    fn move_register(e: &mut Emit<'_, X64>, to: Reg, from: Reg) {
        e.asm.mov(true, to, from);
    }

    fn dwarf(reg: Reg) -> u8 {
        regs::dwarf(reg)
    }

    fn slot_place(frame: &Frame, slot: u32) -> ValuePlace {
        frame.place(slot)
    }

    fn slot_address(e: &Emit<'_, X64>, inst: &InstData) -> ValuePlace {
        e.slot_address(inst)
    }

    fn count_down(e: &mut Emit<'_, X64>, word: ThreadWord) -> u32 {
        e.count_down(word)
    }

    fn look(e: &mut Emit<'_, X64>) -> u32 {
        e.look()
    }

    const FRAME_START: Reg = regs::RSP;

    fn write_stubs(e: &mut Emit<'_, X64>) {
        e.write_stubs();
    }
}
