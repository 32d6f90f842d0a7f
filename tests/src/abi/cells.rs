//! Where values stand before and after a call. Each has a page of its own and ends where the page ends; the next page
//! cannot be touched, so an access beyond a value faults.

#![allow(unsafe_code, reason = "mapping and protecting memory have no safe interface")]

use super::signature::{MOST_PARAMS, MOST_VARIABLE};

const PAGE: usize = 4096;
const MOST: usize = MOST_PARAMS + MOST_VARIABLE;

/// Cells of the arguments as the caller loads them.
pub const ARGS: usize = 0;
/// Cells of the arguments as the callee received them.
pub const SEEN: usize = MOST;
/// The cell of the result as the callee loads it.
pub const GIVEN: usize = 2 * MOST;
/// The cell of the result as the caller received it.
pub const RESULT: usize = GIVEN + 1;
/// Values that Kiln's callers hold over the call.
pub const LIVE: usize = GIVEN + 2;
/// What has become of them.
pub const LIVED: usize = GIVEN + 3;
/// The addresses of the aggregates that Kiln was given: 8 bytes for each argument, then the result's.
pub const ADDRESSES: usize = GIVEN + 4;
const COUNT: usize = GIVEN + 5;

/// Integers among the live values.
pub const LIVE_INTEGERS: usize = 8;
/// Floats among the live values.
pub const LIVE_FLOATS: usize = 8;
/// Bytes of all live values.
pub const LIVE_ROOM: u32 = 8 * (LIVE_INTEGERS + LIVE_FLOATS) as u32;
/// Bytes of all addresses.
pub const ADDRESSES_ROOM: u32 = 8 * (MOST + 1) as u32;

/// The distance from the first cell's start to a value of `room` bytes in a cell.
pub const fn offset(cell: usize, room: u32) -> usize {
    cell * 2 * PAGE + PAGE - room as usize
}

/// The cells.
pub struct Cells(*mut u8);

impl Cells {
    /// New cells, all zero. They are never given back: the process that uses them is a short one.
    ///
    /// # Panics
    /// If there is no memory.
    pub fn new() -> Cells {
        let size = COUNT * 2 * PAGE;
        // SAFETY: a new mapping of its own, whose every second page is then closed.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let at = libc::mmap(std::ptr::null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            assert_ne!(at, libc::MAP_FAILED, "no memory");
            let at = at.cast::<u8>();
            for cell in 0..COUNT {
                let guard = at.add((2 * cell + 1) * PAGE);
                assert_eq!(libc::mprotect(guard.cast(), PAGE, libc::PROT_NONE), 0);
            }
            Cells(at)
        }
    }

    /// Where they start.
    pub fn base(&self) -> *mut u8 {
        self.0
    }

    /// The value of `room` bytes in a cell.
    pub fn get(&mut self, cell: usize, room: u32) -> &mut [u8] {
        assert!(cell < COUNT && room as usize <= PAGE);
        // SAFETY: inside a cell's page, which nobody else refers to while this borrows the cells.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(offset(cell, room)), room as usize) }
    }
}

impl Default for Cells {
    fn default() -> Cells {
        Cells::new()
    }
}
