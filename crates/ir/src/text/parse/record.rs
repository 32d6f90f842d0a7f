//! From what has been read of an instruction to its record: the types that follow, registers for constants, the words.

use super::Parsed;
use super::body::Code;
use super::expr::Value;
use super::inst::{Head, Part, Parts};
use super::value::{Raw, RawMem, in_register};
use crate::diagnostic::Span;
use crate::entity::VReg;
use crate::function::{InstData, aux};
use crate::op::{Effect, Field, Role};
use crate::text::fault::Fault;
use crate::text::infer::{self, Known, kind_type};
use crate::types::{AbiType, MemType, Type};

impl<'a> Code<'_, 'a> {
    pub(super) fn emit(&mut self, head: Head<'a>) -> Parsed<()> {
        let info = head.op.info();
        let shape = info.shape;
        let mut known = self.known(head);
        let access = if shape.accesses() {
            match head.access.or_else(|| infer::access(known)) {
                Some(access) => access,
                None => {
                    let fault = Fault::UnknownType(head.mnemonic.into());
                    let help = format!("write what is accessed, for example `{}.i32`", head.mnemonic);
                    return Err(self.p.fail_help(head.at, fault, help));
                }
            }
        } else {
            MemType::U8
        };
        known.access = shape.accesses().then_some(access);
        let Some(ty) = head.ty.or_else(|| infer::op_type(head.op, info.types, known)) else {
            let fault = Fault::UnknownType(head.mnemonic.into());
            let example = info.types.iter().last().map_or("", Type::name);
            let help = format!("write it, for example `{}.{example}`", head.mnemonic);
            return Err(self.p.fail_help(head.at, fault, help));
        };
        let mut inst = InstData {
            op: head.op,
            ty,
            aux: self.parts.bits | InstData::variant_bits(head.variant),
            dst: VReg::NONE.0,
            a: 0,
            b: 0,
        };
        if shape.accesses() {
            inst.aux |= (access.0 as u16) << aux::ACCESS;
        }
        self.parts.tail.clear();
        let mut n = 0;
        for (field, role) in shape.operands() {
            if !matches!(role, Role::Def(_)) {
                let part = self.parts.parts[n];
                n += 1;
                self.put(&mut inst, *field, *role, part)?;
            }
        }
        self.put_results(&mut inst, head)?;
        if inst.has_tail() {
            let tail = std::mem::take(&mut self.parts.tail);
            self.b.push(inst, &tail);
            self.parts.tail = tail;
        } else {
            self.b.push(inst, &[]);
        }
        Ok(())
    }

    /// What is known of the instruction before its type is.
    fn known(&self, head: Head<'a>) -> Known {
        use crate::op::Kind::{OtherClass, T};
        let mut known = Known::default();
        let roles = head.op.shape().operands().iter().map(|(_, role)| *role);
        for (role, part) in roles.filter(|r| !matches!(r, Role::Def(_))).zip(&self.parts.parts) {
            match (role, part) {
                (Role::Use(T | OtherClass) | Role::UseOrImm(T) | Role::StoreValue, Part::Value(raw, _)) => {
                    match raw {
                        Raw::Reg(v) => known.operand = known.operand.or(Some(self.b.ty(*v))),
                        Raw::Const(value) => known.float |= !value.is_int(),
                        Raw::Data(_) | Raw::Func(_) | Raw::Slot(_) => {
                            known.operand = known.operand.or(Some(Type::Ptr));
                        }
                    }
                }
                (Role::Const, Part::Const(value, _)) => known.float = !value.is_int(),
                _ => {}
            }
        }
        if let (Some((_, Role::Def(T))), Some(result)) =
            (head.op.shape().operands().first(), self.parts.results.first())
        {
            known.dest = result.ty.or(result.known.map(|v| self.b.ty(v)));
        }
        known
    }

    fn set(&mut self, inst: &mut InstData, field: Field, word: u32) {
        match field {
            Field::Dst => inst.dst = word,
            Field::A => inst.a = word,
            Field::B => inst.b = word,
            Field::Tail(n) => {
                inst.aux |= aux::TAIL;
                let len = self.parts.tail.len().max(n as usize + 1);
                self.parts.tail.resize(len, 0);
                self.parts.tail[n as usize] = word;
            }
        }
    }

    /// Writes an operand into the record or its tail.
    fn put(&mut self, inst: &mut InstData, field: Field, role: Role, part: Part) -> Parsed<()> {
        match part {
            Part::Word(word) => self.set(inst, field, word),
            Part::Const(value, at) => self.put_constant(inst, value, at)?,
            Part::Mem(mem) => self.put_memory(inst, mem)?,
            Part::Value(raw, at) => {
                let word = self.value_word(inst, role, raw, at)?;
                self.set(inst, field, word);
            }
            Part::Cases => {
                inst.aux |= aux::TAIL;
                std::mem::swap(&mut self.parts.tail, &mut self.parts.cases);
                if inst.ty == Type::I32 {
                    // `0xffff_ffff` and -1 are the same value of 32 bits, kept with its sign.
                    for case in self.parts.tail[2..].chunks_exact_mut(3).filter(|case| case[1] == 0) {
                        case[1] = ((case[0] as i32) >> 31) as u32;
                    }
                }
            }
            Part::List if role == Role::Results => self.put_returned(inst)?,
            Part::List => {
                let values = std::mem::take(&mut self.parts.list);
                let Field::Tail(at) = field else { return Ok(()) };
                self.set(inst, field, values.len() as u32);
                for (n, (raw, span)) in values.iter().enumerate() {
                    let v = in_register(self.p, &mut self.b, *raw, *span, None)?;
                    debug_assert_eq!(self.parts.tail.len(), at as usize + 1 + n);
                    self.parts.tail.push(v.0);
                }
                self.parts.list = values;
            }
            Part::Sig(sig) => {
                inst.aux |= aux::TAIL;
                let values = std::mem::take(&mut self.parts.list);
                self.parts.tail.extend([sig.0, values.len() as u32, 0]);
                for (n, (raw, at)) in values.iter().enumerate() {
                    let param = self.b.module().sigs()[sig.index()].params.get(n).map(|p| p.register());
                    let v = in_register(self.p, &mut self.b, *raw, *at, param)?;
                    self.parts.tail.push(v.0);
                }
                self.parts.list = values;
            }
        }
        Ok(())
    }

    /// The word of an operand that reads a register, or the constant itself where the record can hold it.
    fn value_word(&mut self, inst: &mut InstData, role: Role, raw: Raw, at: Span) -> Parsed<u32> {
        let ty = match role {
            Role::Use(kind) | Role::UseOrImm(kind) => kind_type(kind, inst.ty),
            _ => inst.ty,
        };
        let flag = match role {
            Role::UseOrImm(_) => aux::IMM,
            Role::StoreValue => aux::VALUE_IMM & InstData::allowed_bits(inst.op),
            _ => 0,
        };
        if let (Raw::Const(Value::Int(value)), false) = (raw, ty.is_float() || flag == 0) {
            let value = self.p.fit(at, value, ty.bytes() * 8)?;
            if value == value as i32 as i64 {
                inst.aux |= flag;
                return Ok(value as u32);
            }
        }
        Ok(in_register(self.p, &mut self.b, raw, at, Some(ty))?.0)
    }

    fn put_constant(&mut self, inst: &mut InstData, value: Value, at: Span) -> Parsed<()> {
        let wide = |parts: &mut Parts<'_>, inst: &mut InstData, bits: u64| {
            inst.aux |= aux::TAIL;
            parts.tail.extend([bits as u32, (bits >> 32) as u32]);
        };
        match (inst.ty, value) {
            (Type::F64, _) => wide(&mut self.parts, inst, value.f64_bits()),
            (Type::F32, _) => inst.b = self.p.fit_f32(at, value)?,
            (ty, Value::Int(value)) => {
                let value = self.p.fit(at, value, ty.bytes() * 8)?;
                if value == value as i32 as i64 {
                    inst.b = value as u32;
                } else {
                    wide(&mut self.parts, inst, value as u64);
                }
            }
            (ty, _) => {
                let wanted = format!("an integer of type {ty}");
                return Err(self.p.fail(at, Fault::WrongConstant { wanted }));
            }
        }
        Ok(())
    }

    fn put_memory(&mut self, inst: &mut InstData, mem: RawMem) -> Parsed<()> {
        inst.a = in_register(self.p, &mut self.b, mem.base, mem.base_at, Some(Type::Ptr))?.0;
        let atomic = inst.op.shape().ordered();
        if mem.index.is_none() && !atomic {
            inst.b = mem.disp as u32;
        } else {
            inst.aux |= aux::TAIL;
            self.parts.tail.extend([mem.index.0, mem.scale as u32, mem.disp as u32]);
        }
        Ok(())
    }

    /// The operands of `ret`; constants have the types of the function's results.
    fn put_returned(&mut self, inst: &mut InstData) -> Parsed<()> {
        let values = std::mem::take(&mut self.parts.list);
        inst.a = VReg::NONE.0;
        inst.b = VReg::NONE.0;
        for (n, (raw, at)) in values.iter().enumerate() {
            let ty = self.b.result_type(n).map(AbiType::register);
            let v = in_register(self.p, &mut self.b, *raw, *at, ty)?;
            if n == 0 {
                inst.a = v.0;
            } else {
                self.set(inst, Field::Tail(0), n as u32);
                self.parts.tail.push(v.0);
            }
        }
        self.parts.list = values;
        Ok(())
    }

    fn put_results(&mut self, inst: &mut InstData, head: Head<'a>) -> Parsed<()> {
        let written = self.parts.results.len();
        if let Some(Part::Sig(sig)) = self.parts.parts.last().copied() {
            let results = self.b.module().sigs()[sig.index()].results.len();
            let gives = if head.op.is_terminator() { 0 } else { results };
            if written > gives {
                return Err(self.wrong_results(head, gives));
            }
            self.parts.tail[2] = gives as u32;
            for n in 0..gives {
                let ty = self.b.module().sigs()[sig.index()].results[n].register();
                let v = self.result(n, ty)?;
                if n == 0 {
                    inst.dst = v.0;
                } else {
                    self.parts.tail.push(v.0);
                }
            }
            return Ok(());
        }
        let defs = inst.op.shape().operands().iter().filter_map(|(field, role)| match role {
            Role::Def(kind) => Some((*field, *kind)),
            _ => None,
        });
        let gives = defs.clone().count();
        // What changes memory may be wanted for that alone.
        let droppable = inst.op.effect() == Effect::writes;
        if written > gives || written < gives && !droppable {
            return Err(self.wrong_results(head, gives));
        }
        for (n, (field, kind)) in defs.enumerate() {
            let v = self.result(n, kind_type(kind, inst.ty))?;
            self.set(inst, field, v.0);
        }
        Ok(())
    }

    fn wrong_results(&mut self, head: Head<'a>, gives: usize) -> super::Reported {
        let mnemonic = head.mnemonic.to_owned();
        let written = self.parts.results.len();
        let at = match self.parts.results.get(gives) {
            Some(result) => result.at,
            None => head.at,
        };
        let fault = Fault::Results { mnemonic, gives, written };
        if written < gives {
            let results = if gives == 1 { "%r" } else { "%r, %s" };
            return self.p.fail_help(at, fault, format!("write `{results} = {} ...`", head.mnemonic));
        }
        self.p.fail(at, fault)
    }

    /// The register of the result at this place; new, if it is not known, and of this type unless one is written.
    fn result(&mut self, n: usize, ty: Type) -> Parsed<VReg> {
        let Some(result) = self.parts.results.get_mut(n) else { return Ok(self.b.vreg(ty)) };
        if let Some(v) = result.known {
            return Ok(v);
        }
        // The same name may stand twice among the results.
        if let Some(v) = self.scope.regs.get(&result.name.key) {
            return Ok(*v);
        }
        let v = self.scope.new_register(&mut self.b, &result.name, result.ty.unwrap_or(ty));
        result.known = Some(v);
        Ok(v)
    }
}
