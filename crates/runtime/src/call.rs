//! Entering compiled code from the host, and leaving it other than by returning.
//!
//! Each entry writes an [`Activation`] on the host's stack and its address on top of its thread's [`Entries`]. A trap
//! goes to the topmost. Who leaves takes it off again: a return and a passing exception or panic by the guard in
//! [`enter`], a `longjmp` not at all, so what it leaves behind is recognised by its place: stacks grow down, so an
//! activation below the stack pointer of an entry, or of a fault, is no more. The addresses lie outside of the stack
//! because nothing can be read from an activation that is no more.
//!
//! Cost: one thread-local access, six pushes and pops, two indirect jumps.
#![allow(unsafe_code, reason = "enters machine code")]

use crate::fatal::{self, Fatal};
use crate::image::Image;
use crate::reclaim::{self, Presence};
use crate::target::Frame;
use crate::{frames, registry, target, traps};
use kiln_ir::trap::TrapKind;
use std::cell::Cell;
use std::mem::offset_of;
use std::ptr;
use std::sync::Arc;

/// Why compiled code stopped, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawTrap {
    /// What happened.
    pub kind: TrapKind,
    /// The address of the machine instruction that faulted; or an address inside the call by which compiled code
    /// raised the trap; 0 if unknown (exits). [`crate::Image::containing`] and [`crate::Image::locate`] tell more.
    pub pc: usize,
    /// For a trap raised by a call (a host function failed): an address inside the call of the function that `pc`
    /// lies in, so that an import's thunk can be told from the function that called it. Else 0.
    pub caller: usize,
}

/// One entry into compiled code, on the stack of the host.
#[repr(C)]
pub(crate) struct Activation {
    /// The stack pointer at which [`target::landing`] continues.
    sp: Cell<usize>,
    trap: Cell<RawTrap>,
}

/// What a thread keeps. `entries[..depth]` are the activations, the innermost last; `room` is their number at most,
/// 0 until the thread is ready for faults.
struct Thread {
    entries: Cell<*mut *const Activation>,
    depth: Cell<usize>,
    room: Cell<usize>,
    /// Tells other threads whether this one is in compiled code; there once `room` is not 0.
    presence: Cell<*const Presence>,
    pending: Cell<Option<TrapKind>>,
}

thread_local! {
    // Constant and without a destructor: a plain load, also in signal handlers.
    static THREAD: Thread = const {
        Thread {
            entries: Cell::new(ptr::null_mut()),
            depth: Cell::new(0),
            room: Cell::new(0),
            presence: Cell::new(ptr::null()),
            pending: Cell::new(None),
        }
    };
    // Frees the list when the thread ends.
    static LIST: List = const { List };
}

/// Calls an adapter: compiled code of C signature `fn(args: *mut u64)`, which loads arguments from words, calls, and
/// stores results to words. Returns when it does, or with the trap that ended it.
///
/// Entries nest: a host function called from compiled code may enter again; a trap ends the innermost entry only.
///
/// # Safety
/// `adapter` is the address of such code, its image and all images it calls are held until this returns, and `args`
/// points to as many words as it reads and writes, with values that its function may be called with. After a trap,
/// no frame that was skipped may matter to anyone: compiled code called by compiled code only.
pub unsafe fn enter(adapter: *const u8, args: *mut u64) -> Result<(), RawTrap> {
    THREAD.with(|thread| {
        let activation = Activation {
            sp: Cell::new(0),
            trap: Cell::new(RawTrap { kind: TrapKind::Unreachable, pc: 0, caller: 0 }),
        };
        // What lies where the new activation does is no more, either.
        let before = thread.live(&raw const activation as usize + size_of::<Activation>());
        if before == thread.room.get() {
            thread.grow(before);
        }
        if before == 0 {
            if thread.depth.get() > 0 {
                thread.jumped_out();
            }
            thread.presence().arrive();
        }
        // SAFETY: `before < room`.
        unsafe { *thread.entries.get().add(before) = &activation };
        thread.depth.set(before + 1);
        let guard = Leave { thread, before };
        // SAFETY: the caller's promise about `adapter` and `args`. `sp` is a place for a word.
        let trapped = unsafe { target::enter(adapter, args, activation.sp.as_ptr()) };
        drop(guard);
        if trapped == 0 { Ok(()) } else { Err(activation.trap.get()) }
    })
}

/// Takes an activation off, also when an exception or a panic passes.
struct Leave<'a> {
    thread: &'a Thread,
    before: usize,
}

impl Drop for Leave<'_> {
    #[inline]
    fn drop(&mut self) {
        self.thread.depth.set(self.before);
        if self.before == 0 && self.thread.presence().depart() {
            self.thread.presence().let_go();
        }
    }
}

/// Tells that the calling thread, which runs a host function called from compiled code, is willing to be looked at:
/// if code was replaced since it entered, what its stack does not mention can be freed. Costs two loads if nothing was
/// replaced; else reads the stack once, from here up to the outermost entry.
///
/// A thread that leaves compiled code from time to time need not call this.
#[inline]
pub fn look_around() {
    THREAD.with(|thread| {
        if thread.depth.get() > 0 && thread.presence().is_behind() {
            thread.renew();
        }
    });
}

/// Notices that the calling thread was taken out of compiled code by a `longjmp`, if it was.
pub(crate) fn notice_outside() {
    THREAD.with(|thread| {
        let here = 0u8;
        if thread.depth.get() > 0 && thread.live(&raw const here as usize) == 0 {
            thread.jumped_out();
        }
    });
}

/// Whether there is room on the stack, below this stack pointer of compiled code, for host code that does a little. Cheap:
/// asks how large the stack is only where much of it is in use.
pub(crate) fn has_room(sp: usize) -> bool {
    const LITTLE: usize = 64 << 10;
    THREAD.with(|thread| {
        if thread.depth.get() > 0 {
            // SAFETY: the first entry is written.
            let outermost = unsafe { *thread.entries.get() } as usize;
            if outermost.wrapping_sub(sp) < LITTLE {
                return true;
            }
        }
        let stack = traps::stack_of_thread();
        !stack.contains(&sp) || sp - stack.start > 2 * LITTLE
    })
}

/// The calling thread's presence; null if it never entered.
pub(crate) fn presence_here() -> *const Presence {
    THREAD.with(|thread| thread.presence.get())
}

impl Thread {
    /// This thread's presence. The thread has room for entries.
    #[inline]
    fn presence(&self) -> &Presence {
        // SAFETY: made by `grow` with the room; it stays until `List` is dropped, which takes the room too.
        unsafe { &*self.presence.get() }
    }

    /// A `longjmp` has taken the thread out of compiled code: it is outside, as if it had returned.
    #[cold]
    fn jumped_out(&self) {
        self.depth.set(0);
        if self.presence().depart() {
            self.presence().let_go();
        }
    }

    /// Holds the images that this thread's stack mentions, and no others that were retired.
    #[cold]
    fn renew(&self) {
        let here = 0u8;
        let low = &raw const here as usize;
        if self.live(low) == 0 {
            return;
        }
        // SAFETY: the first entry is written.
        let high = unsafe { *self.entries.get() } as usize;
        let stack = traps::stack_of_thread();
        if !stack.contains(&low) || !stack.contains(&high) {
            return; // on a stack of somebody else's, whose bounds nobody knows
        }
        let mut inside: Vec<Image> = Vec::new();
        for at in (low.next_multiple_of(8)..high).step_by(8) {
            // SAFETY: an aligned word of this thread's stack in use. It may belong to a variable of a function that
            // waits for this one, so the compiler is not told that it is an ordinary one.
            let word = unsafe { ptr::read_volatile(at as *const usize) };
            if registry::is_code(word) && !inside.iter().any(|image| image.code().contains(&word)) {
                let image = Image::containing(word);
                // What its code refers to.
                inside.extend(image.as_ref().and_then(Image::other));
                inside.extend(image);
            }
        }
        self.presence().renew(inside);
    }

    /// How many activations are alive for code whose stack pointer is `sp`.
    fn live(&self, sp: usize) -> usize {
        let mut depth = self.depth.get();
        // SAFETY: the first `depth` entries are written.
        while depth > 0 && (unsafe { *self.entries.get().add(depth - 1) } as usize) < sp {
            depth -= 1;
        }
        depth
    }

    /// Makes room for more activations than `live`, and the thread ready for faults.
    #[cold]
    fn grow(&self, live: usize) {
        if self.room.get() == 0 {
            traps::prepare_thread();
            self.presence.set(Arc::into_raw(reclaim::join()));
        }
        let mut entries = Vec::with_capacity((live * 2).max(16));
        // SAFETY: the first `live` entries are written. (An empty list has no address.)
        entries.extend((0..live).map(|i| unsafe { *self.entries.get().add(i) }));
        self.free();
        let mut entries = std::mem::ManuallyDrop::new(entries);
        self.entries.set(entries.as_mut_ptr());
        self.room.set(entries.capacity());
        // A thread that is ending cannot be asked to free the list; then the memory stays.
        let _ = LIST.try_with(|_| ());
    }

    fn free(&self) {
        if self.room.get() > 0 {
            // SAFETY: made by `grow` from a vector of this capacity.
            drop(unsafe { Vec::from_raw_parts(self.entries.get(), 0, self.room.get()) });
        }
        self.room.set(0);
    }
}

struct List;

impl Drop for List {
    fn drop(&mut self) {
        THREAD.with(|thread| {
            thread.depth.set(0);
            thread.free();
            let presence = thread.presence.replace(ptr::null());
            if !presence.is_null() {
                // SAFETY: made by `grow` from an `Arc`.
                reclaim::part(&unsafe { Arc::from_raw(presence) });
            }
        });
    }
}

/// Ends the innermost activation of this thread that encloses code whose stack pointer is `sp`, with a trap: gives
/// the stack pointer with which to continue at [`target::landing`]. `None` if no host has entered. For signal handlers.
pub(crate) fn end_activation(sp: usize, trap: RawTrap) -> Option<usize> {
    // An entry's stack pointer lies just below its activation.
    const NEAR: usize = 4096;
    THREAD.with(|thread| {
        let mut depth = thread.live(sp);
        while depth > 0 {
            // SAFETY: the first `depth` entries are written, and lie above the stack pointer: readable stack.
            let (at, activation) = unsafe {
                let at = *thread.entries.get().add(depth - 1);
                (at as usize, &*at)
            };
            let landing = activation.sp.get();
            if (sp..at).contains(&landing) && at - landing < NEAR {
                thread.depth.set(depth);
                activation.trap.set(trap);
                return Some(landing);
            }
            // Left by a `longjmp`, and written over since by frames of code that was called later.
            depth -= 1;
        }
        None
    })
}

/// Sets the kind of the trap that the next call of [`raise_address`]'s routine on this thread raises.
pub fn set_pending_trap(kind: TrapKind) {
    THREAD.with(|thread| thread.pending.set(Some(kind)));
}

/// The address of a routine for import thunks: compiled code calls it, with no arguments, when the host function
/// behind the thunk has failed (and returned). It ends the innermost activation with the kind of
/// [`set_pending_trap`], or else `Host`, and does not return.
pub fn raise_address() -> *const u8 {
    target::raise as *const u8
}

/// Called by [`target::raise`]: `sp` points to its return address, `fp` is the frame pointer.
pub(crate) extern "C" fn record_raise(sp: *const usize, fp: usize) -> usize {
    let kind = THREAD.with(|thread| thread.pending.take()).unwrap_or(TrapKind::Host);
    // SAFETY: the routine was called, so its return address lies there.
    let pc = unsafe { *sp } - 1;
    let frame = Frame { pc, sp: sp as usize + 8, fp, scratch: 0 };
    // SAFETY: the frame that called the routine.
    let caller = unsafe { frames::caller(&frame) }.map_or(0, |caller| caller.pc);
    end(&frame, RawTrap { kind, pc, caller })
}

/// Ends the innermost activation of this thread with a trap that happened in a frame: gives the stack pointer with which
/// to continue at [`target::landing`]. If frames of C or Rust lie between, or no host has entered, the process ends. For
/// signal handlers too.
pub(crate) fn end(at: &Frame, trap: RawTrap) -> usize {
    match end_activation(at.sp, trap) {
        // SAFETY: the frame is where the thread is, and the activation encloses it.
        Some(landing) if unsafe { frames::only_compiled(*at, landing) } => landing,
        Some(_) => fatal::end(&trap, Fatal::NativeBetween),
        None => fatal::end(&trap, Fatal::NotEntered),
    }
}

/// The same, but does nothing where the process would end.
pub(crate) fn try_end(at: &Frame, trap: RawTrap) -> Option<usize> {
    let landing = end_activation(at.sp, trap)?;
    // SAFETY: the frame is where the thread is, and the activation encloses it.
    unsafe { frames::only_compiled(*at, landing) }.then_some(landing)
}

// The trampoline writes the stack pointer through a pointer to the first field.
const _: () = assert!(offset_of!(Activation, sp) == 0);
