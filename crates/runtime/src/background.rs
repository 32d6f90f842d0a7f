//! Work that nobody waits for, on one thread of the process, which starts with the first of it.
//!
//! The thread lives as long as the process, and nobody joins it: what it does is of use to running programs only. It
//! takes no signals that are meant for the process, so handlers run where they ran without it.
//!
//! **Fork.** A child does not have the thread. It gets one of its own when it next [submits](submit) something or
//! [asks](keep_going), and then does again what its parent's thread was doing: jobs must bear being done twice.
#![allow(unsafe_code, reason = "masks signals")]

use crate::fork::{ForkMutex, ranks};
use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, PoisonError};
use std::time::{Duration, Instant};
use std::{hint, thread};

/// Something to do, perhaps twice. A panic ends the job, not the thread.
pub type Job = Arc<dyn Fn() + Send + Sync>;

/// What there is to do.
struct Queue {
    waiting: VecDeque<Job>,
    under_way: Option<Job>,
    /// Whether this process has the thread.
    started: bool,
    /// Whether the thread waits to be told that there is more. Telling is a system call, and may interrupt a processor.
    idle: bool,
}

static QUEUE: ForkMutex<Queue> = ForkMutex::new(
    ranks::BACKGROUND,
    Queue { waiting: VecDeque::new(), under_way: None, started: false, idle: false },
);
static MORE: Condvar = Condvar::new();
/// Whether something was submitted since the thread last looked. To look at without the lock, and no more than a hint.
static SUBMITTED: AtomicBool = AtomicBool::new(false);
/// How long the thread looks for more before it sleeps: jobs come in bursts, and to be woken takes as long as a small job, under
/// a hypervisor also of the processor that wakes.
const LOOKING: Duration = Duration::from_micros(100);
/// How long it naps then between looks, and how often, before it has to be woken: bursts come in bursts. A processor's own
/// clock wakes it, which costs the one that submits nothing.
const NAP: Duration = Duration::from_micros(50);
const NAPS: usize = 20;

/// Has something done soon, after what was submitted before.
pub fn submit(job: Job) {
    let mut queue = QUEUE.lock();
    queue.waiting.push_back(job);
    SUBMITTED.store(true, Ordering::Relaxed);
    queue.ensure_thread();
    let idle = queue.idle;
    drop(queue);
    if idle {
        MORE.notify_one();
    }
}

/// Sees to it that what was submitted is being done, also in a process that was forked meanwhile.
pub fn keep_going() {
    QUEUE.lock().ensure_thread();
}

/// In a process that was just forked: the thread is the parent's.
pub(crate) fn only_thread() {
    let mut queue = QUEUE.lock();
    (queue.started, queue.idle) = (false, false);
}

impl Queue {
    /// Starts the thread, unless this process has it. If the system gives no thread now, the next one to ask tries again.
    fn ensure_thread(&mut self) {
        if self.started || self.waiting.is_empty() && self.under_way.is_none() {
            return;
        }
        let restarted = self.under_way.take();
        restarted.into_iter().for_each(|job| self.waiting.push_front(job));
        let before = block_signals();
        let started = thread::Builder::new().name("kiln-compiler".into()).spawn(work);
        // SAFETY: the mask that this thread had.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut()) };
        self.started = started.is_ok();
    }
}

/// Blocks all signals on this thread but those of its own faults; gives what was blocked before.
fn block_signals() -> libc::sigset_t {
    let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::zeroed());
    // SAFETY: the sets are written before they are read.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP] {
            libc::sigdelset(all.as_mut_ptr(), fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}

/// What the thread does.
fn work() {
    // On a single processor nobody submits anything meanwhile.
    let looks = thread::available_parallelism().is_ok_and(|processors| processors.get() > 1);
    let mut looked = true;
    let mut queue = QUEUE.lock();
    loop {
        SUBMITTED.store(false, Ordering::Relaxed);
        queue.under_way = queue.waiting.pop_front();
        let Some(job) = queue.under_way.clone() else {
            if looks && !looked {
                drop(queue);
                look_for_more();
                looked = true;
                queue = QUEUE.lock();
                continue;
            }
            queue.idle = true;
            queue = MORE.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle = false;
            continue;
        };
        drop(queue);
        // The panic's message has been written by the hook.
        let _ = catch_unwind(AssertUnwindSafe(|| job()));
        queue = QUEUE.lock();
        queue.under_way = None;
        drop(queue);
        // What it holds may end with it, which may take any lock.
        drop(job);
        looked = false;
        queue = QUEUE.lock();
    }
}

/// Returns when something was submitted, or after some time.
fn look_for_more() {
    let start = Instant::now();
    while !SUBMITTED.load(Ordering::Relaxed) && start.elapsed() < LOOKING {
        for _ in 0..16 {
            hint::spin_loop();
        }
    }
    for _ in 0..NAPS {
        if SUBMITTED.load(Ordering::Relaxed) {
            return;
        }
        thread::sleep(NAP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn jobs_are_done_one_after_the_other_and_panics_end_only_themselves() {
        let (send, done) = mpsc::channel();
        submit(Arc::new(|| panic!("this job is meant to fail")));
        for n in 0..3 {
            let send = send.clone();
            submit(Arc::new(move || send.send(n).unwrap()));
        }
        assert_eq!([done.recv(), done.recv(), done.recv()], [Ok(0), Ok(1), Ok(2)]);
    }
}
