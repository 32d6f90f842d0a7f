//! Printing: the one canonical spelling of a module. One pass over each function to see what must be said
//! (`order`, `labels`), one to say it; linear in the size of the module.

mod body;
mod data;
mod inst;
mod names;

use super::parse::{CLASSES, FIELD_KINDS, MAX_INNER_ZEROS, Members, class_layout};
use crate::entity::{Block, FuncId, Inst};
use crate::function::Function;
use crate::module::{DataTarget, FuncDecl, Linkage, Module};
use crate::op::Shape;
use crate::types::{AbiType, AggregateClass, Convention, Layout, Signature};
use names::{Locals, Symbols, write_string};
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};

/// A module, function or instruction in the text form, by its `Display`.
#[derive(Clone, Copy, Debug)]
pub struct Printed<'m> {
    module: &'m Module,
    what: What<'m>,
    positions: bool,
}

#[derive(Clone, Copy, Debug)]
enum What<'m> {
    Module,
    Function(FuncId),
    Inst(FuncId, Inst),
    Foreign(&'m Function, Inst),
    Rewritten(FuncId, &'m Function),
}

/// The text form of a module.
pub fn print(module: &Module) -> Printed<'_> {
    Printed { module, what: What::Module, positions: false }
}

impl<'m> Printed<'m> {
    /// With the module's own source positions (`.sources` and `.loc`), which reading then takes instead of the places
    /// in the text read: it gives the same module in every respect.
    pub fn with_positions(mut self) -> Printed<'m> {
        self.positions = true;
        self
    }

    /// Only this function.
    ///
    /// # Panics
    /// Printing panics if the module has no such function.
    pub fn function(mut self, func: FuncId) -> Printed<'m> {
        self.what = What::Function(func);
        self
    }

    /// Only this function, with another body than the module's: one that a compiler made of it.
    ///
    /// # Panics
    /// Printing panics if the module has no such function.
    pub fn function_as(mut self, func: FuncId, body: &'m Function) -> Printed<'m> {
        self.what = What::Rewritten(func, body);
        self
    }

    /// Only this instruction, for listings: every register's type is taken as known, equal names are not told apart.
    /// The cost does not depend on the size of the module.
    ///
    /// # Panics
    /// Printing panics if there is no such instruction.
    pub fn inst(mut self, func: FuncId, inst: Inst) -> Printed<'m> {
        self.what = What::Inst(func, inst);
        self
    }

    /// The same for an instruction of a body that is not the module's, but refers to it: one that a compiler made.
    ///
    /// # Panics
    /// Printing panics if there is no such instruction.
    pub fn inst_of(mut self, body: &'m Function, inst: Inst) -> Printed<'m> {
        self.what = What::Foreign(body, inst);
        self
    }
}

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer {
            module: self.module,
            symbols: match self.what {
                What::Inst(..) | What::Foreign(..) => Symbols::loose(self.module),
                What::Module | What::Function(_) | What::Rewritten(..) => Symbols::new(self.module),
            },
            labels: HashMap::new(),
            label_names: HashMap::new(),
            inner_zeros: MAX_INNER_ZEROS,
            positions: self.positions,
            out: f,
        };
        match self.what {
            What::Module => {
                printer.find_data_labels();
                printer.module()
            }
            What::Function(func) => {
                printer.find_data_labels();
                printer.function(func, self.module.func(func).body.as_ref())
            }
            What::Rewritten(func, body) => printer.function(func, Some(body)),
            What::Inst(func, inst) => match &self.module.func(func).body {
                Some(body) => printer.single(body, inst),
                None => Ok(()),
            },
            What::Foreign(body, inst) => printer.single(body, inst),
        }
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self).fmt(f)
    }
}

struct Printer<'m, 'o, 'f> {
    module: &'m Module,
    symbols: Symbols<'m>,
    /// The blocks whose labels data holds.
    labels: HashMap<FuncId, HashSet<Block>>,
    /// The names of blocks in functions whose labels data holds.
    label_names: HashMap<FuncId, Locals<'m>>,
    /// Zero bytes in the middle of objects that a reader still accepts as `zero`.
    inner_zeros: u64,
    positions: bool,
    out: &'o mut fmt::Formatter<'f>,
}

impl Printer<'_, '_, '_> {
    fn find_data_labels(&mut self) {
        for reloc in self.module.data.iter().flat_map(|d| &d.relocs) {
            if let DataTarget::Label(func, block) = reloc.target {
                self.labels.entry(func).or_default().insert(block);
                if let Some(body) = self.module.funcs.get(func.index()).and_then(|f| f.body.as_ref()) {
                    self.label_names.entry(func).or_insert_with(|| Locals::new(&body.block_names));
                }
            }
        }
    }

    fn module(&mut self) -> fmt::Result {
        let module = self.module;
        let mut parts = 0;
        if self.positions {
            self.out.write_str(".sources")?;
            for (n, file) in module.files.iter().enumerate() {
                self.out.write_str(if n == 0 { " " } else { ", " })?;
                write_string(self.out, file.as_bytes())?;
            }
            self.out.write_char('\n')?;
            parts += 1;
        }
        for (n, decl) in module.layouts.iter().enumerate() {
            self.out.write_str(if n == 0 && parts > 0 { "\ntype " } else { "type " })?;
            self.symbols.layout(self.out, n)?;
            self.out.write_str(" = ")?;
            layout(self.out, &decl.layout)?;
            self.out.write_char('\n')?;
        }
        parts += module.layouts.len();
        if !self.signatures_follow() {
            for (n, sig) in module.sigs.iter().enumerate() {
                self.out.write_str(if n == 0 && parts > 0 { "\nsig fn" } else { "sig fn" })?;
                self.signature(sig, None)?;
                self.out.write_char('\n')?;
            }
            parts += module.sigs.len();
        }
        for (n, data) in module.data.iter().enumerate() {
            if n == 0 && parts > 0 {
                self.out.write_char('\n')?;
            }
            self.data(n, data)?;
        }
        parts += module.data.len();
        let mut after_body = true;
        let entries_follow = self.entries_follow();
        for (n, decl) in module.funcs.iter().enumerate() {
            if decl.entry_of.is_some() && entries_follow {
                continue;
            }
            let is_import = decl.linkage == Linkage::Import || decl.entry_of.is_some();
            if parts > 0 && (after_body || !is_import) {
                self.out.write_char('\n')?;
            }
            self.function(FuncId(n as u32), module.funcs[n].body.as_ref())?;
            after_body = !is_import;
            parts += 1;
        }
        Ok(())
    }

    /// Whether reading would number the further entries as they are without being told: behind all functions, in the order
    /// in which bodies have them.
    fn entries_follow(&self) -> bool {
        let funcs = &self.module.funcs;
        let in_bodies = funcs.iter().filter_map(|decl| decl.body.as_ref()).flat_map(|body| &body.entries);
        let first = funcs.iter().position(|decl| decl.entry_of.is_some()).unwrap_or(funcs.len());
        let declared = funcs[first..].iter().map(|decl| decl.entry_of.is_some());
        let ids = (first as u32..funcs.len() as u32).map(FuncId);
        declared.into_iter().all(|is| is) && ids.eq(in_bodies.map(|entry| entry.func))
    }

    /// Whether reading would number the signatures as they are without being told.
    fn signatures_follow(&self) -> bool {
        let mut next = 0;
        let mut is_next = |sig: u32| {
            next += (sig == next) as u32;
            sig < next
        };
        let declared = self.module.funcs.iter().all(|f| is_next(f.sig.0));
        let called = self.module.funcs.iter().filter_map(|f| f.body.as_ref()).all(|body| {
            body.insts().iter().all(|inst| match inst.op.shape() {
                Shape::CallPtr | Shape::TailCallPtr | Shape::Call | Shape::TailCall => {
                    is_next(body.call(inst).sig.0)
                }
                _ => true,
            })
        });
        declared && called && next as usize == self.module.sigs.len()
    }

    fn function(&mut self, func: FuncId, body: Option<&Function>) -> fmt::Result {
        let module = self.module;
        let decl = module.func(func);
        if decl.linkage == Linkage::Export {
            self.out.write_str("export ")?;
        }
        if decl.replaceable {
            self.out.write_str("replaceable ")?;
        }
        let sig = &module.sigs[decl.sig.index()];
        if decl.linkage == Linkage::Import {
            return self.import(func, decl, sig);
        }
        if decl.entry_of.is_some() {
            self.out.write_str("entry ")?;
            self.symbols.func(self.out, func)?;
            self.out.write_str(": fn")?;
            self.signature(sig, None)?;
            return self.out.write_char('\n');
        }
        self.out.write_str("fn ")?;
        self.symbols.func(self.out, func)?;
        self.signature(sig, Some(body))?;
        match body {
            None => self.out.write_char('\n'),
            Some(body) => self.body(func, body),
        }
    }

    fn import(&mut self, func: FuncId, decl: &FuncDecl, sig: &Signature) -> fmt::Result {
        self.out.write_str("extern ")?;
        self.symbols.func(self.out, func)?;
        self.out.write_str(": fn")?;
        self.signature(sig, None)?;
        if let Some(library) = &decl.library {
            self.out.write_str(" from ")?;
            write_string(self.out, library.as_bytes())?;
        }
        self.out.write_char('\n')
    }

    /// A signature from its parameter list on; with the parameters' names if it is a function's.
    fn signature(&mut self, sig: &Signature, of: Option<Option<&Function>>) -> fmt::Result {
        self.out.write_char('(')?;
        let names = of.map(|f| f.map(|f| Locals::new(&f.vreg_names)));
        for (n, param) in sig.params.iter().enumerate() {
            if n > 0 {
                self.out.write_str(", ")?;
            }
            if let Some(names) = &names {
                match names {
                    Some(names) => names.register(self.out, n as u32)?,
                    None => write!(self.out, "%{n}")?,
                }
                self.out.write_str(": ")?;
            }
            self.abi_type(*param)?;
        }
        if sig.variadic {
            self.out.write_str(if sig.params.is_empty() { "..." } else { ", ..." })?;
        }
        self.out.write_char(')')?;
        if sig.convention != Convention::C {
            write!(self.out, " conv {}", sig.convention.name())?;
        }
        match &sig.results[..] {
            [] => Ok(()),
            [result] => {
                self.out.write_str(" -> ")?;
                self.abi_type(*result)
            }
            results => {
                for (n, result) in results.iter().enumerate() {
                    self.out.write_str(if n == 0 { " -> (" } else { ", " })?;
                    self.abi_type(*result)?;
                }
                self.out.write_char(')')
            }
        }
    }

    fn abi_type(&mut self, ty: AbiType) -> fmt::Result {
        match ty {
            AbiType::I8 => self.out.write_str("i8"),
            AbiType::U8 => self.out.write_str("u8"),
            AbiType::I16 => self.out.write_str("i16"),
            AbiType::U16 => self.out.write_str("u16"),
            AbiType::Value(ty) => self.out.write_str(ty.name()),
            AbiType::Aggregate(id) => self.symbols.layout(self.out, id.index()),
        }
    }
}

/// A layout in the shortest form that reads back as it is.
fn layout(out: &mut dyn Write, layout: &Layout) -> fmt::Result {
    for (word, class) in CLASSES {
        for part in ["", "f32", "f64", "x87"] {
            if layout.class == class && class_layout(class, part).as_ref() == Some(layout) {
                return if part.is_empty() { write!(out, "{word}") } else { write!(out, "{word} {part}") };
            }
        }
    }
    let kind = |kind| FIELD_KINDS.into_iter().find(|(_, k, _)| *k == kind).unwrap_or(FIELD_KINDS[0]);
    let natural = || {
        let mut members = Members::new(false);
        for field in &layout.fields {
            members.add(field.count, &Members::scalar(field.kind, kind(field.kind).2))?;
        }
        members.finish()
    };
    let is_natural = natural().as_ref() == Some(layout);
    if !is_natural {
        write!(out, "size {} align {} ", layout.size, layout.align)?;
        if layout.class != AggregateClass::Plain {
            let word = CLASSES.iter().find(|(_, c)| *c == layout.class).map_or("", |(word, _)| word);
            write!(out, "{word} ")?;
        }
    }
    out.write_char('{')?;
    for (n, field) in layout.fields.iter().enumerate() {
        if n > 0 {
            out.write_str(", ")?;
        }
        if field.count != 1 {
            write!(out, "[{}]", field.count)?;
        }
        out.write_str(kind(field.kind).0)?;
        if !is_natural {
            write!(out, " at {}", field.offset)?;
        }
    }
    out.write_char('}')
}
