//! Data objects: their items, and the names in them.

use super::expr::Value;
use super::{DataName, Parsed, Parser, Symbol};
use crate::diagnostic::Span;
use crate::entity::{Block, DataId};
use crate::module::{DataDecl, DataReloc, DataTarget, FuncDecl, Linkage, Module};
use crate::text::fault::{Fault, Thing};
use crate::text::lex::Kind;

/// Zero bytes that `zero` may write in the middle of objects, in all: those at the end are free, but these take
/// memory that the text does not account for.
pub(in crate::text) const MAX_INNER_ZEROS: u64 = 1 << 20;

impl<'a> Parser<'a> {
    /// A data object, behind `data`.
    pub(super) fn data(&mut self, module: &mut Module, export: bool, writable: bool) -> Parsed<()> {
        let (name, at) = self.name(Thing::Data)?;
        let align = if self.eat_word("align") { Some(self.alignment()?) } else { None };
        self.expect(b'=')?;
        // Symbols in the items hold this number, so the object is known by it before it is added.
        let id = DataId(module.data().len() as u32);
        let mut data = DataDecl {
            name: name.text.clone().into_owned(),
            linkage: if export { Linkage::Export } else { Linkage::Local },
            writable,
            align: 1,
            ..DataDecl::default()
        };
        loop {
            self.data_item(&mut data, id)?;
            if !self.comma() {
                break;
            }
        }
        data.align = align.unwrap_or(data.align);
        self.define(&name, at, Symbol::Data(id))?;
        self.sizes.insert(name.key, data.size());
        module.add_data(data);
        Ok(())
    }

    fn data_item(&mut self, data: &mut DataDecl, id: DataId) -> Parsed<()> {
        let item = self.token;
        let at = self.span();
        if item.kind == Kind::Ident("zero") {
            self.bump();
            let count = self.integer_in(0, 1 << 47, "a size from 0 to 2^47")?;
            data.zeros = data.zeros.saturating_add(count as u64);
            return Ok(());
        }
        if data.zeros > 0 {
            self.inner_zeros = self.inner_zeros.saturating_add(data.zeros);
            if self.inner_zeros > MAX_INNER_ZEROS {
                let fault = Fault::TooMany { what: "zero bytes before other items", limit: MAX_INNER_ZEROS };
                return Err(self.fail_help(at, fault, "let `zero` be the object's last item"));
            }
            data.bytes.resize(data.bytes.len() + data.zeros as usize, 0);
            data.zeros = 0;
        }
        match item.kind {
            Kind::Str(_) => {
                let bytes = self.string("a string")?;
                data.bytes.extend_from_slice(&bytes);
                Ok(())
            }
            Kind::Ident("i8") => self.integers(data, 1),
            Kind::Ident("i16") => self.integers(data, 2),
            Kind::Ident("i32") => self.integers(data, 4),
            Kind::Ident("i64") => self.integers(data, 8),
            Kind::Ident("f32") => self.floats(data, 4),
            Kind::Ident("f64") => self.floats(data, 8),
            Kind::Ident("ptr") => {
                self.bump();
                data.align = data.align.max(8);
                self.list(b'[', b']', |p| p.address(data, id))
            }
            _ => Err(self.unexpected(
                "a data item: a string, `i8 [...]` (i16, i32, i64, f32, f64), `ptr [...]`, `zero N`",
            )),
        }
    }

    fn integers(&mut self, data: &mut DataDecl, size: usize) -> Parsed<()> {
        self.bump();
        data.align = data.align.max(size as u32);
        let bits = size as u32 * 8;
        self.list(b'[', b']', |p| {
            let wanted = format!("an integer of {bits} bits");
            let value = p.integer_in(-(1 << (bits - 1)), (1 << bits) - 1, &wanted)?;
            data.bytes.extend_from_slice(&value.to_le_bytes()[..size]);
            Ok(())
        })
    }

    fn floats(&mut self, data: &mut DataDecl, size: usize) -> Parsed<()> {
        self.bump();
        data.align = data.align.max(size as u32);
        self.list(b'[', b']', |p| {
            let start = p.token.start;
            let value = p.constant()?;
            if size == 8 {
                data.bytes.extend_from_slice(&value.f64_bits().to_le_bytes());
                return Ok(());
            }
            let at = p.span_from(start);
            let bits = p.fit_f32(at, value)?;
            data.bytes.extend_from_slice(&bits.to_le_bytes());
            Ok(())
        })
    }

    /// An element of `ptr [...]`.
    fn address(&mut self, data: &mut DataDecl, id: DataId) -> Parsed<()> {
        let named = match self.token.kind {
            Kind::Ident("sizeof") if self.lexer.peek_byte() == b'(' => false,
            Kind::Ident(word) => !matches!(self.symbols.get(word), Some((Symbol::Const(_), _))),
            Kind::Str(_) => true,
            _ => false,
        };
        if !named {
            let value = self.integer_in(-(1 << 63), (1 << 64) - 1, "an integer of 64 bits")?;
            data.bytes.extend_from_slice(&(value as i64).to_le_bytes());
            return Ok(());
        }
        let (_, span) = self.name(Thing::Symbol)?;
        let label = match self.token.kind {
            Kind::Punct(b'.') => {
                self.bump();
                Some(self.name(Thing::Block)?.1)
            }
            // `f.3` reads as a name and a block number.
            Kind::BlockNumber(_) => Some(self.name(Thing::Block)?.1),
            _ => None,
        };
        let (addend, at) = self.displacement()?;
        let addend = i64::try_from(addend).map_err(|_| {
            let wanted = "an integer of 64 bits".into();
            self.fail(at, Fault::OutOfRange { value: addend.to_string(), wanted })
        })?;
        let offset = data.bytes.len() as u32;
        let reloc = data.relocs.len() as u32;
        data.relocs.push(DataReloc { offset, target: DataTarget::Data(id), addend });
        data.bytes.extend_from_slice(&[0; 8]);
        self.data_names.push(DataName { data: id, reloc, span, label });
        Ok(())
    }

    /// Puts what names in data stand for in place; those that need labels wait for the function's body.
    pub(super) fn resolve_data(&mut self, module: &mut Module) {
        let names = std::mem::take(&mut self.data_names);
        for (index, name) in names.iter().enumerate() {
            if self.is_full() {
                break;
            }
            self.file = name.span.file;
            let key = self.name_at(name.span).key;
            let wanted = if name.label.is_some() { Thing::Function } else { Thing::Symbol };
            let target = match (self.symbols.get(&key).map(|(symbol, _)| *symbol), name.label) {
                (Some(Symbol::Func(func)), None) => DataTarget::Func(func),
                (Some(Symbol::Data(data)), None) => DataTarget::Data(data),
                (Some(Symbol::Func(func)), Some(_)) if has_labels(module.func(func)) => {
                    self.label_users.entry(func).or_default().push(index as u32);
                    DataTarget::Label(func, Block(0))
                }
                (Some(symbol), _) => {
                    let is = match symbol {
                        Symbol::Func(func) if module.func(func).entry_of.is_some() => Thing::Entry,
                        symbol => symbol.thing(),
                    };
                    let fault = Fault::WrongThing { wanted, is, name: key.into_owned() };
                    self.fail(name.span, fault);
                    continue;
                }
                (None, _) => {
                    self.unknown_symbol(name.span, wanted, &key);
                    continue;
                }
            };
            // An object whose definition was at fault has not been added.
            if let Some(data) = module.data.get_mut(name.data.index())
                && let Some(reloc) = data.relocs.get_mut(name.reloc as usize)
            {
                reloc.target = target;
            }
        }
        self.data_names = names;
    }

    /// A constant as the value of an integer type with this many bits, or a fault.
    pub(super) fn fit(&mut self, at: Span, value: i128, bits: u32) -> Parsed<i64> {
        if (-(1i128 << (bits - 1))..1i128 << bits).contains(&value) {
            return Ok(if bits == 32 { value as i32 as i64 } else { value as i64 });
        }
        let wanted = format!("an integer of {bits} bits");
        Err(self.fail(at, Fault::OutOfRange { value: value.to_string(), wanted }))
    }

    /// The bits of a constant as a float, or a fault.
    pub(super) fn fit_f32(&mut self, at: Span, value: Value) -> Parsed<u32> {
        value.f32_bits().ok_or_else(|| {
            let wanted = "the bits of an f32".into();
            self.fail(at, Fault::OutOfRange { value: format!("{:#x}", value.f64_bits()), wanted })
        })
    }
}

/// Whether a function has blocks of its own.
fn has_labels(decl: &FuncDecl) -> bool {
    decl.linkage != Linkage::Import && decl.entry_of.is_none()
}
