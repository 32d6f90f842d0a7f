//! Cold start: a small program as a process, from file to exit, against `tcc -run` of the same program in C.

use crate::figures::{COLD_VS_TCC, Figure};
use crate::measure::{Samples, Spread, short};
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use serde::Serialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// One program as a process, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Start {
    pub command: String,
    /// CPU time of the process, user and system.
    pub cpu: Spread,
    /// From before its creation until it was waited for.
    pub wall: Spread,
}

/// The cold-start part of a report.
#[derive(Clone, Debug, Serialize)]
pub struct ColdReport {
    pub starts: Vec<Start>,
    pub wall_ratio: Spread,
    pub figures: Vec<Figure>,
}

struct Runner {
    label: String,
    program: OsString,
    args: Vec<OsString>,
    cpu: Samples,
    wall: Samples,
}

/// Measures; `kiln` is the command, built with the release profile if it is not given.
///
/// # Errors
/// A command is missing or fails, or the two print different things.
pub fn measure(quick: bool, kiln: Option<&Path>) -> Result<ColdReport> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("bench/ stands in the repository")?;
    let kiln = match kiln {
        Some(path) => path.to_path_buf(),
        None => build(root)?,
    };
    let example = root.join("examples/fib.kiln");
    let c = root.join("bench/kernels/cold/fib.c");
    let runner = |label: &str, program: OsString, args: Vec<OsString>| Runner {
        label: label.into(),
        program,
        args,
        cpu: Samples::default(),
        wall: Samples::default(),
    };
    let mut runners = [
        runner("kiln run fib.kiln 5", kiln.into(), vec!["run".into(), example.into(), "5".into()]),
        runner("tcc -run fib.c 5", "tcc".into(), vec!["-run".into(), c.into(), "5".into()]),
        runner("true", "true".into(), vec![]),
    ];
    let outputs = [runners[0].output()?, runners[1].output()?];
    ensure!(outputs[0] == outputs[1], "kiln prints {:?}, the C program {:?}", outputs[0], outputs[1]);
    for round in 0..if quick { 40 } else { 300 } {
        for turn in 0..runners.len() {
            runners[(turn + round) % 3].once()?;
        }
    }
    let [ours, theirs, _] = &runners;
    let figures = vec![COLD_VS_TCC.measured(ours.cpu.over(&theirs.cpu).spread())];
    let wall_ratio = ours.wall.over(&theirs.wall).spread();
    let starts = runners
        .iter()
        .map(|r| Start { command: r.label.clone(), cpu: r.cpu.spread(), wall: r.wall.spread() })
        .collect();
    Ok(ColdReport { starts, wall_ratio, figures })
}

/// Builds the command and gives its path.
fn build(root: &Path) -> Result<PathBuf> {
    let output = Command::new("cargo")
        .current_dir(root)
        .args(["build", "--release", "--bin", "kiln", "--message-format=json"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be started")?;
    ensure!(output.status.success(), "the kiln command does not build");
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "kiln")
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .context("cargo does not name the command it built")
}

impl Runner {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null());
        command
    }

    fn output(&self) -> Result<String> {
        let output = self.command().output().with_context(|| format!("{} cannot be started", self.label))?;
        let messages = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} fails: {messages}", self.label);
        Ok(String::from_utf8(output.stdout)?)
    }

    fn once(&mut self) -> Result<()> {
        let mut command = self.command();
        command.stdout(Stdio::null());
        let start = Instant::now();
        let child = command.spawn().with_context(|| format!("{} cannot be started", self.label))?;
        let (status, cpu) = wait(child);
        self.wall.0.push(start.elapsed().as_secs_f64() * 1e3);
        self.cpu.0.push(cpu);
        ensure!(status == 0, "{} ends with status {status}", self.label);
        Ok(())
    }
}

/// Waits for a process; gives its status and its CPU time in milliseconds.
fn wait(child: Child) -> (i32, f64) {
    // SAFETY: plain integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let mut status = 0;
    // SAFETY: writes the two places it is given; the process is our child, and nobody else waits for it.
    let pid = unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, &mut usage) };
    assert_eq!(pid, child.id() as libc::pid_t, "our child can be waited for");
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    (status, ms(usage.ru_utime) + ms(usage.ru_stime))
}

/// The measurements for a reader.
pub fn table(report: &ColdReport) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(["process", "CPU, ms", "wall, ms"]);
    for start in &report.starts {
        table.add_row([start.command.clone(), start.cpu.to_string(), start.wall.to_string()]);
    }
    let (cpu, wall) = (short(report.figures[0].value.median), short(report.wall_ratio.median));
    table.add_row(["kiln / tcc".into(), cpu, wall]);
    table
}
