//! The kernels: where their sources stand and how much work they are given.

use anyhow::{Context, Result, ensure};
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
    /// For most, a size between, for what happens while a program starts: the better fixed tier takes about one millisecond,
    /// loading and all (1.0 to 1.2, save where sizes do not lie so close).
    pub short: Option<i64>,
    /// The memory it needs for `n`, in bytes.
    pub memory: usize,
}

/// The kernels of the figures.
pub const ALL: &[KernelSource] = &[
    KernelSource { name: "fib", n: 32, small: 15, short: Some(30), memory: 0 },
    KernelSource { name: "sieve", n: 2_500_000, small: 1_000, short: Some(400_000), memory: 2_500_001 },
    KernelSource { name: "matmul", n: 160, small: 10, short: Some(108), memory: 3 * 160 * 160 * 8 },
    KernelSource { name: "matmul_i32", n: 160, small: 10, short: Some(132), memory: 3 * 160 * 160 * 4 },
    KernelSource { name: "nbody", n: 50_000, small: 20, short: Some(13_000), memory: 5 * 56 },
    KernelSource { name: "spectral_norm", n: 300, small: 10, short: Some(124), memory: 3 * 300 * 8 },
    KernelSource { name: "mandelbrot", n: 300, small: 20, short: Some(120), memory: 0 },
    KernelSource { name: "fannkuch", n: 120_000, small: 100, short: Some(21_000), memory: 3 * 10 * 4 },
    KernelSource { name: "quicksort", n: 120_000, small: 1_000, short: Some(15_000), memory: 120_000 * 8 },
    KernelSource { name: "heapsort", n: 70_000, small: 1_000, short: Some(11_000), memory: 70_000 * 8 },
    KernelSource { name: "sha256", n: 1 << 20, small: 1 << 10, short: Some(180 << 10), memory: 1 << 20 },
    KernelSource {
        name: "crc32",
        n: 2 << 20,
        small: 1_000,
        short: Some(320_000),
        memory: 256 * 4 + (2 << 20),
    },
    KernelSource { name: "hash_table", n: 120_000, small: 100, short: Some(32_000), memory: (1 << 18) * 16 },
    KernelSource { name: "string_search", n: 600_000, small: 1_000, short: Some(95_000), memory: 600_000 },
    KernelSource { name: "collatz", n: 40_000, small: 100, short: Some(11_500), memory: 0 },
    KernelSource { name: "binary_trees", n: 15, small: 5, short: None, memory: 0 },
    KernelSource { name: "bytecode", n: 250_000, small: 100, short: Some(75_000), memory: 7 * 8 },
    KernelSource {
        name: "levenshtein",
        n: 1_200,
        small: 30,
        short: Some(820),
        memory: 2 * 1_201 * 4 + 2 * 1_200,
    },
    KernelSource { name: "lz", n: 3 << 20, small: 1_000, short: Some(550_000), memory: 2 * (3 << 20) + 576 },
    KernelSource {
        name: "matvec_f32",
        n: 600,
        small: 20,
        short: Some(290),
        memory: (600 * 600 + 2 * 600) * 4,
    },
    KernelSource { name: "primes", n: 300_000, small: 1_000, short: Some(45_000), memory: 0 },
    KernelSource { name: "decimal", n: 200_000, small: 100, short: Some(36_000), memory: 200_000 * 21 },
    KernelSource {
        name: "base64",
        n: 1_500_000,
        small: 300,
        short: Some(390_000),
        memory: 256 + 1_500_000 / 3 * 7,
    },
    KernelSource { name: "murmur", n: 150_000, small: 100, short: Some(60_000), memory: 4096 },
];

impl KernelSource {
    /// The C file.
    pub fn c(self) -> PathBuf {
        directory().join(format!("{}.c", self.name))
    }

    /// The sizes at which all compilers must agree.
    pub fn sizes(self) -> impl Iterator<Item = i64> {
        self.short.into_iter().chain([self.n])
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

/// The kernels whose names contain `part`, or all.
///
/// # Errors
/// No kernel has it in its name.
pub fn named(part: Option<&str>) -> Result<Vec<KernelSource>> {
    let named: Vec<_> =
        ALL.iter().copied().filter(|k| part.is_none_or(|part| k.name.contains(part))).collect();
    ensure!(!named.is_empty(), "no kernel has {:?} in its name", part.unwrap_or_default());
    Ok(named)
}

/// The kernel of that name.
///
/// # Errors
/// There is none.
pub fn by_name(name: &str) -> Result<KernelSource> {
    ALL.iter()
        .copied()
        .find(|kernel| kernel.name == name)
        .with_context(|| format!("there is no kernel {name}"))
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/kernels"))
}
