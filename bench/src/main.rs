//! Kiln measured: run time, compile time, cold start and a program at work, against gcc, tcc, Cranelift and dynasm-rs;
//! what its checks cost, against itself.
//! How each figure comes about is written in docs/benchmarks/README.md.

mod checks;
mod cold;
mod compile;
mod figures;
mod json;
mod kernels;
mod measure;
mod process;
mod run;
mod synthetic;

use anyhow::Result;
use clap::{Parser, Subcommand};
use figures::Figure;
use serde::Serialize;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

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
    /// Run time of the kernels
    Run {
        /// Only kernels with this in their name
        only: Option<String>,
    },
    /// Compile time of synthetic programs
    Compile,
    /// A small program as a process
    Cold,
    /// The example json on 10 MB, as a process
    Json,
    /// Guards, safepoints and limits that find nothing, against the same programs without
    Checks,
    /// Nothing but Kiln's builder, verifier and baseline compiler for some seconds, for a profiler to look at
    Profile {
        /// How long
        #[arg(default_value_t = 5)]
        seconds: u64,
    },
    /// Everything
    All,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<run::RunReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compile: Option<compile::CompileReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cold: Option<cold::ColdReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<json::JsonReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<checks::ChecksReport>,
}

/// What was measured on and with.
#[derive(Serialize)]
struct Machine {
    processor: String,
    gcc: String,
    tcc: String,
    rustc: String,
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
            tcc: first_line("tcc", "-v"),
            rustc: first_line("rustc", "--version"),
            quick,
        }
    }
}

impl Report {
    fn figures(&self) -> Vec<Figure> {
        let compile = self.compile.iter().flat_map(|r| &r.figures);
        let run = self.run.iter().flat_map(|r| &r.figures);
        let cold = self.cold.iter().flat_map(|r| &r.figures);
        let json = self.json.iter().flat_map(|r| &r.figures);
        let checks = self.checks.iter().flat_map(|r| &r.figures);
        compile.chain(run).chain(cold).chain(json).chain(checks).cloned().collect()
    }

    fn print(&self) {
        let Machine { processor, gcc, tcc, rustc, quick } = &self.machine;
        println!("{processor}\n{gcc}; {tcc}; {rustc}; Cranelift 0.135, dynasm-rs 5");
        if *quick {
            println!("A quick run: a first impression, not a result.");
        }
        if let Some(report) = &self.run {
            println!(
                "\nRun time: ratios of CPU time to gcc -O0, medians [quartiles]\n{}",
                run::table(report)
            );
        }
        if let Some(report) = &self.compile {
            println!(
                "\nCompile time: ns of CPU time per op, medians [quartiles]\n{}",
                compile::table(report)
            );
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
        println!("\nFigures: medians [quartiles]\n{}", figures::table(&self.figures()));
    }
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    if let What::Profile { seconds } = cli.what {
        compile::profile(Duration::from_secs(seconds))?;
        return Ok(ExitCode::SUCCESS);
    }
    let machine = Machine::here(cli.quick);
    let mut report = Report { machine, run: None, compile: None, cold: None, json: None, checks: None };
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
    if matches!(cli.what, What::Cold | What::All) {
        report.cold = Some(cold::measure(cli.quick, cli.kiln.as_deref())?);
    }
    if matches!(cli.what, What::Json | What::All) {
        report.json = Some(json::measure(cli.quick, cli.kiln.as_deref())?);
    }
    if matches!(cli.what, What::Checks | What::All) {
        report.checks = Some(checks::measure(cli.quick)?);
    }
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
    }
    let passed = report.figures().iter().all(|figure| figure.pass);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
