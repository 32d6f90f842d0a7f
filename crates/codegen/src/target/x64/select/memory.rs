//! Loads, stores, addresses, blocks of bytes.

use super::integer::uses;
use super::{Pending, Src, wide};
use crate::code::{RelocKind, Routine, Target};
use crate::emit::Val;
use crate::emit::{Emit, Placement};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::encode::{Amode, Base};
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::function::{Mem, aux};
use kiln_ir::op::Shape;
use kiln_ir::{DataId, InstData, Linkage, MemType, Op, Slot, Type, VReg};

/// The pieces of an access of 3, 5, 6 or 7 bytes: distance and size of each.
fn pieces(bytes: u32) -> &'static [(i32, u32)] {
    match bytes {
        3 => &[(0, 2), (2, 1)],
        5 => &[(0, 4), (4, 1)],
        6 => &[(0, 4), (4, 2)],
        7 => &[(0, 4), (4, 2), (6, 1)],
        _ => &[],
    }
}

impl<P: Placement> Emit<'_, X64, P> {
    /// The memory operand of an instruction, its registers read. May leave a pending symbol.
    pub fn mem(&mut self, inst: &InstData) -> Amode {
        self.amode(self.f.mem(inst))
    }

    /// The same of an address however it came about.
    pub fn amode(&mut self, m: Mem) -> Amode {
        let m = self.whole(m);
        let val = self.vals[m.base.index()];
        let mut mem = if val.flags & (Val::REMAT | Val::CONST) == Val::REMAT && val.home == Reg::NONE {
            let def = &self.f.insts()[val.aux as usize];
            match def.op.shape() {
                Shape::SlotAddr if self.f.slot(Slot(def.a)).align <= 16 => {
                    let disp = self.frame.slot(Slot(def.a)) as i64 + def.b as i32 as i64 + m.disp as i64;
                    match i32::try_from(disp) {
                        Ok(disp) => {
                            self.consume(m.base);
                            Amode::base(self.frame.base(), disp)
                        }
                        Err(_) => Amode::base(self.read(m.base), m.disp),
                    }
                }
                Shape::DataAddr
                    if m.index.is_none() && self.module.data()[def.a as usize].linkage != Linkage::Import =>
                {
                    self.consume(m.base);
                    let addend = def.b as i32 as i64 + m.disp as i64;
                    self.pending = Pending::Symbol(RelocKind::Pc32, Target::Data(DataId(def.a)), addend);
                    Amode::RIP
                }
                _ => Amode::base(self.read(m.base), m.disp),
            }
        } else {
            Amode::base(self.read(m.base), m.disp)
        };
        if !m.index.is_none() {
            let folded = self.imm(m.index).and_then(|i| i.checked_mul(m.scale as i32)?.checked_add(mem.disp));
            match folded {
                Some(disp) => {
                    self.consume(m.index);
                    mem.disp = disp;
                }
                None => {
                    mem.index = self.read(m.index);
                    mem.shift = m.scale.trailing_zeros() as u8;
                }
            }
        }
        mem
    }

    /// Reads a value that must be fetched while a memory operand's position-relative field waits to be written.
    pub fn read_beside(&mut self, v: VReg) -> Reg {
        let pending = std::mem::replace(&mut self.pending, Pending::None);
        let reg = self.read(v);
        self.pending = pending;
        reg
    }

    pub fn addr(&mut self, inst: &InstData) {
        let mem = self.mem(inst);
        // Where the base ends here, it advances.
        let base = if let Base::Reg(base) = mem.base { base } else { Reg::NONE };
        let d = self.write(VReg(inst.dst), base);
        self.asm.op(LEA, true, d, mem);
        self.settle();
    }

    pub fn load(&mut self, inst: &InstData) {
        let v = VReg(inst.dst);
        if self.feeds_next(v) && self.fuse_load(inst) {
            return;
        }
        let mem = self.mem(inst);
        let d = self.write(v, Reg::NONE);
        self.load_access(inst.ty, inst.access(), d, mem);
    }

    /// Lets the next instruction take its second operand from memory; false if it cannot.
    fn fuse_load(&mut self, inst: &InstData) -> bool {
        let access = inst.access();
        if access.bytes() != inst.ty.bytes() {
            return false;
        }
        let Some(&next) = self.next_inst() else { return false };
        let v = inst.dst;
        if next.b != v
            || next.a == v
            || next.ty.bytes() != inst.ty.bytes()
            || next.has_imm()
            || next.has_tail()
        {
            return false;
        }
        enum Fused {
            Alu(Alu, bool),
            Mul,
            Sse(Sse, bool),
        }
        let fused = match next.op {
            Op::Add => Fused::Alu(Alu::Add, true),
            Op::Sub => Fused::Alu(Alu::Sub, false),
            Op::And => Fused::Alu(Alu::And, true),
            Op::Or => Fused::Alu(Alu::Or, true),
            Op::Xor => Fused::Alu(Alu::Xor, true),
            Op::Mul => Fused::Mul,
            Op::Fadd => Fused::Sse(Sse::Add, true),
            Op::Fsub => Fused::Sse(Sse::Sub, false),
            Op::Fmul => Fused::Sse(Sse::Mul, true),
            Op::Fdiv => Fused::Sse(Sse::Div, false),
            _ => return false,
        };
        // Constants and rematerialized values as first operand would swap the operands: leave those. (Only now it is sure that
        // the words are values.)
        if self.vals[next.a as usize].flags & Val::REMAT != 0 || self.folded(VReg(next.dst)).is_some() {
            return false;
        }
        let mem = self.mem(inst);
        self.consume(VReg(v));
        self.skip = 1;
        let (dst, a) = (VReg(next.dst), VReg(next.a));
        match fused {
            // A pending symbol belongs to the memory operand: nothing else may be written before it.
            Fused::Alu(alu, commutes) => self.alu_op(alu, commutes, wide(next.ty), dst, a, Src::Mem(mem)),
            Fused::Mul => self.mul_op(wide(next.ty), dst, a, Src::Mem(mem)),
            Fused::Sse(op, commutes) => self.fbinary_op(op, commutes, next.ty, dst, a, Src::Mem(mem)),
        }
        true
    }

    /// Reads memory into a register.
    pub fn load_access(&mut self, ty: Type, access: MemType, d: Reg, mem: Amode) {
        let w = wide(ty);
        match (access, access.bytes(), access.signed()) {
            (a, 4, _) if a.is_float() => self.asm.op(MOVSS_X_XM, false, d, mem),
            (a, _, _) if a.is_float() => self.asm.op(MOVSD_X_XM, false, d, mem),
            (_, 1, false) => self.asm.op8(MOVZX_R_RM8, false, d, mem, false),
            (_, 1, true) => self.asm.op8(MOVSX_R_RM8, w, d, mem, false),
            (_, 2, false) => self.asm.op(MOVZX_R_RM16, false, d, mem),
            (_, 2, true) => self.asm.op(MOVSX_R_RM16, w, d, mem),
            (_, 4, true) if w => self.asm.op(MOVSXD_R_RM32, true, d, mem),
            (_, 4, _) => self.asm.op(MOV_R_RM, false, d, mem),
            (_, 8, _) => self.asm.op(MOV_R_RM, true, d, mem),
            (_, bytes, signed) => return self.load_pieces(w, bytes, signed, d, mem),
        }
        self.settle();
    }

    /// The memory operand for an access in pieces: each piece adds its distance to the displacement, so the address
    /// goes to a register if the displacement is relative to the instruction or has no room for that.
    fn for_pieces(&mut self, bytes: u32, mem: Amode) -> Amode {
        if mem.base != Base::Rip && mem.disp.checked_add(bytes as i32).is_some() {
            return mem;
        }
        let address = self.temp(false);
        self.asm.op(LEA, true, address, mem);
        self.settle();
        // Held to the end of the instruction: `temp` pinned it.
        Amode::base(address, 0)
    }

    fn load_pieces(&mut self, w: bool, bytes: u32, signed: bool, d: Reg, mem: Amode) {
        let mem = self.for_pieces(bytes, mem);
        let sum = if uses(mem, d) { self.temp(false) } else { d };
        for &(at, size) in pieces(bytes) {
            let piece = Amode { disp: mem.disp + at, ..mem };
            let part = if at == 0 { sum } else { SCRATCH };
            match size {
                1 => self.asm.op8(MOVZX_R_RM8, false, part, piece, false),
                2 => self.asm.op(MOVZX_R_RM16, false, part, piece),
                _ => self.asm.op(MOV_R_RM, false, part, piece),
            }
            if at != 0 {
                self.asm.shift_imm(Shift::Shl, true, SCRATCH, 8 * at as u8);
                self.asm.alu(Alu::Or, true, sum, SCRATCH);
            }
        }
        if signed {
            let up = (if w { 64 } else { 32 }) - 8 * bytes as u8;
            self.asm.shift_imm(Shift::Shl, w, sum, up);
            self.asm.shift_imm(Shift::Sar, w, sum, up);
        }
        self.asm.mov(w, d, sum);
    }

    pub fn store(&mut self, inst: &InstData) {
        let access = inst.access();
        if !inst.value_is_imm() && self.update(inst) {
            return;
        }
        let mem = self.mem(inst);
        let bytes = access.bytes();
        let constant = if inst.value_is_imm() {
            Some(inst.dst as i32)
        } else {
            let constant = self.imm(VReg(inst.dst));
            if constant.is_some() {
                self.consume(VReg(inst.dst));
            }
            constant
        };
        if let Some(imm) = constant {
            self.store_constant(bytes, imm, mem);
            return;
        }
        let value = self.read_beside(VReg(inst.dst));
        let non_temporal = inst.aux & aux::NON_TEMPORAL != 0;
        match (access.is_float(), bytes) {
            (true, 4) => self.asm.op(MOVSS_XM_X, false, value, mem),
            (true, _) => self.asm.op(MOVSD_XM_X, false, value, mem),
            (_, 4 | 8) if non_temporal => self.asm.op(MOVNTI, bytes == 8, value, mem),
            (_, 1) => self.asm.op8(MOV_RM8_R8, false, value, mem, true),
            (_, 2) => self.asm.op(MOV_RM16_R16, false, value, mem),
            (_, 4) => self.asm.op(MOV_RM_R, false, value, mem),
            (_, 8) => self.asm.op(MOV_RM_R, true, value, mem),
            _ => return self.store_pieces(bytes, value, mem),
        }
        self.settle();
    }

    fn store_constant(&mut self, bytes: u32, imm: i32, mem: Amode) {
        let (op, w, len) = match bytes {
            1 => (MOV_RM8_IMM8, false, 1),
            2 => (MOV_RM16_IMM16, false, 2),
            4 => (MOV_RM_IMM, false, 4),
            8 => (MOV_RM_IMM, true, 4),
            _ => {
                let pending = std::mem::replace(&mut self.pending, Pending::None);
                let value = self.temp(false);
                self.asm.mov_imm(value, imm as i64 as u64);
                self.pending = pending;
                return self.store_pieces(bytes, value, mem);
            }
        };
        self.asm.rm(op, w, 0, mem, len);
        self.asm.buf.put(imm as u32 as u64, len as usize);
        self.settle();
    }

    fn store_pieces(&mut self, bytes: u32, value: Reg, mem: Amode) {
        let mem = self.for_pieces(bytes, mem);
        for &(at, size) in pieces(bytes) {
            let piece = Amode { disp: mem.disp + at, ..mem };
            self.asm.mov(true, SCRATCH, value);
            if at != 0 {
                self.asm.shift_imm(Shift::Shr, true, SCRATCH, 8 * at as u8);
            }
            match size {
                1 => self.asm.op8(MOV_RM8_R8, false, SCRATCH, piece, true),
                2 => self.asm.op(MOV_RM16_R16, false, SCRATCH, piece),
                _ => self.asm.op(MOV_RM_R, false, SCRATCH, piece),
            }
        }
    }

    pub fn prefetch(&mut self, inst: &InstData) {
        let mem = self.mem(inst);
        self.asm.rm(PREFETCH, false, 1, mem, 0);
        self.settle();
    }

    fn block_operands(&mut self, inst: &InstData) -> [(VReg, Option<i32>); 3] {
        let tail = self.f.tail(inst);
        let length = if inst.has_imm() { (VReg::NONE, Some(tail[1] as i32)) } else { (VReg(tail[1]), None) };
        [(VReg(inst.a), None), (VReg(tail[0]), None), length]
    }

    pub fn mem_copy(&mut self, inst: &InstData) {
        let args = self.block_operands(inst);
        self.call_routine(Routine::MemMove, &args, |_| {});
    }

    pub fn mem_fill(&mut self, inst: &InstData) {
        let args = self.block_operands(inst);
        self.call_routine(Routine::MemSet, &args, |_| {});
    }

    pub fn tls_addr(&mut self, inst: &InstData) {
        self.call_routine(Routine::TlsGetAddr, &[], |e| {
            e.pending = Pending::Symbol(RelocKind::TlsPc32, Target::Data(DataId(inst.a)), 0);
            e.asm.op(LEA, true, RDI, Amode::RIP);
            e.settle();
        });
        let d = self.write(VReg(inst.dst), RAX);
        self.asm.op(LEA, true, d, Amode::base(RAX, inst.b as i32));
    }
}
