//! The kernels: compiled by everyone, checked to compute the same, then compiled in turns and, in several processes, run in turns.

use crate::apart::{self, Task};
use crate::figures::{
    Figure, OPTIMIZED_RUN_VS_CRANELIFT, OPTIMIZED_RUN_VS_GCC, OPTIMIZED_RUN_WORST, RUN_VS_GCC_O0,
    RUN_VS_GCC_O2,
};
use crate::kernels;
use crate::measure::{Samples, Spread, geometric_mean, short, timed};
use crate::progress;
use crate::system::{self, CRANELIFT_SPEED, Compiled, Program, System};
use crate::tiers::{BASELINE, OPTIMIZED};
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use kiln::Tier;
use kiln_bench_peers::Kernel;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const GCC_O0: &str = "gcc -O0";
/// What ratios are mostly relative to.
pub const GCC_O2: &str = "gcc -O2";
/// The kernels of which nothing but their recursion is measured.
const RECURSION: &[&str] = &["fib"];

/// One kernel by one compiler.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    pub compiler: &'static str,
    /// CPU time of a call in milliseconds.
    pub ms: Spread,
    pub over_gcc_o0: Spread,
    pub over_gcc_o2: Spread,
    pub over_cranelift_speed: Spread,
    /// CPU time of compiling, in nanoseconds per instruction of the kernel's module.
    pub compile: Spread,
    /// Bytes of code per instruction of the kernel's module.
    pub code: f64,
    /// The most memory that compiling takes, in bytes.
    pub peak: Option<usize>,
}

/// One kernel by everyone.
#[derive(Clone, Debug, Serialize)]
pub struct KernelReport {
    pub kernel: &'static str,
    pub n: i64,
    /// The instructions of its module.
    pub ops: usize,
    pub timings: Vec<Timing>,
}

/// Geometric means of one compiler over all kernels.
#[derive(Clone, Debug, Serialize)]
pub struct Mean {
    pub compiler: &'static str,
    pub over_gcc_o0: f64,
    pub over_gcc_o2: f64,
    /// Nanoseconds per instruction.
    pub compile: f64,
    /// Bytes of code per instruction.
    pub code: f64,
    /// Bytes of memory; none if it is not known for every kernel.
    pub peak: Option<f64>,
}

/// The kernels' part of a report.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    pub kernels: Vec<KernelReport>,
    pub means: Vec<Mean>,
    /// Who could not take part.
    pub notes: Vec<String>,
    pub figures: Vec<Figure>,
}

/// One kernel by one compiler.
struct Contestant {
    compiled: Compiled,
    times: Samples,
    compile: Samples,
}

/// One kernel and all who take part in it.
struct Contest {
    program: Program,
    contestants: Vec<Contestant>,
}

/// Measures the kernels whose names contain `only`.
///
/// # Errors
/// A compiler fails, or the compilers' kernels do not compute the same.
pub fn measure(quick: bool, only: Option<&str>) -> Result<RunReport> {
    let (systems, notes) = System::all()?;
    let chosen = kernels::named(only)?;
    let bar = progress::bar("compile", chosen.len());
    let mut all = Vec::new();
    for kernel in chosen {
        all.push(contest(Program::new(kernel)?, &systems)?);
        bar.step(kernel.name);
    }
    drop(bar);
    let (compiles, c_compiles) = if quick { (5, 0) } else { (41, 4) };
    compile_in_turns(&mut all, compiles, c_compiles)?;
    let (processes, runs) = if quick { (5, 1) } else { (9, 5) };
    run_in_turns(&mut all, processes, runs)?;
    Ok(report(&systems, all, notes))
}

/// Compiles a kernel with everyone and checks that all results are those of the interpreter and of each other.
fn contest(program: Program, systems: &[System]) -> Result<Contest> {
    let source = program.source;
    let mut memory = vec![0; source.memory];
    let interpreted = system::load(source, Tier::Interpreter)?;
    // SAFETY: the kernel stays inside the memory that its row of the table gives it.
    let defined = unsafe { interpreted.call(source.small, memory.as_mut_ptr()) }?;
    let mut expected = None;
    let mut contestants = Vec::new();
    for system in systems {
        let compiled = Compiled::new(*system, &program)?;
        let kernel = system.kernel(&program, compiled.shared().as_deref())?;
        let name = system.name();
        let small = kernel.call(source.small, &mut memory);
        ensure!(small == defined, "{}({}) is {defined}, {name} gives {small}", source.name, source.small);
        let results: Vec<i64> = source.sizes().map(|n| kernel.call(n, &mut memory)).collect();
        let expected = expected.get_or_insert_with(|| results.clone());
        ensure!(results == *expected, "{}: {name} gives {results:?}, not {expected:?}", source.name);
        let first = compiled.first_ns.map(|ns| ns / program.ops as f64);
        let compile = Samples(first.into_iter().collect());
        contestants.push(Contestant { compiled, times: Samples::default(), compile });
    }
    Ok(Contest { program, contestants })
}

/// Each round every compiler goes through all kernels, so that it meets other code each time, as a compiler does; once
/// before it counts, so that it is not the caches of the one before that are measured.
fn compile_in_turns(all: &mut [Contest], rounds: usize, c_rounds: usize) -> Result<()> {
    let bar = progress::bar("compile", rounds);
    for round in 0..rounds {
        for turn in 0..all[0].contestants.len() {
            let at = (turn + round) % all[0].contestants.len();
            let process = all[0].contestants[at].compiled.is_process();
            if process && round >= c_rounds {
                continue;
            }
            for counts in [false, true] {
                for Contest { program, contestants } in all.iter_mut().filter(|_| counts || !process) {
                    let contestant = &mut contestants[at];
                    let ns = contestant.compiled.compile(program)?;
                    if counts {
                        contestant.compile.0.push(ns / program.ops as f64);
                    }
                }
            }
        }
        bar.step("");
    }
    Ok(())
}

/// Has each kernel run in several processes, for some rounds in each.
fn run_in_turns(all: &mut [Contest], processes: usize, rounds: usize) -> Result<()> {
    let bar = progress::bar("run", processes * all.len());
    for process in 0..processes {
        for Contest { program, contestants } in &mut *all {
            let entrants = contestants.iter().map(Contestant::entrant).collect();
            let rounds = Rounds { kernel: program.source.name.into(), entrants, process, rounds };
            for (contestant, times) in contestants.iter_mut().zip(apart::measure(&rounds)?) {
                contestant.times.0.extend(times.0);
            }
            bar.step(program.source.name);
        }
    }
    Ok(())
}

/// The rounds that one process measures, with one kernel.
#[derive(Serialize, Deserialize)]
pub struct Rounds {
    kernel: String,
    entrants: Vec<Entrant>,
    /// How many have been before this one; with each another entrant begins.
    process: usize,
    rounds: usize,
}

/// Who takes part in a process's rounds.
#[derive(Serialize, Deserialize)]
struct Entrant {
    system: String,
    /// The kernel itself, from those that do not compile it in the process.
    shared: Option<PathBuf>,
}

impl Task for Rounds {
    const WORD: &'static str = "run-rounds";
    /// Milliseconds of each entrant in each round.
    type Found = Vec<Samples>;

    fn measure(&self) -> Result<Vec<Samples>> {
        let source = kernels::by_name(&self.kernel)?;
        let program = Program::new(source)?;
        let code = |entrant: &Entrant| {
            System::named(&entrant.system)?
                .kernel(&program, entrant.shared.as_deref())
                .with_context(|| format!("{} by {}", self.kernel, entrant.system))
        };
        let kernels: Vec<Kernel> = self.entrants.iter().map(code).collect::<Result<_>>()?;
        // Written to, so that no call is the first to touch a page.
        let mut memory = vec![1; source.memory];
        let mut times = vec![Samples::default(); kernels.len()];
        // The first round warms everything, and does not count; it is short where it can be.
        for round in 0..=self.rounds {
            let n = if round > 0 { source.n } else { source.short.unwrap_or(source.n) };
            let mut expected = None;
            for turn in 0..kernels.len() {
                let at = (turn + round + self.process) % kernels.len();
                let (ns, result) = timed(|| kernels[at].call(n, &mut memory));
                let expected = *expected.get_or_insert(result);
                let (kernel, name) = (&self.kernel, &self.entrants[at].system);
                ensure!(result == expected, "{kernel}({n}): {name} gives {result}, not {expected}");
                if round > 0 {
                    times[at].0.push(ns / 1e6);
                }
            }
        }
        Ok(times)
    }
}

impl Contestant {
    fn entrant(&self) -> Entrant {
        Entrant { system: self.compiled.system.name().into(), shared: self.compiled.shared() }
    }
}

fn report(systems: &[System], all: Vec<Contest>, notes: Vec<String>) -> RunReport {
    let kernels: Vec<KernelReport> = all.iter().map(Contest::report).collect();
    let means: Vec<Mean> = systems.iter().map(|system| mean(&kernels, system.name())).collect();
    let figures = if all.len() == kernels::ALL.len() { figures(&kernels) } else { vec![] };
    RunReport { kernels, means, notes, figures }
}

impl Contest {
    fn report(&self) -> KernelReport {
        let times = |name| {
            let found = self.contestants.iter().find(|c| c.compiled.system.name() == name);
            &found.expect("those that ratios refer to always run").times
        };
        let (o0, o2, speed) = (times(GCC_O0), times(GCC_O2), times(CRANELIFT_SPEED));
        let timing = |c: &Contestant| Timing {
            compiler: c.compiled.system.name(),
            ms: c.times.spread(),
            over_gcc_o0: c.times.over(o0).spread(),
            over_gcc_o2: c.times.over(o2).spread(),
            over_cranelift_speed: c.times.over(speed).spread(),
            compile: c.compile.spread(),
            code: c.compiled.code_bytes as f64 / self.program.ops as f64,
            peak: c.compiled.peak_bytes,
        };
        KernelReport {
            kernel: self.program.source.name,
            n: self.program.source.n,
            ops: self.program.ops,
            timings: self.contestants.iter().map(timing).collect(),
        }
    }
}

impl KernelReport {
    /// The timing of a compiler, if it took part.
    pub fn by(&self, compiler: &str) -> Option<&Timing> {
        self.timings.iter().find(|timing| timing.compiler == compiler)
    }
}

fn mean(kernels: &[KernelReport], compiler: &'static str) -> Mean {
    let timings = || kernels.iter().filter_map(|k| k.by(compiler));
    Mean {
        compiler,
        over_gcc_o0: geometric_mean(timings().map(|t| t.over_gcc_o0.median)),
        over_gcc_o2: geometric_mean(timings().map(|t| t.over_gcc_o2.median)),
        compile: geometric_mean(timings().map(|t| t.compile.median)),
        code: geometric_mean(timings().map(|t| t.code)),
        peak: timings().map(|t| Some(t.peak? as f64)).collect::<Option<Vec<f64>>>().map(geometric_mean),
    }
}

fn figures(kernels: &[KernelReport]) -> Vec<Figure> {
    let ratio = |compiler: &str, of: fn(&Timing) -> Spread| -> Option<Spread> {
        let ratios: Vec<Spread> = kernels.iter().filter_map(|k| Some(of(k.by(compiler)?))).collect();
        let mean = |part: fn(&Spread) -> f64| geometric_mean(ratios.iter().map(part));
        (!ratios.is_empty()).then(|| Spread {
            median: mean(|r| r.median),
            low: mean(|r| r.low),
            high: mean(|r| r.high),
            min: mean(|r| r.min),
            samples: ratios[0].samples,
        })
    };
    let others = kernels.iter().filter(|k| !RECURSION.contains(&k.kernel));
    let worst = others.filter_map(|k| Some(k.by(OPTIMIZED)?.over_gcc_o2));
    let figures = [
        ratio(OPTIMIZED, |t| t.over_gcc_o2).map(|v| OPTIMIZED_RUN_VS_GCC.measured(v)),
        worst.max_by(|a, b| a.median.total_cmp(&b.median)).map(|v| OPTIMIZED_RUN_WORST.measured(v)),
        ratio(OPTIMIZED, |t| t.over_cranelift_speed).map(|v| OPTIMIZED_RUN_VS_CRANELIFT.measured(v)),
        ratio(BASELINE, |t| t.over_gcc_o2).map(|v| RUN_VS_GCC_O2.measured(v)),
        ratio(BASELINE, |t| t.over_gcc_o0).map(|v| RUN_VS_GCC_O0.measured(v)),
    ];
    figures.into_iter().flatten().collect()
}

/// Run time for a reader: that of gcc -O2, and everyone's as ratios to it.
fn table(report: &RunReport) -> Table {
    let mut table = Table::new();
    let names = report.means.iter().map(|mean| mean.compiler.to_string());
    let header = ["kernel".into(), format!("{GCC_O2}, ms")].into_iter().chain(names);
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header);
    for kernel in &report.kernels {
        let gcc = kernel.by(GCC_O2).expect("gcc always runs");
        let ratios = kernel.timings.iter().map(|t| t.over_gcc_o2.to_string());
        table.add_row(
            [format!("{}({})", kernel.kernel, kernel.n), short(gcc.ms.median)].into_iter().chain(ratios),
        );
    }
    let means = report.means.iter().map(|mean| short(mean.over_gcc_o2));
    table.add_row(["geometric mean".into(), String::new()].into_iter().chain(means));
    table
}

/// What compiling the kernels takes, for a reader: a row per compiler.
fn compile_table(report: &RunReport) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header([
        "compiler",
        "run time / gcc -O2",
        "compile, ns per op",
        "code, bytes per op",
        "peak memory, kB",
    ]);
    for mean in &report.means {
        let peak = mean.peak.map_or("-".into(), |bytes| short(bytes / 1e3));
        let numbers = [mean.over_gcc_o2, mean.compile, mean.code].map(short);
        let [run, compile, code] = numbers;
        table.add_row([mean.compiler.to_string(), run, compile, code, peak]);
    }
    table
}

/// A quantity per kernel and compiler for a reader.
fn detail_table(report: &RunReport, of: fn(&Timing) -> String) -> Table {
    let mut table = Table::new();
    let names = report.means.iter().map(|mean| mean.compiler);
    table.load_preset(presets::ASCII_MARKDOWN).set_header(["kernel", "ops"].into_iter().chain(names));
    for kernel in &report.kernels {
        let cells = kernel.timings.iter().map(of);
        table.add_row([kernel.kernel.into(), kernel.ops.to_string()].into_iter().chain(cells));
    }
    table
}

/// All tables of a report under their titles.
pub fn sections(report: &RunReport) -> Vec<(&'static str, Table)> {
    let peak = |t: &Timing| t.peak.map_or("-".into(), |bytes| short(bytes as f64 / 1e3));
    vec![
        ("Run time: ratios of CPU time to gcc -O2, medians [quartiles]", table(report)),
        ("Geometric means over the kernels", compile_table(report)),
        ("Compiling the kernels: ns of CPU time per op", detail_table(report, |t| short(t.compile.median))),
        ("Size of the code: bytes per op", detail_table(report, |t| short(t.code))),
        ("Peak memory of compiling: kB", detail_table(report, peak)),
    ]
}

/// Prints what [`sections`] gives, and who could not take part.
pub fn print(report: &RunReport) {
    for (title, table) in sections(report) {
        println!("\n{title}\n{table}");
    }
    for note in &report.notes {
        println!("\n{note}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers;

    fn rounds(kernel: &str, system: &str) -> Rounds {
        let entrant = |name: &str| Entrant { system: name.into(), shared: None };
        let entrants = tiers::ALL.iter().map(|tier| entrant(tier.name)).chain([entrant(system)]).collect();
        Rounds { kernel: kernel.into(), entrants, process: 4, rounds: 2 }
    }

    #[test]
    fn each_round_that_counts_has_a_time_of_each_entrant() {
        let times = rounds("collatz", CRANELIFT_SPEED).measure().unwrap();
        assert_eq!(times.len(), tiers::ALL.len() + 1);
        assert!(times.iter().all(|times| times.0.len() == 2 && times.0.iter().all(|ms| *ms > 0.0)));
    }

    #[test]
    fn rounds_need_a_kernel_and_code_of_all_entrants() {
        let error = |rounds: Rounds| format!("{:#}", rounds.measure().unwrap_err());
        assert!(error(rounds("weaving", OPTIMIZED)).contains("weaving"));
        assert!(error(rounds("collatz", "abacus")).contains("abacus"));
        assert!(error(rounds("collatz", GCC_O2)).contains("collatz by gcc -O2"));
    }
}
