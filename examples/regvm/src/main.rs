//! The `regvm` command.

use clap::{Parser, Subcommand};
use kiln::{Config, Engine};
use regvm::check::Function;
use regvm::{Checked, Inst, Interpreter, Machine, Value};
use std::error::Error;
use std::process::ExitCode;

/// Runs programs of a small register machine as native code
#[derive(Parser)]
#[command(name = "regvm", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Call a program's `main` and print its result
    Run {
        /// Interpret it instead: slow, without external functions
        #[arg(long)]
        interpret: bool,
        /// The program
        file: String,
        /// Arguments of `main`, ints or doubles as it takes them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Show the Kiln program that a program becomes; `kiln dump --asm` shows the machine code of that
    Dump {
        /// The program
        file: String,
    },
    /// List the instructions
    Instructions,
}

fn main() -> ExitCode {
    kiln::process::restore_sigpipe();
    let done = match Arguments::parse().command {
        Command::Run { interpret, file, arguments } => run(interpret, &file, &arguments),
        Command::Dump { file } => dump(&file),
        Command::Instructions => {
            for form in Inst::forms() {
                println!("{:<36} {}", form.form, form.meaning);
            }
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn load(file: &str) -> Result<Checked, Box<dyn Error>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    regvm::load(file, &text).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("{file}:{error}")).collect();
        lines.join("\n").into()
    })
}

fn run(interpret: bool, file: &str, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let code = load(file)?;
    let main = code.functions().find(|(func, _)| code.function_name(*func) == "main");
    let (_, main) = main.ok_or("there is no function `main`")?;
    let arguments = parse(main, arguments)?;
    let result = if interpret {
        let mut interpreter = Interpreter::new(&code, |name, _| Err(format!("`{name}` is native code")));
        interpreter.call("main", &arguments).ok_or("there is no function `main`")??
    } else {
        let machine = Machine::load(&Engine::new(Config::new()), code)?;
        // SAFETY: whoever runs a program with this command trusts it like any other program.
        unsafe { machine.call("main", &arguments) }?
    };
    if let Some(value) = result {
        println!("{value}");
    }
    Ok(())
}

fn parse(main: &Function, arguments: &[String]) -> Result<Vec<Value>, Box<dyn Error>> {
    if arguments.len() != main.params.len() {
        return Err(format!("`main` takes {} arguments", main.params.len()).into());
    }
    let parse = |(reg, text): (&regvm::Reg, &String)| {
        Value::parse(reg.kind, text).ok_or_else(|| format!("`{text}` is not of kind {}", reg.kind).into())
    };
    main.params.iter().zip(arguments).map(parse).collect()
}

fn dump(file: &str) -> Result<(), Box<dyn Error>> {
    print!("{}", regvm::translate(&load(file)?)?);
    Ok(())
}
