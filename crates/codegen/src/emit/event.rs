//! What emission does to registers and the frame, as a checker wants to know it ([`crate::allocate::check`]).

use crate::regs::{Reg, RegSet};
use kiln_ir::{Block, Inst, Type, VReg};

/// Where something is: in a register, or at a place in the frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// A register.
    Reg(Reg),
    /// A place in the frame, as the target's frame counts.
    Slot(u32),
}

/// A step of the code that is written. Steps stand in the order of the code, but for what an instruction does between its
/// reads and its results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The code of an instruction begins.
    Inst(Inst),
    /// The code of the instruction ends, and so does that of as many behind it, which were written with it.
    Done(u32),
    /// Control comes in from outside, and nothing is known.
    Start,
    /// Control comes here by all ways to this label, and by no other.
    Label(Block),
    /// By the edge with this number (in the order of [`crate::optimize::Body::edges`]), control may go to a label.
    Leave(u32, Block),
    /// Control goes to a label: all of it, and by no edge.
    Go(Block),
    /// A value is written to a place, and is nowhere else.
    Given(VReg, At),
    /// A value is read from a place.
    Read(VReg, At),
    /// Registers get contents that nobody knows.
    Clobber(RegSet),
    /// The first register becomes what the second is.
    Move(Reg, Reg),
    /// Two registers exchange their contents.
    Exchange(Reg, Reg),
    /// A place in the frame becomes what as many bytes of a register are as the type has.
    Store(u32, Type, Reg),
    /// The reverse.
    Load(Reg, Type, u32),
    /// A register gets a value that is a constant or an address.
    Make(Reg, VReg),
}
