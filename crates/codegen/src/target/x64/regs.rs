//! The registers: general ones 0 to 15 in the processor's numbering, vector ones from 32 on.

use crate::features::Features;
use crate::regs::{Reg, RegSet};
use kiln_ir::{InstData, Op};

macro_rules! registers {
    ($($name:ident = $n:literal,)*) => { $(pub const $name: Reg = Reg($n);)* };
}

registers! {
    RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7,
    R8 = 8, R9 = 9, R10 = 10, R11 = 11, R12 = 12, R13 = 13, R14 = 14, R15 = 15,
    XMM0 = 32, XMM6 = 38, XMM7 = 39, XMM8 = 40, XMM9 = 41, XMM10 = 42, XMM11 = 43, XMM12 = 44, XMM13 = 45,
    XMM14 = 46, XMM15 = 47,
}

/// The vector register with this number, 0 to 15.
pub const fn xmm(n: u8) -> Reg {
    Reg(32 + n)
}

/// The DWARF number (psABI figure 3.36).
pub const fn dwarf(reg: Reg) -> u8 {
    const GENERAL: [u8; 8] = [0, 2, 1, 3, 7, 6, 4, 5];
    match reg.0 {
        n @ 0..8 => GENERAL[n as usize],
        n @ 8..16 => n,
        n => n - 32 + 17,
    }
}

/// Never given to values: for the steps inside one instruction.
pub const SCRATCH: Reg = R11;
/// The same for floats.
pub const FSCRATCH: Reg = XMM15;

/// The registers that an instruction uses for itself, whatever they hold.
#[inline]
pub fn takes(inst: &InstData, features: Features) -> RegSet {
    let pair = RegSet::of(&[RAX, RDX]);
    match inst.op {
        Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem if !inst.has_imm() => pair,
        Op::UmulWide if features.bmi2 => RDX.set(),
        Op::SmulWide | Op::UmulWide | Op::UmulOvf => pair,
        Op::Shl | Op::Lshr | Op::Ashr if !inst.has_imm() && !features.bmi2 => RCX.set(),
        Op::Rotl | Op::Rotr if !inst.has_imm() => RCX.set(),
        Op::AtomicRmw | Op::AtomicCas => RAX.set(),
        _ => RegSet::EMPTY,
    }
}

/// The name in assembly.
pub fn name(reg: Reg) -> &'static str {
    const GENERAL: [&str; 16] = [
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
        "r14", "r15",
    ];
    const VECTOR: [&str; 16] = [
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
        "xmm12", "xmm13", "xmm14", "xmm15",
    ];
    (if reg.is_vector() { VECTOR } else { GENERAL })[reg.number() as usize]
}
