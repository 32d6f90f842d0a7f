//! A module to bytes.

use super::number::{put, put_signed, put_text};
use super::{CHECKSUM, HEADER, MAGIC, MAJOR, MINOR, element, flag, record, seal, section, target};
use crate::entity::SigId;
use crate::function::{Function, Names};
use crate::module::{DataDecl, DataTarget, FuncDecl, LayoutDecl, Module};
use crate::types::{AbiType, Signature};

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Leaves out what running does not need: names of registers, blocks and slots, source files and positions.
    pub strip: bool,
}

/// The bytecode form of a module.
pub fn encode(module: &Module, options: Options) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + estimate(module));
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&MAJOR.to_le_bytes());
    out.extend_from_slice(&MINOR.to_le_bytes());
    out.resize(CHECKSUM.end, 0);

    let mut content = Vec::new();
    let files = if options.strip { &[] } else { module.files() };
    section(&mut out, &mut content, section::FILES, files, |out, file| put_text(out, file));
    section(&mut out, &mut content, section::LAYOUTS, module.layouts(), layout);
    section(&mut out, &mut content, section::SIGNATURES, module.sigs(), signature);
    let func = |out: &mut Vec<u8>, func: &FuncDecl| function(out, module, func, options);
    section(&mut out, &mut content, section::FUNCTIONS, module.funcs(), func);
    section(&mut out, &mut content, section::DATA, module.data(), data);
    seal(&mut out);
    out
}

/// About the number of bytes that the module takes: instructions take about five.
fn estimate(module: &Module) -> usize {
    let bodies = module.funcs().iter().filter_map(|f| f.body.as_ref());
    let data: usize = module.data().iter().map(|d| d.bytes.len() + 16).sum();
    data + module.funcs().len() * 24 + bodies.map(|b| b.insts().len() * 6).sum::<usize>()
}

/// Writes a section: its number, its length, the count, each thing. Nothing if there are none.
fn section<T>(
    out: &mut Vec<u8>,
    content: &mut Vec<u8>,
    number: u8,
    things: &[T],
    write: impl Fn(&mut Vec<u8>, &T),
) {
    if things.is_empty() {
        return;
    }
    content.clear();
    put(content, things.len() as u64);
    for thing in things {
        write(content, thing);
    }
    out.push(number);
    put(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn layout(out: &mut Vec<u8>, decl: &LayoutDecl) {
    put_text(out, &decl.name);
    put(out, decl.layout.size as u64);
    put(out, decl.layout.align as u64);
    out.push(decl.layout.class as u8);
    put(out, decl.layout.fields.len() as u64);
    for field in &decl.layout.fields {
        put(out, field.offset as u64);
        out.push(field.kind as u8);
        put(out, field.count as u64);
    }
}

fn signature(out: &mut Vec<u8>, sig: &Signature) {
    out.push((sig.convention as u8) << 1 | if sig.variadic { flag::VARIADIC } else { 0 });
    for elements in [&sig.params, &sig.results] {
        put(out, elements.len() as u64);
        for ty in elements {
            match ty {
                AbiType::Value(ty) => out.push(*ty as u8),
                AbiType::I8 => out.push(element::I8),
                AbiType::U8 => out.push(element::U8),
                AbiType::I16 => out.push(element::I16),
                AbiType::U16 => out.push(element::U16),
                AbiType::Aggregate(layout) => {
                    out.push(element::AGGREGATE);
                    put(out, layout.0 as u64);
                }
            }
        }
    }
}

fn data(out: &mut Vec<u8>, data: &DataDecl) {
    put_text(out, &data.name);
    let bit = |on: bool, bit: u8| if on { bit } else { 0 };
    out.push(
        data.linkage as u8 | bit(data.writable, flag::WRITABLE) | bit(data.thread_local, flag::THREAD_LOCAL),
    );
    put(out, data.align as u64);
    put(out, data.bytes.len() as u64);
    out.extend_from_slice(&data.bytes);
    put(out, data.zeros);
    put(out, data.relocs.len() as u64);
    for reloc in &data.relocs {
        put(out, reloc.offset as u64);
        match reloc.target {
            DataTarget::Func(func) => {
                out.push(target::FUNC);
                put(out, func.0 as u64);
            }
            DataTarget::Data(data) => {
                out.push(target::DATA);
                put(out, data.0 as u64);
            }
            DataTarget::Label(func, block) => {
                out.push(target::LABEL);
                put(out, func.0 as u64);
                put(out, block.0 as u64);
            }
        }
        put_signed(out, reloc.addend);
    }
}

fn function(out: &mut Vec<u8>, module: &Module, decl: &FuncDecl, options: Options) {
    put_text(out, &decl.name);
    let bit = |on: bool, bit: u8| if on { bit } else { 0 };
    out.push(
        decl.linkage as u8
            | bit(decl.replaceable, flag::REPLACEABLE)
            | bit(decl.library.is_some(), flag::LIBRARY)
            | bit(decl.body.is_some(), flag::BODY)
            | bit(decl.entry_of.is_some(), flag::ENTRY),
    );
    let SigId(sig) = decl.sig;
    put(out, sig as u64);
    if let Some(library) = &decl.library {
        put_text(out, library);
    }
    if let Some(of) = decl.entry_of {
        put(out, of.0 as u64);
    }
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    if let Some(f) = &decl.body {
        body(out, f, module.sigs()[decl.sig.index()].params.len(), options);
        let length = u32::try_from(out.len() - start - 4).expect("a function body is smaller than 4 GiB");
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
}

fn body(out: &mut Vec<u8>, f: &Function, params: usize, options: Options) {
    put(out, (f.vregs().len() - params) as u64);
    out.extend(f.vregs()[params..].iter().map(|v| v.ty as u8));
    put(out, f.slots().len() as u64);
    for slot in f.slots() {
        put(out, slot.size as u64);
        put(out, slot.align as u64);
    }
    put(out, f.blocks().len() as u64);
    let marks =
        || f.blocks().iter().map(|b| b.align << 1 | b.cold as u8).enumerate().filter(|(_, mark)| *mark != 0);
    put(out, marks().count() as u64);
    let mut next = 0;
    for (block, mark) in marks() {
        put(out, (block - next) as u64);
        out.push(mark);
        next = block + 1;
    }
    put(out, f.label_sets().len() as u64);
    for set in f.label_sets() {
        put(out, set.len() as u64);
        set.iter().for_each(|block| put(out, block.0 as u64));
    }
    put(out, f.entries().len() as u64);
    for entry in f.entries() {
        put(out, entry.func.0 as u64);
        put(out, entry.block.0 as u64);
        put(out, entry.params.len() as u64);
        entry.params.iter().for_each(|v| put(out, v.0 as u64));
    }
    put(out, f.insts().len() as u64);
    for inst in f.insts() {
        record::write(out, f, inst);
    }
    if options.strip {
        out.extend_from_slice(&[0; 4]);
        return;
    }
    for names in [&f.vreg_names, &f.block_names, &f.slot_names] {
        put_names(out, names);
    }
    put(out, f.positions().len() as u64);
    let (mut inst, mut line) = (0, 0);
    for (at, pos) in f.positions() {
        put(out, (at.0 - inst) as u64);
        put(out, pos.file.0 as u64);
        put_signed(out, pos.line as i64 - line);
        put(out, pos.column as u64);
        (inst, line) = (at.0, pos.line as i64);
    }
}

fn put_names(out: &mut Vec<u8>, names: &Names) {
    put(out, names.iter().count() as u64);
    let mut next = 0;
    for (index, name) in names.iter() {
        put(out, (index - next) as u64);
        put_text(out, name);
        next = index + 1;
    }
}
