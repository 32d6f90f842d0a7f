//! gdb's JIT interface (gdb manual, "JIT Compilation Interface"): a list of object files in memory, and a function that
//! is called after each change, where debuggers set a breakpoint. lldb and others read it too.
//!
//! The interface is two symbols of fixed names. They are defined weak: in a program that links another definition, for
//! example LLVM's, both use that one list, and each must change it only while the other does not. Where a shared
//! library brings a definition of its own, debuggers find both lists. A stripped program has neither, and debuggers see
//! nothing.
#![allow(unsafe_code, reason = "a list of raw pointers that debuggers read")]

mod dwarf;
mod object;

use super::{Legend, lock};
use std::arch::global_asm;
use std::ops::Range;
use std::ptr;

/// What the list's head says happened last.
const REGISTERED: u32 = 1;
const UNREGISTERED: u32 = 2;

#[repr(C)]
struct Entry {
    next: *mut Entry,
    prev: *mut Entry,
    object: *const u8,
    object_size: u64,
}

#[repr(C)]
struct Descriptor {
    version: u32,
    action: u32,
    relevant: *mut Entry,
    first: *mut Entry,
}

// Rust has no word for weak symbols, and a compiler might drop a call of a function that does nothing.
global_asm!(
    ".pushsection .text.__jit_debug_register_code, \"ax\", @progbits",
    ".weak __jit_debug_register_code",
    ".type __jit_debug_register_code, @function",
    "__jit_debug_register_code:",
    ".cfi_startproc",
    "ret",
    ".cfi_endproc",
    ".size __jit_debug_register_code, . - __jit_debug_register_code",
    ".popsection",
    ".pushsection .data.__jit_debug_descriptor, \"aw\", @progbits",
    ".weak __jit_debug_descriptor",
    ".type __jit_debug_descriptor, @object",
    ".balign 8",
    "__jit_debug_descriptor:",
    ".long 1, 0", // version 1, no action
    ".quad 0, 0", // no entry
    ".size __jit_debug_descriptor, . - __jit_debug_descriptor",
    ".popsection",
);

unsafe extern "C" {
    static mut __jit_debug_descriptor: Descriptor;
    fn __jit_debug_register_code();
}

/// An image that debuggers see, until it is dropped.
pub(crate) struct Registration {
    entry: *mut Entry,
    /// The object file that the entry refers to.
    _object: Box<[u8]>,
}

// SAFETY: the entry is touched only under the lock, the object file only by debuggers.
unsafe impl Send for Registration {}
// SAFETY: as above.
unsafe impl Sync for Registration {}

impl Registration {
    /// Shows code with its names, source lines and frames (an `.eh_frame` section).
    pub(crate) fn new(code: Range<usize>, legend: &Legend, frames: &[u8]) -> Registration {
        let object = object::write(code, legend, frames).into_boxed_slice();
        let entry = Box::into_raw(Box::new(Entry {
            next: ptr::null_mut(),
            prev: ptr::null_mut(),
            object: object.as_ptr(),
            object_size: object.len() as u64,
        }));
        let _guard = lock();
        // SAFETY: the list is changed only under the lock, and its entries are alive. The function does nothing; a
        // debugger that stops there reads the list meanwhile.
        unsafe {
            let list = &raw mut __jit_debug_descriptor;
            (*entry).next = (*list).first;
            if !(*entry).next.is_null() {
                (*(*entry).next).prev = entry;
            }
            (*list).first = entry;
            (*list).relevant = entry;
            (*list).action = REGISTERED;
            __jit_debug_register_code();
        }
        Registration { entry, _object: object }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let _guard = lock();
        // SAFETY: as in `new`; the entry is in the list, and freed when it is no longer.
        unsafe {
            let list = &raw mut __jit_debug_descriptor;
            let (next, prev) = ((*self.entry).next, (*self.entry).prev);
            if prev.is_null() {
                (*list).first = next;
            } else {
                (*prev).next = next;
            }
            if !next.is_null() {
                (*next).prev = prev;
            }
            (*list).relevant = self.entry;
            (*list).action = UNREGISTERED;
            __jit_debug_register_code();
            (*list).relevant = ptr::null_mut();
            drop(Box::from_raw(self.entry));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::LineRow;
    use std::collections::BTreeSet;

    /// The object files in the list, by address.
    fn listed() -> BTreeSet<usize> {
        let _guard = lock();
        let mut found = BTreeSet::new();
        // SAFETY: the list does not change under the lock, and its entries are alive.
        unsafe {
            let list = &raw mut __jit_debug_descriptor;
            assert_eq!((*list).version, 1);
            let (mut prev, mut entry) = (ptr::null_mut(), (*list).first);
            while !entry.is_null() {
                assert_eq!((*entry).prev, prev);
                assert!((*entry).object_size > 0);
                found.insert((*entry).object as usize);
                (prev, entry) = (entry, (*entry).next);
            }
        }
        found
    }

    /// Names that no file format has room for come through as others.
    fn legend() -> Legend {
        Legend {
            title: String::new(),
            folder: "a\0b".into(),
            names: vec![(0x1000..0x1010, "one two\0".into()), (0x1010..0x1020, String::new())],
            files: vec![String::new(), "x\0y".into()],
            lines: vec![
                LineRow { at: 0x1004, file: 0, line: 3, column: 0 },
                LineRow { at: 0x1008, file: 1, line: 1, column: 7 },
                LineRow { at: 0x1010, file: 9, line: 1, column: 1 },
            ],
        }
    }

    #[test]
    fn what_is_registered_is_listed_until_it_is_dropped() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut kept = Vec::new();
                    for n in 0..200 {
                        let registration = Registration::new(0x1000..0x2000, &legend(), &[]);
                        let at = registration._object.as_ptr() as usize;
                        assert!(listed().contains(&at));
                        if n % 3 == 0 {
                            kept.push(registration);
                        } else {
                            drop(registration);
                        }
                        if n % 20 == 19 {
                            kept.swap_remove(kept.len() / 2);
                        }
                    }
                });
            }
        });
        assert!(listed().is_empty());
    }
}
