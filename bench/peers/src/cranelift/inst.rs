//! One instruction to Cranelift's.

use super::function::Translator;
use super::module::ty;
use anyhow::{Result, bail};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, TrapCode, Value, types};
use kiln_ir::{Cond, FCond, InstData, Op, Type};

impl Translator<'_> {
    pub fn inst(&mut self, inst: &InstData) -> Result<()> {
        let t = ty(inst.ty);
        let f = self.f();
        let value = match inst.op {
            Op::Nop | Op::Prefetch | Op::Pause => return Ok(()),
            Op::Const => self.constant(inst),
            Op::Copy => self.read(inst.a),
            Op::Select => {
                let tail = f.tail(inst);
                let (c, a, b) = (self.read(inst.a), self.read(tail[0]), self.read(tail[1]));
                self.b.ins().select(c, a, b)
            }
            Op::DataAddr => {
                let base = self.data_address(inst.a);
                self.offset(base, inst.b as i32)
            }
            Op::FuncAddr => {
                let func = self.func_ref(inst.a as usize);
                self.b.ins().func_addr(types::I64, func)
            }
            Op::LabelAddr => {
                let number = self.label_number(inst.a)?;
                self.b.ins().iconst(types::I64, number as i64)
            }
            Op::SlotAddr => {
                let slot = self.slots[inst.a as usize];
                self.b.ins().stack_addr(types::I64, slot, inst.b as i32)
            }
            Op::FrameAddr => self.frame_address()?,
            Op::SlotOffset if inst.a == 0 => self.b.ins().iconst(t, inst.b as i32 as i64),
            Op::SlotOffset => {
                let slot = self.slots[inst.a as usize];
                let address = self.b.ins().stack_addr(types::I64, slot, inst.b as i32);
                let frame = self.frame_address()?;
                self.b.ins().isub(address, frame)
            }
            Op::Addr => {
                let (base, disp) = self.address(inst);
                self.offset(base, disp)
            }

            Op::Add => self.binary(inst, |i, a, b| i.iadd(a, b)),
            Op::Sub => self.binary(inst, |i, a, b| i.isub(a, b)),
            Op::Mul => self.binary(inst, |i, a, b| i.imul(a, b)),
            Op::And => self.binary(inst, |i, a, b| i.band(a, b)),
            Op::Or => self.binary(inst, |i, a, b| i.bor(a, b)),
            Op::Xor => self.binary(inst, |i, a, b| i.bxor(a, b)),
            Op::Shl => self.binary(inst, |i, a, b| i.ishl(a, b)),
            Op::Lshr => self.binary(inst, |i, a, b| i.ushr(a, b)),
            Op::Ashr => self.binary(inst, |i, a, b| i.sshr(a, b)),
            Op::Rotl => self.binary(inst, |i, a, b| i.rotl(a, b)),
            Op::Rotr => self.binary(inst, |i, a, b| i.rotr(a, b)),
            Op::Sdiv => self.binary(inst, |i, a, b| i.sdiv(a, b)),
            Op::Udiv => self.binary(inst, |i, a, b| i.udiv(a, b)),
            Op::Srem => self.binary(inst, |i, a, b| i.srem(a, b)),
            Op::Urem => self.binary(inst, |i, a, b| i.urem(a, b)),
            Op::Smin => self.binary(inst, |i, a, b| i.smin(a, b)),
            Op::Smax => self.binary(inst, |i, a, b| i.smax(a, b)),
            Op::Umin => self.binary(inst, |i, a, b| i.umin(a, b)),
            Op::Umax => self.binary(inst, |i, a, b| i.umax(a, b)),
            Op::Neg => self.unary(inst, |i, a| i.ineg(a)),
            Op::Not => self.unary(inst, |i, a| i.bnot(a)),
            Op::Abs => self.unary(inst, |i, a| i.iabs(a)),
            Op::Clz => self.unary(inst, |i, a| i.clz(a)),
            Op::Ctz => self.unary(inst, |i, a| i.ctz(a)),
            Op::Popcnt => self.unary(inst, |i, a| i.popcnt(a)),
            Op::Bswap => self.unary(inst, |i, a| i.bswap(a)),
            Op::Bitrev => self.unary(inst, |i, a| i.bitrev(a)),
            Op::Sext8 => self.extended(inst, types::I8, true),
            Op::Sext16 => self.extended(inst, types::I16, true),
            Op::Zext8 => self.extended(inst, types::I8, false),
            Op::Zext16 => self.extended(inst, types::I16, false),
            Op::Sext => self.unary(inst, |i, a| i.sextend(t, a)),
            Op::Zext => self.unary(inst, |i, a| i.uextend(t, a)),
            Op::Trunc => self.unary(inst, |i, a| i.ireduce(t, a)),
            Op::Sbits | Op::Ubits => self.bits(inst),
            Op::SmulWide | Op::UmulWide => {
                let tail = f.tail(inst);
                let (a, b) = (self.read(inst.a), self.operand(inst, tail[0]));
                let high = match inst.op {
                    Op::SmulWide => self.b.ins().smulhi(a, b),
                    _ => self.b.ins().umulhi(a, b),
                };
                let low = self.b.ins().imul(a, b);
                self.write(inst.dst, low);
                self.write(tail[1], high);
                return Ok(());
            }
            Op::Cmp => {
                let holds = self.compare(inst);
                self.b.ins().uextend(types::I32, holds)
            }

            Op::Fcmp => {
                let holds = self.float_compare(inst);
                self.b.ins().uextend(types::I32, holds)
            }
            Op::Fadd => self.binary(inst, |i, a, b| i.fadd(a, b)),
            Op::Fsub => self.binary(inst, |i, a, b| i.fsub(a, b)),
            Op::Fmul => self.binary(inst, |i, a, b| i.fmul(a, b)),
            Op::Fdiv => self.binary(inst, |i, a, b| i.fdiv(a, b)),
            Op::Fcopysign => self.binary(inst, |i, a, b| i.fcopysign(a, b)),
            Op::Fmin => self.binary(inst, |i, a, b| i.fmin(a, b)),
            Op::Fmax => self.binary(inst, |i, a, b| i.fmax(a, b)),
            Op::Fsqrt => self.unary(inst, |i, a| i.sqrt(a)),
            Op::Fabs => self.unary(inst, |i, a| i.fabs(a)),
            Op::Fneg => self.unary(inst, |i, a| i.fneg(a)),
            Op::Ffloor => self.unary(inst, |i, a| i.floor(a)),
            Op::Fceil => self.unary(inst, |i, a| i.ceil(a)),
            Op::Ftrunc => self.unary(inst, |i, a| i.trunc(a)),
            Op::Fnearest => self.unary(inst, |i, a| i.nearest(a)),
            Op::Fpromote => self.unary(inst, |i, a| i.fpromote(t, a)),
            Op::Fdemote => self.unary(inst, |i, a| i.fdemote(t, a)),
            Op::Bitcast => self.unary(inst, |i, a| i.bitcast(t, MemFlagsData::new(), a)),
            Op::SitoF => self.unary(inst, |i, a| i.fcvt_from_sint(t, a)),
            Op::UitoF => self.unary(inst, |i, a| i.fcvt_from_uint(t, a)),
            Op::FtoSi => self.unary(inst, |i, a| i.fcvt_to_sint(t, a)),
            Op::FtoUi => self.unary(inst, |i, a| i.fcvt_to_uint(t, a)),
            Op::FtoSiSat => self.unary(inst, |i, a| i.fcvt_to_sint_sat(t, a)),
            Op::FtoUiSat => self.unary(inst, |i, a| i.fcvt_to_uint_sat(t, a)),

            Op::Load => self.load(inst)?,
            Op::Store => return self.store(inst),
            Op::MemCopy => {
                let tail = f.tail(inst);
                let (to, from) = (self.read(inst.a), self.read(tail[0]));
                let length = self.operand_of(inst, tail[1], types::I64);
                self.mem_copy(to, from, length);
                return Ok(());
            }
            Op::MemFill => {
                let tail = f.tail(inst);
                let (to, byte) = (self.read(inst.a), self.read(tail[0]));
                let byte = self.b.ins().ireduce(types::I8, byte);
                let length = self.operand_of(inst, tail[1], types::I64);
                self.mem_fill(to, byte, length);
                return Ok(());
            }

            Op::Jump => {
                self.jump(inst);
                return Ok(());
            }
            Op::Branch => {
                let holds = self.compare(inst);
                self.branch(holds, inst);
                return Ok(());
            }
            Op::Fbranch => {
                let holds = self.float_compare(inst);
                self.branch(holds, inst);
                return Ok(());
            }
            Op::Switch => {
                self.switch(inst);
                return Ok(());
            }
            Op::JumpTo => {
                self.jump_to(inst);
                return Ok(());
            }
            Op::Ret => {
                self.ret(inst);
                return Ok(());
            }
            Op::Call => return self.call(inst),
            Op::CallPtr => {
                self.call_ptr(inst);
                return Ok(());
            }
            Op::Trap | Op::Unreachable => {
                self.b.ins().trap(TrapCode::unwrap_user(1));
                return Ok(());
            }
            op => bail!("`{}` is not translated: no kernel uses it", op.info().mnemonic),
        };
        self.write(inst.dst, value);
        Ok(())
    }

    /// What distances to slots are counted from: where the first one is.
    fn frame_address(&mut self) -> Result<Value> {
        let Some(slot) = self.slots.first() else { bail!("the address of a frame without slots") };
        Ok(self.b.ins().stack_addr(types::I64, *slot, 0))
    }

    fn constant(&mut self, inst: &InstData) -> Value {
        let bits = self.f().constant(inst);
        match inst.ty {
            Type::F32 => self.b.ins().f32const(f32::from_bits(bits as u32)),
            Type::F64 => self.b.ins().f64const(f64::from_bits(bits)),
            Type::I32 => self.b.ins().iconst(types::I32, bits as u32 as i64),
            Type::I64 | Type::Ptr => self.b.ins().iconst(types::I64, bits as i64),
        }
    }

    #[inline]
    fn unary(
        &mut self,
        inst: &InstData,
        op: impl FnOnce(cranelift_frontend::FuncInstBuilder<'_, '_>, Value) -> Value,
    ) -> Value {
        let a = self.read(inst.a);
        op(self.b.ins(), a)
    }

    #[inline]
    fn binary(
        &mut self,
        inst: &InstData,
        op: impl FnOnce(cranelift_frontend::FuncInstBuilder<'_, '_>, Value, Value) -> Value,
    ) -> Value {
        let (a, b) = (self.read(inst.a), self.operand(inst, inst.b));
        op(self.b.ins(), a, b)
    }

    /// The low bits of a register as an integer of its width.
    fn extended(&mut self, inst: &InstData, from: ir::Type, signed: bool) -> Value {
        let a = self.read(inst.a);
        let low = self.b.ins().ireduce(from, a);
        match signed {
            true => self.b.ins().sextend(ty(inst.ty), low),
            false => self.b.ins().uextend(ty(inst.ty), low),
        }
    }

    /// A bit-field: shifted to the top, then down.
    fn bits(&mut self, inst: &InstData) -> Value {
        let a = self.read(inst.a);
        let (bit, width) = (inst.b as i64 & 255, inst.b as i64 >> 8);
        let all = inst.ty.bytes() as i64 * 8;
        let top = self.b.ins().ishl_imm_u(a, all - bit - width);
        match inst.op {
            Op::Sbits => self.b.ins().sshr_imm_u(top, all - width),
            _ => self.b.ins().ushr_imm_u(top, all - width),
        }
    }

    fn float_compare(&mut self, inst: &InstData) -> Value {
        let (a, b) = (self.read(inst.a), self.read(inst.b));
        self.b.ins().fcmp(predicate(inst.fcond()), a, b)
    }

    pub fn operand(&mut self, inst: &InstData, word: u32) -> Value {
        self.operand_of(inst, word, ty(inst.ty))
    }

    /// A register, or a constant of this type.
    fn operand_of(&mut self, inst: &InstData, word: u32, ty: ir::Type) -> Value {
        if inst.has_imm() {
            let value = if ty == types::I32 { word as i64 } else { word as i32 as i64 };
            self.b.ins().iconst(ty, value)
        } else {
            self.read(word)
        }
    }

    fn offset(&mut self, base: Value, disp: i32) -> Value {
        if disp == 0 { base } else { self.b.ins().iadd_imm_s(base, disp as i64) }
    }

    /// The address of a memory operand but for its displacement.
    fn address(&mut self, inst: &InstData) -> (Value, i32) {
        let mem = self.f().mem(inst);
        let mut base = self.read(mem.base.0);
        if !mem.index.is_none() {
            let mut index = self.read(mem.index.0);
            if mem.scale > 1 {
                index = self.b.ins().ishl_imm_u(index, mem.scale.ilog2() as i64);
            }
            base = self.b.ins().iadd(base, index);
        }
        (base, mem.disp)
    }

    fn load(&mut self, inst: &InstData) -> Result<Value> {
        let (base, disp) = self.address(inst);
        let (t, access) = (ty(inst.ty), inst.access());
        let flags = self.memory_flags(inst);
        let ins = self.b.ins();
        Ok(if access.bytes() == inst.ty.bytes() {
            ins.load(t, flags, base, disp)
        } else {
            match (access.bytes(), access.signed()) {
                (1, false) => ins.uload8(t, flags, base, disp),
                (1, true) => ins.sload8(t, flags, base, disp),
                (2, false) => ins.uload16(t, flags, base, disp),
                (2, true) => ins.sload16(t, flags, base, disp),
                (4, false) => ins.uload32(flags, base, disp),
                (4, true) => ins.sload32(flags, base, disp),
                _ => bail!("a load of {access} is not translated"),
            }
        })
    }

    fn store(&mut self, inst: &InstData) -> Result<()> {
        let (base, disp) = self.address(inst);
        let access = inst.access();
        let value = if inst.value_is_imm() { self.store_constant(inst) } else { self.read(inst.dst) };
        let flags = self.memory_flags(inst);
        let ins = self.b.ins();
        if access.bytes() == inst.ty.bytes() {
            ins.store(flags, value, base, disp);
            return Ok(());
        }
        match access.bytes() {
            1 => ins.istore8(flags, value, base, disp),
            2 => ins.istore16(flags, value, base, disp),
            4 => ins.istore32(flags, value, base, disp),
            _ => bail!("a store of {access} is not translated"),
        };
        Ok(())
    }

    fn store_constant(&mut self, inst: &InstData) -> Value {
        let value = inst.dst as i32 as i64;
        match ty(inst.ty) {
            types::I32 => self.b.ins().iconst(types::I32, value as u32 as i64),
            ty => self.b.ins().iconst(ty, value),
        }
    }
}

/// Cranelift's name of a condition; none for the two that test bits.
pub(super) fn condition(cond: Cond) -> Option<IntCC> {
    Some(match cond {
        Cond::Eq => IntCC::Equal,
        Cond::Ne => IntCC::NotEqual,
        Cond::Lt => IntCC::SignedLessThan,
        Cond::Ge => IntCC::SignedGreaterThanOrEqual,
        Cond::Le => IntCC::SignedLessThanOrEqual,
        Cond::Gt => IntCC::SignedGreaterThan,
        Cond::Ult => IntCC::UnsignedLessThan,
        Cond::Uge => IntCC::UnsignedGreaterThanOrEqual,
        Cond::Ule => IntCC::UnsignedLessThanOrEqual,
        Cond::Ugt => IntCC::UnsignedGreaterThan,
        Cond::Any | Cond::None => return None,
    })
}

fn predicate(cond: FCond) -> FloatCC {
    match cond {
        FCond::Eq => FloatCC::Equal,
        FCond::Ne => FloatCC::NotEqual,
        FCond::Lt => FloatCC::LessThan,
        FCond::Uge => FloatCC::UnorderedOrGreaterThanOrEqual,
        FCond::Le => FloatCC::LessThanOrEqual,
        FCond::Ugt => FloatCC::UnorderedOrGreaterThan,
        FCond::Gt => FloatCC::GreaterThan,
        FCond::Ule => FloatCC::UnorderedOrLessThanOrEqual,
        FCond::Ge => FloatCC::GreaterThanOrEqual,
        FCond::Ult => FloatCC::UnorderedOrLessThan,
        FCond::Ltgt => FloatCC::OrderedNotEqual,
        FCond::Ueq => FloatCC::UnorderedOrEqual,
        FCond::Ord => FloatCC::Ordered,
        FCond::Unord => FloatCC::Unordered,
    }
}
