//! Bytes of aggregates: copied, and brought in and out of the registers in which calls pass them.

use crate::abi::{Piece, Pieces};
use crate::emit::{Emit, Placement};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::encode::{Amode, Base};
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;

/// Copies up to this size are written out.
const UNROLLED: u32 = 64;

/// The operand `distance` bytes further on.
pub fn ahead(mem: Amode, distance: u32) -> Amode {
    Amode { disp: mem.disp.wrapping_add(distance as i32), ..mem }
}

/// Loads and stores that cover this many bytes: distance and size of each.
fn chunks(size: u32) -> impl DoubleEndedIterator<Item = (u32, u32)> {
    let whole = size / 8;
    let rest = size % 8;
    let tail = [4, 2, 1].into_iter().filter(move |bytes| rest & bytes != 0);
    let tail = tail.map(move |bytes| (8 * whole + (rest & !(2 * bytes - 1)), bytes));
    (0..whole).map(|n| (8 * n, 8)).chain(tail)
}

impl<P: Placement> Emit<'_, X64, P> {
    /// Copies bytes that do not overlap, forward. Changes the scratch registers and flags. Neither operand has an
    /// index or the scratch register as base.
    pub fn copy_apart(&mut self, to: Amode, from: Amode, size: u32) {
        let mut done = 0;
        if size > UNROLLED {
            done = size & !7;
            // From minus the length up to 0.
            self.asm.mov_imm(SCRATCH, (done as u64).wrapping_neg());
            let again = self.asm.buf.offset();
            let indexed = |mem| Amode { index: SCRATCH, ..ahead(mem, done) };
            self.copy_chunk(indexed(to), indexed(from), 8);
            self.asm.alu_imm(Alu::Add, true, SCRATCH, 8);
            self.asm.jump_back(Cc::Ne, again);
        }
        for (at, bytes) in chunks(size - done) {
            self.asm.buf.reserve(0);
            self.copy_chunk(ahead(to, done + at), ahead(from, done + at), bytes);
        }
    }

    fn copy_chunk(&mut self, to: Amode, from: Amode, bytes: u32) {
        match bytes {
            8 => {
                self.asm.op(MOVSD_X_XM, false, FSCRATCH, from);
                self.asm.op(MOVSD_XM_X, false, FSCRATCH, to);
            }
            4 => {
                self.asm.op(MOVSS_X_XM, false, FSCRATCH, from);
                self.asm.op(MOVSS_XM_X, false, FSCRATCH, to);
            }
            2 => {
                self.asm.op(MOVZX_R_RM16, false, SCRATCH, from);
                self.asm.op(MOV_RM16_R16, false, SCRATCH, to);
            }
            _ => {
                self.asm.op8(MOVZX_R_RM8, false, SCRATCH, from, false);
                self.asm.op8(MOV_RM8_R8, false, SCRATCH, to, true);
            }
        }
    }

    /// Copies bytes that may overlap, between addresses in two registers other than the scratch ones. Changes the
    /// scratch registers and flags.
    pub fn copy_overlapping(&mut self, to: Reg, from: Reg, size: u32) {
        self.asm.alu(Alu::Cmp, true, to, from);
        let backward = self.asm.skip_if_far(Cc::A);
        self.copy_apart(Amode::base(to, 0), Amode::base(from, 0), size);
        let end = self.asm.skip_far();
        self.asm.land_far(backward);
        let mut whole = size;
        for (at, bytes) in chunks(size).rev() {
            if size > UNROLLED && bytes == 8 {
                break;
            }
            self.asm.buf.reserve(0);
            self.copy_chunk(Amode::base(to, at as i32), Amode::base(from, at as i32), bytes);
            whole = at;
        }
        if size > UNROLLED {
            self.asm.mov_imm(SCRATCH, whole as u64);
            let again = self.asm.buf.offset();
            let indexed = |base| Amode { base: Base::Reg(base), index: SCRATCH, shift: 0, disp: -8 };
            self.copy_chunk(indexed(to), indexed(from), 8);
            self.asm.alu_imm(Alu::Sub, true, SCRATCH, 8);
            self.asm.jump_back(Cc::Ne, again);
        }
        self.asm.land_far(end);
    }

    /// Loads an aggregate's pieces into their registers, and not a byte beside it. The base of `from` is none of them;
    /// `temp` is a general register that is free, for pieces of odd size in vector registers.
    pub fn load_parts(&mut self, from: Amode, parts: &Pieces, temp: Reg) {
        for Piece { reg, offset, bytes } in parts.iter() {
            self.asm.buf.reserve(0);
            let mem = ahead(from, offset);
            match (reg.is_vector(), bytes) {
                (true, 16) => self.asm.op(MOVUPS_X_XM, false, reg, mem),
                (true, 8) => self.asm.op(MOVSD_X_XM, false, reg, mem),
                (true, 4) => self.asm.op(MOVSS_X_XM, false, reg, mem),
                (true, _) => {
                    self.load_odd(temp, mem, bytes);
                    self.asm.op(MOVD_X_RM, true, reg, temp);
                }
                (false, _) => self.load_odd(reg, mem, bytes),
            }
        }
    }

    /// Loads 1 to 8 bytes, the highest first, so that no other register is needed: 16 bits at a time replace the low
    /// ones.
    fn load_odd(&mut self, reg: Reg, mem: Amode, bytes: u32) {
        match bytes {
            8 => self.asm.op(MOV_R_RM, true, reg, mem),
            4 => self.asm.op(MOV_R_RM, false, reg, mem),
            2 => self.asm.op(MOVZX_R_RM16, false, reg, mem),
            1 => self.asm.op8(MOVZX_R_RM8, false, reg, mem, false),
            _ => {
                let mut at = if bytes % 2 == 1 { bytes - 1 } else { bytes - 2 };
                self.load_odd(reg, ahead(mem, at), bytes - at);
                while at > 0 {
                    at -= 2;
                    self.asm.shift_imm(Shift::Shl, true, reg, 16);
                    self.asm.op(MOV_R16_RM16, false, reg, ahead(mem, at));
                }
            }
        }
    }

    /// Stores pieces to memory that has room for 8 bytes each (16 for one of 16).
    pub fn store_parts(&mut self, to: Amode, parts: &Pieces) {
        for Piece { reg, offset, bytes } in parts.iter() {
            let mem = ahead(to, offset);
            match (reg.is_vector(), bytes) {
                (true, 16) => self.asm.op(MOVUPS_XM_X, false, reg, mem),
                (true, _) => self.asm.op(MOVSD_XM_X, false, reg, mem),
                (false, _) => self.asm.op(MOV_RM_R, true, reg, mem),
            }
        }
    }
}
