//! Faults in compiled code to traps.
//!
//! The handlers run on a stack of their own, take no lock and allocate nothing. A fault is ours if the interrupted
//! instruction lies in an image and accessed memory or stands in the table of trap sites; then the interrupted
//! code continues in the landing of the entry it is enclosed by, so that the kernel restores signal mask and handler
//! stack as for any handler. If there is none, or native code lies between, the process ends with a report. All else goes
//! to the handler that was there before.
#![allow(unsafe_code, reason = "signal handlers")]

use crate::call::{self, RawTrap};
use crate::registry;
use crate::routines;
use crate::target::{self, Context, Frame};
use kiln_codegen::code::FaultCause;
use kiln_ir::trap::TrapKind;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];

/// What was installed for each of [`SIGNALS`] before. Never freed; null until our handler is there.
static BEFORE: [AtomicPtr<libc::sigaction>; 4] = [const { AtomicPtr::new(ptr::null_mut()) }; 4];

/// Installs the handlers, once.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
            let mut old = MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: `old` is a place to write. It is stored before our handler can run.
            let old = unsafe {
                libc::sigaction(signal, ptr::null(), old.as_mut_ptr());
                old.assume_init()
            };
            before.store(Box::into_raw(Box::new(old)), Ordering::SeqCst);
            // SAFETY: zeros are a valid value of this structure.
            let mut new: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
            new.sa_sigaction = handle as *const () as usize;
            new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: a handler of the type that the flags name, which only does what handlers may.
            unsafe {
                libc::sigemptyset(&mut new.sa_mask);
                libc::sigaction(signal, &new, ptr::null_mut());
            }
        }
    });
}

extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: what the kernel passes to a handler with SA_SIGINFO; the only `Context` here.
    let mut interrupted = unsafe { Context::of(context) };
    // SAFETY: as above. Codes above 0 come from the kernel: the fault really happened here.
    let code = unsafe { (*info).si_code };
    if code > 0
        && let Some((frame, trap)) = trap_of(signal, code, info, &interrupted)
    {
        let sp = call::end(&frame, trap);
        interrupted.resume(target::landing as *const () as usize, sp);
        return;
    }
    pass_on(signal, info, context);
}

/// What a fault means as a trap, if it happened in compiled code, and the frame of that code.
fn trap_of(signal: c_int, code: c_int, info: *mut libc::siginfo_t, at: &Context) -> Option<(Frame, RawTrap)> {
    let memory = matches!(signal, libc::SIGSEGV | libc::SIGBUS);
    // SAFETY: the address is valid for signals about memory.
    let address = if memory { unsafe { (*info).si_addr() as usize } } else { 0 };
    // For an address that is none (not canonical), the processor reports no address.
    let known = (code != libc::SI_KERNEL).then_some(address as u64);
    let pc = at.pc();
    if !registry::is_code(pc) {
        if memory && let Some(caller) = routines::running() {
            let kind = TrapKind::BadAccess(known);
            return Some((caller, RawTrap { kind, pc: caller.pc, caller: 0 }));
        }
        return wild_call(memory && (known.is_none() || address == pc), known, at);
    }
    // SAFETY: the code at `pc` is running on this thread, so its image is held.
    let (site, frame) = unsafe { registry::find(pc, |record| (record.trap_at(pc), record.frame_at(pc))) }?;
    // Nothing else is unmapped between a little below the stack pointer (a push, a call) and the frame's end.
    let frame_len = frame.map_or(0, |(_, frame)| frame.size as usize + 128);
    let own_stack = at.sp().saturating_sub(256)..at.sp() + frame_len;
    let kind = match site.map(|site| site.cause) {
        _ if memory && known.is_some() && own_stack.contains(&address) => TrapKind::StackOverflow,
        Some(FaultCause::StackProbe) if memory => TrapKind::StackOverflow,
        Some(FaultCause::Division { divisor, wide }) if signal == libc::SIGFPE => {
            let value = at.register(divisor);
            let zero = if wide { value == 0 } else { value as u32 == 0 };
            if zero { TrapKind::DivideByZero } else { TrapKind::IntegerOverflow }
        }
        Some(FaultCause::Trap(kind)) if signal == libc::SIGILL => kind,
        // Any instruction may access memory, so those that do are not listed.
        Some(_) | None if memory => TrapKind::BadAccess(known),
        // A fault that the compiler did not foresee: not ours to explain.
        Some(_) | None => return None,
    };
    // A stub has no function: the one that called it says more.
    let caller = match frame {
        Some(_) => 0,
        // SAFETY: stubs leave the stack as the call made it.
        None => unsafe { at.return_address() }.wrapping_sub(1),
    };
    Some((at.frame(), RawTrap { kind, pc, caller }))
}

/// Compiled code called an address where no code is: the fault is at that address, and the return address tells.
fn wild_call(fetch: bool, address: Option<u64>, at: &Context) -> Option<(Frame, RawTrap)> {
    if !fetch || !at.sp().is_multiple_of(8) {
        return None;
    }
    // SAFETY: the stack pointer of running code; were the stack exhausted, the call itself had faulted.
    let caller = unsafe { at.return_address() }.wrapping_sub(1);
    // SAFETY: if the return address is code, it is that of a frame of this thread, whose image is held.
    let inside = unsafe { registry::find(caller, |_| ()) }.is_some();
    let frame = Frame { pc: caller, sp: at.sp() + 8, ..at.frame() };
    inside.then_some((frame, RawTrap { kind: TrapKind::BadAccess(address), pc: caller, caller: 0 }))
}

/// Does what would have happened without us.
fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let index = SIGNALS.iter().position(|known| *known == signal).unwrap_or(0);
    // SAFETY: stored before our handler was installed, and never freed.
    let before = unsafe { &*BEFORE[index].load(Ordering::SeqCst) };
    // SAFETY: reads what the kernel passed.
    let sent = unsafe { (*info).si_code } <= 0;
    match before.sa_sigaction {
        libc::SIG_IGN if sent => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: restores the default action; async-signal-safe calls. A fault happens again on return and
            // then ends the process as it would have; a sent signal is sent again.
            unsafe {
                let mut default: libc::sigaction = MaybeUninit::zeroed().assume_init();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &default, ptr::null_mut());
                if sent {
                    libc::raise(signal);
                }
            }
        }
        handler => {
            if before.sa_flags & libc::SA_NODEFER != 0 {
                // SAFETY: the earlier handler asked to be interruptible by its own signal.
                unsafe {
                    let mut set: libc::sigset_t = MaybeUninit::zeroed().assume_init();
                    libc::sigemptyset(&mut set);
                    libc::sigaddset(&mut set, signal);
                    libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, ptr::null_mut());
                }
            }
            if before.sa_flags & libc::SA_SIGINFO != 0 {
                type Full = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
                // SAFETY: the flags say that the handler has this type.
                let handler = unsafe { std::mem::transmute::<usize, Full>(handler) };
                handler(signal, info, context);
            } else {
                // SAFETY: the flags say that the handler has this type.
                let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(handler) };
                handler(signal);
            }
        }
    }
}

/// A thread's stack for signal handlers, unmapped when the thread ends.
struct HandlerStack {
    at: Cell<*mut c_void>,
}

const HANDLER_STACK: usize = 64 << 10;

impl Drop for HandlerStack {
    fn drop(&mut self) {
        let at = self.at.get();
        if at.is_null() {
            return;
        }
        // SAFETY: takes the stack out of use if it is the current one, then unmaps it; no handler is running on it.
        unsafe {
            let mut current: libc::stack_t = MaybeUninit::zeroed().assume_init();
            libc::sigaltstack(ptr::null(), &mut current);
            if current.ss_sp == at {
                current.ss_flags = libc::SS_DISABLE;
                libc::sigaltstack(&current, ptr::null_mut());
            }
            libc::munmap(at, HANDLER_STACK);
        }
    }
}

thread_local! {
    static HANDLER_STACK_HERE: HandlerStack = const { HandlerStack { at: Cell::new(ptr::null_mut()) } };
}

/// Gives this thread a stack for signal handlers, unless it has one that is big enough.
pub(crate) fn prepare_thread() {
    const ENOUGH: usize = 32 << 10;
    // SAFETY: asks for the current stack; then maps new memory and makes it the current one.
    unsafe {
        let mut current: libc::stack_t = MaybeUninit::zeroed().assume_init();
        libc::sigaltstack(ptr::null(), &mut current);
        if current.ss_flags & libc::SS_DISABLE == 0 && current.ss_size >= ENOUGH {
            return;
        }
        let at = libc::mmap(
            ptr::null_mut(),
            HANDLER_STACK,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        );
        if at == libc::MAP_FAILED {
            // Without it only a stack overflow is fatal; all other traps work on the thread's stack.
            return;
        }
        let stack = libc::stack_t { ss_sp: at, ss_flags: 0, ss_size: HANDLER_STACK };
        libc::sigaltstack(&stack, ptr::null_mut());
        // A thread that is ending has no room to remember it; then the memory stays mapped.
        let _ = HANDLER_STACK_HERE.try_with(|here| here.at.set(at));
    }
}

/// The addresses of the calling thread's stack; empty if the system does not say.
pub(crate) fn stack_of_thread() -> Range<usize> {
    thread_local! {
        // Asking takes long on a process's first thread.
        static STACK: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    }
    let (mut start, mut end) = STACK.get();
    if end == 0 {
        // SAFETY: asks about the calling thread; the structure is destroyed after its use.
        unsafe {
            let mut attributes: libc::pthread_attr_t = MaybeUninit::zeroed().assume_init();
            if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) == 0 {
                let (mut at, mut len) = (ptr::null_mut(), 0);
                libc::pthread_attr_getstack(&attributes, &mut at, &mut len);
                libc::pthread_attr_destroy(&mut attributes);
                (start, end) = (at as usize, at as usize + len);
                STACK.set((start, end));
            }
        }
    }
    start..end
}
