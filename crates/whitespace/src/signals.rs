//! Signals for processes that do nothing but run a program.
#![allow(unsafe_code, reason = "signal handlers are C's")]

use crate::state::Interrupt;
use std::sync::OnceLock;

static TOKEN: OnceLock<Interrupt> = OnceLock::new();

extern "C" fn interrupt(_: libc::c_int) {
    // Reading a cell that was filled before the handler was set, and storing to an atomic: safe in a handler.
    if let Some(token) = TOKEN.get() {
        token.interrupt();
    }
}

/// The first Ctrl-C interrupts the machine that this token belongs to, also while it waits for input. The second one ends the
/// process. Only the first machine of a process can be meant.
pub fn interrupt_by_ctrl_c(token: Interrupt) {
    if TOKEN.set(token).is_err() {
        return;
    }
    // SAFETY: all zeros is an action; its parts are set below.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = interrupt as extern "C" fn(libc::c_int) as usize;
    // Not restarted: reading returns, and then sees that it is to stop.
    action.sa_flags = libc::SA_RESETHAND;
    // SAFETY: the action is valid, and the handler does only what handlers may.
    unsafe { libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut()) };
}

/// From here on, writing to a pipe that nobody reads is an error instead of the end of the process.
pub fn ignore_broken_pipes() {
    // SAFETY: ignoring a signal runs no code.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}
