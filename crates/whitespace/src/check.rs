//! What is probably a mistake in a program that keeps the rules.
//!
//! One walk over what control reaches finds unreachable instructions, and the greatest height that the data stack can have in
//! front of each instruction: one that needs more than that fails whenever it runs. Heights are joined by the
//! greater one and given up where they go on growing, so that the walk is linear in the program.

use crate::diagnostic::Diagnostic;
use crate::fault::Class;
use crate::instruction::Instruction;
use crate::label::LabelId;
use crate::number::{Form, Number};
use crate::options::{Options, Overflow, Slide};
use crate::program::Program;
use crate::source::Span;

impl Program {
    /// What is probably a mistake, in the order of the instructions. The options are those that the program is to run with.
    pub fn check(&self, options: &Options) -> Vec<Diagnostic> {
        let heights = Heights::of(self, options);
        let mut warnings = Vec::new();
        self.unreachable(&heights, &mut warnings);
        self.underflows(&heights, options, &mut warnings);
        self.unused_labels(&mut warnings);
        self.numbers(options, &mut warnings);
        warnings.sort_by_key(|warning| warning.instruction);
        warnings
    }

    fn warning(&self, class: Class, instruction: usize, message: impl Into<String>) -> Diagnostic {
        let span = self.span(instruction as u32).unwrap_or(Span::new(0, 0));
        Diagnostic::new(class, span, message).at(instruction)
    }

    fn unreachable(&self, heights: &Heights, warnings: &mut Vec<Diagnostic>) {
        let mut at = 0;
        while at < self.len() {
            let start = at;
            while at < self.len() && !heights.reached(at) {
                at += 1;
            }
            let count = at - start;
            // Labels alone do nothing.
            let idle = |instruction: &Instruction| matches!(instruction, Instruction::Label(_));
            if count > 0 && !self.instructions()[start..at].iter().all(idle) {
                let message = match count {
                    1 => "this instruction is never reached".to_owned(),
                    _ => format!("these {count} instructions are never reached"),
                };
                let mut warning = self.warning(Class::WarnUnreachable, start, message);
                if let Some(last) = self.span(at as u32 - 1).filter(|last| last.end >= warning.span.end) {
                    warning.span.end = last.end;
                }
                warnings.push(warning);
            }
            at += 1;
        }
    }

    fn underflows(&self, heights: &Heights, options: &Options, warnings: &mut Vec<Diagnostic>) {
        for (at, instruction) in self.instructions().iter().enumerate() {
            let Some(height) = heights.most(at) else { continue };
            let Some(opcode) = instruction.opcode() else { continue };
            let name = opcode.name();
            match needs(*instruction, options) {
                ANY => {
                    let message = format!("`{name}` with this number fails whenever it runs");
                    warnings.push(self.warning(Class::WarnArgument, at, message));
                }
                needs if needs > height => {
                    let there = if height == 0 { "none".into() } else { format!("at most {height}") };
                    let items = if needs == 1 { "item" } else { "items" };
                    let message =
                        format!("`{name}` needs {needs} {items} on the stack, and there can be {there}");
                    warnings.push(self.warning(Class::WarnUnderflow, at, message));
                }
                _ => {}
            }
        }
    }

    fn unused_labels(&self, warnings: &mut Vec<Diagnostic>) {
        let mut used = vec![false; self.label_count()];
        for (label, _) in self.instructions().iter().filter_map(|instruction| instruction.jump()) {
            used[label.index()] = true;
        }
        for id in (0..self.label_count() as u32).map(LabelId) {
            if let Some(at) = self.definition(id).filter(|_| !used[id.index()]) {
                let name = crate::assembly::cut(&self.label_name(id));
                let message = format!("nothing leads to label `{name}`");
                warnings.push(self.warning(Class::WarnUnusedLabel, at as usize, message));
            }
        }
    }

    fn numbers(&self, options: &Options, warnings: &mut Vec<Diagnostic>) {
        for odd in self.odd_forms().iter().filter(|odd| odd.form == Form::Empty) {
            let message = "a number without a sign is 0 here, but other implementations disagree";
            warnings.push(
                self.warning(Class::WarnEmptyNumber, odd.instruction as usize, message)
                    .help("write a sign: S L is 0 everywhere"),
            );
        }
        if options.overflow != Overflow::Wrap {
            return;
        }
        for (at, instruction) in self.instructions().iter().enumerate() {
            if let Instruction::Push(number) = instruction
                && number.as_i64().is_none()
            {
                let message = "the number does not fit 64 bits and is pushed modulo 2^64";
                warnings.push(self.warning(Class::WarnWrappedNumber, at, message));
            }
        }
    }
}

/// How many items an instruction needs; `ANY` if no stack is enough.
fn needs(instruction: Instruction, options: &Options) -> u64 {
    let deep = |number: Number| number.as_i64().and_then(|n| u64::try_from(n).ok()).map_or(ANY, |n| n + 1);
    match instruction {
        Instruction::Copy(number) => deep(number),
        Instruction::Slide(number) if options.slide == Slide::Error => deep(number),
        other => other.opcode().map_or(0, |opcode| u64::from(opcode.info().pops)),
    }
}

/// The greatest height of the data stack in front of each instruction.
struct Heights(Vec<Height>);

#[derive(Clone, Copy)]
struct Height {
    most: u64,
    /// How often it was raised; `UNREACHED` before the first time.
    raised: u8,
}

const UNREACHED: u8 = u8::MAX;
/// More than is known, and more than there can be.
const ANY: u64 = u64::MAX;
/// How often a height is raised before it is given up.
const PATIENCE: u8 = 4;

impl Heights {
    fn of(program: &Program, options: &Options) -> Heights {
        let mut heights = Heights(vec![Height { most: 0, raised: UNREACHED }; program.len()]);
        let mut work = vec![(0, 0)];
        while let Some((mut at, mut height)) = work.pop() {
            while heights.raise(at, height) {
                let instruction = program.instructions()[at];
                let known = heights.0[at].most;
                let Some(after) = after(instruction, known, options) else { break };
                if let Some((_, target)) = instruction.jump()
                    && let Some(target) = target.instruction()
                {
                    work.push((target as usize, after));
                }
                if !instruction.falls_through() {
                    break;
                }
                // What a subroutine leaves is not known.
                height = if matches!(instruction, Instruction::Call(..)) { ANY } else { after };
                at += 1;
            }
        }
        heights
    }

    /// Raises a height to at least this. Whether that changed anything.
    fn raise(&mut self, at: usize, to: u64) -> bool {
        let Some(height) = self.0.get_mut(at) else { return false };
        if height.raised == UNREACHED {
            *height = Height { most: to, raised: 0 };
            return true;
        }
        if to <= height.most {
            return false;
        }
        height.raised += 1;
        height.most = if height.raised > PATIENCE { ANY } else { to };
        true
    }

    fn reached(&self, at: usize) -> bool {
        self.0[at].raised != UNREACHED
    }

    /// The greatest height, if the instruction is reached.
    fn most(&self, at: usize) -> Option<u64> {
        let height = self.0[at];
        (height.raised != UNREACHED).then_some(height.most)
    }
}

/// The greatest height behind an instruction; none if it always fails.
fn after(instruction: Instruction, before: u64, options: &Options) -> Option<u64> {
    let needs = needs(instruction, options);
    if needs > before || needs == ANY {
        return None;
    }
    if before == ANY {
        return Some(ANY);
    }
    let info = instruction.opcode()?.info();
    let height = before - u64::from(info.pops) + u64::from(info.pushes);
    match instruction {
        Instruction::Slide(number) => match number.as_i64() {
            Some(count) => Some(height.saturating_sub(u64::try_from(count).unwrap_or(0)).max(1)),
            None => Some(height),
        },
        _ => Some(height),
    }
}
