//! Kiln measured: run time, compile time, cold start and a program at work, against gcc, tcc, Cranelift and dynasm-rs;
//! what its checks cost, against itself.
//! How each figure comes about is written in docs/benchmarks/README.md.

mod apart;
mod auto;
mod checks;
mod cold;
mod compile;
mod dialects;
mod figures;
mod json;
mod kernels;
mod large;
mod measure;
mod memory;
mod plots;
mod process;
mod progress;
mod run;
mod shapes;
mod summary;
mod synthetic;
mod system;
mod tiers;
mod whitespace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use figures::Figure;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;
use tiers::KilnTier;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// Measures Kiln against other compilers, as ratios of CPU time. Wants a quiet machine.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// Fewer rounds and sizes: a first impression, not a result
    #[arg(long, global = true)]
    quick: bool,
    /// Print JSON for tools instead of tables
    #[arg(long, global = true)]
    json: bool,
    /// The kiln command to start (default: built with the release profile)
    #[arg(long, global = true, value_name = "PATH")]
    kiln: Option<PathBuf>,
}

#[derive(Clone, Subcommand)]
enum What {
    /// The kernels: run time, compile time, code size, memory
    Run {
        /// Only kernels with this in their name
        only: Option<String>,
    },
    /// Compile time of synthetic programs, and memory
    Compile,
    /// Compile time of functions of unusual shape at growing sizes
    Shapes,
    /// Large programs in rasm and lightning, from text to code
    Dialects,
    /// Loading and running the kernels with the tier that chooses, against the fixed ones
    Auto {
        /// Only kernels with this in their name
        only: Option<String>,
    },
    /// All that the figures of the tiers need, in one run; as JSON one object with a number per figure
    Summary {
        /// Also write the summary and its plots to docs/benchmarks/
        #[arg(long)]
        write: bool,
    },
    /// A small program as a process
    Cold,
    /// The example json on 10 MB, as a process
    Json,
    /// Guards, safepoints and limits that find nothing, against the same programs without
    Checks,
    /// Programs in Whitespace, against the compiler whitespacers and C
    Whitespace {
        /// Only programs with this in their name
        only: Option<String>,
    },
    /// Nothing but Kiln's builder, verifier and one of its compilers for some seconds, for a profiler to look at
    Profile {
        /// How long
        #[arg(default_value_t = 5)]
        seconds: u64,
        /// Which compiler
        #[arg(long, default_value = "baseline", value_parser = tier)]
        tier: KilnTier,
    },
    /// Everything
    All,
    /// Rounds of `auto` in a process of their own
    #[command(hide = true)]
    AutoGroup { task: String },
    /// Rounds of `run` in a process of their own
    #[command(hide = true)]
    RunRounds { task: String },
    /// A run of `whitespace` in a process of its own
    #[command(hide = true)]
    WhitespaceRun { task: String },
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<run::RunReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compile: Option<compile::CompileReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shapes: Option<Vec<shapes::Point>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto: Option<auto::AutoReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialects: Option<dialects::DialectsReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cold: Option<cold::ColdReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<json::JsonReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<checks::ChecksReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whitespace: Option<whitespace::WhitespaceReport>,
}

/// What was measured on and with.
#[derive(Serialize)]
struct Machine {
    processor: String,
    gcc: String,
    clang: String,
    tcc: String,
    rustc: String,
    load: String,
    quick: bool,
}

impl Machine {
    fn here(quick: bool) -> Machine {
        let first_line = |program: &str, argument: &str| {
            let output = Command::new(program).arg(argument).output();
            let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
            text.lines().next().unwrap_or("not found").to_string()
        };
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Machine {
            processor: processor.map_or("unknown", |(_, name)| name).to_string(),
            gcc: first_line("gcc", "--version"),
            clang: first_line("clang", "--version"),
            tcc: first_line("tcc", "-v"),
            rustc: first_line("rustc", "--version"),
            load: std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_string(),
            quick,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, gcc, clang, tcc, rustc, load, quick } = self;
        write!(f, "{processor}, load {load}\n{gcc}; {clang}; {tcc}; {rustc}; Cranelift 0.135, dynasm-rs 5")?;
        if *quick {
            write!(f, "\nA quick run: a first impression, not a result.")?;
        }
        Ok(())
    }
}

/// A tier by the word for it.
fn tier(word: &str) -> Result<KilnTier, String> {
    let words = || tiers::ALL.iter().map(|tier| tier.word).collect::<Vec<_>>().join(", ");
    let found = tiers::ALL.iter().find(|tier| tier.word == word);
    found.copied().ok_or_else(|| format!("the tiers are: {}", words()))
}

impl Report {
    fn new(machine: Machine) -> Report {
        let (run, compile, shapes, auto, dialects) = Default::default();
        let (cold, json, checks, whitespace) = Default::default();
        Report { machine, run, compile, shapes, auto, dialects, cold, json, checks, whitespace }
    }

    fn figures(&self) -> Vec<Figure> {
        let compile = self.compile.iter().flat_map(|r| &r.figures);
        let run = self.run.iter().flat_map(|r| &r.figures);
        let cold = self.cold.iter().flat_map(|r| &r.figures);
        let json = self.json.iter().flat_map(|r| &r.figures);
        let checks = self.checks.iter().flat_map(|r| &r.figures);
        let auto = self.auto.iter().flat_map(|r| &r.figures);
        let dialects = self.dialects.iter().flat_map(|r| &r.figures);
        let whitespace = self.whitespace.iter().flat_map(|r| &r.figures);
        compile
            .chain(run)
            .chain(auto)
            .chain(dialects)
            .chain(cold)
            .chain(json)
            .chain(checks)
            .chain(whitespace)
            .cloned()
            .collect()
    }

    fn print(&self) {
        println!("{}", self.machine);
        if let Some(report) = &self.run {
            run::print(report);
        }
        if let Some(report) = &self.compile {
            compile::print(report);
        }
        if let Some(points) = &self.shapes {
            println!("\nCompile time of unusual shapes: medians\n{}", shapes::table(points));
        }
        if let Some(report) = &self.auto {
            println!("\nLoading and running, by the clock\n{}", auto::table(report));
        }
        if let Some(report) = &self.dialects {
            println!("\n{}\n{}", dialects::TITLE, dialects::table(report));
        }
        if let Some(report) = &self.cold {
            println!("\nCold start: medians [quartiles]\n{}", cold::table(report));
        }
        if let Some(report) = &self.json {
            let bytes = report.bytes;
            println!(
                "\nJSON, {bytes} bytes checked and printed: medians [quartiles]\n{}",
                json::table(report)
            );
        }
        if let Some(report) = &self.checks {
            println!("\nChecks: medians [quartiles]\n{}", checks::table(report));
        }
        if let Some(report) = &self.whitespace {
            println!("\n{}\n{}", whitespace::TITLE, whitespace::table(report));
            if !report.hello.is_empty() {
                println!("\nHello, world as a process\n{}", process::table(&report.hello));
            }
        }
        println!("\nFigures: medians [quartiles]\n{}", figures::table(&self.figures()));
    }
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let alone = match &cli.what {
        What::Profile { seconds, tier } => Some(compile::profile(*tier, Duration::from_secs(*seconds))),
        What::AutoGroup { task } => Some(apart::answer::<auto::Group>(task)),
        What::RunRounds { task } => Some(apart::answer::<run::Rounds>(task)),
        What::WhitespaceRun { task } => Some(apart::answer::<whitespace::Run>(task)),
        _ => None,
    };
    if let Some(done) = alone {
        return done.map(|()| ExitCode::SUCCESS);
    }
    let machine = Machine::here(cli.quick);
    if let What::Summary { write } = cli.what {
        return summarize(machine, cli.json, write);
    }
    let mut report = Report::new(machine);
    let (run_time, only) = match &cli.what {
        What::Run { only } => (true, only.as_deref()),
        what => (matches!(what, What::All), None),
    };
    if run_time {
        report.run = Some(run::measure(cli.quick, only)?);
    }
    if matches!(cli.what, What::Compile | What::All) {
        report.compile = Some(compile::measure(cli.quick)?);
    }
    if matches!(cli.what, What::Shapes | What::All) {
        report.shapes = Some(shapes::measure(cli.quick)?);
    }
    let (auto, only) = match &cli.what {
        What::Auto { only } => (true, only.as_deref()),
        what => (matches!(what, What::All), None),
    };
    if auto {
        report.auto = Some(auto::measure(cli.quick, only)?);
    }
    if matches!(cli.what, What::Dialects | What::All) {
        report.dialects = Some(dialects::measure(cli.quick)?);
    }
    if matches!(cli.what, What::Cold | What::All) {
        report.cold = Some(cold::measure(cli.quick, cli.kiln.as_deref())?);
    }
    if matches!(cli.what, What::Json | What::All) {
        report.json = Some(json::measure(cli.quick, cli.kiln.as_deref())?);
    }
    if matches!(cli.what, What::Checks | What::All) {
        report.checks = Some(checks::measure(cli.quick)?);
    }
    let (whitespace, only) = match &cli.what {
        What::Whitespace { only } => (true, only.as_deref()),
        what => (matches!(what, What::All), None),
    };
    if whitespace {
        report.whitespace = Some(whitespace::measure(cli.quick, only, cli.kiln.as_deref())?);
    }
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
    }
    Ok(verdict(&report.figures()))
}

fn verdict(figures: &[Figure]) -> ExitCode {
    if figures.iter().all(|figure| figure.pass) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn summarize(machine: Machine, json: bool, write: bool) -> Result<ExitCode> {
    let summary = summary::measure(machine)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&summary.json()?)?);
    } else {
        print!("{}", summary.text());
    }
    if write {
        for file in summary.write()? {
            eprintln!("wrote {}", file.display());
        }
    }
    Ok(verdict(&summary.figures()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apart::Task;
    use clap::CommandFactory;

    #[test]
    fn what_processes_of_their_own_measure_is_not_for_the_command_line() {
        let mut command = Cli::command();
        command.clone().debug_assert();
        for word in [auto::Group::WORD, run::Rounds::WORD, whitespace::Run::WORD] {
            assert!(
                command.find_subcommand(word).is_some_and(|subcommand| subcommand.is_hide_set()),
                "{word}"
            );
            assert!(!command.render_long_help().to_string().contains(word));
        }
    }
}
