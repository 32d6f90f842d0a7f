//! Places code and data and fills in addresses.
//!
//! What lies where in an image:
//!
//! ```text
//! code       the compiler's bytes | stubs: jumps through a cell, traps of what is not bound
//! constants  cells: addresses of what code reaches indirectly | constant data objects
//! data       slots of replaceable functions | writable data objects
//! ```
//!
//! All that may fail for reasons of the module happens before memory is taken; then the bytes are copied and patched
//! in one pass. Cost: linear in code, relocations and declarations; a symbol is looked up once, and only if used.

use crate::image::{Image, Parts, Slot};
use crate::memory::{Memory, Need, PAGE, Part};
use crate::symbols::Symbols;
use crate::target::{self, STUB_LEN};
use crate::unwind::Rows;
use crate::{routines, tls, traps};
use kiln_codegen::Code;
use kiln_codegen::code::{FaultCause, FunctionCode, RelocKind, Routine, Target, TrapSite};
use kiln_codegen::recovery::ValuePlace;
use kiln_ir::trap::TrapKind;
use kiln_ir::{Block, DataId, DataTarget, FuncId, Linkage, Module};
use std::fmt;
use std::ops::Range;
use std::sync::atomic::AtomicUsize;

/// Why a module could not be linked: everything that is wrong, not only the first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkError {
    /// At least one fault.
    pub faults: Vec<LinkFault>,
}

/// One reason why a module could not be linked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkFault {
    /// An imported function that is used was not found.
    MissingFunction {
        /// Which.
        func: FuncId,
        /// Its name.
        name: String,
        /// The library it was looked for in, if the import names one.
        library: Option<String>,
        /// Why the library cannot be used, if that is the cause.
        reason: Option<String>,
    },
    /// An imported data object that is used was not found.
    MissingData {
        /// Which.
        data: DataId,
        /// Its name.
        name: String,
    },
    /// A function of the module is used whose code was not given.
    NoCode {
        /// Which.
        func: FuncId,
        /// Its name.
        name: String,
    },
    /// A routine that compiled code needs was not found in the process.
    MissingRoutine(Routine),
    /// Something is too far away for a direct access.
    OutOfReach {
        /// The offset in the code.
        at: u32,
        /// What is accessed.
        to: Target,
    },
    /// A data object is declared thread-local and is not, or it is and is used like one that is not.
    ThreadLocal {
        /// Which.
        data: DataId,
        /// Its name.
        name: String,
    },
    /// A data object wants to start at a multiple of more than a page (4096 bytes).
    Alignment {
        /// Which.
        data: DataId,
        /// What it wants, in bytes.
        align: u32,
    },
    /// The system gives no more memory, or the region for linked modules is full.
    NoMemory {
        /// How many bytes were wanted.
        wanted: usize,
        /// The system's error number.
        code: i32,
    },
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for LinkError {}

impl fmt::Display for LinkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkFault::MissingFunction { name, library, reason, .. } => {
                write!(f, "imported function `{name}` was not found")?;
                if let Some(library) = library {
                    write!(f, " in library `{library}`")?;
                }
                match reason {
                    Some(reason) => write!(f, ": {reason}"),
                    None => Ok(()),
                }
            }
            LinkFault::MissingData { name, .. } => write!(f, "imported data `{name}` was not found"),
            LinkFault::NoCode { name, .. } => write!(f, "function `{name}` is used but was not compiled"),
            LinkFault::MissingRoutine(routine) => {
                write!(f, "the process has no {routine:?}, which compiled code needs")
            }
            LinkFault::OutOfReach { at, to } => write!(f, "{to:?} is out of reach of the code at {at:#x}"),
            LinkFault::ThreadLocal { name, .. } => {
                write!(
                    f,
                    "imported data `{name}` is thread-local only in its declaration, or only where it is defined"
                )
            }
            LinkFault::Alignment { data, align } => {
                write!(f, "data {data:?} wants alignment {align}; at most {PAGE} is possible")
            }
            LinkFault::NoMemory { wanted, code } => {
                let why = std::io::Error::from_raw_os_error(*code);
                write!(f, "no memory for {wanted} bytes of code and data: {why}")
            }
        }
    }
}

/// Links compiled functions: places them and the module's data, and fills in addresses. `code` may hold code for
/// some of the functions only, as long as no code or data refers to the others.
///
/// Calls of imports reach any address. Data objects begin with their bytes each time a module is linked.
pub fn link(code: &Code, module: &Module, symbols: &dyn Symbols) -> Result<Image, LinkError> {
    link_for(Purpose::Whole, code, module, symbols)
}

/// The same, but calls of each of the module's functions can be led to [better code](link_better) later, by
/// [`Image::improve`].
///
/// # Errors
/// As of [`link`].
pub fn link_improvable(code: &Code, module: &Module, symbols: &dyn Symbols) -> Result<Image, LinkError> {
    link_for(Purpose::Improvable, code, module, symbols)
}

/// Code of functions of a module that is linked already, which is to run in place of that image's: all that it refers to
/// is that image's. The image does not keep the other one, which is to keep it: [`Image::improve`], [`Image::keep`].
#[derive(Clone, Copy)]
pub struct Better<'a> {
    /// The image of the module.
    pub of: &'a Image,
    /// Whether calls of functions whose code is given go to that code.
    pub calls_itself: bool,
    /// Where calls of other functions go, if not to where the image of the module has them.
    pub calls: &'a dyn Fn(FuncId) -> Option<usize>,
}

/// Links such code.
///
/// # Errors
/// As of [`link`].
pub fn link_better(
    better: Better<'_>,
    code: &Code,
    module: &Module,
    symbols: &dyn Symbols,
) -> Result<Image, LinkError> {
    link_for(Purpose::Better(better), code, module, symbols)
}

/// What an image is for.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    Whole,
    Improvable,
    Better(Better<'a>),
}

fn link_for(
    purpose: Purpose<'_>,
    code: &Code,
    module: &Module,
    symbols: &dyn Symbols,
) -> Result<Image, LinkError> {
    let memory = Memory::get().map_err(|code| no_memory(0, code))?;
    traps::install();
    let mut plan = Plan::new(purpose, code, module, symbols, memory.region());
    plan.functions();
    plan.data();
    plan.relocations();
    if !plan.faults.is_empty() {
        return Err(LinkError { faults: plan.faults });
    }
    place(&plan, memory)
}

/// Has each image linked from now on lie in private pages of its own, so that debuggers can set breakpoints in it and
/// profilers see that it is compiled code. An image takes at least two pages then. Cannot be taken back.
pub fn use_private_pages() {
    // Where there is no memory, linking says so.
    if let Ok(memory) = Memory::get() {
        memory.end_sharing();
    }
}

fn no_memory(wanted: usize, code: i32) -> LinkError {
    LinkError { faults: vec![LinkFault::NoMemory { wanted, code }] }
}

/// Where something will be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
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
struct Symbol {
    place: Place,
    stub: u32,
    cell: u32,
}

const NONE: u32 = u32::MAX;
/// What processors share at a time, in bytes.
const LINE: usize = 64;

impl Symbol {
    const fn at(place: Place) -> Symbol {
        Symbol { place, stub: NONE, cell: NONE }
    }
}

/// What a stub does.
#[derive(Clone, Copy)]
enum Stub {
    /// Jumps through a cell.
    Cell(u32),
    /// Jumps through a slot.
    Slot(u32),
    /// Traps, because nothing is bound to a replaceable import.
    Unbound,
}

/// A replaceable function or import.
struct Replaceable {
    func: FuncId,
    stub: u32,
    /// Where its slot leads at first.
    first: Place,
}

/// Decides what goes where, before there is memory.
struct Plan<'a> {
    purpose: Purpose<'a>,
    code: &'a Code,
    module: &'a Module,
    symbols: &'a dyn Symbols,
    region: Range<usize>,
    funcs: Vec<Symbol>,
    objects: Vec<Symbol>,
    routines: Vec<(Routine, Symbol)>,
    heres: Vec<(u32, Symbol)>,
    /// What each stub does, and what it leads to.
    stubs: Vec<(Stub, Target)>,
    cells: Vec<Place>,
    /// Whether code looks at the word by which something is asked of it.
    asks: bool,
    slots: Vec<Replaceable>,
    /// The offsets of further entries and of labels, each sorted.
    entries: Vec<((FuncId, u32), u32)>,
    labels: Vec<((FuncId, Block), u32)>,
    /// Bytes of constants and data objects so far, from the first object on; and their alignments.
    len: [usize; 3],
    align: [usize; 3],
    faults: Vec<LinkFault>,
}

impl<'a> Plan<'a> {
    fn new(
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

    fn stub_offset(&self, stub: u32) -> usize {
        self.code.bytes.len().next_multiple_of(16) + stub as usize * STUB_LEN
    }

    /// Where the word is, in the data, by which something is asked of the code.
    fn request(&self) -> usize {
        (self.slots.len() * 8).next_multiple_of(LINE)
    }

    /// The image whose functions and data code refers to, if not its own.
    fn other(&self) -> Option<&'a Image> {
        match self.purpose {
            Purpose::Better(better) => Some(better.of),
            Purpose::Whole | Purpose::Improvable => None,
        }
    }

    /// Where a call of a function goes, if not to the function's place.
    fn shortcut(&self, func: FuncId, code: usize) -> Option<usize> {
        let Purpose::Better(better) = self.purpose else { return None };
        if self.module.func(func).replaceable {
            return None;
        }
        let own = |f: &&FunctionCode| better.calls_itself && f.func == func && f.entry.is_none();
        match self.code.functions.iter().find(own) {
            Some(own) => Some(code + own.start as usize),
            None => (better.calls)(func),
        }
    }

    /// Where the counters are in the data.
    fn counters(&self) -> usize {
        let request = if self.asks { self.request() + LINE } else { self.slots.len() * 8 };
        request.next_multiple_of(LINE)
    }

    fn functions(&mut self) {
        self.labels.sort_unstable();
        for function in &self.code.functions {
            if let Some(entry) = function.entry {
                self.entries.push(((function.func, entry), function.start));
                continue;
            }
            let body = Place::Inside(Part::Code, function.start as usize);
            let place = match self.purpose {
                Purpose::Better(_) => continue,
                Purpose::Improvable => self.slot(function.func, body),
                Purpose::Whole if self.module.func(function.func).replaceable => {
                    self.slot(function.func, body)
                }
                Purpose::Whole => body,
            };
            self.funcs[function.func.index()].place = place;
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

    fn label(&self, func: FuncId, block: Block) -> Place {
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

    fn data(&mut self) {
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

    fn relocations(&mut self) {
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

    fn request_place(&self) -> Place {
        match self.other() {
            Some(other) => other.request_address().map_or(Place::Missing, Place::Outside),
            None => Place::Inside(Part::Data, self.request()),
        }
    }

    fn counter_place(&self, number: u32) -> Place {
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

/// Where the parts of an image lie.
struct Layout {
    start: [usize; 3],
    /// Where constant objects start in the constants: behind the cells.
    objects: usize,
    stubs: usize,
}

impl Layout {
    fn address(&self, place: Place) -> usize {
        match place {
            Place::Inside(Part::Consts, at) => self.start[Part::Consts as usize] + self.objects + at,
            Place::Inside(part, at) => self.start[part as usize] + at,
            Place::Outside(address) => address,
            Place::Unknown | Place::Missing => 0,
        }
    }

    fn cell(&self, cell: u32) -> usize {
        self.start[Part::Consts as usize] + cell as usize * 8
    }

    fn slot(&self, slot: u32) -> usize {
        self.start[Part::Data as usize] + slot as usize * 8
    }

    fn stub(&self, stub: u32) -> usize {
        self.start[Part::Code as usize] + self.stubs + stub as usize * STUB_LEN
    }
}

fn place(plan: &Plan, memory: &'static Memory) -> Result<Image, LinkError> {
    let (code, module) = (plan.code, plan.module);
    let objects = (plan.cells.len() * 8).next_multiple_of(plan.align[Part::Consts as usize]);
    let stubs = plan.stub_offset(0);
    let code_len =
        if plan.stubs.is_empty() { code.bytes.len() } else { plan.stub_offset(plan.stubs.len() as u32) };
    let consts_len = match plan.len[Part::Consts as usize] {
        0 => plan.cells.len() * 8,
        len => objects + len,
    };
    // Code takes room even if it is empty, so that each image has a place of its own.
    let need = Need { len: [code_len.max(1), consts_len, plan.len[Part::Data as usize]], align: plan.align };
    let wanted = need.len.iter().sum();
    let refused = |error: std::io::Error| no_memory(wanted, error.raw_os_error().unwrap_or(libc::ENOMEM));

    let mut draft = memory.draft(&need).map_err(refused)?;
    let start = [Part::Code, Part::Consts, Part::Data].map(|part| draft.at(part));
    let layout = Layout { start, objects, stubs };

    // Code, then stubs; the gaps are traps.
    let bytes = draft.bytes(Part::Code);
    bytes[..code.bytes.len()].copy_from_slice(&code.bytes);
    bytes[code.bytes.len()..].fill(0xcc);
    let mut traps = code.traps.clone();
    for (i, (stub, _)) in plan.stubs.iter().enumerate() {
        let at = stubs + i * STUB_LEN;
        let written = match *stub {
            Stub::Cell(cell) => target::stub(start[0] + at, layout.cell(cell)),
            Stub::Slot(slot) => target::stub(start[0] + at, layout.slot(slot)),
            Stub::Unbound => {
                let at = (at + target::TRAP_AT) as u32;
                traps.push(TrapSite { at, cause: FaultCause::Trap(TrapKind::Unbound) });
                target::TRAP_STUB
            }
        };
        bytes[at..at + STUB_LEN].copy_from_slice(&written);
    }
    let mut far = Vec::new();
    for reloc in &code.relocs {
        let symbol = match reloc.to {
            Target::Func(func) => plan.funcs[func.index()],
            Target::Data(data) => plan.objects[data.index()],
            Target::Routine(routine) => known(&plan.routines, routine),
            Target::Here(at) if reloc.kind == RelocKind::GotPc32 => known(&plan.heres, at),
            Target::Here(at) => Symbol::at(Place::Inside(Part::Code, at as usize)),
            Target::Request => Symbol::at(plan.request_place()),
            Target::Counter(number) => Symbol::at(plan.counter_place(number)),
            Target::Thread(word) => Symbol::at(Place::Outside(routines::thread_word(word) as usize)),
        };
        let shortcut = match (reloc.kind, reloc.to) {
            (RelocKind::Call32, Target::Func(func)) => plan.shortcut(func, start[0]),
            _ => None,
        };
        let to = match reloc.kind {
            _ if shortcut.is_some() => shortcut.unwrap_or(0),
            RelocKind::GotPc32 | RelocKind::TlsPc32 => layout.cell(symbol.cell),
            RelocKind::Call32 if symbol.stub != NONE => layout.stub(symbol.stub),
            RelocKind::Call32 | RelocKind::Pc32 | RelocKind::Abs64 | RelocKind::Thread32 => {
                layout.address(symbol.place)
            }
        };
        let at = reloc.at as usize;
        if target::apply(reloc.kind, &mut bytes[at..], to, reloc.addend, start[0] + at).is_err() {
            far.push(LinkFault::OutOfReach { at: reloc.at, to: reloc.to });
        }
    }
    if !far.is_empty() {
        return Err(LinkError { faults: far });
    }

    let constants = draft.bytes(Part::Consts);
    for (i, cell) in plan.cells.iter().enumerate() {
        constants[i * 8..i * 8 + 8].copy_from_slice(&layout.address(*cell).to_le_bytes());
    }
    for (i, slot) in plan.slots.iter().enumerate() {
        let first = layout.address(slot.first);
        draft.bytes(Part::Data)[i * 8..i * 8 + 8].copy_from_slice(&first.to_le_bytes());
    }
    if plan.asks {
        draft.bytes(Part::Data)[plan.request()..plan.request() + LINE].fill(0);
    }
    for (n, counter) in code.counters.iter().enumerate() {
        let at = plan.counters() + 4 * n;
        draft.bytes(Part::Data)[at..at + 4].copy_from_slice(&counter.first.to_le_bytes());
    }
    for (object, symbol) in module.data().iter().zip(&plan.objects) {
        let Place::Inside(part, at) = symbol.place else { continue };
        let at = if part == Part::Consts { at + objects } else { at };
        let zeros = at + object.bytes.len()..at + object.size() as usize;
        if part == Part::Data {
            draft.clear_data(zeros);
        } else {
            draft.bytes(part)[zeros].fill(0);
        }
        let bytes = &mut draft.bytes(part)[at..at + object.bytes.len()];
        bytes.copy_from_slice(&object.bytes);
        for reloc in &object.relocs {
            let place = match reloc.target {
                DataTarget::Func(func) => plan.funcs[func.index()].place,
                DataTarget::Data(data) => plan.objects[data.index()].place,
                DataTarget::Label(func, block) => plan.label(func, block),
            };
            let value = (layout.address(place) as u64).wrapping_add_signed(reloc.addend);
            let at = reloc.offset as usize;
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
    }
    let placed = draft.publish().map_err(refused)?;

    let code_range = start[0]..start[0] + code_len.max(1);
    let tables = Code {
        bytes: Vec::new(),
        align: code.align,
        functions: code.functions.clone(),
        labels: Vec::new(),
        relocs: Vec::new(),
        traps,
        epilogues: Vec::new(),
        spans: code.spans.clone(),
        inlined: code.inlined.clone(),
        recoveries: code.recoveries.clone(),
        counters: code.counters.clone(),
    };
    let rows = Rows::register(code, start[0], start[0] + stubs.min(code_len)..start[0] + code_len);
    let mut slots: Vec<(FuncId, Slot)> = Vec::with_capacity(plan.slots.len());
    for (i, slot) in plan.slots.iter().enumerate() {
        let (cell, stub) = (layout.slot(i as u32), layout.stub(slot.stub));
        let first = AtomicUsize::new(layout.address(slot.first));
        slots.push((slot.func, Slot { cell, stub, first, replaceable: module.func(slot.func).replaceable }));
    }
    slots.sort_unstable_by_key(|(func, _)| *func);
    let entries = plan.entries.iter().map(|(entry, at)| (*entry, start[0] + *at as usize)).collect();
    // Those of another image's functions and data it knows itself; modules may be large.
    let own = plan.other().is_none();
    let addresses = |symbols: &[Symbol]| {
        let known = symbols.iter().filter(|_| own);
        known.map(|symbol| layout.address(symbol.place)).collect()
    };
    let parts = Parts {
        code: code_range,
        tables,
        functions: addresses(&plan.funcs),
        entries,
        data: addresses(&plan.objects),
        slots: slots.into_boxed_slice(),
        stubs: plan.stubs.iter().map(|(_, to)| *to).collect(),
        stubs_start: start[0] + stubs,
        request: plan.asks.then(|| start[Part::Data as usize] + plan.request()),
        counters: start[Part::Data as usize] + plan.counters(),
        other: plan.other().map(Image::downgrade),
        rows,
        placed,
    };
    Ok(Image::new(parts, memory))
}

/// The entry of a small table that planning made.
fn known<K: PartialEq + Copy>(table: &[(K, Symbol)], key: K) -> Symbol {
    let found = table.iter().find(|(known, _)| *known == key);
    found.map_or(Symbol::at(Place::Missing), |(_, symbol)| *symbol)
}
