//! The compilers that Kiln is measured against, behind one small interface: kernels to call, and synthetic programs
//! to compile.
//!
//! Nothing here measures anything; the program `kiln-bench` does.

#![deny(missing_docs)]

pub mod c;
pub mod cranelift;
pub mod emitter;
pub mod place;
pub mod shape;
pub mod whitespacers;

use std::any::Any;

/// What every kernel exports: the size of the work and memory to work in; gives a checksum.
pub type Entry = unsafe extern "C" fn(i64, *mut u8) -> i64;

/// A compiled kernel together with what keeps its code in memory.
pub struct Kernel {
    entry: Entry,
    _code: Box<dyn Any>,
}

impl Kernel {
    /// A kernel whose code lives as long as `code`.
    ///
    /// # Safety
    /// `entry` must be the address of a function of that signature, in memory that `code` keeps.
    pub unsafe fn new(entry: Entry, code: impl Any) -> Kernel {
        Kernel { entry, _code: Box::new(code) }
    }

    /// Runs it on `memory`, which must be as large as the kernel needs for `n`.
    pub fn call(&self, n: i64, memory: &mut [u8]) -> i64 {
        // SAFETY: the constructor's caller vouched for the address and signature; the kernels stay inside the memory
        // that `kernels.rs` of the harness gives them.
        unsafe { (self.entry)(n, memory.as_mut_ptr()) }
    }
}
