//! Routines that compiled code calls for ops too long to write out.
//!
//! Block copies and fills are accesses of the program, though C's functions do them: while one runs, a fault outside
//! compiled code is a trap of the code that called it. They hold nothing, so they can be left at any instruction.
#![allow(unsafe_code, reason = "blocks of memory named by compiled code")]

use crate::symbols::{ProcessSymbols, Symbols};
use crate::{call, target};
use kiln_codegen::code::Routine;
use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{Ordering, compiler_fence};

thread_local! {
    /// The return address of the block operation that this thread is in, or 0. Constant and without a destructor: a
    /// plain load, also in signal handlers.
    static CALLER: Cell<usize> = const { Cell::new(0) };
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
        Routine::Exit => Some(call::exit_address()),
    }
}

/// An address inside the call by which compiled code started the block operation that this thread is in. For signal
/// handlers; ends the operation, because its fault is taken for a trap.
pub(crate) fn running() -> Option<usize> {
    match CALLER.replace(0) {
        0 => None,
        address => Some(address - 1),
    }
}

/// C's `memmove`, called by [`target::memmove`] with the return address into compiled code.
///
/// # Safety
/// As C's. Addresses that may not be accessed are allowed if a host has entered on this thread.
pub(crate) unsafe extern "C" fn copy(to: *mut c_void, from: *const c_void, len: usize, caller: usize) {
    CALLER.set(caller);
    // The Rust compiler knows that C's function does not look at `CALLER`, but not that a signal handler does.
    compiler_fence(Ordering::SeqCst);
    // SAFETY: the caller's promise.
    unsafe { libc::memmove(to, from, len) };
    compiler_fence(Ordering::SeqCst);
    CALLER.set(0);
}

/// C's `memset`, called by [`target::memset`] with the return address into compiled code.
///
/// # Safety
/// As C's. Addresses that may not be accessed are allowed if a host has entered on this thread.
pub(crate) unsafe extern "C" fn fill(to: *mut c_void, byte: i32, len: usize, caller: usize) {
    CALLER.set(caller);
    // The Rust compiler knows that C's function does not look at `CALLER`, but not that a signal handler does.
    compiler_fence(Ordering::SeqCst);
    // SAFETY: the caller's promise.
    unsafe { libc::memset(to, byte, len) };
    compiler_fence(Ordering::SeqCst);
    CALLER.set(0);
}
