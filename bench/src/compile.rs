//! Compile time: the same synthetic programs through Kiln's tiers, through Cranelift, and through a bare encoder.
//!
//! All memory is warm and reused. At small sizes a round goes through many different programs, as a real program has
//! many functions: one function compiled over and over would be learnt by the branch predictor.

use crate::figures::{
    COMPILE_GROWTH, COMPILE_VS_CRANELIFT, COMPILE_VS_EMISSION, Figure, OPTIMIZED_BYTES_PER_OP,
    OPTIMIZED_COMPILE_GROWTH, OPTIMIZED_COMPILE_VS_CRANELIFT, OPTIMIZED_SMALL_FUNCTION,
};
use crate::measure::{Samples, Spread, short, thread_ns};
use crate::memory;
use crate::progress;
use crate::synthetic;
use crate::system::{CRANELIFT_NONE, CRANELIFT_SPEED};
use crate::tiers::{self, BASELINE, KilnTier, OPTIMIZED};
use anyhow::{Result, ensure};
use comfy_table::{Table, presets};
use kiln_bench_peers::cranelift;
use kiln_bench_peers::emitter::Emitter;
use kiln_bench_peers::place::Placed;
use kiln_bench_peers::shape::{Kind, MEMORY, Program};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Ops that a round compiles at least, with as many programs as that takes.
const ROUND_OPS: usize = 1 << 16;
/// The most programs of one size.
const MOST_PROGRAMS: usize = 64;
/// The size at which memory is measured.
const MEMORY_OPS: usize = 100_000;
/// The name of the bare encoder in reports.
const EMISSION: &str = "dynasm-rs";
/// The name of Cranelift in its greatest hurry in reports.
const SINGLE_PASS: &str = "Cranelift none, single-pass";

/// One compiler at one size.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    pub compiler: &'static str,
    /// Building, in nanoseconds per op.
    pub build: Spread,
    /// Kiln's verifier, in nanoseconds per op. Not part of the figures.
    pub verify: Spread,
    /// Building and compiling, in nanoseconds per op.
    pub total: Spread,
    /// Bytes of code per op.
    pub code: f64,
}

/// The measurements of one size.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub shape: &'static str,
    pub ops: usize,
    pub timings: Vec<Timing>,
}

/// The most memory that compiling takes beyond the program, in bytes per op.
#[derive(Clone, Debug, Serialize)]
pub struct Peak {
    pub compiler: &'static str,
    pub ops: usize,
    pub bytes_per_op: f64,
}

/// The compile-time part of a report.
#[derive(Clone, Debug, Serialize)]
pub struct CompileReport {
    pub points: Vec<Point>,
    pub peaks: Vec<Peak>,
    pub figures: Vec<Figure>,
}

/// What is compiled at one size, and by whom.
struct Size {
    kind: Kind,
    ops: usize,
    programs: Vec<Program>,
    rows: Vec<Row>,
}

/// One compiler at one size.
struct Row {
    /// Its place in the list of compilers.
    compiler: usize,
    rounds: usize,
    build: Samples,
    verify: Samples,
    total: Samples,
    code: f64,
}

/// A compiler with its memory.
struct Compiler {
    name: &'static str,
    how: How,
}

enum How {
    Kiln(Box<synthetic::Synthetic>),
    Cranelift(Box<cranelift::Synthetic>),
    Emitter(Emitter),
}

/// What it took to bring the programs of a size through a compiler, in nanoseconds in all.
#[derive(Default)]
struct Cost {
    build: f64,
    verify: f64,
    total: f64,
    bytes: usize,
}

/// How often each kind of compiler goes through a size; 0 is not at all.
#[derive(Clone, Copy)]
struct Rounds {
    kiln: usize,
    speed: usize,
    none: usize,
    single_pass: usize,
    emission: usize,
}

/// Measures every size and shape.
///
/// # Errors
/// A compiler fails, or the compilers' programs do not compute the same.
pub fn measure(quick: bool) -> Result<CompileReport> {
    let mut compilers = compilers()?;
    for kind in [Kind::Small, Kind::Ordinary, Kind::Stress] {
        for seed in 0..if quick { 4 } else { 20 } {
            let ops = if kind == Kind::Small { 18 } else { 1000 };
            same_results(&mut compilers, &Program::new(kind, ops, seed))?;
        }
    }
    let mut sizes = sizes(quick, &compilers);
    let clock = clock_cost();
    let rounds = sizes.iter().flat_map(|s| &s.rows).map(|r| r.rounds).max().unwrap_or(0);
    let bar = progress::bar("synthetic", rounds);
    for size in &mut sizes {
        // Memory grows to what it needs before anything counts. What takes a minute warms itself.
        size.round(&mut compilers, None, clock)?;
    }
    for round in 0..rounds {
        for size in &mut sizes {
            size.round(&mut compilers, Some(round), clock)?;
        }
        bar.step("");
    }
    let peaks = peaks()?;
    let figures = figures(&sizes, &compilers, &peaks);
    Ok(CompileReport { points: sizes.iter().map(|s| s.point(&compilers)).collect(), peaks, figures })
}

/// Lets one tier of Kiln alone compile programs of 10^4 ops until the time is over.
///
/// # Errors
/// As [`measure`].
pub fn profile(tier: KilnTier, time: Duration) -> Result<()> {
    let programs: Vec<Program> = (0..8).map(|seed| Program::new(Kind::Ordinary, 10_000, seed)).collect();
    let mut kiln = synthetic::Synthetic::new(tier.options());
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

fn compilers() -> Result<Vec<Compiler>> {
    let mut all = Vec::new();
    for tier in tiers::ALL {
        let how = How::Kiln(Box::new(synthetic::Synthetic::new(tier.options())));
        all.push(Compiler { name: tier.name, how });
    }
    for (name, settings) in [
        (CRANELIFT_SPEED, cranelift::SPEED),
        (CRANELIFT_NONE, cranelift::NONE),
        (SINGLE_PASS, cranelift::NONE_SINGLE_PASS),
    ] {
        let how = How::Cranelift(Box::new(cranelift::Synthetic::new(settings)?));
        all.push(Compiler { name, how });
    }
    all.push(Compiler { name: EMISSION, how: How::Emitter(Emitter::default()) });
    Ok(all)
}

fn sizes(quick: bool, compilers: &[Compiler]) -> Vec<Size> {
    let size = |kind, ops: usize, rounds: Rounds| {
        let count = (ROUND_OPS / ops).clamp(1, MOST_PROGRAMS);
        let row = |(compiler, Compiler { name, how }): (usize, &Compiler)| {
            let rounds = match (how, *name) {
                (How::Kiln(_), _) => rounds.kiln,
                (How::Emitter(_), _) => rounds.emission,
                (How::Cranelift(_), CRANELIFT_SPEED) => rounds.speed,
                (How::Cranelift(_), CRANELIFT_NONE) => rounds.none,
                (How::Cranelift(_), _) => rounds.single_pass,
            };
            let (build, verify, total) = Default::default();
            (rounds > 0).then_some(Row { compiler, rounds, build, verify, total, code: 0.0 })
        };
        Size {
            kind,
            ops,
            programs: (0..count as u64).map(|seed| Program::new(kind, ops, seed)).collect(),
            rows: compilers.iter().enumerate().filter_map(row).collect(),
        }
    };
    let rounds =
        |kiln, speed, none, single_pass, emission| Rounds { kiln, speed, none, single_pass, emission };
    if quick {
        return vec![
            size(Kind::Small, 18, rounds(9, 9, 0, 0, 0)),
            size(Kind::Ordinary, 1_000, rounds(5, 5, 5, 0, 5)),
            size(Kind::Ordinary, 10_000, rounds(5, 0, 0, 0, 5)),
            size(Kind::Ordinary, 1_000_000, rounds(5, 0, 0, 0, 0)),
        ];
    }
    vec![
        size(Kind::Small, 18, rounds(41, 41, 41, 41, 0)),
        size(Kind::Ordinary, 100, rounds(15, 15, 15, 15, 15)),
        size(Kind::Ordinary, 1_000, rounds(15, 15, 15, 15, 15)),
        size(Kind::Ordinary, 10_000, rounds(15, 5, 5, 5, 15)),
        size(Kind::Ordinary, 100_000, rounds(15, 2, 2, 2, 15)),
        size(Kind::Ordinary, 1_000_000, rounds(9, 1, 1, 1, 9)),
        size(Kind::Stress, 1_000, rounds(15, 5, 5, 5, 15)),
        size(Kind::Stress, 10_000, rounds(15, 3, 3, 3, 15)),
    ]
}

/// What reading the clock twice costs.
fn clock_cost() -> f64 {
    Samples((0..1000).map(|_| -(thread_ns() - thread_ns())).collect()).spread().min
}

impl Compiler {
    /// Brings a program through the compiler.
    fn compile(&mut self, program: &Program, clock: f64) -> Result<Cost> {
        let start = thread_ns();
        match &mut self.how {
            How::Kiln(kiln) => {
                kiln.build(program);
                let built = thread_ns();
                let checked = kiln.check()?;
                let verified = thread_ns();
                let bytes = kiln.compile(&checked)?;
                let compiled = thread_ns();
                kiln.recycle(checked);
                let (build, verify) = (built - start - clock, verified - built - clock);
                Ok(Cost { build, verify, total: build + compiled - verified - clock, bytes })
            }
            How::Cranelift(cranelift) => {
                cranelift.build(program);
                let built = thread_ns();
                let bytes = cranelift.compile()?;
                let compiled = thread_ns();
                let (build, total) = (built - start - clock, compiled - start - 2.0 * clock);
                Ok(Cost { build, verify: 0.0, total, bytes })
            }
            How::Emitter(emitter) => {
                let bytes = emitter.emit(program);
                Ok(Cost { total: thread_ns() - start - clock, bytes, ..Cost::default() })
            }
        }
    }

    /// The bytes of the last program compiled, if they can be run.
    fn bytes(&self) -> Option<&[u8]> {
        match &self.how {
            How::Kiln(kiln) => Some(kiln.bytes()),
            How::Cranelift(cranelift) => Some(cranelift.bytes()),
            How::Emitter(_) => None,
        }
    }
}

/// Checks that all compilers' code computes the same.
fn same_results(compilers: &mut [Compiler], program: &Program) -> Result<()> {
    let mut expected = None;
    for compiler in compilers {
        compiler.compile(program, 0.0)?;
        let Some(bytes) = compiler.bytes() else { continue };
        let mut memory: Vec<u64> =
            (0..MEMORY / 8).map(|i| if i < MEMORY / 16 { i as u64 } else { 0 }).collect();
        // SAFETY: all compilers made a program of the C convention from the same steps.
        let result = unsafe { Placed::new(bytes)?.call(&mut memory, 100) };
        // The order of the operands decides which of two NaNs a sum gives, and is open.
        let canonical = |word: u64| if f64::from_bits(word).is_nan() { f64::NAN.to_bits() } else { word };
        memory[MEMORY / 16..].iter_mut().for_each(|word| *word = canonical(*word));
        let found = (result, memory);
        let (kind, name) = (program.kind.name(), compiler.name);
        let expected = expected.get_or_insert_with(|| found.clone());
        ensure!(*expected == found, "a synthetic program ({kind}) computes something else with {name}");
    }
    Ok(())
}

impl Size {
    /// Everyone who takes part in this round goes through the programs; without a round, to warm up.
    fn round(&mut self, compilers: &mut [Compiler], round: Option<usize>, clock: f64) -> Result<()> {
        let ops = self.programs.iter().map(Program::ops).sum::<usize>() as f64;
        for row in &mut self.rows {
            let takes_part = round.map_or(row.rounds > 1, |round| round < row.rounds);
            if !takes_part {
                continue;
            }
            let mut all = Cost::default();
            for program in &self.programs {
                let cost = compilers[row.compiler].compile(program, clock)?;
                all.build += cost.build;
                all.verify += cost.verify;
                all.total += cost.total;
                all.bytes += cost.bytes;
            }
            if round.is_some() {
                row.build.0.push(all.build / ops);
                row.verify.0.push(all.verify / ops);
                row.total.0.push(all.total / ops);
                row.code = all.bytes as f64 / ops;
            }
        }
        Ok(())
    }

    fn total(&self, compilers: &[Compiler], name: &str) -> Option<&Samples> {
        self.rows.iter().find(|row| compilers[row.compiler].name == name).map(|row| &row.total)
    }

    fn point(&self, compilers: &[Compiler]) -> Point {
        let timing = |row: &Row| Timing {
            compiler: compilers[row.compiler].name,
            build: row.build.spread(),
            verify: row.verify.spread(),
            total: row.total.spread(),
            code: row.code,
        };
        Point { shape: self.kind.name(), ops: self.ops, timings: self.rows.iter().map(timing).collect() }
    }
}

/// The memory of compilers that start with none.
fn peaks() -> Result<Vec<Peak>> {
    let program = Program::new(Kind::Ordinary, MEMORY_OPS, 0);
    let mut peaks = Vec::new();
    for tier in tiers::ALL {
        let mut kiln = synthetic::Synthetic::new(tier.options());
        kiln.build(&program);
        let checked = kiln.check()?;
        let (bytes, result) = memory::peak(|| kiln.compile(&checked));
        result?;
        peaks.push(peak(tier.name, bytes, &program));
    }
    for (name, settings) in [(CRANELIFT_SPEED, cranelift::SPEED), (CRANELIFT_NONE, cranelift::NONE)] {
        let mut cranelift = cranelift::Synthetic::new(settings)?;
        cranelift.build(&program);
        let (bytes, result) = memory::peak(|| cranelift.compile());
        result?;
        peaks.push(peak(name, bytes, &program));
    }
    Ok(peaks)
}

fn peak(compiler: &'static str, bytes: usize, program: &Program) -> Peak {
    Peak { compiler, ops: program.ops(), bytes_per_op: bytes as f64 / program.ops() as f64 }
}

fn figures(sizes: &[Size], compilers: &[Compiler], peaks: &[Peak]) -> Vec<Figure> {
    let at = |kind: Kind, ops: usize, name: &str| {
        let size = sizes.iter().find(|s| s.kind == kind && s.ops == ops);
        size.expect("quick or not, the sizes of the figures are measured").total(compilers, name)
    };
    let ordinary = |ops, name| at(Kind::Ordinary, ops, name);
    let ratio = |a: Option<&Samples>, b: Option<&Samples>| Some(a?.over(b?).spread());
    let growth = |name| ratio(ordinary(1_000_000, name), ordinary(10_000, name));
    let bytes = peaks.iter().find(|p| p.compiler == OPTIMIZED);
    let figures = [
        ratio(ordinary(1_000, OPTIMIZED), ordinary(1_000, CRANELIFT_SPEED))
            .map(|v| OPTIMIZED_COMPILE_VS_CRANELIFT.measured(v)),
        growth(OPTIMIZED).map(|v| OPTIMIZED_COMPILE_GROWTH.measured(v)),
        ratio(at(Kind::Small, 18, OPTIMIZED), at(Kind::Small, 18, CRANELIFT_SPEED))
            .map(|v| OPTIMIZED_SMALL_FUNCTION.measured(v)),
        ratio(ordinary(1_000, BASELINE), ordinary(1_000, CRANELIFT_NONE))
            .map(|v| COMPILE_VS_CRANELIFT.measured(v)),
        growth(BASELINE).map(|v| COMPILE_GROWTH.measured(v)),
        ratio(ordinary(10_000, BASELINE), ordinary(10_000, EMISSION))
            .map(|v| COMPILE_VS_EMISSION.measured(v)),
        bytes.map(|p| OPTIMIZED_BYTES_PER_OP.measured(Samples(vec![p.bytes_per_op]).spread())),
    ];
    figures.into_iter().flatten().collect()
}

/// The measurements for a reader: building and compiling, with the parts of Kiln's baseline.
fn table(report: &CompileReport) -> Table {
    let mut names: Vec<&str> = Vec::new();
    for timing in report.points.iter().flat_map(|p| &p.timings) {
        if !names.contains(&timing.compiler) {
            names.push(timing.compiler);
        }
    }
    let mut table = Table::new();
    let header = ["shape", "ops", "Kiln build", "Kiln verify"].into_iter().chain(names.iter().copied());
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header.chain(["bytes per op, in that order"]));
    for point in &report.points {
        let by = |name: &str| point.timings.iter().find(|t| t.compiler == name);
        let cell = |text: Option<String>| text.unwrap_or("-".into());
        let kiln = |of: fn(&Timing) -> Spread| cell(by(BASELINE).map(|t| short(of(t).median)));
        let totals = names.iter().map(|name| cell(by(name).map(|t| t.total.to_string())));
        let codes: Vec<String> = names.iter().map(|name| cell(by(name).map(|t| short(t.code)))).collect();
        let start = [point.shape.into(), point.ops.to_string(), kiln(|t| t.build), kiln(|t| t.verify)];
        table.add_row(start.into_iter().chain(totals).chain([codes.join(", ")]));
    }
    table
}

/// Memory for a reader.
fn memory_table(report: &CompileReport) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(["compiler", "ops", "peak memory, bytes per op"]);
    for peak in &report.peaks {
        table.add_row([peak.compiler.into(), peak.ops.to_string(), short(peak.bytes_per_op)]);
    }
    table
}

/// All tables of a report under their titles.
pub fn sections(report: &CompileReport) -> Vec<(&'static str, Table)> {
    vec![
        ("Compile time: ns of CPU time per op, medians [quartiles]", table(report)),
        ("Memory of compiling", memory_table(report)),
    ]
}

/// Prints what [`sections`] gives.
pub fn print(report: &CompileReport) {
    for (title, table) in sections(report) {
        println!("\n{title}\n{table}");
    }
}
