//! `kiln ws run`: runs a program.

use super::input::Input;
use super::options::Language;
use super::perf::{self, Perf};
use crate::render::{self, whitespace};
use crate::status::Status;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use kiln_whitespace::assembly::Labels;
use kiln_whitespace::trace::{Events, Trace};
use kiln_whitespace::{Engine, Fault, FaultKind, Machine, Options, Program, Stop, engine, signals, state};
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  kiln ws program.ws                           `run` may be left out
  kiln ws run program.wsa < input.txt
  generate | kiln ws run -i input.txt -        the program from standard input
  kiln ws run --compat whitespacers program.ws
  kiln ws run --max-steps 1000000 --max-output 65536 untrusted.ws
  kiln ws run --trace --break loop program.wsa

Output that cannot be delivered, because whoever read it went away, ends the program with status 1. Ctrl-C ends it with
status 130, with all output written.";

/// Run a program
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// How the program is run [default: `aot` for small programs, `threaded` for large ones, `optimised` if nothing in
    /// the program can run twice]
    #[arg(short, long, value_name = "ENGINE", value_parser = engines())]
    engine: Option<Engine>,
    #[command(flatten)]
    channels: Channels,
    /// Say on standard error where the time went
    #[arg(short, long, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    perf: Option<perf::Form>,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    trace: Tracing,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    options: Language,
}

fn engines() -> impl TypedValueParser<Value = Engine> {
    let values = engine::TABLE
        .iter()
        .map(|row| PossibleValue::new(row.name).aliases(row.aliases).help(row.doc.trim_end_matches('.')));
    PossibleValuesParser::new(values).map(|name| Engine::from_name(&name).expect("every name is a row's"))
}

/// Where input comes from and output goes to.
#[derive(clap::Args)]
pub struct Channels {
    /// Read the program's input from a file [default: standard input]
    #[arg(short, long = "input", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    input_file: Option<String>,
    /// Write the program's output to a file [default: standard output]
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<String>,
}

/// What a program may use up.
#[derive(clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Fail when more instructions than this are to run
    #[arg(long, value_name = "N")]
    max_steps: Option<u64>,
    /// Fail when the data stack is to hold more items than this
    #[arg(long, value_name = "N")]
    max_stack: Option<u64>,
    /// Fail when more heap cells than this are to be written
    #[arg(long, value_name = "N")]
    max_heap: Option<u64>,
    /// Fail when more calls than this are to be under way
    #[arg(long, value_name = "N")]
    max_calls: Option<u64>,
    /// Fail when more bytes than this are to be written
    #[arg(long, value_name = "N")]
    max_output: Option<u64>,
}

impl Limits {
    /// Puts them into the options.
    pub fn set(&self, options: &mut Options) {
        options.limits = kiln_whitespace::options::Limits {
            steps: self.max_steps,
            stack: self.max_stack,
            heap: self.max_heap,
            calls: self.max_calls,
            output: self.max_output,
        };
    }
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum TraceEvents {
    /// Every instruction
    Instructions,
    /// Calls and returns, indented
    Calls,
    /// At the end, how often each block was entered
    Blocks,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Tracing")]
struct Tracing {
    /// Show on standard error what runs
    #[arg(long, value_name = "EVENTS", num_args = 0..=1, require_equals = true, default_missing_value = "instructions")]
    trace: Option<TraceEvents>,
    /// How many items of the stack each line shows
    #[arg(long, value_name = "N", default_value = "4", requires = "trace")]
    trace_stack: usize,
    /// Show nothing before this instruction, counted in the order of execution from 0
    #[arg(long, value_name = "N", requires = "trace")]
    trace_from: Option<u64>,
    /// Show nothing behind this instruction
    #[arg(long, value_name = "N", requires = "trace")]
    trace_to: Option<u64>,
    /// Show nothing before execution comes to this label or line
    #[arg(long = "break", value_name = "LABEL|LINE", requires = "trace")]
    breaks: Vec<String>,
}

impl Tracing {
    fn trace(&self, program: &Program) -> Result<Option<Trace>, Status> {
        let Some(events) = self.trace else { return Ok(None) };
        let events = match events {
            TraceEvents::Instructions => Events::Instructions,
            TraceEvents::Calls => Events::Calls,
            TraceEvents::Blocks => Events::Blocks,
        };
        let mut breaks = Vec::new();
        for place in &self.breaks {
            let found = instructions_at(program, place);
            if found.is_empty() {
                let message = format!("there is no instruction at `{place}`");
                render::error(&message, Some("name a label of the program, or a line with instructions"));
                return Err(Status::USAGE);
            }
            breaks.extend(found);
        }
        let (from, to) = (self.trace_from.unwrap_or(0), self.trace_to.unwrap_or(u64::MAX));
        Ok(Some(Trace { events, items: self.trace_stack, from, to, breaks }))
    }
}

/// The instructions behind a label or of a line of the program's own file.
fn instructions_at(program: &Program, place: &str) -> Vec<u32> {
    if let Some(at) = program.find_label(place).and_then(|label| program.definition(label)) {
        // Jumps do not execute the label.
        return vec![at, at + 1];
    }
    let Ok(line) = place.parse::<u32>() else { return Vec::new() };
    let file = program.sources().and_then(|sources| Some(sources.iter().next()?.name.clone()));
    let on_line = |at: &u32| {
        program
            .position(*at)
            .is_some_and(|position| position.line == line && Some(&*position.file) == file.as_deref())
    };
    (0..program.len() as u32).filter(on_line).collect()
}

/// A program with its file's name.
pub struct Named {
    /// The name as messages show it.
    pub name: String,
    /// The program.
    pub program: Program,
}

/// Reads the program.
pub fn load(
    input: &Input,
    channels: &Channels,
    options: &Options,
    times: &mut Vec<(&'static str, Duration)>,
) -> Result<Named, Status> {
    if input.path == "-" && channels.input_file.is_none() {
        let message = "standard input cannot hold both the program and its input";
        render::error(message, Some("`-i FILE` reads the program's input from a file"));
        return Err(Status::USAGE);
    }
    let started = Instant::now();
    let (name, bytes) = crate::input::read(&input.path).map_err(|_| Status::USAGE)?;
    let read = Instant::now();
    let program = input.program(&name, &bytes, options, Labels::Spelled)?;
    times.extend([("read", read - started), ("parse", read.elapsed())]);
    Ok(Named { name, program })
}

/// A machine with these channels, which Ctrl-C interrupts.
pub fn machine(program: &Named, options: &Options, channels: &Channels) -> Result<Machine<'static>, Status> {
    let cannot = |what: &str, reason: &io::Error| {
        render::error(&format!("cannot {what}: {}", render::plain_reason(reason)), None);
        Status::USAGE
    };
    // Files of their own: what is in between in the standard library buffers once more.
    let input = match &channels.input_file {
        Some(path) => File::open(path).map_err(|reason| cannot(&format!("read `{path}`"), &reason))?,
        None => duplicate(io::stdin()).map_err(|reason| cannot("read standard input", &reason))?,
    };
    let output = match &channels.output {
        Some(path) => File::create(path).map_err(|reason| cannot(&format!("write `{path}`"), &reason))?,
        None => duplicate(io::stdout()).map_err(|reason| cannot("write standard output", &reason))?,
    };
    let watched = output.is_terminal();
    let mut streams = state::Channels::new(BufReader::with_capacity(1 << 16, input), output);
    if watched {
        streams = streams.line_by_line();
    }
    let machine = Machine::with_channels(&program.program, options, streams)
        .map_err(|reason| cannot("reserve memory", &reason))?;
    signals::ignore_broken_pipes();
    signals::interrupt_by_ctrl_c(machine.interrupt_token());
    Ok(machine)
}

fn duplicate(stream: impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

/// The status of a program that Ctrl-C stopped: as of one that the signal had killed.
const INTERRUPTED: Status = Status(130);

/// The status of a program that failed.
const FAILED: Status = Status(1);

/// Says how the run ended, unless it ended well.
pub fn report(name: &str, machine: &Machine<'_>, result: Result<Stop, Fault>) -> Result<(), Status> {
    match result {
        Ok(Stop::Interrupted) => {
            let at = machine.state().instruction();
            let position = machine.program().position(at).map(|at| format!(", {at}")).unwrap_or_default();
            render::error(&format!("interrupted at instruction {at}{position}"), None);
            Err(INTERRUPTED)
        }
        Ok(Stop::End | Stop::Steps) => Ok(()),
        Err(Fault { kind: FaultKind::Io { kind: io::ErrorKind::BrokenPipe, .. }, .. }) => Err(FAILED),
        Err(fault) => {
            whitespace::fault(name, machine, &fault);
            Err(FAILED)
        }
    }
}

/// Runs the program.
pub fn run(arguments: Arguments) -> Result<(), Status> {
    let Arguments { engine, channels, perf, limits, trace, input, options: Language(mut options) } =
        arguments;
    limits.set(&mut options);
    let mut measured = Perf::default();
    let program = load(&input, &channels, &options, &mut measured.times)?;
    let trace = trace.trace(&program.program)?;
    let mut machine = machine(&program, &options, &channels)?;
    let engine = engine.unwrap_or_else(|| Engine::suited(&program.program));
    let started = Instant::now();
    let result = match &trace {
        Some(trace) => machine.run_traced(trace, &mut io::stderr().lock()),
        None => machine.run(engine),
    };
    measured.times.push(("run", started.elapsed()));
    let status = report(&program.name, &machine, result);
    if let Some(form) = perf {
        measured.counts.push(("instructions", program.program.len() as u64));
        // Machine code counts only where it has to.
        if !engine.compiles() || trace.is_some() || options.limits.steps.is_some() {
            measured.counts.push(("executed", machine.steps()));
        }
        measured.counts.push(("output_bytes", machine.output_bytes()));
        // There is nobody to tell if it fails.
        let _ = io::stderr().write_all(measured.text(form).as_bytes());
    }
    status
}
