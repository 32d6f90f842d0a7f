//! `kiln convert`: from one language or form to another.

use crate::build::{rasm_bytes, write};
use crate::input::{self, File, Format};
use crate::render::{self, diagnostics};
use crate::status::Status;
use kiln_dialects::rasm;
use kiln_ir::bytecode;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  kiln convert program.ras -o program.kiln
  kiln convert program.rbc -o program.ras
  kiln convert program.rbc -o program.kiln --format rasm1
  kiln convert program.kbc -o program.kiln
  kiln convert program.kiln -o program.ras";

/// Write a program in another language or form, which the name of the output says
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The file to write: `.kiln`, `.kbc`, `.ras`; from rasm also `.rbc`
    #[arg(short, long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    output: PathBuf,
    /// The layout of rasm's bytecode that is read [default: rasm2]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    #[command(flatten)]
    file: File,
}

/// Reads, checks and writes.
pub fn convert(arguments: Arguments) -> Result<(), Status> {
    let Arguments { output, format, file } = &arguments;
    let input = input::load(file, *format)?;
    let bytes = match output.extension().and_then(|extension| extension.to_str()) {
        Some("kiln") => input.module.to_string().into_bytes(),
        Some("kbc") => bytecode::encode(&input.module, bytecode::Options::default()),
        Some("rbc") => rasm_bytes(&input, file, Format::Rasm2)?,
        Some("ras") => rasm_text(&input)?.into_bytes(),
        _ => {
            let message = format!("`{}` does not say what to write", output.display());
            render::error(&message, Some("end it with .kiln, .kbc, .ras or .rbc"));
            return Err(Status::USAGE);
        }
    };
    write(output, &bytes)
}

/// The program as rasm's text: as it was written, or what it says in rasm.
fn rasm_text(input: &input::Input) -> Result<String, Status> {
    let text = match &input.rasm {
        Some(program) => rasm::print(program).map_err(|fault| vec![fault]),
        None => rasm::from_module(&input.module),
    };
    text.map_err(|faults| {
        diagnostics::faults(&input.context(), &faults);
        Status::BAD_PROGRAM
    })
}
