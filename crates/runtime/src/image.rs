//! A linked module: code and data in place, as long as any handle lives.
#![allow(unsafe_code, reason = "stores to slots that running code reads")]

use crate::leave::Stop;
use crate::memory::Placed;
use crate::observe::Legend;
use crate::requests::{Requests, Word};
use crate::target::STUB_LEN;
use crate::unwind::Rows;
use crate::{reclaim, registry, target};
use kiln_codegen::Code;
use kiln_codegen::code::{Counter, FrameInfo, Target, TrapSite};
use kiln_codegen::recovery::{Recoveries, RecoveryValue};
use kiln_ir::trap::TrapKind;
use kiln_ir::{DataId, FuncId, Inst};
use std::any::Any;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// A linked module. A handle: clones are the same image, and its memory lives until the last of them is dropped.
///
/// Whoever runs code of an image, or keeps an address of it, holds a handle meanwhile.
#[derive(Clone)]
pub struct Image(Arc<Inner>);

// A panic that passes leaves an image as it is: nothing of it changes in more than one step.
impl std::panic::UnwindSafe for Image {}
impl std::panic::RefUnwindSafe for Image {}

pub(crate) struct Inner {
    code: Range<usize>,
    record: Record,
    /// The address of each function and import that has one, else 0.
    functions: Box<[usize]>,
    /// The addresses of the code of further entries, sorted.
    entries: Box<[(FuncId, usize)]>,
    /// The address of each data object that has one, else 0.
    data: Box<[usize]>,
    /// The slots of replaceable functions, in ascending order of ids.
    slots: Box<[(FuncId, Slot)]>,
    /// The images that slots lead to, by position of the slot; as long as the last of them that leads out of this image.
    bound: Mutex<Vec<Option<Image>>>,
    /// What this image refers to and nobody else may hold.
    kept: Mutex<Vec<Box<dyn Any + Send + Sync>>>,
    attachment: OnceLock<Arc<dyn Any + Send + Sync>>,
    /// What may be asked of the code, if it ever looks.
    requests: Option<Arc<Requests>>,
    on_stop: OnceLock<Box<OnStop>>,
    /// Where the word is by which something is asked of the code.
    request: Option<usize>,
    /// Where the counters are.
    counters: usize,
    on_hot: OnceLock<Box<OnHot>>,
    /// The image whose functions and data the code refers to, if not its own.
    other: Option<WeakImage>,
    /// What each stub jumps to; and where the stubs start.
    stubs: Box<[Target]>,
    stubs_start: usize,
    /// Set once the perf map file names the code.
    in_perf_map: AtomicBool,
    // The order of these is that in which they end.
    #[cfg(feature = "gdb")]
    shown: OnceLock<crate::observe::gdb::Registration>,
    #[cfg_attr(not(feature = "gdb"), expect(dead_code, reason = "kept for the unwinder"))]
    rows: Option<Rows>,
    _placed: Placed,
}

/// The cell through which calls to a replaceable function go.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Where the cell is, in the image's data.
    pub(crate) cell: usize,
    /// The stub that jumps through it: the function's address.
    pub(crate) stub: usize,
    /// What it leads to at first: the body that this image came with; of an import what the host gave or else a place
    /// that traps. Later the best code for that body.
    pub(crate) first: AtomicUsize,
    /// Whether the function is declared replaceable.
    pub(crate) replaceable: bool,
}

impl Slot {
    fn first(&self) -> usize {
        self.first.load(Ordering::Acquire)
    }

    fn load(&self) -> usize {
        // SAFETY: the cell is 8 aligned bytes of the image's data, alive as long as the image, and only accessed by
        // atomic stores and loads here and by single loads of running code.
        unsafe { AtomicUsize::from_ptr(self.cell as *mut usize) }.load(Ordering::Acquire)
    }

    fn store(&self, address: usize) {
        // SAFETY: as in `load`.
        unsafe { AtomicUsize::from_ptr(self.cell as *mut usize) }.store(address, Ordering::Release);
    }
}

/// Why calls of a function were not led elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplaceFault {
    /// The function is not declared replaceable.
    NotReplaceable,
    /// The other image has no such function.
    NoSuchFunction,
    /// Calls of the other function lead, by way of replacements, to this one.
    Circle,
}

/// What signal handlers and backtraces ask about an image.
pub(crate) struct Record {
    start: usize,
    /// The tables of the code, without its bytes.
    tables: Code,
    image: Weak<Inner>,
}

impl Record {
    pub(crate) fn offset(&self, pc: usize) -> u32 {
        // Code is shorter than 4 GiB: offsets have 32 bits.
        pc.wrapping_sub(self.start) as u32
    }

    /// What a fault at exactly this address means.
    pub(crate) fn trap_at(&self, pc: usize) -> Option<TrapSite> {
        let offset = self.offset(pc);
        let at = self.tables.traps.partition_point(|site| site.at < offset);
        self.tables.traps.get(at).filter(|site| site.at == offset).copied()
    }

    /// The frame of the function at an address, and the distance from the function's start.
    pub(crate) fn frame_at(&self, pc: usize) -> Option<(u32, FrameInfo)> {
        let offset = self.offset(pc);
        self.tables.function_at(offset).map(|function| (offset - function.start, function.frame))
    }

    /// All recovery records.
    pub(crate) fn recoveries(&self) -> &Recoveries {
        &self.tables.recoveries
    }

    /// Where the function whose code is at an address holds what code that takes it over is handed.
    pub(crate) fn held_at(&self, pc: usize) -> Option<&[RecoveryValue]> {
        let function = self.tables.function_at(self.offset(pc))?;
        self.tables.recoveries.held(function.start)
    }

    /// The image, unless it is going.
    pub(crate) fn image(&self) -> Option<Image> {
        self.image.upgrade().map(Image)
    }
}

/// A piece of an image's code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece {
    /// The body of a function.
    Function(FuncId),
    /// A further entry of the first function, and what it is called by.
    Entry(FuncId, FuncId),
    /// A jump to something out of reach, or to whatever stands for a replaceable function now.
    Stub(Target),
}

/// Everything the linker found out about an image.
pub(crate) struct Parts {
    pub(crate) code: Range<usize>,
    /// Without bytes.
    pub(crate) tables: Code,
    pub(crate) functions: Box<[usize]>,
    pub(crate) entries: Box<[(FuncId, usize)]>,
    pub(crate) data: Box<[usize]>,
    pub(crate) slots: Box<[(FuncId, Slot)]>,
    pub(crate) stubs: Box<[Target]>,
    pub(crate) stubs_start: usize,
    /// Where the word is by which something is asked of the code, if it looks at it.
    pub(crate) request: Option<usize>,
    /// Where the counters are.
    pub(crate) counters: usize,
    /// The image whose functions and data the code refers to, if not its own.
    pub(crate) other: Option<WeakImage>,
    pub(crate) rows: Option<Rows>,
    pub(crate) placed: Placed,
}

/// What is called when code stops at a safepoint.
type OnStop = dyn Fn(&Stop<'_>) -> Result<(), TrapKind> + Send + Sync;
/// What is called when a counter is below 0.
type OnHot = dyn Fn(u32) -> Option<Takeover> + Send + Sync;

/// Code that takes an activation over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Takeover {
    /// The address of its entry.
    pub address: *const u8,
    /// Which of its loop heads it is to go on at.
    pub head: u64,
}

impl Image {
    pub(crate) fn new(parts: Parts, memory: &crate::memory::Memory) -> Image {
        let requests = parts.request.map(|address| {
            let requests = Requests::new();
            // SAFETY: the linker has set these aligned bytes of the data aside; `Inner::drop` unbinds them.
            requests.bind(unsafe { Word::at(address) });
            requests
        });
        let inner = Arc::new_cyclic(|image| Inner {
            record: Record { start: parts.code.start, tables: parts.tables, image: image.clone() },
            code: parts.code,
            functions: parts.functions,
            entries: parts.entries,
            data: parts.data,
            slots: parts.slots,
            bound: Mutex::default(),
            kept: Mutex::default(),
            attachment: OnceLock::new(),
            requests,
            on_stop: OnceLock::new(),
            request: parts.request,
            counters: parts.counters,
            on_hot: OnceLock::new(),
            other: parts.other,
            stubs: parts.stubs,
            stubs_start: parts.stubs_start,
            in_perf_map: AtomicBool::new(false),
            #[cfg(feature = "gdb")]
            shown: OnceLock::new(),
            rows: parts.rows,
            _placed: parts.placed,
        });
        // SAFETY: the record lies in the `Arc`, which does not move it; `Inner::drop` removes it first of all.
        unsafe { registry::insert(memory, inner.code.clone(), &inner.record) };
        Image(inner)
    }

    /// The image whose code is at an address, of all images of the process.
    pub fn containing(pc: usize) -> Option<Image> {
        registry::find_locked(pc, Record::image).flatten()
    }

    /// The address to call for a function, further entry or import: stable, also when a replaceable function is replaced. `None`
    /// for what has no code here and is not imported, or is imported and never used.
    pub fn address(&self, func: FuncId) -> Option<*const u8> {
        if let Some(other) = self.other() {
            return other.address(func);
        }
        self.0.functions.get(func.index()).copied().filter(|address| *address != 0).map(|a| a as *const u8)
    }

    /// The address of the code that takes over activations of a function, if this image is that.
    pub fn takeover(&self, func: FuncId) -> Option<*const u8> {
        Some(self.entry(func)? as *const u8)
    }

    /// The address of the code in this image of what goes by this name as a further entry.
    fn entry(&self, func: FuncId) -> Option<usize> {
        let at = self.0.entries.binary_search_by_key(&func, |(key, _)| *key).ok()?;
        Some(self.0.entries[at].1)
    }

    /// The address of a data object. `None` for one that is imported and never used. Constant objects must not be
    /// written: the attempt faults.
    pub fn data_address(&self, data: DataId) -> Option<*mut u8> {
        if let Some(other) = self.other() {
            return other.data_address(data);
        }
        self.0.data.get(data.index()).copied().filter(|address| *address != 0).map(|a| a as *mut u8)
    }

    /// The addresses that the image's code occupies.
    pub fn code(&self) -> Range<usize> {
        self.0.code.clone()
    }

    /// The function and IR instruction that the machine instruction at an address belongs to: of inlined code those of the
    /// function that was inlined. Of a return address, ask for the byte before it.
    pub fn locate(&self, pc: usize) -> Option<(FuncId, Inst)> {
        self.0.code.contains(&pc).then(|| self.0.record.tables.inst_at(self.0.record.offset(pc))).flatten()
    }

    /// The function that an address belongs to. Of a return address, ask for the byte before it.
    pub fn function_at(&self, pc: usize) -> Option<FuncId> {
        let inside = self.0.code.contains(&pc);
        inside.then(|| self.0.record.tables.function_at(self.0.record.offset(pc)).map(|f| f.func)).flatten()
    }

    /// [`Self::locate`], or at least [`Self::function_at`] for code that belongs to no instruction.
    pub fn place_of(&self, pc: usize) -> Option<(FuncId, Option<Inst>)> {
        let place = self.locate(pc).map(|(func, inst)| (func, Some(inst)));
        place.or_else(|| self.function_at(pc).map(|func| (func, None)))
    }

    /// The pieces of the image's code, in ascending order of addresses: functions, then stubs.
    pub fn pieces(&self) -> impl Iterator<Item = (Range<usize>, Piece)> {
        let inner = &*self.0;
        let start = inner.code.start;
        let functions = inner.record.tables.functions.iter().map(move |function| {
            let range = start + function.start as usize..start + function.code_end as usize;
            let piece = match function.entry {
                None => Piece::Function(function.func),
                Some(entry) => Piece::Entry(function.func, entry),
            };
            (range, piece)
        });
        let stubs = inner.stubs.iter().enumerate().map(|(i, to)| {
            let at = inner.stubs_start + i * STUB_LEN;
            (at..at + STUB_LEN, Piece::Stub(*to))
        });
        functions.chain(stubs)
    }

    /// From which address on code belongs to which IR instruction of which function, ascending: of inlined code those of the
    /// function that was inlined.
    pub fn spans(&self) -> impl Iterator<Item = (usize, FuncId, Inst)> {
        let Record { start, tables, .. } = &self.0.record;
        tables.functions.iter().flat_map(move |function| {
            let first = tables.spans.partition_point(|row| row.at < function.start);
            let after = tables.spans.partition_point(|row| row.at < function.code_end);
            let rows = &tables.spans[first..after];
            rows.iter().map(move |row| {
                let (func, inst) = tables.innermost(function.func, row);
                (start + row.at as usize, func, inst)
            })
        })
    }

    /// Names the code in the perf map file of this process, `/tmp/perf-PID.map`. Only the first call counts.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn name_in_perf_map(&self, legend: &Legend) -> std::io::Result<()> {
        if self.0.in_perf_map.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        crate::observe::perf::append(legend)
    }

    /// Shows the code to debuggers through gdb's JIT interface, for as long as the image lives. Only the first call
    /// counts.
    #[cfg(feature = "gdb")]
    pub fn show_to_debuggers(&self, legend: &Legend) {
        let frames = self.0.rows.as_ref().map_or(&[][..], Rows::section);
        self.0
            .shown
            .get_or_init(|| crate::observe::gdb::Registration::new(self.0.code.clone(), legend, frames));
    }

    /// Lets later calls of a replaceable function go to `with_func` of another image (or of this one): those made by
    /// name, those through its address, wherever they come from. If that function is itself replaceable and replaced, now
    /// or later, calls follow it. Calls that are inside the old function stay there.
    ///
    /// This image keeps the other alive until the function is replaced again or restored *and* each thread has left
    /// that was inside any [`crate::enter`] at that time, or has called [`crate::look_around`] and is not inside the other
    /// image; or until this image goes. Two images bound to each other keep each other.
    ///
    /// # Errors
    /// Nothing was changed, for the reason given.
    ///
    /// # Safety
    /// Both functions have the same signature and convention. Calls that did not come through [`crate::enter`] (C called
    /// an address on a thread that no host has entered on) are not seen: whoever lets such calls happen holds every
    /// image that they may be inside, replaced ones too. The same holds for calls that a thread has suspended on a stack
    /// that is not its own.
    pub unsafe fn replace(&self, func: FuncId, with: &Image, with_func: FuncId) -> Result<(), ReplaceFault> {
        let address = with.address(with_func).ok_or(ReplaceFault::NoSuchFunction)?;
        let with = (!Arc::ptr_eq(&self.0, &with.0)).then(|| with.clone());
        self.lead(func, |_| address as usize, with)
    }

    /// Lets later calls of a function and of its further entries go to its [better code](crate::link_better) in another image, unless and until the
    /// function is replaced; restoring it restores it to that code. This image keeps the other. For images that are
    /// [improvable](crate::link_improvable).
    ///
    /// # Panics
    /// If this image or the other has no code of the function.
    pub fn improve(&self, func: FuncId, better: &Image) {
        let body = better.body(func).expect("better code is code");
        self.keep(better.clone());
        // Nobody replaces the function meanwhile.
        let state = reclaim::lock();
        for (func, address) in std::iter::once((func, body)).chain(better.0.entries.iter().copied()) {
            let slot = &self.0.slots[self.slot_index(func).expect("what is improvable has a slot")].1;
            let before = slot.first.swap(address, Ordering::AcqRel);
            if slot.load() == before {
                slot.store(address);
            }
        }
        drop(state);
    }

    /// The address of a function's code in this image, to which calls need not go. (That of a further entry:
    /// [`Image::takeover`].)
    pub fn body(&self, func: FuncId) -> Option<usize> {
        let Record { start, tables, .. } = &self.0.record;
        let body = tables.functions.iter().find(|f| f.func == func && f.entry.is_none())?;
        Some(start + body.start as usize)
    }

    /// The further entries of the function whose code this is, with their addresses in this image, to which calls need
    /// not go.
    pub fn entries(&self) -> &[(FuncId, usize)] {
        &self.0.entries
    }

    /// What the code counts.
    pub fn counters(&self) -> &[Counter] {
        &self.0.record.tables.counters
    }

    /// The numbers of a function's counters.
    pub fn counters_of(&self, func: FuncId) -> Range<usize> {
        self.0.record.tables.counters_of(func)
    }

    /// The word of a counter. Running code takes from it without care for others who do, so what is stored here may be
    /// lost; and what code holds in a register it reads when it is entered, and when it goes on behind its having left.
    ///
    /// # Panics
    /// If there is no counter of this number.
    pub fn counter(&self, number: usize) -> &AtomicU32 {
        let word = self.counters()[number].word as usize;
        // SAFETY: the linker has set these aligned bytes of the data aside, which live as long as the image; besides
        // running code, whose accesses are single instructions, only this reaches them.
        unsafe { AtomicU32::from_ptr((self.0.counters + 4 * word) as *mut u32) }
    }

    /// Sets what is called, on the thread that runs the code, when a counter is below 0: with its number. Until it
    /// stores something else there, that is so each time the code comes by. At a loop head it may give code that takes
    /// the activation over. Only the first time counts. It must not unwind.
    ///
    /// # Safety
    /// What it gives is code of [`kiln_codegen::compile_takeover`] for the function and a list of loop heads in which
    /// that of the counter stands at the place that it gives, [linked](crate::link_better) onto this image, and kept by
    /// it.
    pub unsafe fn on_hot(&self, call: impl Fn(u32) -> Option<Takeover> + Send + Sync + 'static) {
        // A second time is documented to change nothing.
        let _ = self.0.on_hot.set(Box::new(call));
    }

    /// A counter is below 0.
    pub(crate) fn hot(&self, counter: u32) -> Option<Takeover> {
        self.0.on_hot.get().and_then(|call| call(counter))
    }

    /// Where the word is by which something is asked of the code.
    pub(crate) fn request_address(&self) -> Option<usize> {
        self.0.request
    }

    /// The image whose functions and data the code refers to, if not its own.
    pub(crate) fn other(&self) -> Option<Image> {
        self.0.other.as_ref()?.upgrade()
    }

    /// Lets later calls of a replaceable function go to an address outside of any image, for example a stub that
    /// compiles on first use. Else as [`Image::replace`].
    ///
    /// # Errors
    /// Nothing was changed, because the function is not replaceable.
    ///
    /// # Safety
    /// The function at the address has the same signature and convention, and lives as long as this image. Else as
    /// [`Image::replace`].
    pub unsafe fn redirect(&self, func: FuncId, address: *const u8) -> Result<(), ReplaceFault> {
        self.lead(func, |_| address as usize, None)
    }

    /// Lets later calls of a replaced function go to the body it came with; those of an import to where they went at first.
    ///
    /// # Errors
    /// Nothing was changed, because the function is not replaceable.
    pub fn restore(&self, func: FuncId) -> Result<(), ReplaceFault> {
        self.lead(func, Slot::first, None)
    }

    /// Changes where a slot leads, and which image that keeps.
    fn lead(
        &self,
        func: FuncId,
        to: impl FnOnce(&Slot) -> usize,
        with: Option<Image>,
    ) -> Result<(), ReplaceFault> {
        let at = self.slot_index(func).ok_or(ReplaceFault::NotReplaceable)?;
        let slot = &self.0.slots[at].1;
        if !slot.replaceable {
            return Err(ReplaceFault::NotReplaceable);
        }
        crate::call::notice_outside();
        // Images may end when these do: after the locks.
        let mut passed = Vec::new();
        {
            let mut state = reclaim::lock();
            let address = to(slot);
            let mut target = address;
            while let Some(image) = Image::containing(target) {
                let next =
                    image.0.slots.iter().find(|(_, slot)| slot.stub == target).map(|(_, slot)| slot.load());
                passed.push(image);
                if target == slot.stub {
                    return Err(ReplaceFault::Circle);
                }
                match next {
                    Some(next) => target = next,
                    None => break,
                }
            }
            let mut bound = self.0.bound.lock().unwrap_or_else(PoisonError::into_inner);
            if bound.len() <= at && with.is_some() {
                bound.resize(at + 1, None);
            }
            slot.store(address);
            let before = bound.get_mut(at).and_then(|bound| std::mem::replace(bound, with));
            drop(bound);
            if let Some(before) = before {
                state.retire(before);
            }
        }
        drop(passed);
        reclaim::sweep();
        Ok(())
    }

    /// Where calls of a replaceable function go, if not to the body it came with or, for an import, to where they went at
    /// first.
    pub fn replacement(&self, func: FuncId) -> Option<*const u8> {
        let slot = &self.0.slots[self.slot_index(func)?].1;
        let address = slot.load();
        (address != slot.first()).then_some(address as *const u8)
    }

    /// The replaceable import whose calls trap at an address because nothing is bound to it.
    pub fn unbound_at(&self, pc: usize) -> Option<FuncId> {
        let in_stubs = self.function_at(pc).is_none() && self.0.code.contains(&pc);
        let mut slots = self.0.slots.iter().filter(|_| in_stubs);
        slots.find(|(_, slot)| slot.first() + target::TRAP_AT == pc).map(|(func, _)| *func)
    }

    /// A handle that does not keep the image.
    pub fn downgrade(&self) -> WeakImage {
        WeakImage(Arc::downgrade(&self.0))
    }

    fn slot_index(&self, func: FuncId) -> Option<usize> {
        self.0.slots.binary_search_by_key(&func, |(func, _)| *func).ok()
    }

    /// Keeps something alive as long as this image, because its code refers to it: another image, what a host function
    /// needs. Two images must not keep each other.
    pub fn keep(&self, other: impl Any + Send + Sync) {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(other));
    }

    /// Attaches what the owner wants to find again from an address (see [`Image::containing`]), for example the
    /// module. Only the first attachment counts; it lives as long as the image.
    pub fn attach(&self, attachment: Arc<dyn Any + Send + Sync>) {
        // A second attachment is documented to change nothing.
        let _ = self.0.attachment.set(attachment);
    }

    /// What may be asked of calls of this image's code. `None` if it has neither safepoints nor polls, and so would
    /// never hear.
    pub fn requests(&self) -> Option<&Arc<Requests>> {
        self.0.requests.as_ref()
    }

    /// Sets what is called, on the thread that runs the code, when the code reaches a safepoint while something is
    /// asked. If it gives a trap, the call from the host ends with that. Only the first time counts. It must not unwind.
    pub fn on_stop(&self, call: impl Fn(&Stop<'_>) -> Result<(), TrapKind> + Send + Sync + 'static) {
        // A second time is documented to change nothing.
        let _ = self.0.on_stop.set(Box::new(call));
    }

    /// Code has stopped at a safepoint.
    pub(crate) fn stop(&self, stop: &Stop<'_>) -> Result<(), TrapKind> {
        self.0.on_stop.get().map_or(Ok(()), |call| call(stop))
    }

    /// What was attached.
    pub fn attachment(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.0.attachment.get()
    }
}

/// A handle to an image that does not keep it.
#[derive(Clone, Debug)]
pub struct WeakImage(Weak<Inner>);

impl WeakImage {
    /// The image, unless it is gone.
    pub fn upgrade(&self) -> Option<Image> {
        self.0.upgrade().map(Image)
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({:#x}..{:#x})", self.0.code.start, self.0.code.end)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(requests) = &self.requests {
            requests.unbind();
        }
        registry::remove(self.code.clone(), &self.record);
    }
}
