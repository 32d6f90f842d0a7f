//! Raw emission with dynasm-rs: how fast bytes can be written at all, when each instruction is chosen by a branch.
//!
//! The instructions are those of a synthetic program, one machine instruction for each of its own, encoded with
//! registers taken from the names. The code is not meant to run. No label is used, so no fixup is paid for: the
//! figure is the least that an assembler library costs behind a dispatch.

use crate::shape::{Name, Program, Step, What};
use dynasmrt::{DynasmApi, VecAssembler, dynasm, x64::X64Relocation};

/// Emits the instructions of synthetic programs, one program after the other in the same memory.
pub struct Emitter {
    assembler: VecAssembler<X64Relocation>,
}

impl Default for Emitter {
    fn default() -> Emitter {
        Emitter { assembler: VecAssembler::new(0) }
    }
}

impl Emitter {
    /// Emits the program's instructions; gives the number of bytes.
    pub fn emit(&mut self, program: &Program) -> usize {
        for step in &program.steps {
            emit(&mut self.assembler, step);
        }
        // Unlike `take`, this keeps the assembler's memory for the next program.
        self.assembler.drain().expect("no labels, so nothing to go wrong").size_hint().0
    }
}

/// The branch per instruction.
#[expect(clippy::useless_conversion, reason = "`dynasm!` converts register numbers of any type")]
fn emit(ops: &mut VecAssembler<X64Relocation>, step: &Step) {
    let (dst, a, b, imm) = (register(step.dst), register(step.a), register(step.b), step.imm);
    match step.what {
        What::Add => dynasm!(ops ; .arch x64 ; add Rq(dst), Rq(b)),
        What::AddImm => dynasm!(ops ; .arch x64 ; add Rq(dst), DWORD imm),
        What::Sub => dynasm!(ops ; .arch x64 ; sub Rq(dst), Rq(b)),
        What::SubImm => dynasm!(ops ; .arch x64 ; sub Rq(dst), DWORD imm),
        What::And => dynasm!(ops ; .arch x64 ; and Rq(dst), Rq(b)),
        What::AndImm => dynasm!(ops ; .arch x64 ; and Rq(dst), DWORD imm),
        What::Or => dynasm!(ops ; .arch x64 ; or Rq(dst), Rq(b)),
        What::OrImm => dynasm!(ops ; .arch x64 ; or Rq(dst), DWORD imm),
        What::Xor => dynasm!(ops ; .arch x64 ; xor Rq(dst), Rq(b)),
        What::XorImm => dynasm!(ops ; .arch x64 ; xor Rq(dst), DWORD imm),
        What::Mul => dynasm!(ops ; .arch x64 ; imul Rq(dst), Rq(b)),
        What::MulImm => dynasm!(ops ; .arch x64 ; imul Rq(dst), Rq(a), DWORD imm),
        What::ShlImm => dynasm!(ops ; .arch x64 ; shl Rq(dst), BYTE imm as i8),
        What::AshrImm => dynasm!(ops ; .arch x64 ; sar Rq(dst), BYTE imm as i8),
        What::Fadd => dynasm!(ops ; .arch x64 ; addsd Rx(dst), Rx(b)),
        What::Fsub => dynasm!(ops ; .arch x64 ; subsd Rx(dst), Rx(b)),
        What::Fmul => dynasm!(ops ; .arch x64 ; mulsd Rx(dst), Rx(b)),
        What::Load => dynasm!(ops ; .arch x64 ; mov Rq(dst), [rbx + imm]),
        What::Fload => dynasm!(ops ; .arch x64 ; movsd Rx(dst), [rbx + imm]),
        What::Store => dynasm!(ops ; .arch x64 ; mov [rbx + imm], Rq(a)),
        What::Fstore => dynasm!(ops ; .arch x64 ; movsd [rbx + imm], Rx(a)),
        What::Branch => dynasm!(ops ; .arch x64 ; cmp Rq(a), Rq(b)),
        What::BranchImm => dynasm!(ops ; .arch x64 ; cmp Rq(a), DWORD imm),
    }
}

/// Some register: half of the sixteen for variables, half for temporaries.
fn register(name: Name) -> u8 {
    name.index() as u8 % 16
}
