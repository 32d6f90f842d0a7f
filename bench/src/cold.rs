//! Cold start: a small program as a process, from file to exit, against `tcc -run` of the same program in C.

use crate::figures::{COLD_VS_TCC, Figure};
use crate::measure::{Spread, short};
use crate::process::{self, Cost, Runner, take_turns};
use anyhow::{Result, ensure};
use comfy_table::Table;
use serde::Serialize;
use std::path::Path;

/// The cold-start part of a report.
#[derive(Clone, Debug, Serialize)]
pub struct ColdReport {
    pub starts: Vec<Cost>,
    pub wall_ratio: Spread,
    pub figures: Vec<Figure>,
}

/// Measures; `kiln` is the command, built with the release profile if it is not given.
///
/// # Errors
/// A command is missing or fails, or the two print different things.
pub fn measure(quick: bool, kiln: Option<&Path>) -> Result<ColdReport> {
    let kiln = process::kiln(kiln)?;
    let root = process::repository()?;
    let example = root.join("examples/fib.kiln");
    let c = root.join("bench/kernels/cold/fib.c");
    let mut runners = [
        Runner::new("kiln run fib.kiln 5", kiln, ["run".into(), example.into(), "5".into()]),
        Runner::new("tcc -run fib.c 5", "tcc", ["-run".into(), c.into(), "5".into()]),
        Runner::new("true", "true", []),
    ];
    let outputs =
        [runners[0].output()?, runners[1].output()?].map(|o| String::from_utf8_lossy(&o).into_owned());
    ensure!(outputs[0] == outputs[1], "kiln prints {:?}, the C program {:?}", outputs[0], outputs[1]);
    take_turns(&mut runners, if quick { 40 } else { 300 })?;
    let [ours, theirs, _] = &runners;
    let figures = vec![COLD_VS_TCC.measured(ours.cpu.over(&theirs.cpu).spread())];
    let wall_ratio = ours.wall.over(&theirs.wall).spread();
    Ok(ColdReport { starts: runners.iter().map(Runner::cost).collect(), wall_ratio, figures })
}

/// The measurements for a reader.
pub fn table(report: &ColdReport) -> Table {
    let mut table = process::table(&report.starts);
    let (cpu, wall) = (short(report.figures[0].value.median), short(report.wall_ratio.median));
    table.add_row(["kiln / tcc".into(), cpu, wall]);
    table
}
