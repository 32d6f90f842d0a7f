//! The builder's methods of ops whose shape has a regular form: one arm per shape serves every op that has it.

use super::{FunctionBuilder, NONE, Operand};
use crate::entity::{Block, DataId, FuncId, Slot, VReg};
use crate::for_each_op;
use crate::function::{InstData, Mem, aux};
use crate::op::{Cond, FCond, Op, Variant};
use crate::types::Type;

/// Generates the method of each op whose shape has a regular form; the others are written out above.
macro_rules! define_builder {
    ($($(#[doc = $doc:literal])* $name:ident $n:literal $method:ident $mnemonic:literal $shape:ident $types:ident $effect:ident [$($trap:ident),*];)*) => {
        $(define_method! { $shape, $name, $method, $types, $($doc)* })*
    };
}

macro_rules! define_method {
    (Unary, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@unary $op, $method, $($doc)*);
    };
    (@unary $op:ident, $method:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            #[inline]
            pub fn $method(&mut self, a: VReg) -> VReg {
                self.ensure_block();
                let ty = self.ty(a);
                self.read(a);
                let dst = self.write(ty);
                self.append(Op::$op, ty, 0, dst.0, a.0, 0);
                dst
            }
        }
    };
    (Binary, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            #[inline]
            pub fn $method(&mut self, a: VReg, b: impl Into<Operand>) -> VReg {
                self.ensure_block();
                let ty = self.ty(a);
                let (b, imm) = self.operand(ty, b.into());
                self.read(a);
                let dst = self.write(ty);
                self.append(Op::$op, ty, imm, dst.0, a.0, b);
                dst
            }
        }
    };
    (FBinary, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            #[inline]
            pub fn $method(&mut self, a: VReg, b: VReg) -> VReg {
                self.ensure_block();
                let ty = self.ty(a);
                self.read(a);
                self.read(b);
                let dst = self.write(ty);
                self.append(Op::$op, ty, 0, dst.0, a.0, b.0);
                dst
            }
        }
    };
    (Ternary, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, a: VReg, b: VReg, c: VReg) -> VReg {
                let ty = self.ty(a);
                let dst = self.destination(ty);
                self.push(InstData { op: Op::$op, ty, aux: aux::TAIL, dst: dst.0, a: a.0, b: 0 }, &[b.0, c.0]);
                dst
            }
        }
    };
    (Select, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, condition: VReg, then: VReg, or: VReg) -> VReg {
                let ty = self.ty(then);
                let dst = self.destination(ty);
                self.push(
                    InstData { op: Op::$op, ty, aux: aux::TAIL, dst: dst.0, a: condition.0, b: 0 },
                    &[then.0, or.0],
                );
                dst
            }
        }
    };
    (Compare, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            #[inline]
            pub fn $method(&mut self, cond: Cond, a: VReg, b: impl Into<Operand>) -> VReg {
                self.ensure_block();
                let ty = self.ty(a);
                let (b, imm) = self.operand(ty, b.into());
                self.read(a);
                let dst = self.write(Type::I32);
                self.append(Op::$op, ty, imm | InstData::variant_bits(Variant::Cond(cond)), dst.0, a.0, b);
                dst
            }
        }
    };
    (FCompare, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            #[inline]
            pub fn $method(&mut self, cond: FCond, a: VReg, b: VReg) -> VReg {
                self.ensure_block();
                let ty = self.ty(a);
                self.read(a);
                self.read(b);
                let dst = self.write(Type::I32);
                self.append(Op::$op, ty, InstData::variant_bits(Variant::FCond(cond)), dst.0, a.0, b.0);
                dst
            }
        }
    };
    (Pair, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, a: VReg, b: VReg) -> (VReg, VReg) {
                let ty = self.ty(a);
                let (low, high) = (self.destination(ty), self.vreg(ty));
                self.push(InstData { op: Op::$op, ty, aux: aux::TAIL, dst: low.0, a: a.0, b: 0 }, &[b.0, high.0]);
                (low, high)
            }
        }
    };
    (Carry, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, a: VReg, b: VReg, carry: VReg) -> (VReg, VReg) {
                let ty = self.ty(a);
                let (dst, out) = (self.destination(ty), self.vreg(Type::I32));
                self.push(
                    InstData { op: Op::$op, ty, aux: aux::TAIL, dst: dst.0, a: a.0, b: 0 },
                    &[b.0, carry.0, out.0],
                );
                (dst, out)
            }
        }
    };
    (Overflow, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, a: VReg, b: impl Into<Operand>, cold: Block) -> VReg {
                self.ensure_block();
                let ty = self.ty(a);
                let (b, imm) = match b.into() {
                    Operand::Reg(v) => (v.0, 0),
                    Operand::Imm(v) if ty.bytes() == 4 || v == v as i32 as i64 => (v as u32, aux::IMM),
                    Operand::Imm(v) => (self.wide_constant(ty, v).0, 0),
                };
                let dst = self.destination(ty);
                self.push(
                    InstData { op: Op::$op, ty, aux: aux::TAIL | imm, dst: dst.0, a: a.0, b: 0 },
                    &[b, cold.0],
                );
                dst
            }
        }
    };
    (OverflowUnary, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, a: VReg, cold: Block) -> VReg {
                let ty = self.ty(a);
                let dst = self.destination(ty);
                self.push(InstData { op: Op::$op, ty, aux: 0, dst: dst.0, a: a.0, b: cold.0 }, &[]);
                dst
            }
        }
    };
    (Extract, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, a: VReg, bit: u8, width: u8) -> VReg {
                let ty = self.ty(a);
                let dst = self.destination(ty);
                let range = bit as u32 | (width as u32) << 8;
                self.push(InstData { op: Op::$op, ty, aux: 0, dst: dst.0, a: a.0, b: range }, &[]);
                dst
            }
        }
    };
    (Insert, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, a: VReg, field: VReg, bit: u8, width: u8) -> VReg {
                let ty = self.ty(a);
                let dst = self.destination(ty);
                let range = bit as u32 | (width as u32) << 8;
                self.push(InstData { op: Op::$op, ty, aux: aux::TAIL, dst: dst.0, a: a.0, b: 0 }, &[field.0, range]);
                dst
            }
        }
    };
    (Widen, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@convert $op, $method, Type::I64, $($doc)*);
    };
    (Narrow, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@convert $op, $method, Type::I32, $($doc)*);
    };
    (Promote, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@convert $op, $method, Type::F64, $($doc)*);
    };
    (Demote, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@convert $op, $method, Type::F32, $($doc)*);
    };
    (@convert $op:ident, $method:ident, $ty:expr, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            #[inline]
            pub fn $method(&mut self, a: VReg) -> VReg {
                self.ensure_block();
                self.read(a);
                let dst = self.write($ty);
                self.append(Op::$op, $ty, 0, dst.0, a.0, 0);
                dst
            }
        }
    };
    (FromInt, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@to_type $op, $method, $($doc)*);
    };
    (ToInt, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@to_type $op, $method, $($doc)*);
    };
    (Bitcast, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@to_type $op, $method, $($doc)*);
    };
    (@to_type $op:ident, $method:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            #[inline]
            pub fn $method(&mut self, ty: Type, a: VReg) -> VReg {
                self.ensure_block();
                self.read(a);
                let dst = self.write(ty);
                self.append(Op::$op, ty, 0, dst.0, a.0, 0);
                dst
            }
        }
    };
    (VaArg, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@to_type $op, $method, $($doc)*);
    };
    (DataAddr, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@address $op, $method, DataId, $types, $($doc)*);
    };
    (SlotAddr, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@address $op, $method, Slot, $types, $($doc)*);
    };
    (@address $op:ident, $method:ident, $entity:ident, PTR, $($doc:literal)*) => {
        define_method!(@address $op, $method, $entity, Type::Ptr, $($doc)*);
    };
    (@address $op:ident, $method:ident, $entity:ident, I64, $($doc:literal)*) => {
        define_method!(@address $op, $method, $entity, Type::I64, $($doc)*);
    };
    (@address $op:ident, $method:ident, $entity:ident, $ty:expr, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            #[inline]
            pub fn $method(&mut self, of: $entity, plus: i32) -> VReg {
                self.ensure_block();
                let dst = self.write($ty);
                self.append(Op::$op, $ty, 0, dst.0, of.0, plus as u32);
                dst
            }
        }
    };
    (FuncAddr, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, func: FuncId) -> VReg {
                self.ensure_block();
                let dst = self.write(Type::Ptr);
                self.append(Op::$op, Type::Ptr, 0, dst.0, func.0, 0);
                dst
            }
        }
    };
    (LabelAddr, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, block: Block) -> VReg {
                let dst = self.destination(Type::Ptr);
                self.push(InstData { op: Op::$op, ty: Type::Ptr, aux: 0, dst: dst.0, a: block.0, b: 0 }, &[]);
                dst
            }
        }
    };
    (Nullary, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self) -> VReg {
                self.ensure_block();
                let dst = self.write(Type::Ptr);
                self.append(Op::$op, Type::Ptr, 0, dst.0, 0, 0);
                dst
            }
        }
    };
    (Address, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            #[inline]
            pub fn $method(&mut self, mem: impl Into<Mem>) -> VReg {
                self.ensure_block();
                let mem = mem.into();
                let (b, tail) = self.mem(mem);
                let dst = self.write(Type::Ptr);
                self.append(Op::$op, Type::Ptr, tail, dst.0, mem.base.0, b);
                dst
            }
        }
    };
    (Prefetch, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, mem: impl Into<Mem>) {
                self.ensure_block();
                let mem = mem.into();
                let (b, tail) = self.mem(mem);
                self.append(Op::$op, Type::I32, tail, NONE, mem.base.0, b);
            }
        }
    };
    (MemCopy, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@block $op, $method, $($doc)*);
    };
    (MemFill, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        define_method!(@block $op, $method, $($doc)*);
    };
    (@block $op:ident, $method:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, to: VReg, from: VReg, length: impl Into<Operand>) {
                self.ensure_block();
                let (length, imm) = match length.into() {
                    Operand::Reg(v) => (v.0, 0),
                    Operand::Imm(v) if v == v as i32 as i64 => (v as u32, aux::IMM),
                    Operand::Imm(v) => (self.wide_constant(Type::I64, v).0, 0),
                };
                self.push(
                    InstData { op: Op::$op, ty: Type::I32, aux: aux::TAIL | imm, dst: NONE, a: to.0, b: 0 },
                    &[from.0, length],
                );
            }
        }
    };
    (Alloca, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, size: VReg, align: u32) -> VReg {
                let dst = self.destination(Type::Ptr);
                self.push(InstData { op: Op::$op, ty: Type::Ptr, aux: 0, dst: dst.0, a: size.0, b: align }, &[]);
                dst
            }
        }
    };
    (VaList, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, list: VReg) {
                self.push(InstData { op: Op::$op, ty: Type::I32, aux: 0, dst: NONE, a: list.0, b: 0 }, &[]);
            }
        }
    };
    (VaCopy, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self, to: VReg, from: VReg) {
                self.push(InstData { op: Op::$op, ty: Type::I32, aux: 0, dst: NONE, a: to.0, b: from.0 }, &[]);
            }
        }
    };
    (None, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {
        impl FunctionBuilder<'_> {
            $(#[doc = $doc])*
            pub fn $method(&mut self) {
                self.push(InstData { op: Op::$op, ty: Type::I32, aux: 0, dst: NONE, a: 0, b: 0 }, &[]);
            }
        }
    };
    // Written out above: constants, accesses, calls, branches and exits take more than operands.
    ($shape:ident, $op:ident, $method:ident, $types:ident, $($doc:literal)*) => {};
}

for_each_op!(define_builder);
