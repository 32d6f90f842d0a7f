//! `kiln build`: from text to bytecode.

use crate::input::{self, Dialect, File, Format, Input};
use crate::render::{self, diagnostics};
use crate::status::Status;
use kiln_dialects::rasm;
use kiln_ir::bytecode;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  kiln build program.kiln                      writes program.kbc
  kiln build program.kiln -o dist/p.kbc --strip
  kiln build program.ras -o program.rbc        rasm's own bytecode
  kiln build program.ras -o program.rbc --format rasm1
  kiln build --input-format rasm1 first.rbc -o second.rbc";

/// Turn a program into bytecode
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The file to write; `.rbc` is rasm's bytecode [default: the program's name with .kbc]
    #[arg(short, long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Leave out source positions and the names of registers, blocks and slots
    #[arg(long)]
    strip: bool,
    /// The layout of rasm's bytecode: of what is written, or else of what is read [default: rasm2]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// The layout of rasm's bytecode that is read, where both are [default: rasm2]
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<Format>,
    #[command(flatten)]
    file: File,
}

/// Reads, checks and writes.
pub fn build(arguments: Arguments) -> Result<(), Status> {
    let Arguments { file, format, input_format, .. } = &arguments;
    let source = Path::new(&file.path);
    let output = match (&arguments.output, file.path.as_str()) {
        (Some(path), _) => path.clone(),
        (None, "-") => {
            render::error("where to? standard input has no name", Some("add `-o FILE.kbc`"));
            return Err(Status::USAGE);
        }
        (None, _) if format.is_some() && !input::has_extension(source, "rbc") => source.with_extension("rbc"),
        (None, _) => source.with_extension("kbc"),
    };
    let bytes = if input::has_extension(&output, "rbc") {
        let input = input::load(file, *input_format)?;
        rasm_bytes(&input, file, format.unwrap_or(Format::Rasm2))?
    } else {
        if format.is_some() && file.dialect() != Dialect::Rasm {
            render::error("`--format` is for rasm's bytecode", Some("name the output `.rbc`"));
            return Err(Status::USAGE);
        }
        let input = input::load(file, input_format.or(*format))?;
        bytecode::encode(&input.module, bytecode::Options { strip: arguments.strip })
    };
    write(&output, &bytes)
}

/// The program as rasm's bytecode.
pub fn rasm_bytes(input: &Input, file: &File, format: Format) -> Result<Vec<u8>, Status> {
    let Some(program) = &input.rasm else {
        let message = format!("`{}` is not written in rasm", file.path);
        render::error(&message, Some("`.kbc` is the bytecode of other programs"));
        return Err(Status::USAGE);
    };
    rasm::encode(program, format.into()).map_err(|fault| {
        diagnostics::fault(&input.context(), &fault);
        Status::BAD_PROGRAM
    })
}

/// Writes a file.
pub fn write(output: &Path, bytes: &[u8]) -> Result<(), Status> {
    std::fs::write(output, bytes).map_err(|reason| {
        let reason = render::plain_reason(&reason);
        render::error(&format!("cannot write `{}`: {reason}", output.display()), None);
        Status::NO_OUTPUT
    })
}
