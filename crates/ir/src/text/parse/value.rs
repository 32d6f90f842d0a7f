//! Names inside a function, and what may stand where a register is read.

use super::expr::Value;
use super::{Parsed, Parser, Symbol, sorted};
use crate::builder::FunctionBuilder;
use crate::diagnostic::Span;
use crate::entity::{Block, DataId, FuncId, LabelSet, Slot, VReg};
use crate::text::fault::{Fault, Thing};
use crate::text::hash::NameMap;
use crate::text::lex::{Kind, Name};
use crate::text::near::nearest;
use crate::types::Type;

/// What stands where a register is read.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Raw {
    Reg(VReg),
    Const(Value),
    Data(DataId),
    Func(FuncId),
    Slot(Slot),
}

/// A memory operand before its base has a register.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct RawMem {
    pub base: Raw,
    pub base_at: Span,
    pub index: VReg,
    pub scale: u8,
    pub disp: i32,
}

/// A block that has been named.
pub(super) struct Label {
    pub block: Block,
    /// Where it was named first.
    pub first: Span,
    /// Where it stands.
    pub placed: Option<Span>,
}

/// The names of one function.
#[derive(Default)]
pub(super) struct Scope<'a> {
    pub regs: NameMap<'a, VReg>,
    pub labels: NameMap<'a, Label>,
    pub sets: NameMap<'a, LabelSet>,
}

impl<'a> Scope<'a> {
    /// A new register under a name.
    pub fn new_register(&mut self, b: &mut FunctionBuilder<'_>, name: &Name<'a>, ty: Type) -> VReg {
        let v = b.vreg(ty);
        self.name_register(b, name, v);
        v
    }

    pub fn name_register(&mut self, b: &mut FunctionBuilder<'_>, name: &Name<'a>, v: VReg) {
        if !name.text.is_empty() {
            b.name_vreg(v, &name.text);
        }
        self.regs.insert(name.key.clone(), v);
    }

    /// The register at the cursor, which must be known.
    pub fn register(&self, p: &mut Parser<'a>) -> Parsed<VReg> {
        let at = p.span();
        let Kind::Reg(raw) = p.token.kind else { return Err(p.unexpected("a register")) };
        p.bump();
        let name = p.read_name(raw, at)?;
        self.regs.get(&name.key).copied().ok_or_else(|| {
            let near = nearest(&name.key, sorted(self.regs.keys().map(|k| k.as_ref())).into_iter());
            let fault = Fault::Unknown { thing: Thing::Register, name: format!("%{}", name.key) };
            match near {
                Some(near) => p.fail_help(at, fault, format!("did you mean `%{near}`?")),
                None => p.fail_help(
                    at,
                    fault,
                    format!("assign it above, or declare it: `reg %{}: i64`", name.key),
                ),
            }
        })
    }

    /// A register, constant or name at the cursor.
    pub fn value(&self, p: &mut Parser<'a>) -> Parsed<(Raw, Span)> {
        let start = p.token.start;
        let raw = match p.token.kind {
            Kind::Reg(_) => Raw::Reg(self.register(p)?),
            Kind::Ident(_) | Kind::Str(_) => match self.symbol(p)? {
                Some(raw) => raw,
                None => Raw::Const(p.constant()?),
            },
            _ => Raw::Const(p.constant()?),
        };
        Ok((raw, p.span_from(start)))
    }

    /// The address that a name at the cursor stands for; `None`, and the cursor left, if it begins a constant.
    fn symbol(&self, p: &mut Parser<'a>) -> Parsed<Option<Raw>> {
        let (Kind::Ident(text) | Kind::Str(text)) = p.token.kind else { return Ok(None) };
        let at = p.span();
        let name = p.read_name(text, at)?;
        let raw = if let Some((slot, _)) = p.slots.get(&name.key) {
            Raw::Slot(*slot)
        } else {
            match p.symbols.get(&name.key) {
                Some((Symbol::Data(data), _)) => Raw::Data(*data),
                Some((Symbol::Func(func), _)) => Raw::Func(*func),
                Some((Symbol::Const(_), _)) => return Ok(None),
                None if matches!(text, "inf" | "nan" | "bits" | "sizeof") => return Ok(None),
                None => {
                    p.bump();
                    if text.starts_with('"') {
                        let wanted = "a register, a constant or a name".into();
                        let fault = Fault::Expected { wanted, found: "a string".into() };
                        let help = "strings stand in data: `data text = \"...\\0\"`, used by its name";
                        return Err(p.fail_help(at, fault, help));
                    }
                    return Err(self.unknown_value(p, at, &name.key));
                }
            }
        };
        p.bump();
        Ok(Some(raw))
    }

    fn unknown_value(&self, p: &mut Parser<'a>, at: Span, name: &str) -> super::Reported {
        if self.regs.contains_key(name) {
            let fault = Fault::Unknown { thing: Thing::Symbol, name: name.into() };
            return p.fail_help(at, fault, format!("did you mean the register `%{name}`?"));
        }
        p.unknown_symbol(at, Thing::Symbol, name)
    }

    /// The block that the label at the cursor names, which may stand further down.
    pub fn label(&mut self, p: &mut Parser<'a>, b: &mut FunctionBuilder<'_>) -> Parsed<Block> {
        let (name, at) = p.name(Thing::Block)?;
        Ok(self.block(b, name, at).block)
    }

    pub fn block(&mut self, b: &mut FunctionBuilder<'_>, name: Name<'a>, at: Span) -> &mut Label {
        self.labels.entry(name.key).or_insert_with(|| {
            let block = b.block();
            if !name.text.is_empty() {
                b.name_block(block, &name.text);
            }
            Label { block, first: at, placed: None }
        })
    }

    /// `[base + index*scale + displacement]`, in any order.
    pub fn memory(&self, p: &mut Parser<'a>) -> Parsed<RawMem> {
        let start = p.token.start;
        p.expect(b'[')?;
        p.skip_newlines();
        let mut parts = Address::default();
        let mut negative = p.eat(b'-');
        loop {
            self.address_term(p, &mut parts, negative)?;
            p.skip_newlines();
            negative = p.is(b'-');
            if !p.eat(b'+') && !p.eat(b'-') {
                break;
            }
            p.skip_newlines();
        }
        p.expect(b']')?;
        let at = p.span_from(start);
        let Ok(disp) = i32::try_from(parts.disp) else {
            let wanted = "a displacement of 32 bits".into();
            return Err(p.fail(at, Fault::OutOfRange { value: parts.disp.to_string(), wanted }));
        };
        let (index, scale) = parts.index.unwrap_or((VReg::NONE, 1));
        match parts.base {
            Some((base, base_at)) => Ok(RawMem { base, base_at, index, scale, disp }),
            // A bare constant is an address of its own.
            None if parts.index.is_none() => {
                let base = Raw::Const(Value::Int(parts.disp));
                Ok(RawMem { base, base_at: at, index, scale, disp: 0 })
            }
            None => Err(p.fail(at, Fault::BadAddress("an address with a scaled index needs a base"))),
        }
    }

    fn address_term(&self, p: &mut Parser<'a>, parts: &mut Address, negative: bool) -> Parsed<()> {
        let start = p.token.start;
        let (register, scale) = match p.token.kind {
            Kind::Reg(_) => {
                let register = self.register(p)?;
                let scale = if p.eat(b'*') { Some(p.product()?) } else { None };
                (Raw::Reg(register), scale)
            }
            _ => match self.symbol(p)? {
                Some(raw) => (raw, None),
                None => {
                    let value = p.product()?;
                    if p.is(b'*') && matches!(p.lexer.peek().kind, Kind::Reg(_)) {
                        p.bump();
                        (Raw::Reg(self.register(p)?), Some(value))
                    } else {
                        let at = p.span_from(start);
                        let Value::Int(value) = value else {
                            let wanted = "an integer".into();
                            return Err(p.fail(at, Fault::WrongConstant { wanted }));
                        };
                        let sum = if negative {
                            parts.disp.checked_sub(value)
                        } else {
                            parts.disp.checked_add(value)
                        };
                        parts.disp = sum.ok_or_else(|| p.fail(at, Fault::Overflow))?;
                        return Ok(());
                    }
                }
            },
        };
        let at = p.span_from(start);
        if negative {
            return Err(p.fail(at, Fault::BadAddress("a register cannot be subtracted in an address")));
        }
        match (register, scale) {
            (raw, None) if parts.base.is_none() => parts.base = Some((raw, at)),
            (Raw::Reg(index), scale) if parts.index.is_none() => {
                let scale = match scale {
                    None => 1,
                    Some(Value::Int(n @ (1 | 2 | 4 | 8))) => n as u8,
                    Some(_) => {
                        return Err(p.fail(at, Fault::BadAddress("the scale of an index is 1, 2, 4 or 8")));
                    }
                };
                parts.index = Some((index, scale));
            }
            // A name behind an unscaled register: the register is the index.
            (raw, None) if parts.index.is_none() => {
                let Some((Raw::Reg(index), _)) = parts.base else {
                    return Err(p.fail(at, Fault::BadAddress("an address has one base and one index")));
                };
                parts.index = Some((index, 1));
                parts.base = Some((raw, at));
            }
            _ => return Err(p.fail(at, Fault::BadAddress("an address has one base and one index"))),
        }
        Ok(())
    }
}

/// The parts of an address read so far.
#[derive(Default)]
struct Address {
    base: Option<(Raw, Span)>,
    index: Option<(VReg, u8)>,
    disp: i128,
}

/// Gives a register that holds the value, loading it first if it is none. Without a type, an integer is `i64` and a
/// float `f64`.
pub(super) fn in_register(
    p: &mut Parser<'_>,
    b: &mut FunctionBuilder<'_>,
    raw: Raw,
    at: Span,
    ty: Option<Type>,
) -> Parsed<VReg> {
    Ok(match raw {
        Raw::Reg(v) => v,
        Raw::Data(data) => b.data_addr(data, 0),
        Raw::Func(func) => b.func_addr(func),
        Raw::Slot(slot) => b.slot_addr(slot, 0),
        Raw::Const(value) => {
            let ty = ty.unwrap_or(if value.is_int() { Type::I64 } else { Type::F64 });
            match (ty, value) {
                (Type::F32, _) => {
                    let bits = p.fit_f32(at, value)?;
                    b.f32const(f32::from_bits(bits))
                }
                (Type::F64, _) => b.f64const(f64::from_bits(value.f64_bits())),
                (_, Value::Int(value)) => {
                    let value = p.fit(at, value, ty.bytes() * 8)?;
                    b.iconst(ty, value)
                }
                _ => {
                    let wanted = format!("an integer of type {ty}");
                    return Err(p.fail(at, Fault::WrongConstant { wanted }));
                }
            }
        }
    })
}
