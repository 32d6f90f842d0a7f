//! Running what may crash or never end in a process of its own.
//!
//! Generated code under test may do anything when a compiler is wrong, so the caller must not share its process.
//! `fork` copies only the calling thread: use this from programs with one thread.

#![allow(unsafe_code, reason = "fork, pipes and waiting have no safe interface")]

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::time::Duration;

/// How a process ended that did not finish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Death {
    /// By this signal.
    Signal(i32),
    /// By this exit status.
    Status(i32),
    /// By a panic, at this place and with this message.
    Panic(String, String),
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
            Death::Panic(place, message) => write!(f, "it panicked at {place}: {message}"),
            Death::Status(n) => write!(f, "it exited with status {n}"),
            Death::TimeOut => f.write_str("it did not end in time"),
        }
    }
}

impl Death {
    /// Whether two processes ended in the same way: by the same signal, or a panic at the same place of the source.
    pub fn is_like(&self, other: &Death) -> bool {
        match (self, other) {
            (Death::Panic(one, _), Death::Panic(other, _)) => one == other,
            _ => self == other,
        }
    }
}

thread_local! {
    /// Place and message of the panic that ends this process.
    static PANIC: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// The exit status of a process that panicked; behind what it wrote stand the panic's place and message, and their lengths.
const PANICKED: i32 = 101;

/// Keeps the panic's place and message instead of printing them.
fn keep(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
    let payload = info.payload();
    let message = match payload.downcast_ref::<String>() {
        Some(message) => message.clone(),
        None => payload.downcast_ref::<&str>().copied().unwrap_or_default().into(),
    };
    PANIC.set(Some((place, message)));
}

/// Takes off the end what a process that panicked wrote there.
fn panic_at_end(bytes: &mut Vec<u8>) -> Option<Death> {
    let mut take = || {
        let at = bytes.len().checked_sub(8)?;
        let len = u64::from_le_bytes(bytes[at..].try_into().ok()?);
        let text = bytes.split_off(at.checked_sub(len as usize)?);
        Some(String::from_utf8_lossy(&text[..len as usize]).into_owned())
    };
    let (message, place) = (take()?, take()?);
    Some(Death::Panic(place, message))
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
            std::panic::set_hook(Box::new(keep));
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(&mut to)));
            if done.is_err() {
                let (place, message) = PANIC.take().unwrap_or_default();
                for text in [place, message] {
                    // If nobody reads any more, nobody needs it.
                    let _ = to.write_all(text.as_bytes());
                    let _ = to.write_all(&(text.len() as u64).to_le_bytes());
                }
            }
            libc::_exit(if done.is_ok() { 0 } else { PANICKED });
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
        match libc::WEXITSTATUS(status) {
            0 => None,
            PANICKED => panic_at_end(&mut bytes).or(Some(Death::Status(PANICKED))),
            status => Some(Death::Status(status)),
        }
    };
    (bytes, death)
}
