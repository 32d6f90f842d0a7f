//! A program of some size at its work: `examples/json.kiln` checks and prints 10 MB, against the same program in C
//! compiled ahead of time. Both are whole processes, with reading, writing and, for Kiln, compiling.

use crate::figures::{Figure, JSON_VS_GCC_O0};
use crate::measure::{Spread, short};
use crate::process::{self, Cost, Runner, take_turns};
use anyhow::{Context, Result, ensure};
use comfy_table::Table;
use kiln_bench_peers::c;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// The size of the text, in bytes; the last record ends beyond it.
const SIZE: usize = 10_000_000;

/// The JSON part of a report.
#[derive(Clone, Debug, Serialize)]
pub struct JsonReport {
    /// The size of the text in bytes.
    pub bytes: usize,
    pub processes: Vec<Cost>,
    /// CPU time of Kiln to that of each C program, in the order of `processes`.
    pub cpu_ratios: Vec<Spread>,
    pub wall_ratios: Vec<Spread>,
    pub figures: Vec<Figure>,
}

/// Measures; `kiln` is the command, built with the release profile if it is not given.
///
/// # Errors
/// A compiler or the command is missing or fails, or the programs print different things.
pub fn measure(quick: bool, kiln: Option<&Path>) -> Result<JsonReport> {
    let kiln = process::kiln(kiln)?;
    let root = process::repository()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("records.json");
    let text = text();
    std::fs::write(&file, &text).with_context(|| format!("{} cannot be written", file.display()))?;

    let example = root.join("examples/json.kiln");
    let mut runners =
        vec![Runner::new("kiln run json.kiln", kiln, ["run".into(), example.into(), file.clone().into()])];
    for compiler in [c::GCC_O0, c::GCC_O2] {
        let program = folder.path().join(compiler.name.replace(' ', ""));
        compiler.executable(&root.join("bench/kernels/json.c"), &program)?;
        let label = format!("json.c, {}", compiler.name);
        runners.push(Runner::new(&label, program, [file.clone().into()]));
    }
    let ours = runners[0].output()?;
    ensure!(ours.len() > text.len(), "kiln prints {} bytes, less than it reads", ours.len());
    for theirs in &runners[1..] {
        ensure!(theirs.output()? == ours, "kiln and C print different things");
    }

    take_turns(&mut runners, if quick { 5 } else { 41 })?;
    let (ours, theirs) = (&runners[0], &runners[1..]);
    let cpu_ratios: Vec<Spread> = theirs.iter().map(|c| ours.cpu.over(&c.cpu).spread()).collect();
    let wall_ratios = theirs.iter().map(|c| ours.wall.over(&c.wall).spread()).collect();
    let figures = vec![JSON_VS_GCC_O0.measured(cpu_ratios[0])];
    let processes = runners.iter().map(Runner::cost).collect();
    Ok(JsonReport { bytes: text.len(), processes, cpu_ratios, wall_ratios, figures })
}

/// An array of records as services exchange them, without spaces: names, numbers of several kinds, text with
/// escapes and other scripts, lists, empty things. The same on every run.
fn text() -> String {
    const WORDS: [&str; 12] = [
        "kiln",
        "register",
        "glaze",
        "caf\u{e9}",
        "\\\"quoted\\\"",
        "line\\nbreak",
        "\u{4e2d}\u{6587}",
        "clay",
        "\\u00fcber",
        "temperature",
        "\u{1f525}",
        "of",
    ];
    let mut state = 1u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let mut text = String::with_capacity(SIZE + 1000);
    let mut id = 0;
    while text.len() < SIZE {
        text.push(if id == 0 { '[' } else { ',' });
        let price = random(1_000_000);
        let (x, y) = (random(1 << 31), random(1 << 31));
        let _ = write!(text, r#"{{"id":{id},"active":{},"parent":null,"#, random(2) == 0);
        let _ = write!(
            text,
            r#""price":{}.{:02},"position":{{"x":-{x}e-9,"y":{y}.5E+3}},"#,
            price / 100,
            price % 100
        );
        text.push_str(r#""tags":["#);
        for n in 0..random(5) {
            let _ = write!(text, "{}\"{}\"", if n > 0 { "," } else { "" }, WORDS[random(12) as usize]);
        }
        text.push_str(r#"],"notes":{},"text":""#);
        for n in 0..random(20) {
            let _ = write!(text, "{}{}", if n > 0 { " " } else { "" }, WORDS[random(12) as usize]);
        }
        text.push_str("\"}");
        id += 1;
    }
    text.push(']');
    text
}

/// The measurements for a reader.
pub fn table(report: &JsonReport) -> Table {
    let mut table = process::table(&report.processes);
    for (n, process) in report.processes[1..].iter().enumerate() {
        let ratios = [report.cpu_ratios[n], report.wall_ratios[n]].map(|ratio| short(ratio.median));
        let [cpu, wall] = ratios;
        table.add_row([format!("kiln / {}", process.command), cpu, wall]);
    }
    table
}
