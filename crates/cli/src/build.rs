//! `kiln build`: from text to bytecode.

use crate::input;
use crate::render;
use crate::status::Status;
use kiln_ir::bytecode;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  kiln build program.kiln                      writes program.kbc
  kiln build program.kiln -o dist/p.kbc --strip";

/// Turn a program into bytecode
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The program: text or bytecode; `-` for standard input
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: String,
    /// The file to write [default: the program's name with .kbc]
    #[arg(short, long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Leave out source positions and the names of registers, blocks and slots
    #[arg(long)]
    strip: bool,
}

/// Reads, checks and writes.
pub fn build(arguments: Arguments) -> Result<(), Status> {
    let output = match (&arguments.output, arguments.file.as_str()) {
        (Some(path), _) => path.clone(),
        (None, "-") => {
            render::error("where to? standard input has no name", Some("add `-o FILE.kbc`"));
            return Err(Status::USAGE);
        }
        (None, file) => Path::new(file).with_extension("kbc"),
    };
    let input = input::load(&arguments.file)?;
    let bytes = bytecode::encode(&input.module, bytecode::Options { strip: arguments.strip });
    std::fs::write(&output, bytes).map_err(|reason| {
        let reason = render::plain_reason(&reason);
        render::error(&format!("cannot write `{}`: {reason}", output.display()), None);
        Status::NO_OUTPUT
    })
}
