//! `kiln dump`: a program's forms, from IR to machine code.

use crate::input::{self, Dialect, File, Format, Input};
use crate::passes;
use crate::render::{self, diagnostics, listing};
use crate::status::Status;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kiln_codegen::{Code, Options, Passes, Scratch, Tier};
use kiln_ir::bytecode;
use kiln_ir::text::Sources;

const EXAMPLES: &str = "\
Examples:
  kiln dump --ir p.kbc                back from bytecode to text
  kiln dump --asm examples/fib.kiln   disassembly with the source and IR it comes from
  kiln dump --bytecode p.kbc          byte by byte, as far as it is not damaged
  kiln dump --layout p.kiln           sizes of functions, frames and data
  kiln dump --calls p.kiln            in which registers arguments and results travel
  kiln dump --pass licm p.kiln        what moving invariants out of loops changes
  kiln dump --asm --without licm p.kiln
                                      the machine code without that
  kiln dump --time-passes p.kiln      how long each pass takes";

/// Show a program's IR, bytecode, machine code or layout
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    form: Form,
    /// Whose machine code, or whose layout
    #[arg(long, value_name = "TIER", default_value = "optimized", value_parser = tiers())]
    tier: Tier,
    /// Leave out this pass of the optimizing compiler; may be given several times
    #[arg(long, value_name = "PASS", value_parser = passes::parser(), hide_possible_values = true)]
    without: Vec<Passes>,
    #[command(flatten)]
    processor: crate::features::Arguments,
    /// The layout of rasm's bytecode [default: rasm2]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    #[command(flatten)]
    file: File,
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
    /// The machine code, with source lines and IR between
    #[arg(long)]
    asm: bool,
    /// Sizes and places of functions, frames, blocks and data
    #[arg(long)]
    layout: bool,
    /// Where arguments and results are in calls of each function and import
    #[arg(long)]
    calls: bool,
    /// The functions before and after a pass of the optimizing compiler
    #[arg(long, value_name = "PASS", value_parser = passes::parser())]
    pass: Option<Passes>,
    /// How long each pass of the optimizing compiler takes
    #[arg(long)]
    time_passes: bool,
}

/// The compilers by name.
fn tiers() -> impl TypedValueParser<Value = Tier> {
    PossibleValuesParser::new(["baseline", "optimized"]).map(|name| match name.as_str() {
        "baseline" => Tier::Baseline,
        _ => Tier::Optimized,
    })
}

/// Writes one form to standard output.
pub fn dump(arguments: Arguments) -> Result<(), Status> {
    let form = arguments.form;
    if form.bytecode && arguments.file.dialect() == Dialect::Kiln {
        return dump_bytecode(&arguments.file.path);
    }
    let input = input::load(&arguments.file, arguments.format)?;
    if form.bytecode {
        let bytes = bytecode::encode(&input.module, bytecode::Options::default());
        return render::write_out(&listing::bytes(&bytes, &bytecode::outline(&bytes).0));
    }
    let passes = arguments.without.iter().fold(Passes::ALL, |passes, pass| passes.without(*pass));
    let features = arguments.processor.features();
    let options = Options { features, tier: arguments.tier, passes, ..Options::default() };
    let text = if let Some(pass) = form.pass {
        passes::show(&input, &options, pass)
    } else if form.time_passes {
        passes::times(&input, &options)
    } else if form.ir {
        input.module.to_string()
    } else if form.calls {
        listing::calls(&input.module)
    } else {
        let code = compile(&input, &options)?;
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
            diagnostics::fault(&diagnostics::Context::of_text(&name, &Sources::default()), &fault);
            Err(Status::BAD_PROGRAM)
        }
    }
}

fn compile(input: &Input, options: &Options) -> Result<Code, Status> {
    let mut code = Code::default();
    let compiled = kiln_codegen::compile(&input.module, options, &mut Scratch::default(), &mut code);
    compiled.map_err(|refused| {
        diagnostics::faults(&input.context(), &refused);
        Status::BAD_PROGRAM
    })?;
    Ok(code)
}
