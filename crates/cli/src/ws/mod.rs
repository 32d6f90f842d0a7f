//! `kiln ws`: programs in the language Whitespace. One file per subcommand; `input.rs` reads programs, `options.rs` has what
//! the language's options are on the command line.

mod asm;
mod check;
mod count;
mod disasm;
mod fmt;
mod input;
mod options;
mod perf;
mod run;

use crate::render;
use crate::status::Status;
use clap::Subcommand;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

const ABOUT: &str = "\
Whitespace is a language of three characters: space, tab and line feed. All others are comments, so programs are
hard to see. Every subcommand reads both forms, a program as it is (.ws) and readable assembly (.wsa), and tells
them apart by what is in the file; `-f` decides where that fails.";

const EXAMPLES: &str = "\
Examples:
  kiln ws program.ws                     run it; short for `kiln ws run program.ws`
  kiln ws run -i input.txt program.wsa   with input from a file
  kiln ws check program.ws               report errors and doubtful places
  kiln ws disasm program.ws              show it as assembly
  kiln ws asm program.wsa                make program.ws of assembly
  kiln ws fmt --minify big.ws -o small.ws

A first program, hello.wsa:
  push 'H' printc      ; write a character
  push 'i' printc
  push 3
  loop:                ; a label
    push '!' printc
    push 1 sub         ; or shorter: sub 1
    dup jz done        ; jump if it is 0
    jmp loop
  done: end

Exit status:
  0  all is well
  1  the program failed while it ran
  2  wrong use of the command, or a file cannot be read or written
  3  the program is rejected";

/// Run, check and translate programs in Whitespace
#[derive(clap::Args)]
#[command(about = "Run, check and translate programs in Whitespace", long_about = ABOUT, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Count(count::Arguments),
    Check(check::Arguments),
    Asm(asm::Arguments),
    Disasm(disasm::Arguments),
    Fmt(fmt::Arguments),
}

/// Does what the subcommand says.
pub fn ws(arguments: Arguments) -> Result<(), Status> {
    match arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Count(arguments) => count::count(arguments),
        Command::Check(arguments) => check::check(arguments),
        Command::Asm(arguments) => asm::asm(arguments),
        Command::Disasm(arguments) => disasm::disasm(arguments),
        Command::Fmt(arguments) => fmt::fmt(arguments),
    }
}

/// The words of the command line, with `run` put in where `kiln ws` is followed by a file or an option of it.
pub fn with_run(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.collect();
    if words.get(1).is_some_and(|word| word == "ws")
        && let Some(word) = words.get(2).map(|word| word.to_string_lossy())
        && !["-h", "--help", "help"].contains(&&*word)
        && !Command::has_subcommand(&word)
        && (word.starts_with('-') || word.contains(['.', '/']) || Path::new(&*word).is_file())
    {
        words.insert(2, "run".into());
    }
    words
}

/// Writes to a file, or to standard output for `-`.
fn write(output: &str, bytes: &[u8]) -> Result<(), Status> {
    if output != "-" {
        return crate::build::write(output.as_ref(), bytes).map_err(|_| Status::USAGE);
    }
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|reason| {
        render::error(&format!("cannot write to standard output: {}", render::plain_reason(&reason)), None);
        Status::USAGE
    })
}
