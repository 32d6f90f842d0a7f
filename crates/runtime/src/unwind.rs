//! Tells the process's unwinder about compiled frames, so that backtraces and exceptions pass through them.
//!
//! One `.eh_frame` section per image is written and registered in one call, which costs 24 to 72 bytes per function.
//! The unwinder of GCC's runtime keeps the section's address, so it stays as long as the image.
//!
//! Up to version 12 that runtime keeps sections in a list: registering is constant, but dropping an image costs a walk
//! over those registered after it, and the first exception sorts them all. From 13 on both are logarithmic. So who
//! compiles very many small functions puts several in one image.
#![allow(unsafe_code, reason = "registers a table with the C runtime")]

use crate::fork::{ForkMutex, ranks};
use crate::target;
use kiln_codegen::Code;
use std::ops::Range;

/// Held while the unwinder changes its list, so that no fork comes between: its own lock knows nothing of forks.
static UNWINDER: ForkMutex<()> = ForkMutex::new(ranks::UNWINDER, ());

/// A registered section; deregistered when dropped.
pub(crate) struct Rows(Box<[u8]>);

unsafe extern "C" {
    fn __register_frame(section: *const u8);
    fn __deregister_frame(section: *const u8);
}

impl Rows {
    /// Writes and registers the rows of a code placed at `at`, and of its stubs.
    pub(crate) fn register(code: &Code, at: usize, stubs: Range<usize>) -> Option<Rows> {
        let mut section = Vec::with_capacity(40 + 48 * (code.functions.len() + 1));
        target::cie(&mut section);
        let shared = section.len();
        for function in code.functions.iter().filter(|function| function.code_end > function.start) {
            target::function_rows(&mut section, code, function, at);
        }
        if !stubs.is_empty() {
            target::stub_rows(&mut section, stubs);
        }
        if section.len() == shared {
            return None; // the unwinder wants at least one function
        }
        section.extend([0; 4]); // the end
        let rows = Rows(section.into_boxed_slice());
        let _alone = UNWINDER.lock();
        // SAFETY: a well-formed section that stays where it is until it is deregistered.
        unsafe { __register_frame(rows.0.as_ptr()) };
        Some(rows)
    }

    /// The bytes of the section.
    #[cfg(feature = "gdb")]
    pub(crate) fn section(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        let _alone = UNWINDER.lock();
        // SAFETY: was registered.
        unsafe { __deregister_frame(self.0.as_ptr()) };
    }
}
