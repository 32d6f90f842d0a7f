//! Double-width products, carries, and arithmetic that leaves on overflow.

use super::{Src, wide};
use crate::emit::{Emit, Placement};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::function::VRegInfo;
use kiln_ir::{Block, InstData, VReg};

impl<P: Placement> Emit<'_, X64, P> {
    /// The operand at the start of the tail, register or constant.
    pub fn src_tail(&self, inst: &InstData) -> Src {
        let word = self.f.tail(inst)[0];
        if inst.has_imm() { Src::Imm(word as i32) } else { Src::Val(VReg(word)) }
    }

    /// rdx:rax = a * b. Gives the registers to write the halves to.
    pub fn mul_wide(&mut self, inst: &InstData, signed: bool) {
        let w = wide(inst.ty);
        let high = VReg(self.f.tail(inst)[1]);
        let b = self.src_tail(inst);
        if !signed && self.options.features.bmi2 {
            let (mut ra, mut rb) = (self.read(VReg(inst.a)), self.operand(b, w));
            self.take(RDX);
            if rb == RDX {
                std::mem::swap(&mut ra, &mut rb);
            }
            let dl = self.write(VReg(inst.dst), Reg::NONE);
            let dh = self.write(high, Reg::NONE);
            self.asm.mov(w, RDX, ra);
            // Of two results in one register the high half stays, as it should.
            self.asm.vex(MULX, w, dh.number(), dl, rb);
            return;
        }
        self.mul_into_pair(inst, b, signed);
        let dl = self.write(VReg(inst.dst), RAX);
        // Both results may be one register: then the second, written last, stays.
        let dh = self.write(high, RDX);
        self.asm.mov(w, dl, RAX);
        self.asm.mov(w, dh, RDX);
    }

    /// Multiplies into `rdx:rax`, which are taken.
    fn mul_into_pair(&mut self, inst: &InstData, b: Src, signed: bool) {
        let w = wide(inst.ty);
        let mut ra = self.read(VReg(inst.a));
        let mut rb = self.operand(b, w);
        self.take(RDX);
        self.take(RAX);
        if rb == RAX {
            std::mem::swap(&mut ra, &mut rb);
        }
        self.asm.mov(w, RAX, ra);
        self.asm.group(GROUP3, w, if signed { 5 } else { 4 }, rb);
    }

    /// dst, carry = a op b with a carry in.
    pub fn carry(&mut self, inst: &InstData, alu: Alu) {
        let w = wide(inst.ty);
        let tail = self.f.tail(inst);
        let (carry, out) = (VReg(tail[1]), VReg(tail[2]));
        let b = self.fold(self.src_tail(inst));
        let ra = self.read(VReg(inst.a));
        let rb = if let Src::Val(v) = b { self.read(v) } else { Reg::NONE };
        let rc = self.read(carry);
        let d = self.write(VReg(inst.dst), ra);
        let out = self.write(out, Reg::NONE);
        let sum = if d == rb && d != ra { self.temp(false) } else { d };
        self.asm.mov(false, SCRATCH, rc);
        self.asm.mov(w, sum, ra);
        // The carry flag becomes "not 0".
        self.asm.group(GROUP3, false, 3, SCRATCH);
        match b {
            Src::Imm(imm) => self.asm.alu_imm(alu, w, sum, imm),
            _ => self.asm.alu(alu, w, sum, if rb == ra { sum } else { rb }),
        }
        self.asm.setcc(Cc::B, SCRATCH);
        self.asm.mov(w, d, sum);
        self.asm.op8(MOVZX_R_RM8, false, out, SCRATCH, false);
    }

    /// Whether a result may be written before it is known that the op does not leave: nobody on the cold side can
    /// read it, because it is written only here.
    fn may_write_early(&self, dst: VReg) -> bool {
        self.f.vregs()[dst.index()].flags & VRegInfo::MULTI == 0 && dst.0 >= self.f.params()
    }

    /// Goes to the cold block of the current instruction if the condition holds.
    fn leave_if(&mut self, cc: Cc, cold: Block) {
        P::leave(self);
        let cold = P::way(self, cold);
        self.asm.jcc(cc, cold);
    }

    /// dst = a op b, or to the cold block if the condition says overflow.
    pub fn overflow(&mut self, inst: &InstData, alu: Alu, cc: Cc) {
        let w = wide(inst.ty);
        let cold = Block(self.f.tail(inst)[1]);
        let b = self.fold(self.src_tail(inst));
        self.flush();
        let ra = self.read(VReg(inst.a));
        let rb = if let Src::Val(v) = b { self.read(v) } else { Reg::NONE };
        let early = self.may_write_early(VReg(inst.dst));
        let d = self.write(VReg(inst.dst), ra);
        let t = if early && (d == ra || d != rb) { d } else { SCRATCH };
        self.asm.mov(w, t, ra);
        match b {
            Src::Imm(imm) => self.asm.alu_imm(alu, w, t, imm),
            _ => self.asm.alu(alu, w, t, rb),
        }
        self.leave_if(cc, cold);
        self.asm.mov(w, d, t);
    }

    pub fn neg_overflow(&mut self, inst: &InstData) {
        let w = wide(inst.ty);
        self.flush();
        let ra = self.read(VReg(inst.a));
        let d = self.write(VReg(inst.dst), ra);
        self.asm.mov(w, SCRATCH, ra);
        self.asm.group(GROUP3, w, 3, SCRATCH);
        self.leave_if(Cc::O, Block(inst.b));
        self.asm.mov(w, d, SCRATCH);
    }

    pub fn smul_overflow(&mut self, inst: &InstData) {
        let w = wide(inst.ty);
        let cold = Block(self.f.tail(inst)[1]);
        let b = self.fold(self.src_tail(inst));
        self.flush();
        let ra = self.read(VReg(inst.a));
        let rb = if let Src::Val(v) = b { self.read(v) } else { Reg::NONE };
        let d = self.write(VReg(inst.dst), ra);
        match b {
            Src::Imm(imm) => {
                self.asm.op(IMUL_R_RM_IMM, w, SCRATCH, ra);
                self.asm.buf.put(imm as u32 as u64, 4);
            }
            _ => {
                self.asm.mov(w, SCRATCH, ra);
                self.asm.op(IMUL_R_RM, w, SCRATCH, rb);
            }
        }
        self.leave_if(Cc::O, cold);
        self.asm.mov(w, d, SCRATCH);
    }

    pub fn umul_overflow(&mut self, inst: &InstData) {
        let w = wide(inst.ty);
        let cold = Block(self.f.tail(inst)[1]);
        let b = self.src_tail(inst);
        self.flush();
        self.mul_into_pair(inst, b, false);
        // `rax` and `rdx` were taken, so a value that lived there is elsewhere, on the cold side too.
        let d = self.write(VReg(inst.dst), RAX);
        self.leave_if(Cc::O, cold);
        self.asm.mov(w, d, RAX);
    }
}
