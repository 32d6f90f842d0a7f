//! Types for aggregates in signatures.

use super::{Parsed, Parser};
use crate::module::Module;
use crate::text::fault::{Fault, Thing};
use crate::text::lex::Kind;
use crate::types::{AggregateClass, Field, FieldKind, Layout};

const MAX_FIELDS: usize = 4096;
/// Fields that all types together may have beyond those written: members that are types, and arrays of them, make many
/// out of few bytes of text.
const MAX_EXPANDED: u64 = 1 << 16;

/// The names of field kinds, with size and natural alignment.
pub(in crate::text) const FIELD_KINDS: [(&str, FieldKind, u32); 8] = [
    ("i8", FieldKind::I8, 1),
    ("i16", FieldKind::I16, 2),
    ("i32", FieldKind::I32, 4),
    ("i64", FieldKind::I64, 8),
    ("f32", FieldKind::F32, 4),
    ("f64", FieldKind::F64, 8),
    ("ptr", FieldKind::Ptr, 8),
    ("f80", FieldKind::F80, 16),
];

/// The names of classes of aggregates; those with a fixed layout can stand alone.
pub(in crate::text) const CLASSES: [(&str, AggregateClass); 3] =
    [("x87", AggregateClass::X87), ("complex", AggregateClass::Complex), ("int128", AggregateClass::Int128)];

/// The layout that C gives these members.
pub(in crate::text) struct Members {
    pub layout: Layout,
    union: bool,
}

impl Members {
    pub fn new(union: bool) -> Members {
        Members { layout: Layout { align: 1, ..Layout::default() }, union }
    }

    /// Adds `count` members one after another; `None` if the sizes leave 32 bits or the fields become too many.
    pub fn add(&mut self, count: u32, element: &Layout) -> Option<()> {
        let layout = &mut self.layout;
        let offset =
            if self.union { 0 } else { layout.size.checked_next_multiple_of(element.align.max(1))? };
        let size = element.size.checked_mul(count)?;
        let end = offset.checked_add(size)?;
        if let ([field], AggregateClass::Plain) = (&element.fields[..], element.class)
            && field.count == 1
            && count > 0
        {
            layout.fields.push(Field { offset: offset.checked_add(field.offset)?, count, ..*field });
        } else {
            let more = element.fields.len().checked_mul(count as usize)?;
            if more > MAX_FIELDS || layout.fields.len() + more > MAX_FIELDS {
                return None;
            }
            for n in 0..count {
                let base = offset + n * element.size;
                layout.fields.extend(element.fields.iter().map(|f| Field { offset: base + f.offset, ..*f }));
            }
        }
        layout.align = layout.align.max(element.align);
        layout.size = layout.size.max(end);
        Some(())
    }

    /// Rounds the size up to the alignment.
    pub fn finish(mut self) -> Option<Layout> {
        self.layout.size = self.layout.size.checked_next_multiple_of(self.layout.align.max(1))?;
        if self.union {
            self.layout.fields.sort_by_key(|f| f.offset);
        }
        Some(self.layout)
    }

    /// The layout of one scalar.
    pub fn scalar(kind: FieldKind, size: u32) -> Layout {
        let fields = vec![Field { offset: 0, kind, count: 1 }];
        Layout { size, align: size, fields, class: AggregateClass::Plain }
    }
}

/// The layout of a class that stands alone, with the word behind `complex`.
pub(in crate::text) fn class_layout(class: AggregateClass, part: &str) -> Option<Layout> {
    let (kind, size, count) = match (class, part) {
        (AggregateClass::X87, "") => (FieldKind::F80, 16, 1),
        (AggregateClass::Int128, "") => (FieldKind::I64, 8, 2),
        (AggregateClass::Complex, "f32") => (FieldKind::F32, 4, 2),
        (AggregateClass::Complex, "f64") => (FieldKind::F64, 8, 2),
        (AggregateClass::Complex, "x87") => (FieldKind::F80, 16, 2),
        _ => return None,
    };
    let align = if class == AggregateClass::Int128 { 16 } else { size };
    Some(Layout { size: size * count, align, fields: vec![Field { offset: 0, kind, count }], class })
}

impl<'a> Parser<'a> {
    pub(super) fn define_type(&mut self, module: &mut Module) -> Parsed<()> {
        let (name, at) = self.name(Thing::Type)?;
        self.expect(b'=')?;
        let layout = self.type_layout(module)?;
        if let Some((_, first)) = self.types.get(&name.key) {
            let first = *first;
            return Err(self.duplicate(at, Thing::Type, &name.key, first));
        }
        self.sizes.insert(name.key.clone(), layout.size as u64);
        let id = module.layout(&name.text, layout);
        self.types.insert(name.key, (id, at));
        Ok(())
    }

    fn type_layout(&mut self, module: &Module) -> Parsed<Layout> {
        if self.eat_word("size") {
            return self.explicit_layout();
        }
        let class = match self.token.kind {
            Kind::Ident(word) => CLASSES.iter().find(|(name, _)| *name == word),
            _ => None,
        };
        if let Some((_, class)) = class {
            self.bump();
            let part = match self.token.kind {
                Kind::Ident(part) if *class == AggregateClass::Complex => {
                    self.bump();
                    part
                }
                _ => "",
            };
            return class_layout(*class, part).ok_or_else(|| self.unexpected("f32, f64 or x87"));
        }
        let align = if self.eat_word("align") { self.alignment()? } else { 1 };
        let start = self.token.start;
        let mut members = Members::new(self.eat_word("union"));
        self.list(b'{', b'}', |p| {
            let start = p.token.start;
            let (count, element) = p.member(module)?;
            let at = p.span_from(start);
            p.expanded_fields += element.fields.len() as u64 * count as u64;
            if element.fields.len() > 1 && p.expanded_fields > MAX_EXPANDED {
                let fault = Fault::TooMany { what: "fields in members that are types", limit: MAX_EXPANDED };
                return Err(p.fail(at, fault));
            }
            members.add(count, &element).ok_or_else(|| {
                p.fail(at, Fault::TooMany { what: "fields or bytes in a type", limit: MAX_FIELDS as u64 })
            })
        })?;
        members.layout.align = members.layout.align.max(align);
        let at = self.span_from(start);
        members
            .finish()
            .ok_or_else(|| self.fail(at, Fault::TooMany { what: "bytes in a type", limit: u32::MAX as u64 }))
    }

    /// A member: `[n]` and what stands there.
    fn member(&mut self, module: &Module) -> Parsed<(u32, Layout)> {
        let count = self.array_length()?;
        let at = self.span();
        if let Some((kind, size)) = self.field_kind() {
            return Ok((count, Members::scalar(kind, size)));
        }
        let (name, _) = self.name(Thing::Type)?;
        match self.types.get(&name.key) {
            Some((id, _)) => Ok((count, module.layouts()[id.index()].layout.clone())),
            None => Err(self.unknown_type(at, &name.key)),
        }
    }

    fn array_length(&mut self) -> Parsed<u32> {
        if !self.eat(b'[') {
            return Ok(1);
        }
        let count = self.integer_in(0, u32::MAX as i128, "a length of 32 bits")?;
        self.expect(b']')?;
        Ok(count as u32)
    }

    fn field_kind(&mut self) -> Option<(FieldKind, u32)> {
        let Kind::Ident(word) = self.token.kind else { return None };
        let (_, kind, size) = FIELD_KINDS.into_iter().find(|(name, ..)| *name == word)?;
        self.bump();
        Some((kind, size))
    }

    /// `size N align N [class] {[n]kind at offset, …}`, behind `size`.
    fn explicit_layout(&mut self) -> Parsed<Layout> {
        let size = self.integer_in(0, u32::MAX as i128, "a size of 32 bits")? as u32;
        if !self.eat_word("align") {
            return Err(self.unexpected("`align`"));
        }
        let align = self.alignment()?;
        let mut layout = Layout { size, align, ..Layout::default() };
        if let Kind::Ident(word) = self.token.kind
            && let Some((_, class)) = CLASSES.iter().find(|(name, _)| *name == word)
        {
            self.bump();
            layout.class = *class;
        }
        self.list(b'{', b'}', |p| {
            let count = p.array_length()?;
            let Some((kind, _)) = p.field_kind() else {
                return Err(p.unexpected("a field kind (i8, i16, i32, i64, f32, f64, ptr, f80)"));
            };
            if !p.eat_word("at") {
                return Err(p.unexpected("`at`"));
            }
            let offset = p.integer_in(0, u32::MAX as i128, "an offset of 32 bits")? as u32;
            layout.fields.push(Field { offset, kind, count });
            Ok(())
        })?;
        Ok(layout)
    }
}
