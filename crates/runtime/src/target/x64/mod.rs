//! x86-64, System V.

mod context;
mod enter;
mod fixup;
mod protection;
mod rows;
mod walk;

pub(crate) use context::Context;
pub(crate) use enter::{enter, landing, leave, memmove, memset, raise, thread_words, thread_words_offset};
pub(crate) use fixup::{STUB_LEN, TRAP_AT, TRAP_STUB, apply, reaches, stub};
pub use protection::branch_tracking;
pub(crate) use rows::{cie, function_rows, stub_rows};
pub(crate) use walk::Frame;

/// Called when code has been written at a place. Instruction caches follow memory by themselves on this processor.
pub(crate) fn publish_code(_code: std::ops::Range<usize>) {}
