//! Running what may crash or never end in a process of its own.
//!
//! Generated code under test may do anything when a compiler is wrong, so the caller must not share its process.
//! `fork` copies only the calling thread: use this from programs with one thread.

#![allow(unsafe_code, reason = "fork, pipes and waiting have no safe interface")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::time::Duration;

/// How a process ended that did not finish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Death {
    /// By this signal.
    Signal(i32),
    /// By this exit status.
    Status(i32),
    /// It ran out of time.
    TimeOut,
}

impl std::fmt::Display for Death {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Death::Signal(libc::SIGSEGV) => f.write_str("it died of a segmentation fault"),
            Death::Signal(libc::SIGILL) => f.write_str("it died of an illegal instruction"),
            Death::Signal(libc::SIGABRT) => f.write_str("it aborted"),
            Death::Signal(n) => write!(f, "it died of signal {n}"),
            Death::Status(n) => write!(f, "it exited with status {n}"),
            Death::TimeOut => f.write_str("it did not end in time"),
        }
    }
}

/// Runs `f` in a process of its own and gives what it wrote to its file. The process is killed after the time. What had been written before a death comes with the death.
pub fn isolated(time: Duration, f: impl FnOnce(&mut dyn Write)) -> (Vec<u8>, Option<Death>) {
    let until = libc::timeval { tv_sec: time.as_secs() as i64, tv_usec: time.subsec_micros() as i64 };
    let never = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: never, it_value: until };
    let mut ends = [0; 2];
    // SAFETY: the array has room for the two descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0, "no pipe");
    // SAFETY: the calling program has one thread, so the copy may go on as usual.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no process");
    if child == 0 {
        // SAFETY: both descriptors are open and belong to nobody else; the timer is a valid one; `_exit` is always callable.
        unsafe {
            libc::close(ends[0]);
            libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut());
            let mut to = File::from_raw_fd(ends[1]);
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(&mut to)));
            libc::_exit(if done.is_ok() { 0 } else { 101 });
        }
    }
    // SAFETY: the descriptors are open and this process's own copies.
    let mut from = unsafe {
        libc::close(ends[1]);
        File::from_raw_fd(ends[0])
    };
    let mut bytes = vec![];
    from.read_to_end(&mut bytes).expect("a pipe can be read");
    let mut status = 0;
    // SAFETY: the child exists and has not been waited for.
    unsafe { libc::waitpid(child, &mut status, 0) };
    let death = if libc::WIFSIGNALED(status) {
        Some(match libc::WTERMSIG(status) {
            libc::SIGALRM => Death::TimeOut,
            signal => Death::Signal(signal),
        })
    } else {
        Some(libc::WEXITSTATUS(status)).filter(|s| *s != 0).map(Death::Status)
    };
    (bytes, death)
}
