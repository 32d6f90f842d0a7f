//! Running a program as the work of the whole process, as the command does: its `main`, its output, its exit.

use crate::error::FunctionError;
pub use crate::foreign::on_foreign_fault;
use crate::function::Function;
use crate::program::Program;
use crate::trap::Trap;
use kiln_ir::TrapKind;
use kiln_runtime::{ProcessSymbols, Symbols};
use std::ffi::{CStr, CString, c_char};

/// A program's `main`, in either of its forms.
#[derive(Clone, Debug)]
pub enum Main {
    /// `fn() -> i32`
    Plain(Function<fn() -> i32>),
    /// `fn(argc: i32, argv: ptr) -> i32`
    Arguments(Function<fn(i32, *mut *const c_char) -> i32>),
}

impl Main {
    /// Finds `main`.
    ///
    /// # Errors
    /// The program exports none, or one of another form.
    pub fn find(program: &Program) -> Result<Main, FunctionError> {
        match program.function("main") {
            Ok(main) => Ok(Main::Arguments(main)),
            Err(wrong @ FunctionError::Signature { .. }) => {
                program.function("main").map(Main::Plain).map_err(|_| wrong)
            }
            Err(missing) => Err(missing),
        }
    }

    /// Runs it with the rights of the process, as if the process were the program: that is the caller's decision,
    /// as it is with any program that is started. The first argument is by custom the program's name.
    ///
    /// # Errors
    /// Why it ended before it returned.
    pub fn run(&self, arguments: &[CString]) -> Result<i32, Trap> {
        let mut argv: Vec<*const c_char> = arguments.iter().map(|a: &CString| CStr::as_ptr(a)).collect();
        let argc = argv.len() as i32;
        argv.push(std::ptr::null());
        // SAFETY: the arguments are as C's `main` expects them and outlive the call; that the program behaves is
        // what starting it asks of whoever does.
        unsafe {
            match self {
                Main::Plain(main) => main.call(),
                Main::Arguments(main) => main.call(argc, argv.as_mut_ptr()),
            }
        }
    }
}

/// The address of a function or data object of the libraries of this process, where imports that name no library find
/// theirs.
pub fn symbol(name: &str) -> Option<*const u8> {
    ProcessSymbols.lookup(name, None)
}

/// Writes out what the C library's output streams still hold.
///
/// # Errors
/// What the system says if some of it could not be written: the disk is full, for instance.
pub fn flush_streams() -> std::io::Result<()> {
    // SAFETY: `fflush(NULL)` flushes all open output streams and has no precondition.
    match unsafe { libc::fflush(std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Ends the process with a status, by C's `exit`: functions registered with `atexit` run, streams are flushed.
pub fn exit(status: i32) -> ! {
    // SAFETY: no precondition.
    unsafe { libc::exit(status) }
}

/// Ends the process with a status, at once: nothing else runs, nothing is flushed.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: no precondition.
    unsafe { libc::_exit(status) }
}

/// Ends the process by the signal that a fault of this kind raises where nobody handles it, for whoever asks how the process
/// ended: `SIGFPE` for a division, `SIGSEGV` for memory and the stack, `SIGILL` for code that cannot be reached, else
/// `SIGABRT`. Nothing else runs, nothing is flushed.
pub fn end_by_fault(kind: TrapKind) -> ! {
    let signal = match kind {
        TrapKind::DivideByZero | TrapKind::IntegerOverflow => libc::SIGFPE,
        TrapKind::BadAccess(_) | TrapKind::StackOverflow | TrapKind::BadLabel => libc::SIGSEGV,
        TrapKind::Unreachable => libc::SIGILL,
        _ => libc::SIGABRT,
    };
    // SAFETY: the default action is a valid disposition for each of these signals, the set is initialized before it is
    // used, and `raise` and `_exit` have no precondition.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::raise(signal);
        libc::_exit(128 + signal)
    }
}

/// Makes a closed output pipe end the process quietly, as it ends other programs; Rust's start-up code has turned that
/// off.
pub fn restore_sigpipe() {
    // SAFETY: the default action is a valid disposition for the signal.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
