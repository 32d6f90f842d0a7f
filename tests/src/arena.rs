//! Memory that programs import as their arena: a page, with pages before and behind it that nobody may access, so that
//! an access of more bytes than the program says is a fault. It lies at the same address for all programs of a process.

#![allow(unsafe_code, reason = "compiled code writes this memory")]

use kiln_generator::{ARENA, ARENA_SIZE, FUEL, FUEL_SIZE};
use std::sync::OnceLock;

const PAGE: usize = ARENA_SIZE;

/// The pages: the first, third and fifth cannot be accessed, in the second lies the counter, the fourth is the arena.
fn pages() -> usize {
    static PAGES: OnceLock<usize> = OnceLock::new();
    *PAGES.get_or_init(|| {
        // SAFETY: new memory at an address that the system chooses, of which parts are made accessible.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let start = libc::mmap(std::ptr::null_mut(), 5 * PAGE, libc::PROT_NONE, flags, -1, 0);
            assert_ne!(start, libc::MAP_FAILED, "no memory for the arena");
            for page in [1, 3] {
                let at = start.byte_add(page * PAGE);
                assert_eq!(libc::mprotect(at, PAGE, libc::PROT_READ | libc::PROT_WRITE), 0);
            }
            start as usize
        }
    })
}

/// The data objects with their addresses and sizes.
pub fn objects() -> [(&'static str, usize, usize); 2] {
    [(ARENA, pages() + 3 * PAGE, ARENA_SIZE), (FUEL, pages() + PAGE, FUEL_SIZE)]
}

/// What the arena holds when a program begins.
pub fn initial() -> [u8; ARENA_SIZE] {
    std::array::from_fn(|n| (n as u8).wrapping_mul(37) ^ (n >> 8) as u8)
}

/// Gives arena and counter the contents that they begin with.
///
/// # Safety
/// Nothing else accesses them now.
pub unsafe fn reset() {
    let [(_, arena, _), (_, fuel, _)] = objects();
    // SAFETY: both can be written, and the caller sees to it that nobody else does.
    unsafe {
        *(arena as *mut [u8; ARENA_SIZE]) = initial();
        *(fuel as *mut u64) = 0;
    }
}

/// What the arena holds.
///
/// # Safety
/// Nothing else writes it now.
pub unsafe fn contents() -> Vec<u8> {
    // SAFETY: it can be read, and the caller sees to it that nobody writes.
    unsafe { *(objects()[0].1 as *const [u8; ARENA_SIZE]) }.to_vec()
}
