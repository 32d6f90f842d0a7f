//! Where one value is, while code is written.

use crate::regs::Reg;
use kiln_ir::Type;

/// Where one virtual register is, while code is written.
#[derive(Clone, Copy, Debug)]
pub struct Val {
    /// The register it has on its whole range, or none.
    pub home: Reg,
    /// The register that holds it now, if it has no home, or none.
    pub reg: Reg,
    /// Flags, see the constants.
    pub flags: u8,
    /// Its type.
    pub ty: Type,
    /// In the optimizing compiler, with [`Val::IN_SLOT`], since when: the depth of the outermost loop around here in all
    /// of which the frame holds it, or [`Val::HERE`].
    pub since: u8,
    /// Reads not yet written, in layout order; 65535 means uncounted.
    pub uses: u16,
    /// Its place in the frame, or [`NO_SLOT`].
    pub slot: u32,
    /// With [`Val::CONST`] the constant, with [`Val::REMAT`] or [`Val::FOLDED`] the instruction that makes it.
    /// Else, in the optimizing compiler, a position in the current block at which it is read.
    pub aux: u32,
}

/// Stands for a register that has no place in the frame yet.
pub const NO_SLOT: u32 = u32::MAX;

impl Val {
    /// In [`Val::since`]: not all of a loop.
    pub const HERE: u8 = u8::MAX;
    /// Still wanted when its reads in the current block are written.
    pub const GLOBAL: u8 = 1;
    /// The frame holds the current value.
    pub const IN_SLOT: u8 = 2;
    /// Written once, by a constant or an address: made anew where it is needed.
    pub const REMAT: u8 = 4;
    /// An integer constant that fits 32 bits, sign-extended; implies `REMAT`.
    pub const CONST: u8 = 8;
    /// While scanning: it is of one block and a candidate all the same.
    pub const CANDIDATE: u8 = 16;
    /// In the optimizing compiler: behind its reads in the current block it is read again in the innermost loop around.
    pub const NEAR: u8 = 16;
    /// Its place in the frame was made for it, and may be another's behind its last read.
    pub const SPILLED: u8 = 32;
    /// It lives in more than one block, so that its place in the frame stays its own.
    pub const ACROSS: u8 = 64;
    /// Made by each reader as part of itself; see [`crate::optimize::Fused`].
    pub const FOLDED: u8 = 128;
}
