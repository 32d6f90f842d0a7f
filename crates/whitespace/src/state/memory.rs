//! The address space of a state: reserved at once, backed by memory where it is touched.

use std::io;
use std::sync::OnceLock;

/// How many keys below 0 the flat part of the heap holds.
pub const FLAT_BELOW: u64 = 1 << 16;

/// How many cells the flat part of the heap has at least: keys from -65536 to 65535 are always in it.
pub const FLAT_LEAST: u64 = 1 << 17;

/// Nothing wants more than this: keys, whatever they are, compare with an immediate of 32 bits.
const FLAT_MOST: u64 = 1 << 30;

/// On both sides of each area.
const GUARD: usize = 1 << 20;

const PAGE: usize = 4096;

/// How many cells each area has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// Items of the data stack.
    pub stack: u64,
    /// Return places.
    pub calls: u64,
    /// Cells of the flat part of the heap, at least [`FLAT_LEAST`].
    pub flat: u64,
    /// Bytes that everything else may take: cells outside of the flat part, big values.
    pub rest: u64,
}

impl Sizes {
    /// Shares of the memory that there is, so that no program can use up all of it: a quarter each for the flat heap and the
    /// rest, a sixteenth for each stack. Found out once per process.
    pub fn of_machine() -> Sizes {
        static SIZES: OnceLock<Sizes> = OnceLock::new();
        *SIZES.get_or_init(|| {
            let memory = memory();
            let flat = (memory / 4 / 8).clamp(FLAT_LEAST, FLAT_MOST);
            Sizes {
                stack: (memory / 16 / 8).clamp(1 << 16, 1 << 32),
                calls: (memory / 16 / 4).clamp(1 << 16, 1 << 31),
                flat: 1 << flat.ilog2(),
                rest: memory / 4,
            }
        })
    }

    fn halved(self) -> Option<Sizes> {
        let least = self.stack <= 1 << 16 && self.calls <= 1 << 16 && self.flat <= FLAT_LEAST;
        (!least).then(|| Sizes {
            stack: (self.stack / 2).max(1 << 16),
            calls: (self.calls / 2).max(1 << 16),
            flat: (self.flat / 2).max(FLAT_LEAST),
            rest: self.rest / 2,
        })
    }
}

/// The bytes of memory that this process may use: what the machine has, or less if its control group is given less.
fn memory() -> u64 {
    // SAFETY: sysconf has no conditions.
    let (pages, page) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    let physical = if pages > 0 && page > 0 { pages as u64 * page as u64 } else { 4 << 30 };
    let groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limits = groups.iter().filter_map(|path| std::fs::read_to_string(path).ok()?.trim().parse().ok());
    limits.fold(physical, u64::min)
}

/// One reservation with the areas in it, zeroed where it was never written.
pub(super) struct Memory {
    base: *mut u8,
    length: usize,
    pub sizes: Sizes,
    pub stack: *mut i64,
    pub calls: *mut u32,
    /// The cell of the lowest flat key.
    pub flat: *mut i64,
    /// Null if it was not asked for.
    pub present: *mut u64,
}

impl Memory {
    /// Reserves these sizes, or less if the process may not have so much address space.
    ///
    /// # Errors
    /// The system's, if even the least is refused.
    pub fn reserve(mut sizes: Sizes, present: bool) -> io::Result<Memory> {
        loop {
            match (Memory::try_reserve(sizes, present), sizes.halved()) {
                (Ok(memory), _) => return Ok(memory),
                (Err(_), Some(half)) => sizes = half,
                (Err(error), None) => return Err(error),
            }
        }
    }

    fn try_reserve(sizes: Sizes, present: bool) -> io::Result<Memory> {
        let bits = if present { sizes.flat.div_ceil(8) } else { 0 };
        let lengths = [sizes.stack * 8, sizes.calls * 4, sizes.flat * 8, bits];
        let lengths = lengths.map(|length| (length as usize).next_multiple_of(PAGE));
        let length = lengths.iter().sum::<usize>() + GUARD * (lengths.len() + 1);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping where the system likes it replaces nothing.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = base.cast::<u8>();
        // From here on dropping it gives the reservation back.
        let mut memory = Memory {
            base,
            length,
            sizes,
            stack: std::ptr::null_mut(),
            calls: std::ptr::null_mut(),
            flat: std::ptr::null_mut(),
            present: std::ptr::null_mut(),
        };
        let mut areas = [base; 4];
        let mut at = GUARD;
        for (area, length) in areas.iter_mut().zip(lengths) {
            *area = base.wrapping_add(at);
            at += length + GUARD;
            // SAFETY: the range is inside of the reservation above, which nobody else knows.
            let refused = length != 0
                && unsafe { libc::mprotect(area.cast(), length, libc::PROT_READ | libc::PROT_WRITE) } != 0;
            if refused {
                return Err(io::Error::last_os_error());
            }
        }
        // Pages are what alignment needs.
        memory.stack = areas[0].cast();
        memory.calls = areas[1].cast();
        memory.flat = areas[2].cast();
        memory.present = if present { areas[3].cast() } else { std::ptr::null_mut() };
        Ok(memory)
    }

    /// The ranges of flat cells, by index, outside of which every cell is 0: those on pages that were touched. Asks the
    /// system; all cells if it does not say.
    pub fn touched(&self) -> Vec<std::ops::Range<u64>> {
        self.touched_pages().unwrap_or_else(|_| std::iter::once(0..self.sizes.flat).collect())
    }

    fn touched_pages(&self) -> io::Result<Vec<std::ops::Range<u64>>> {
        use std::os::unix::fs::FileExt;
        /// Entries of 64 bits, of which these two say that the page is in memory or swapped out.
        const THERE: u64 = 0b11 << 62;
        const CELLS: u64 = PAGE as u64 / 8;
        let map = std::fs::File::open("/proc/self/pagemap")?;
        let mut ranges: Vec<std::ops::Range<u64>> = Vec::new();
        let (first, pages) = (self.flat as u64 / PAGE as u64, self.sizes.flat / CELLS);
        let mut buffer = vec![0; 1 << 20];
        let mut page = 0;
        while page < pages {
            let entries = ((pages - page) as usize).min(buffer.len() / 8);
            let bytes = &mut buffer[..entries * 8];
            map.read_exact_at(bytes, (first + page) * 8)?;
            for entry in bytes.chunks_exact(8) {
                let there = entry.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)) & THERE;
                let cells = page * CELLS..(page + 1) * CELLS;
                page += 1;
                match ranges.last_mut() {
                    _ if there == 0 => {}
                    Some(last) if last.end == cells.start => last.end = cells.end,
                    _ => ranges.push(cells),
                }
            }
        }
        Ok(ranges)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the range is the reservation that `try_reserve` made; the state that points into it goes with it.
        unsafe { libc::munmap(self.base.cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_touched_where_they_were_written() {
        let memory = Memory::reserve(Sizes { flat: 1 << 24, ..Sizes::of_machine() }, false).expect("memory");
        // SAFETY: the cell is in the area.
        unsafe { memory.flat.add(5_000_000).write(1) };
        let touched = memory.touched();
        assert!(touched.iter().any(|range| range.contains(&5_000_000)), "{touched:?}");
        assert!(touched.iter().map(|range| range.end - range.start).sum::<u64>() < 1 << 20, "{touched:?}");
    }
}
