//! How much memory something takes at most: an allocator that counts while it is told to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator. It counts what a thread allocates while [`peak`] runs there; everyone else pays for one test of
/// a thread-local flag.
pub struct Counting;

thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// The most bytes that were allocated at one time while `f` ran and not before.
pub fn peak<R>(f: impl FnOnce() -> R) -> (usize, R) {
    NOW.set(0);
    MOST.set(0);
    COUNTS.set(true);
    let result = f();
    COUNTS.set(false);
    (MOST.get() as usize, result)
}

fn count(bytes: isize) {
    // Threads that are ending have no flag any more, and count nothing.
    if COUNTS.try_with(Cell::get) == Ok(true) {
        NOW.set(NOW.get() + bytes);
        MOST.set(MOST.get().max(NOW.get()));
    }
}

// SAFETY: everything is done by the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller of this function promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller of this function promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old place and the new one may exist side by side while the bytes are copied.
        count(size as isize);
        count(-(layout.size() as isize));
        // SAFETY: as the caller of this function promises.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller of this function promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_what_lives_at_one_time() {
        let (most, _) = peak(|| {
            drop(vec![0u8; 1000]);
            drop(vec![0u8; 3000]);
        });
        assert_eq!(most, 3000);
    }

    #[test]
    fn growing_counts_both_places() {
        let (most, _) = peak(|| {
            let mut bytes = vec![1u8; 1000];
            bytes.reserve_exact(1000);
        });
        assert_eq!(most, 3000);
    }
}
