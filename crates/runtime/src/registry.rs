//! From an address to the image whose code is there, readable from signal handlers.
//!
//! A table has one list per page of the code region. Writers change lists under a lock; readers take none: they walk
//! a list of nodes that are never freed while any reader is at work ([`READERS`]). A big image costs one node per
//! page, a small one or two in all. A reader that finds nothing has met no image; a reader that finds one is the
//! thread that runs in it, or holds it, so that the image stays.
#![allow(unsafe_code, reason = "lock-free lists read from signal handlers")]

use crate::fork::{ForkMutex, ranks};
use crate::image::Record;
use crate::memory::{Memory, PAGE};
use std::ops::Range;
use std::ptr;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};

struct Node {
    /// The image's code.
    code: Range<usize>,
    record: *const Record,
    next: AtomicPtr<Node>,
}

/// The table, null until the first image: one list head for each page.
static HEADS: AtomicPtr<AtomicPtr<Node>> = AtomicPtr::new(ptr::null_mut());
/// Where the code region starts; and its length, 0 until the table is there.
static START: AtomicUsize = AtomicUsize::new(0);
static LEN: AtomicUsize = AtomicUsize::new(0);
/// How many readers are walking lists now.
static READERS: AtomicUsize = AtomicUsize::new(0);
/// Held by writers; inside are nodes that are no longer in a list but may be seen by a reader yet.
static WRITER: ForkMutex<Retired> = ForkMutex::new(ranks::REGISTRY, Retired(Vec::new()));

struct Retired(Vec<*mut Node>);

// SAFETY: the pointers are owned by the list, and nodes hold no thread's state.
unsafe impl Send for Retired {}

impl Retired {
    /// Frees what no reader can see. Nodes here were unlinked before: a reader that starts now cannot find them.
    fn sweep(&mut self) {
        if READERS.load(SeqCst) == 0 {
            for node in self.0.drain(..) {
                // SAFETY: made by `Box::into_raw`, unlinked, and no reader was at work after that.
                drop(unsafe { Box::from_raw(node) });
            }
        }
    }
}

fn lock() -> MutexGuard<'static, Retired> {
    WRITER.lock()
}

/// The heads of the pages that a range of code touches. The table exists.
fn heads(code: &Range<usize>) -> &'static [AtomicPtr<Node>] {
    let (start, len) = (START.load(SeqCst), LEN.load(SeqCst));
    // SAFETY: the table has `len / PAGE` heads and is never freed.
    let table = unsafe { std::slice::from_raw_parts(HEADS.load(SeqCst), len / PAGE) };
    &table[(code.start - start) / PAGE..(code.end - start).div_ceil(PAGE)]
}

/// Makes an image known.
///
/// # Safety
/// `record` stays where it is until [`remove`] was called for it.
pub(crate) unsafe fn insert(memory: &Memory, code: Range<usize>, record: *const Record) {
    let mut retired = lock();
    retired.sweep();
    if LEN.load(SeqCst) == 0 {
        let region = memory.code();
        // Zeroed memory comes untouched from the system, where a list of null pointers would be written one by one.
        let table: &'static mut [usize] = Vec::leak(vec![0usize; region.len() / PAGE]);
        START.store(region.start, SeqCst);
        HEADS.store(table.as_mut_ptr().cast(), SeqCst);
        LEN.store(region.len(), SeqCst);
    }
    for head in heads(&code) {
        let next = AtomicPtr::new(head.load(SeqCst));
        head.store(Box::into_raw(Box::new(Node { code: code.clone(), record, next })), SeqCst);
    }
}

/// Makes an image unknown.
pub(crate) fn remove(code: Range<usize>, record: *const Record) {
    let mut retired = lock();
    for head in heads(&code) {
        let mut link = head;
        loop {
            let node = link.load(SeqCst);
            if node.is_null() {
                break;
            }
            // SAFETY: nodes in a list are alive, and lists change only under the lock held here.
            let this = unsafe { &*node };
            if ptr::eq(this.record, record) {
                link.store(this.next.load(SeqCst), SeqCst);
                retired.0.push(node);
                break;
            }
            link = &this.next;
        }
    }
    retired.sweep();
}

/// Whether an address is in the region where code lies. Takes no lock; for signal handlers.
pub(crate) fn is_code(pc: usize) -> bool {
    pc.wrapping_sub(START.load(SeqCst)) < LEN.load(SeqCst)
}

/// Calls `found` with the record of the image whose code is at `pc`. Takes no lock and allocates nothing; for
/// signal handlers.
///
/// # Safety
/// The image at `pc`, if any, is not dropped meanwhile: the calling thread runs in it or holds it.
pub(crate) unsafe fn find<R>(pc: usize, found: impl FnOnce(&Record) -> R) -> Option<R> {
    if !is_code(pc) {
        return None;
    }
    READERS.fetch_add(1, SeqCst);
    let mut node = heads(&(pc..pc + 1))[0].load(SeqCst);
    let mut record = ptr::null::<Record>();
    while !node.is_null() {
        // SAFETY: nodes are not freed while `READERS` is not 0.
        let this = unsafe { &*node };
        if this.code.contains(&pc) {
            record = this.record;
            break;
        }
        node = this.next.load(SeqCst);
    }
    READERS.fetch_sub(1, SeqCst);
    // SAFETY: the caller's promise: the image stays, so its record does.
    unsafe { record.as_ref() }.map(found)
}

/// Calls `found` with the record of the image whose code is at `pc`, if any. Takes the writers' lock, so that the
/// image cannot go meanwhile: not for signal handlers, and `found` must not drop an image.
pub(crate) fn find_locked<R>(pc: usize, found: impl FnOnce(&Record) -> R) -> Option<R> {
    let guard = lock();
    // SAFETY: an image is removed, under the lock held here, before its record goes.
    let result = unsafe { find(pc, found) };
    drop(guard);
    result
}

/// After a fork, in the child: threads that were reading do not exist here.
pub(crate) fn only_thread() {
    READERS.store(0, SeqCst);
}
