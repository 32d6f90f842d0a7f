//! x86-64, System V. Requires the x86-64-v2 level (SSE4.1, POPCNT), as every processor since 2009 has.

pub mod abi;
mod encode;
mod frame;
mod insts;
mod regs;
mod select;

use super::{FrameLayout, Target};
use crate::baseline::Emit;
use crate::baseline::scan::{HomeRegs, Scan};
use crate::code::FrameInfo;
use crate::regs::{Reg, RegSet};
use crate::{Features, Options};
use encode::Asm;
use frame::Frame;
use kiln_ir::function::Function;
use kiln_ir::{InstData, Op, Type, VReg};

/// The target.
pub struct X64;

impl Target for X64 {
    type Asm<'c> = Asm<'c>;
    type Frame = Frame;
    type Pending = select::Pending;

    const LOCALS: RegSet = abi::LOCALS;

    fn clobbers(op: Op, features: Features) -> bool {
        abi::clobbers(op, features)
    }

    fn homes(f: &Function, options: &Options) -> HomeRegs {
        if frame::has_pointer(f, options) { abi::HOMES_BESIDE_POINTER } else { abi::HOMES }
    }

    fn frame(f: &Function, options: &Options, scan: &Scan, layout: FrameLayout) -> Frame {
        Frame::of(f, options, scan, layout)
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
}
