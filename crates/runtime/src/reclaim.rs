//! Giving back code that has been replaced, once nobody can be inside.
//!
//! Each thread that enters compiled code has a [`Presence`]: the *epoch* at which it last came in from outside, or
//! [`OUTSIDE`]. An image that nothing leads to any more is retired: it goes to the limbo list under the present epoch,
//! and a new epoch begins. Threads that came in later cannot be inside it. So it is freed when each thread is outside
//! or came in later, by the thread that finds that out: the last to leave, or the next to retire something.
//!
//! Coming in and leaving are plain stores to a line of the thread's own. That a thread's store and its next load may
//! pass each other is made up for on the other side, where `membarrier` runs a full barrier on every thread
//! of the process ([`barrier_everywhere`]): a thread whose coming was not seen after the barrier looks at the slots
//! after it, and finds what was stored before it.
//!
//! A thread that stays inside for long, a program's main loop say, would keep everything that is replaced meanwhile.
//! So a thread that calls a host function asks whether something was retired ([`look_around`]); if so it holds the
//! images whose code its stack mentions, and counts as having come in anew.

use crate::fork::{ForkMutex, ranks};
use crate::image::Image;
use crate::memory::barrier_everywhere;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering, compiler_fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Instead of an epoch: the thread is not in compiled code.
const OUTSIDE: u64 = u64::MAX;

/// Counts retirements.
static EPOCH: AtomicU64 = AtomicU64::new(0);

static STATE: ForkMutex<State> =
    ForkMutex::new(ranks::RECLAIM, State { threads: Vec::new(), limbo: VecDeque::new() });

/// Where a thread is. On a cache line of its own, which only that thread writes.
#[repr(align(64))]
pub(crate) struct Presence {
    /// What the thread cannot be inside was retired before this epoch.
    since: AtomicU64,
    /// The epoch at which it came in.
    came: AtomicU64,
    /// What the thread may be inside although it came in later.
    held: Mutex<Vec<Image>>,
}

/// Who is there and what waits. The lock also orders changes of slots.
pub(crate) struct State {
    threads: Vec<Arc<Presence>>,
    /// What was retired, with its epochs, which ascend.
    limbo: VecDeque<(u64, Image)>,
}

impl Presence {
    /// The thread comes in from outside.
    #[inline]
    pub(crate) fn arrive(&self) {
        let epoch = EPOCH.load(Ordering::Acquire);
        self.came.store(epoch, Ordering::Relaxed);
        self.since.store(epoch, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    }

    /// The thread leaves for outside. Gives whether something was retired since it came in: then there is
    /// [something to do](Self::let_go).
    #[inline]
    #[must_use]
    pub(crate) fn depart(&self) -> bool {
        self.since.store(OUTSIDE, Ordering::Release);
        compiler_fence(Ordering::SeqCst);
        // Loaded after the store: who retires either sees this thread outside or is seen here.
        EPOCH.load(Ordering::Relaxed) != self.came.load(Ordering::Relaxed)
    }

    /// Whether something was retired since the thread came in or was renewed.
    #[inline]
    pub(crate) fn is_behind(&self) -> bool {
        EPOCH.load(Ordering::Acquire) != self.since.load(Ordering::Relaxed)
    }

    /// Has the thread count as having come in now, but for these images.
    pub(crate) fn renew(&self, inside: Vec<Image>) {
        let before = std::mem::replace(&mut *self.held(), inside);
        // The images are held before anybody can see the new epoch.
        self.since.store(EPOCH.load(Ordering::Acquire), Ordering::Release);
        drop(before);
    }

    /// The thread is outside, or will never leave: holds nothing, and frees what waited for it.
    #[cold]
    pub(crate) fn let_go(&self) {
        drop(std::mem::take(&mut *self.held()));
        sweep();
    }

    fn held(&self) -> MutexGuard<'_, Vec<Image>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lock that orders changes of slots. Images must not be dropped under it.
pub(crate) fn lock() -> MutexGuard<'static, State> {
    STATE.lock()
}

/// Makes the calling thread known. It is outside.
pub(crate) fn join() -> Arc<Presence> {
    let presence = Arc::new(Presence {
        since: AtomicU64::new(OUTSIDE),
        came: AtomicU64::new(0),
        held: Mutex::default(),
    });
    lock().threads.push(presence.clone());
    presence
}

/// Forgets a thread that ends.
pub(crate) fn part(presence: &Arc<Presence>) {
    lock().threads.retain(|thread| !Arc::ptr_eq(thread, presence));
    presence.let_go();
}

impl State {
    /// Puts an image in limbo. The slot that led to it leads elsewhere already.
    pub(crate) fn retire(&mut self, image: Image) {
        let epoch = EPOCH.fetch_add(1, Ordering::SeqCst);
        self.limbo.push_back((epoch, image));
        barrier_everywhere();
    }

    /// Takes out of limbo what nobody can be inside. To be dropped without the lock.
    fn free(&mut self) -> Vec<Image> {
        let since = self.threads.iter().map(|thread| thread.since.load(Ordering::Acquire));
        let oldest = since.min().unwrap_or(OUTSIDE);
        let count = self.limbo.iter().take_while(|(epoch, _)| *epoch < oldest).count();
        self.limbo.drain(..count).map(|(_, image)| image).collect()
    }
}

/// Frees what nobody can be inside any more.
pub(crate) fn sweep() {
    let free = lock().free();
    drop(free);
}

/// After a fork, in the child: only the calling thread exists.
pub(crate) fn only_thread() {
    let here = crate::call::presence_here();
    for thread in lock().threads.iter().filter(|thread| Arc::as_ptr(thread) != here) {
        // What it held is not given back: nobody else would let go of it.
        thread.since.store(OUTSIDE, Ordering::Release);
    }
}

/// How many replaced images wait for threads that may be inside.
pub fn images_in_limbo() -> usize {
    lock().limbo.len()
}
