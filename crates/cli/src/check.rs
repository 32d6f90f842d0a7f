//! `kiln check`: every error of a program, without running it.

use crate::input::{self, File, Format};
use crate::render::diagnostics;
use crate::status::Status;
use kiln_codegen::{Code, Options, Scratch};

const EXAMPLES: &str = "\
Examples:
  kiln check program.kiln
  generate | kiln check -
  kiln check program.ras";

/// Report every error of a program, without running it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The layout of rasm's bytecode [default: rasm2]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    #[command(flatten)]
    file: File,
}

/// Reads, checks and compiles; prints nothing if all is well.
pub fn check(arguments: Arguments) -> Result<(), Status> {
    let input = input::load(&arguments.file, arguments.format)?;
    let mut code = Code::default();
    let options = Options { features: kiln::host_features(), ..Options::default() };
    kiln_codegen::compile(&input.module, &options, &mut Scratch::default(), &mut code).map_err(|refused| {
        diagnostics::faults(&input.context(), &refused);
        Status::BAD_PROGRAM
    })
}
