//! `kiln ws fmt`: the same program written another way.

use super::input::Input;
use super::options::Reading;
use crate::status::Status;
use kiln_whitespace::assembly::Labels;

const EXAMPLES: &str = "\
Examples:
  kiln ws fmt --minify program.ws -o small.ws
  kiln ws fmt --minify --optimise size program.ws -o smaller.ws
  kiln ws fmt --annotate program.ws | less
  kiln ws fmt --strip annotated.ws -o program.ws";

/// Write a program another way: smaller, with its listing between the tokens, or without comments
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    way: Way,
    /// Leave out what no run can miss: other than without this, fewer instructions may run
    #[arg(long, value_name = "GOAL", conflicts_with_all = ["annotate", "strip"])]
    optimise: Option<Goal>,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "PATH", value_hint = clap::ValueHint::FilePath, default_value = "-", hide_default_value = true)]
    output: String,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    options: Reading,
}

/// How to write it.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Way {
    /// No comments, numbers the shortest way, the shortest labels; the same instructions
    #[arg(long)]
    minify: bool,
    /// Each instruction's assembly in brackets in front of its tokens, as comments
    #[arg(long)]
    annotate: bool,
    /// No comments; the tokens as they are
    #[arg(long)]
    strip: bool,
}

/// What to optimise for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Goal {
    /// Fewer bytes: no unreachable instructions, no unused labels
    Size,
}

/// Reads and writes.
pub fn fmt(arguments: Arguments) -> Result<(), Status> {
    let Arguments { way, optimise, output, input, options: Reading(options) } = arguments;
    let program = input.load(&options, Labels::Spelled)?;
    let program = match optimise {
        Some(Goal::Size) => program.shrink(),
        None => program,
    };
    let bytes = match way {
        Way { minify: true, .. } => program.minify().to_whitespace(),
        Way { annotate: true, .. } => program.annotate(),
        Way { .. } => program.to_whitespace(),
    };
    super::write(&output, &bytes)
}
