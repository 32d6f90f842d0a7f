//! Variable arguments, as C's compilers keep them: the four-word `va_list` of System V (psABI 3.5.7), the plain pointer
//! of Win64. Which of the two a function uses follows from its own convention.

use super::bytes::ahead;
use super::wide;
use crate::emit::{Emit, Placement};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::encode::Amode;
use crate::target::x64::frame::INCOMING;
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::types::Convention;
use kiln_ir::{InstData, VReg};

/// Where the fields of a System V list are, and where its register area's halves end.
const GENERAL_OFFSET: u32 = 0;
const VECTOR_OFFSET: u32 = 4;
const OVERFLOW: u32 = 8;
const AREA: u32 = 16;
const GENERAL_END: i32 = 48;
const VECTOR_END: i32 = 176;

impl<P: Placement> Emit<'_, X64, P> {
    fn is_win64(&self) -> bool {
        self.module.signature_of(self.func).convention == Convention::Win64
    }

    pub fn va_start(&mut self, inst: &InstData) {
        let list = Amode::base(self.read(VReg(inst.a)), 0);
        let overflow = self.frame.amode(INCOMING | self.own.variable);
        self.asm.op(LEA, true, SCRATCH, overflow);
        let Some(room) = self.frame.variable else {
            self.asm.op(MOV_RM_R, true, SCRATCH, list);
            return;
        };
        self.asm.op(MOV_RM_R, true, SCRATCH, ahead(list, OVERFLOW));
        let (general, vector) = (8 * self.own.generals, GENERAL_END as u32 + 16 * self.own.vectors);
        for (field, value) in [(GENERAL_OFFSET, general), (VECTOR_OFFSET, vector)] {
            self.asm.rm(MOV_RM_IMM, false, 0, ahead(list, field), 4);
            self.asm.buf.put(value as u64, 4);
        }
        self.room_address(room, SCRATCH);
        self.asm.op(MOV_RM_R, true, SCRATCH, ahead(list, AREA));
    }

    pub fn va_arg(&mut self, inst: &InstData) {
        let list = Amode::base(self.read(VReg(inst.a)), 0);
        let address = self.temp(false);
        if self.is_win64() {
            self.asm.op(MOV_R_RM, true, address, list);
            self.asm.alu_imm(Alu::Add, true, list, 8);
        } else {
            let (offset, end, step) = match inst.ty.is_float() {
                true => (ahead(list, VECTOR_OFFSET), VECTOR_END, 16),
                false => (ahead(list, GENERAL_OFFSET), GENERAL_END, 8),
            };
            self.asm.op(MOV_R_RM, false, address, offset);
            self.asm.alu_imm(Alu::Cmp, false, address, end);
            let overflow = self.asm.skip_if(Cc::Ae);
            self.asm.alu_imm(Alu::Add, false, offset, step);
            self.asm.alu(Alu::Add, true, address, ahead(list, AREA));
            let found = self.asm.skip();
            self.asm.land(overflow);
            self.asm.op(MOV_R_RM, true, address, ahead(list, OVERFLOW));
            self.asm.alu_imm(Alu::Add, true, ahead(list, OVERFLOW), 8);
            self.asm.land(found);
        }
        let prefer = if inst.ty.is_float() { Reg::NONE } else { address };
        let d = self.write(VReg(inst.dst), prefer);
        self.load_plain(d, inst.ty, Amode::base(address, 0));
        debug_assert!(wide(inst.ty) || inst.ty.bytes() == 4);
    }

    pub fn va_copy(&mut self, inst: &InstData) {
        let (to, from) = (self.read(VReg(inst.a)), self.read(VReg(inst.b)));
        let words = if self.is_win64() { 1 } else { 3 };
        for n in 0..words {
            self.asm.op(MOVSD_X_XM, false, FSCRATCH, Amode::base(from, 8 * n));
            self.asm.op(MOVSD_XM_X, false, FSCRATCH, Amode::base(to, 8 * n));
        }
    }

    /// Ending a list gives nothing back: its reads count, no code is needed.
    pub fn va_end(&mut self, inst: &InstData) {
        self.consume(VReg(inst.a));
    }
}
