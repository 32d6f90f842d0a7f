//! Executable memory: one region per process in which all code and data of linked modules lie, so that 32-bit
//! distances always reach.
//!
//! ```text
//!  region   | code (read, execute) | constants (read) | data (read, write) |
//!  writer   | code (read, write)   | constants (read, write) |                 elsewhere, same memory
//! ```
//!
//! Code and constants are one nameless file mapped twice. No page is writable and executable through one mapping,
//! many small functions share a page, and a page in use never changes its protection. Where the system refuses that
//! (no `memfd`, a file size limit, a policy against executable shared memory), each image takes whole fresh pages
//! that are written first and sealed then. So it does from the time on when debuggers or profilers are to see code:
//! debuggers cannot set breakpoints in memory that is mapped from a file shared and read-only, and profilers take such a
//! file for a library.
//!
//! All is reserved at first use and costs nothing until touched: three to six system calls. Space comes in multiples
//! of 16 bytes; what is freed is used again, and whole free pages go back to the system once there are enough of them.
//!
//! **Fork.** After a `fork` both processes would see each other's writes to the file. So each of them, before it
//! first writes or frees again, moves to a copy of its own at the same addresses ([`Arena::own`]). Children that only
//! run code, or `exec`, pay nothing. Forks that bypass the C library's `fork` are not supported.
#![allow(unsafe_code, reason = "hands out slices of mapped memory")]

mod linux;
mod space;

use crate::fork::{self, ForkMutex, ranks};
use linux as os;
use space::{Space, Taken};
use std::ops::Range;
use std::sync::{MutexGuard, OnceLock};

pub(crate) use os::{PAGE, barrier_everywhere};

/// Everything starts at a multiple of this.
const GRANULE: usize = 16;

/// Free whole pages are given back when this many bytes of them have come together.
const DISCARD_AT: usize = 1 << 20;

/// Parts of the region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Code = 0,
    Consts = 1,
    Data = 2,
}

const PARTS: [Part; 3] = [Part::Code, Part::Consts, Part::Data];

/// How many bytes of each part an image needs, and how they are aligned (a power of two, at most a page).
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Need {
    pub(crate) len: [usize; 3],
    pub(crate) align: [usize; 3],
}

/// How code becomes executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// Two mappings; shared with another process if there were more forks since, until this one has its own.
    Twice { writer: usize, forks: usize },
    /// Whole pages, sealed.
    Sealed,
}

/// The region and what is free in it.
pub(crate) struct Arena {
    base: usize,
    /// Length of each part.
    len: [usize; 3],
    space: [Space; 3],
    mode: Mode,
    /// How much of the data part is writable yet.
    data_open: usize,
    /// Ranges of whole pages (offsets) that were free once and still have contents.
    dirty: [Vec<Range<usize>>; 3],
    dirty_bytes: usize,
    /// Whether code came back since all processors last forgot what they had fetched: they may have fetched some of it.
    fetched: bool,
}

impl Arena {
    /// Reserves a region; smaller ones are tried where address space is limited.
    fn new(may_map_twice: bool) -> Result<Arena, os::Refused> {
        // The sum stays below 2 GiB, so that every distance fits in 32 bits with a sign.
        let mut len = [512 << 20, 256 << 20, 1024 << 20];
        // A process with little address space needs it for other things too.
        let share = os::address_space_limit() / 8;
        while len.iter().sum::<usize>() > share && len[1] > 1 << 20 {
            len = len.map(|len| len / 2);
        }
        let base = loop {
            match os::reserve(len.iter().sum()) {
                Ok(base) => break base,
                Err(refused) if len[1] <= 1 << 20 => return Err(refused),
                Err(_) => len = len.map(|len| len / 2),
            }
        };
        let writer = if may_map_twice { os::map_twice(base, len[0], len[1], None).ok() } else { None };
        let (mode, granule) = match writer {
            Some(writer) => (Mode::Twice { writer, forks: fork::count() }, GRANULE),
            None => (Mode::Sealed, PAGE),
        };
        let space = [Space::new(len[0], granule), Space::new(len[1], granule), Space::new(len[2], GRANULE)];
        Ok(Arena {
            base,
            len,
            space,
            mode,
            data_open: 0,
            dirty: Default::default(),
            dirty_bytes: 0,
            fetched: false,
        })
    }

    /// Where a part starts in the region.
    fn start(&self, part: Part) -> usize {
        self.base + self.len[..part as usize].iter().sum::<usize>()
    }

    /// Where a byte of a part is written.
    fn writable(&self, part: Part, offset: usize) -> usize {
        match (part, self.mode) {
            (Part::Code, Mode::Twice { writer, .. }) => writer + offset,
            (Part::Consts, Mode::Twice { writer, .. }) => writer + self.len[0] + offset,
            (Part::Data, _) | (_, Mode::Sealed) => self.start(part) + offset,
        }
    }

    /// After a fork: stops sharing code memory with the other process. Must come before any write or discard.
    fn own(&mut self) -> Result<(), os::Refused> {
        let Mode::Twice { writer, forks } = self.mode else { return Ok(()) };
        if forks == fork::count() {
            return Ok(());
        }
        let used = [Part::Code, Part::Consts].into_iter().flat_map(|part| {
            let space = &self.space[part as usize];
            let shift = if part == Part::Code { 0 } else { self.len[0] };
            let mut at = 0;
            let mut ranges = Vec::new();
            for hole in space.free_within(0..space.highest()) {
                ranges.push(shift + at..shift + hole.start);
                at = hole.end;
            }
            ranges.push(shift + at..shift + space.highest());
            ranges
        });
        // SAFETY: these are the arguments of `map_twice`; writers hold the arena's lock, and so does the caller.
        unsafe { os::unshare(self.base, self.len[0], self.len[1], writer, used)? };
        self.mode = Mode::Twice { writer, forks: fork::count() };
        Ok(())
    }

    fn take(&mut self, need: &Need) -> Result<[Taken; 3], os::Refused> {
        self.own()?;
        let mut taken = [Taken { start: 0, len: 0, reused: false }; 3];
        for part in PARTS {
            let i = part as usize;
            let got = match self.space[i].take(need.len[i], need.align[i]) {
                Some(block) => {
                    taken[i] = block;
                    self.open(part, block)
                }
                None => Err(os::Refused::from_raw_os_error(libc::ENOMEM)),
            };
            if let Err(refused) = got {
                for part in PARTS {
                    self.space[part as usize].give(taken[part as usize]);
                }
                return Err(refused);
            }
        }
        Ok(taken)
    }

    /// Makes a block writable.
    fn open(&mut self, part: Part, block: Taken) -> Result<(), os::Refused> {
        let end = block.start + block.len;
        match (part, self.mode) {
            (Part::Data, _) if end > self.data_open => {
                let open = end.next_multiple_of(PAGE).max(self.data_open * 2).max(1 << 20).min(self.len[2]);
                let at = self.start(part) + self.data_open;
                // SAFETY: the pages belong to the data part and were never used.
                unsafe { os::protect(at, open - self.data_open, os::Access::Write)? };
                self.data_open = open;
                Ok(())
            }
            (Part::Code | Part::Consts, Mode::Sealed) if block.len > 0 => {
                // SAFETY: blocks are whole pages in this mode, and this one was free.
                unsafe { os::fresh(self.start(part) + block.start, block.len) }
            }
            (Part::Data, _) | (_, Mode::Twice { .. }) | (_, Mode::Sealed) => Ok(()),
        }
    }

    /// Lets each image take whole fresh pages from now on. Nothing is written through the second mapping any more;
    /// what was placed stays where it is.
    fn end_sharing(&mut self) {
        if let Mode::Twice { writer, .. } = self.mode {
            // SAFETY: nobody writes: drafts hold the arena's lock, and so does the caller.
            unsafe { os::release(writer, self.len[0] + self.len[1]) };
            self.mode = Mode::Sealed;
            self.space[Part::Code as usize].coarsen(PAGE);
            self.space[Part::Consts as usize].coarsen(PAGE);
        }
    }

    /// Ends writing to code and constants.
    fn seal(&mut self, taken: &[Taken; 3]) -> Result<(), os::Refused> {
        if self.mode != Mode::Sealed {
            return Ok(());
        }
        for (part, access) in [(Part::Code, os::Access::Execute), (Part::Consts, os::Access::Read)] {
            let block = taken[part as usize];
            if block.len > 0 {
                // SAFETY: blocks are whole pages in this mode, and this one is the caller's.
                unsafe { os::protect(self.start(part) + block.start, block.len, access)? };
            }
        }
        Ok(())
    }

    fn give(&mut self, taken: &[Taken; 3]) {
        self.fetched |= taken[Part::Code as usize].len > 0;
        for part in PARTS {
            let block = taken[part as usize];
            self.space[part as usize].give(block);
            if block.len > 0 {
                self.note_free_pages(part, block);
            }
        }
        // A copy that the system refuses now may be granted later; till then the pages keep their contents.
        if self.dirty_bytes >= DISCARD_AT && self.own().is_ok() {
            self.discard();
        }
    }

    /// Notes the pages that a block just given back leaves without any user.
    fn note_free_pages(&mut self, part: Part, block: Taken) {
        let (first, last) = (block.start / PAGE * PAGE, (block.start + block.len).next_multiple_of(PAGE));
        let free = self.space[part as usize]
            .free_within(first..last)
            .find(|free| free.start <= block.start && free.end >= block.start + block.len);
        let Some(free) = free else { return };
        let pages = free.start.next_multiple_of(PAGE)..free.end / PAGE * PAGE;
        if pages.start < pages.end {
            self.dirty_bytes += pages.len();
            self.dirty[part as usize].push(pages);
        }
    }

    /// Gives whole pages back that are free still.
    fn discard(&mut self) {
        for part in PARTS {
            let mut ranges = std::mem::take(&mut self.dirty[part as usize]);
            ranges.sort_unstable_by_key(|range| range.start);
            ranges.dedup_by(|next, kept| {
                let touches = next.start <= kept.end;
                if touches {
                    kept.end = kept.end.max(next.end);
                }
                touches
            });
            for range in &ranges {
                for free in self.space[part as usize].free_within(range.clone()) {
                    let pages = free.start.next_multiple_of(PAGE)..free.end / PAGE * PAGE;
                    if pages.start >= pages.end {
                        continue;
                    }
                    let at = self.writable(part, pages.start);
                    // SAFETY: the pages are free, so nothing refers to their contents.
                    unsafe {
                        match (part, self.mode) {
                            (Part::Code | Part::Consts, Mode::Twice { .. }) => {
                                os::discard_shared(at, pages.len());
                            }
                            (Part::Data, _) | (_, Mode::Sealed) => os::discard_private(at, pages.len()),
                        }
                    }
                }
            }
            ranges.clear();
            self.dirty[part as usize] = ranges;
        }
        self.dirty_bytes = 0;
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: blocks of an arena that ends are gone: the process's arena never ends, those of tests end last.
        unsafe {
            os::release(self.base, self.len.iter().sum());
            if let Mode::Twice { writer, .. } = self.mode {
                os::release(writer, self.len[0] + self.len[1]);
            }
        }
    }
}

/// The arena of the process with its lock.
pub(crate) struct Memory {
    arena: ForkMutex<Arena>,
    /// The whole region.
    region: Range<usize>,
    /// The part of it in which code lies.
    code: Range<usize>,
}

static MEMORY: OnceLock<Result<Memory, i32>> = OnceLock::new();

impl Memory {
    /// The memory of this process, reserved on first use. The error is the system's number.
    pub(crate) fn get() -> Result<&'static Memory, i32> {
        let memory = MEMORY.get_or_init(|| {
            let arena = Arena::new(true).map_err(|refused| refused.raw_os_error().unwrap_or(libc::ENOMEM))?;
            Ok(Memory::of(arena))
        });
        let memory = memory.as_ref().map_err(|code| *code)?;
        memory.arena.make_known();
        Ok(memory)
    }

    fn of(arena: Arena) -> Memory {
        let region = arena.base..arena.base + arena.len.iter().sum::<usize>();
        let code = arena.base..arena.base + arena.len[0];
        Memory { arena: ForkMutex::new(ranks::ARENA, arena), region, code }
    }

    /// Where code and data of all linked modules lie.
    pub(crate) fn region(&self) -> Range<usize> {
        self.region.clone()
    }

    /// Where code of all linked modules lies.
    pub(crate) fn code(&self) -> Range<usize> {
        self.code.clone()
    }

    /// See [`Arena::end_sharing`].
    pub(crate) fn end_sharing(&self) {
        self.lock().end_sharing();
    }

    fn lock(&self) -> MutexGuard<'_, Arena> {
        self.arena.lock_unknown()
    }

    /// Takes room and opens it for writing. Other drafts wait meanwhile, so do nothing slow before publishing.
    pub(crate) fn draft(&self, need: &Need) -> Result<Draft<'_>, os::Refused> {
        let mut arena = self.lock();
        let taken = arena.take(need)?;
        Ok(Draft { memory: self, arena: Some(arena), taken })
    }
}

/// Room that is being written: bytes through the writable mapping. Has no entry points.
pub(crate) struct Draft<'a> {
    memory: &'a Memory,
    /// Held while writing, so that a fork or an unsharing cannot come between. Taken out when it ends.
    arena: Option<MutexGuard<'a, Arena>>,
    taken: [Taken; 3],
}

impl<'a> Draft<'a> {
    fn arena(&self) -> &Arena {
        self.arena.as_ref().expect("held until the draft ends")
    }

    /// Where a part of it will be seen by the processor.
    pub(crate) fn at(&self, part: Part) -> usize {
        self.arena().start(part) + self.taken[part as usize].start
    }

    /// The bytes of a part: at least as many as were asked for. Contents are arbitrary at first.
    pub(crate) fn bytes(&mut self, part: Part) -> &mut [u8] {
        let block = self.taken[part as usize];
        let at = self.arena().writable(part, block.start);
        // SAFETY: the block is mapped writable, belongs to this draft alone, and the borrow of `self` keeps other
        // slices from being made. Nobody executes it before it is published.
        unsafe { std::slice::from_raw_parts_mut(at as *mut u8, block.len) }
    }

    /// Makes a range of the data part zero, without touching pages where that can be had for less.
    pub(crate) fn clear_data(&mut self, range: Range<usize>) {
        let block = self.taken[Part::Data as usize];
        if !block.reused {
            return;
        }
        let at = self.at(Part::Data);
        let (start, end) = ((at + range.start).next_multiple_of(PAGE), (at + range.end) / PAGE * PAGE);
        let data = self.bytes(Part::Data);
        if end > start + 16 * PAGE {
            data[range.start..start - at].fill(0);
            data[end - at..range.end].fill(0);
            // SAFETY: whole pages inside the block, which belongs to this draft; nothing refers to their contents.
            unsafe { os::discard_private(start, end - start) };
        } else {
            data[range].fill(0);
        }
    }

    /// Ends writing: from now on it can be executed and not be written.
    pub(crate) fn publish(mut self) -> Result<Placed, os::Refused> {
        let mut arena = self.arena.take().expect("held until the draft ends");
        let taken = self.taken;
        if let Err(refused) = arena.seal(&taken) {
            arena.give(&taken);
            return Err(refused);
        }
        let code = arena.start(Part::Code) + taken[0].start;
        crate::target::publish_code(code..code + taken[0].len);
        // Once for all that came back so far: nobody has executed it since. Under the lock, so that nobody else
        // publishes what is not forgotten yet.
        if taken[0].reused && arena.fetched {
            os::forget_fetched();
            arena.fetched = false;
        }
        drop(arena);
        // SAFETY: placed memory refers to its `Memory` for as long as it lives; only tests have one that is not
        // static, and they drop it last.
        let memory = unsafe { std::mem::transmute::<&'a Memory, &'static Memory>(self.memory) };
        Ok(Placed { memory, taken })
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if let Some(mut arena) = self.arena.take() {
            arena.give(&self.taken);
        }
    }
}

/// Room in which code has been placed. It can be entered and not be written; dropping it frees the room.
pub(crate) struct Placed {
    memory: &'static Memory,
    taken: [Taken; 3],
}

impl Drop for Placed {
    fn drop(&mut self) {
        self.memory.lock().give(&self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(memory: &Memory, bytes: &[u8]) -> (Placed, usize) {
        let mut draft = memory.draft(&Need { len: [bytes.len(), 0, 0], align: [16, 1, 1] }).unwrap();
        draft.bytes(Part::Code)[..bytes.len()].copy_from_slice(bytes);
        let at = draft.at(Part::Code);
        (draft.publish().unwrap(), at)
    }

    /// `mov eax, n; ret`
    fn answer(n: u32) -> Vec<u8> {
        [&[0xb8][..], &n.to_le_bytes(), &[0xc3]].concat()
    }

    fn call(at: usize) -> u32 {
        // SAFETY: the tests pass the address of placed code of this type.
        unsafe { std::mem::transmute::<usize, extern "C" fn() -> u32>(at)() }
    }

    #[test]
    fn both_modes_run_code_and_use_space_again() {
        for twice in [true, false] {
            let memory = Memory::of(Arena::new(twice).unwrap());
            let (one, at_one) = place(&memory, &answer(1));
            let (two, at_two) = place(&memory, &answer(2));
            assert_eq!((call(at_one), call(at_two)), (1, 2));
            drop(one);
            let (three, at_three) = place(&memory, &answer(3));
            assert_eq!(at_three, at_one);
            assert_eq!((call(at_two), call(at_three)), (2, 3));
            drop((two, three));
            assert_eq!(memory.lock().space[0].top(), 0);
        }
    }

    #[test]
    fn small_functions_share_a_page() {
        let memory = Memory::of(Arena::new(true).unwrap());
        if memory.lock().mode == Mode::Sealed {
            return;
        }
        let placed: Vec<_> = (0..200).map(|n| place(&memory, &answer(n))).collect();
        assert_eq!(placed[199].1 - placed[0].1, 199 * GRANULE);
        for (n, (_, at)) in placed.iter().enumerate() {
            assert_eq!(call(*at), n as u32);
        }
    }

    #[test]
    fn pages_of_their_own_can_be_asked_for_at_any_time() {
        let memory = Memory::of(Arena::new(true).unwrap());
        let (one, at_one) = place(&memory, &answer(1));
        let (two, at_two) = place(&memory, &answer(2));
        memory.end_sharing();
        let (three, at_three) = place(&memory, &answer(3));
        let (four, at_four) = place(&memory, &answer(4));
        assert!(at_three % PAGE == 0 && at_four % PAGE == 0 && at_three / PAGE != at_four / PAGE);
        assert_eq!([at_one, at_two, at_three, at_four].map(call), [1, 2, 3, 4]);
        // The page that was shared comes to use again as a page of one image.
        drop((one, two, three));
        let (five, at_five) = place(&memory, &answer(5));
        assert_eq!((at_five, call(at_five), call(at_four)), (at_one, 5, 4));
        drop((four, five));
        assert_eq!(memory.lock().space[0].top(), 0);
    }

    #[test]
    fn moving_to_a_copy_keeps_code_and_constants() {
        let memory = Memory::of(Arena::new(true).unwrap());
        let (one, at_one) = place(&memory, &answer(1));
        let (two, at_two) = place(&memory, &answer(2));
        let mut draft = memory.draft(&Need { len: [0, 64, 0], align: [1, 16, 1] }).unwrap();
        draft.bytes(Part::Consts).fill(7);
        let consts = draft.at(Part::Consts);
        let constants = draft.publish().unwrap();
        drop(one);
        if let Mode::Twice { forks, .. } = &mut memory.lock().mode {
            *forks = forks.wrapping_sub(1);
        }
        let (three, at_three) = place(&memory, &answer(3));
        assert!(!matches!(memory.lock().mode, Mode::Twice { forks, .. } if forks != fork::count()));
        assert_eq!((at_three, call(at_two), call(at_three)), (at_one, 2, 3));
        // SAFETY: the constants are placed still.
        assert_eq!(unsafe { *(consts as *const [u8; 64]) }, [7; 64]);
        drop((two, three, constants));
    }

    #[test]
    fn whole_free_pages_are_given_back_and_data_comes_zeroed() {
        let memory = Memory::of(Arena::new(true).unwrap());
        let need = Need { len: [1 << 20, 0, 4 << 20], align: [16, 1, 16] };
        let mut draft = memory.draft(&need).unwrap();
        draft.bytes(Part::Data).fill(0xff);
        draft.bytes(Part::Code).fill(0xcc);
        drop(draft.publish().unwrap());
        assert_eq!(memory.lock().dirty_bytes, 0);
        let mut draft = memory.draft(&need).unwrap();
        draft.clear_data(100..4 << 20);
        assert!(draft.bytes(Part::Data)[100..].iter().all(|byte| *byte == 0));
        drop(draft);
    }
}
