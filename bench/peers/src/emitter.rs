//! Raw emission with dynasm-rs: how fast bytes can be written at all, when each instruction is chosen by a branch.
//!
//! The instructions are those of a synthetic program, one machine instruction for each of its own, encoded with
//! registers taken from the names. The code is not meant to run. No label is used, so no fixup is paid for: the
//! figure is the least that an assembler library costs behind a dispatch.

use crate::shape::{FloatOp, IntOp, Name, Operand, Program, Step};
use dynasmrt::{DynasmApi, VecAssembler, dynasm, x64::X64Relocation};

/// A machine instruction to emit: which, and its operands.
#[derive(Clone, Copy, Debug)]
struct Row {
    what: What,
    dst: u8,
    a: u8,
    imm: i32,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Add,
    AddImm,
    Sub,
    SubImm,
    And,
    AndImm,
    Or,
    OrImm,
    Xor,
    XorImm,
    Mul,
    MulImm,
    Shl,
    Ashr,
    FloatAdd,
    FloatSub,
    FloatMul,
    Load,
    LoadFloat,
    Store,
    StoreFloat,
    Compare,
    CompareImm,
}

/// Emits the instructions of synthetic programs, one program after the other in the same memory.
pub struct Emitter {
    assembler: VecAssembler<X64Relocation>,
}

/// A program in the form that the emitter reads.
pub struct Rows(Vec<Row>);

impl Rows {
    /// One row for each instruction of the program.
    pub fn new(program: &Program) -> Rows {
        Rows(program.steps.iter().map(row).collect())
    }
}

impl Default for Emitter {
    fn default() -> Emitter {
        Emitter { assembler: VecAssembler::new(0) }
    }
}

impl Emitter {
    /// Emits the rows; gives the number of bytes.
    pub fn emit(&mut self, rows: &Rows) -> usize {
        for row in &rows.0 {
            emit(&mut self.assembler, *row);
        }
        // Unlike `take`, this keeps the assembler's memory for the next program.
        self.assembler.drain().expect("no labels, so nothing to go wrong").size_hint().0
    }
}

/// The branch per instruction.
fn emit(ops: &mut VecAssembler<X64Relocation>, row: Row) {
    let Row { what, dst, a, imm } = row;
    match what {
        What::Add => dynasm!(ops ; .arch x64 ; add Rq(dst), Rq(a)),
        What::AddImm => dynasm!(ops ; .arch x64 ; add Rq(dst), DWORD imm),
        What::Sub => dynasm!(ops ; .arch x64 ; sub Rq(dst), Rq(a)),
        What::SubImm => dynasm!(ops ; .arch x64 ; sub Rq(dst), DWORD imm),
        What::And => dynasm!(ops ; .arch x64 ; and Rq(dst), Rq(a)),
        What::AndImm => dynasm!(ops ; .arch x64 ; and Rq(dst), DWORD imm),
        What::Or => dynasm!(ops ; .arch x64 ; or Rq(dst), Rq(a)),
        What::OrImm => dynasm!(ops ; .arch x64 ; or Rq(dst), DWORD imm),
        What::Xor => dynasm!(ops ; .arch x64 ; xor Rq(dst), Rq(a)),
        What::XorImm => dynasm!(ops ; .arch x64 ; xor Rq(dst), DWORD imm),
        What::Mul => dynasm!(ops ; .arch x64 ; imul Rq(dst), Rq(a)),
        What::MulImm => dynasm!(ops ; .arch x64 ; imul Rq(dst), Rq(a), DWORD imm),
        What::Shl => dynasm!(ops ; .arch x64 ; shl Rq(dst), BYTE imm as i8),
        What::Ashr => dynasm!(ops ; .arch x64 ; sar Rq(dst), BYTE imm as i8),
        What::FloatAdd => dynasm!(ops ; .arch x64 ; addsd Rx(dst), Rx(a)),
        What::FloatSub => dynasm!(ops ; .arch x64 ; subsd Rx(dst), Rx(a)),
        What::FloatMul => dynasm!(ops ; .arch x64 ; mulsd Rx(dst), Rx(a)),
        What::Load => dynasm!(ops ; .arch x64 ; mov Rq(dst), [rbx + imm]),
        What::LoadFloat => dynasm!(ops ; .arch x64 ; movsd Rx(dst), [rbx + imm]),
        What::Store => dynasm!(ops ; .arch x64 ; mov [rbx + imm], Rq(a)),
        What::StoreFloat => dynasm!(ops ; .arch x64 ; movsd [rbx + imm], Rx(a)),
        What::Compare => dynasm!(ops ; .arch x64 ; cmp Rq(dst), Rq(a)),
        What::CompareImm => dynasm!(ops ; .arch x64 ; cmp Rq(dst), DWORD imm),
    }
}

fn row(step: &Step) -> Row {
    match *step {
        Step::Int { op, dst, a, b } => {
            let (what, what_imm) = match op {
                IntOp::Add => (What::Add, What::AddImm),
                IntOp::Sub => (What::Sub, What::SubImm),
                IntOp::And => (What::And, What::AndImm),
                IntOp::Or => (What::Or, What::OrImm),
                IntOp::Xor => (What::Xor, What::XorImm),
                IntOp::Mul => (What::Mul, What::MulImm),
                IntOp::Shl => (What::Shl, What::Shl),
                IntOp::Ashr => (What::Ashr, What::Ashr),
            };
            match b {
                Operand::Name(b) => Row { what, dst: register(dst), a: register(b), imm: 0 },
                Operand::Imm(imm) => Row { what: what_imm, dst: register(dst), a: register(a), imm },
            }
        }
        Step::Float { op, dst, b, .. } => {
            let what = match op {
                FloatOp::Add => What::FloatAdd,
                FloatOp::Sub => What::FloatSub,
                FloatOp::Mul => What::FloatMul,
            };
            Row { what, dst: register(dst), a: register(b), imm: 0 }
        }
        Step::LoadInt { dst, disp } => Row { what: What::Load, dst: register(dst), a: 0, imm: disp },
        Step::LoadFloat { dst, disp } => Row { what: What::LoadFloat, dst: register(dst), a: 0, imm: disp },
        Step::StoreInt { value, disp } => Row { what: What::Store, dst: 0, a: register(value), imm: disp },
        Step::StoreFloat { value, disp } => {
            Row { what: What::StoreFloat, dst: 0, a: register(value), imm: disp }
        }
        Step::Branch { a, b, .. } => match b {
            Operand::Name(b) => Row { what: What::Compare, dst: register(a), a: register(b), imm: 0 },
            Operand::Imm(imm) => Row { what: What::CompareImm, dst: register(a), a: 0, imm },
        },
    }
}

fn register(name: Name) -> u8 {
    match name {
        Name::Long(n) => n % 16,
        Name::Temp(n) => 8 + n,
    }
}
