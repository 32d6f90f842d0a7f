//! The tape: zeroed memory between two ranges of addresses that cannot be accessed.
//!
//! A program that leaves the tape hits one of them, and the processor's fault becomes a trap: running off costs
//! nothing until it happens. The ranges must be so wide that no program can jump over them. Between two accesses to
//! memory control passes no bracket, for brackets read the cell; so it runs straight through the source, and each
//! character moves the pointer by at most one cell. Ranges as long as the source are enough.

use std::io;
use std::ops::RangeInclusive;

/// The number of cells. Whole pages, so that both ends fault at once.
pub const CELLS: usize = 1 << 16;

/// A tape of [`CELLS`] cells, all 0 at first.
pub(crate) struct Tape {
    mapping: *mut u8,
    guard: usize,
}

impl Tape {
    /// A tape for a source of this many bytes.
    ///
    /// # Errors
    /// The system gives no memory.
    pub fn new(source: usize) -> io::Result<Tape> {
        let guard = (source + 1).next_multiple_of(CELLS);
        let length = 2 * guard + CELLS;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, at an address of the system's choice, overlaps nothing.
        let mapping = unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_NONE, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let tape = Tape { mapping: mapping.cast(), guard };
        // SAFETY: whole pages inside the mapping, which nobody uses yet.
        let result =
            unsafe { libc::mprotect(tape.first().cast(), CELLS, libc::PROT_READ | libc::PROT_WRITE) };
        if result == 0 { Ok(tape) } else { Err(io::Error::last_os_error()) }
    }

    /// The address of cell 0.
    pub fn first(&self) -> *mut u8 {
        self.mapping.wrapping_add(self.guard)
    }

    /// The cell that an address in one of the ranges would be.
    pub fn cell_outside(&self, address: u64) -> Option<i64> {
        let cell = address.wrapping_sub(self.first() as u64) as i64;
        let outside: [RangeInclusive<i64>; 2] =
            [-(self.guard as i64)..=-1, CELLS as i64..=(CELLS + self.guard) as i64 - 1];
        outside.iter().any(|range| range.contains(&cell)).then_some(cell)
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        // SAFETY: our mapping, with the length it was made with; no program runs on it any more.
        unsafe { libc::munmap(self.mapping.cast(), 2 * self.guard + CELLS) };
    }
}
