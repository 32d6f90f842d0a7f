//! C compilers: the kernel's C file as a shared object, loaded into this process.

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
}

/// The C compilers, those that Kiln is measured against first.
pub const ALL: [CCompiler; 3] = [
    CCompiler { name: "gcc -O0", program: "gcc", options: &["-O0", "-fPIC"] },
    CCompiler { name: "gcc -O2", program: "gcc", options: &["-O2", "-fPIC"] },
    CCompiler { name: "tcc", program: "tcc", options: &[] },
];

impl CCompiler {
    /// Compiles a file and loads its function `kernel`.
    ///
    /// # Errors
    /// The compiler is missing or fails, or the file has no such function.
    pub fn kernel(self, source: &Path) -> Result<Kernel> {
        let directory = tempfile::tempdir()?;
        let object = directory.path().join("kernel.so");
        let output = Command::new(self.program)
            .args(self.options)
            .args(["-shared", "-o"])
            .arg(&object)
            .arg(source)
            .arg("-lm")
            .output()
            .with_context(|| format!("{} cannot be started", self.program))?;
        let messages = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} does not compile {}:\n{messages}", self.name, source.display());
        // SAFETY: the object is a kernel just compiled; its constructors are the C library's empty ones.
        let library = unsafe { libloading::Library::new(&object)? };
        // SAFETY: every kernel declares this function with the signature of `Entry`.
        let entry = unsafe { *library.get::<Entry>(b"kernel")? };
        // SAFETY: as above; the library keeps the code mapped, the file itself may go.
        Ok(unsafe { Kernel::new(entry, library) })
    }
}
