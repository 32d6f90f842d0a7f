//! Operands, read by the roles of the op's shape.

use super::Parsed;
use super::Symbol;
use super::body::Code;
use super::inst::{Head, Part};
use crate::diagnostic::Span;
use crate::op::{Op, Role, Shape};
use crate::text::fault::{Fault, Thing};
use crate::text::lex::Kind;
use crate::text::near::nearest;

impl<'a> Code<'_, 'a> {
    pub(super) fn operands(&mut self, head: Head<'a>) -> Parsed<()> {
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
            Role::CodeBytes => Part::Word(p.integer_in(0, u32::MAX as i128, "a number of bytes")? as u32),
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
            p.signature_or_name(b.module())?
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
}

/// What an instruction takes: `sub` takes %register, then %register or constant.
pub(super) fn usage(op: Op, mnemonic: &str) -> String {
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
            Role::CodeBytes => operands.push("a number of bytes"),
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
