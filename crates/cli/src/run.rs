//! `kiln run`: compiles a program and enters its `main`.

use crate::input::{self, Dialect, File, Format, Input};
use crate::render::{self, diagnostics, nearest};
use crate::status::Status;
use crate::symbols;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use kiln::process::{self, Main};
use kiln::{Config, Engine, LinkFault, LoadError, Tier};
use kiln_ir::diagnostic::Diagnostic;
use std::ffi::CString;
use std::sync::Arc;
use std::time::Instant;

const EXAMPLES: &str = "\
The program must export `main`, either of
  export fn main() -> i32
  export fn main(%argc: i32, %argv: ptr) -> i32
What it returns is the exit status. Imports are looked up in the C library, and
in the libraries they name. A rasm program begins in `start`, whose arguments
are integers, and whose result is printed.

Examples:
  kiln run examples/fib.kiln 35
  kiln run --tier interpreter examples/fib.kiln 20
  kiln run --time examples/mandelbrot.kiln 1200 picture.ppm
  kiln run program.ras 32
  kiln run --fuel 1000000 --depth 100 examples/fib.kiln 20";

/// Compile a program and run its `main`
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Machine code that is made better where it turns out to matter; all of it made well, or quickly; or the slow
    /// interpreter that defines the meaning
    #[arg(long, value_name = "TIER", default_value = "auto", value_parser = tiers())]
    tier: Tier,
    /// When the program has ended, say on standard error where the time went
    #[arg(long)]
    time: bool,
    /// Show functions and source lines to gdb, as in `gdb --args kiln run --gdb FILE`
    #[arg(long)]
    gdb: bool,
    /// Name functions for perf in /tmp/perf-PID.map, and keep frame pointers
    #[arg(long)]
    perf_map: bool,
    /// End the program when it has entered so many functions and come by so many loop heads
    #[arg(long, value_name = "N")]
    fuel: Option<u64>,
    /// End the program when more than so many calls of its functions are nested
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    #[command(flatten)]
    processor: crate::features::Arguments,
    /// The layout of rasm's bytecode [default: rasm2]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    #[command(flatten)]
    file: File,
    /// Arguments for the program, after its name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS", value_hint = clap::ValueHint::FilePath)]
    arguments: Vec<String>,
}

/// The tiers by name.
const TIERS: [(&str, Tier); 4] = [
    ("auto", Tier::Auto),
    ("optimized", Tier::Optimized),
    ("baseline", Tier::Baseline),
    ("interpreter", Tier::Interpreter),
];

fn tiers() -> impl TypedValueParser<Value = Tier> {
    let tier = |name: String| TIERS.iter().find(|(known, _)| *known == name).map(|(_, tier)| *tier);
    PossibleValuesParser::new(TIERS.map(|(name, _)| name)).map(move |name| tier(name).unwrap_or_default())
}

/// Runs the program; returns only if it could not be started or trapped.
pub fn run(arguments: Arguments) -> Result<(), Status> {
    let mut input = input::load(&arguments.file, arguments.format)?;
    let mut times = std::mem::take(&mut input.times);
    if input.lightning.as_ref().is_some_and(|lightning| !lightning.run) {
        return Ok(());
    }
    let input = Arc::new(input);
    report_foreign_faults(&input);
    // Profilers find callers by frame pointers only.
    let mut config = Config::new()
        .tier(arguments.tier)
        .features(arguments.processor.features())
        .gdb(arguments.gdb)
        .perf_map(arguments.perf_map)
        .frame_pointers(arguments.perf_map);
    if let Some(units) = arguments.fuel {
        config = config.fuel(units);
    }
    if let Some(activations) = arguments.depth {
        config = config.depth(activations);
    }
    let engine = Engine::new(config);
    let loaded = engine.load_timed(input.module.clone(), &mut |step, took| times.push((step, took)));
    let program = loaded.map_err(|error| load_error(&input, &error))?;
    let main = match Main::find(&program) {
        Ok(main) => main,
        Err(error) => {
            let (reason, help) = match arguments.file.dialect() {
                Dialect::Kiln => (
                    error.to_string(),
                    "write `export fn main() -> i32` or `export fn main(%argc: i32, %argv: ptr) -> i32`",
                ),
                Dialect::Rasm => {
                    ("it has no function `start`".into(), "a program begins in the function `start`")
                }
                Dialect::Lightning => (error.to_string(), "a program begins with its first instruction"),
            };
            render::error(&format!("cannot run `{}`: {reason}", input.name), Some(help));
            return Err(Status::BAD_PROGRAM);
        }
    };
    let mut own = arguments.arguments;
    let mut own_name = input.name.as_str();
    if input.lightning.is_some() {
        drop_separator(&mut own);
        // In this language it is what stands on the command line, `-` too.
        own_name = &arguments.file.path;
    }
    let mut strings = Vec::with_capacity(own.len() + 1);
    for argument in std::iter::once(own_name).chain(own.iter().map(String::as_str)) {
        // Arguments of a process hold no zero byte; a file name from the shell does not either.
        strings.push(CString::new(argument).unwrap_or_default());
    }
    let started = Instant::now();
    let result = main.run(&strings);
    times.push(("run", started.elapsed()));
    // Whatever the program has written through C's streams comes before our own words.
    let flushed = process::flush_streams();
    if arguments.time {
        print_times(&times);
    }
    if let Err(reason) = &flushed {
        render::error(&format!("cannot write the program's output: {}", render::plain_reason(reason)), None);
    }
    match result {
        // A program that believes it has succeeded has not.
        Ok(0) if flushed.is_err() => process::exit(Status::NO_OUTPUT.0.into()),
        Ok(status) => process::exit(status),
        Err(trap) => {
            render::trap::trap(&input.context(), &trap);
            if input.lightning.is_some() {
                process::end_by_fault(trap.kind())
            }
            process::exit(Status::TRAP.0.into())
        }
    }
}

/// Drops the first `--` of the command line, unless the command's own parser has taken it.
fn drop_separator(own: &mut Vec<String>) {
    let given = std::env::args_os().filter(|argument| argument == "--").count();
    if let Some(first) = own.iter().position(|argument| argument == "--")
        && given == own.iter().filter(|argument| *argument == "--").count()
    {
        own.remove(first);
    }
}

/// A wild pointer that the program hands to a C function ends the process; then at least with a message.
fn report_foreign_faults(input: &Arc<Input>) {
    let input = input.clone();
    process::on_foreign_fault(move |fault| {
        // Whether it succeeds or not, the fault is what there is to say.
        let _ = process::flush_streams();
        render::trap::trap(&input.context(), fault);
        if input.lightning.is_some() {
            process::end_by_fault(fault.kind())
        }
        process::exit_now(Status::TRAP.0.into())
    });
}

fn load_error(input: &Input, error: &LoadError) -> Status {
    match error {
        LoadError::Compile(refused) => {
            diagnostics::faults(&input.context(), refused);
            Status::BAD_PROGRAM
        }
        LoadError::Link(link) => {
            for fault in &link.faults {
                link_fault(input, fault);
            }
            Status::UNAVAILABLE
        }
        LoadError::PerfMap { .. } => {
            render::error(&error.to_string(), None);
            Status::NO_OUTPUT
        }
        LoadError::Parse(_)
        | LoadError::Bytecode(_)
        | LoadError::Verify(_)
        | LoadError::ImportSignature { .. } => {
            render::error(&error.to_string(), None);
            Status::BAD_PROGRAM
        }
    }
}

fn link_fault(input: &Input, fault: &LinkFault) {
    let (name, help) = match fault {
        LinkFault::MissingFunction { name, library: Some(_), .. } => (Some(name), None),
        LinkFault::MissingFunction { name, .. } | LinkFault::MissingData { name, .. } => {
            (Some(name), Some(suggest(input, name)))
        }
        LinkFault::NoCode { .. }
        | LinkFault::MissingRoutine(_)
        | LinkFault::OutOfReach { .. }
        | LinkFault::ThreadLocal { .. }
        | LinkFault::Alignment { .. }
        | LinkFault::NoMemory { .. } => (None, None),
    };
    let name = name.map(String::as_str);
    let named = input.rasm.as_ref().zip(name).and_then(|(program, name)| program.external(name));
    match named {
        Some(at) => diagnostics::fault(&input.context(), &Diagnostic { at, fault: fault.to_string(), help }),
        None => diagnostics::import(&input.context(), &fault.to_string(), name, help.as_deref()),
    }
}

/// What to do about a symbol that was not found.
fn suggest(input: &Input, name: &str) -> String {
    let own = input.module.funcs().iter().filter(|f| f.body.is_some()).map(|f| f.name.clone());
    let known: Vec<String> = own.chain(symbols::of_process()).collect();
    let near = nearest(name, known.iter().map(String::as_str));
    match (near.is_empty(), &input.rasm) {
        (false, _) => format!("did you mean {}?", near.join(" or ")),
        (true, None) => "if it is in a library, name it: `extern NAME: fn(...) from \"libNAME.so\"`".into(),
        (true, Some(_)) => "`*` is for functions and data of the C and mathematics libraries".into(),
    }
}

fn print_times(times: &[(&'static str, std::time::Duration)]) {
    let total: f64 = times.iter().map(|(_, took)| took.as_secs_f64()).sum();
    for (step, took) in times {
        eprintln!("{step:<8}{:>12.3} ms", took.as_secs_f64() * 1e3);
    }
    eprintln!("{:<8}{:>12.3} ms", "total", total * 1e3);
}
