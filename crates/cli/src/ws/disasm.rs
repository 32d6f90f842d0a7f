//! `kiln ws disasm`: from Whitespace to assembly.

use super::input::Input;
use super::options::Reading;
use crate::status::Status;
use kiln_whitespace::Style;
use kiln_whitespace::assembly::{Labels, Names};

const EXAMPLES: &str = "\
Examples:
  kiln ws disasm program.ws
  kiln ws disasm --exact quine.ws -o quine.wsa
  kiln ws disasm --style whitespacers program.ws

What is printed reads back to the same tokens. A label has the name that its tokens spell, eight to a letter, or else
the name _0110 for S T T S. Numbers that are not written the shortest way keep their tokens only with --exact:
`push 0 @\"T\"` is a negative zero.";

/// Show a program as assembly
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "PATH", value_hint = clap::ValueHint::FilePath, default_value = "-", hide_default_value = true)]
    output: String,
    /// Whose names and spacing
    #[arg(long, value_name = "STYLE", default_value = "kiln")]
    style: StyleChoice,
    /// Keep the tokens of numbers that are not written the shortest way
    #[arg(long)]
    exact: bool,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    options: Reading,
}

/// Whose names and spacing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum StyleChoice {
    /// Kiln's
    Kiln,
    /// Those of whitespacers, which reads the result
    Whitespacers,
}

/// Reads and prints.
pub fn disasm(arguments: Arguments) -> Result<(), Status> {
    let Arguments { output, style, exact, input, options: Reading(options) } = arguments;
    let names = match style {
        StyleChoice::Kiln => Names::Kiln,
        StyleChoice::Whitespacers => Names::Whitespacers,
    };
    let program = input.load(&options, Labels::Spelled)?;
    super::write(&output, program.to_assembly(Style { names, exact }).as_bytes())
}
