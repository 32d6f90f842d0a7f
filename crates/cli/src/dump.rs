//! `kiln dump`: a program's forms, from IR to machine code.

use crate::input::{self, Input};
use crate::render::{self, diagnostics, listing};
use crate::status::Status;
use kiln_codegen::{Code, Options, Scratch};
use kiln_ir::bytecode;

const EXAMPLES: &str = "\
Examples:
  kiln dump --ir p.kbc                back from bytecode to text
  kiln dump --asm examples/fib.kiln   disassembly with the source and IR it comes from
  kiln dump --layout p.kiln           sizes of functions, frames and data";

/// Show a program's IR, bytecode, machine code or layout
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    form: Form,
    /// The program: text or bytecode; `-` for standard input
    file: String,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Form {
    /// The IR as text, as it can be read back
    #[arg(long)]
    ir: bool,
    /// The bytes of the bytecode form
    #[arg(long)]
    bytecode: bool,
    /// The machine code of the baseline compiler, with source lines and IR between
    #[arg(long)]
    asm: bool,
    /// Sizes and places of functions, frames, blocks and data
    #[arg(long)]
    layout: bool,
}

/// Writes one form to standard output.
pub fn dump(arguments: Arguments) -> Result<(), Status> {
    let input = input::load(&arguments.file)?;
    let form = arguments.form;
    let text = if form.ir {
        input.module.to_string()
    } else if form.bytecode {
        listing::bytes(&bytecode::encode(&input.module, bytecode::Options::default()))
    } else {
        let code = compile(&input)?;
        if form.asm { listing::assembly(&input, &code) } else { listing::layout(&input.module, &code) }
    };
    render::write_out(&text)
}

fn compile(input: &Input) -> Result<Code, Status> {
    let mut code = Code::default();
    let compiled =
        kiln_codegen::compile(&input.module, &Options::default(), &mut Scratch::default(), &mut code);
    compiled.map_err(|refused| {
        diagnostics::faults(&input.context(), &refused);
        Status::BAD_PROGRAM
    })?;
    Ok(code)
}
