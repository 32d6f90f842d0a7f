//! Runs the built `kiln` and keeps what it said.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What one run of the command gave.
#[derive(PartialEq, Eq)]
pub struct Outcome {
    /// The exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The command, started in the repository's root with no colour.
pub fn kiln(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
    command.current_dir(root()).args(arguments).env("NO_COLOR", "1");
    command
}

/// Runs it without input.
pub fn run(arguments: &[&str]) -> Outcome {
    outcome(kiln(arguments).stdin(Stdio::null()).output().expect("the command starts"))
}

/// Runs it with this on standard input.
pub fn run_with_input(arguments: &[&str], input: &[u8]) -> Outcome {
    let mut command = kiln(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    // The command may end without reading all of it.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    outcome(child.wait_with_output().expect("the command ends"))
}

/// Runs a program given as text.
pub fn run_program(text: &str, options: &[&str]) -> Outcome {
    run_with_input(&[&["run"], options, &["-"]].concat(), text.as_bytes())
}

/// Runs an example in every tier and checks that they print the same; gives the output.
#[track_caller]
pub fn example(name: &str, arguments: &[&str]) -> String {
    let path = format!("examples/{name}.kiln");
    let outputs = ["auto", "optimized", "baseline", "interpreter"].map(|tier| {
        let all = [&["run", "--tier", tier, &path], arguments].concat();
        run(&all).succeeds().to_owned()
    });
    assert!(outputs.iter().all(|output| *output == outputs[0]), "the tiers differ");
    outputs[0].clone()
}

pub fn outcome(output: Output) -> Outcome {
    Outcome {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A path for a file of this test run.
pub fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Writes a file for this test run; gives its path.
pub fn file(name: &str, contents: impl AsRef<[u8]>) -> String {
    let path = scratch(name);
    std::fs::write(&path, contents).expect("the scratch folder can be written");
    path.display().to_string()
}

impl Outcome {
    /// Checks the status and that each of the words is in what it said on standard error.
    #[track_caller]
    pub fn fails(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, Some(status), "stderr:\n{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no `{word}` in:\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }

    /// Checks that it ended with 0 and gives its output.
    #[track_caller]
    pub fn succeeds(&self) -> &str {
        assert_eq!(self.status, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        &self.stdout
    }
}
