//! `kiln ws check`: every problem of a program, and what is doubtful in it, without running it.

use super::input::Input;
use super::options::Language;
use crate::render::whitespace;
use crate::status::Status;
use kiln_whitespace::assembly::Labels;

const EXAMPLES: &str = "\
Examples:
  kiln ws check program.ws
  kiln ws check --compat wspace-0.3 program.ws
  generate | kiln ws check -f asm -

Problems, for which a program is rejected, have classes such as parse/unknown-opcode, label/undefined or
asm/unknown-mnemonic. Warnings do not keep a program from running: code that nothing reaches, labels that nothing
leads to, instructions that must fail for lack of items, numbers that implementations take for different things.";

/// Report what is wrong or doubtful in a program, without running it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Reject the program for warnings too
    #[arg(long)]
    deny_warnings: bool,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    options: Language,
}

/// Reads and checks; prints nothing if all is well.
pub fn check(arguments: Arguments) -> Result<(), Status> {
    let Arguments { deny_warnings, input, options: Language(options) } = arguments;
    let program = input.load(&options, Labels::Spelled)?;
    let warnings = program.check(&options);
    whitespace::warnings(&input.path, &program, &warnings);
    if deny_warnings && !warnings.is_empty() { Err(Status::REJECTED) } else { Ok(()) }
}
