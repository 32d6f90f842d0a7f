//! Instructions: results, mnemonic, suffix, operands by the roles of the op's shape, attributes; then the record.
//!
//! Operands are read before the type is known, because it follows from them. Registers for constants are made next, those for
//! results last, so that registers are numbered in the order in which the printed text assigns them.

use super::body::Code;
use super::expr::Value;
use super::value::{Raw, RawMem, in_register};
use super::{Parsed, Symbol};
use crate::diagnostic::Span;
use crate::entity::{FuncId, SigId, VReg};
use crate::function::{InstData, aux};
use crate::op::{Effect, Field, Hint, Op, Order, Role, Shape, Variant, all_mnemonics, find_mnemonic};
use crate::text::fault::{Fault, Thing};
use crate::text::infer::{self, Known, kind_type};
use crate::text::lex::{Kind, Name};
use crate::text::near::nearest;
use crate::types::{AbiType, MemType, Type, TypeSet};

/// A result as written.
pub(super) struct Assigned<'a> {
    pub name: Name<'a>,
    pub at: Span,
    /// The type written behind it.
    pub ty: Option<Type>,
    /// The register, if it was assigned or declared above.
    pub known: Option<VReg>,
}

/// An operand as read.
#[derive(Clone, Copy, Debug)]
enum Part {
    Value(Raw, Span),
    Word(u32),
    Const(Value, Span),
    Mem(RawMem),
    /// Its values are in [`Parts::list`].
    List,
    /// Its words are in [`Parts::cases`].
    Cases,
    Sig(SigId),
}

/// What has been read of an instruction; kept to use its memory again.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub results: Vec<Assigned<'a>>,
    parts: Vec<Part>,
    list: Vec<(Raw, Span)>,
    cases: Vec<u32>,
    tail: Vec<u32>,
    bits: u16,
    func: Option<FuncId>,
}

/// What other languages call an op, where spelling alone would not lead to it.
const FOREIGN: [(&str, &str); 19] = [
    ("asr", "`ashr`"),
    ("br", "`jump`, or a branch such as `blt`"),
    ("cmp", "`cmp_lt` (a value), or a branch such as `blt`"),
    ("div", "`sdiv` or `udiv`"),
    ("goto", "`jump`"),
    ("if", "a branch such as `blt`"),
    ("jmp", "`jump`"),
    ("ld", "`load`"),
    ("lea", "`addr`"),
    ("mod", "`srem` or `urem`"),
    ("mov", "`copy` or `const`"),
    ("move", "`copy`"),
    ("rem", "`srem` or `urem`"),
    ("return", "`ret`"),
    ("sar", "`ashr`"),
    ("shr", "`lshr` or `ashr`"),
    ("st", "`store`"),
    ("while", "a branch such as `blt`"),
    ("xchg", "`atomic_xchg`"),
];

/// An op as its mnemonic and suffixes name it.
#[derive(Clone, Copy)]
struct Head<'a> {
    op: Op,
    variant: Variant,
    mnemonic: &'a str,
    at: Span,
    access: Option<MemType>,
    ty: Option<Type>,
}

impl<'a> Code<'_, 'a> {
    /// An instruction at the start of its line.
    pub(super) fn instruction(&mut self) -> Parsed<()> {
        self.parts.parts.clear();
        self.parts.list.clear();
        self.parts.cases.clear();
        self.parts.bits = 0;
        self.parts.func = None;
        if matches!(self.p.token.kind, Kind::Reg(_)) {
            self.results()?;
            if let Some(op) = self.short_form() {
                return self.short(op);
            }
        }
        let head = self.head()?;
        self.operands(head)?;
        self.attributes(head)?;
        if !self.p.at_end() && !self.p.is(b'}') {
            if self.p.is(b',') {
                let at = self.p.span();
                let fault = Fault::ExtraOperand(head.mnemonic.into());
                return Err(self.p.fail_help(at, fault, usage(head.op, head.mnemonic)));
            }
            return Err(self.p.unexpected("the end of the line"));
        }
        self.emit(head)
    }

    fn results(&mut self) -> Parsed<()> {
        loop {
            let at = self.p.span();
            let Kind::Reg(raw) = self.p.token.kind else { return Err(self.p.unexpected("a register")) };
            self.p.bump();
            let name = self.p.read_name(raw, at)?;
            let known = self.scope.regs.get(&name.key).copied();
            let ty = if self.p.eat(b':') { Some(self.p.register_type()?) } else { None };
            if let (Some(v), Some(ty)) = (known, ty)
                && self.b.ty(v) != ty
            {
                let register = name.key.clone().into_owned();
                return Err(self.p.fail(at, Fault::OtherType { register, is: self.b.ty(v) }));
            }
            self.parts.results.push(Assigned { name, at, ty, known });
            if !self.p.comma() {
                return self.p.expect(b'=');
            }
        }
    }

    /// The op that a line without mnemonic means: `%a = %b`, `%a = 5`, `%a = name`.
    fn short_form(&self) -> Option<Op> {
        match self.p.token.kind {
            Kind::Reg(_) => Some(Op::Copy),
            Kind::Int(_) | Kind::Float(_) | Kind::Char(_) | Kind::Punct(b'-' | b'~' | b'(') => {
                Some(Op::Const)
            }
            Kind::Ident(word) if find_mnemonic(word).is_none() => {
                if self.p.slots.contains_key(word) {
                    return Some(Op::SlotAddr);
                }
                match self.p.symbols.get(word) {
                    Some((Symbol::Data(_), _)) => Some(Op::DataAddr),
                    Some((Symbol::Func(_), _)) => Some(Op::FuncAddr),
                    Some((Symbol::Const(_), _)) => Some(Op::Const),
                    None if matches!(word, "inf" | "nan" | "bits" | "sizeof") => Some(Op::Const),
                    None => None,
                }
            }
            _ => None,
        }
    }

    fn short(&mut self, op: Op) -> Parsed<()> {
        let at = self.p.span();
        let mnemonic = op.info().mnemonic;
        let head = Head { op, variant: Variant::None, mnemonic, at, access: None, ty: None };
        self.operands(head)?;
        if op == Op::FuncAddr && self.p.is(b'(') {
            let at = self.p.span();
            let fault = Fault::Expected { wanted: "the end of the line".into(), found: "`(`".into() };
            return Err(self.p.fail_help(at, fault, "write `call` before the function's name"));
        }
        self.emit(head)
    }

    fn head(&mut self) -> Parsed<Head<'a>> {
        let at = self.p.span();
        let Kind::Ident(mnemonic) = self.p.token.kind else {
            return Err(self.p.unexpected("an instruction"));
        };
        let Some((op, variant)) = find_mnemonic(mnemonic) else {
            return Err(self.unknown_mnemonic(mnemonic, at));
        };
        self.p.bump();
        let mut head = Head { op, variant, mnemonic, at, access: None, ty: None };
        while self.p.is(b'.') && self.p.token.start == self.p.last_end {
            self.p.bump();
            self.suffix(&mut head)?;
        }
        Ok(head)
    }

    fn unknown_mnemonic(&mut self, mnemonic: &str, at: Span) -> super::Reported {
        let fault = Fault::UnknownMnemonic(mnemonic.into());
        let callable = matches!(self.p.symbols.get(mnemonic), Some((Symbol::Func(_), _)));
        if callable && self.p.lexer.peek_byte() == b'(' {
            return self.p.fail_help(at, fault, format!("write `call {mnemonic}(...)`"));
        }
        let names: Vec<String> = all_mnemonics().map(|(name, ..)| name).collect();
        if let Some((_, ours)) = FOREIGN.iter().find(|(theirs, _)| *theirs == mnemonic) {
            return self.p.fail_help(at, fault, format!("did you mean {ours}?"));
        }
        let words = ["reg", "slot", "labels", "entry"];
        let near = nearest(mnemonic, names.iter().map(String::as_str).chain(words)).map(str::to_owned);
        self.p.fail_near(at, fault, near)
    }

    fn suffix(&mut self, head: &mut Head<'a>) -> Parsed<()> {
        let at = self.p.span();
        let Kind::Ident(word) = self.p.token.kind else { return Err(self.p.unexpected("a type")) };
        let access =
            if head.op.shape().accesses() && head.access.is_none() { MemType::from_name(word) } else { None };
        if let Some(access) = access {
            head.access = Some(access);
            self.p.bump();
            return Ok(());
        }
        let Some(ty) = Type::ALL.into_iter().find(|t| t.name() == word) else {
            let known = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "f32", "f64", "ptr"];
            let near = nearest(word, known.into_iter()).map(str::to_owned);
            return Err(self.p.fail_near(at, Fault::UnknownSuffix(word.into()), near));
        };
        let types = head.op.info().types;
        if types == TypeSet::NONE || head.ty.is_some() {
            return Err(self.p.fail(at, Fault::NoSuffix(head.mnemonic.into())));
        }
        if !types.has(ty) {
            let forms: Vec<_> = types.iter().map(Type::name).collect();
            let fault = Fault::NoSuchForm { mnemonic: head.mnemonic.into(), ty };
            let float = format!("f{}", head.mnemonic);
            let help = if ty.is_float() && find_mnemonic(&float).is_some() {
                format!("for floats: `{float}`")
            } else {
                format!("it has forms for {}", forms.join(", "))
            };
            return Err(self.p.fail_help(at, fault, help));
        }
        head.ty = Some(ty);
        self.p.bump();
        Ok(())
    }

    // Operands.

    fn operands(&mut self, head: Head<'a>) -> Parsed<()> {
        let mut first = true;
        for (_, role) in head.op.shape().operands() {
            let separate = match role {
                Role::Def(_) => continue,
                Role::List | Role::CallList | Role::Results => false,
                Role::Imm => matches!(head.op.shape(), Shape::Alloca),
                _ => !first,
            };
            // The alignment of `alloca` may be left out.
            let optional = matches!(head.op.shape(), Shape::Alloca) && *role == Role::Imm;
            let given = separate && self.p.comma();
            if separate && !given && !optional {
                return Err(self.missing(head));
            }
            let needed = !matches!(role, Role::List | Role::CallList | Role::Results | Role::Imm);
            if needed && (self.p.at_end() || self.p.is(b'}')) {
                return Err(self.missing(head));
            }
            first = false;
            let part = self.operand(head, *role, given)?;
            self.parts.parts.push(part);
        }
        Ok(())
    }

    fn missing(&mut self, head: Head<'a>) -> super::Reported {
        if !self.p.at_end() && !self.p.is(b'}') {
            return self.p.unexpected("`,`");
        }
        let at = head.at;
        let at = Span { end: self.p.last_end.max(at.end), ..at };
        let fault = Fault::MissingOperand(head.mnemonic.into());
        self.p.fail_help(at, fault, usage(head.op, head.mnemonic))
    }

    fn operand(&mut self, head: Head<'a>, role: Role, given: bool) -> Parsed<Part> {
        let Code { p, b, scope, parts, .. } = self;
        Ok(match role {
            Role::Def(_) => Part::List,
            Role::Use(_) | Role::UseOrImm(_) | Role::StoreValue => {
                let (raw, at) = scope.value(p)?;
                Part::Value(raw, at)
            }
            Role::Const => {
                let start = p.token.start;
                let value = p.constant()?;
                Part::Const(value, p.span_from(start))
            }
            Role::Mem => {
                if !p.is(b'[') {
                    return Err(p.unexpected("an address in brackets: `[%p + 8]`"));
                }
                Part::Mem(scope.memory(p)?)
            }
            Role::Imm if head.op.shape() == Shape::Alloca => {
                Part::Word(if given { p.alignment()? } else { 16 })
            }
            Role::Imm => {
                let (value, at) = p.displacement()?;
                let Ok(value) = i32::try_from(value) else {
                    let wanted = "a displacement of 32 bits".into();
                    return Err(p.fail(at, Fault::OutOfRange { value: value.to_string(), wanted }));
                };
                Part::Word(value as u32)
            }
            Role::BitRange => {
                let bit = p.integer_in(0, 255, "the number of a bit")?;
                if !p.comma() {
                    return Err(self.missing(head));
                }
                let width = p.integer_in(0, 255, "a number of bits")?;
                Part::Word(bit as u32 | (width as u32) << 8)
            }
            Role::Func if matches!(p.token.kind, Kind::Reg(_)) && !matches!(head.op, Op::FuncAddr) => {
                let at = p.span();
                let fault = Fault::Expected { wanted: "a function".into(), found: "a register".into() };
                let help = format!("`{0}_ptr %p: fn(i64) -> i64 (%x)` calls an address", head.mnemonic);
                return Err(p.fail_help(at, fault, help));
            }
            Role::Block if matches!(p.token.kind, Kind::Reg(_)) => {
                let at = p.span();
                let fault = Fault::Expected { wanted: "a label".into(), found: "a register".into() };
                return Err(p.fail_help(
                    at,
                    fault,
                    "`jump_to %p, set` goes to an address out of a label set",
                ));
            }
            Role::Block | Role::ColdBlock => Part::Word(scope.label(p, b)?.0),
            Role::Func | Role::Data => {
                let wanted = if role == Role::Func { Thing::Function } else { Thing::Data };
                let (name, at) = p.name(wanted)?;
                match (role, p.symbols.get(&name.key).map(|(symbol, _)| *symbol)) {
                    (Role::Func, Some(Symbol::Func(func))) => {
                        parts.func = Some(func);
                        Part::Word(func.0)
                    }
                    (Role::Data, Some(Symbol::Data(data))) => Part::Word(data.0),
                    (_, Some(other)) => {
                        let fault =
                            Fault::WrongThing { wanted, is: other.thing(), name: name.key.into_owned() };
                        return Err(p.fail(at, fault));
                    }
                    (_, None) => return Err(p.unknown_symbol(at, wanted, &name.key)),
                }
            }
            Role::Slot => {
                let (name, at) = p.name(Thing::Slot)?;
                match p.slots.get(&name.key) {
                    Some((slot, _)) => Part::Word(slot.0),
                    None => {
                        let names = super::sorted(p.slots.keys().map(|k| k.as_ref()));
                        let near = nearest(&name.key, names.into_iter()).map(str::to_owned);
                        let fault = Fault::Unknown { thing: Thing::Slot, name: name.key.into_owned() };
                        return Err(p.fail_near(at, fault, near));
                    }
                }
            }
            Role::LabelSet => {
                let (name, at) = p.name(Thing::LabelSet)?;
                match scope.sets.get(&name.key) {
                    Some(set) => Part::Word(set.0),
                    None => {
                        let names = super::sorted(scope.sets.keys().map(|k| k.as_ref()));
                        let near = nearest(&name.key, names.into_iter()).map(str::to_owned);
                        let fault = Fault::Unknown { thing: Thing::LabelSet, name: name.key.into_owned() };
                        return Err(p.fail_near(at, fault, near));
                    }
                }
            }
            Role::ExitId => Part::Word(p.integer_in(0, u32::MAX as i128, "an exit's number")? as u32),
            Role::TrapCode => Part::Word(p.integer_in(0, u32::MAX as i128, "a trap's code")? as u32),
            Role::List => {
                if p.is(b'(') {
                    p.list(b'(', b')', |p| {
                        parts.list.push(scope.value(p)?);
                        Ok(())
                    })?;
                }
                Part::List
            }
            Role::Results => {
                if !p.at_end() && !p.is(b'}') {
                    loop {
                        parts.list.push(scope.value(p)?);
                        if !p.comma() {
                            break;
                        }
                    }
                }
                Part::List
            }
            Role::Cases => {
                let default = scope.label(p, b)?.0;
                parts.cases.extend([default, 0]);
                if !p.comma() {
                    return Err(self.missing(head));
                }
                p.list(b'{', b'}', |p| {
                    let value = p.integer_in(-(1 << 63), (1 << 64) - 1, "an integer of 64 bits")? as i64;
                    p.expect(b':')?;
                    let block = scope.label(p, b)?;
                    parts.cases.extend([value as u32, (value as u64 >> 32) as u32, block.0]);
                    Ok(())
                })?;
                parts.cases[1] = (parts.cases.len() as u32 - 2) / 3;
                Part::Cases
            }
            Role::CallList => return self.arguments(),
        })
    }

    /// `: signature` if one is written, then the arguments.
    fn arguments(&mut self) -> Parsed<Part> {
        let Code { p, b, scope, parts, .. } = self;
        let sig = if p.eat(b':') {
            let signature = p.signature_or_name(b.module())?;
            b.module().signature(signature)
        } else if let Some(func) = parts.func {
            b.module().func(func).sig
        } else {
            return Err(p.unexpected("a signature: `call_ptr %p: fn(i64) -> i64 (%x)`"));
        };
        let start = p.token.start;
        p.list(b'(', b')', |p| {
            parts.list.push(scope.value(p)?);
            Ok(())
        })?;
        let signature = &b.module().sigs()[sig.index()];
        let (takes, variadic, written) = (signature.params.len(), signature.variadic, parts.list.len());
        if written < takes || written > takes && !variadic {
            let at = p.span_from(start);
            return Err(p.fail(at, Fault::Arguments { takes, variadic, written }));
        }
        Ok(Part::Sig(sig))
    }

    fn attributes(&mut self, head: Head<'a>) -> Parsed<()> {
        let shape = head.op.shape();
        let mut order = Order::SeqCst;
        while self.p.eat(b'!') {
            let at = self.p.span();
            let Kind::Ident(word) = self.p.token.kind else {
                return Err(self.p.unexpected("an attribute"));
            };
            self.p.bump();
            let bit = match word {
                "volatile" => aux::VOLATILE,
                "notrap" => aux::NO_TRAP,
                "nontemporal" => aux::NON_TEMPORAL,
                "precise" => aux::PRECISE,
                _ => 0,
            };
            if matches!(shape, Shape::Load | Shape::Store) {
                if bit != 0 {
                    self.parts.bits |= bit;
                    continue;
                }
                if word == "alias" {
                    self.p.expect(b'=')?;
                    let class = self.p.integer_in(0, 15, "an alias class, 0 to 15")? as u16;
                    self.parts.bits = self.parts.bits & !(15 << aux::ALIAS) | class << aux::ALIAS;
                    continue;
                }
            } else if shape.ordered() {
                if let Some(found) = Order::ALL.iter().find(|o| o.name() == word) {
                    order = *found;
                    continue;
                }
            } else if matches!(shape, Shape::Branch | Shape::FBranch)
                && let Some(hint) = Hint::ALL.iter().find(|h| h.name() == word)
            {
                self.parts.bits = self.parts.bits & !(3 << aux::HINT) | (*hint as u16) << aux::HINT;
                continue;
            }
            let names: Vec<&str> = match shape {
                Shape::Load | Shape::Store => vec!["alias", "volatile", "notrap", "nontemporal", "precise"],
                Shape::Branch | Shape::FBranch => vec!["likely", "unlikely"],
                _ if shape.ordered() => Order::ALL.iter().map(|o| o.name()).collect(),
                _ => vec![],
            };
            let fault = Fault::BadAttribute(word.into());
            return Err(if names.is_empty() {
                self.p.fail_help(at, fault, format!("`{}` takes no attributes", head.mnemonic))
            } else {
                self.p.fail_help(at, fault, format!("`{}` takes !{}", head.mnemonic, names.join(", !")))
            });
        }
        if shape.ordered() {
            self.parts.bits |= (order as u16) << aux::ORDER;
        }
        Ok(())
    }

    // The record.

    fn emit(&mut self, head: Head<'a>) -> Parsed<()> {
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

/// What an instruction takes: `sub` takes %register, then %register or constant.
fn usage(op: Op, mnemonic: &str) -> String {
    let mut operands: Vec<&str> = Vec::new();
    for (_, role) in op.shape().operands() {
        match role {
            Role::Def(_) => {}
            Role::Use(_) => operands.push("%register"),
            Role::UseOrImm(_) | Role::StoreValue => operands.push("%register or constant"),
            Role::Const => operands.push("a constant"),
            Role::Mem => operands.push("[address]"),
            Role::Imm if op.shape() == Shape::Alloca => operands.push("optionally an alignment"),
            Role::Imm => operands.push("optionally + constant"),
            Role::BitRange => operands.extend(["the first bit", "the number of bits"]),
            Role::Block => operands.push("a label"),
            Role::ColdBlock => operands.push("the label of a cold block"),
            Role::Func => operands.push("a function"),
            Role::Data => operands.push("a data object"),
            Role::Slot => operands.push("a slot"),
            Role::LabelSet => operands.push("a label set"),
            Role::ExitId => operands.push("a number"),
            Role::TrapCode => operands.push("a code"),
            Role::List => operands.push("optionally (values)"),
            Role::Cases => operands.extend(["the default label", "{value: label, ...}"]),
            Role::Results => operands.push("the results"),
            Role::CallList => operands.push("(arguments)"),
        }
    }
    if operands.is_empty() {
        return format!("`{mnemonic}` takes no operands");
    }
    format!("`{mnemonic}` takes {}", operands.join(", then "))
}
