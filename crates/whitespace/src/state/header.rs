//! The part of a state that compiled code addresses.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What compiled code reads and writes, at offsets that `offset_of!` gives. It does not move while its state lives.
///
/// Stacks grow upward. Their guards are memory that cannot be touched, a mebibyte at both ends of each area.
#[repr(C)]
#[derive(Debug)]
pub struct Header {
    /// Behind the top item of the data stack.
    pub stack_top: *mut i64,
    /// The first item of the data stack.
    pub stack_base: *mut i64,
    /// The data stack may be filled up to here.
    pub stack_limit: *mut i64,
    /// Behind the innermost return place: the instruction that runs after `ret`, by its index.
    pub call_top: *mut u32,
    /// The outermost return place.
    pub call_base: *mut u32,
    /// The call stack may be filled up to here. Who runs the program may lower it for as long as it sees to what happens
    /// there; [`State::call_limit`](super::State::call_limit) is the real one.
    pub call_limit: *mut u32,
    /// The heap cell of key 0. The flat part holds the keys for which `key + FLAT_BELOW`, unsigned, is below
    /// `flat_cells`; it never changes.
    pub heap: *mut i64,
    /// How many cells the flat part of the heap has: at least [`FLAT_LEAST`](super::FLAT_LEAST). Never changes.
    pub flat_cells: u64,
    /// The bits that say which flat cells were written: that of a key is number `key + FLAT_BELOW`, the lowest of a word
    /// first. Null unless unset cells are errors or cells are counted; then the first store to a cell goes through
    /// [`State::store`](super::State::store).
    pub present: *mut u64,
    /// The largest key written, -1 if there is none, `i64::MAX` for any beyond. Kept only under
    /// [`Heap::Wspace`](crate::options::Heap::Wspace), where stores above it and loads outside `0..=largest_key` go through
    /// the state.
    pub largest_key: i64,
    /// Where the next byte of output goes, if that is below `output_end`; otherwise [`State::write`](super::State::write)
    /// makes room.
    pub output_at: *mut u8,
    /// The end of the room for output. It may be below `output_at`: every byte goes through the state then.
    pub output_end: *mut u8,
    /// The next byte of input, if that is below `input_end`.
    pub input_at: *const u8,
    /// The end of the input that is at hand.
    pub input_end: *const u8,
    /// How many instructions may still run. Who counts takes from it; it is never below 0 outside of a block.
    pub steps_left: i64,
    /// For tests: how many checks pass before one fails all the same; 0 is never. Compiled code that tests it counts down.
    pub forced: u64,
    /// The state that this belongs to, while compiled code runs; otherwise null.
    pub owner: *mut (),
    /// The instruction that runs next, when nobody runs.
    pub instruction: u32,
    /// Not 0 when execution is to stop at the next loop head or call.
    pub interrupt: AtomicU32,
}

/// A header that its state and the tokens to interrupt it share.
pub(super) struct Shared(UnsafeCell<Header>);

// SAFETY: other threads have no way to the header but `Interrupt`, which uses one field, and that is atomic.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub fn new(header: Header) -> Arc<Shared> {
        Arc::new(Shared(UnsafeCell::new(header)))
    }

    pub fn header(&self) -> *mut Header {
        self.0.get()
    }

    pub fn interrupt(&self) -> &AtomicU32 {
        // SAFETY: the header lives as long as `self`, and nobody makes an exclusive reference to it or this field.
        unsafe { &(*self.0.get()).interrupt }
    }
}

/// Stops a machine from another thread or a signal handler.
#[derive(Clone)]
pub struct Interrupt(pub(super) Arc<Shared>);

impl Interrupt {
    /// Execution stops at the next loop head or call, or when it has read what it waits for. Takes no lock and no memory.
    pub fn interrupt(&self) {
        self.0.interrupt().store(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Interrupt").field(self.0.interrupt()).finish()
    }
}
