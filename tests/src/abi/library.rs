//! C compiled by gcc and loaded, and the routines that stand between caller and callee.

#![allow(unsafe_code, reason = "loaded libraries have no safe interface")]

use super::signature::Convention;
use std::ffi::{CString, c_void};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A shared object in a directory of its own, which goes with it.
pub struct Library {
    dir: PathBuf,
    gcc: Option<Child>,
}

impl Library {
    /// Has gcc compile a C file; it works on while this returns.
    ///
    /// # Panics
    /// If there is no gcc or no place for files.
    pub fn compile(name: &str, source: &str, optimize: &str) -> Library {
        let dir = std::env::temp_dir().join(format!("kiln-abi-{}-{name}", std::process::id()));
        let write = |file: &str, text: &str| {
            std::fs::write(dir.join(file), text).expect("a file can be written where temporary files are")
        };
        std::fs::create_dir_all(&dir).expect("a directory can be made where temporary files are");
        write("calls.c", source);
        write("watch.S", include_str!("watch.S"));
        let gcc = Command::new("gcc")
            .current_dir(&dir)
            .args([
                "-shared",
                "-fPIC",
                "-w",
                "-fno-ipa-modref",
                optimize,
                "-o",
                "calls.so",
                "calls.c",
                "watch.S",
            ])
            .stderr(Stdio::piped())
            .spawn();
        let gcc = gcc.unwrap_or_else(|error| panic!("gcc is needed to compare calls with its: {error}"));
        Library { dir, gcc: Some(gcc) }
    }

    /// Waits for gcc; gives the file.
    ///
    /// # Panics
    /// If gcc refuses the file, which is a mistake of the generator.
    pub fn path(&mut self) -> PathBuf {
        if let Some(gcc) = self.gcc.take() {
            let output = gcc.wait_with_output().expect("gcc can be waited for");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "gcc refuses {}:\n{errors}", self.dir.join("calls.c").display());
        }
        self.dir.join("calls.so")
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        if let Some(gcc) = &mut self.gcc {
            let _ = gcc.wait();
        }
        // After a panic the files are worth a look.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// The registers that callees save, as the assembler file lists them.
const SAVED: [&str; 18] = [
    "rbx", "rbp", "r12", "r13", "r14", "r15", "rdi", "rsi", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
    "xmm12", "xmm13", "xmm14", "xmm15",
];
const INTEGERS: usize = 8;

/// What the assembler file calls `watched`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Watched {
    target: u64,
    back: u64,
    rsp: [u64; 2],
    flags: [u64; 2],
    put: [u64; 28],
    found: [u64; 28],
    saved: [u64; 28],
    spoiler_back: u64,
    spoiler_rsp: u64,
    spoiler_flags: u64,
    spoiler_rax: u64,
}

/// A shared object in this process. It stays until the process ends.
#[derive(Clone, Copy)]
pub struct Loaded(*mut c_void);

impl Loaded {
    /// Loads a shared object.
    ///
    /// # Panics
    /// If it cannot be loaded.
    pub fn open(path: &Path) -> Loaded {
        let path = CString::new(path.as_os_str().as_encoded_bytes()).expect("a path has no zero byte");
        // SAFETY: a shared object that gcc made of our file has no initializers that could do harm.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!handle.is_null(), "{path:?} cannot be loaded");
        Loaded(handle)
    }

    /// The address of a symbol.
    ///
    /// # Panics
    /// If there is none of this name.
    pub fn symbol(self, name: &str) -> *mut c_void {
        let c_name = CString::new(name).expect("a symbol has no zero byte");
        // SAFETY: the handle is an open one and the name ends with a zero.
        let address = unsafe { libc::dlsym(self.0, c_name.as_ptr()) };
        assert!(!address.is_null(), "there is no {name}");
        address
    }

    /// Sets a pointer variable to an address.
    pub fn set(self, name: &str, to: usize) {
        // SAFETY: the C file has pointers under the names that are used, and this thread alone runs its code.
        unsafe { self.symbol(name).cast::<usize>().write(to) };
    }

    /// The routine to call in the place of a function so that it is watched.
    pub fn watching(self, convention: Convention) -> *mut c_void {
        self.symbol(match convention {
            Convention::C | Convention::Kiln => "watch_c",
            Convention::Win64 => "watch_win64",
        })
    }

    /// Sets the function to be watched next and forgets what was seen.
    pub fn watch(self, target: *const c_void) {
        let watched = Watched {
            target: target as u64,
            put: std::array::from_fn(|n| 0x5afe_0000_c0de_0001u64.wrapping_mul(2 * n as u64 + 1)),
            ..Watched::default()
        };
        // SAFETY: the assembler file reserves the bytes of this structure, and nothing of it runs now.
        unsafe { self.symbol("watched").cast::<Watched>().write(watched) };
    }

    /// What was wrong with the call that was watched, and with the one whose callee overwrote registers.
    pub fn faults(self, convention: Convention) -> Vec<String> {
        // SAFETY: as of `watch`.
        let watched = unsafe { self.symbol("watched").cast::<Watched>().read() };
        let mut faults = Vec::new();
        if watched.back != 0 {
            let [before, after] = watched.rsp;
            if before % 16 != 0 {
                faults.push(format!("the stack is at {before:#x} where Kiln is called"));
            }
            if before != after {
                faults.push(format!("Kiln returns with the stack at {after:#x} instead of {before:#x}"));
            }
            if watched.flags[1] & DIRECTION != 0 {
                faults.push("Kiln returns with the direction flag set".into());
            }
            let words = match convention {
                Convention::C | Convention::Kiln => 6,
                Convention::Win64 => watched.put.len(),
            };
            for n in (0..words).filter(|n| watched.put[*n] != watched.found[*n]) {
                let name = if n < INTEGERS { SAVED[n] } else { SAVED[INTEGERS + (n - INTEGERS) / 2] };
                let (put, found) = (watched.put[n], watched.found[n]);
                faults.push(format!("Kiln does not save {name}: {found:#x} instead of {put:#x}"));
            }
        }
        if watched.spoiler_back != 0 {
            if watched.spoiler_rsp % 16 != 0 {
                faults.push(format!("Kiln calls with the stack at {:#x}", watched.spoiler_rsp));
            }
            if watched.spoiler_flags & DIRECTION != 0 {
                faults.push("Kiln calls with the direction flag set".into());
            }
        }
        faults
    }

    /// What `al` held at the call whose callee overwrote registers: the number of vector registers that a variadic
    /// call passes.
    pub fn vectors(self) -> u8 {
        // SAFETY: as of `watch`.
        unsafe { (*self.symbol("watched").cast::<Watched>()).spoiler_rax as u8 }
    }

    /// The state of the float units that calls must not change.
    pub fn float_state(self) -> u64 {
        // SAFETY: the routine takes nothing and gives a word.
        unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> u64>(self.symbol("float_state"))() }
    }
}

/// The direction flag's bit.
const DIRECTION: u64 = 1 << 10;

impl Default for Watched {
    fn default() -> Watched {
        // SAFETY: it consists of integers.
        unsafe { std::mem::zeroed() }
    }
}

/// Calls a function of C, or of the assembler file, with one argument that it may or may not take.
///
/// # Safety
/// What is there is such a function, and what it does with the cells and through the argument is sound.
pub unsafe fn call(function: *const c_void, argument: *const c_void) {
    // SAFETY: as this function asks.
    unsafe {
        std::mem::transmute::<*const c_void, extern "C" fn(*const c_void)>(function)(argument);
    }
}
