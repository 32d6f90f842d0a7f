//! Programs in Whitespace by Kiln, against the compiler `whitespacers` (its command is `wsc`) and a naive translation to C: CPU time of
//! all threads from the program's bytes to its last output, parsing and compiling included; of C the running alone.
//!
//! Everyone gets options of equal meaning. Each run is a process of its own; who begins turns with each round.

mod c;
mod guest;
mod programs;
mod run;

use crate::apart;
use crate::figures::{self, Figure, Promise};
use crate::measure::{Samples, Spread, short};
use crate::process::{self, Runner, take_turns};
use crate::progress;
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use kiln_bench_peers::c::{CCompiler, GCC_O1, GCC_O2, code_size};
use kiln_bench_peers::whitespacers::Strategy;
use kiln_whitespace::engine::{self, Engine};
use programs::{Prepared, Source};
pub use run::Run;
use run::{Cost, System};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The engine that all is promised of: everything is compiled first.
const AHEAD_OF_TIME: &str = "aot";

/// One program by one system.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub program: &'static str,
    pub system: String,
    pub cpu_ms: Spread,
    pub parse_ms: Option<Spread>,
    pub compile_ms: Option<f64>,
    pub code_bytes: Option<usize>,
    pub peak_bytes: Option<usize>,
    pub output_bytes: usize,
    pub digest: String,
    /// CPU time over that of `wsc` ahead of time.
    pub over_wsc: Spread,
}

/// The part of a report about Whitespace.
#[derive(Clone, Debug, Serialize)]
pub struct WhitespaceReport {
    pub points: Vec<Point>,
    /// The sizes of the programs in bytes.
    pub sizes: Vec<(&'static str, usize)>,
    pub hello: Vec<process::Cost>,
    pub figures: Vec<Figure>,
}

/// Measures the programs with `only` in their names; `kiln` is the command, built with the release profile if it is not given.
///
/// # Errors
/// Something is missing or fails, or the systems print different things.
pub fn measure(quick: bool, only: Option<&str>, kiln: Option<&Path>) -> Result<WhitespaceReport> {
    let wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let folder = tempfile::tempdir()?;
    let sources = programs::ALL.iter().filter(|source| wanted(source.name()));
    let mut rows = sources.map(|source| Row::new(*source, folder.path())).collect::<Result<Vec<_>>>()?;
    let hello = wanted("hello");
    ensure!(hello || !rows.is_empty(), "no program has {only:?} in its name");
    let rounds = if quick { 1 } else { 5 };
    let bar = progress::bar("whitespace", rounds);
    for round in 0..rounds {
        for row in &mut rows {
            row.round(round)?;
        }
        bar.step("");
    }
    let mut figures: Vec<Figure> = rows.iter().flat_map(Row::figures).collect();
    let mut costs = Vec::new();
    if hello {
        let (measured, figure) = whole_processes(quick, kiln, folder.path())?;
        costs = measured;
        figures.push(figure);
    }
    let sizes = rows.iter().map(|row| (row.source.name(), row.size)).collect();
    let points = rows.iter().flat_map(Row::points).collect();
    Ok(WhitespaceReport { points, sizes, hello: costs, figures })
}

/// A program while it is measured.
struct Row {
    source: Source,
    size: usize,
    program: PathBuf,
    input: PathBuf,
    /// Its checksum, once somebody printed it or where it is known.
    output: Option<(usize, u64)>,
    systems: Vec<Measured>,
}

struct Measured {
    system: System,
    cpu: Samples,
    parse: Samples,
    /// Of the last run.
    cost: Option<Cost>,
    compile_ms: Option<f64>,
    code_bytes: Option<usize>,
}

impl Row {
    fn new(source: Source, folder: &Path) -> Result<Row> {
        let prepared = source.prepare()?;
        let name = source.name();
        let [program, input] = ["ws", "in"].map(|ending| folder.join(format!("{name}.{ending}")));
        std::fs::write(&program, &prepared.text)?;
        std::fs::write(&input, &prepared.input)?;
        let mut systems: Vec<Measured> = engines().map(System::Kiln).map(Measured::new).collect();
        let strategies: &[Strategy] =
            if source == Source::Large { &Strategy::ALL } else { &[Strategy::AheadOfTime] };
        systems.extend(strategies.iter().copied().map(System::Wsc).map(Measured::new));
        if source.suits_c() {
            for compiler in [GCC_O1, GCC_O2] {
                systems.push(Measured::by_c(compiler, &prepared, &folder.join(name))?);
            }
        }
        let output = prepared.output.map(|output| (output.len(), run::digest(&output)));
        Ok(Row { source, size: prepared.text.len(), program, input, output, systems })
    }

    /// Runs it once by everyone.
    fn round(&mut self, round: usize) -> Result<()> {
        let Row { source, program, input, output, systems, .. } = self;
        for turn in 0..systems.len() {
            let at = (turn + round) % systems.len();
            let measured = &mut systems[at];
            let system = measured.system.clone();
            let name = system.name();
            let task = Run { system, program: program.clone(), input: input.clone(), compile: round == 0 };
            let cost = apart::measure(&task).with_context(|| format!("{} by {name}", source.name()))?;
            let printed = (cost.output_bytes, cost.digest);
            ensure!(
                *output.get_or_insert(printed) == printed,
                "{} prints something else by {name}",
                source.name()
            );
            measured.cpu.0.push(cost.cpu_ms);
            measured.parse.0.extend(cost.parse_ms);
            measured.compile_ms = measured.compile_ms.or(cost.compile_ms);
            measured.code_bytes = measured.code_bytes.or(cost.code_bytes);
            measured.cost = Some(cost);
        }
        Ok(())
    }

    fn by(&self, system: impl Fn(&System) -> bool) -> Option<&Measured> {
        self.systems.iter().find(|measured| system(&measured.system))
    }

    fn wsc(&self, strategy: Strategy) -> &Measured {
        self.by(|system| *system == System::Wsc(strategy)).expect("it is always measured")
    }

    fn points(&self) -> impl Iterator<Item = Point> + '_ {
        let wsc = self.wsc(Strategy::AheadOfTime);
        self.systems.iter().map(|measured| {
            let cost = measured.cost.as_ref().expect("at least one round was run");
            Point {
                program: self.source.name(),
                system: measured.system.name(),
                cpu_ms: measured.cpu.spread(),
                parse_ms: (!measured.parse.0.is_empty()).then(|| measured.parse.spread()),
                compile_ms: measured.compile_ms,
                code_bytes: measured.code_bytes,
                peak_bytes: cost.peak_bytes,
                output_bytes: cost.output_bytes,
                digest: format!("{:016x}", cost.digest),
                over_wsc: measured.cpu.over(&wsc.cpu).spread(),
            }
        })
    }

    /// What is promised of this program.
    fn figures(&self) -> Vec<Figure> {
        let ours = |engine: &str| self.by(|system| matches!(system, System::Kiln(name) if name == engine));
        let ratio = |ours: &Measured, promise: &Promise, theirs: &Measured| {
            promise.measured(ours.cpu.over(&theirs.cpu).spread())
        };
        let mut figures = Vec::new();
        if self.source == Source::Large {
            let is_ours = |measured: &&Measured| matches!(measured.system, System::Kiln(_));
            let ours = best(self.systems.iter().filter(is_ours));
            let theirs = best(self.systems.iter().filter(|measured| !is_ours(measured)));
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                figures.push(ratio(ours, &figures::WHITESPACE_LARGE_VS_WSC, theirs));
            }
            return figures;
        }
        let Some(ours) = ours(AHEAD_OF_TIME) else { return figures };
        let wsc = self.wsc(Strategy::AheadOfTime);
        let (against_wsc, against_c) = match self.source.name() {
            "interpreter" => {
                (&figures::WHITESPACE_INTERPRETER_VS_WSC, Some(&figures::WHITESPACE_INTERPRETER_VS_C))
            }
            "stackvm" => (&figures::WHITESPACE_STACKVM_VS_WSC, Some(&figures::WHITESPACE_STACKVM_VS_C)),
            "nested" => (&figures::WHITESPACE_NESTED_VS_WSC, None),
            "collatz" => (&figures::WHITESPACE_COLLATZ_VS_WSC, None),
            "fib" => (&figures::WHITESPACE_FIB_VS_WSC, None),
            "sieve" => (&figures::WHITESPACE_SIEVE_VS_WSC, None),
            "overflow_once" => (&figures::WHITESPACE_OVERFLOW_VS_WSC, None),
            "factorial" => (&figures::WHITESPACE_FACTORIAL_VS_WSC, None),
            "pi" => (&figures::WHITESPACE_PI_VS_WSC, None),
            _ => return figures,
        };
        figures.push(ratio(ours, against_wsc, wsc));
        let c = self.by(|system| matches!(system, System::C { compiler, .. } if compiler == GCC_O1.name));
        if let (Some(promise), Some(c)) = (against_c, c) {
            figures.push(ratio(ours, promise, c));
        }
        figures
    }
}

/// The one that takes least.
fn best<'m>(systems: impl Iterator<Item = &'m Measured>) -> Option<&'m Measured> {
    let median = |measured: &Measured| measured.cpu.spread().median;
    systems.min_by(|a, b| median(a).total_cmp(&median(b)))
}

/// The engines that are measured, by their names: those that somebody would choose for speed.
fn engines() -> impl Iterator<Item = String> {
    let slow = |engine| matches!(engine, Engine::Reference | Engine::Bignum);
    engine::TABLE.iter().filter(move |row| !slow(row.engine)).map(|row| row.name.into())
}

impl Measured {
    fn new(system: System) -> Measured {
        let (cpu, parse) = Default::default();
        Measured { system, cpu, parse, cost: None, compile_ms: None, code_bytes: None }
    }

    /// Translates a program, and has a C compiler make an executable of it.
    fn by_c(compiler: CCompiler, prepared: &Prepared, stem: &Path) -> Result<Measured> {
        let ending = |ending: &str| stem.with_extension(compiler.name.replace(' ', "") + ending);
        let [source, object, executable] = [".c", ".o", ""].map(ending);
        std::fs::write(&source, c::translate(&prepared.program)?)?;
        let usage = process::usage(&mut compiler.to_object(&source, &object))
            .with_context(|| format!("{} does not compile {}", compiler.name, source.display()))?;
        compiler.executable(&source, &executable)?;
        let compiler = compiler.name.into();
        let mut measured = Measured::new(System::C { compiler, executable });
        measured.compile_ms = Some(usage.cpu_ms);
        measured.code_bytes = Some(code_size(&object)?);
        Ok(measured)
    }
}

/// Hello, world as a process, by both commands.
fn whole_processes(quick: bool, kiln: Option<&Path>, folder: &Path) -> Result<(Vec<process::Cost>, Figure)> {
    let kiln = process::kiln(kiln)?;
    let wsc = process::build(&process::repository()?.join("bench"), "wsc")?;
    let program = folder.join("hello.ws");
    std::fs::write(&program, &Source::File("hello").prepare()?.text)?;
    let mut runners = [
        Runner::new("kiln ws run hello.ws", kiln, ["ws".into(), "run".into(), program.clone().into()]),
        Runner::new("wsc hello.ws", wsc, [program.into()]),
        Runner::new("true", "true", []),
    ];
    let outputs = [runners[0].output()?, runners[1].output()?];
    ensure!(outputs[0] == b"Hello, world!\n" && outputs[0] == outputs[1], "hello.ws prints {outputs:?}");
    take_turns(&mut runners, if quick { 40 } else { 300 })?;
    let [ours, theirs, _] = &runners;
    let figure = figures::WHITESPACE_HELLO_VS_WSC.measured(ours.cpu.over(&theirs.cpu).spread());
    Ok((runners.iter().map(Runner::cost).collect(), figure))
}

/// What [`table`] shows.
pub const TITLE: &str = "Whitespace: ms of CPU time from the program's bytes to its end, medians [quartiles]";

/// The measurements for a reader.
pub fn table(report: &WhitespaceReport) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header([
        "program",
        "system",
        "CPU, ms",
        "of it parsing",
        "compiling",
        "code, kB",
        "peak, MB",
        "/ wsc aot",
        "output, bytes",
        "digest",
    ]);
    let number = |value: Option<f64>| value.map_or("-".into(), short);
    for p in &report.points {
        let size = report.sizes.iter().find(|(name, _)| *name == p.program).map_or(0, |(_, size)| *size);
        table.add_row([
            format!("{} ({} kB)", p.program, short(size as f64 / 1e3)),
            p.system.clone(),
            p.cpu_ms.to_string(),
            number(p.parse_ms.map(|spread| spread.median)),
            number(p.compile_ms),
            number(p.code_bytes.map(|bytes| bytes as f64 / 1e3)),
            number(p.peak_bytes.map(|bytes| bytes as f64 / 1e6)),
            short(p.over_wsc.median),
            p.output_bytes.to_string(),
            p.digest.clone(),
        ]);
    }
    table
}
