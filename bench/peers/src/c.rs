//! C compilers: a kernel's C file as a shared object, loaded into this process; a program's as an executable.

use crate::{Entry, Kernel};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// A C compiler with its options.
#[derive(Clone, Copy, Debug)]
pub struct CCompiler {
    /// The name in reports.
    pub name: &'static str,
    program: &'static str,
    options: &'static [&'static str],
    /// What makes a shared object.
    shared: &'static [&'static str],
}

/// gcc without optimization.
pub const GCC_O0: CCompiler =
    CCompiler { name: "gcc -O0", program: "gcc", options: &["-O0"], shared: &["-shared", "-fPIC"] };
/// gcc with the optimization most programs are built with.
pub const GCC_O2: CCompiler =
    CCompiler { name: "gcc -O2", program: "gcc", options: &["-O2"], shared: &["-shared", "-fPIC"] };
/// The tiny C compiler.
pub const TCC: CCompiler = CCompiler { name: "tcc", program: "tcc", options: &[], shared: &["-shared"] };

/// The C compilers, those that Kiln is measured against first.
pub const ALL: [CCompiler; 3] = [GCC_O0, GCC_O2, TCC];

impl CCompiler {
    /// Compiles a kernel's file and loads its function `kernel`.
    ///
    /// # Errors
    /// The compiler is missing or fails, or the file has no such function.
    pub fn kernel(self, source: &Path) -> Result<Kernel> {
        let directory = tempfile::tempdir()?;
        let object = directory.path().join("kernel.so");
        self.compile(source, self.shared, &object)?;
        // SAFETY: the object is a kernel just compiled; its constructors are the C library's empty ones.
        let library = unsafe { libloading::Library::new(&object)? };
        // SAFETY: every kernel declares this function with the signature of `Entry`.
        let entry = unsafe { *library.get::<Entry>(b"kernel")? };
        // SAFETY: as above; the library keeps the code mapped, the file itself may go.
        Ok(unsafe { Kernel::new(entry, library) })
    }

    /// Compiles a program's file to an executable.
    ///
    /// # Errors
    /// The compiler is missing or fails.
    pub fn executable(self, source: &Path, to: &Path) -> Result<()> {
        self.compile(source, &[], to)
    }

    fn compile(self, source: &Path, more: &[&str], to: &Path) -> Result<()> {
        let output = Command::new(self.program)
            .args(self.options)
            .args(more)
            .arg("-o")
            .arg(to)
            .arg(source)
            .arg("-lm")
            .output()
            .with_context(|| format!("{} cannot be started", self.program))?;
        let messages = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} does not compile {}:\n{messages}", self.name, source.display());
        Ok(())
    }
}
