//! Whether a trap may end an entry: only frames of compiled code may lie between.
//!
//! The walk goes from the trap to the entry's adapter by the tables of the functions it meets. It takes no lock and
//! allocates nothing, so it can be made in signal handlers, and needs no unwinder, so it is right at any instruction that
//! may fault: in bodies, at calls, in prologues.
#![allow(unsafe_code, reason = "walks the stack")]

use crate::registry;
use crate::target::Frame;
use kiln_codegen::code::FrameInfo;

/// The frame that called another one of compiled code.
///
/// # Safety
/// `frame` is one of the calling thread that has not returned. `None` if it is not of compiled code.
pub(crate) unsafe fn caller(frame: &Frame) -> Option<Frame> {
    // SAFETY: code that has a frame is held by whoever runs it.
    let found = unsafe {
        registry::find(frame.pc, |record| record.frame_at(frame.pc).unwrap_or((0, FrameInfo::default())))
    };
    let (offset, info) = found?;
    // SAFETY: the caller's promise, and the table is that of the code.
    Some(unsafe { frame.caller(&info, offset) })
}

/// Whether all frames from this one up to the entry that left its stack pointer at `landing` are of compiled code.
///
/// # Safety
/// `frame` is one of the calling thread that has not returned, and the entry encloses it.
pub(crate) unsafe fn only_compiled(mut frame: Frame, landing: usize) -> bool {
    loop {
        // SAFETY: the caller's promise; callers of a frame that has not returned have not either.
        match unsafe { caller(&frame) } {
            // The entry's own call of the adapter was made with this stack pointer.
            Some(next) if next.sp == landing => return true,
            // Frames ascend; one that does not is none.
            Some(next) if next.sp > frame.sp && next.sp < landing => frame = next,
            Some(_) | None => return false,
        }
    }
}
