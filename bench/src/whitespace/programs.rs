//! What is run: programs with what they read.

use super::guest;
use crate::process;
use anyhow::{Context, Result, anyhow, ensure};
use kiln_whitespace::Program;
use kiln_whitespace::assembly::{AsmOptions, Labels};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

/// One program of the report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A Whitespace interpreter, which runs a quine of 660 kB.
    Interpreter,
    /// A machine with a stack, which runs the program `stackvm.guest`.
    StackMachine,
    /// A file of assembly that reads nothing.
    File(&'static str),
    /// A program of half a megabyte, of which little runs.
    Large,
}

/// All of them.
pub const ALL: &[Source] = &[
    Source::Interpreter,
    Source::StackMachine,
    Source::File("nested"),
    Source::File("collatz"),
    Source::File("fib"),
    Source::File("sieve"),
    Source::File("overflow_once"),
    Source::File("factorial"),
    Source::File("pi"),
    Source::Large,
];

/// A program in the form that everyone reads, with its input.
pub struct Prepared {
    pub program: Program,
    pub text: Vec<u8>,
    pub input: Vec<u8>,
    /// What it prints, where that is known beforehand.
    pub output: Option<Vec<u8>>,
}

impl Source {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Source::Interpreter => "interpreter",
            Source::StackMachine => "stackvm",
            Source::File(name) => name,
            Source::Large => "large",
        }
    }

    /// Whether it stays within 64 bits and is small enough for a C compiler.
    pub fn suits_c(self) -> bool {
        !matches!(self, Source::File("overflow_once" | "factorial" | "pi") | Source::Large)
    }

    /// Reads it, or makes it.
    ///
    /// # Errors
    /// A file is missing, or has mistakes.
    pub fn prepare(self) -> Result<Prepared> {
        let (file, input, output) = match self {
            Source::Interpreter => {
                let quine = quine()?;
                let input = [quine.as_slice(), b"\0"].concat();
                ("tests/whitespace/programs/interpreter.wsa".into(), input, Some(quine))
            }
            Source::StackMachine => {
                let guest = read("bench/whitespace/stackvm.guest")?;
                let input = guest::assemble(&guest)?.into_bytes();
                ("tests/whitespace/programs/stackvm.wsa".into(), input, None)
            }
            Source::File(name) => (format!("bench/whitespace/{name}.wsa"), Vec::new(), None),
            Source::Large => {
                let program = assemble("large", &large())?;
                return Ok(Prepared::new(program, Vec::new(), None));
            }
        };
        Ok(Prepared::new(assemble(&file, &read(&file)?)?, input, output))
    }
}

impl Prepared {
    fn new(program: Program, input: Vec<u8>, output: Option<Vec<u8>>) -> Prepared {
        let text = program.to_whitespace();
        Prepared { program, text, input, output }
    }
}

fn read(path: &str) -> Result<String> {
    let path = process::repository()?.join(path);
    std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

/// A program from assembly, with short labels as a compiler would give them.
///
/// # Errors
/// Mistakes in the text.
pub fn assemble(name: &str, text: &str) -> Result<Program> {
    let options = AsmOptions { name, labels: Labels::Short, ..AsmOptions::default() };
    Program::assemble(text, &options).map_err(|rejected| anyhow!("{name}: {rejected}"))
}

/// The quine that the sources of `whitespacers` have with them.
fn quine() -> Result<Vec<u8>> {
    let bench = process::repository()?.join("bench");
    let mut command = Command::new("cargo");
    command.current_dir(bench).args(["metadata", "--format-version=1", "--offline"]);
    let output = command.output().context("cargo cannot be started")?;
    let messages = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo does not say where packages are: {messages}");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("cargo lists packages")?;
    let package = packages.iter().find(|package| package["name"] == "whitespacers");
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let manifest = PathBuf::from(manifest.context("whitespacers is one of the packages")?);
    let file = manifest.with_file_name("testcases").join("big-quine.ws");
    std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))
}

/// How many subroutines the large program has.
const SUBROUTINES: u64 = 370;

/// Assembly as a compiler of a small language would write it: many subroutines with variables in a frame on the heap, conditions, loops
/// and calls of earlier ones. The program calls a few of the last ones forty times, and prints what they give.
///
/// Cell 0 points to the frame; a frame has eight cells. A subroutine takes a number and gives one.
fn large() -> String {
    let mut random = 2026u64;
    let mut random = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut text = String::from("push 0 push 1000 store push 40 round:\n");
    for call in 0..24 {
        let _ =
            writeln!(text, "push {} call f{} printi push 10 printc", call * 37 + 5, SUBROUTINES - 1 - call);
    }
    text.push_str("push 1 sub dup jz finished jmp round finished: end\n");
    for n in 0..SUBROUTINES {
        let _ = writeln!(text, "f{n}:");
        // The frame: the argument becomes variable 0.
        text.push_str("push 0 push 0 retrieve push 8 add store\n");
        let variable = |text: &mut String, v: u64| {
            let _ = write!(text, "push 0 retrieve push {v} add ");
        };
        variable(&mut text, 0);
        text.push_str("swap store\n");
        for statement in 0..6 {
            let (to, a, b, constant) = (1 + random(6), random(7), random(7), random(1000) + 1);
            // to = (a op b + constant) mod some prime
            variable(&mut text, to);
            variable(&mut text, a);
            text.push_str("retrieve ");
            variable(&mut text, b);
            let operator = ["add", "sub", "mul"][random(3) as usize];
            let _ = writeln!(text, "retrieve {operator} push {constant} add push 10007 mod store");
            match statement {
                // if (to mod 3 == 0) to = to + constant
                1 | 3 => {
                    variable(&mut text, to);
                    let _ = writeln!(text, "retrieve push 3 mod jz f{n}_{statement} jmp f{n}_{statement}e");
                    let _ = writeln!(text, "f{n}_{statement}:");
                    variable(&mut text, to);
                    text.push_str("dup retrieve ");
                    let _ = writeln!(text, "push {constant} add store f{n}_{statement}e:");
                }
                // if (argument mod 8 == 1) to = earlier(argument / 2)
                2 if n > 0 => {
                    let earlier = random(n);
                    variable(&mut text, 0);
                    let _ = writeln!(text, "retrieve push 8 mod push 1 sub jz f{n}_c jmp f{n}_ce f{n}_c:");
                    variable(&mut text, to);
                    variable(&mut text, 0);
                    let _ = writeln!(text, "retrieve push 2 div call f{earlier} store f{n}_ce:");
                }
                // for (v7 = 10; v7 != 0; v7 = v7 - 1) to = to + v7
                4 => {
                    variable(&mut text, 7);
                    let _ = writeln!(text, "push 10 store f{n}_l:");
                    variable(&mut text, to);
                    text.push_str("dup retrieve ");
                    variable(&mut text, 7);
                    text.push_str("retrieve add store\n");
                    variable(&mut text, 7);
                    text.push_str("dup retrieve push 1 sub store\n");
                    variable(&mut text, 7);
                    let _ = writeln!(text, "retrieve jz f{n}_le jmp f{n}_l f{n}_le:");
                }
                _ => {}
            }
        }
        variable(&mut text, 1);
        text.push_str("retrieve ");
        text.push_str("push 0 push 0 retrieve push 8 sub store ret\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_programs_are_there_and_have_no_mistakes() {
        for source in ALL {
            let prepared = source.prepare().unwrap();
            assert!(!prepared.text.is_empty(), "{}", source.name());
        }
        assert!(Source::File("hello").prepare().is_ok());
    }

    #[test]
    fn the_large_program_has_half_a_megabyte() {
        let size = Source::Large.prepare().unwrap().text.len();
        assert!((450_000..550_000).contains(&size), "{size}");
    }
}
