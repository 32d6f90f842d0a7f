//! What the passes of the optimizing compiler do to a program, and how long they take.

use crate::input::Input;
use crate::render;
use anstyle::{AnsiColor, Style};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use kiln_codegen::optimize::compile::{Memory, optimize};
use kiln_codegen::optimize::{Form, Passes, Watch};
use kiln_codegen::{Code, Options, Scratch, Tier};
use kiln_ir::{FuncId, Module, text};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Reads the name of a pass; the possible ones are listed with what they do.
pub fn parser() -> impl TypedValueParser<Value = Passes> {
    let names = Passes::LIST.iter().map(|(_, name, does)| PossibleValue::new(name).help(does.trim()));
    PossibleValuesParser::new(names).map(|name| Passes::find(&name).unwrap_or_default())
}

/// Writes down what functions are before and after one pass.
struct Show<'m> {
    module: &'m Module,
    pass: Passes,
    out: String,
    heading: Style,
}

impl Show<'_> {
    fn write(&mut self, func: FuncId, when: &str, form: Form<'_>) {
        let (heading, name) = (self.heading, &self.module.func(func).name);
        let name = if name.is_empty() { format!("function {}", func.0) } else { name.clone() };
        let _ = writeln!(self.out, "{heading}; {name}, {when}{heading:#}");
        let _ = match form {
            Form::Registers(f) => writeln!(self.out, "{}", text::print(self.module).function_as(func, f)),
            Form::Values(body) => writeln!(self.out, "{}", body.show(self.module)),
        };
    }
}

impl Watch for Show<'_> {
    fn before(&mut self, func: FuncId, pass: Passes, form: Form<'_>) {
        if pass == self.pass {
            self.write(func, "before", form);
        }
    }

    fn after(&mut self, func: FuncId, pass: Passes, form: Form<'_>) {
        if pass == self.pass {
            self.write(func, "after", form);
        }
    }
}

/// Each function before and after a pass, as text.
pub fn show(input: &Input, options: &Options, pass: Passes) -> String {
    let module = &*input.module;
    let bold = if render::coloured(&std::io::stdout()) { Style::new().bold() } else { Style::new() };
    let mut show = Show { module, pass, out: String::new(), heading: bold };
    let mut memory = Memory::default();
    for (func, decl) in (0..).map(FuncId).zip(module.funcs()) {
        if let Some(body) = &decl.body {
            optimize(&input.module, func, body, options, &mut memory, &mut show);
        }
    }
    show.out
}

/// Adds up how long passes run.
struct Stopwatch {
    began: Instant,
    /// For each pass of the list.
    times: Vec<Duration>,
}

impl Watch for Stopwatch {
    fn before(&mut self, _: FuncId, _: Passes, _: Form<'_>) {
        self.began = Instant::now();
    }

    fn after(&mut self, _: FuncId, pass: Passes, _: Form<'_>) {
        let time = self.began.elapsed();
        if let Some(n) = Passes::LIST.iter().position(|(other, ..)| *other == pass) {
            self.times[n] += time;
        }
    }
}

/// How long each pass takes on the whole program, as a table: the mean of as many rounds as fit a fifth of a second.
pub fn times(input: &Input, options: &Options) -> String {
    let module = &*input.module;
    let (mut memory, mut scratch, mut code) = (Memory::default(), Scratch::default(), Code::default());
    let options = Options { tier: Tier::Optimized, ..*options };
    let mut watch = Stopwatch { began: Instant::now(), times: vec![Duration::ZERO; Passes::LIST.len()] };
    let (mut passes, mut whole) = (Duration::ZERO, Duration::ZERO);
    let mut rounds = 0;
    let start = Instant::now();
    while rounds == 0 || start.elapsed() < Duration::from_millis(200) {
        if rounds == 1 {
            // The first round brings the memory.
            watch.times.fill(Duration::ZERO);
            (passes, whole) = (Duration::ZERO, Duration::ZERO);
        }
        let began = Instant::now();
        for (func, decl) in (0..).map(FuncId).zip(module.funcs()) {
            if let Some(body) = &decl.body {
                optimize(&input.module, func, body, &options, &mut memory, &mut watch);
            }
        }
        passes += began.elapsed();
        code.clear();
        let began = Instant::now();
        // What it refuses takes no time.
        let _ = kiln_codegen::compile(&input.module, &options, &mut scratch, &mut code);
        whole += began.elapsed();
        rounds += 1;
    }
    let counted = (rounds - 1).max(1);
    let ops: usize = module.funcs().iter().filter_map(|f| Some(f.body.as_ref()?.insts().len())).sum();
    let mut rows: Vec<(&str, Duration)> =
        Passes::LIST.iter().zip(&watch.times).map(|((_, name, _), time)| (*name, *time)).collect();
    let named: Duration = watch.times.iter().sum();
    rows.push(("graph, rest", passes.saturating_sub(named)));
    rows.push(("registers, code", whole.saturating_sub(passes)));
    let all: Duration = rows.iter().map(|(_, time)| *time).sum();
    let bar = if render::coloured(&std::io::stdout()) { AnsiColor::Cyan.on_default() } else { Style::new() };
    let mut out = format!("{:16} {:>9} {:>9} {:>6}\n", "pass", "µs", "ns per op", "%");
    for (name, time) in rows.iter().chain([&("all", all)]) {
        let share = time.as_secs_f64() / all.as_secs_f64().max(1e-12);
        let each = time.as_secs_f64() / f64::from(counted);
        let length = if *name == "all" { 0 } else { (share * 40.0).round() as usize };
        let _ = writeln!(
            out,
            "{name:16} {:9.1} {:9.1} {:6.1} {bar}{}{bar:#}",
            each * 1e6,
            each * 1e9 / ops.max(1) as f64,
            share * 100.0,
            "█".repeat(length),
        );
    }
    let _ = writeln!(out, "{ops} ops in {} functions, mean of {counted} rounds", module.funcs().len());
    out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
