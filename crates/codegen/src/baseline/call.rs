//! Arguments on their way to a call, as every target sees them.

use crate::regs::Reg;
use kiln_ir::types::AbiType;
use kiln_ir::{Type, VReg};

/// Where a convention wants an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a register.
    Reg(Reg),
    /// On the stack, this many bytes above the stack pointer at the call.
    Stack(u32),
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// The value; none for a constant of the instruction itself.
    pub v: VReg,
    /// That constant.
    pub imm: i32,
    /// The type of the register or constant.
    pub ty: Type,
    /// As the signature has it, for the extension of small ones.
    pub abi: AbiType,
    /// Where it goes.
    pub place: Place,
    /// The register that held it before the call's preparations, or none.
    pub from: Reg,
}
