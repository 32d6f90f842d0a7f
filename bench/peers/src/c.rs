//! C compilers: a kernel's C file as an object file, that as a shared object loaded into this process; a program's as
//! an executable.

use crate::{Entry, Kernel};
use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection, SectionKind};
use std::path::Path;
use std::process::{Command, Stdio};

/// A C compiler with its options.
#[derive(Clone, Copy, Debug)]
pub struct CCompiler {
    /// The name in reports.
    pub name: &'static str,
    program: &'static str,
    options: &'static [&'static str],
    /// What makes code that may stand in a shared object.
    shared: &'static [&'static str],
}

const fn gcc(name: &'static str, options: &'static [&'static str]) -> CCompiler {
    CCompiler { name, program: "gcc", options, shared: &["-fPIC"] }
}

/// gcc without optimization.
pub const GCC_O0: CCompiler = gcc("gcc -O0", &["-O0"]);
/// gcc with the optimizations that cost it little.
pub const GCC_O1: CCompiler = gcc("gcc -O1", &["-O1"]);
/// gcc with the optimization most programs are built with.
pub const GCC_O2: CCompiler = gcc("gcc -O2", &["-O2"]);
/// gcc with all optimizations that keep the standard.
pub const GCC_O3: CCompiler = gcc("gcc -O3", &["-O3"]);
/// clang with the optimization most programs are built with.
pub const CLANG_O2: CCompiler =
    CCompiler { name: "clang -O2", program: "clang", options: &["-O2"], shared: &["-fPIC"] };
/// The tiny C compiler.
pub const TCC: CCompiler = CCompiler { name: "tcc", program: "tcc", options: &[], shared: &[] };

/// All C compilers.
pub const ALL: [CCompiler; 6] = [GCC_O0, GCC_O1, GCC_O2, GCC_O3, CLANG_O2, TCC];

impl CCompiler {
    /// Whether it can be started.
    pub fn is_installed(self) -> bool {
        let argument = if self.program == "tcc" { "-v" } else { "--version" };
        let mut command = Command::new(self.program);
        command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// The command that compiles a file to an object file.
    pub fn to_object(self, source: &Path, object: &Path) -> Command {
        let mut command = Command::new(self.program);
        command.args(self.options).args(self.shared).arg("-c").arg("-o").arg(object).arg(source);
        command
    }

    /// Links an object file that this compiler made to a shared object.
    ///
    /// # Errors
    /// The compiler is missing or fails.
    pub fn link(self, object: &Path, to: &Path) -> Result<()> {
        let mut command = Command::new(self.program);
        command.arg("-shared").arg("-o").arg(to).arg(object).arg("-lm");
        self.run(command, object)
    }

    /// Compiles a program's file to an executable.
    ///
    /// # Errors
    /// The compiler is missing or fails.
    pub fn executable(self, source: &Path, to: &Path) -> Result<()> {
        let mut command = Command::new(self.program);
        command.args(self.options).arg("-o").arg(to).arg(source).arg("-lm");
        self.run(command, source)
    }

    fn run(self, mut command: Command, file: &Path) -> Result<()> {
        let output = command.output().with_context(|| format!("{} cannot be started", self.program))?;
        let messages = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} does not compile {}:\n{messages}", self.name, file.display());
        Ok(())
    }
}

/// Loads the function `kernel` of a shared object that one of the compilers made of a kernel.
///
/// # Errors
/// The file cannot be loaded, or has no such function.
pub fn load(shared: &Path) -> Result<Kernel> {
    // SAFETY: the object is a compiled kernel; its constructors are the C library's empty ones.
    let library = unsafe { libloading::Library::new(shared)? };
    // SAFETY: every kernel declares this function with the signature of `Entry`.
    let entry = unsafe { *library.get::<Entry>(b"kernel")? };
    // SAFETY: as above; the library keeps the code mapped, the file itself may go.
    Ok(unsafe { Kernel::new(entry, library) })
}

/// The bytes of code in an object file.
///
/// # Errors
/// It cannot be read, or is none.
pub fn code_size(object: &Path) -> Result<usize> {
    let bytes = std::fs::read(object)?;
    let file = object::File::parse(&*bytes)?;
    let code = file.sections().filter(|section| section.kind() == SectionKind::Text);
    Ok(code.map(|section| section.size() as usize).sum())
}
