//! Arguments on their way to a call, as every target sees them.

use crate::abi::ArgPlace;
use crate::regs::Reg;
use kiln_ir::VReg;
use kiln_ir::types::AbiType;

/// Where an argument comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A virtual register.
    Value(VReg),
    /// A constant of the instruction itself.
    Constant(i32),
    /// The address of room in the frame.
    Address(Room),
    /// Nothing is left to do.
    Done,
}

/// Room in the frame for bytes other than one value's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Where it is, as the target's frame counts.
    pub at: u32,
    /// Its alignment in bytes; with more than 16 it starts at the first aligned address from there on.
    pub align: u32,
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Where it comes from.
    pub source: Source,
    /// As the signature has it: the type of the register, and the extension of small ones.
    pub abi: AbiType,
    /// Where it goes.
    pub place: ArgPlace,
    /// The register that held it before the call's preparations, or none.
    pub from: Reg,
}
