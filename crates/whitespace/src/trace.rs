//! Traces: what runs, instruction by instruction.
//!
//! A traced machine steps through the interpreter for integers of any size. Output of the program is written before each line of
//! the trace, so that both stand in the order in which they happened.

use crate::Integer;
use crate::fault::Fault;
use crate::instruction::Instruction;
use crate::interpreter::Stop;
use crate::machine::Machine;
use crate::program::Program;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::Write;

/// What a trace has lines for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Events {
    /// Every instruction: its number in the order of execution, how many calls are under way, where it stands, what it is, the
    /// top of the stack behind it, and the heap cell that it read or wrote.
    #[default]
    Instructions,
    /// Calls and returns, indented by depth.
    Calls,
    /// At the end, how often each block was entered.
    Blocks,
}

/// What to trace.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What there are lines for.
    pub events: Events,
    /// How many items of the stack a line shows.
    pub items: usize,
    /// The number of the first instruction to trace, in the order of execution from 0.
    pub from: u64,
    /// The number of the last one.
    pub to: u64,
    /// Nothing is traced before execution comes to one of these instructions, if there are any.
    pub breaks: Vec<u32>,
}

impl Default for Trace {
    fn default() -> Trace {
        Trace { events: Events::default(), items: 4, from: 0, to: u64::MAX, breaks: Vec::new() }
    }
}

/// How many instructions are shown once more, or at all, before an error.
const LAST: usize = 16;

/// A number in a line: cut if it is long.
fn shown(value: &Integer) -> String {
    let bits = dashu_int::ops::BitTest::bit_len(value);
    if bits <= 128 { value.to_string() } else { format!("(a number of {bits} bits)") }
}

impl Machine<'_> {
    /// Runs as [`Machine::run`] does, and writes a trace.
    ///
    /// # Errors
    /// As [`Machine::run`]. That the trace cannot be written is no error.
    pub fn run_traced(&mut self, trace: &Trace, out: &mut dyn Write) -> Result<Stop, Fault> {
        let mut tracer = Tracer {
            trace,
            out,
            reached: trace.breaks.is_empty(),
            last: VecDeque::with_capacity(LAST),
            entered: vec![0; if trace.events == Events::Blocks { self.program().len() + 1 } else { 0 }],
            blocks: if trace.events == Events::Blocks { blocks(self.program()) } else { Vec::new() },
            after_jump: true,
        };
        let result = loop {
            match tracer.step(self) {
                Ok(Stop::Steps) => {}
                other => break other,
            }
        };
        tracer.finish(self, result.is_err());
        result
    }
}

/// Whether each instruction begins a block: the first, those behind labels that are jumped to, and those behind jumps.
fn blocks(program: &Program) -> Vec<bool> {
    let mut blocks = vec![false; program.len() + 1];
    blocks[0] = true;
    for (at, instruction) in program.instructions().iter().enumerate() {
        if let Some((_, target)) = instruction.jump() {
            blocks[at + 1] = true;
            if let Some(target) = target.instruction() {
                blocks[target as usize] = true;
            }
        }
    }
    blocks
}

struct Tracer<'t> {
    trace: &'t Trace,
    out: &'t mut dyn Write,
    /// Whether execution came to a place to begin at.
    reached: bool,
    /// The last lines, and whether they were written.
    last: VecDeque<(String, bool)>,
    entered: Vec<u64>,
    blocks: Vec<bool>,
    after_jump: bool,
}

impl Tracer<'_> {
    fn step(&mut self, machine: &mut Machine<'_>) -> Result<Stop, Fault> {
        let state = machine.state();
        let (at, number, depth) = (state.instruction(), machine.steps(), state.calls().len());
        let Some(instruction) = state.next().filter(|_| !machine.has_ended()) else {
            return machine.step();
        };
        self.reached |= self.trace.breaks.contains(&at);
        if self.trace.events == Events::Blocks {
            self.entered[at as usize] += u64::from(self.blocks[at as usize] || self.after_jump);
            self.after_jump = !instruction.falls_through();
            return machine.step();
        }
        let key = match instruction {
            Instruction::Store => state.item(1),
            Instruction::Retrieve | Instruction::Readc | Instruction::Readi => state.item(0),
            _ => None,
        };
        let result = machine.step();
        let traced = self.reached && (self.trace.from..=self.trace.to).contains(&number);
        let failed = match &result {
            Ok(Stop::Interrupted) => return result,
            Ok(_) => false,
            Err(_) => true,
        };
        let line = match self.trace.events {
            Events::Calls => calls_line(machine, instruction, number, depth),
            _ => {
                Some(instruction_line(machine, self.trace.items, number, depth, at, key.filter(|_| !failed)))
            }
        };
        // An instruction that failed has its message.
        if let Some(line) = line.filter(|_| !failed) {
            if traced {
                // There is nobody to tell if it fails.
                let _ = self.out.write_all(line.as_bytes());
            }
            if self.last.len() == LAST {
                self.last.pop_front();
            }
            self.last.push_back((line, traced));
        }
        result
    }

    fn finish(self, machine: &Machine<'_>, failed: bool) {
        let mut text = String::new();
        if failed && self.last.iter().any(|(_, written)| !written) {
            text += "the last before the error:\n";
            self.last.iter().for_each(|(line, _)| text += line);
        }
        let program = machine.program();
        for (at, count) in self.entered.iter().enumerate().filter(|(_, count)| **count != 0) {
            let at = at as u32;
            // Writing to a string does not fail.
            let _ = write!(text, "{count:>12}  {:>6}", at);
            if let Some(position) = program.position(at) {
                let _ = write!(text, "  {position}");
            }
            if let Some(label) = at.checked_sub(1).and_then(|before| label_at(program, before)) {
                let _ = write!(text, "  {label}");
            }
            text += "\n";
        }
        let _ = self.out.write_all(text.as_bytes());
    }
}

/// The name of the label that an instruction defines.
fn label_at(program: &Program, at: u32) -> Option<String> {
    match program.instructions().get(at as usize) {
        Some(Instruction::Label(label)) => Some(program.label_name(*label).into_owned()),
        _ => None,
    }
}

fn instruction_line(
    machine: &Machine<'_>,
    items: usize,
    number: u64,
    depth: usize,
    at: u32,
    key: Option<Integer>,
) -> String {
    let (program, state) = (machine.program(), machine.state());
    let mut line = format!("{number:>8} {depth:>3}  ");
    if let Some(position) = program.position(at) {
        // Writing to a string does not fail.
        let _ = write!(line, "{:<20} ", position.to_string());
    }
    let _ = write!(line, "{at:>6}  {:<20} |", program.instruction_text(at));
    let shown_items = state.height().min(items as u64);
    if state.height() > shown_items {
        line += " …";
    }
    for depth in (0..shown_items).rev() {
        if let Some(item) = state.item(depth) {
            let _ = write!(line, " {}", shown(&item));
        }
    }
    if let Some(key) = key {
        let value = state.cell(&key).unwrap_or_default();
        let _ = write!(line, "   heap[{}] = {}", shown(&key), shown(&value));
    }
    line + "\n"
}

fn calls_line(machine: &Machine<'_>, instruction: Instruction, number: u64, depth: usize) -> Option<String> {
    let program = machine.program();
    let what = match instruction {
        Instruction::Call(label, _) => format!("call {}", program.label_name(label)),
        Instruction::Ret => format!("ret to {}", machine.state().instruction()),
        _ => return None,
    };
    let depth = if instruction == Instruction::Ret { depth.saturating_sub(1) } else { depth };
    Some(format!("{number:>8}  {}{what}\n", "  ".repeat(depth.min(60))))
}
