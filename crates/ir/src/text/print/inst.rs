//! Printing instructions.

use super::Printer;
use super::body::Scope;
use crate::entity::{DataId, FuncId, SigId, VReg};
use crate::function::{InstData, aux};
use crate::op::{Field, Hint, Kind, Op, Order, Role, Shape, Variant};
use crate::text::infer::{self, Known, kind_type};
use crate::types::{MemType, Type, TypeSet};
use std::fmt::{self, Write};

/// What must be written for the types to come out as they are.
#[derive(Default)]
struct Spelling {
    access: Option<MemType>,
    suffix: Option<Type>,
    /// Whether the first result's type is written.
    annotate: bool,
}

impl Printer<'_, '_, '_> {
    pub(super) fn inst(&mut self, scope: &mut Scope<'_>, inst: &InstData) -> fmt::Result {
        let info = inst.op.info();
        let spelling = spelling(scope, inst);
        self.results(scope, inst, &spelling)?;
        match (info.mnemonic.split_once("{}"), inst.variant()) {
            (Some((before, after)), variant) => write!(self.out, "{before}{}{after}", variant.name())?,
            (None, Variant::None) => self.out.write_str(info.mnemonic)?,
            (None, variant) => write!(self.out, "{}{}", info.mnemonic, variant.name())?,
        }
        if let Some(access) = spelling.access {
            write!(self.out, ".{access}")?;
        }
        if let Some(ty) = spelling.suffix {
            write!(self.out, ".{ty}")?;
        }
        let mut first = true;
        for (field, role) in info.shape.operands() {
            self.operand(scope, inst, *field, *role, &mut first)?;
        }
        self.attributes(inst)
    }

    fn results(&mut self, scope: &mut Scope<'_>, inst: &InstData, spelling: &Spelling) -> fmt::Result {
        let mut first = true;
        if let Some(Role::CallList) = inst.op.shape().operands().last().map(|(_, role)| *role) {
            let call = scope.body.call(inst);
            let types = self.module.sigs.get(call.sig.index()).map_or(&[][..], |sig| &sig.results);
            let head = (call.results > 0).then_some(VReg(inst.dst));
            for (n, v) in head.into_iter().chain(call.more_results.iter()).enumerate() {
                let expected = types.get(n).map_or(Type::I64, |ty| ty.register());
                self.result(scope, v, expected, false, &mut first)?;
            }
        } else {
            for (field, role) in inst.op.shape().operands() {
                if let Role::Def(kind) = role {
                    let v = VReg(scope.body.word(inst, *field));
                    let annotate = spelling.annotate && first;
                    self.result(scope, v, kind_type(*kind, inst.ty), annotate, &mut first)?;
                }
            }
        }
        if first { Ok(()) } else { self.out.write_str(" = ") }
    }

    /// A register that is written, with its type if it would not be `expected`.
    fn result(
        &mut self,
        scope: &mut Scope<'_>,
        v: VReg,
        expected: Type,
        annotate: bool,
        first: &mut bool,
    ) -> fmt::Result {
        self.out.write_str(if std::mem::take(first) { "" } else { ", " })?;
        scope.regs.register(self.out, v.0)?;
        if v.0 >= scope.known {
            scope.known = v.0 + 1;
            let ty = scope.body.ty(v);
            if annotate || ty != expected {
                write!(self.out, ": {ty}")?;
            }
        }
        Ok(())
    }

    fn operand(
        &mut self,
        scope: &Scope<'_>,
        inst: &InstData,
        field: Field,
        role: Role,
        first: &mut bool,
    ) -> fmt::Result {
        let body = scope.body;
        if !matches!(role, Role::Def(_) | Role::Results | Role::List | Role::CallList)
            && (role != Role::Imm || inst.op.shape() == Shape::Alloca)
        {
            self.out.write_str(if std::mem::take(first) { " " } else { ", " })?;
        }
        match role {
            Role::Def(_) => Ok(()),
            Role::UseOrImm(_) if inst.has_imm() => write!(self.out, "{}", body.word(inst, field) as i32),
            Role::StoreValue if inst.value_is_imm() => write!(self.out, "{}", inst.dst as i32),
            Role::Use(_) | Role::UseOrImm(_) | Role::StoreValue => {
                scope.regs.register(self.out, body.word(inst, field))
            }
            Role::Const => constant(self.out, inst.ty, body.constant(inst)),
            Role::Mem => self.memory(scope, inst),
            Role::Imm if inst.op.shape() == Shape::Alloca => write!(self.out, "{}", body.word(inst, field)),
            Role::Imm => match body.word(inst, field) as i32 {
                0 => Ok(()),
                n if n > 0 => write!(self.out, " + {n}"),
                n => write!(self.out, " - {}", n.unsigned_abs()),
            },
            Role::BitRange => {
                let word = body.word(inst, field);
                write!(self.out, "{}, {}", word & 0xff, word >> 8)
            }
            Role::Block | Role::ColdBlock => scope.blocks.block(self.out, body.word(inst, field)),
            Role::Func => self.symbols.func(self.out, FuncId(body.word(inst, field))),
            Role::Data => self.symbols.data(self.out, DataId(body.word(inst, field))),
            Role::Slot => scope.slots.slot(self.out, body.word(inst, field)),
            Role::LabelSet => write!(self.out, "L{}", body.word(inst, field)),
            Role::ExitId | Role::TrapCode | Role::CodeBytes => write!(self.out, "{}", body.word(inst, field)),
            Role::List => {
                let Field::Tail(at) = field else { return Ok(()) };
                let list = body.list(inst, at as usize);
                if list.is_empty() {
                    return Ok(());
                }
                self.out.write_char(' ')?;
                self.registers(scope, list.iter())
            }
            Role::Cases => {
                let (default, cases) = body.cases(inst);
                scope.blocks.block(self.out, default.0)?;
                self.out.write_str(", {")?;
                for (n, (value, block)) in cases.enumerate() {
                    write!(self.out, "{}{value}: ", if n > 0 { ", " } else { "" })?;
                    scope.blocks.block(self.out, block.0)?;
                }
                self.out.write_char('}')
            }
            Role::Results => {
                let head = (inst.a != VReg::NONE.0).then_some(VReg(inst.a));
                let more = inst.has_tail().then(|| body.list(inst, 0).iter()).into_iter().flatten();
                for (n, v) in head.into_iter().chain(more).enumerate() {
                    self.out.write_str(if n > 0 { ", " } else { " " })?;
                    scope.regs.register(self.out, v.0)?;
                }
                Ok(())
            }
            Role::CallList => {
                let call = body.call(inst);
                let pointer = matches!(inst.op, Op::CallPtr | Op::TailCallPtr);
                let own = self.module.funcs.get(inst.a as usize).is_some_and(|f| f.sig == call.sig);
                if pointer || !own {
                    self.call_signature(call.sig)?;
                }
                self.registers(scope, call.args.iter())
            }
        }
    }

    fn call_signature(&mut self, sig: SigId) -> fmt::Result {
        let module = self.module;
        if let Some(sig) = module.sigs.get(sig.index()) {
            self.out.write_str(": fn")?;
            self.signature(sig, None)?;
            self.out.write_char(' ')?;
        }
        Ok(())
    }

    fn registers(&mut self, scope: &Scope<'_>, registers: impl Iterator<Item = VReg>) -> fmt::Result {
        self.out.write_char('(')?;
        for (n, v) in registers.enumerate() {
            self.out.write_str(if n > 0 { ", " } else { "" })?;
            scope.regs.register(self.out, v.0)?;
        }
        self.out.write_char(')')
    }

    fn memory(&mut self, scope: &Scope<'_>, inst: &InstData) -> fmt::Result {
        let mem = scope.body.mem(inst);
        self.out.write_char('[')?;
        scope.regs.register(self.out, mem.base.0)?;
        if !mem.index.is_none() {
            self.out.write_str(" + ")?;
            scope.regs.register(self.out, mem.index.0)?;
            if mem.scale != 1 {
                write!(self.out, "*{}", mem.scale)?;
            }
        }
        match mem.disp {
            0 => self.out.write_char(']'),
            n if n > 0 => write!(self.out, " + {n}]"),
            n => write!(self.out, " - {}]", n.unsigned_abs()),
        }
    }

    fn attributes(&mut self, inst: &InstData) -> fmt::Result {
        let shape = inst.op.shape();
        if matches!(shape, Shape::Load | Shape::Store) {
            if inst.alias() != 0 {
                write!(self.out, " !alias={}", inst.alias())?;
            }
            for (bit, name) in [
                (aux::VOLATILE, "volatile"),
                (aux::NO_TRAP, "notrap"),
                (aux::NON_TEMPORAL, "nontemporal"),
                (aux::PRECISE, "precise"),
            ] {
                if inst.aux & bit != 0 {
                    write!(self.out, " !{name}")?;
                }
            }
            if shape == Shape::Load && inst.aux & aux::KEEP != 0 {
                write!(self.out, " !keep")?;
            }
        } else if shape.ordered() && inst.order() != Order::SeqCst {
            write!(self.out, " !{}", inst.order().name())?;
        } else if matches!(shape, Shape::Branch | Shape::FBranch) && inst.hint() != Hint::None {
            write!(self.out, " !{}", inst.hint().name())?;
        }
        Ok(())
    }
}

/// What a reader knows before the type of the instruction, if nothing is written.
fn known(scope: &Scope<'_>, inst: &InstData) -> Known {
    let body = scope.body;
    let mut known = Known::default();
    for (n, (field, role)) in inst.op.shape().operands().iter().enumerate() {
        let register = match role {
            Role::Use(Kind::T | Kind::OtherClass) => Some(body.word(inst, *field)),
            Role::UseOrImm(Kind::T) if !inst.has_imm() => Some(body.word(inst, *field)),
            Role::StoreValue if !inst.value_is_imm() => Some(inst.dst),
            Role::Def(Kind::T) if n == 0 => {
                let v = body.word(inst, *field);
                // The type of a new register is written if it is not the op's.
                if v < scope.known || body.ty(VReg(v)) != inst.ty {
                    known.dest = Some(body.ty(VReg(v)));
                }
                None
            }
            Role::Const => {
                known.float = inst.ty.is_float();
                None
            }
            _ => None,
        };
        known.operand = known.operand.or(register.map(|v| body.ty(VReg(v))));
    }
    if inst.op.shape().accesses() {
        known.access = Some(inst.access());
    }
    known
}

/// Decides what to write: as little as the reader needs.
fn spelling(scope: &Scope<'_>, inst: &InstData) -> Spelling {
    let info = inst.op.info();
    let access = info.shape.accesses().then(|| inst.access());
    if info.types == TypeSet::NONE {
        return Spelling::default();
    }
    let known = known(scope, inst);
    let follows = |known| infer::op_type(inst.op, info.types, known) == Some(inst.ty);
    if follows(known) {
        return Spelling { access, ..Spelling::default() };
    }
    // A load says the register's type at the register, since its suffix is what is read.
    if let (Some(access), [(field, Role::Def(Kind::T)), ..]) = (access, info.shape.operands()) {
        let v = VReg(scope.body.word(inst, *field));
        let with_type = Known { dest: Some(scope.body.ty(v)), ..known };
        if v.0 >= scope.known && follows(with_type) {
            return Spelling { access: Some(access), suffix: None, annotate: true };
        }
    }
    Spelling { access, suffix: Some(inst.ty), annotate: false }
}

/// A constant so that it reads back bit for bit.
fn constant(out: &mut dyn Write, ty: Type, bits: u64) -> fmt::Result {
    match ty {
        Type::F64 if bits == 0x7ff8_0000_0000_0000 => out.write_str("nan"),
        Type::F32 if bits == 0x7fc0_0000 => out.write_str("nan"),
        Type::F64 if f64::from_bits(bits).is_nan() => write!(out, "bits({bits:#x})"),
        Type::F32 if f32::from_bits(bits as u32).is_nan() => write!(out, "bits({:#x})", bits as u32),
        Type::F64 => write!(out, "{:?}", f64::from_bits(bits)),
        Type::F32 => write!(out, "{:?}", f32::from_bits(bits as u32)),
        Type::I32 => write!(out, "{}", bits as i32),
        Type::I64 | Type::Ptr => write!(out, "{}", bits as i64),
    }
}
