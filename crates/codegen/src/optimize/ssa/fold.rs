//! Folding: what an instruction computes by less, seen when it is written. One match on the op; it looks at what its
//! operands are made of, at most three deep, and what it makes has been folded itself.
//!
//! Floats: only what gives the same bits for every operand, NaNs' payloads aside where an op may choose them. Constants
//! are computed by the interpreter's own arithmetic, and not at all if a NaN comes in or out and nobody asked for
//! canonical ones.

use super::Walk;
use super::number::Found;
use kiln_ir::function::aux;
use kiln_ir::interp::compute;
use kiln_ir::op::{Cond, FCond, Shape, Variant};
use kiln_ir::{InstData, Op, Type, VReg};

/// The record of an op with a register and a constant.
pub fn with_constant(op: Op, ty: Type, a: VReg, b: i32) -> InstData {
    InstData { op, ty, aux: aux::IMM, dst: 0, a: a.0, b: b as u32 }
}

/// The record of an op with two registers.
pub fn with_two(op: Op, ty: Type, a: VReg, b: VReg) -> InstData {
    InstData { op, ty, aux: 0, dst: 0, a: a.0, b: b.0 }
}

/// The record of an op with one register.
pub fn with_one(op: Op, ty: Type, a: VReg) -> InstData {
    InstData { op, ty, aux: 0, dst: 0, a: a.0, b: 0 }
}

/// A record with another condition.
fn with_variant(inst: InstData, variant: Variant) -> InstData {
    InstData { aux: inst.aux & !(15 << aux::VARIANT) | InstData::variant_bits(variant), ..inst }
}

impl Walk<'_> {
    /// The instruction that gives a value; none if it is a parameter.
    #[inline]
    pub(super) fn def(&self, v: VReg) -> Option<InstData> {
        self.draft.insts.get(self.draft.def[v.index()] as usize).copied()
    }

    /// The instruction that gives a value, if it is of this op.
    #[inline]
    fn def_by(&self, v: VReg, op: Op) -> Option<InstData> {
        self.def(v).filter(|inst| inst.op == op)
    }

    /// The constant that a value is, 32-bit integers sign-extended, floats as their bits.
    #[inline]
    pub(super) fn constant_of(&self, v: VReg) -> Option<i64> {
        let inst = self.def_by(v, Op::Const)?;
        let bits = self.body.f.constant(&inst);
        Some(if inst.ty == Type::I32 { bits as i32 as i64 } else { bits as i64 })
    }

    /// The constant second operand of a record without a tail.
    #[inline]
    pub(super) fn second(&self, inst: &InstData) -> Option<i64> {
        if inst.has_imm() { Some(inst.b as i32 as i64) } else { self.constant_of(VReg(inst.b)) }
    }

    /// A value of an integer or float constant.
    pub(super) fn constant(&mut self, ty: Type, bits: u64) -> VReg {
        let bits = if ty == Type::I32 { bits as i32 as u64 } else { bits };
        let short = match ty {
            Type::I32 | Type::F32 => true,
            Type::I64 | Type::Ptr => bits as i32 as u64 == bits,
            Type::F64 => false,
        };
        let mut inst = InstData { op: Op::Const, ty, aux: 0, dst: 0, a: 0, b: bits as u32 };
        if !short {
            let pool = self.body.f.arrays().pool;
            (inst.aux, inst.b) = (aux::TAIL, pool.len() as u32);
            pool.extend_from_slice(&[bits as u32, (bits >> 32) as u32]);
        }
        self.number(inst)
    }

    /// The value of an instruction with one result and no effect, which may become another one or none.
    pub(super) fn make(&mut self, mut inst: InstData) -> VReg {
        match self.fold(&mut inst) {
            Some(value) => value,
            None => self.number(inst),
        }
    }

    /// The value of an instruction: that of the same one above, if there is one.
    pub(super) fn number(&mut self, mut inst: InstData) -> VReg {
        match self.find(&inst) {
            Found::Same(same, _) => VReg(self.draft.insts[same as usize].dst),
            Found::Place(place) => {
                let ty = if matches!(inst.op, Op::Cmp | Op::Fcmp) { Type::I32 } else { inst.ty };
                let value = self.new_value(ty, self.home);
                inst.dst = value.0;
                let at = self.draft.insts.len() as u32;
                self.draft.def[value.index()] = at;
                self.push(inst, self.origin);
                self.table.add(place, at, self.end, &self.draft.insts, &self.body.f);
                value
            }
        }
    }

    /// The same instruction in a place that every way here has passed.
    fn find(&self, inst: &InstData) -> Found {
        match self.table.find(inst, &self.body.f, &self.draft.insts, self.place) {
            Found::Same(same, place) if !self.has_run(same) => Found::Place(place),
            found => found,
        }
    }

    /// Both values of an instruction with two registers and two results.
    pub(super) fn make_pair(&mut self, op: Op, ty: Type, a: VReg, b: VReg) -> (VReg, VReg) {
        let pool = self.body.f.arrays().pool;
        let inst = InstData { op, ty, aux: aux::TAIL, dst: 0, a: a.0, b: pool.len() as u32 };
        pool.extend_from_slice(&[b.0, VReg::NONE.0]);
        self.number_pair(inst)
    }

    /// Both values of an instruction with two results: those of the same one above, if there is one.
    pub(super) fn number_pair(&mut self, mut inst: InstData) -> (VReg, VReg) {
        let (second, ty) = if inst.op.shape() == Shape::Carry { (2, Type::I32) } else { (1, inst.ty) };
        match self.find(&inst) {
            Found::Same(same, _) => {
                let same = self.draft.insts[same as usize];
                (VReg(same.dst), VReg(self.body.f.pool()[same.b as usize + second]))
            }
            Found::Place(place) => {
                let values = (self.new_value(inst.ty, self.home), self.new_value(ty, VReg::NONE));
                inst.dst = values.0.0;
                self.body.f.arrays().pool[inst.b as usize + second] = values.1.0;
                let at = self.draft.insts.len() as u32;
                (self.draft.def[values.0.index()], self.draft.def[values.1.index()]) = (at, at);
                self.push(inst, self.origin);
                self.table.add(place, at, self.end, &self.draft.insts, &self.body.f);
                values
            }
        }
    }

    /// What computes the same by less; otherwise the record may have changed.
    fn fold(&mut self, inst: &mut InstData) -> Option<VReg> {
        self.arrange(inst);
        if let Some(value) = self.compute(inst) {
            return Some(value);
        }
        let (ty, a) = (inst.ty, VReg(inst.a));
        let b = VReg(inst.b);
        match inst.op {
            Op::Copy => self.body.f.ty(a).accepts(ty).then_some(a),
            Op::Add => self.add(inst),
            Op::Sub => self.sub(inst),
            Op::Mul => self.mul(inst),
            Op::And | Op::Or | Op::Xor => self.bits(inst),
            Op::Shl | Op::Lshr | Op::Ashr | Op::Rotl | Op::Rotr => self.shift(inst),
            Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => self.divide(inst),
            Op::Smin | Op::Smax | Op::Umin | Op::Umax => (!inst.has_imm() && a == b).then_some(a),
            Op::Neg => {
                let def = self.def(a)?;
                match def.op {
                    Op::Neg => Some(VReg(def.a)),
                    Op::Sub if !def.has_imm() => {
                        Some(self.make(with_two(Op::Sub, ty, VReg(def.b), VReg(def.a))))
                    }
                    _ => None,
                }
            }
            Op::Not | Op::Fneg => self.def_by(a, inst.op).map(|def| VReg(def.a)),
            Op::Bswap | Op::Bitrev => self.def_by(a, inst.op).map(|def| VReg(def.a)),
            Op::Sext8 | Op::Sext16 | Op::Zext8 | Op::Zext16 => self.extend(inst),
            Op::Sext => {
                // Zeros are what 32-bit instructions leave above anyway.
                self.is_not_negative(a).then(|| self.make(with_one(Op::Zext, ty, a)))
            }
            Op::Trunc => {
                let def = self.def(a)?;
                matches!(def.op, Op::Sext | Op::Zext).then_some(VReg(def.a))
            }
            Op::Sbits | Op::Ubits => {
                let op = match (inst.op, inst.b) {
                    (_, range) if range == (ty.bytes() * 8) << 8 => return Some(a),
                    (Op::Ubits, 0x800) => Op::Zext8,
                    (Op::Ubits, 0x1000) => Op::Zext16,
                    (Op::Sbits, 0x800) => Op::Sext8,
                    (Op::Sbits, 0x1000) => Op::Sext16,
                    _ => return None,
                };
                Some(self.make(with_one(op, ty, a)))
            }
            Op::Select => self.select(inst),
            Op::Cmp => {
                let holds = self.condition(inst)?;
                Some(self.constant(Type::I32, holds as u64))
            }
            Op::Bitcast => {
                let def = self.def_by(a, Op::Bitcast)?;
                let from = VReg(def.a);
                ty.accepts(self.body.f.ty(from)).then_some(from)
            }
            Op::Fabs => {
                let def = self.def(a)?;
                match def.op {
                    Op::Fabs => Some(a),
                    Op::Fneg => Some(self.make(with_one(Op::Fabs, ty, VReg(def.a)))),
                    _ => None,
                }
            }
            // a + -b is a - b to the last bit, and the other way round.
            Op::Fadd | Op::Fsub => {
                let op = if inst.op == Op::Fadd { Op::Fsub } else { Op::Fadd };
                if let Some(def) = self.def_by(b, Op::Fneg) {
                    return Some(self.make(with_two(op, ty, a, VReg(def.a))));
                }
                let def = self.def_by(a, Op::Fneg).filter(|_| inst.op == Op::Fadd)?;
                Some(self.make(with_two(Op::Fsub, ty, b, VReg(def.a))))
            }
            // The reciprocal of a power of two is exact, so both round the same number.
            Op::Fdiv => {
                let divisor = self.constant_of(b)? as u64;
                let (mantissa, exponents, one) =
                    if ty == Type::F32 { (23, 0xff, 127) } else { (52, 0x7ff, 1023) };
                let exponent = divisor >> mantissa & exponents;
                let reciprocal = (2 * one as u64).checked_sub(exponent)?;
                let normal = |exponent| exponent > 0 && exponent < exponents;
                let sign = divisor & !((exponents + 1) << mantissa) == divisor;
                let power = divisor & ((1 << mantissa) - 1) == 0 && sign;
                (power && normal(exponent) && normal(reciprocal)).then(|| {
                    let factor = self.constant(ty, reciprocal << mantissa);
                    self.make(with_two(Op::Fmul, ty, a, factor))
                })
            }
            Op::Addr => self.addr(inst),
            _ => None,
        }
    }

    /// Puts operands in order: of ops that take them either way, constants second, else the older value first; constants
    /// that fit go into the record.
    fn arrange(&mut self, inst: &mut InstData) {
        if matches!(inst.op, Op::Fadd | Op::Fmul) && inst.a > inst.b {
            std::mem::swap(&mut inst.a, &mut inst.b);
        }
        if !matches!(inst.op.shape(), Shape::Binary | Shape::Compare | Shape::Branch) || inst.has_imm() {
            return;
        }
        let either = matches!(
            inst.op,
            Op::Add
                | Op::Mul
                | Op::And
                | Op::Or
                | Op::Xor
                | Op::Smin
                | Op::Smax
                | Op::Umin
                | Op::Umax
                | Op::Cmp
                | Op::Branch
        );
        let mut second = self.constant_of(VReg(inst.b));
        if either && second.is_none() {
            let first = self.constant_of(VReg(inst.a));
            // A pointer stays first, and what is not numbered as it is.
            let pointer = inst.ty == Type::Ptr && self.body.f.ty(VReg(inst.b)) != Type::Ptr;
            if first.is_some() || inst.a > inst.b && !pointer && inst.op != Op::Branch {
                std::mem::swap(&mut inst.a, &mut inst.b);
                second = first;
                if inst.op.shape() != Shape::Binary {
                    *inst = with_variant(*inst, Variant::Cond(inst.cond().exchanged()));
                }
            }
        }
        if let Some(constant) = second.and_then(|c| i32::try_from(c).ok()) {
            inst.aux |= aux::IMM;
            inst.b = constant as u32;
        }
    }

    /// The value of an instruction all of whose operands are constants.
    fn compute(&mut self, inst: &InstData) -> Option<VReg> {
        // The first operand is read first: it is seldom a constant.
        let (ty, shape) = (inst.ty, inst.op.shape());
        let a = match shape {
            Shape::Unary
            | Shape::Binary
            | Shape::FBinary
            | Shape::Ternary
            | Shape::Compare
            | Shape::FCompare
            | Shape::Extract
            | Shape::Insert
            | Shape::Widen
            | Shape::Narrow
            | Shape::FromInt
            | Shape::ToInt
            | Shape::Promote
            | Shape::Demote
            | Shape::Bitcast => self.constant_of(VReg(inst.a))?,
            _ => return None,
        };
        if inst.op == Op::Copy {
            return None;
        }
        let from = self.body.f.ty(VReg(inst.a));
        let mut words = [a as u64, 0, 0];
        let tail = inst.b as usize;
        let float = match shape {
            Shape::Binary | Shape::Compare => {
                words[1] = self.second(inst)? as u64;
                false
            }
            Shape::FBinary | Shape::FCompare => {
                words[1] = self.constant_of(VReg(inst.b))? as u64;
                true
            }
            Shape::Ternary => {
                words[1] = self.constant_of(VReg(self.body.f.pool()[tail]))? as u64;
                words[2] = self.constant_of(VReg(self.body.f.pool()[tail + 1]))? as u64;
                true
            }
            Shape::Insert => {
                words[1] = self.constant_of(VReg(self.body.f.pool()[tail]))? as u64;
                words[2] = self.body.f.pool()[tail + 1] as u64;
                false
            }
            Shape::Extract => {
                words[1] = inst.b as u64;
                false
            }
            _ => from.is_float() || ty.is_float(),
        };
        let exact = matches!(inst.op, Op::Fneg | Op::Fabs | Op::Fcopysign | Op::Bitcast | Op::Fcmp);
        let nan = |ty: Type, word: u64| match ty {
            Type::F32 => f32::from_bits(word as u32).is_nan(),
            Type::F64 => f64::from_bits(word).is_nan(),
            _ => false,
        };
        let open = float && !exact && !self.canonical_nan;
        if open && (nan(from, words[0]) || words[1..].iter().any(|word| nan(ty, *word))) {
            return None;
        }
        let value = compute(inst, from, words, self.canonical_nan).ok()?;
        if open && nan(ty, value) {
            return None;
        }
        let ty = if matches!(inst.op, Op::Cmp | Op::Fcmp) { Type::I32 } else { ty };
        Some(self.constant(ty, value))
    }

    /// The sum of constants that an instruction may have; of 32 bits it wraps.
    fn sum(ty: Type, a: i64, b: i64) -> Option<i32> {
        let sum = a.checked_add(b)?;
        if ty == Type::I32 { Some(sum as i32) } else { i32::try_from(sum).ok() }
    }

    fn add(&mut self, inst: &InstData) -> Option<VReg> {
        let (ty, a) = (inst.ty, VReg(inst.a));
        if !inst.has_imm() {
            let b = VReg(inst.b);
            // What is added to a negation is subtracted from.
            if let Some(def) = self.def_by(b, Op::Neg) {
                return Some(self.make(with_two(Op::Sub, ty, a, VReg(def.a))));
            }
            return None;
        }
        let k = inst.b as i32 as i64;
        if k == 0 {
            return Some(a);
        }
        let def = self.def(a)?;
        let more = match def.op {
            Op::Add if def.has_imm() => Self::sum(ty, def.b as i32 as i64, k)?,
            Op::SlotAddr | Op::DataAddr => {
                // Farther than that from an object there is nothing, and code reaches only so far.
                let offset = Self::sum(Type::I64, def.b as i32 as i64, k)?;
                let near = offset.unsigned_abs() < 1 << 24;
                return near.then(|| self.make(InstData { b: offset as u32, ..def }));
            }
            _ => return None,
        };
        Some(self.make(with_constant(Op::Add, ty, VReg(def.a), more)))
    }

    fn sub(&mut self, inst: &InstData) -> Option<VReg> {
        let (ty, a, b) = (inst.ty, VReg(inst.a), VReg(inst.b));
        if inst.has_imm() {
            let k = (inst.b as i32).checked_neg()?;
            return Some(self.make(with_constant(Op::Add, ty, a, k)));
        }
        if a == b {
            return Some(self.constant(ty, 0));
        }
        if self.constant_of(a) == Some(0) && ty != Type::Ptr {
            return Some(self.make(with_one(Op::Neg, ty, b)));
        }
        if let Some(def) = self.def_by(b, Op::Neg) {
            return Some(self.make(with_two(Op::Add, ty, a, VReg(def.a))));
        }
        // (x + y) - x
        let def = self.def_by(a, Op::Add).filter(|def| !def.has_imm())?;
        match (VReg(def.a) == b, VReg(def.b) == b) {
            (true, _) => Some(VReg(def.b)),
            (_, true) => Some(VReg(def.a)),
            _ => None,
        }
        .filter(|v| ty.accepts(self.body.f.ty(*v)))
    }

    fn mul(&mut self, inst: &InstData) -> Option<VReg> {
        let (ty, a) = (inst.ty, VReg(inst.a));
        let k = self.second(inst)?;
        match k {
            0 => return Some(self.constant(ty, 0)),
            1 => return Some(a),
            -1 => return Some(self.make(with_one(Op::Neg, ty, a))),
            _ => {}
        }
        let width = k as u64 & if ty == Type::I32 { u32::MAX as u64 } else { u64::MAX };
        if width.is_power_of_two() {
            return Some(self.make(with_constant(Op::Shl, ty, a, width.trailing_zeros() as i32)));
        }
        let def = self.def_by(a, Op::Mul).filter(InstData::has_imm)?;
        let product = (def.b as i32 as i64).checked_mul(k)?;
        let product = if ty == Type::I32 { product as i32 } else { i32::try_from(product).ok()? };
        Some(self.make(with_constant(Op::Mul, ty, VReg(def.a), product)))
    }

    /// and, or, xor.
    fn bits(&mut self, inst: &InstData) -> Option<VReg> {
        let (op, ty, a, b) = (inst.op, inst.ty, VReg(inst.a), VReg(inst.b));
        let Some(k) = self.second(inst) else {
            if a == b {
                return Some(if op == Op::Xor { self.constant(ty, 0) } else { a });
            }
            return if op == Op::Or && ty != Type::Ptr { self.rotation(ty, a, b) } else { None };
        };
        match (op, k) {
            (Op::And, 0) => return Some(self.constant(ty, 0)),
            (Op::And, -1) | (Op::Or | Op::Xor, 0) => return Some(a),
            (Op::Or, -1) => return Some(self.constant(ty, u64::MAX)),
            (Op::Xor, -1) if ty != Type::Ptr => return Some(self.make(with_one(Op::Not, ty, a))),
            (Op::And, 0xff) if ty != Type::Ptr => return Some(self.make(with_one(Op::Zext8, ty, a))),
            (Op::And, 0xffff) if ty != Type::Ptr => return Some(self.make(with_one(Op::Zext16, ty, a))),
            (Op::And, 0xffff_ffff) if ty == Type::I64 => {
                let low = self.make(with_one(Op::Trunc, Type::I32, a));
                return Some(self.make(with_one(Op::Zext, ty, low)));
            }
            _ => {}
        }
        if !inst.has_imm() {
            return None;
        }
        let def = self.def(a)?;
        if op == Op::Xor && k == 1 && matches!(def.op, Op::Cmp | Op::Fcmp) && ty == Type::I32 {
            return Some(self.make(inverse(def)));
        }
        if def.op != op || !def.has_imm() {
            return None;
        }
        let other = def.b as i32;
        let both = match op {
            Op::And => other & k as i32,
            Op::Or => other | k as i32,
            _ => other ^ k as i32,
        };
        Some(self.make(with_constant(op, ty, VReg(def.a), both)))
    }

    /// Shifts of one value by counts that make up the width.
    fn rotation(&mut self, ty: Type, a: VReg, b: VReg) -> Option<VReg> {
        let (a, b) = (self.def(a)?, self.def(b)?);
        let (left, right) = if a.op == Op::Shl { (a, b) } else { (b, a) };
        let constants = left.has_imm() && right.has_imm();
        let shifts = left.op == Op::Shl && right.op == Op::Lshr && left.a == right.a;
        let whole = constants && left.b.wrapping_add(right.b) == ty.bytes() * 8;
        (shifts && whole).then(|| self.make(with_constant(Op::Rotl, ty, VReg(left.a), left.b as i32)))
    }

    fn shift(&mut self, inst: &mut InstData) -> Option<VReg> {
        let (op, ty, a) = (inst.op, inst.ty, VReg(inst.a));
        let bits = ty.bytes() as i64 * 8;
        let k = self.second(inst)? & (bits - 1);
        if k == 0 {
            return Some(a);
        }
        *inst = with_constant(op, ty, a, k as i32);
        let def = self.def(a).filter(InstData::has_imm)?;
        let (from, other) = (VReg(def.a), def.b as i32 as i64);
        if def.op == op {
            let sum = other + k;
            return match op {
                Op::Shl | Op::Lshr if sum >= bits => Some(self.constant(ty, 0)),
                Op::Ashr => Some(self.make(with_constant(op, ty, from, sum.min(bits - 1) as i32))),
                _ => Some(self.make(with_constant(op, ty, from, (sum & (bits - 1)) as i32))),
            };
        }
        // Left and right again: the low bits extended.
        if def.op != Op::Shl || other != k {
            return None;
        }
        let extension = match (op, bits - k) {
            (Op::Ashr, 8) => Op::Sext8,
            (Op::Ashr, 16) => Op::Sext16,
            (Op::Ashr, 32) => Op::Sext,
            (Op::Lshr, 8) => Op::Zext8,
            (Op::Lshr, 16) => Op::Zext16,
            (Op::Lshr, 32) => Op::Zext,
            _ => return None,
        };
        let from = match extension {
            Op::Sext | Op::Zext => self.make(with_one(Op::Trunc, Type::I32, from)),
            _ => from,
        };
        Some(self.make(with_one(extension, ty, from)))
    }

    /// Extensions from 8 and 16 bits.
    fn extend(&mut self, inst: &InstData) -> Option<VReg> {
        let (op, ty, a) = (inst.op, inst.ty, VReg(inst.a));
        let def = self.def(a)?;
        let signed = matches!(op, Op::Sext8 | Op::Sext16);
        let narrow = matches!(op, Op::Sext8 | Op::Zext8);
        // What has these bits only, and is extended in the same way or has a zero above them.
        let (bytes, from_signed) = match def.op {
            Op::Sext8 => (1, true),
            Op::Zext8 => (1, false),
            Op::Sext16 => (2, true),
            Op::Zext16 => (2, false),
            Op::Load if !def.access().is_float() => (def.access().bytes(), def.access().signed()),
            Op::Cmp | Op::Fcmp => return Some(a),
            _ => return None,
        };
        let own = if narrow { 1 } else { 2 };
        if bytes == own && from_signed == signed || bytes < own && (signed || !from_signed) {
            return Some(a);
        }
        // Bits above the own ones come to nothing.
        let from = VReg(def.a);
        (bytes >= own && def.op != Op::Load).then(|| self.make(with_one(op, ty, from)))
    }

    /// Whether a 32-bit value is known to have no sign.
    fn is_not_negative(&self, v: VReg) -> bool {
        let Some(def) = self.def(v) else { return false };
        match def.op {
            Op::Zext8 | Op::Zext16 | Op::Cmp | Op::Fcmp | Op::Clz | Op::Ctz | Op::Popcnt => true,
            Op::And => def.has_imm() && def.b as i32 >= 0,
            Op::Lshr => def.has_imm() && def.b > 0,
            Op::Ubits => def.b >> 8 < 32,
            Op::Load => def.access().bytes() < 4 && !def.access().signed(),
            _ => false,
        }
    }

    fn select(&mut self, inst: &mut InstData) -> Option<VReg> {
        let tail = inst.b as usize;
        let (yes, no) = (VReg(self.body.f.pool()[tail]), VReg(self.body.f.pool()[tail + 1]));
        if yes == no {
            return Some(yes);
        }
        if let Some(cond) = self.constant_of(VReg(inst.a)) {
            return Some(if cond as u32 != 0 { yes } else { no });
        }
        // Whether a value is 0 is what the op asks anyway.
        let def = self.def_by(VReg(inst.a), Op::Cmp)?;
        if def.ty == Type::I32 && def.has_imm() && def.b == 0 && matches!(def.cond(), Cond::Eq | Cond::Ne) {
            inst.a = def.a;
            if def.cond() == Cond::Eq {
                let pool = self.body.f.arrays().pool;
                pool.swap(tail, tail + 1);
            }
        }
        None
    }

    /// Simplifies the condition of a compare, branch or guard of integers without a tail, which may come to compare floats;
    /// says whether it holds if that is known.
    pub(super) fn condition(&mut self, inst: &mut InstData) -> Option<bool> {
        self.arrange(inst);
        let a = VReg(inst.a);
        let cond = inst.cond();
        let Some(k) = self.second(inst) else {
            if a.0 != inst.b {
                return None;
            }
            return match cond {
                Cond::Eq | Cond::Le | Cond::Ge | Cond::Ule | Cond::Uge => Some(true),
                Cond::Ne | Cond::Lt | Cond::Gt | Cond::Ult | Cond::Ugt => Some(false),
                Cond::Any | Cond::None => None,
            };
        };
        if let Some(a) = self.constant_of(a) {
            return Some(cond.holds(a, k, inst.ty.bytes() * 8));
        }
        match (cond, k) {
            (Cond::Ult | Cond::Any, 0) => return Some(false),
            (Cond::Uge | Cond::None, 0) => return Some(true),
            (Cond::Ugt, 0) | (Cond::Any, -1) => *inst = zero(*inst, Cond::Ne),
            (Cond::Ule, 0) | (Cond::None, -1) => *inst = zero(*inst, Cond::Eq),
            (Cond::Ult, 1) => *inst = zero(*inst, Cond::Eq),
            (Cond::Uge, 1) => *inst = zero(*inst, Cond::Ne),
            _ => {}
        }
        let def = self.def(a)?;
        let cond = inst.cond();
        if matches!(def.op, Op::Cmp | Op::Fcmp) && inst.ty == Type::I32 && inst.has_imm() {
            // 0 and 1 are all that it can be.
            let holds = |v: i64| inst.cond().holds(v, inst.b as i32 as i64, 32);
            let direct = match (holds(0), holds(1)) {
                (false, true) => true,
                (true, false) => false,
                (known, _) => return Some(known),
            };
            return self.take_over(inst, def, direct);
        }
        if !matches!(cond, Cond::Eq | Cond::Ne) || !inst.has_imm() || inst.b != 0 || def.ty != inst.ty {
            return None;
        }
        let same = if cond == Cond::Eq { Cond::Eq } else { Cond::Ne };
        let taken = match def.op {
            Op::Sub | Op::Xor => same,
            Op::And if cond == Cond::Eq => Cond::None,
            Op::And => Cond::Any,
            _ => return None,
        };
        let imm = inst.aux & !aux::IMM | def.aux & aux::IMM;
        *inst = with_variant(InstData { aux: imm, a: def.a, b: def.b, ..*inst }, Variant::Cond(taken));
        None
    }

    /// Gives a compare or branch the condition of the compare that it looks at, or its inverse.
    fn take_over(&mut self, inst: &mut InstData, def: InstData, direct: bool) -> Option<bool> {
        let def = if direct { def } else { inverse(def) };
        let op = match (inst.op, def.op) {
            // The value exists already, or its inverse is made.
            (Op::Cmp, _) => {
                *inst = def;
                return None;
            }
            (Op::Branch, Op::Fcmp) => Op::Fbranch,
            (op, _) => op,
        };
        let kept = inst.aux & (3 << aux::HINT);
        let taken = def.aux & (15 << aux::VARIANT | aux::IMM);
        *inst = InstData { op, ty: def.ty, aux: kept | taken, dst: inst.dst, a: def.a, b: def.b };
        None
    }
}

/// A compare with the constant 0.
fn zero(inst: InstData, cond: Cond) -> InstData {
    let inst = InstData { aux: inst.aux | aux::IMM, b: 0, ..inst };
    with_variant(inst, Variant::Cond(cond))
}

/// A compare that gives 1 where the other one gives 0.
fn inverse(inst: InstData) -> InstData {
    let variant = match inst.variant() {
        Variant::Cond(cond) => Variant::Cond(cond.inverse()),
        Variant::FCond(cond) => Variant::FCond(FCond::inverse(cond)),
        other => other,
    };
    with_variant(inst, variant)
}
