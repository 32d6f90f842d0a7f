//! From one IR instruction to machine instructions.
//!
//! Each op is one small function; the match only dispatches. All operands are read before a result is written, and
//! every function allows its result to share a register with any operand.

mod atomic;
mod bytes;
mod call;
mod control;
mod convert;
mod float;
mod fused;
mod integer;
mod leave;
mod memory;
mod ret;
mod variadic;
mod wide;

pub use float::compares_swapped;

use super::encode::Amode;
use super::insts::*;
use super::regs::*;
use crate::code::{FaultCause, RelocKind, Target, TrapSite};
use crate::emit::Val;
use crate::emit::moves::{ParallelMoves, Step};
use crate::emit::{Emit, Event, Placement};
use crate::regs::Reg;
use crate::target::x64::X64;
use kiln_ir::op::Shape;
use kiln_ir::types::AbiType;
use kiln_ir::{Block, DataId, FuncId, InstData, Linkage, Op, Slot, Type, VReg};

/// What the position-relative field that is about to be written refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pending {
    /// There is none.
    #[default]
    None,
    /// A constant of up to 8 bytes.
    Constant(u64),
    /// A symbol plus a distance.
    Symbol(RelocKind, Target, i64),
}

/// The second operand of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Src {
    /// A virtual register.
    Val(VReg),
    /// A constant.
    Imm(i32),
    /// Memory, its registers already read.
    Mem(Amode),
}

/// Whether operations on this type take 64 bits.
#[inline]
pub const fn wide(ty: Type) -> bool {
    ty.bytes() == 8
}

impl<P: Placement> Emit<'_, X64, P> {
    /// Writes the current instruction.
    #[inline]
    pub fn select(&mut self, inst: &InstData) {
        match inst.op {
            Op::Nop => {}
            Op::Const | Op::DataAddr | Op::FuncAddr | Op::LabelAddr | Op::SlotAddr => self.constant(inst),
            Op::Copy => self.copy(inst),
            Op::Select => self.select_value(inst),
            Op::SlotOffset => self.slot_offset(inst),
            Op::FrameAddr => self.frame_addr(inst),
            Op::TlsAddr => self.tls_addr(inst),
            Op::Addr => self.addr(inst),

            Op::Add => self.binary(inst, Alu::Add, true),
            Op::Sub => self.binary(inst, Alu::Sub, false),
            Op::And => self.binary(inst, Alu::And, true),
            Op::Or => self.binary(inst, Alu::Or, true),
            Op::Xor => self.binary(inst, Alu::Xor, true),
            Op::Mul => self.mul(inst),
            Op::Shl => self.shift(inst, Shift::Shl),
            Op::Lshr => self.shift(inst, Shift::Shr),
            Op::Ashr => self.shift(inst, Shift::Sar),
            Op::Rotl => self.shift(inst, Shift::Rol),
            Op::Rotr => self.shift(inst, Shift::Ror),
            Op::Sdiv => self.divide(inst, true, false),
            Op::Udiv => self.divide(inst, false, false),
            Op::Srem => self.divide(inst, true, true),
            Op::Urem => self.divide(inst, false, true),
            Op::Smin => self.min_max(inst, Cc::G),
            Op::Smax => self.min_max(inst, Cc::L),
            Op::Umin => self.min_max(inst, Cc::A),
            Op::Umax => self.min_max(inst, Cc::B),
            Op::Neg => self.group3(inst, 3),
            Op::Not => self.group3(inst, 2),
            Op::Abs => self.abs(inst),
            Op::Clz => self.clz(inst),
            Op::Ctz => self.ctz(inst),
            Op::Popcnt => self.popcnt(inst),
            Op::Bswap => self.bswap(inst),
            Op::Bitrev => self.bitrev(inst),
            Op::Sext8 => self.extend8(inst, MOVSX_R_RM8, wide(inst.ty)),
            Op::Zext8 => self.extend8(inst, MOVZX_R_RM8, false),
            Op::Sext16 => self.unary_rm(inst, MOVSX_R_RM16, wide(inst.ty)),
            Op::Zext16 => self.unary_rm(inst, MOVZX_R_RM16, false),
            Op::Sext => self.unary_rm(inst, MOVSXD_R_RM32, true),
            Op::Zext => self.zext(inst),
            Op::Trunc => self.trunc(inst),
            Op::Sbits => self.extract(inst, true),
            Op::Ubits => self.extract(inst, false),
            Op::SetBits => self.insert(inst),
            Op::SmulWide => self.mul_wide(inst, true),
            Op::UmulWide => self.mul_wide(inst, false),
            Op::AddCarry => self.carry(inst, Alu::Adc),
            Op::SubBorrow => self.carry(inst, Alu::Sbb),
            Op::SaddOvf => self.overflow(inst, Alu::Add, Cc::O),
            Op::UaddOvf => self.overflow(inst, Alu::Add, Cc::B),
            Op::SsubOvf => self.overflow(inst, Alu::Sub, Cc::O),
            Op::UsubOvf => self.overflow(inst, Alu::Sub, Cc::B),
            Op::SmulOvf => self.smul_overflow(inst),
            Op::UmulOvf => self.umul_overflow(inst),
            Op::SnegOvf => self.neg_overflow(inst),
            Op::Cmp => self.compare_value(inst),

            Op::Fcmp => self.fcompare_value(inst),
            Op::Fadd => self.fbinary(inst, Sse::Add, true),
            Op::Fsub => self.fbinary(inst, Sse::Sub, false),
            Op::Fmul => self.fbinary(inst, Sse::Mul, true),
            Op::Fdiv => self.fbinary(inst, Sse::Div, false),
            Op::Fsqrt => self.fsqrt(inst),
            Op::Fabs => self.fsign(inst, ANDPS, 0x7fff_ffff_ffff_ffff),
            Op::Fneg => self.fsign(inst, XORPS, 0x8000_0000_0000_0000),
            Op::Fcopysign => self.fcopysign(inst),
            Op::Fma => self.fma(inst, 0xb8),
            Op::Fms => self.fma(inst, 0xba),
            Op::Fnma => self.fma(inst, 0xbc),
            Op::Fnms => self.fma(inst, 0xbe),
            Op::Fmin => self.fmin_max(inst, Sse::Min, false),
            Op::Fmax => self.fmin_max(inst, Sse::Max, false),
            Op::FminNum => self.fmin_max(inst, Sse::Min, true),
            Op::FmaxNum => self.fmin_max(inst, Sse::Max, true),
            Op::Ffloor => self.round(inst, 9),
            Op::Fceil => self.round(inst, 10),
            Op::Ftrunc => self.round(inst, 11),
            Op::Fnearest => self.round(inst, 8),
            Op::Fpromote => self.funary(inst, CVTSS2SD),
            Op::Fdemote => self.funary(inst, CVTSD2SS),
            Op::Bitcast => self.bitcast(inst),
            Op::SitoF => self.signed_to_float(inst),
            Op::UitoF => self.unsigned_to_float(inst),
            Op::FtoSi => self.float_to_signed(inst),
            Op::FtoUi => self.float_to_unsigned(inst),
            Op::FtoSiSat => self.float_to_signed_saturating(inst),
            Op::FtoUiSat => self.float_to_unsigned_saturating(inst),
            Op::FtoSiX86 => self.float_to_signed_x86(inst),

            Op::Load => self.load(inst),
            Op::Store => self.store(inst),
            Op::Prefetch => self.prefetch(inst),
            Op::MemCopy => self.mem_copy(inst),
            Op::MemFill => self.mem_fill(inst),
            Op::Alloca => self.alloca(inst),
            Op::AtomicLoad => self.atomic_load(inst),
            Op::AtomicStore => self.atomic_store(inst),
            Op::AtomicRmw => self.atomic_rmw(inst),
            Op::AtomicCas => self.atomic_cas(inst),
            Op::Fence => self.fence(inst),
            Op::Pause => self.asm.raw(&[0xf3, 0x90]),
            Op::Pad => {
                self.asm.buf.reserve(inst.b as usize);
                self.asm.pad(inst.b as usize);
            }

            Op::Jump => self.jump(inst),
            Op::Branch => self.branch(inst),
            Op::Fbranch => self.fbranch(inst),
            Op::Switch => self.switch(inst),
            Op::JumpTo => self.jump_to(inst),
            Op::Ret => self.ret(inst),
            Op::Call | Op::CallPtr => self.call(inst),
            Op::TailCall | Op::TailCallPtr => self.tail_call(inst),
            Op::VaStart => self.va_start(inst),
            Op::VaArg => self.va_arg(inst),
            Op::VaCopy => self.va_copy(inst),
            Op::VaEnd => self.va_end(inst),
            Op::Trap => self.trap(kiln_ir::trap::TrapKind::User(inst.b)),
            Op::Unreachable => self.trap(kiln_ir::trap::TrapKind::Unreachable),

            Op::Guard => self.guard(inst),
            Op::Fguard => self.fguard(inst),
            Op::Exit => self.exit(inst),
            Op::Safepoint => self.safepoint(inst),
        }
    }

    /// The instruction after the current one, if it stands in the same block and is written there.
    #[inline]
    fn next_inst(&self) -> Option<&InstData> {
        let insts = self.f.insts();
        if insts[self.at as usize].op.is_terminator() {
            return None;
        }
        if P::is_absent(self, self.at + 1) {
            // What it computes is written elsewhere, or nowhere.
            return None;
        }
        insts.get(self.at as usize + 1)
    }

    /// Whether the current instruction's result is read once, and by the next instruction, so that both can be one.
    #[inline]
    fn feeds_next(&self, v: VReg) -> bool {
        let val = &self.vals[v.index()];
        val.uses == 1
            && val.flags & Val::GLOBAL == 0
            && val.home == Reg::NONE
            && self.f.vregs()[v.index()].flags & kiln_ir::function::VRegInfo::MULTI == 0
    }

    /// Fills in the field of the position-relative operand just written. Its instruction must be complete.
    #[inline]
    pub fn settle(&mut self) {
        if self.pending != Pending::None {
            self.settle_pending();
        }
    }

    fn settle_pending(&mut self) {
        let at = self.asm.rip_field;
        match std::mem::replace(&mut self.pending, Pending::None) {
            Pending::None => {}
            Pending::Constant(bits) => self.asm.buf.constant(at, bits),
            Pending::Symbol(kind, target, addend) => {
                let end = self.asm.buf.offset();
                self.asm.buf.relocate(at, kind, target, addend - (end - at) as i64);
            }
        }
    }

    /// Notes what a fault of the next instruction means.
    fn trap_site(&mut self, cause: FaultCause) {
        let at = self.asm.buf.offset();
        self.asm.buf.code().traps.push(TrapSite { at, cause });
    }

    /// An undefined instruction that stands for a trap.
    pub fn trap(&mut self, kind: kiln_ir::trap::TrapKind) {
        self.trap_site(FaultCause::Trap(kind));
        self.asm.raw(&[0x0f, 0x0b]);
    }

    /// Carries out parallel moves.
    pub fn resolve(&mut self, moves: ParallelMoves) {
        moves.resolve(|step| match step {
            Step::Move(to, from) => self.move_whole(to, from),
            Step::Swap(a, b) if a.is_vector() => {
                self.move_whole(FSCRATCH, a);
                self.move_whole(a, b);
                self.move_whole(b, FSCRATCH);
            }
            Step::Swap(a, b) => {
                self.asm.op(XCHG_RM_R, true, a, b);
                self.placement.log(Event::Exchange(a, b));
            }
        });
    }

    /// Moves all of a register.
    pub fn move_whole(&mut self, to: Reg, from: Reg) {
        self.asm.mov(true, to, from);
        self.placement.log(Event::Move(to, from));
    }

    /// Reads a value's slot into a register.
    pub fn load_slot(&mut self, reg: Reg, ty: Type, slot: u32) {
        let mem = self.frame.amode(slot);
        self.load_plain(reg, ty, mem);
        self.placement.log(Event::Load(reg, ty, slot));
    }

    /// Writes a register to a value's slot.
    pub fn store_slot(&mut self, slot: u32, ty: Type, reg: Reg) {
        let mem = self.frame.amode(slot);
        let op = match ty {
            Type::F32 => MOVSS_XM_X,
            Type::F64 => MOVSD_XM_X,
            _ => MOV_RM_R,
        };
        self.asm.op(op, ty.bytes() == 8 && !ty.is_float(), reg, mem);
        self.placement.log(Event::Store(slot, ty, reg));
    }

    /// Moves a whole register's worth from memory.
    pub fn load_plain(&mut self, reg: Reg, ty: Type, mem: Amode) {
        let op = match ty {
            Type::F32 => MOVSS_X_XM,
            Type::F64 => MOVSD_X_XM,
            _ => MOV_R_RM,
        };
        self.asm.op(op, ty.bytes() == 8 && !ty.is_float(), reg, mem);
    }

    /// Extends what a small parameter or result left in a register, in place.
    pub fn extend(&mut self, ty: AbiType, reg: Reg) {
        match ty {
            AbiType::I8 => self.asm.op8(MOVSX_R_RM8, false, reg, reg, true),
            AbiType::U8 => self.asm.op8(MOVZX_R_RM8, false, reg, reg, true),
            AbiType::I16 => self.asm.op(MOVSX_R_RM16, false, reg, reg),
            AbiType::U16 => self.asm.op(MOVZX_R_RM16, false, reg, reg),
            AbiType::Value(_) | AbiType::Aggregate(_) => {}
        }
    }

    /// A constant or address: written only if its register has a home or is written elsewhere too.
    fn constant(&mut self, inst: &InstData) {
        let v = VReg(inst.dst);
        let val = self.vals[v.index()];
        if val.flags & Val::REMAT != 0 && val.home == Reg::NONE {
            return;
        }
        let dst = self.write(v, Reg::NONE);
        self.make(inst, dst);
    }

    /// Makes a rematerializable value in a register. May change the flags: operands are read before flags are set.
    pub fn materialize(&mut self, v: VReg, reg: Reg) {
        let val = self.vals[v.index()];
        if val.flags & Val::CONST != 0 {
            self.make_int(val.ty, val.aux as i32 as i64 as u64, reg);
        } else {
            let f = self.f;
            self.make(&f.insts()[val.aux as usize], reg);
        }
        self.placement.log(Event::Make(reg, v));
    }

    fn make_int(&mut self, ty: Type, value: u64, reg: Reg) {
        let value = if wide(ty) { value } else { value & 0xffff_ffff };
        if value == 0 {
            // Shorter, and no flag lives from one instruction of the IR to the next.
            self.asm.alu(Alu::Xor, false, reg, reg);
        } else {
            self.asm.mov_imm(reg, value);
        }
    }

    /// Makes the constant or address that an instruction names. May change the flags.
    fn make(&mut self, inst: &InstData, reg: Reg) {
        match inst.op.shape() {
            Shape::Const if inst.ty.is_float() => {
                let bits = self.f.constant(inst);
                if bits == 0 {
                    self.asm.op(XORPS, false, reg, reg);
                } else {
                    self.pending = Pending::Constant(bits);
                    self.load_plain(reg, inst.ty, Amode::RIP);
                }
            }
            Shape::Const => self.make_int(inst.ty, self.f.constant(inst), reg),
            Shape::SlotAddr => {
                let slot = Slot(inst.a);
                let mem = Amode::base(self.frame.base(), self.frame.slot(slot));
                self.asm.op(LEA, true, reg, mem);
                let align = self.f.slot(slot).align;
                if align > 16 {
                    // Room for the slack was laid out.
                    self.asm.alu_imm(Alu::Add, true, reg, align as i32 - 1);
                    self.asm.alu_imm(Alu::And, true, reg, -(align as i32));
                }
                if inst.b != 0 {
                    self.asm.op(LEA, true, reg, Amode::base(reg, inst.b as i32));
                }
            }
            Shape::LabelAddr => {
                self.asm.op(LEA, true, reg, Amode::RIP);
                let end = self.asm.buf.offset();
                let label = P::address(self, Block(inst.a));
                self.asm.buf.refer(end - 4, end, label);
            }
            Shape::FuncAddr => {
                self.pending = Pending::Symbol(RelocKind::GotPc32, Target::Func(FuncId(inst.a)), 0);
                self.asm.op(MOV_R_RM, true, reg, Amode::RIP);
            }
            _ => {
                let data = DataId(inst.a);
                if self.module.data()[data.index()].linkage == Linkage::Import {
                    self.pending = Pending::Symbol(RelocKind::GotPc32, Target::Data(data), 0);
                    self.asm.op(MOV_R_RM, true, reg, Amode::RIP);
                    self.settle();
                    if inst.b != 0 {
                        self.asm.op(LEA, true, reg, Amode::base(reg, inst.b as i32));
                    }
                } else {
                    self.pending = Pending::Symbol(RelocKind::Pc32, Target::Data(data), inst.b as i32 as i64);
                    self.asm.op(LEA, true, reg, Amode::RIP);
                }
            }
        }
        self.settle();
    }

    fn copy(&mut self, inst: &InstData) {
        let (v, a) = (VReg(inst.dst), VReg(inst.a));
        if let (Some(value), false) = (self.imm(a), v == a) {
            self.consume(a);
            let dst = self.write(v, Reg::NONE);
            self.make_int(inst.ty, value as i64 as u64, dst);
            return;
        }
        let src = self.read(a);
        let dst = self.write(v, src);
        self.asm.mov(wide(inst.ty), dst, src);
    }

    fn slot_offset(&mut self, inst: &InstData) {
        let dst = self.write(VReg(inst.dst), Reg::NONE);
        let slot = Slot(inst.a);
        if self.f.slot(slot).align > 16 {
            self.make(&InstData { op: Op::SlotAddr, ..*inst }, dst);
            self.asm.alu(Alu::Sub, true, dst, self.frame.base());
        } else {
            let offset = self.frame.slot(slot) as i64 + inst.b as i32 as i64;
            self.asm.mov_imm(dst, offset as u64);
        }
    }

    fn frame_addr(&mut self, inst: &InstData) {
        let dst = self.write(VReg(inst.dst), Reg::NONE);
        self.asm.mov(true, dst, self.frame.base());
    }
}
