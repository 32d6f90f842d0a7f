//! What a signal handler sees of the interrupted code.
#![allow(unsafe_code, reason = "reads the kernel's record of a signal")]

use super::Frame;
use std::ffi::c_void;

/// The registers of the interrupted code; changes take effect when the handler returns.
pub(crate) struct Context<'a>(&'a mut libc::ucontext_t);

/// Positions in the kernel's record, by DWARF number of the register.
const BY_DWARF: [libc::c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RDX,
    libc::REG_RCX,
    libc::REG_RBX,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_RBP,
    libc::REG_RSP,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

impl Context<'_> {
    /// Reads the third argument of a signal handler.
    ///
    /// # Safety
    /// `context` is what the kernel passed to the running handler; there is no other `Context` of it.
    pub(crate) unsafe fn of<'a>(context: *mut c_void) -> Context<'a> {
        // SAFETY: the caller's promise.
        Context(unsafe { &mut *context.cast() })
    }

    fn get(&self, register: libc::c_int) -> usize {
        self.0.uc_mcontext.gregs[register as usize] as usize
    }

    /// The address of the interrupted instruction.
    pub(crate) fn pc(&self) -> usize {
        self.get(libc::REG_RIP)
    }

    /// The stack pointer.
    pub(crate) fn sp(&self) -> usize {
        self.get(libc::REG_RSP)
    }

    /// An integer register by its DWARF number.
    pub(crate) fn register(&self, dwarf: u8) -> u64 {
        self.get(BY_DWARF[dwarf as usize]) as u64
    }

    /// The frame that was running.
    pub(crate) fn frame(&self) -> Frame {
        let (fp, scratch) = (self.get(libc::REG_RBP), self.get(libc::REG_R11));
        Frame { pc: self.pc(), sp: self.sp(), fp, scratch }
    }

    /// The return address of a call that has just been made, for a fault at the very address called.
    ///
    /// # Safety
    /// The word at the stack pointer can be read.
    pub(crate) unsafe fn return_address(&self) -> usize {
        // SAFETY: the caller's promise.
        unsafe { *(self.sp() as *const usize) }
    }

    /// Continues elsewhere.
    pub(crate) fn resume(&mut self, pc: usize, sp: usize) {
        const DIRECTION: i64 = 1 << 10; // string instructions count up, as the convention has it
        let registers = &mut self.0.uc_mcontext.gregs;
        registers[libc::REG_RIP as usize] = pc as i64;
        registers[libc::REG_RSP as usize] = sp as i64;
        registers[libc::REG_EFL as usize] &= !DIRECTION;
    }
}
