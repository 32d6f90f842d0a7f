//! One instruction, made from the operands that its shape lists.

use crate::body::{Body, Class};
use crate::values;
use kiln_ir::function::aux;
use kiln_ir::op::{Field, Kind, Role, Shape, TrapCause, Variant};
use kiln_ir::{Cond, FCond, InstData, Op, Type, VReg};

/// A record under construction, with its tail.
pub(crate) struct Draft {
    pub inst: InstData,
    pub tail: Vec<u32>,
}

impl Draft {
    pub fn new(op: Op, ty: Type) -> Draft {
        Draft { inst: InstData { op, ty, aux: 0, dst: VReg::NONE.0, a: 0, b: 0 }, tail: vec![] }
    }

    pub fn set(&mut self, field: Field, word: u32) {
        match field {
            Field::Dst => self.inst.dst = word,
            Field::A => self.inst.a = word,
            Field::B => self.inst.b = word,
            Field::Tail(n) => {
                let n = n as usize;
                if self.tail.len() <= n {
                    self.tail.resize(n + 1, 0);
                }
                self.tail[n] = word;
            }
        }
    }
}

impl Body<'_, '_, '_> {
    pub fn push(&mut self, mut draft: Draft) {
        if !draft.tail.is_empty() {
            draft.inst.aux |= aux::TAIL;
        }
        self.b.push(draft.inst, &draft.tail);
    }

    /// An instruction with this op and type that may stand in the middle of a block, and what it needs around it.
    /// Nothing, if this function has no place for it (a cold edge without a cold block ahead).
    pub fn instruction(&mut self, op: Op, ty: Type) {
        match op.shape() {
            Shape::Const => {
                let dst = self.write_to(Class::of(ty, true), &[]);
                self.b.to(dst);
                self.constant(ty);
            }
            Shape::Load => self.load(ty),
            Shape::Store => self.store(ty),
            Shape::Prefetch => self.prefetch(),
            Shape::MemCopy | Shape::MemFill => self.block_op(op),
            Shape::AtomicLoad | Shape::AtomicStore | Shape::AtomicRmw | Shape::AtomicCas => {
                self.atomic(op, ty)
            }
            Shape::Fence => self.fence(),
            Shape::Address | Shape::SlotAddr | Shape::Nullary | Shape::Alloca => self.access_through(op),
            Shape::DataAddr if op == Op::TlsAddr => self.thread_local(),
            Shape::DataAddr => self.access_through(op),
            Shape::LabelAddr => {
                let target = self.e.pick(&self.blocks[1..]);
                self.b.label_addr(target);
            }
            Shape::FuncAddr | Shape::CallPtr => self.call_through_pointer(),
            Shape::Call => self.call(),
            // Variable arguments are read where a function begins.
            Shape::VaList | Shape::VaArg | Shape::VaCopy => {}
            Shape::Overflow | Shape::OverflowUnary if self.cold_ahead().is_none() => {}
            _ => self.regular(op, ty),
        }
    }

    /// A cold block after the open one.
    fn cold_ahead(&mut self) -> Option<u32> {
        let ahead = self.cold.start.max(self.now + 1)..self.cold.end;
        if ahead.is_empty() {
            return None;
        }
        let at = ahead.start + self.e.below(ahead.len() as u32) as usize;
        Some(self.blocks[at].0)
    }

    /// An instruction whose operands can be chosen one by one.
    fn regular(&mut self, op: Op, ty: Type) {
        let shape = op.shape();
        let mut draft = Draft::new(op, ty);
        let keeps_bits =
            matches!(op, Op::Copy | Op::Select | Op::Fabs | Op::Fneg | Op::Fcopysign | Op::Bitcast);
        // Bits that go to an integer must be determined, the others may be.
        let exact = keeps_bits && (!ty.is_float() || self.e.chance(50));
        let exact_result = exact || matches!(op, Op::SitoF | Op::UitoF);
        let risky = !op.info().traps.is_empty() && self.e.chance(self.config.traps);
        let leaves = matches!(shape, Shape::Guard | Shape::FGuard);
        let leaves_safely = leaves && !self.e.chance(self.config.traps);
        let variant = {
            let all = shape.variants().all();
            self.e.pick(&all)
        };
        if leaves_safely && self.e.chance(60) && self.guard_constants(&mut draft, variant) {
            return;
        }
        let variant = if leaves_safely { self.never_between_equals(variant) } else { variant };
        draft.inst.aux |= InstData::variant_bits(variant);

        let mut first = VReg::NONE;
        for (n, (field, role)) in shape.operands().iter().enumerate() {
            match role {
                Role::Use(_) | Role::UseOrImm(_) if leaves_safely && !first.is_none() => {
                    draft.set(*field, first.0);
                }
                Role::Use(kind) => {
                    let sign = op == Op::Fcopysign && n == 2;
                    let class = self.class(*kind, ty, exact || sign);
                    let v = if sign { self.exact_float(ty) } else { self.source(op, class, risky, n) };
                    if first.is_none() {
                        first = v;
                    }
                    draft.set(*field, v.0);
                }
                Role::UseOrImm(kind) if self.e.chance(45) => {
                    let class = self.class(*kind, ty, exact);
                    let value = self.immediate_for(op, class, risky);
                    draft.inst.aux |= aux::IMM;
                    draft.set(*field, value as u32);
                }
                Role::UseOrImm(kind) => {
                    let class = self.class(*kind, ty, exact);
                    let v = self.source(op, class, risky, n);
                    draft.set(*field, v.0);
                }
                Role::Imm => {
                    let value = values::immediate(self.e);
                    draft.set(*field, value as u32);
                }
                Role::BitRange => {
                    let bits = ty.bytes() * 8;
                    let bit = self.e.below(bits);
                    let width = self.e.range(1, bits - bit);
                    draft.set(*field, bit | width << 8);
                }
                Role::ColdBlock => {
                    let block = self.cold_ahead().expect("asked for before");
                    draft.set(*field, block);
                }
                Role::ExitId | Role::TrapCode | Role::CodeBytes => {
                    let id = self.e.below(100);
                    draft.set(*field, id);
                }
                Role::List => self.list(&mut draft, *field),
                Role::Def(_) => {}
                Role::StoreValue
                | Role::Const
                | Role::Mem
                | Role::Block
                | Role::Func
                | Role::Data
                | Role::Slot
                | Role::LabelSet
                | Role::Cases
                | Role::Results
                | Role::CallList => panic!("{op:?} has an operand that needs a way of its own: {role:?}"),
            }
        }
        // Results after the operands, so that no operand is the fresh register.
        let mut written = vec![];
        for (field, role) in shape.operands() {
            if let Role::Def(kind) = role {
                let class = self.class(*kind, ty, exact_result);
                let v = self.write_to(class, &written);
                written.push(v);
                draft.set(*field, v.0);
            }
        }
        self.push(draft);
    }

    /// A counted list of any registers, which ends the tail.
    fn list(&mut self, draft: &mut Draft, field: Field) {
        let count = self.e.below(5);
        draft.set(field, count);
        for _ in 0..count {
            let class = self.e.pick(&Class::ALL);
            let v = self.read(class);
            draft.tail.push(v.0);
        }
    }

    /// A guard between two constants between which its condition does not hold. False if none were found.
    fn guard_constants(&mut self, draft: &mut Draft, variant: Variant) -> bool {
        let ty = draft.inst.ty;
        for _ in 0..8 {
            let holds = match variant {
                Variant::Cond(cond) => {
                    let b = values::immediate(self.e);
                    // Equal ones are rare among numbers that are drawn apart.
                    let a = if self.e.chance(20) { b as i64 } else { values::integer(self.e) };
                    if cond.holds(a, b as i64, ty.bytes() * 8) {
                        continue;
                    }
                    let a = self.b.iconst(ty, a);
                    let imm = self.e.chance(50);
                    let b = if imm { b as u32 } else { self.b.iconst(ty, b as i64).0 };
                    draft.inst.aux |= if imm { aux::IMM } else { 0 };
                    Some((a, b))
                }
                Variant::FCond(cond) => {
                    let (a, b) = (values::single(self.e), values::single(self.e));
                    if cond.holds(a as f64, b as f64) {
                        continue;
                    }
                    let [a, b] = [a, b].map(|x| match ty {
                        Type::F32 => self.b.f32const(x),
                        _ => self.b.f64const(x as f64),
                    });
                    Some((a, b.0))
                }
                Variant::None | Variant::Rmw(_) => None,
            };
            let Some((a, b)) = holds else { return false };
            draft.inst.aux |= InstData::variant_bits(variant);
            draft.inst.a = a.0;
            draft.tail = vec![b, self.e.below(100)];
            self.list(draft, Field::Tail(2));
            let draft = std::mem::replace(draft, Draft::new(Op::Nop, Type::I32));
            self.push(draft);
            return true;
        }
        false
    }

    /// The class of registers that the rule allows.
    fn class(&mut self, kind: Kind, ty: Type, exact: bool) -> Class {
        let ty = match kind {
            Kind::T => ty,
            Kind::I32 => Type::I32,
            Kind::I64 => Type::I64,
            Kind::F32 => Type::F32,
            Kind::F64 => Type::F64,
            Kind::Ptr => Type::Ptr,
            Kind::Int => self.e.pick(&[Type::I32, Type::I64]),
            Kind::Float => self.e.pick(&[Type::F32, Type::F64]),
            Kind::OtherClass => match ty {
                Type::I32 => Type::F32,
                Type::F32 => Type::I32,
                Type::I64 | Type::Ptr => Type::F64,
                Type::F64 => self.e.pick(&[Type::I64, Type::Ptr]),
            },
        };
        Class::of(ty, exact)
    }

    /// A register for operand `n`, made harmless if the op can trap and is not to.
    fn source(&mut self, op: Op, class: Class, risky: bool, n: usize) -> VReg {
        if matches!(op.shape(), Shape::FromInt) {
            return self.read_strictly(class);
        }
        if risky {
            return self.read(class);
        }
        let traps = op.info().traps;
        if traps.contains(&TrapCause::DivideByZero) && n == 2 {
            let v = self.read(class);
            let v =
                if traps.contains(&TrapCause::IntegerOverflow) { self.b.and(v, i32::MAX as i64) } else { v };
            return self.b.or(v, 1);
        }
        if traps.contains(&TrapCause::InvalidConversion) {
            let v = self.read(Class::I32);
            let v =
                if op == Op::FtoSi && self.e.chance(50) { self.b.sext16(v) } else { self.b.and(v, 0x7fff) };
            return self.b.sitof(class.ty(), v);
        }
        self.read(class)
    }

    fn immediate_for(&mut self, op: Op, class: Class, risky: bool) -> i32 {
        let value = values::immediate(self.e);
        let divides = op.info().traps.contains(&TrapCause::DivideByZero);
        if divides && !risky && matches!(value, 0 | -1) {
            return 7;
        }
        let shifts = matches!(op, Op::Shl | Op::Lshr | Op::Ashr | Op::Rotl | Op::Rotr);
        if shifts && self.e.chance(70) {
            return self.e.below(class.ty().bytes() * 8) as i32;
        }
        value
    }

    /// A variant that does not hold if both operands are the same register.
    fn never_between_equals(&mut self, variant: Variant) -> Variant {
        match variant {
            Variant::Cond(_) => {
                Variant::Cond(self.e.pick(&[Cond::Ne, Cond::Lt, Cond::Gt, Cond::Ult, Cond::Ugt]))
            }
            Variant::FCond(_) => Variant::FCond(self.e.pick(&[FCond::Lt, FCond::Gt, FCond::Ltgt])),
            other => other,
        }
    }
}
