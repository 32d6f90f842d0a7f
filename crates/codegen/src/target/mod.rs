//! The CPU targets, one folder each with the same file names, and what the shared code asks of them.

pub mod x64;

use crate::Features;
use crate::abi::CallLayout;
use crate::buffer::Buffer;
use crate::code::{FrameInfo, ThreadWord};
use crate::emit::leave::Rounds;
use crate::emit::{Emit, Placement, Subject};
use crate::recovery::ValuePlace;
use crate::regs::{Reg, RegSet};
use kiln_ir::LayoutDecl;
use kiln_ir::function::Entry;
use kiln_ir::types::Signature;
use kiln_ir::{Block, InstData, Op, Slot, Type, VReg};

/// The registers that a function may use as it likes.
#[derive(Clone, Copy, Debug)]
pub struct Allocatable {
    /// Those that values without a home are held in. Callees may change all of them.
    pub locals: RegSet,
    /// Those that homes are given from.
    pub homes: HomeRegs,
}

/// The registers that homes may be given from.
#[derive(Clone, Copy, Debug)]
pub struct HomeRegs {
    /// Kept by callees, for ranges with or without calls.
    pub saved: &'static [Reg],
    /// Changed by callees, for integer ranges without calls; tried first.
    pub integer: &'static [Reg],
    /// Changed by callees, for float ranges without calls.
    pub float: &'static [Reg],
}

/// What a function needs of its frame, as far as it is known before it is written.
#[derive(Clone, Copy, Debug)]
pub struct FrameNeeds<'a> {
    /// Registers that the function uses, of which the frame keeps those that are the caller's.
    pub saved: RegSet,
    /// Positions of ops that call something, ascending.
    pub calls: &'a [u32],
    /// Whether some value will need room.
    pub spills: bool,
}

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

    /// The registers that an instruction uses for itself, whatever they hold: a quotient's, a count's.
    fn takes(inst: &InstData, features: Features) -> RegSet;

    /// The registers that a function may use as it likes.
    fn allocatable(of: &Subject) -> Allocatable;
    /// Lays out what is known of the frame before the function is written.
    fn frame(of: &Subject, own: &CallLayout, needs: &FrameNeeds<'_>, layout: FrameLayout) -> Self::Frame;
    /// Makes room for a value in the frame and gives its number.
    fn spill(frame: &mut Self::Frame) -> u32;
    /// The frame's size as `FrameInfo` has it, or none if it does not fit the layout.
    fn final_size(frame: &Self::Frame) -> Option<u32>;

    /// Writes the prologue and brings the parameters where they belong. The frame's size stays open.
    fn prologue<P: Placement>(e: &mut Emit<'_, Self, P>) -> FrameInfo;
    /// Begins a further entry: makes the same frame and brings its parameters where they belong. No register of the pool
    /// holds anything before.
    fn entry<P: Placement>(e: &mut Emit<'_, Self, P>, entry: &Entry) -> FrameInfo;
    /// Writes instructions of so many bytes together that do nothing.
    fn pad<P: Placement>(e: &mut Emit<'_, Self, P>, bytes: usize);
    /// Writes the instruction that a place which is jumped to through a register begins with.
    fn landing_pad<P: Placement>(e: &mut Emit<'_, Self, P>);
    /// Writes a jump.
    fn jump<P: Placement>(e: &mut Emit<'_, Self, P>, to: Block);
    /// Writes a jump to the address that a register holds.
    fn jump_through<P: Placement>(e: &mut Emit<'_, Self, P>, address: Reg);
    /// Writes one instruction of the IR.
    fn select<P: Placement>(e: &mut Emit<'_, Self, P>, inst: &InstData);
    /// Reads a value's room in the frame into a register. Changes no flags.
    fn load_slot<P: Placement>(e: &mut Emit<'_, Self, P>, reg: Reg, ty: Type, slot: u32);
    /// Writes a register to a value's room in the frame. Changes no flags.
    fn store_slot<P: Placement>(e: &mut Emit<'_, Self, P>, slot: u32, ty: Type, reg: Reg);
    /// Makes a rematerializable value in a register.
    fn materialize<P: Placement>(e: &mut Emit<'_, Self, P>, v: VReg, reg: Reg);
    /// Copies a whole register to another of its class. Changes no flags.
    fn move_register<P: Placement>(e: &mut Emit<'_, Self, P>, to: Reg, from: Reg);

    /// The DWARF number of a register.
    fn dwarf(reg: Reg) -> u8;
    /// A value's room in the frame, for a recovery record. What is addressed from the frame's end, and so cannot be said
    /// before its size is known, has [`NO_BASE`](crate::recovery::NO_BASE).
    fn slot_place(frame: &Self::Frame, slot: u32) -> ValuePlace;
    /// The address that a `slot_addr` gives, for a recovery record.
    fn slot_address<P: Placement>(e: &Emit<'_, Self, P>, inst: &InstData) -> ValuePlace;
    /// The address of a slot of the IR, for a recovery record.
    fn slot_start<P: Placement>(e: &Emit<'_, Self, P>, slot: Slot) -> ValuePlace;
    /// Takes something from a counter and jumps to a stub if it is below 0 then; gives where the jump's distance stands.
    /// Changes no register.
    fn count<P: Placement>(e: &mut Emit<'_, Self, P>, counter: u32, step: u32) -> u32;
    /// The same for a counter in a register.
    fn count_in_register<P: Placement>(e: &mut Emit<'_, Self, P>, reg: Reg, step: u32) -> u32;
    /// Fills the register in which rounds are counted.
    fn load_rounds<P: Placement>(e: &mut Emit<'_, Self, P>, rounds: Rounds);
    /// Takes 1 from a word of the thread and jumps to a stub if it was 0; gives where the jump's distance stands. Changes
    /// no register.
    fn count_down<P: Placement>(e: &mut Emit<'_, Self, P>, word: ThreadWord) -> u32;
    /// Jumps to a stub if something is asked of the code; gives where the jump's distance stands. Changes no register.
    fn look<P: Placement>(e: &mut Emit<'_, Self, P>) -> u32;
    /// General and vector register that are no value's: for the steps of one instruction, and of moves between blocks.
    const SCRATCH: [Reg; 2];
    /// The register from whose value at any instruction the frame's end is as far as the frame is large.
    const FRAME_START: Reg;
    /// Writes the stubs that are waiting, and their records.
    fn write_stubs<P: Placement>(e: &mut Emit<'_, Self, P>);
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
