//! The `kiln` command: one file per subcommand, rendering apart. It uses the facade as any other program would, and
//! beside it the tables of the IR and of compiled code, to show them.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod build;
mod check;
mod completions;
mod convert;
mod dump;
mod explain;
mod features;
mod input;
mod lightning;
mod man;
mod passes;
mod render;
mod run;
mod status;
mod symbols;
mod ws;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};
use status::Status;
use std::path::Path;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  kiln run examples/fib.kiln 35         compile and run, with an argument
  kiln run --time program.kiln          the same; say where the time went
  generate | kiln run - arg             read the program from standard input
  kiln check program.kiln               report every error, run nothing
  kiln build program.kiln -o p.kbc      make bytecode; `kiln run p.kbc` runs it
  kiln convert p.kbc -o p.kiln          from one form or language to another
  kiln dump --asm program.kiln          machine code beside source and IR
  kiln explain sdiv                     what an operation does
  kiln ws program.ws                    programs in Whitespace; `kiln ws --help` says more

Exit status:
  of `run`, the program's own, unless it does not come that far:
  2    wrong use of the command
  65   the program has errors, or its bytecode is damaged or too new
  66   a file cannot be read
  69   a function or library that the program imports was not found
  70   the program trapped: division by zero, bad memory access, stack overflow, ...
  73   a file, or the program's output, cannot be written
  141  (killed by SIGPIPE) whoever read the output went away
  255  a program in the lightning language has errors; one that faults dies of the
       signal
  0 from the other subcommands means that all is well.";

/// Turns programs in a small typed register language into native code, at once
#[derive(Parser)]
#[command(name = "kiln", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Check(check::Arguments),
    Build(build::Arguments),
    Convert(convert::Arguments),
    Dump(dump::Arguments),
    Explain(explain::Arguments),
    Ws(Box<ws::Arguments>),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

fn main() -> ExitCode {
    // A closed output pipe ends the command as it ends other Unix programs: quietly.
    kiln::process::restore_sigpipe();
    let arguments = match Arguments::try_parse_from(ws::with_run(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => wrong_use(&error),
    };
    let status = match arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Check(arguments) => check::check(arguments),
        Command::Build(arguments) => build::build(arguments),
        Command::Convert(arguments) => convert::convert(arguments),
        Command::Dump(arguments) => dump::dump(arguments),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::Ws(arguments) => ws::ws(*arguments),
        Command::Completions(arguments) => completions::completions(arguments),
        Command::Man(arguments) => man::man(arguments),
    };
    match status {
        Ok(()) => ExitCode::SUCCESS,
        Err(Status(code)) => ExitCode::from(code),
    }
}

/// Says what is wrong with the command line, or what it asked to be told, and ends the process.
fn wrong_use(error: &clap::Error) -> ! {
    let word = error.get(ContextKind::InvalidSubcommand);
    if let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) = (error.kind(), word)
        && Path::new(word).is_file()
    {
        let message = format!("`{word}` is a file, where a subcommand is expected");
        render::error(&message, Some(&format!("to run it as a program: `kiln run {word}`")));
        kiln::process::exit(Status::USAGE.0.into())
    }
    error.exit()
}
