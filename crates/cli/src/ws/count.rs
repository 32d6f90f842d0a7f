//! `kiln ws count`: how many instructions a program executes.

use super::input::Input;
use super::options::Language;
use super::run::{self, Channels, Limits};
use crate::status::Status;
use kiln_whitespace::Engine;

const EXAMPLES: &str = "\
Examples:
  kiln ws count program.ws
  kiln ws count --max-steps 1000000 -i input.txt program.ws

Labels count when execution comes by them; an instruction that fails does not. The count stands on standard error,
behind the program's output and the message of an error.";

/// Run a program in the reference interpreter and count the instructions
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    channels: Channels,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    options: Language,
}

/// Runs and counts.
pub fn count(arguments: Arguments) -> Result<(), Status> {
    let Arguments { channels, limits, input, options: Language(mut options) } = arguments;
    limits.set(&mut options);
    let program = run::load(&input, &channels, &options, &mut Vec::new())?;
    let mut machine = run::machine(&program, &options, &channels)?;
    let result = machine.run(Engine::Reference);
    let status = run::report(&program.name, &machine, result);
    eprintln!("Executed {} instructions", machine.steps());
    status
}
