//! One run of a program by one system, in this process: what it costs from the program's bytes to the last byte of output.

use crate::apart::Task;
use crate::measure::timed;
use crate::process;
use anyhow::{Context, Result, anyhow, ensure};
use kiln_bench_peers::whitespacers::{self, Strategy};
use kiln_whitespace::options::{Compat, Heap, Options};
use kiln_whitespace::{Engine, Machine, Program, Stop};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

/// Who runs a program.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum System {
    /// Kiln, by the name of an engine.
    Kiln(String),
    Wsc(Strategy),
    /// An executable that a C compiler made of the program.
    C {
        compiler: String,
        executable: PathBuf,
    },
}

impl System {
    /// The name in reports.
    pub fn name(&self) -> String {
        match self {
            System::Kiln(engine) => format!("Kiln {engine}"),
            System::Wsc(strategy) => strategy.name().into(),
            System::C { compiler, .. } => compiler.clone(),
        }
    }
}

/// What Kiln is told, so that it does what `wsc` and C do: heap cells that nobody wrote are 0, division rounds toward zero,
/// characters are bytes.
pub fn options() -> Options {
    Options { heap: Heap::Zero, ..Options::compat(Compat::Whitespacers) }
}

/// A run.
#[derive(Serialize, Deserialize)]
pub struct Run {
    pub system: System,
    pub program: PathBuf,
    pub input: PathBuf,
    /// Compile once more behind the measurement, to know what that takes.
    pub compile: bool,
}

/// What a run took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// CPU time of all threads, user and system: parsing, compiling and running; of C running alone.
    pub cpu_ms: f64,
    /// Of that parsing.
    pub parse_ms: Option<f64>,
    /// Compiling everything, if it was asked for and the system does.
    pub compile_ms: Option<f64>,
    /// The bytes of code.
    pub code_bytes: Option<usize>,
    /// The most memory that the process had.
    pub peak_bytes: Option<usize>,
    pub output_bytes: usize,
    /// A checksum of the output.
    pub digest: u64,
}

impl Task for Run {
    const WORD: &'static str = "whitespace-run";
    type Found = Cost;

    fn measure(&self) -> Result<Cost> {
        match &self.system {
            System::Kiln(name) => {
                let engine = Engine::from_name(name).with_context(|| format!("no engine is named {name}"))?;
                self.kiln(engine)
            }
            System::Wsc(strategy) => self.wsc(*strategy),
            System::C { executable, .. } => self.executable(executable),
        }
    }
}

impl Run {
    fn kiln(&self, engine: Engine) -> Result<Cost> {
        let (text, input, options) = (fs::read(&self.program)?, fs::read(&self.input)?, options());
        let mut output = Vec::new();
        let start = process_ms();
        let (parse_ns, program) = timed(|| Program::parse(&text));
        let program = program.map_err(|rejected| anyhow!("{rejected}"))?;
        let mut machine = Machine::new(&program, &options, input.as_slice(), &mut output)?;
        let stop = machine.run(engine).map_err(|fault| anyhow!("{fault}"))?;
        let cpu_ms = process_ms() - start;
        drop(machine);
        ensure!(stop == Stop::End, "the program has not ended");
        Ok(Cost { parse_ms: Some(parse_ns / 1e6), ..Cost::of(cpu_ms, &output) })
    }

    fn wsc(&self, strategy: Strategy) -> Result<Cost> {
        let (text, input) = (fs::read(&self.program)?, fs::read(&self.input)?);
        let mut output = Vec::new();
        let start = process_ms();
        let (parse_ns, program) = timed(|| whitespacers::Program::parse(&text));
        let program = program?;
        program.run(strategy, &mut input.as_slice(), &mut output)?;
        let cpu_ms = process_ms() - start;
        let mut cost = Cost { parse_ms: Some(parse_ns / 1e6), ..Cost::of(cpu_ms, &output) };
        if self.compile && strategy != Strategy::Optimized {
            let (ns, bytes) = timed(|| program.compile());
            (cost.compile_ms, cost.code_bytes) = (Some(ns / 1e6), Some(bytes));
        }
        Ok(cost)
    }

    fn executable(&self, executable: &PathBuf) -> Result<Cost> {
        let folder = tempfile::tempdir()?;
        let output = folder.path().join("output");
        let mut command = Command::new(executable);
        command.stdin(File::open(&self.input)?).stdout(File::create(&output)?);
        let usage = process::usage_with_input(&mut command)?;
        Ok(Cost { peak_bytes: usage.peak_bytes, ..Cost::of(usage.cpu_ms, &fs::read(output)?) })
    }
}

impl Cost {
    /// A cost with the memory that this process has had so far.
    fn of(cpu_ms: f64, output: &[u8]) -> Cost {
        let peak_bytes = peak_bytes();
        let (output_bytes, digest) = (output.len(), digest(output));
        Cost { cpu_ms, parse_ms: None, compile_ms: None, code_bytes: None, peak_bytes, output_bytes, digest }
    }
}

/// CPU time of all threads of this process so far, user and system, in milliseconds.
fn process_ms() -> f64 {
    crate::measure::cpu_ns(libc::CLOCK_PROCESS_CPUTIME_ID) / 1e6
}

/// The most memory that this process has had since its program was loaded; what the system counts for `wait` begins before.
fn peak_bytes() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? * 1024)
}

/// The checksum FNV-1a.
pub fn digest(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whitespace::programs;

    #[test]
    fn all_systems_print_the_same() {
        let text = "push 5 push 3 sub printi push 10 printc push 0 readi push 0 retrieve printi end";
        let folder = tempfile::tempdir().unwrap();
        let [program, input] = ["program", "input"].map(|name| folder.path().join(name));
        fs::write(&program, programs::assemble("test", text).unwrap().to_whitespace()).unwrap();
        fs::write(&input, "-77\n").unwrap();
        let kiln = kiln_whitespace::engine::TABLE.iter().map(|row| System::Kiln(row.name.into()));
        for system in kiln.chain(Strategy::ALL.map(System::Wsc)) {
            let name = system.name();
            let (program, input) = (program.clone(), input.clone());
            let cost = Run { system, program, input, compile: true }.measure().unwrap();
            assert_eq!((cost.output_bytes, cost.digest), (5, digest(b"2\n-77")), "{name}");
        }
    }
}
