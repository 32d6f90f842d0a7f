//! From a frame of compiled code to its caller's, by the table of its function. Takes no lock and allocates nothing.
#![allow(unsafe_code, reason = "reads frames on the stack")]

use kiln_codegen::code::FrameInfo;

const RBP: u32 = 6;

/// Where code of a thread is: of a caller, the place of its call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    /// The address of the instruction that runs; of a caller, an address inside the call.
    pub(crate) pc: usize,
    /// The stack pointer; of a caller, what it is when the call has returned.
    pub(crate) sp: usize,
    /// The frame pointer register, whatever it holds.
    pub(crate) fp: usize,
    /// What the scratch register holds that prologues count down to, where that matters.
    pub(crate) scratch: usize,
}

impl Frame {
    /// The caller's frame.
    ///
    /// `offset` is that of the instruction from the start of its function; of a stub, which has no frame, it means
    /// nothing.
    ///
    /// # Safety
    /// This is a frame of the calling thread, of code with this table, and it has not returned.
    pub(crate) unsafe fn caller(&self, info: &FrameInfo, offset: u32) -> Frame {
        // Steps of the prologue that were done: in a body, all.
        let mut steps = info.steps.iter();
        let mut done = || steps.next().is_some_and(|step| offset >= u32::from(*step));
        let mut depth = 8; // from the stack pointer to the frame's start
        let mut saved_fp = None;
        let mut saved = info.saved;
        let mut fixed = None;
        if info.frame_pointer {
            saved &= !(1 << RBP);
            if done() {
                depth += 8;
                saved_fp = Some(depth);
            }
            if done() {
                fixed = Some(self.fp + 16);
            }
        }
        for register in (0..16).filter(|register| saved & (1 << register) != 0) {
            if done() {
                depth += 8;
                if register == RBP {
                    saved_fp = Some(depth);
                }
            }
        }
        let mut sp = self.sp;
        if info.size > 0 {
            if done() {
                depth += info.size as usize;
            } else if info.probed > 0 && offset >= u32::from(info.probed) {
                // The stack pointer is on its way down to where the scratch register is.
                sp = self.scratch;
                depth += info.size as usize;
            }
        }
        let start = fixed.unwrap_or(sp.wrapping_add(depth));
        // SAFETY: the return address and the saved register lie in the frame, which is in use.
        let word = |below: usize| unsafe { *(start.wrapping_sub(below) as *const usize) };
        let fp = saved_fp.map_or(self.fp, word);
        Frame { pc: word(8).wrapping_sub(1), sp: start, fp, scratch: 0 }
    }
}
