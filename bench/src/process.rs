//! Programs as processes: started in turns, and what each cost.

use crate::measure::{Samples, Spread};
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use serde::Serialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// One program as a process, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    pub command: String,
    /// CPU time of the process, user and system.
    pub cpu: Spread,
    /// From before its creation until it was waited for.
    pub wall: Spread,
}

/// A command, and what its runs cost.
pub struct Runner {
    label: String,
    program: OsString,
    args: Vec<OsString>,
    pub cpu: Samples,
    pub wall: Samples,
}

impl Runner {
    /// A command under the name that reports give it.
    pub fn new(
        label: &str,
        program: impl Into<OsString>,
        args: impl IntoIterator<Item = OsString>,
    ) -> Runner {
        Runner {
            label: label.into(),
            program: program.into(),
            args: args.into_iter().collect(),
            cpu: Samples::default(),
            wall: Samples::default(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null());
        command
    }

    /// Runs it for its output.
    ///
    /// # Errors
    /// It is missing or fails.
    pub fn output(&self) -> Result<Vec<u8>> {
        let output = self.command().output().with_context(|| format!("{} cannot be started", self.label))?;
        let messages = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} fails: {messages}", self.label);
        Ok(output.stdout)
    }

    /// Runs it once with its output thrown away, and notes what that cost.
    ///
    /// # Errors
    /// It is missing or fails.
    pub fn once(&mut self) -> Result<()> {
        let mut command = self.command();
        command.stdout(Stdio::null());
        let start = Instant::now();
        let child = command.spawn().with_context(|| format!("{} cannot be started", self.label))?;
        let usage = wait(child);
        self.wall.0.push(start.elapsed().as_secs_f64() * 1e3);
        self.cpu.0.push(usage.cpu_ms);
        ensure!(usage.status == 0, "{} ends with status {}", self.label, usage.status);
        Ok(())
    }

    /// What it has cost so far.
    pub fn cost(&self) -> Cost {
        Cost { command: self.label.clone(), cpu: self.cpu.spread(), wall: self.wall.spread() }
    }
}

/// Runs each once a round, beginning with another one each time.
///
/// # Errors
/// One of them is missing or fails.
pub fn take_turns(runners: &mut [Runner], rounds: usize) -> Result<()> {
    for round in 0..rounds {
        for turn in 0..runners.len() {
            let next = (turn + round) % runners.len();
            runners[next].once()?;
        }
    }
    Ok(())
}

/// What a process took.
pub struct Usage {
    status: i32,
    /// CPU time of the process and those that it waited for, user and system, in milliseconds.
    pub cpu_ms: f64,
    /// The most memory that one of them had at a time; unknown if that is no more than this process has, because the
    /// system counts a process as large as the one that started it.
    pub peak_bytes: Option<usize>,
}

/// Runs a command that says nothing; gives what it took.
///
/// # Errors
/// It is missing or fails.
pub fn usage(command: &mut Command) -> Result<Usage> {
    usage_with_input(command.stdin(Stdio::null()))
}

/// The same for a command that has been given its input.
///
/// # Errors
/// It is missing or fails.
pub fn usage_with_input(command: &mut Command) -> Result<Usage> {
    let usage = wait(command.spawn()?);
    ensure!(usage.status == 0, "it ends with status {}", usage.status);
    Ok(usage)
}

/// Waits for a process.
fn wait(child: Child) -> Usage {
    // SAFETY: plain integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let mut status = 0;
    // SAFETY: writes the two places it is given; the process is our child, and nobody else waits for it.
    let pid = unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, &mut usage) };
    assert_eq!(pid, child.id() as libc::pid_t, "our child can be waited for");
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    let cpu_ms = ms(usage.ru_utime) + ms(usage.ru_stime);
    let peak = usage.ru_maxrss as usize * 1024;
    Usage { status, cpu_ms, peak_bytes: (peak > most_resident()).then_some(peak) }
}

/// The most memory that this process has had.
fn most_resident() -> usize {
    // SAFETY: plain integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: writes the structure it is given.
    let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    assert_eq!(result, 0, "the system knows what this process has used");
    usage.ru_maxrss as usize * 1024
}

/// The repository's root.
pub fn repository() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("bench/ stands in the repository")
}

/// The `kiln` command: the one given, else built with the release profile.
///
/// # Errors
/// It does not build.
pub fn kiln(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = given {
        return Ok(path.to_path_buf());
    }
    build(repository()?, "kiln")
}

/// A command of a workspace, built with the release profile.
///
/// # Errors
/// It does not build.
pub fn build(workspace: &Path, name: &str) -> Result<PathBuf> {
    let output = Command::new("cargo")
        .current_dir(workspace)
        .args(["build", "--release", "--workspace", "--bin", name, "--message-format=json"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be started")?;
    ensure!(output.status.success(), "the command {name} does not build");
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .context("cargo does not name the command it built")
}

/// Costs for a reader.
pub fn table(costs: &[Cost]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(["process", "CPU, ms", "wall, ms"]);
    for cost in costs {
        table.add_row([cost.command.clone(), cost.cpu.to_string(), cost.wall.to_string()]);
    }
    table
}
