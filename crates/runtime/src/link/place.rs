//! Copies what was planned into memory and fills in the addresses.

use super::plan::{LINE, NONE, Place, Plan, Stub, Symbol};
use super::{LinkError, LinkFault, no_memory};
use crate::image::{Image, Parts, Slot};
use crate::memory::{Memory, Need, Part};
use crate::routines;
use crate::target::{self, STUB_LEN};
use crate::unwind::Rows;
use kiln_codegen::Code;
use kiln_codegen::code::{FaultCause, RelocKind, Target, TrapSite};
use kiln_ir::trap::TrapKind;
use kiln_ir::{DataTarget, FuncId};
use std::sync::atomic::AtomicUsize;

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

/// Takes memory for what was planned and writes it there.
pub fn place(plan: &Plan, memory: &'static Memory) -> Result<Image, LinkError> {
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
        slots.push((slot.func, Slot { cell, stub, first, replaceable: module.is_replaceable(slot.func) }));
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
