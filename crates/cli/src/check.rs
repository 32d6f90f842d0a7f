//! `kiln check`: every error of a program, without running it.

use crate::input;
use crate::render::diagnostics;
use crate::status::Status;
use kiln_codegen::{Code, Options, Scratch};

const EXAMPLES: &str = "\
Examples:
  kiln check program.kiln
  generate | kiln check -";

/// Report every error of a program, without running it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The program: text or bytecode; `-` for standard input
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: String,
}

/// Reads, checks and compiles; prints nothing if all is well.
pub fn check(arguments: Arguments) -> Result<(), Status> {
    let input = input::load(&arguments.file)?;
    let mut code = Code::default();
    let options = Options { features: kiln::host_features(), ..Options::default() };
    kiln_codegen::compile(&input.module, &options, &mut Scratch::default(), &mut code).map_err(|refused| {
        diagnostics::faults(&input.context(), &refused);
        Status::BAD_PROGRAM
    })
}
