//! Compile time: the same synthetic programs through Kiln's baseline, through Cranelift, and through a bare encoder.
//!
//! All memory is warm and reused. At small sizes a round goes through many different programs, as a real program has
//! many functions: one function compiled over and over would be learnt by the branch predictor.

use crate::figures::{COMPILE_GROWTH, COMPILE_VS_CRANELIFT, COMPILE_VS_EMISSION, Figure};
use crate::measure::{Samples, Spread, short, thread_ns};
use crate::synthetic;
use anyhow::{Result, ensure};
use comfy_table::{Table, presets};
use kiln_bench_peers::cranelift::{self, Allocator};
use kiln_bench_peers::emitter::Emitter;
use kiln_bench_peers::place::Placed;
use kiln_bench_peers::shape::{Kind, MEMORY, Program};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Ops that a round compiles at least, with as many programs as that takes.
const ROUND_OPS: usize = 1 << 16;
/// The most programs of one size.
const MOST_PROGRAMS: usize = 64;

/// The measurements of one size, in nanoseconds per op.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub shape: &'static str,
    pub ops: usize,
    /// Kiln: builder calls.
    pub kiln_build: Spread,
    /// Kiln: verifier. Not part of the figures.
    pub kiln_verify: Spread,
    /// Kiln: verified module to relocated bytes.
    pub kiln_compile: Spread,
    /// Kiln: building and compiling.
    pub kiln: Spread,
    /// Cranelift: `FunctionBuilder` calls.
    pub cranelift_build: Option<Spread>,
    /// Cranelift: building and compiling, `opt_level=none`.
    pub cranelift: Option<Spread>,
    /// The same with the single-pass register allocator.
    pub cranelift_single_pass: Option<Spread>,
    /// dynasm-rs: one instruction per op.
    pub emission: Spread,
    pub kiln_over_cranelift: Option<Spread>,
    pub kiln_over_emission: Spread,
    /// Bytes of code per op.
    pub kiln_bytes: f64,
    pub cranelift_bytes: Option<f64>,
    pub emission_bytes: f64,
}

/// The compile-time part of a report.
#[derive(Clone, Debug, Serialize)]
pub struct CompileReport {
    pub points: Vec<Point>,
    pub figures: Vec<Figure>,
}

/// Everything at one size.
struct Size {
    kind: Kind,
    ops: usize,
    programs: Vec<Program>,
    /// The number of rounds in which Cranelift takes part.
    cranelift_rounds: usize,
    rounds: usize,
    build: Samples,
    verify: Samples,
    compile: Samples,
    total: Samples,
    cranelift_build: Samples,
    cranelift: Samples,
    single_pass: Samples,
    emission: Samples,
    kiln_bytes: f64,
    cranelift_bytes: f64,
    emission_bytes: f64,
}

/// The compilers with their memory.
struct Compilers {
    kiln: synthetic::Synthetic,
    cranelift: cranelift::Synthetic,
    single_pass: cranelift::Synthetic,
    emitter: Emitter,
    /// What reading the clock twice costs.
    clock: f64,
}

/// Measures every size and shape.
///
/// # Errors
/// A compiler fails, or the compilers' programs do not compute the same.
pub fn measure(quick: bool) -> Result<CompileReport> {
    let mut compilers = Compilers {
        kiln: synthetic::Synthetic::default(),
        cranelift: cranelift::Synthetic::new(Allocator::Backtracking)?,
        single_pass: cranelift::Synthetic::new(Allocator::SinglePass)?,
        emitter: Emitter::default(),
        clock: clock_cost(),
    };
    for kind in [Kind::Ordinary, Kind::Stress] {
        for seed in 0..if quick { 4 } else { 20 } {
            compilers.same_results(&Program::new(kind, 1000, seed))?;
        }
    }
    let mut sizes = sizes(quick);
    let rounds = sizes.iter().map(|s| s.rounds).max().unwrap_or(0);
    for size in &mut sizes {
        compilers.round(size, 0)?;
        size.forget();
    }
    for round in 0..rounds {
        for size in &mut sizes {
            compilers.round(size, round)?;
        }
    }
    let figures = figures(&sizes);
    Ok(CompileReport { points: sizes.iter().map(Size::point).collect(), figures })
}

/// Lets Kiln alone compile programs of 10^4 ops until the time is over.
///
/// # Errors
/// As [`measure`].
pub fn profile(time: Duration) -> Result<()> {
    let programs: Vec<Program> = (0..8).map(|seed| Program::new(Kind::Ordinary, 10_000, seed)).collect();
    let mut kiln = synthetic::Synthetic::default();
    let start = Instant::now();
    while start.elapsed() < time {
        for program in &programs {
            kiln.build(program);
            let checked = kiln.check()?;
            kiln.compile(&checked)?;
            kiln.recycle(checked);
        }
    }
    Ok(())
}

fn sizes(quick: bool) -> Vec<Size> {
    let size = |kind, ops: usize, rounds, cranelift_rounds| {
        let count = (ROUND_OPS / ops).clamp(1, MOST_PROGRAMS);
        let programs: Vec<Program> = (0..count as u64).map(|seed| Program::new(kind, ops, seed)).collect();
        Size {
            kind,
            ops,
            programs,
            cranelift_rounds,
            rounds,
            build: Samples::default(),
            verify: Samples::default(),
            compile: Samples::default(),
            total: Samples::default(),
            cranelift_build: Samples::default(),
            cranelift: Samples::default(),
            single_pass: Samples::default(),
            emission: Samples::default(),
            kiln_bytes: 0.0,
            cranelift_bytes: 0.0,
            emission_bytes: 0.0,
        }
    };
    if quick {
        return vec![
            size(Kind::Ordinary, 1_000, 5, 5),
            size(Kind::Ordinary, 10_000, 5, 0),
            size(Kind::Ordinary, 1_000_000, 5, 0),
        ];
    }
    vec![
        size(Kind::Ordinary, 100, 15, 9),
        size(Kind::Ordinary, 1_000, 15, 9),
        size(Kind::Ordinary, 10_000, 15, 5),
        size(Kind::Ordinary, 100_000, 15, 2),
        size(Kind::Ordinary, 1_000_000, 15, 0),
        size(Kind::Stress, 1_000, 15, 5),
        size(Kind::Stress, 10_000, 15, 3),
    ]
}

/// What reading the clock twice costs, in nanoseconds.
fn clock_cost() -> f64 {
    Samples((0..1000).map(|_| -(thread_ns() - thread_ns())).collect()).spread().min
}

impl Compilers {
    /// One program through both compilers, run on the same memory.
    fn same_results(&mut self, program: &Program) -> Result<()> {
        self.kiln.build(program);
        let checked = self.kiln.check()?;
        self.kiln.compile(&checked)?;
        self.kiln.recycle(checked);
        self.cranelift.build(program);
        self.cranelift.compile()?;
        let run = |bytes: &[u8]| -> Result<(i64, Vec<u64>)> {
            let mut memory: Vec<u64> =
                (0..MEMORY / 8).map(|i| if i < MEMORY / 16 { i as u64 } else { 0 }).collect();
            // SAFETY: both compilers made a program of the C convention from the same steps.
            let result = unsafe { Placed::new(bytes)?.call(&mut memory, 100) };
            // The order of the operands decides which of two NaNs a sum gives, and is open.
            let canonical = |word: u64| if f64::from_bits(word).is_nan() { f64::NAN.to_bits() } else { word };
            memory[MEMORY / 16..].iter_mut().for_each(|word| *word = canonical(*word));
            Ok((result, memory))
        };
        let (ours, theirs) = (run(self.kiln.bytes())?, run(self.cranelift.bytes())?);
        ensure!(
            ours.0 == theirs.0,
            "a synthetic program gives {} with Kiln, {} with Cranelift",
            ours.0,
            theirs.0
        );
        ensure!(
            ours.1 == theirs.1,
            "a synthetic program leaves different memory with Kiln and with Cranelift"
        );
        Ok(())
    }

    fn round(&mut self, size: &mut Size, round: usize) -> Result<()> {
        if round >= size.rounds {
            return Ok(());
        }
        let ops = size.programs.iter().map(Program::ops).sum::<usize>() as f64;
        let (mut build, mut verify, mut compile, mut bytes) = (0.0, 0.0, 0.0, 0);
        for program in &size.programs {
            let start = thread_ns();
            self.kiln.build(program);
            let built = thread_ns();
            let checked = self.kiln.check()?;
            let verified = thread_ns();
            bytes += self.kiln.compile(&checked)?;
            let compiled = thread_ns();
            self.kiln.recycle(checked);
            build += built - start - self.clock;
            verify += verified - built - self.clock;
            compile += compiled - verified - self.clock;
        }
        size.build.0.push(build / ops);
        size.verify.0.push(verify / ops);
        size.compile.0.push(compile / ops);
        size.total.0.push((build + compile) / ops);
        size.kiln_bytes = bytes as f64 / ops;

        let start = thread_ns();
        let bytes: usize = size.programs.iter().map(|program| self.emitter.emit(program)).sum();
        size.emission.0.push((thread_ns() - start) / ops);
        size.emission_bytes = bytes as f64 / ops;

        if round < size.cranelift_rounds {
            let (build, total, bytes) = through_cranelift(&mut self.cranelift, &size.programs, self.clock)?;
            size.cranelift_build.0.push(build / ops);
            size.cranelift.0.push(total / ops);
            size.cranelift_bytes = bytes as f64 / ops;
            let (_, total, _) = through_cranelift(&mut self.single_pass, &size.programs, self.clock)?;
            size.single_pass.0.push(total / ops);
        }
        Ok(())
    }
}

/// Time to build, time to build and compile, bytes.
fn through_cranelift(
    cranelift: &mut cranelift::Synthetic,
    programs: &[Program],
    clock: f64,
) -> Result<(f64, f64, usize)> {
    let (mut build, mut total, mut bytes) = (0.0, 0.0, 0);
    for program in programs {
        let start = thread_ns();
        cranelift.build(program);
        let built = thread_ns();
        bytes += cranelift.compile()?;
        let compiled = thread_ns();
        build += built - start - clock;
        total += compiled - start - 2.0 * clock;
    }
    Ok((build, total, bytes))
}

impl Size {
    /// Drops the samples of the first round, which warmed the memory.
    fn forget(&mut self) {
        for samples in [
            &mut self.build,
            &mut self.verify,
            &mut self.compile,
            &mut self.total,
            &mut self.cranelift_build,
            &mut self.cranelift,
            &mut self.single_pass,
            &mut self.emission,
        ] {
            samples.0.clear();
        }
    }

    fn point(&self) -> Point {
        let some = |samples: &Samples| (!samples.0.is_empty()).then(|| samples.spread());
        Point {
            shape: self.kind.name(),
            ops: self.ops,
            kiln_build: self.build.spread(),
            kiln_verify: self.verify.spread(),
            kiln_compile: self.compile.spread(),
            kiln: self.total.spread(),
            cranelift_build: some(&self.cranelift_build),
            cranelift: some(&self.cranelift),
            cranelift_single_pass: some(&self.single_pass),
            emission: self.emission.spread(),
            kiln_over_cranelift: some(&self.total.over(&self.cranelift)),
            kiln_over_emission: self.total.over(&self.emission).spread(),
            kiln_bytes: self.kiln_bytes,
            cranelift_bytes: (!self.cranelift.0.is_empty()).then_some(self.cranelift_bytes),
            emission_bytes: self.emission_bytes,
        }
    }
}

fn figures(sizes: &[Size]) -> Vec<Figure> {
    let at = |ops| {
        let found = sizes.iter().find(|s| s.kind == Kind::Ordinary && s.ops == ops);
        found.expect("quick or not, the sizes of the figures are measured")
    };
    let (small, middle, large) = (at(1_000), at(10_000), at(1_000_000));
    vec![
        COMPILE_VS_CRANELIFT.measured(small.total.over(&small.cranelift).spread()),
        COMPILE_GROWTH.measured(large.total.over(&middle.total).spread()),
        COMPILE_VS_EMISSION.measured(middle.total.over(&middle.emission).spread()),
    ]
}

/// The measurements for a reader.
pub fn table(report: &CompileReport) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header([
        "shape",
        "ops",
        "Kiln build",
        "verify",
        "compile",
        "build + compile",
        "Cranelift build",
        "Cranelift none",
        "single-pass",
        "dynasm-rs",
        "Kiln / Cranelift",
        "Kiln / dynasm-rs",
        "bytes/op: Kiln, Cranelift, dynasm-rs",
    ]);
    let optional = |spread: Option<Spread>| spread.map_or("-".into(), |s| short(s.median));
    for p in &report.points {
        let (ours, theirs, raw) = (p.kiln_bytes, p.cranelift_bytes, p.emission_bytes);
        let theirs = theirs.map_or("-".into(), short);
        table.add_row([
            p.shape.to_string(),
            p.ops.to_string(),
            short(p.kiln_build.median),
            short(p.kiln_verify.median),
            short(p.kiln_compile.median),
            p.kiln.to_string(),
            optional(p.cranelift_build),
            optional(p.cranelift),
            optional(p.cranelift_single_pass),
            p.emission.to_string(),
            optional(p.kiln_over_cranelift),
            short(p.kiln_over_emission.median),
            format!("{}, {theirs}, {}", short(ours), short(raw)),
        ]);
    }
    table
}
