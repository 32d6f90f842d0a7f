//! `brainfuck [--tier TIER] [--eof RULE] [--ir] FILE`: compiles a program and runs it.

use brainfuck::{AtEnd, LoadError, Program, RunError, Tier};
use std::io::{stdin, stdout};
use std::process::ExitCode;

const USAGE: &str = "\
Compiles a brainfuck program and runs it on standard input and output.

usage: brainfuck [--tier TIER] [--eof RULE] [--ir] FILE

  --tier TIER   how to execute: `baseline`, machine code, or `interpreter`
  --eof RULE    what `,` does at the end of the input: the cell becomes `0` or `-1`, or is left
                as it is, `keep`; 0 if not said
  --ir          print the program as Kiln text instead of running it

exit status: 0, or 2 wrong use, 65 brackets that do not match, 66 no such file, 70 stopped by a trap";

struct Options {
    tier: Tier,
    at_end: AtEnd,
    ir: bool,
    file: String,
}

fn main() -> ExitCode {
    let Some(options) = options(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let Options { tier, at_end, ir, file } = options;
    let source = match std::fs::read(&file) {
        Ok(source) => source,
        Err(error) => return failure(66, &format!("{file}: {error}")),
    };
    if ir {
        return match brainfuck::parse(&source) {
            Ok(commands) => {
                print!("{}", brainfuck::compile(&file, &brainfuck::optimize(&commands)));
                ExitCode::SUCCESS
            }
            Err(error) => failure(65, &format!("{file}:{error}")),
        };
    }
    let program = match Program::new(&file, &source, tier) {
        Ok(program) => program,
        Err(LoadError::Syntax(error)) => return failure(65, &format!("{file}:{error}")),
        Err(LoadError::Kiln(error)) => return failure(70, &format!("{file}: {error}")),
    };
    match program.run(stdin(), stdout(), at_end) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ RunError::Output(_)) => failure(73, &error.to_string()),
        Err(error) => failure(70, &error.to_string()),
    }
}

/// The options, or `None` if the command is used wrong.
fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let (mut tier, mut at_end, mut ir, mut file) = (Tier::Baseline, AtEnd::Zero, false, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--tier" => {
                tier = match arguments.next()?.as_str() {
                    "baseline" => Tier::Baseline,
                    "interpreter" => Tier::Interpreter,
                    _ => return None,
                }
            }
            "--eof" => {
                at_end = match arguments.next()?.as_str() {
                    "0" => AtEnd::Zero,
                    "-1" => AtEnd::MinusOne,
                    "keep" => AtEnd::Keep,
                    _ => return None,
                }
            }
            "--ir" => ir = true,
            option if option.starts_with('-') => return None,
            _ if file.is_some() => return None,
            _ => file = Some(argument),
        }
    }
    Some(Options { tier, at_end, ir, file: file? })
}

fn failure(status: u8, message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(status)
}
