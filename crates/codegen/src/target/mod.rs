//! The CPU targets, one folder each with the same file names, and what the shared code asks of them.

pub mod x64;

use crate::Features;
use crate::abi::CallLayout;
use crate::baseline::Emit;
use crate::baseline::Subject;
use crate::baseline::scan::{Allocatable, Scan};
use crate::buffer::Buffer;
use crate::code::{FrameInfo, ThreadWord};
use crate::recovery::ValuePlace;
use crate::regs::Reg;
use kiln_ir::LayoutDecl;
use kiln_ir::function::Entry;
use kiln_ir::types::Signature;
use kiln_ir::{InstData, Op, Type, VReg};

/// What a frame may look like, from cheap to general.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub enum FrameLayout {
    /// As the target likes it best where hardly any room is needed; may turn out too small.
    Lean,
    /// Made by one subtraction.
    Fixed,
    /// Made page by page, so that the guard page is not stepped over.
    Probed,
}

/// What writes a target's instructions.
pub trait Assembler<'c> {
    /// One that writes to the buffer.
    fn new(buffer: Buffer<'c>) -> Self;
    /// The buffer that it writes to.
    fn buffer(&mut self) -> &mut Buffer<'c>;
    /// The buffer, when everything is written.
    fn into_buffer(self) -> Buffer<'c>;
}

/// What the compilers ask of a target. Everything else about it is its own.
pub trait Target: Sized {
    /// Writes instructions to a buffer.
    type Asm<'c>: Assembler<'c>;
    /// The layout of one function's frame.
    type Frame;
    /// What the target remembers between the steps of one instruction.
    type Pending: Default;

    /// Where arguments and results of a call are. `variable` are the types of variable arguments.
    fn call_layout(
        sig: &Signature,
        layouts: &[LayoutDecl],
        variable: impl Iterator<Item = Type>,
        out: &mut CallLayout,
    );
    /// The name of a register in assembly.
    fn register_name(reg: Reg) -> &'static str;

    /// Whether an op calls something, so that registers which callees may change lose their values.
    fn clobbers(op: Op, features: Features) -> bool;

    /// The registers that a function may use as it likes.
    fn allocatable(of: &Subject) -> Allocatable;
    /// Lays out what is known of the frame before the function is written.
    fn frame(of: &Subject, own: &CallLayout, scan: &Scan, layout: FrameLayout) -> Self::Frame;
    /// Makes room for a value in the frame and gives its number.
    fn spill(frame: &mut Self::Frame) -> u32;
    /// The frame's size as `FrameInfo` has it, or none if it does not fit the layout.
    fn final_size(frame: &Self::Frame) -> Option<u32>;

    /// Writes the prologue and brings the parameters where they belong. The frame's size stays open.
    fn prologue(e: &mut Emit<'_, Self>) -> FrameInfo;
    /// Writes a further entry: the same frame, other parameters, a jump to the block. No register of the pool holds
    /// anything, before and after.
    fn entry(e: &mut Emit<'_, Self>, entry: &Entry) -> FrameInfo;
    /// Writes the instruction that a place which is jumped to through a register begins with.
    fn landing_pad(e: &mut Emit<'_, Self>);
    /// Writes one instruction of the IR.
    fn select(e: &mut Emit<'_, Self>, inst: &InstData);
    /// Reads a value's room in the frame into a register. Changes no flags.
    fn load_slot(e: &mut Emit<'_, Self>, reg: Reg, ty: Type, slot: u32);
    /// Writes a register to a value's room in the frame. Changes no flags.
    fn store_slot(e: &mut Emit<'_, Self>, slot: u32, ty: Type, reg: Reg);
    /// Makes a rematerializable value in a register.
    fn materialize(e: &mut Emit<'_, Self>, v: VReg, reg: Reg);
    /// Copies a whole register to another of its class. Changes no flags.
    fn move_register(e: &mut Emit<'_, Self>, to: Reg, from: Reg);

    /// The DWARF number of a register.
    fn dwarf(reg: Reg) -> u8;
    /// A value's room in the frame, for a recovery record. What is addressed from the frame's end, and so cannot be said
    /// before its size is known, has [`NO_BASE`](crate::recovery::NO_BASE).
    fn slot_place(frame: &Self::Frame, slot: u32) -> ValuePlace;
    /// The address that a `slot_addr` gives, for a recovery record.
    fn slot_address(e: &Emit<'_, Self>, inst: &InstData) -> ValuePlace;
    /// Takes 1 from a word of the thread and jumps to a stub if it was 0; gives where the jump's distance stands. Changes
    /// no register.
    fn count_down(e: &mut Emit<'_, Self>, word: ThreadWord) -> u32;
    /// Jumps to a stub if something is asked of the code; gives where the jump's distance stands. Changes no register.
    fn look(e: &mut Emit<'_, Self>) -> u32;
    /// The register from whose value at any instruction the frame's end is as far as the frame is large.
    const FRAME_START: Reg;
    /// Writes the stubs that are waiting, and their records.
    fn write_stubs(e: &mut Emit<'_, Self>);
}

/// The list of targets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Architecture {
    /// x86-64 with the System V convention, at least of the x86-64-v2 level.
    #[default]
    X64,
}

impl Architecture {
    /// Every target.
    pub const ALL: &[Architecture] = &[Architecture::X64];

    /// The name of a register in assembly.
    pub fn register_name(self, reg: Reg) -> &'static str {
        match self {
            Architecture::X64 => x64::X64::register_name(reg),
        }
    }

    /// The target of the processor that this program was built for, if there is one.
    pub const fn host() -> Option<Architecture> {
        if cfg!(target_arch = "x86_64") { Some(Architecture::X64) } else { None }
    }
}
