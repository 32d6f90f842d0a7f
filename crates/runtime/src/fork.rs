//! Locks that hold across a `fork`, so that a child never finds one taken by a thread that it does not have.
//!
//! Before the process is copied, the forking thread takes every such lock, in the order in which they nest; after it
//! both processes let them go. So what a lock guards is whole in the child, too.
#![allow(unsafe_code, reason = "guards that one handler keeps and another drops")]

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// The ranks of this crate's locks. Users' locks, which are held while they link, have lower ones.
pub(crate) mod ranks {
    /// Nothing is taken under this.
    pub const BACKGROUND: u8 = 90;
    pub const LIBRARIES: u8 = 100;
    pub const RECLAIM: u8 = 105;
    pub const ARENA: u8 = 110;
    pub const REGISTRY: u8 = 120;
    pub const TOLD: u8 = 130;
    pub const UNWINDER: u8 = 140;
    /// Nothing is taken under these.
    pub const OBJECTS: u8 = 150;
}

/// A mutex that is taken around forks. Panics do not poison it: what it guards is whole between any two steps.
pub struct ForkMutex<T: 'static> {
    /// A thread that holds a lock takes only locks of a higher rank.
    rank: u8,
    known: AtomicBool,
    lock: Mutex<T>,
    /// The guard of the thread that is forking.
    held: UnsafeCell<Option<MutexGuard<'static, T>>>,
}

// SAFETY: as a mutex is; the cell is empty save during a fork, when the lock does not move.
unsafe impl<T: Send> Send for ForkMutex<T> {}
// SAFETY: only the thread that holds the lock touches the cell, so the lock guards the cell too.
unsafe impl<T: Send> Sync for ForkMutex<T> {}

impl<T: Send> ForkMutex<T> {
    /// A lock that is taken by threads which hold locks of lower ranks, or none.
    pub const fn new(rank: u8, value: T) -> ForkMutex<T> {
        ForkMutex {
            rank,
            known: AtomicBool::new(false),
            lock: Mutex::new(value),
            held: UnsafeCell::new(None),
        }
    }

    /// Takes the lock.
    pub fn lock(&'static self) -> MutexGuard<'static, T> {
        self.make_known();
        self.lock_unknown()
    }

    /// Makes it one that forks respect. Not for a thread that holds it.
    pub(crate) fn make_known(&'static self) {
        if !self.known.load(Ordering::Acquire) {
            know(self, &self.known);
        }
    }

    /// Takes the lock, known or not: those of tests do not live for ever.
    pub(crate) fn lock_unknown(&self) -> MutexGuard<'_, T> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mutex in an object that comes and goes, one of many. Whoever takes it also takes one of a few locks that stay, so it
/// is free during forks. Takes no other lock, of this kind neither, while he holds it.
#[derive(Debug, Default)]
pub struct ObjectMutex<T>(Mutex<T>);

/// An [`ObjectMutex`] that is taken.
pub struct ObjectGuard<'m, T> {
    // Let go of in this order.
    own: MutexGuard<'m, T>,
    _staying: MutexGuard<'static, ()>,
}

impl<T> ObjectMutex<T> {
    /// A lock of this content.
    pub const fn new(value: T) -> ObjectMutex<T> {
        ObjectMutex(Mutex::new(value))
    }

    /// Takes the lock.
    pub fn lock(&self) -> ObjectGuard<'_, T> {
        /// So many that threads which use different objects seldom wait for each other.
        const COUNT: usize = 64;
        static STAYING: [ForkMutex<()>; COUNT] = [const { ForkMutex::new(ranks::OBJECTS, ()) }; COUNT];
        // Objects of one kind lie at addresses that differ in the middle bits.
        let address = &raw const *self as usize;
        let staying = STAYING[(address >> 4 ^ address >> 10) % COUNT].lock();
        ObjectGuard { own: self.0.lock().unwrap_or_else(PoisonError::into_inner), _staying: staying }
    }
}

impl<T> Deref for ObjectGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.own
    }
}

impl<T> DerefMut for ObjectGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.own
    }
}

/// A lock of any content, as forks see it.
trait Held: Sync {
    fn rank(&self) -> u8;
    /// Takes the lock and keeps it.
    fn hold(&'static self);
    /// Lets it go. Only for the thread that holds it.
    fn let_go(&'static self);
}

impl<T: Send> Held for ForkMutex<T> {
    fn rank(&self) -> u8 {
        self.rank
    }

    fn hold(&'static self) {
        let guard = self.lock_unknown();
        // SAFETY: this thread holds the lock now.
        unsafe { *self.held.get() = Some(guard) };
    }

    fn let_go(&'static self) {
        // SAFETY: this thread holds the lock since `hold`.
        drop(unsafe { (*self.held.get()).take() });
    }
}

/// The locks that were ever taken, by rank.
static KNOWN: Mutex<Vec<&'static dyn Held>> = Mutex::new(Vec::new());

fn known() -> MutexGuard<'static, Vec<&'static dyn Held>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a lock one that forks respect.
fn know(lock: &'static dyn Held, is_known: &AtomicBool) {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| at_fork(prepare, parent, child));
    let mut known = known();
    if !is_known.swap(true, Ordering::AcqRel) {
        let at = known.partition_point(|other| other.rank() <= lock.rank());
        known.insert(at, lock);
    }
}

/// How many forks this process, and those it comes from, made since the first lock was taken.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// How many forks this process has seen, from either side. Changes only while every lock is held.
pub(crate) fn count() -> usize {
    FORKS.load(Ordering::Relaxed)
}

/// The locks held for the fork that is under way. Guarded by the lock of [`KNOWN`], which is held too.
struct UnderWay(UnsafeCell<Option<MutexGuard<'static, Vec<&'static dyn Held>>>>);

// SAFETY: only the thread that holds `KNOWN` touches the cell.
unsafe impl Sync for UnderWay {}

static UNDER_WAY: UnderWay = UnderWay(UnsafeCell::new(None));

extern "C" fn prepare() {
    loop {
        // Not held while waiting: a thread that has one of these locks may be about to make another one known.
        let locks = known().clone();
        locks.iter().for_each(|lock| lock.hold());
        let now = known();
        if now.len() == locks.len() {
            FORKS.fetch_add(1, Ordering::Relaxed);
            // SAFETY: this thread holds `KNOWN` now.
            unsafe { *UNDER_WAY.0.get() = Some(now) };
            return;
        }
        drop(now);
        locks.iter().rev().for_each(|lock| lock.let_go());
    }
}

extern "C" fn parent() {
    // SAFETY: this thread has held `KNOWN` since `prepare`.
    if let Some(locks) = unsafe { (*UNDER_WAY.0.get()).take() } {
        locks.iter().rev().for_each(|lock| lock.let_go());
    }
}

extern "C" fn child() {
    crate::registry::only_thread();
    parent();
    crate::reclaim::only_thread();
    crate::background::only_thread();
}

/// Calls functions around each `fork` of the C library. They live as long as the process.
fn at_fork(prepare: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) {
    type Handler = Option<extern "C" fn()>;
    unsafe extern "C" {
        fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int;
    }
    // SAFETY: plain functions that live as long as the process. Failure means no memory for a list entry.
    let result = unsafe { pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    assert_eq!(result, 0, "no memory to register fork handlers");
}
