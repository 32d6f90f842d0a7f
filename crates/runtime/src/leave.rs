//! Compiled code that leaves for the host, or stops for it: from saved registers and a recovery record to values.
#![allow(unsafe_code, reason = "reads registers and frames of compiled code")]

use crate::call::{self, RawTrap};
use crate::image::{Image, Record};
use crate::registry;
use crate::target::Frame;
use crate::terms::{self, Limit};
use kiln_codegen::code::TAKEOVER;
use kiln_codegen::recovery::{Leave, RecoveryValue, ValuePlace};
use kiln_ir::trap::TrapKind;
use kiln_ir::{FuncId, Inst};
use std::cell::RefCell;

/// The registers of compiled code at a stub, saved by [`crate::target::leave`].
#[repr(C, align(16))]
pub(crate) struct Registers {
    /// General registers by DWARF number.
    pub(crate) general: [u64; 16],
    /// Vector registers.
    pub(crate) vector: [[u64; 2]; 16],
}

impl Registers {
    /// Has the code go on where other code takes over.
    fn go_on_by(&mut self, address: u64, list: u64) {
        const RESULT: usize = 0;
        const FIRST_ARGUMENT: usize = 5;
        const SCRATCH: usize = 11;
        self.general[RESULT] = address;
        self.general[FIRST_ARGUMENT] = list;
        self.general[SCRATCH] += u64::from(TAKEOVER);
    }

    /// The low 64 bits of a register by its DWARF number.
    fn low(&self, dwarf: u8) -> u64 {
        const VECTOR: u8 = 17;
        match dwarf.checked_sub(VECTOR) {
            Some(number) => self.vector[number as usize][0],
            None => self.general[dwarf as usize],
        }
    }
}

/// One function at a place that was left from, with the values that its instruction lists: a word each, narrower ones
/// zero-extended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecoveredFrame {
    /// The function.
    pub func: FuncId,
    /// The instruction; of an outer frame, the call that was inlined.
    pub inst: Inst,
    /// The values.
    pub values: Vec<u64>,
}

/// A safepoint that was reached while something is asked of the code.
#[derive(Clone, Copy, Debug)]
pub struct Stop<'a> {
    /// The safepoint's number.
    pub id: u32,
    /// The function and, after it, those that it is inlined in.
    pub frames: &'a [RecoveredFrame],
}

thread_local! {
    static EXIT: RefCell<Vec<RecoveredFrame>> = const { RefCell::new(Vec::new()) };
}

/// Takes the frames, innermost first, that the last exit on this thread left from.
pub fn take_exit() -> Vec<RecoveredFrame> {
    EXIT.take()
}

/// Called by [`crate::target::leave`] with the registers at a stub and the address that the stub handed over. Gives the
/// stack pointer with which to continue at [`crate::target::landing`], or 0 to go on behind the stub.
///
/// # Safety
/// The registers are those of compiled code of this thread that jumped to the routine from the stub before `pc`.
pub(crate) unsafe extern "C" fn record_leave(registers: &mut Registers, pc: usize) -> usize {
    let inside = pc - 1;
    // SAFETY: the code before `pc` is running on this thread, so its image is held.
    if let Some((image, counter)) = unsafe { registry::find(inside, |record| hot_at(record, pc)) }.flatten() {
        // SAFETY: the caller's promise.
        unsafe { hot(&image, counter, registers, pc) };
        return GO_ON;
    }
    // SAFETY: the code before `pc` is running on this thread, so its image is held.
    let found = unsafe { registry::find(inside, |record| recover_at(record, registers, pc)) };
    let Some((image, leave, frames)) = found.flatten() else { unreachable!("a stub has a record") };
    let sp = registers.low(STACK_POINTER) as usize;
    let frame = Frame { pc: inside, sp, fp: registers.low(FRAME_POINTER) as usize, scratch: 0 };
    let trap = |kind| RawTrap { kind, pc: inside, caller: 0 };
    let end = |kind| call::end(&frame, trap(kind));
    // Under frames of C or Rust, which nothing skips, the end waits until they have returned.
    let end_if_possible = |kind| call::try_end(&frame, trap(kind));
    if let Leave::Safepoint(_) | Leave::Poll = leave
        && terms::interrupted(sp)
        && let Some(landing) = end_if_possible(TrapKind::Interrupted)
    {
        return landing;
    }
    match leave {
        Leave::Exit(id) => {
            EXIT.set(frames);
            end(TrapKind::Exit(id))
        }
        Leave::Poll | Leave::Hot(_) => GO_ON,
        Leave::Safepoint(id) => match image.stop(&Stop { id, frames: &frames }) {
            Ok(()) => GO_ON,
            Err(kind) => end(kind),
        },
        Leave::OutOfFuel if terms::exceeded(Limit::Fuel, sp) => {
            end_if_possible(TrapKind::OutOfFuel).unwrap_or(GO_ON)
        }
        Leave::TooDeep if terms::exceeded(Limit::Depth, sp) => end(TrapKind::StackOverflow),
        Leave::OutOfFuel | Leave::TooDeep => GO_ON,
    }
}

/// The counter that is below 0 at a stub, if it is the stub of one.
fn hot_at(record: &Record, pc: usize) -> Option<(Image, u32)> {
    match record.recoveries().find(record.offset(pc))?.leave {
        Leave::Hot(counter) => Some((record.image()?, counter)),
        _ => None,
    }
}

thread_local! {
    /// What code that takes an activation over is handed. It loads all before it does anything else.
    static HANDED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Tells that a counter is below 0; has the code go on where other code takes over, if there is some.
///
/// # Safety
/// As of [`record_leave`].
unsafe fn hot(image: &Image, counter: u32, registers: &mut Registers, pc: usize) {
    let sp = registers.low(STACK_POINTER) as usize;
    if !call::has_room(sp) {
        return;
    }
    let Some(takeover) = image.hot(counter) else { return };
    let list = HANDED.with_borrow_mut(|list| {
        list.clear();
        list.push(takeover.head);
        // SAFETY: the code before `pc` is running on this thread, so its image is held; and it is at a loop head, where
        // the values are.
        let held = unsafe {
            registry::find(pc - 1, |record| {
                let held = record.held_at(pc - 1).unwrap_or(&[]);
                list.extend(held.iter().map(|value| recover(image, registers, value)));
            })
        };
        debug_assert!(held.is_some(), "running code is of an image");
        list.as_ptr() as u64
    });
    registers.go_on_by(takeover.address as u64, list);
}

/// What [`record_leave`] gives where the code goes on.
const GO_ON: usize = 0;

/// DWARF numbers of the frame pointer and the stack pointer.
const FRAME_POINTER: u8 = 6;
const STACK_POINTER: u8 = 7;

/// What happens at a stub, and the frames that are there.
///
/// # Safety
/// As of [`record_leave`].
unsafe fn recover_at(
    record: &Record,
    registers: &Registers,
    pc: usize,
) -> Option<(Image, Leave, Vec<RecoveredFrame>)> {
    let image = record.image()?;
    let recoveries = record.recoveries();
    let recovery = recoveries.find(record.offset(pc))?;
    let frames = recoveries.frames(recovery).map(|(frame, values)| RecoveredFrame {
        func: frame.func,
        inst: frame.inst,
        // SAFETY: the record says what the code has where at this place.
        values: values.iter().map(|value| unsafe { recover(&image, registers, value) }).collect(),
    });
    let frames = frames.collect();
    Some((image, recovery.leave, frames))
}

/// The word of a value.
///
/// # Safety
/// The value is of a record whose place is where the registers are from, in code of the image.
unsafe fn recover(image: &Image, registers: &Registers, value: &RecoveryValue) -> u64 {
    let bytes = value.ty.bytes();
    let word = match value.place {
        ValuePlace::Register(register) => registers.low(register),
        ValuePlace::Memory(base, disp) => {
            let at = registers.low(base).wrapping_add_signed(disp.into());
            // SAFETY: the caller's promise: it is a place in the frame, and written as wide as its type.
            unsafe {
                if bytes == 8 { (at as *const u64).read() } else { u64::from((at as *const u32).read()) }
            }
        }
        ValuePlace::Address { base, disp, align, plus } => {
            let align = u64::from(align);
            let from = registers.low(base).wrapping_add_signed(disp.into());
            (from.wrapping_add(align - 1) & !(align - 1)).wrapping_add_signed(plus.into())
        }
        ValuePlace::Constant(bits) => bits,
        ValuePlace::Data(data, plus) => {
            let address = image.data_address(data).map_or(0, |address| address as u64);
            address.wrapping_add_signed(plus.into())
        }
        ValuePlace::Code(offset) => image.code().start as u64 + u64::from(offset),
        ValuePlace::Func(func) => image.address(func).map_or(0, |address| address as u64),
    };
    if bytes == 8 { word } else { word & 0xffff_ffff }
}
