//! `wsc FILE`: the command of `whitespacers` with the options it starts with, as far as a benchmark needs it. The package of the
//! library does not install its command for those who depend on it.

use anyhow::{Context, Result};
use kiln_bench_peers::whitespacers::{Program, Strategy};
use std::io::{BufReader, BufWriter, Write, stdin, stdout};

fn main() -> Result<()> {
    let file = std::env::args_os().nth(1).context("the file of a program is missing")?;
    let program = Program::parse(&std::fs::read(file)?)?;
    let mut output = BufWriter::new(stdout());
    program.run(Strategy::AheadOfTime, &mut BufReader::new(stdin()), &mut output)?;
    Ok(output.flush()?)
}
