//! `kiln dump`: a program's forms, from IR to machine code.

use crate::input::{self, Input};
use crate::render::{self, diagnostics, listing};
use crate::status::Status;
use kiln_codegen::{Code, Features, Options, Scratch};
use kiln_ir::bytecode;
use kiln_ir::text::Sources;

const EXAMPLES: &str = "\
Examples:
  kiln dump --ir p.kbc                back from bytecode to text
  kiln dump --asm examples/fib.kiln   disassembly with the source and IR it comes from
  kiln dump --bytecode p.kbc          byte by byte, as far as it is not damaged
  kiln dump --layout p.kiln           sizes of functions, frames and data
  kiln dump --calls p.kiln            in which registers arguments and results travel";

/// Show a program's IR, bytecode, machine code or layout
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    processor: crate::features::Arguments,
    /// The program: text or bytecode; `-` for standard input
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: String,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Form {
    /// The IR as text, as it can be read back
    #[arg(long)]
    ir: bool,
    /// The bytes of the bytecode form, and what each of them says
    #[arg(long)]
    bytecode: bool,
    /// The machine code of the baseline compiler, with source lines and IR between
    #[arg(long)]
    asm: bool,
    /// Sizes and places of functions, frames, blocks and data
    #[arg(long)]
    layout: bool,
    /// Where arguments and results are in calls of each function and import
    #[arg(long)]
    calls: bool,
}

/// Writes one form to standard output.
pub fn dump(arguments: Arguments) -> Result<(), Status> {
    let form = arguments.form;
    if form.bytecode {
        return dump_bytecode(&arguments.file);
    }
    let input = input::load(&arguments.file)?;
    let text = if form.ir {
        input.module.to_string()
    } else if form.calls {
        listing::calls(&input.module)
    } else {
        let code = compile(&input, arguments.processor.features())?;
        if form.asm { listing::assembly(&input, &code) } else { listing::layout(&input.module, &code) }
    };
    render::write_out(&text)
}

/// Bytecode is shown as it is in the file, up to the first fault if there is one; text is turned into bytecode first.
fn dump_bytecode(file: &str) -> Result<(), Status> {
    let (name, mut bytes) = input::read(file)?;
    if !input::is_bytecode(&bytes) {
        let input = input::of_bytes(name.clone(), bytes)?;
        bytes = bytecode::encode(&input.module, bytecode::Options::default());
    }
    let (parts, fault) = bytecode::outline(&bytes);
    render::write_out(&listing::bytes(&bytes, &parts))?;
    match fault {
        None => Ok(()),
        Some(fault) => {
            diagnostics::fault(
                &diagnostics::Context { file: &name, sources: &Sources::default(), module: None },
                &fault,
            );
            Err(Status::BAD_PROGRAM)
        }
    }
}

fn compile(input: &Input, features: Features) -> Result<Code, Status> {
    let mut code = Code::default();
    let options = Options { features, ..Options::default() };
    let compiled = kiln_codegen::compile(&input.module, &options, &mut Scratch::default(), &mut code);
    compiled.map_err(|refused| {
        diagnostics::faults(&input.context(), &refused);
        Status::BAD_PROGRAM
    })?;
    Ok(code)
}
