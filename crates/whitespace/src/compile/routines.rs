//! What compiled code calls: C functions that take the header of the state that they work on.
#![allow(unsafe_code, reason = "compiled code hands over the address of the state")]

use crate::io;
use crate::options::Chars;
use crate::state::{Header, State};
use crate::value::{Value, ValueRef};

/// The state that a header belongs to.
///
/// # Safety
/// The header is that of a state whose owner is running compiled code, on this thread.
unsafe fn state<'s>(header: *mut Header) -> &'s mut State<'static> {
    // SAFETY: who enters compiled code sets the owner to the state that it has borrowed exclusively, and does nothing with it
    // until that code returns or calls. The lifetime of its channels is not looked at.
    unsafe { &mut *(*header).owner.cast::<State<'static>>() }
}

/// The value of a cell, where unset ones are 0. No big value is alive.
pub unsafe extern "C" fn load(header: *mut Header, key: i64) -> i64 {
    // SAFETY: compiled code passes the header that it was entered with.
    let state = unsafe { state(header) };
    match state.load(ValueRef::Small(key)) {
        Ok(ValueRef::Small(value)) => value,
        _ => 0,
    }
}

/// Writes a cell. Not 0 if that fails: the interpreter finds out why.
pub unsafe extern "C" fn store(header: *mut Header, key: i64, value: i64) -> i32 {
    // SAFETY: as in `load`.
    let state = unsafe { state(header) };
    state.store(ValueRef::Small(key), Value::Small(value)).is_err().into()
}

/// Writes a byte as a character. Not 0 if that fails.
pub unsafe extern "C" fn print_byte(header: *mut Header, character: i64) -> i32 {
    // SAFETY: as in `load`.
    print(unsafe { state(header) }, Chars::Bytes, character)
}

/// Writes a code point as UTF-8. Not 0 if that fails.
pub unsafe extern "C" fn print_code_point(header: *mut Header, character: i64) -> i32 {
    // SAFETY: as in `load`.
    print(unsafe { state(header) }, Chars::Utf8, character)
}

fn print(state: &mut State<'_>, chars: Chars, character: i64) -> i32 {
    io::print_char(state, ValueRef::Small(character), chars).is_err().into()
}

/// Writes a number in decimal. Not 0 if that fails.
pub unsafe extern "C" fn print_number(header: *mut Header, value: i64) -> i32 {
    // SAFETY: as in `load`.
    let state = unsafe { state(header) };
    io::print_number(state, ValueRef::Small(value)).is_err().into()
}
