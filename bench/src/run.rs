//! Run time: the kernels, compiled by everyone, checked to compute the same, then timed in turns.

use crate::figures::{Figure, RUN_VS_GCC_O0};
use crate::kernels::{self, KernelSource};
use crate::measure::{Samples, Spread, geometric_mean, short, timed};
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use kiln::{Config, Engine, Function, Tier};
use kiln_bench_peers::c;
use kiln_bench_peers::cranelift::{self, Allocator};
use kiln_bench_peers::{Entry, Kernel};
use serde::Serialize;

/// Kiln's name in the reports.
const KILN: &str = "Kiln baseline";
/// What the figure is relative to.
const BASE: &str = "gcc -O0";

/// One kernel by one compiler.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    pub compiler: &'static str,
    /// CPU time of a call in milliseconds.
    pub ms: Spread,
    pub over_gcc_o0: Spread,
    pub over_gcc_o2: Spread,
}

/// One kernel by everyone.
#[derive(Clone, Debug, Serialize)]
pub struct KernelReport {
    pub kernel: &'static str,
    pub n: i64,
    pub timings: Vec<Timing>,
}

/// The run-time part of a report.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    pub kernels: Vec<KernelReport>,
    /// Compilers with the geometric mean of their ratios to gcc -O0 and to gcc -O2.
    pub means: Vec<(&'static str, f64, f64)>,
    pub figures: Vec<Figure>,
}

/// One kernel by one compiler, ready to run.
struct Contestant {
    name: &'static str,
    kernel: Kernel,
    times: Samples,
}

/// Measures the kernels whose names contain `only`.
///
/// # Errors
/// A compiler fails, or the compilers' kernels do not compute the same.
pub fn measure(quick: bool, only: Option<&str>) -> Result<RunReport> {
    let rounds = if quick { 5 } else { 21 };
    let mut all = Vec::new();
    for kernel in kernels::ALL.iter().filter(|k| only.is_none_or(|part| k.name.contains(part))) {
        all.push((*kernel, contestants(*kernel)?));
    }
    ensure!(!all.is_empty(), "no kernel has {:?} in its name", only.unwrap_or_default());
    for round in 0..rounds {
        for (kernel, contestants) in &mut all {
            let mut memory = vec![0; kernel.memory];
            let count = contestants.len();
            for turn in 0..count {
                let contestant = &mut contestants[(turn + round) % count];
                let (ns, _) = timed(|| contestant.kernel.call(kernel.n, &mut memory));
                contestant.times.0.push(ns / 1e6);
            }
        }
    }
    Ok(report(&all))
}

/// Compiles a kernel with everyone and checks that all results are those of the interpreter and of each other.
fn contestants(source: KernelSource) -> Result<Vec<Contestant>> {
    let contestant = |name, kernel| Contestant { name, kernel, times: Samples::default() };
    let function = kiln(source, Tier::Baseline)?;
    let module = function.program().module().clone();
    let mut all = vec![contestant(KILN, callable(function))];
    all.push(contestant("Cranelift none", cranelift::kernel(&module, Allocator::Backtracking)?));
    all.push(contestant("Cranelift single-pass", cranelift::kernel(&module, Allocator::SinglePass)?));
    for compiler in c::ALL {
        all.push(contestant(compiler.name, compiler.kernel(&source.c())?));
    }
    let mut memory = vec![0; source.memory];
    let interpreted = kiln(source, Tier::Interpreter)?;
    // SAFETY: the kernel stays inside the memory that its row of the table gives it.
    let defined = unsafe { interpreted.call(source.small, memory.as_mut_ptr()) }?;
    let mut expected = None;
    for Contestant { name, kernel, .. } in &all {
        let small = kernel.call(source.small, &mut memory);
        ensure!(small == defined, "{}({}) is {defined}, {name} gives {small}", source.name, source.small);
        let results: Vec<i64> = source.sizes().map(|n| kernel.call(n, &mut memory)).collect();
        let expected = expected.get_or_insert_with(|| results.clone());
        ensure!(results == *expected, "{}: {name} gives {results:?}, not {expected:?}", source.name);
    }
    Ok(all)
}

type KilnKernel = Function<fn(i64, *mut u8) -> i64>;

/// The kernel through Kiln.
fn kiln(source: KernelSource, tier: Tier) -> Result<KilnKernel> {
    let engine = Engine::new(Config::new().tier(tier));
    let program = engine.load_text(&source.kiln()?).with_context(|| format!("{}.kiln", source.name))?;
    Ok(program.function("kernel")?)
}

/// The machine code itself, called like that of the others: what entering it from Rust costs is not measured.
fn callable(function: KilnKernel) -> Kernel {
    // SAFETY: the facade has checked that the function has this signature.
    let entry = unsafe { std::mem::transmute::<*const u8, Entry>(function.address()) };
    // SAFETY: as above; the function keeps its program alive.
    unsafe { Kernel::new(entry, function) }
}

fn report(all: &[(KernelSource, Vec<Contestant>)]) -> RunReport {
    let kernels: Vec<KernelReport> = all
        .iter()
        .map(|(source, contestants)| {
            let times = |name| &contestants.iter().find(|c| c.name == name).expect("everyone runs").times;
            let (o0, o2) = (times(BASE), times("gcc -O2"));
            let timing = |c: &Contestant| Timing {
                compiler: c.name,
                ms: c.times.spread(),
                over_gcc_o0: c.times.over(o0).spread(),
                over_gcc_o2: c.times.over(o2).spread(),
            };
            KernelReport {
                kernel: source.name,
                n: source.n,
                timings: contestants.iter().map(timing).collect(),
            }
        })
        .collect();
    let mean = |name: &str, of: fn(&Timing) -> f64| {
        let timings = kernels.iter().flat_map(|k| &k.timings);
        geometric_mean(timings.filter(|t| t.compiler == name).map(of))
    };
    let means = all[0]
        .1
        .iter()
        .map(|c| (c.name, mean(c.name, |t| t.over_gcc_o0.median), mean(c.name, |t| t.over_gcc_o2.median)));
    let means = means.collect();
    let value = Spread {
        median: mean(KILN, |t| t.over_gcc_o0.median),
        low: mean(KILN, |t| t.over_gcc_o0.low),
        high: mean(KILN, |t| t.over_gcc_o0.high),
        min: mean(KILN, |t| t.over_gcc_o0.min),
        samples: all[0].1[0].times.0.len(),
    };
    let figures = if all.len() == kernels::ALL.len() { vec![RUN_VS_GCC_O0.measured(value)] } else { vec![] };
    RunReport { kernels, means, figures }
}

/// The measurements for a reader: time of Kiln, then ratios to gcc -O0.
pub fn table(report: &RunReport) -> Table {
    let mut table = Table::new();
    let names = report.means.iter().map(|(name, ..)| name.to_string());
    let header =
        ["kernel".into(), "Kiln, ms".into()].into_iter().chain(names.map(|n| format!("{n} / {BASE}")));
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header);
    for kernel in &report.kernels {
        let ours = &kernel.timings[0];
        let ratios = kernel.timings.iter().map(|t| t.over_gcc_o0.to_string());
        table.add_row(
            [format!("{}({})", kernel.kernel, kernel.n), ours.ms.to_string()].into_iter().chain(ratios),
        );
    }
    let row = |label: &str, values: Vec<f64>| {
        [label.to_string(), String::new()]
            .into_iter()
            .chain(values.into_iter().map(short))
            .collect::<Vec<_>>()
    };
    table.add_row(row("geometric mean", report.means.iter().map(|m| m.1).collect()));
    table.add_row(row("geometric mean over gcc -O2", report.means.iter().map(|m| m.2).collect()));
    table
}
