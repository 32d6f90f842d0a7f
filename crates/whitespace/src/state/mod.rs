//! The state of a running program, which all ways to run it share (but the reference interpreter, which copies it).
//!
//! Stacks and the heap's flat part are arrays of 64-bit cells in reserved address space, so that growing them needs no
//! code: a page costs memory when it is first touched. Keys outside of the flat part go to a hash map.
//!
//! Values beyond 64 bits stand in side tables by their place, and their cells hold [`MARK`]. A cell with that pattern is big
//! if the table has its place; so going over to arbitrary precision and back converts nothing and costs nothing for small
//! values. As long as a big value is alive ([`State::big_values`]) only code that knows of them may run.
//!
//! Invariants: pointers of the header stay inside their areas; a place in a side table is a place in use whose cell holds the
//! mark; a state that an error came from is as it was before the instruction.
#![allow(unsafe_code, reason = "cells are addressed by pointers that compiled code shares")]

mod calls;
mod channels;
mod header;
mod heap;
mod memory;
mod registers;
mod stack;

pub use channels::Channels;
pub use header::{Header, Interrupt};
pub use memory::{FLAT_BELOW, FLAT_LEAST, Sizes};
pub(crate) use registers::Registers;

use crate::Integer;
use crate::fault::{FaultKind, Resource};
use crate::options::{Heap, Limits, Options};
use header::Shared;
use memory::Memory;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the cell of a big value holds. Small values may have the pattern too.
pub const MARK: i64 = 0x6A09_E667_F3BC_C909_u64 as i64;

/// Why execution cannot go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Halt {
    /// The instruction failed.
    Fault(FaultKind),
    /// Somebody wants it to stop; the instruction has not begun.
    Interrupted,
}

impl From<FaultKind> for Halt {
    fn from(fault: FaultKind) -> Halt {
        Halt::Fault(fault)
    }
}

/// A running program's stacks, heap, input and output, and where it is.
pub struct State<'io> {
    /// The shared header's address, at hand. Fields are read and written through it and never borrowed: compiled code and
    /// tokens to interrupt have the same address.
    header: *mut Header,
    shared: Arc<Shared>,
    memory: Memory,
    /// What `call_limit` is unless it was lowered.
    call_limit: *mut u32,
    stack: stack::BigItems,
    heap: heap::Rest,
    heap_rule: Heap,
    limits: Limits,
    channels: Channels<'io>,
    /// The number of steps that were granted so far; those left are in the header.
    granted: u64,
}

/// Reads a field of the header.
macro_rules! get {
    ($state:expr, $field:ident) => {{
        // SAFETY: the header lives as long as the state, and nobody else uses this field while the state is borrowed.
        unsafe { (*$state.header).$field }
    }};
}

/// Writes a field of the header.
macro_rules! set {
    ($state:expr, $field:ident, $value:expr) => {{
        let value = $value;
        // SAFETY: as for reading; the state is borrowed exclusively.
        unsafe { (*$state.header).$field = value }
    }};
}

use {get, set};

impl<'io> State<'io> {
    /// The state before the first instruction.
    ///
    /// # Errors
    /// The system's, if it refuses address space.
    pub fn new(options: &Options, channels: Channels<'io>) -> io::Result<State<'io>> {
        State::with_sizes(options, channels, Sizes::of_machine())
    }

    /// As [`State::new`], with areas of the given sizes, or of smaller ones if the process may not have that much address
    /// space.
    ///
    /// # Errors
    /// The system's, if it refuses address space.
    pub fn with_sizes(options: &Options, channels: Channels<'io>, sizes: Sizes) -> io::Result<State<'io>> {
        let sizes = Sizes { flat: sizes.flat.max(FLAT_LEAST), ..sizes };
        let limits = options.limits.clone();
        let tracked = options.heap == Heap::Error || limits.heap.is_some();
        let memory = Memory::reserve(sizes, tracked)?;
        let items = limits.stack.map_or(memory.sizes.stack, |limit| limit.min(memory.sizes.stack));
        let calls = limits.calls.map_or(memory.sizes.calls, |limit| limit.min(memory.sizes.calls));
        let call_limit = memory.calls.wrapping_add(calls as usize);
        let shared = Shared::new(Header {
            stack_top: memory.stack,
            stack_base: memory.stack,
            stack_limit: memory.stack.wrapping_add(items as usize),
            call_top: memory.calls,
            call_base: memory.calls,
            call_limit,
            heap: memory.flat.wrapping_add(FLAT_BELOW as usize),
            flat_cells: memory.sizes.flat,
            present: memory.present,
            largest_key: -1,
            output_at: std::ptr::null_mut(),
            output_end: std::ptr::null_mut(),
            input_at: std::ptr::null(),
            input_end: std::ptr::null(),
            steps_left: 0,
            forced: 0,
            owner: std::ptr::null_mut(),
            instruction: 0,
            interrupt: AtomicU32::new(0),
        });
        let mut state = State {
            header: shared.header(),
            shared,
            memory,
            call_limit,
            stack: Default::default(),
            heap: Default::default(),
            heap_rule: options.heap,
            limits,
            channels,
            granted: 0,
        };
        state.open_output();
        Ok(state)
    }

    /// The header. It stays where it is.
    pub fn header(&self) -> *mut Header {
        self.header
    }

    /// The token that interrupts this state's execution.
    pub fn interrupt_token(&self) -> Interrupt {
        Interrupt(self.shared.clone())
    }

    /// Whether execution is to stop.
    #[inline]
    pub fn interrupted(&self) -> bool {
        self.shared.interrupt().load(Ordering::Relaxed) != 0
    }

    /// Forgets a wish to stop. Gives whether there was one.
    pub fn take_interrupt(&mut self) -> bool {
        self.shared.interrupt().swap(0, Ordering::Relaxed) != 0
    }

    /// The instruction that runs next.
    #[inline]
    pub fn instruction(&self) -> u32 {
        get!(self, instruction)
    }

    /// Sets the instruction that runs next.
    #[inline]
    pub fn set_instruction(&mut self, instruction: u32) {
        set!(self, instruction, instruction);
    }

    /// How many big values are alive on the data stack and in the heap. (Those in cells with big keys do not count: only a big
    /// value on the stack leads there.)
    #[inline]
    pub fn big_values(&self) -> usize {
        self.stack.len() + self.heap.big_values()
    }

    /// How many instructions ran, as far as they were counted.
    pub fn steps(&self) -> u64 {
        self.granted.wrapping_sub(self.steps_left() as u64)
    }

    /// How many instructions may still run before those granted are used up.
    #[inline]
    pub fn steps_left(&self) -> i64 {
        get!(self, steps_left)
    }

    /// Sets how many instructions may run from here on, at most `i64::MAX`.
    pub fn grant_steps(&mut self, steps: u64) {
        let steps = steps.min(i64::MAX as u64);
        self.granted = self.steps().wrapping_add(steps);
        set!(self, steps_left, steps as i64);
    }

    /// Takes these steps, which ran, from those that may still run.
    #[inline]
    pub fn take_steps(&mut self, steps: i64) {
        set!(self, steps_left, get!(self, steps_left) - steps);
    }

    /// The limits that hold for it.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// The bytes of an integer.
fn size(integer: &Integer) -> u64 {
    dashu_int::ops::BitTest::bit_len(integer) as u64 / 8
}

/// The fault of a resource that is limited to `limit`, or else by memory.
fn exhausted(resource: Resource, limit: Option<u64>, cells: u64, bytes_each: u64) -> FaultKind {
    match limit {
        Some(limit) if limit <= cells => FaultKind::Limit { resource, limit },
        _ => FaultKind::Limit { resource: Resource::Memory, limit: cells * bytes_each },
    }
}

impl std::fmt::Debug for State<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("instruction", &self.instruction())
            .field("height", &self.height())
            .field("calls", &self.calls().len())
            .field("big_values", &self.big_values())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
