//! Atomic accesses. On x86 plain loads acquire and plain stores release (Intel SDM volume 3, 9.2); only sequentially
//! consistent stores and read-modify-writes need a locked instruction.

use super::wide;
use crate::emit::{Emit, Placement};
use crate::regs::Reg;
use crate::target::x64::X64;
use crate::target::x64::encode::Amode;
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::op::{Order, Rmw};
use kiln_ir::{InstData, MemType, VReg};

/// An opcode for the access's size.
fn sized(bytes: u32, byte: Opcode, other: Opcode) -> (Opcode, bool) {
    match bytes {
        1 => (byte, false),
        2 => (Opcode { prefix: 0x66, ..other }, false),
        n => (other, n == 8),
    }
}

impl<P: Placement> Emit<'_, X64, P> {
    /// The memory operand as one register, not `rax`, which is taken. To be called before the other operands are
    /// read: its own registers are no longer needed behind it.
    fn atomic_mem(&mut self, inst: &InstData) -> Amode {
        let mem = self.mem(inst);
        self.take(RAX);
        let address = self.temp(false);
        self.asm.op(LEA, true, address, mem);
        self.settle();
        self.pinned = address.set().with(RAX.set());
        Amode::base(address, 0)
    }

    /// lock op [mem], reg
    fn locked(&mut self, byte: Opcode, other: Opcode, access: MemType, mem: Amode, reg: Reg) {
        let (op, w) = sized(access.bytes(), byte, other);
        self.asm.raw(&[0xf0]);
        self.asm.op8(op, w, reg, mem, access.bytes() == 1);
    }

    /// What was read, extended as the access says.
    fn extend_access(&mut self, inst: &InstData, d: Reg, from: Reg) {
        let (access, w) = (inst.access(), wide(inst.ty));
        match (access.bytes(), access.signed()) {
            (1, false) => self.asm.op8(MOVZX_R_RM8, false, d, from, false),
            (1, true) => self.asm.op8(MOVSX_R_RM8, w, d, from, false),
            (2, false) => self.asm.op(MOVZX_R_RM16, false, d, from),
            (2, true) => self.asm.op(MOVSX_R_RM16, w, d, from),
            (4, true) if w => self.asm.op(MOVSXD_R_RM32, true, d, from),
            (4, _) => self.asm.op(MOV_R_RM, false, d, from),
            _ => self.asm.mov(true, d, from),
        }
    }

    pub fn atomic_load(&mut self, inst: &InstData) {
        let mem = self.mem(inst);
        let d = self.write(VReg(inst.dst), Reg::NONE);
        self.load_access(inst.ty, inst.access(), d, mem);
    }

    pub fn atomic_store(&mut self, inst: &InstData) {
        let access = inst.access();
        let value = self.read(VReg(inst.dst));
        let mem = self.mem(inst);
        if inst.order() == Order::SeqCst {
            self.asm.mov(true, SCRATCH, value);
            let (op, w) = sized(access.bytes(), XCHG_RM8_R8, XCHG_RM_R);
            self.asm.op8(op, w, SCRATCH, mem, access.bytes() == 1);
        } else {
            let (op, w) = sized(access.bytes(), MOV_RM8_R8, MOV_RM_R);
            self.asm.op8(op, w, value, mem, access.bytes() == 1);
        }
        self.settle();
    }

    pub fn atomic_rmw(&mut self, inst: &InstData) {
        let access = inst.access();
        let rmw = inst.rmw();
        let mem = self.atomic_mem(inst);
        let value = self.read(VReg(self.f.tail(inst)[3]));
        match rmw {
            Rmw::Add | Rmw::Sub | Rmw::Xchg => {
                let d = self.write(VReg(inst.dst), Reg::NONE);
                self.asm.mov(true, SCRATCH, value);
                if rmw == Rmw::Xchg {
                    self.locked(XCHG_RM8_R8, XCHG_RM_R, access, mem, SCRATCH);
                } else {
                    if rmw == Rmw::Sub {
                        self.asm.group(GROUP3, true, 3, SCRATCH);
                    }
                    self.locked(XADD_RM8_R8, XADD_RM_R, access, mem, SCRATCH);
                }
                self.extend_access(inst, d, SCRATCH);
            }
            _ => self.rmw_loop(inst, rmw, mem, value),
        }
    }

    /// Compare and exchange until nobody came between.
    fn rmw_loop(&mut self, inst: &InstData, rmw: Rmw, mem: Amode, value: Reg) {
        let access = inst.access();
        let operand = self.temp(false);
        // What is compared must be extended alike on both sides.
        let signed = matches!(rmw, Rmw::Smin | Rmw::Smax);
        let like = MemType::int(access.bytes() as u8, signed);
        let extended = InstData {
            aux: (like.0 as u16) << kiln_ir::function::aux::ACCESS,
            ty: kiln_ir::Type::I64,
            ..*inst
        };
        self.extend_access(&extended, operand, value);
        let d = self.write(VReg(inst.dst), RAX);
        self.load_access(kiln_ir::Type::I64, like, RAX, mem);
        let again = self.asm.buf.offset();
        self.asm.mov(true, SCRATCH, RAX);
        match rmw {
            Rmw::And => self.asm.alu(Alu::And, true, SCRATCH, operand),
            Rmw::Or => self.asm.alu(Alu::Or, true, SCRATCH, operand),
            Rmw::Xor => self.asm.alu(Alu::Xor, true, SCRATCH, operand),
            Rmw::Smin | Rmw::Smax | Rmw::Umin | Rmw::Umax => {
                // A failed exchange leaves just the low part of what it read.
                self.extend_access(&extended, SCRATCH, SCRATCH);
                self.asm.alu(Alu::Cmp, true, SCRATCH, operand);
                let replace = match rmw {
                    Rmw::Smin => Cc::G,
                    Rmw::Smax => Cc::L,
                    Rmw::Umin => Cc::A,
                    _ => Cc::B,
                };
                self.asm.cmovcc(replace, true, SCRATCH, operand);
            }
            Rmw::Add | Rmw::Sub | Rmw::Xchg => unreachable!("these have an instruction of their own"),
        }
        self.locked(CMPXCHG_RM8_R8, CMPXCHG_RM_R, access, mem, SCRATCH);
        let back = again.wrapping_sub(self.asm.buf.offset() + 2);
        self.asm.buf.put(0x70 | Cc::Ne as u64 | (back as u8 as u64) << 8, 2);
        self.extend_access(inst, d, RAX);
    }

    pub fn atomic_cas(&mut self, inst: &InstData) {
        let access = inst.access();
        let tail = self.f.tail(inst);
        let (expected, new) = (VReg(tail[3]), VReg(tail[4]));
        let mem = self.atomic_mem(inst);
        let re = self.read(expected);
        let rn = self.read(new);
        let d = self.write(VReg(inst.dst), RAX);
        self.asm.mov(true, SCRATCH, rn);
        self.asm.mov(true, RAX, re);
        self.locked(CMPXCHG_RM8_R8, CMPXCHG_RM_R, access, mem, SCRATCH);
        self.extend_access(inst, d, RAX);
    }

    pub fn fence(&mut self, inst: &InstData) {
        if inst.order() == Order::SeqCst {
            // mfence
            self.asm.raw(&[0x0f, 0xae, 0xf0]);
        }
    }
}
