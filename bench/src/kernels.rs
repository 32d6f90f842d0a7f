//! The six kernels: where their sources stand and how much work they are given.

use anyhow::{Context, Result};
use std::path::PathBuf;

/// A kernel: the same program in C and in Kiln, exporting `kernel(n, memory)`.
#[derive(Clone, Copy, Debug)]
pub struct KernelSource {
    /// Its name, and that of its files.
    pub name: &'static str,
    /// The size of the work when it is timed: some 10 to 20 ms of gcc -O0.
    pub n: i64,
    /// A size that the interpreter finishes soon.
    pub small: i64,
    /// The memory it needs for `n`, in bytes.
    pub memory: usize,
}

/// The kernels of the figures.
pub const ALL: [KernelSource; 6] = [
    KernelSource { name: "fib", n: 33, small: 15, memory: 0 },
    KernelSource { name: "sieve", n: 4_000_000, small: 1_000, memory: 4_000_001 },
    KernelSource { name: "matmul", n: 200, small: 10, memory: 3 * 200 * 200 * 8 },
    KernelSource { name: "nbody", n: 200_000, small: 20, memory: 5 * 56 },
    KernelSource { name: "sha256", n: 3 << 20, small: 1 << 10, memory: 3 << 20 },
    KernelSource { name: "mandelbrot", n: 300, small: 20, memory: 0 },
];

impl KernelSource {
    /// The C file.
    pub fn c(self) -> PathBuf {
        directory().join(format!("{}.c", self.name))
    }

    /// The text of the Kiln file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn kiln(self) -> Result<String> {
        let path = directory().join(format!("{}.kiln", self.name));
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    }
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/kernels"))
}
