//! The registers: general ones 0 to 15 in the processor's numbering, vector ones 16 to 31.

use crate::regs::Reg;

macro_rules! registers {
    ($($name:ident = $n:literal,)*) => { $(pub const $name: Reg = Reg($n);)* };
}

registers! {
    RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7,
    R8 = 8, R9 = 9, R10 = 10, R11 = 11, R12 = 12, R13 = 13, R14 = 14, R15 = 15,
    XMM0 = 16, XMM6 = 22, XMM7 = 23, XMM8 = 24, XMM9 = 25, XMM10 = 26, XMM11 = 27, XMM12 = 28, XMM13 = 29,
    XMM14 = 30, XMM15 = 31,
}

/// The vector register with this number, 0 to 15.
pub const fn xmm(n: u8) -> Reg {
    Reg(16 + n)
}

/// The DWARF number (psABI figure 3.36).
pub const fn dwarf(reg: Reg) -> u8 {
    const GENERAL: [u8; 8] = [0, 2, 1, 3, 7, 6, 4, 5];
    match reg.0 {
        n @ 0..8 => GENERAL[n as usize],
        n @ 8..16 => n,
        n => n + 1,
    }
}

/// Never given to values: for the steps inside one instruction.
pub const SCRATCH: Reg = R11;
/// The same for floats.
pub const FSCRATCH: Reg = XMM15;
