//! Routines that compiled code calls for ops too long to write out.
//!
//! Block copies and fills are accesses of the program, though C's functions do them: while one runs, a fault outside
//! compiled code is a trap of the code that called it. They hold nothing, so they can be left at any instruction.
#![allow(unsafe_code, reason = "blocks of memory named by compiled code")]

use crate::symbols::{ProcessSymbols, Symbols};
use crate::target::{self, Frame};
use crate::terms::Words;
use kiln_codegen::code::{Routine, ThreadWord};
use std::cell::Cell;
use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{Ordering, compiler_fence};

thread_local! {
    /// The address of the return address of the block operation that this thread is in, or null; and its caller's frame
    /// pointer. Constant and without a destructor: plain loads, also in signal handlers.
    static CALLER: (Cell<*const usize>, Cell<usize>) = const { (Cell::new(ptr::null()), Cell::new(0)) };
}

/// The address of a routine; `None` if the process has none of its kind.
pub(crate) fn address(routine: Routine) -> Option<usize> {
    let named = |name| ProcessSymbols.lookup(name, None).map(|address| address as usize);
    match routine {
        Routine::MemMove => Some(target::memmove as *const () as usize),
        Routine::MemSet => Some(target::memset as *const () as usize),
        Routine::Fma => named("fma"),
        Routine::Fmaf => named("fmaf"),
        Routine::TlsGetAddr => named("__tls_get_addr"),
        Routine::Leave => Some(target::leave as *const () as usize),
    }
}

/// How far a word of the thread that compiled code counts in is from the thread pointer.
pub(crate) fn thread_word(word: ThreadWord) -> isize {
    let offset = match word {
        ThreadWord::Fuel => offset_of!(Words, fuel),
        ThreadWord::Depth => offset_of!(Words, depth),
    };
    target::thread_words_offset() + offset as isize
}

/// The frame of the compiled code that started the block operation that this thread is in. For signal handlers; ends
/// the operation, because its fault is taken for a trap.
pub(crate) fn running() -> Option<Frame> {
    CALLER.with(|(sp, fp)| {
        let sp = sp.replace(ptr::null());
        // SAFETY: the operation has not returned, so its return address lies there.
        let pc = unsafe { sp.as_ref() }? - 1;
        Some(Frame { pc, sp: sp as usize + 8, fp: fp.get(), scratch: 0 })
    })
}

/// Notes where compiled code starts a block operation.
fn starts(sp: *const usize, fp: usize) {
    CALLER.with(|(at, frame_pointer)| {
        frame_pointer.set(fp);
        at.set(sp);
    });
    // The Rust compiler knows that C's functions do not look at this, but not that a signal handler does.
    compiler_fence(Ordering::SeqCst);
}

/// The block operation has ended.
fn ended() {
    compiler_fence(Ordering::SeqCst);
    CALLER.with(|(at, _)| at.set(ptr::null()));
}

/// C's `memmove`, called by [`target::memmove`] with the address of the return address into compiled
/// code and that code's frame pointer.
///
/// # Safety
/// As C's. Addresses that may not be accessed are allowed if a host has entered on this thread.
pub(crate) unsafe extern "C" fn copy(
    to: *mut c_void,
    from: *const c_void,
    len: usize,
    sp: *const usize,
    fp: usize,
) {
    starts(sp, fp);
    // SAFETY: the caller's promise.
    unsafe { libc::memmove(to, from, len) };
    ended();
}

/// C's `memset`, called by [`target::memset`] with the address of the return address into compiled
/// code and that code's frame pointer.
///
/// # Safety
/// As C's. Addresses that may not be accessed are allowed if a host has entered on this thread.
pub(crate) unsafe extern "C" fn fill(to: *mut c_void, byte: i32, len: usize, sp: *const usize, fp: usize) {
    starts(sp, fp);
    // SAFETY: the caller's promise.
    unsafe { libc::memset(to, byte, len) };
    ended();
}
