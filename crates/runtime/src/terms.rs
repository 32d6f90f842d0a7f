//! The terms of an entry: how much the call may do, and that it may be interrupted.
//!
//! What compiled code counts stands in two words of the thread ([`Words`]), which it reaches without asking anybody
//! where they are. An entry with terms sets them and puts them back when it is left. What a `longjmp` leaves behind
//! is recognised by its place, as activations are, and put right at the next entry with terms.
#![allow(unsafe_code, reason = "words that compiled code counts in")]

use crate::call::{RawTrap, enter};
use crate::requests::Round;
use crate::target;
use std::cell::RefCell;
use std::sync::Arc;

/// What one call from the host is held to. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// The round that the call belongs to, if it may be interrupted.
    pub round: Option<Arc<Round>>,
    /// How many function entries and arrivals at loop heads it may make, in code that counts them.
    pub fuel: Option<u64>,
    /// How many activations of functions it may have at a time, in code that counts them.
    pub depth: Option<u64>,
}

/// The words of a thread that compiled code counts down; taking from 0 is what is not allowed.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Words {
    pub(crate) fuel: u64,
    pub(crate) depth: u64,
}

/// One of the words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    Fuel,
    Depth,
}

/// The terms of an entry that has not been left.
struct Held {
    /// An address in the frame of the entry.
    at: usize,
    terms: Terms,
    /// What the words held before.
    before: Words,
}

thread_local! {
    static HELD: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
}

/// [`enter`] under terms. Entries nest, and so do terms: those of the innermost entry that says something about a limit
/// hold.
///
/// # Safety
/// As of [`enter`].
pub unsafe fn enter_under(terms: Terms, adapter: *const u8, args: *mut u64) -> Result<(), RawTrap> {
    let here = 0u8;
    let at = &raw const here as usize;
    let words = words();
    HELD.with_borrow_mut(|held| {
        // Frames nest downwards: an entry that is not above this one is no more.
        release(held, |old| old.at <= at);
        // SAFETY: the words are this thread's own.
        let before = unsafe { words.read() };
        let now =
            Words { fuel: terms.fuel.unwrap_or(before.fuel), depth: terms.depth.unwrap_or(before.depth) };
        // SAFETY: as above.
        unsafe { words.write(now) };
        held.push(Held { at, terms, before });
    });
    let left = Left { at };
    // SAFETY: the caller's promise.
    let result = unsafe { enter(adapter, args) };
    drop(left);
    result
}

/// Takes an entry's terms off, also when an exception or a panic passes.
struct Left {
    at: usize,
}

impl Drop for Left {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| release(held, |old| old.at <= self.at));
    }
}

/// Takes off the innermost entries that are over, and puts back what the words held before them.
fn release(held: &mut Vec<Held>, over: impl Fn(&Held) -> bool) {
    while let Some(last) = held.pop_if(|last| over(last)) {
        // SAFETY: the words are this thread's own.
        unsafe {
            // What was used of fuel that an entry further out gave is used.
            if last.terms.fuel.is_some() {
                (*words()).fuel = last.before.fuel;
            }
            (*words()).depth = last.before.depth;
        }
    }
}

/// The calling thread's words.
fn words() -> *mut Words {
    target::thread_words().cast()
}

/// Whether the call that code with this stack pointer belongs to has used up what it was given. If so, it stays used
/// up; else nobody counts, and the word, which has wrapped around, is as good as unlimited.
pub(crate) fn exceeded(limit: Limit, sp: usize) -> bool {
    let limited = innermost(sp, |terms| match limit {
        Limit::Fuel => terms.fuel.map(|_| ()),
        Limit::Depth => terms.depth.map(|_| ()),
    });
    if limited.is_none() {
        return false;
    }
    // SAFETY: the words are this thread's own.
    unsafe {
        match limit {
            Limit::Fuel => (*words()).fuel = 0,
            Limit::Depth => (*words()).depth = 0,
        }
    }
    true
}

/// Whether the call that code with this stack pointer belongs to is asked to end.
pub(crate) fn interrupted(sp: usize) -> bool {
    innermost(sp, |terms| terms.round.as_ref().map(|round| round.is_interrupted())).unwrap_or(false)
}

/// What the innermost entry around a stack pointer says that says something.
fn innermost<R>(sp: usize, says: impl Fn(&Terms) -> Option<R>) -> Option<R> {
    HELD.with_borrow(|held| held.iter().rev().filter(|held| held.at > sp).find_map(|held| says(&held.terms)))
}
