//! The rules of declarations: names, bodies, data, signatures and layouts.

use super::Report;
use super::fault::{self, Fault};
use super::limits::{Limits, MAX_ALIGN};
use crate::diagnostic::Place;
use crate::entity::{DataId, FuncId};
use crate::module::{DataDecl, DataTarget, Linkage, Module};
use crate::types::{AbiType, AggregateClass, Convention, Field, FieldKind, Layout};
use std::collections::HashSet;

/// Checks everything of a module but the bodies of its functions. Gives whether the bodies can be looked at: every
/// function has a signature, and sizes are bearable.
pub(super) fn check(module: &Module, limits: &Limits, report: &mut Report) -> bool {
    sizes(module, limits, report);
    let bearable = report.found.is_empty();
    for decl in &module.layouts {
        limit(report, "bytes of an aggregate", decl.layout.size as u64, limits.layout_bytes);
        layout(&decl.name, &decl.layout, report);
    }
    signatures(module, limits, report);
    functions(module, report);
    for (i, decl) in module.data.iter().enumerate() {
        data(module, DataId(i as u32), decl, report);
    }
    names(module, report);
    bearable && module.funcs.iter().all(|f| f.sig.index() < module.sigs.len())
}

/// Reports a number above its limit.
pub(super) fn limit(report: &mut Report, what: &'static str, count: u64, max: u64) {
    if count > max {
        report.add(Place::Module, Fault::TooMuch { what, count, max });
    }
}

/// Reports an alignment that is no power of two up to a page.
pub(super) fn align(report: &mut Report, at: Place, what: &'static str, align: u32) {
    if !align.is_power_of_two() || align > MAX_ALIGN {
        report.add(at, Fault::Align { what, align });
    }
}

/// The next multiple of an alignment, which need not be a valid one.
pub(super) fn round_up(bytes: u64, align: u32) -> u64 {
    let mask = align.clamp(1, MAX_ALIGN).next_power_of_two() as u64 - 1;
    bytes.saturating_add(mask) & !mask
}

/// Whether an index is below the count of its table; reports it if not.
pub(super) fn exists(report: &mut Report, at: Place, what: &'static str, index: u32, count: usize) -> bool {
    let exists = (index as usize) < count;
    if !exists {
        report.add(at, Fault::NoSuch { what, index, count });
    }
    exists
}

fn sizes(module: &Module, limits: &Limits, report: &mut Report) {
    limit(report, "functions and imports", module.funcs.len() as u64, limits.entities);
    limit(report, "data objects", module.data.len() as u64, limits.entities);
    limit(report, "signatures", module.sigs.len() as u64, limits.entities);
    limit(report, "types", module.layouts.len() as u64, limits.entities);
    let mut bytes = 0u64;
    for decl in &module.data {
        bytes = round_up(bytes, decl.align).saturating_add(decl.bytes.len() as u64);
        bytes = bytes.saturating_add(decl.zeros);
    }
    limit(report, "bytes of data", bytes, limits.data_bytes);
}

fn layout(name: &str, layout: &Layout, report: &mut Report) {
    let at = Place::Module;
    align(report, at, "a type", layout.align);
    if !layout.size.is_multiple_of(layout.align.max(1)) {
        let (name, size, align) = (name.into(), layout.size, layout.align);
        report.add(at, Fault::LayoutSize { name, size, align });
    }
    let mut before = 0;
    for (i, field) in layout.fields.iter().enumerate() {
        let end = field.offset as u64 + field.count as u64 * field.kind.bytes() as u64;
        if field.count == 0 || end > layout.size as u64 {
            report.add(at, Fault::LayoutField { name: name.into(), field: i });
        }
        if field.offset < before {
            report.add(at, Fault::LayoutOrder { name: name.into(), field: i });
        }
        before = field.offset;
    }
    if !class_holds(layout) {
        report.add(at, Fault::LayoutClass { name: name.into() });
    }
}

/// Whether the fields of a layout are those of its class.
fn class_holds(layout: &Layout) -> bool {
    let float = |kind| matches!(kind, FieldKind::F32 | FieldKind::F64 | FieldKind::F80);
    match layout.class {
        AggregateClass::Plain => true,
        AggregateClass::X87 => {
            layout.size == 16 && layout.fields == [Field { offset: 0, kind: FieldKind::F80, count: 1 }]
        }
        AggregateClass::Complex => match layout.fields[..] {
            [f] => {
                f.offset == 0
                    && f.count == 2
                    && float(f.kind)
                    && layout.size as u64 == 2 * f.kind.bytes() as u64
            }
            [a, b] => {
                a.offset == 0
                    && a.kind == b.kind
                    && (a.count, b.count) == (1, 1)
                    && float(a.kind)
                    && b.offset as u64 == a.kind.bytes() as u64
                    && layout.size as u64 == 2 * a.kind.bytes() as u64
            }
            _ => false,
        },
        AggregateClass::Int128 => {
            layout.size == 16
                && match layout.fields[..] {
                    [f] => f.offset == 0 && f.count == 2 && f.kind == FieldKind::I64,
                    [a, b] => {
                        let one = |f: Field| f.count == 1 && f.kind == FieldKind::I64;
                        one(a) && one(b) && (a.offset, b.offset) == (0, 8)
                    }
                    _ => false,
                }
        }
    }
}

fn signatures(module: &Module, limits: &Limits, report: &mut Report) {
    for sig in &module.sigs {
        limit(report, "parameters", sig.params.len() as u64, limits.params);
        limit(report, "results", sig.results.len() as u64, limits.params);
        if sig.variadic && sig.convention == Convention::Kiln {
            report.add(Place::Module, Fault::VariadicConvention {});
        }
        let mut passed = 0u64;
        for (i, element) in sig.params.iter().chain(&sig.results).enumerate() {
            if let AbiType::Aggregate(layout) = element
                && exists(report, Place::Module, "type", layout.0, module.layouts.len())
                && i < sig.params.len()
            {
                passed += module.layouts[layout.index()].layout.size as u64;
            }
        }
        limit(report, "bytes of aggregates in a signature", passed, limits.layout_bytes);
    }
}

fn functions(module: &Module, report: &mut Report) {
    for (i, decl) in module.funcs.iter().enumerate() {
        let id = FuncId(i as u32);
        let at = Place::Func(id);
        exists(report, at, "signature", decl.sig.0, module.sigs.len());
        match (decl.linkage, &decl.body) {
            (Linkage::Import, Some(_)) => {
                report.add(at, Fault::ImportWithBody { func: fault::func(module, id) });
            }
            (Linkage::Local | Linkage::Export, None) if decl.entry_of.is_none() => {
                report.add(at, Fault::NoBody { func: fault::func(module, id) });
            }
            _ => {}
        }
        if decl.library.is_some() && decl.linkage != Linkage::Import {
            report.add(at, Fault::LibraryOfDefined { func: fault::func(module, id) });
        }
    }
    entries(module, report);
}

/// What is declared as a further entry and what bodies have are the same.
fn entries(module: &Module, report: &mut Report) {
    let bodies =
        || (0..).map(FuncId).zip(&module.funcs).filter_map(|(id, decl)| Some((id, decl.body.as_ref()?)));
    let declared = || (0..).map(FuncId).zip(&module.funcs).filter(|(_, decl)| decl.entry_of.is_some());
    if declared().next().is_none() && bodies().all(|(_, body)| body.entries.is_empty()) {
        return;
    }
    let mut places = vec![0u8; module.funcs.len()];
    for (of, entry) in bodies().flat_map(|(of, body)| body.entries.iter().map(move |entry| (of, entry))) {
        let at = Place::Func(of);
        if !exists(report, at, "function", entry.func.0, module.funcs.len()) {
            continue;
        }
        if module.func(entry.func).entry_of == Some(of) {
            let places = &mut places[entry.func.index()];
            *places = places.saturating_add(1);
        } else {
            let (func, of) = (fault::func(module, entry.func), fault::func(module, of));
            report.add(at, Fault::ForeignEntry { func, of });
        }
    }
    for (id, decl) in declared() {
        if decl.linkage != Linkage::Local || decl.body.is_some() || decl.library.is_some() || decl.replaceable
        {
            report.add(Place::Func(id), Fault::EntryDeclared { func: fault::func(module, id) });
        }
        if places[id.index()] != 1 {
            report.add(Place::Func(id), Fault::EntryPlaces { func: fault::func(module, id) });
        }
    }
}

fn data(module: &Module, id: DataId, decl: &DataDecl, report: &mut Report) {
    let at = Place::Module;
    let named = || fault::data(module, id);
    if decl.linkage == Linkage::Import {
        if decl.size() != 0 || !decl.relocs.is_empty() {
            report.add(at, Fault::ImportWithData { data: named() });
        }
    } else {
        align(report, at, "a data object", decl.align);
        if decl.thread_local {
            report.add(at, Fault::ThreadLocalDefined { data: named() });
        }
    }
    let mut free = 0u64;
    for reloc in &decl.relocs {
        let offset = reloc.offset;
        if offset as u64 + 8 > decl.bytes.len() as u64 {
            report.add(at, Fault::RelocOutside { data: named(), offset, size: decl.bytes.len() });
        }
        if (offset as u64) < free {
            report.add(at, Fault::RelocOrder { data: named(), offset });
        }
        free = offset as u64 + 8;
        match reloc.target {
            DataTarget::Func(func) => {
                exists(report, at, "function", func.0, module.funcs.len());
            }
            DataTarget::Data(data) => {
                if exists(report, at, "data object", data.0, module.data.len())
                    && module.data[data.index()].thread_local
                {
                    report.add(at, Fault::ThreadLocal { data: fault::data(module, data) });
                }
            }
            DataTarget::Label(func, block) => {
                if exists(report, at, "function", func.0, module.funcs.len()) {
                    match &module.funcs[func.index()].body {
                        Some(body) => {
                            exists(report, at, "block", block.0, body.blocks.len());
                        }
                        None => report.add(at, Fault::LabelOfImport { func: fault::func(module, func) }),
                    }
                }
            }
        }
    }
}

/// What is found by name needs one; names that are there must differ.
fn names(module: &Module, report: &mut Report) {
    let mut seen = HashSet::with_capacity(module.funcs.len() + module.data.len());
    let mut one = |at: Place, name, linkage, what| {
        check_name(at, name, linkage, what, &mut seen, report);
    };
    for (i, decl) in module.funcs.iter().enumerate() {
        let at = Place::Func(decl.entry_of.unwrap_or(FuncId(i as u32)));
        match decl.linkage {
            // Hosts find it by its name.
            _ if decl.entry_of.is_some() => one(at, &decl.name, Linkage::Export, "an entry"),
            Linkage::Import => one(at, &decl.name, decl.linkage, "an import"),
            Linkage::Local | Linkage::Export => one(at, &decl.name, decl.linkage, "an exported function"),
        }
    }
    for decl in &module.data {
        let what = if decl.linkage == Linkage::Import { "imported data" } else { "exported data" };
        one(Place::Module, &decl.name, decl.linkage, what);
    }
}

fn check_name<'m>(
    at: Place,
    name: &'m str,
    linkage: Linkage,
    what: &'static str,
    seen: &mut HashSet<&'m str>,
    report: &mut Report,
) {
    if name.is_empty() {
        if linkage != Linkage::Local {
            report.add(at, Fault::Nameless { what });
        }
        return;
    }
    if name.contains('\0') {
        report.add(at, Fault::NulInName { name: name.into() });
    }
    if !seen.insert(name) {
        report.add(at, Fault::NameTwice { name: name.into() });
    }
}
