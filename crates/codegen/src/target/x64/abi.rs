//! Where arguments and results go: a pure function from types to places (System V AMD64 psABI, section 3.2.3).

use super::regs::*;
use crate::Features;
use crate::baseline::call::Place;
use crate::baseline::scan::HomeRegs;
use crate::regs::{Reg, RegSet};
use kiln_ir::{Op, Type};

const INTEGER: [Reg; 6] = [RDI, RSI, RDX, RCX, R8, R9];
const VECTORS: u8 = 8;

/// Hands out places to arguments in the order of declaration.
#[derive(Clone, Copy, Default, Debug)]
pub struct Places {
    integers: u8,
    vectors: u8,
    stack: u32,
}

impl Places {
    /// The place of the next argument; stack places count from before the return address is pushed.
    #[inline]
    pub fn next(&mut self, ty: Type) -> Place {
        if ty.is_float() {
            if self.vectors < VECTORS {
                self.vectors += 1;
                return Place::Reg(xmm(self.vectors - 1));
            }
        } else if let Some(reg) = INTEGER.get(self.integers as usize) {
            self.integers += 1;
            return Place::Reg(*reg);
        }
        self.stack += 8;
        Place::Stack(self.stack - 8)
    }

    /// Bytes of stack used so far.
    pub fn stack(&self) -> u32 {
        self.stack
    }

    /// Vector registers used so far: what a call to a variadic function says in `al`.
    pub fn vectors(&self) -> u8 {
        self.vectors
    }
}

/// The register of a single result.
#[inline]
pub const fn result(ty: Type) -> Reg {
    if ty.is_float() { XMM0 } else { RAX }
}

/// The registers that values without a home are held in. Callees may change all of them.
pub const LOCALS: RegSet =
    RegSet(RegSet::of(&[RAX, RCX, RDX, RSI, RDI, R8, R9, R10]).0 | 0xffff << 32 & !FSCRATCH.set().0);

/// The registers that homes are given from. Those that some instruction needs for itself (`rax`, `rdx`, `rcx`) and
/// two more stay free for the values of one block.
pub const HOMES: HomeRegs = HomeRegs {
    saved: &[RBX, R14, R15, R12, R13, RBP],
    integer: &[R8, R9, R10],
    float: &[XMM14, XMM13, XMM12, XMM11, XMM10, XMM9, XMM8, XMM7, XMM6],
};

/// The same in a function whose frame has a pointer.
pub const HOMES_BESIDE_POINTER: HomeRegs = HomeRegs { saved: &[RBX, R14, R15, R12, R13], ..HOMES };

/// Whether an op calls something, so that registers which callees may change lose their values.
pub fn clobbers(op: Op, features: Features) -> bool {
    match op {
        Op::Call | Op::CallPtr | Op::MemCopy | Op::MemFill | Op::TlsAddr => true,
        Op::Fma | Op::Fms | Op::Fnma | Op::Fnms => !features.fma,
        _ => false,
    }
}
