//! What goes where, and all that may be wrong, before there is memory.

use super::{LinkFault, Purpose};
use crate::image::Image;
use crate::memory::{PAGE, Part};
use crate::symbols::Symbols;
use crate::target::{self, STUB_LEN};
use crate::{routines, tls};
use kiln_codegen::Code;
use kiln_codegen::code::{FunctionCode, RelocKind, Routine, Target};
use kiln_codegen::recovery::ValuePlace;
use kiln_ir::{Block, DataId, DataTarget, FuncId, Linkage, Module};
use std::ops::Range;

/// Where something will be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Nobody asked yet.
    Unknown,
    /// Not to be had; the fault is noted.
    Missing,
    /// At an address outside of the image.
    Outside(usize),
    /// In a part of the image.
    Inside(Part, usize),
}

/// A thing that may be referred to, with the indices of the stub and the cell made for it.
#[derive(Clone, Copy)]
pub struct Symbol {
    pub place: Place,
    pub stub: u32,
    pub cell: u32,
}

/// No stub, or no cell.
pub const NONE: u32 = u32::MAX;
/// What processors share at a time, in bytes.
pub const LINE: usize = 64;

impl Symbol {
    pub const fn at(place: Place) -> Symbol {
        Symbol { place, stub: NONE, cell: NONE }
    }
}

/// What a stub does.
#[derive(Clone, Copy)]
pub enum Stub {
    /// Jumps through a cell.
    Cell(u32),
    /// Jumps through a slot.
    Slot(u32),
    /// Traps, because nothing is bound to a replaceable import.
    Unbound,
}

/// A replaceable function or import.
pub struct Replaceable {
    pub func: FuncId,
    pub stub: u32,
    /// Where its slot leads at first.
    pub first: Place,
}

/// Decides what goes where, before there is memory.
pub struct Plan<'a> {
    purpose: Purpose<'a>,
    pub code: &'a Code,
    pub module: &'a Module,
    symbols: &'a dyn Symbols,
    region: Range<usize>,
    pub funcs: Vec<Symbol>,
    pub objects: Vec<Symbol>,
    pub routines: Vec<(Routine, Symbol)>,
    pub heres: Vec<(u32, Symbol)>,
    /// What each stub does, and what it leads to.
    pub stubs: Vec<(Stub, Target)>,
    pub cells: Vec<Place>,
    /// Whether code looks at the word by which something is asked of it.
    pub asks: bool,
    pub slots: Vec<Replaceable>,
    /// The offsets of further entries and of labels, each sorted.
    pub entries: Vec<(FuncId, u32)>,
    labels: Vec<((FuncId, Block), u32)>,
    /// Bytes of constants and data objects so far, from the first object on; and their alignments.
    pub len: [usize; 3],
    pub align: [usize; 3],
    pub faults: Vec<LinkFault>,
}

impl<'a> Plan<'a> {
    pub fn new(
        purpose: Purpose<'a>,
        code: &'a Code,
        module: &'a Module,
        symbols: &'a dyn Symbols,
        region: Range<usize>,
    ) -> Plan<'a> {
        let asks = code.relocs.iter().any(|reloc| reloc.to == Target::Request);
        Plan {
            purpose,
            code,
            module,
            symbols,
            region,
            funcs: vec![Symbol::at(Place::Unknown); module.funcs().len()],
            objects: Vec::new(),
            routines: Vec::new(),
            heres: Vec::new(),
            stubs: Vec::new(),
            cells: Vec::new(),
            asks: asks && !matches!(purpose, Purpose::Better(_)),
            slots: Vec::new(),
            entries: Vec::new(),
            labels: code.labels.iter().map(|label| ((label.func, label.block), label.at)).collect(),
            len: [code.bytes.len(), 0, 0],
            align: [code.align.max(16) as usize, 16, 16],
            faults: Vec::new(),
        }
    }

    pub fn stub_offset(&self, stub: u32) -> usize {
        self.code.bytes.len().next_multiple_of(16) + stub as usize * STUB_LEN
    }

    /// Where the word is, in the data, by which something is asked of the code.
    pub fn request(&self) -> usize {
        (self.slots.len() * 8).next_multiple_of(LINE)
    }

    /// The image whose functions and data code refers to, if not its own.
    pub fn other(&self) -> Option<&'a Image> {
        match self.purpose {
            Purpose::Better(better) => Some(better.of),
            Purpose::Whole | Purpose::Improvable => None,
        }
    }

    /// Where a call of a function goes, if not to the function's place.
    pub fn shortcut(&self, func: FuncId, code: usize) -> Option<usize> {
        let Purpose::Better(better) = self.purpose else { return None };
        if self.module.is_replaceable(func) {
            return None;
        }
        let own = |f: &FunctionCode| f.func == func && f.entry.is_none();
        let own = match self.module.func(func).entry_of {
            _ if !better.calls_itself => None,
            None => self.code.functions.iter().find(|f| own(f)).map(|f| f.start),
            Some(_) => {
                self.entries.binary_search_by_key(&func, |(key, _)| *key).ok().map(|at| self.entries[at].1)
            }
        };
        own.map(|start| code + start as usize).or_else(|| (better.calls)(func))
    }

    /// Where the counters are in the data.
    pub fn counters(&self) -> usize {
        let request = if self.asks { self.request() + LINE } else { self.slots.len() * 8 };
        request.next_multiple_of(LINE)
    }

    pub fn functions(&mut self) {
        self.labels.sort_unstable();
        for function in &self.code.functions {
            let func = function.entry.unwrap_or(function.func);
            if function.entry.is_some() {
                self.entries.push((func, function.start));
            }
            let body = Place::Inside(Part::Code, function.start as usize);
            let place = match self.purpose {
                Purpose::Better(_) => continue,
                Purpose::Improvable => self.slot(func, body),
                Purpose::Whole if self.module.is_replaceable(func) => self.slot(func, body),
                Purpose::Whole => body,
            };
            self.funcs[func.index()].place = place;
        }
        self.entries.sort_unstable();
        if self.other().is_some() {
            return;
        }
        for (func, decl) in (0..).map(FuncId).zip(self.module.funcs()) {
            if !decl.replaceable || decl.linkage != Linkage::Import {
                continue;
            }
            let given = match decl.library {
                // Of a library that is named it is an import like others, but for later changes.
                Some(_) => self.import(func).map(Some),
                // Else what happens to have its name in the process is not meant.
                None => Ok(self.symbols.given(&decl.name).map(|address| address as usize)),
            };
            let first = match given {
                Ok(Some(address)) => Place::Outside(address),
                Ok(None) => Place::Inside(Part::Code, self.stub(Stub::Unbound, func)),
                Err(fault) => {
                    self.faults.push(fault);
                    Place::Missing
                }
            };
            self.funcs[func.index()].place = self.slot(func, first);
        }
    }

    pub fn label(&self, func: FuncId, block: Block) -> Place {
        match self.labels.binary_search_by_key(&(func, block), |(key, _)| *key) {
            Ok(at) => Place::Inside(Part::Code, self.labels[at].1 as usize),
            Err(_) => Place::Missing,
        }
    }

    /// Makes a slot, and the stub that jumps through it, for a function that leads to `first`.
    fn slot(&mut self, func: FuncId, first: Place) -> Place {
        let stub = self.stubs.len() as u32;
        let at = self.stub(Stub::Slot(self.slots.len() as u32), func);
        self.slots.push(Replaceable { func, stub, first });
        Place::Inside(Part::Code, at)
    }

    /// Adds a stub for a function and gives its offset in the code.
    fn stub(&mut self, stub: Stub, func: FuncId) -> usize {
        self.stubs.push((stub, Target::Func(func)));
        self.stub_offset(self.stubs.len() as u32 - 1)
    }

    pub fn data(&mut self) {
        self.len[Part::Data as usize] = self.slots.len() * 8;
        if self.asks {
            // A cache line of its own: nobody's stores slow down those who look.
            self.align[Part::Data as usize] = LINE;
            self.len[Part::Data as usize] = self.request() + LINE;
        }
        if !self.code.counters.is_empty() {
            // Apart from what is only read.
            self.align[Part::Data as usize] = LINE;
            let end = self.counters() + 4 * self.code.counters.len();
            self.len[Part::Data as usize] = end.next_multiple_of(LINE);
        }
        self.objects.reserve(self.module.data().len());
        for (i, object) in self.module.data().iter().enumerate() {
            let id = DataId(i as u32);
            let place = if object.linkage == Linkage::Import || self.other().is_some() {
                Place::Unknown
            } else if object.align as usize > PAGE {
                self.faults.push(LinkFault::Alignment { data: id, align: object.align });
                Place::Missing
            } else {
                let part = if object.writable { Part::Data } else { Part::Consts };
                let align = (object.align as usize).max(1).next_power_of_two();
                let at = self.len[part as usize].next_multiple_of(align);
                self.align[part as usize] = self.align[part as usize].max(align);
                // Absurd sizes saturate, and are refused when memory is asked for.
                let end = at.saturating_add(usize::try_from(object.size()).unwrap_or(usize::MAX));
                self.len[part as usize] = end.min(1 << 48);
                Place::Inside(part, at)
            };
            self.objects.push(Symbol::at(place));
        }
    }

    pub fn relocations(&mut self) {
        for reloc in &self.code.relocs {
            let place = match reloc.kind {
                RelocKind::TlsPc32 | RelocKind::Thread32 => Place::Unknown,
                RelocKind::Abs64 | RelocKind::Call32 | RelocKind::Pc32 | RelocKind::GotPc32 => {
                    self.find(reloc.to)
                }
            };
            match reloc.kind {
                RelocKind::Call32 => match place {
                    Place::Outside(address) if !target::reaches(&self.region, address) => {
                        let cell = self.cell(reloc.to, place);
                        if self.symbol(reloc.to).stub == NONE {
                            let stub = self.stubs.len() as u32;
                            self.stubs.push((Stub::Cell(cell), reloc.to));
                            self.symbol(reloc.to).stub = stub;
                        }
                    }
                    Place::Outside(_) | Place::Inside(..) | Place::Missing | Place::Unknown => {}
                },
                RelocKind::GotPc32 => {
                    self.cell(reloc.to, place);
                }
                RelocKind::Pc32 => match place {
                    Place::Outside(address) if !target::reaches(&self.region, address) => {
                        self.faults.push(LinkFault::OutOfReach { at: reloc.at, to: reloc.to });
                    }
                    Place::Outside(_) | Place::Inside(..) | Place::Missing | Place::Unknown => {}
                },
                RelocKind::TlsPc32 => self.thread_local(reloc.to),
                RelocKind::Abs64 | RelocKind::Thread32 => {}
            }
        }
        for value in self.code.recoveries.values() {
            match value.place {
                ValuePlace::Data(data, _) => {
                    self.find(Target::Data(data));
                }
                ValuePlace::Func(func) => {
                    self.find(Target::Func(func));
                }
                ValuePlace::Register(_)
                | ValuePlace::Memory(..)
                | ValuePlace::Address { .. }
                | ValuePlace::Constant(_)
                | ValuePlace::Code(_) => {}
            }
        }
        let own_data = if self.other().is_some() { &[] } else { self.module.data() };
        for object in own_data {
            for reloc in &object.relocs {
                match reloc.target {
                    DataTarget::Func(func) => {
                        self.find(Target::Func(func));
                    }
                    DataTarget::Data(data) => {
                        self.find(Target::Data(data));
                    }
                    DataTarget::Label(func, block) => {
                        // Told once of a function, whatever is used of it.
                        let missing = self.label(func, block) == Place::Missing;
                        if missing && self.find(Target::Func(func)) != Place::Missing {
                            self.faults.push(self.no_code(func));
                        }
                    }
                }
            }
        }
    }

    /// The entry of a target in its table.
    fn symbol(&mut self, to: Target) -> &mut Symbol {
        match to {
            Target::Func(func) => &mut self.funcs[func.index()],
            Target::Data(data) => &mut self.objects[data.index()],
            Target::Routine(routine) => entry(&mut self.routines, routine, Place::Unknown),
            Target::Here(at) => entry(&mut self.heres, at, Place::Inside(Part::Code, at as usize)),
            Target::Request | Target::Counter(_) | Target::Thread(_) => {
                panic!("{to:?} has a place of its own")
            }
        }
    }

    /// Where a target is, looked up at first.
    fn find(&mut self, to: Target) -> Place {
        match to {
            Target::Here(at) => return Place::Inside(Part::Code, at as usize),
            Target::Request => return self.request_place(),
            Target::Counter(n) => return self.counter_place(n),
            Target::Func(_) | Target::Data(_) | Target::Routine(_) | Target::Thread(_) => {}
        }
        let known = self.symbol(to).place;
        if known != Place::Unknown {
            return known;
        }
        let other = self.other();
        let found = match to {
            Target::Func(func) => match other.and_then(|other| other.address(func)) {
                Some(address) => Ok(address as usize),
                None => self.import(func),
            },
            Target::Data(data) => match other.and_then(|other| other.data_address(data)) {
                Some(address) => Ok(address as usize),
                None => self.import_data(data),
            },
            Target::Routine(routine) => routines::address(routine).ok_or(LinkFault::MissingRoutine(routine)),
            Target::Here(_) | Target::Request | Target::Counter(_) | Target::Thread(_) => {
                return Place::Unknown;
            }
        };
        let place = match found {
            Ok(address) => Place::Outside(address),
            Err(fault) => {
                self.faults.push(fault);
                Place::Missing
            }
        };
        self.symbol(to).place = place;
        place
    }

    pub fn request_place(&self) -> Place {
        match self.other() {
            Some(other) => other.request_address().map_or(Place::Missing, Place::Outside),
            None => Place::Inside(Part::Data, self.request()),
        }
    }

    pub fn counter_place(&self, number: u32) -> Place {
        Place::Inside(Part::Data, self.counters() + 4 * number as usize)
    }

    fn no_code(&self, func: FuncId) -> LinkFault {
        LinkFault::NoCode { func, name: self.module.func(func).name.clone() }
    }

    fn import(&self, func: FuncId) -> Result<usize, LinkFault> {
        let decl = self.module.func(func);
        if decl.linkage != Linkage::Import {
            return Err(self.no_code(func));
        }
        match self.symbols.lookup(&decl.name, decl.library.as_deref()) {
            Some(address) => Ok(address as usize),
            None => Err(LinkFault::MissingFunction {
                func,
                name: decl.name.clone(),
                library: decl.library.clone(),
                reason: decl.library.as_deref().and_then(|library| self.symbols.explain(library)),
            }),
        }
    }

    fn import_data(&self, data: DataId) -> Result<usize, LinkFault> {
        let decl = &self.module.data()[data.index()];
        if decl.thread_local {
            return Err(LinkFault::ThreadLocal { data, name: decl.name.clone() });
        }
        match self.symbols.lookup(&decl.name, None) {
            Some(address) => Ok(address as usize),
            None => Err(LinkFault::MissingData { data, name: decl.name.clone() }),
        }
    }

    /// Makes the two cells of a thread-local object: its module and its offset.
    fn thread_local(&mut self, to: Target) {
        let Target::Data(data) = to else {
            panic!("only data is thread-local, not {to:?}");
        };
        if self.objects[data.index()].cell != NONE || self.objects[data.index()].place == Place::Missing {
            return;
        }
        let decl = &self.module.data()[data.index()];
        let found = match self.symbols.lookup(&decl.name, None) {
            None => Err(LinkFault::MissingData { data, name: decl.name.clone() }),
            Some(address) => tls::index_of(address as usize)
                .ok_or_else(|| LinkFault::ThreadLocal { data, name: decl.name.clone() }),
        };
        match found {
            Ok(index) => {
                self.objects[data.index()].cell = self.cells.len() as u32;
                self.cells.extend([Place::Outside(index.module), Place::Outside(index.offset)]);
            }
            Err(fault) => {
                self.faults.push(fault);
                self.objects[data.index()].place = Place::Missing;
            }
        }
    }

    /// The cell that holds a target's address, made on first use.
    fn cell(&mut self, to: Target, place: Place) -> u32 {
        let known = self.symbol(to).cell;
        if known != NONE {
            return known;
        }
        let cell = self.cells.len() as u32;
        self.cells.push(place);
        self.symbol(to).cell = cell;
        cell
    }
}

/// The entry of a small table in the order of first use.
fn entry<K: PartialEq + Copy>(table: &mut Vec<(K, Symbol)>, key: K, place: Place) -> &mut Symbol {
    let at = table.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
        table.push((key, Symbol::at(place)));
        table.len() - 1
    });
    &mut table[at].1
}
