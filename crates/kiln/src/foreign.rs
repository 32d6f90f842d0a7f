//! Faults in native code that a program called: not traps, since skipping frames of C is not safe, but a process that is
//! about to end for one can say which call it was.
//!
//! The runtime's handlers pass on faults that are not in compiled code to the handlers installed before them; those
//! installed here look at the frames of the faulting thread for the innermost one of a program.

use crate::trap::Trap;
use kiln_ir::trap::TrapKind;
use kiln_ir::verify::Checked;
use kiln_runtime::Image;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

/// Room for the handler: it unwinds, and the report writes messages.
const STACK: usize = 1 << 20;
/// Frames looked at.
const MOST_FRAMES: usize = 10_000;
/// Seconds after which a report that got stuck in broken state is ended.
const PATIENCE: u32 = 5;

type Report = Box<dyn Fn(&Trap) + Send + Sync>;

static REPORT: OnceLock<Report> = OnceLock::new();

unsafe extern "C" {
    // Of the unwinder that Rust's own panics use.
    fn _Unwind_Backtrace(
        visit: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(frame: *mut c_void) -> usize;
}

/// Has a fault in native code that a program called on the calling thread reported before the process ends. The
/// report is called on the way to the end, in the state of whatever faulted; it should write its message and end the
/// process. If it returns, or no program is involved, the process ends by the signal.
///
/// Call it before the first program is loaded. Only the first call has an effect.
pub fn on_foreign_fault(report: impl Fn(&Trap) + Send + Sync + 'static) {
    if REPORT.set(Box::new(report)).is_err() {
        return;
    }
    // SAFETY: a new stack for this thread's handlers, never unmapped; then handlers of the type that the flags
    // name, for signals that end the process otherwise.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let stack = libc::mmap(ptr::null_mut(), STACK, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        if stack == libc::MAP_FAILED {
            return;
        }
        let stack = libc::stack_t { ss_sp: stack, ss_flags: 0, ss_size: STACK };
        libc::sigaltstack(&stack, ptr::null_mut());
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handle as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&mut action.sa_mask);
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL] {
            libc::sigaction(signal, &action, ptr::null_mut());
        }
    }
}

/// Has a trap that ends the process reported; gives whether somebody wanted to report it and came back.
pub(crate) fn report_trap(trap: &Trap) -> bool {
    let Some(report) = REPORT.get() else { return false };
    // SAFETY: no precondition.
    unsafe { libc::alarm(PATIENCE) };
    report(trap);
    true
}

extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the default action; the fault happens again on return and ends the process.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    let mut found = Found { frames: 0, program: false, trap: None };
    // SAFETY: the callback is of the type asked for and gets the argument it expects.
    unsafe { _Unwind_Backtrace(visit, (&raw mut found).cast()) };
    let Some(report) = REPORT.get().filter(|_| found.program) else { return };
    // SAFETY: the address is valid for signals about memory, and the kernel passes valid information.
    let address = unsafe { (*info).si_addr() as u64 };
    let (kind, what) = match signal {
        libc::SIGSEGV | libc::SIGBUS => {
            (TrapKind::BadAccess(Some(address)), format!("bad memory access at {address:#x}"))
        }
        libc::SIGFPE => (TrapKind::DivideByZero, "arithmetic fault".to_owned()),
        _ => (TrapKind::Unreachable, "illegal instruction".to_owned()),
    };
    let mut trap = Trap::with_message(kind, format!("{what} in native code that the program called"));
    if let Some((module, func, inst)) = &found.trap {
        trap = trap.at(module, *func, *inst);
    }
    // SAFETY: no precondition.
    unsafe { libc::alarm(PATIENCE) };
    report(&trap);
}

struct Found {
    frames: usize,
    /// Whether any frame is of code that Kiln made.
    program: bool,
    /// The innermost frame of a program.
    trap: Option<(std::sync::Arc<Checked>, kiln_ir::FuncId, Option<kiln_ir::Inst>)>,
}

/// Looks at one frame; gives 0 to see the next.
unsafe extern "C" fn visit(frame: *mut c_void, found: *mut c_void) -> c_int {
    // SAFETY: the argument given to the unwinder, and the frame it is at.
    let (found, pc) = unsafe { (&mut *found.cast::<Found>(), _Unwind_GetIP(frame).wrapping_sub(1)) };
    found.frames += 1;
    if let Some(image) = Image::containing(pc) {
        found.program = true;
        if let Some(module) = image.attachment().and_then(|any| any.clone().downcast::<Checked>().ok())
            && let Some((func, inst)) = image.place_of(pc)
        {
            found.trap = Some((module, func, inst));
            return 1;
        }
    }
    c_int::from(found.frames > MOST_FRAMES)
}
