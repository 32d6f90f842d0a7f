//! Instructions: results, mnemonic, suffix, operands (`operands`), attributes; then the record (`record`).
//!
//! Operands are read before the type is known, because it follows from them. Registers for constants are made next, those for
//! results last, so that registers are numbered in the order in which the printed text assigns them.

use super::body::Code;
use super::expr::Value;
use super::operands::usage;
use super::value::{Raw, RawMem};
use super::{Parsed, Symbol};
use crate::diagnostic::Span;
use crate::entity::{FuncId, SigId, VReg};
use crate::function::aux;
use crate::op::{Hint, Op, Order, Shape, Variant, all_mnemonics, find_mnemonic};
use crate::text::fault::Fault;
use crate::text::lex::{Kind, Name};
use crate::text::near::nearest;
use crate::types::{MemType, Type, TypeSet};

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
pub(super) enum Part {
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
    pub parts: Vec<Part>,
    pub list: Vec<(Raw, Span)>,
    pub cases: Vec<u32>,
    pub tail: Vec<u32>,
    pub bits: u16,
    pub func: Option<FuncId>,
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
pub(super) struct Head<'a> {
    pub op: Op,
    pub variant: Variant,
    pub mnemonic: &'a str,
    pub at: Span,
    pub access: Option<MemType>,
    pub ty: Option<Type>,
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
                "keep" if shape == Shape::Load => aux::KEEP,
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
                Shape::Load => vec!["alias", "volatile", "notrap", "nontemporal", "precise", "keep"],
                Shape::Store => vec!["alias", "volatile", "notrap", "nontemporal", "precise"],
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
}
