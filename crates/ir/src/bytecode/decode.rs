//! Bytes to a module: the header, then the sections.

use super::body::{self, ModuleTables};
use super::fault::{Fault, Item};
use super::number::{Decoded, Reader};
use super::outline::Outline;
use super::{CHECKSUM, HEADER, MAGIC, MAJOR, checksum, element, flag, section, simple_element, target};
use crate::diagnostic::{Diagnostic, Place};
use crate::entity::{Block, DataId, FuncId, LayoutId, SigId};
use crate::module::{DataDecl, DataReloc, DataTarget, FuncDecl, LayoutDecl, Linkage, Module};
use crate::types::{AbiType, AggregateClass, Convention, Field, FieldKind, Layout, Signature};

/// Reads a module from its bytecode form. Takes time linear in the number of bytes.
///
/// # Errors
/// The first thing that is wrong with the bytes, with its place ([`Place::Byte`]).
pub fn decode(bytes: &[u8]) -> Result<Module, Diagnostic<Fault>> {
    file(bytes, None).map_err(|fault| *fault)
}

/// Reads a file, noting its parts.
pub(super) fn file<'a>(bytes: &'a [u8], outline: Option<&'a Outline>) -> Decoded<Module> {
    let mut r = header(bytes, outline)?;
    let mut module = Module::new();
    let mut tables = ModuleTables { sigs: 0, funcs: 0, files: 0, data: None };
    let mut last = 0;
    while r.left() > 0 {
        let at = r.at();
        let number = r.byte()?;
        if number <= last {
            return Err(r.fault_at(at, Fault::Order { item: Item::Section }));
        }
        last = number;
        let length_at = r.at();
        let length = r.u64()?;
        if length > r.left() as u64 {
            return Err(r.fault_at(length_at, Fault::Count { item: Item::Byte, count: length }));
        }
        let mut part = r.part(length as usize)?;
        r.note(at, 0, || format!("section {number}, {length} bytes"));
        match number {
            section::FILES => files(&mut part, &mut module)?,
            section::LAYOUTS => layouts(&mut part, &mut module)?,
            section::SIGNATURES => signatures(&mut part, &mut module)?,
            section::FUNCTIONS => functions(&mut part, &mut module, &mut tables)?,
            section::DATA => data(&mut part, &mut module)?,
            _ => return Err(r.unknown(at, Item::Section, number as u64)),
        }
        part.finish()?;
    }
    if let Some((index, at)) = tables.data
        && index as usize >= module.data.len()
    {
        let count = module.data.len() as u64;
        return Err(r.fault_at(at, Fault::Index { item: Item::Data, index: index as u64, count }));
    }
    Ok(module)
}

/// Checks the header, in an order that gives the most telling fault, and stands behind it.
fn header<'a>(bytes: &'a [u8], outline: Option<&'a Outline>) -> Decoded<Reader<'a>> {
    let fault = |at: usize, fault| Err(Box::new(Diagnostic::new(Place::Byte(at as u64), fault)));
    let magic = MAGIC.len().min(bytes.len());
    if bytes[..magic] != MAGIC[..magic] || bytes.is_empty() {
        return fault(0, Fault::NotBytecode);
    }
    let found = bytes.len() as u64;
    let Some(header) = bytes.get(..HEADER) else {
        return fault(bytes.len(), Fault::Truncated { expected: HEADER as u64, found });
    };
    let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (major, minor) = (half(4), half(6));
    if major != MAJOR {
        let fault = Diagnostic::new(Place::Byte(4), Fault::Major { found: major });
        let help = "load it with the version of Kiln that wrote it, or build it again";
        return Err(Box::new(fault.with_help(help)));
    }
    let expected = u64::from_le_bytes(header[8..16].try_into().expect("eight bytes"));
    if expected > found {
        return fault(bytes.len(), Fault::Truncated { expected, found });
    }
    if expected < found {
        // A length below the header's own is told as what it is: all that follows is too much.
        return fault(expected.max(HEADER as u64) as usize, Fault::Trailing { bytes: found - expected });
    }
    let stored = u32::from_le_bytes(header[CHECKSUM].try_into().expect("four bytes"));
    let computed = checksum::of_file(bytes);
    if stored != computed {
        return fault(CHECKSUM.start, Fault::Checksum { stored, computed });
    }
    let r = Reader::new(bytes, HEADER, minor, outline);
    r.note(0, 0, || "magic".into());
    r.note(4, 0, || format!("version {major}.{minor}"));
    r.note(8, 0, || format!("length {expected}"));
    r.note(CHECKSUM.start, 0, || "checksum".into());
    Ok(r)
}

/// Reads the number of things of a section.
fn things(r: &mut Reader<'_>, item: Item, least: usize) -> Decoded<usize> {
    let start = r.at();
    let count = r.count(item, least)?;
    r.note(start, 1, || format!("{count} × {}", item.name()));
    Ok(count)
}

fn files(r: &mut Reader<'_>, module: &mut Module) -> Decoded<()> {
    let count = things(r, Item::File, 1)?;
    module.files.reserve_exact(count);
    for n in 0..count {
        let start = r.at();
        let name = r.text()?;
        r.note(start, 2, || format!("file {n}: {name:?}"));
        module.files.push(name.to_owned());
    }
    Ok(())
}

fn layouts(r: &mut Reader<'_>, module: &mut Module) -> Decoded<()> {
    let count = things(r, Item::Layout, 5)?;
    module.layouts.reserve_exact(count);
    for n in 0..count {
        let start = r.at();
        let name = r.text()?.to_owned();
        r.note(start, 2, || format!("layout {n}: {name:?}"));
        let (size, align) = (r.u32()?, r.u32()?);
        let class = known(r, Item::Flag, aggregate_class)?;
        let fields = r.count(Item::Field, 3)?;
        let mut layout = Layout { size, align, fields: Vec::with_capacity(fields), class };
        for _ in 0..fields {
            let offset = r.u32()?;
            let kind = known(r, Item::Flag, field_kind)?;
            layout.fields.push(Field { offset, kind, count: r.u32()? });
        }
        module.layouts.push(LayoutDecl { name, layout });
    }
    Ok(())
}

fn signatures(r: &mut Reader<'_>, module: &mut Module) -> Decoded<()> {
    let count = things(r, Item::Signature, 3)?;
    module.sigs.reserve_exact(count);
    for n in 0..count {
        let at = r.at();
        let flags = r.byte()?;
        let Some(convention) = convention(flags >> 1) else {
            return Err(r.unknown(at, Item::Flag, flags as u64));
        };
        let params = elements(r, module.layouts.len())?;
        let results = elements(r, module.layouts.len())?;
        let variadic = flags & flag::VARIADIC != 0;
        r.note(at, 2, || {
            let variadic = if variadic { ", variadic" } else { "" };
            format!("signature {n}: {} parameters, {} results{variadic}", params.len(), results.len())
        });
        let id = module.signature(Signature { params, results, variadic, convention });
        if id.index() != n {
            return Err(r.fault_at(at, Fault::RepeatedSignature));
        }
    }
    Ok(())
}

fn elements(r: &mut Reader<'_>, layouts: usize) -> Decoded<Vec<AbiType>> {
    let count = r.count(Item::Element, 1)?;
    let mut elements = Vec::with_capacity(count);
    for _ in 0..count {
        let at = r.at();
        let number = r.byte()?;
        elements.push(match simple_element(number) {
            Some(element) => element,
            None if number == element::AGGREGATE => {
                AbiType::Aggregate(LayoutId(r.index(Item::Layout, layouts)?))
            }
            None => return Err(r.unknown(at, Item::Element, number as u64)),
        });
    }
    Ok(elements)
}

fn functions(r: &mut Reader<'_>, module: &mut Module, tables: &mut ModuleTables) -> Decoded<()> {
    let count = things(r, Item::Func, 7)?;
    module.funcs.reserve_exact(count);
    *tables = ModuleTables { sigs: module.sigs.len(), funcs: count, files: module.files.len(), data: None };
    for n in 0..count {
        let start = r.at();
        let name = r.text()?.to_owned();
        let at = r.at();
        let flags = r.byte()?;
        let known = flag::LINKAGE | flag::REPLACEABLE | flag::LIBRARY | flag::BODY | flag::ENTRY;
        let Some(linkage) = linkage(flags).filter(|_| flags & !known == 0) else {
            return Err(r.unknown(at, Item::Flag, flags as u64));
        };
        let sig = SigId(r.index(Item::Signature, tables.sigs)?);
        let library = if flags & flag::LIBRARY != 0 { Some(r.text()?.to_owned()) } else { None };
        let entry_of = match flags & flag::ENTRY {
            0 => None,
            _ => Some(FuncId(r.index(Item::Func, count)?)),
        };
        let at = r.at();
        let length = u32::from_le_bytes(r.take(4)?.try_into().expect("four bytes"));
        if length as usize > r.left() {
            return Err(r.fault_at(at, Fault::Count { item: Item::Byte, count: length as u64 }));
        }
        r.note(start, 2, || format!("function {n}: {name:?}, {linkage:?}, body of {length} bytes"));
        let part = r.part(length as usize)?;
        let body = if flags & flag::BODY != 0 {
            Some(body::read(part, &module.sigs[sig.index()], tables)?)
        } else {
            part.finish()?;
            None
        };
        let replaceable = flags & flag::REPLACEABLE != 0;
        module.funcs.push(FuncDecl { name, sig, linkage, library, replaceable, entry_of, body });
    }
    Ok(())
}

fn data(r: &mut Reader<'_>, module: &mut Module) -> Decoded<()> {
    let count = things(r, Item::Data, 6)?;
    module.data.reserve_exact(count);
    for n in 0..count {
        let start = r.at();
        let name = r.text()?.to_owned();
        r.note(start, 2, || format!("data {n}: {name:?}"));
        let at = r.at();
        let flags = r.byte()?;
        let known = flag::LINKAGE | flag::WRITABLE | flag::THREAD_LOCAL;
        let Some(linkage) = linkage(flags).filter(|_| flags & !known == 0) else {
            return Err(r.unknown(at, Item::Flag, flags as u64));
        };
        let align = r.u32()?;
        let length = r.count(Item::Byte, 1)?;
        r.note(r.at(), 3, || format!("{length} bytes"));
        let bytes = r.take(length)?.to_vec();
        r.note(r.at(), 3, || "zeros and relocations".into());
        let zeros = r.u64()?;
        let relocs = relocs(r, module, count)?;
        module.data.push(DataDecl {
            name,
            linkage,
            writable: flags & flag::WRITABLE != 0,
            align,
            bytes,
            zeros,
            relocs,
            thread_local: flags & flag::THREAD_LOCAL != 0,
        });
    }
    Ok(())
}

fn relocs(r: &mut Reader<'_>, module: &Module, data: usize) -> Decoded<Vec<DataReloc>> {
    let count = r.count(Item::Reloc, 4)?;
    let mut relocs = Vec::with_capacity(count);
    for _ in 0..count {
        let offset = r.u32()?;
        let at = r.at();
        let target = match r.byte()? {
            target::FUNC => DataTarget::Func(FuncId(r.index(Item::Func, module.funcs.len())?)),
            target::DATA => DataTarget::Data(DataId(r.index(Item::Data, data)?)),
            target::LABEL => {
                let func = FuncId(r.index(Item::Func, module.funcs.len())?);
                let blocks = module.func(func).body.as_ref().map_or(0, |f| f.blocks.len());
                DataTarget::Label(func, Block(r.index(Item::Block, blocks)?))
            }
            number => return Err(r.unknown(at, Item::Target, number as u64)),
        };
        relocs.push(DataReloc { offset, target, addend: r.i64()? });
    }
    Ok(relocs)
}

/// Reads a byte that must be the number of something.
fn known<T>(r: &mut Reader<'_>, item: Item, from: impl Fn(u8) -> Option<T>) -> Decoded<T> {
    let at = r.at();
    let number = r.byte()?;
    from(number).ok_or_else(|| r.unknown(at, item, number as u64))
}

fn linkage(flags: u8) -> Option<Linkage> {
    [Linkage::Local, Linkage::Export, Linkage::Import].into_iter().find(|l| *l as u8 == flags & flag::LINKAGE)
}

fn convention(number: u8) -> Option<Convention> {
    Convention::ALL.into_iter().find(|c| *c as u8 == number)
}

fn aggregate_class(number: u8) -> Option<AggregateClass> {
    use AggregateClass::{Complex, Int128, Plain, X87};
    [Plain, X87, Complex, Int128].into_iter().find(|c| *c as u8 == number)
}

fn field_kind(number: u8) -> Option<FieldKind> {
    use FieldKind::{F32, F64, F80, I8, I16, I32, I64, Ptr};
    [I8, I16, I32, I64, F32, F64, Ptr, F80].into_iter().find(|k| *k as u8 == number)
}
