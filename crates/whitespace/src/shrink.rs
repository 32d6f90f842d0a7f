//! Programs with fewer instructions that do the same.
//!
//! Unlike minifying this changes how many instructions run. It leaves out what control cannot reach, labels that nothing leads to,
//! jumps to the next instruction, and writes some instructions shorter, only where no run can tell: an instruction that
//! may fail is not exchanged for one that fails otherwise. Linear in the program.

use crate::diagnostic::Problems;
use crate::instruction::Instruction;
use crate::number::{Number, OddForm};
use crate::options::{DuplicateLabels, Options, UndefinedLabels};
use crate::program::{Draft, Program};
use crate::source::{Sources, Span};

impl Program {
    /// A smaller program that does the same with any input, but that fewer instructions may run: without what control cannot
    /// reach, labels that nothing leads to, and instructions that do nothing.
    #[must_use]
    pub fn shrink(&self) -> Program {
        // What one round leaves out may show the next one more. A few find nearly all, and the time stays linear.
        const ROUNDS: usize = 8;
        let mut program = self.clone();
        for _ in 0..ROUNDS {
            let next = program.shrink_once();
            if next.instructions() == program.instructions() {
                break;
            }
            program = next;
        }
        program
    }

    fn shrink_once(&self) -> Program {
        let reached = self.reached();
        let mut kept: Vec<Option<Instruction>> = self.instructions().iter().copied().map(Some).collect();
        for at in 0..kept.len() {
            // A jump goes behind its label, so a label that is wanted may itself not be reached.
            let label = matches!(kept[at], Some(Instruction::Label(_)));
            if !label {
                kept[at] = if reached[at] { self.shorter(at, &reached) } else { None };
            }
        }
        let mut wanted = vec![false; self.label_count()];
        for (label, _) in kept.iter().flatten().filter_map(|instruction| instruction.jump()) {
            wanted[label.index()] = true;
        }
        let mut draft = Draft::default();
        let mut odd = self.odd_forms().iter().peekable();
        for (at, instruction) in kept.into_iter().enumerate() {
            let form = odd.next_if(|odd| odd.instruction as usize == at);
            let Some(instruction) = instruction else { continue };
            if let Instruction::Label(label) = instruction
                && (!wanted[label.index()] || self.definition(label) != Some(at as u32))
            {
                continue;
            }
            if let Some(form) = form.filter(|_| instruction.number().is_some()) {
                draft
                    .odd_forms
                    .push(OddForm { instruction: draft.instructions.len() as u32, form: form.form });
            }
            let instruction = self.moved(instruction, &mut draft);
            draft.push(instruction, self.span(at as u32).unwrap_or(Span::new(0, 0)));
        }
        let options = Options {
            duplicate_labels: DuplicateLabels::First,
            undefined_labels: UndefinedLabels::Late,
            ..Options::default()
        };
        let sources = self.sources().cloned();
        let placed = sources.is_some();
        let made = draft.finish(sources.unwrap_or_else(Sources::default), &options, Problems::default());
        let program = made.expect("these options reject nothing");
        if placed { program } else { program.strip() }
    }

    /// Which instructions control may reach.
    fn reached(&self) -> Vec<bool> {
        let mut reached = vec![false; self.len()];
        let mut work = vec![0];
        while let Some(mut at) = work.pop() {
            while at < self.len() && !std::mem::replace(&mut reached[at], true) {
                let instruction = self.instructions()[at];
                work.extend(
                    instruction.jump().and_then(|(_, target)| target.instruction()).map(|to| to as usize),
                );
                if !instruction.falls_through() {
                    break;
                }
                at += 1;
            }
        }
        reached
    }

    /// What to write for an instruction that is reached; none if it does nothing.
    fn shorter(&self, at: usize, reached: &[bool]) -> Option<Instruction> {
        let instruction = self.instructions()[at];
        // Control comes to it only from the one before: a label between them would be one itself.
        let before = at.checked_sub(1).map(|before| self.instructions()[before]);
        let item_on_top = before.and_then(Instruction::opcode).is_some_and(|before| before.info().pushes > 0);
        const ZERO: Number = Number::small(0);
        match (before, instruction) {
            (Some(Instruction::Push(first)), Instruction::Push(second))
                if self.value(first) == self.value(second) =>
            {
                Some(Instruction::Dup)
            }
            (_, Instruction::Copy(ZERO)) if item_on_top => Some(Instruction::Dup),
            (_, Instruction::Slide(ZERO)) if item_on_top => None,
            (_, Instruction::Jmp(_, target)) => {
                // Only labels and what is left out up to where it leads.
                let to = target.instruction().map_or(0, |to| to as usize);
                let label = |at: usize| matches!(self.instructions()[at], Instruction::Label(_));
                let idle = to > at && (at + 1..to).all(|between| label(between) || !reached[between]);
                (!idle).then_some(instruction)
            }
            _ => Some(instruction),
        }
    }

    /// An instruction with its number and label in the tables of a draft.
    fn moved(&self, instruction: Instruction, draft: &mut Draft) -> Instruction {
        if let (Instruction::Trap, Some(tail)) = (instruction, self.tail()) {
            draft.tail = Some(Box::new(tail.clone()));
        }
        let Some(opcode) = instruction.opcode() else { return instruction };
        let moved = if let Some(number) = instruction.number() {
            let number = match number.as_i64() {
                Some(_) => number,
                None => crate::number::number(self.value(number).into_owned(), &mut draft.integers),
            };
            Instruction::with_number(opcode, number)
        } else if let Some(label) = instruction.label() {
            let moved = draft.labels.intern(self.label(label));
            let name = self.label_name(label);
            if name != self.label(label).name() && draft.names.last().is_none_or(|(last, _)| *last < moved) {
                draft.names.push((moved, name.into()));
            }
            Instruction::with_label(opcode, moved)
        } else {
            Some(instruction)
        };
        moved.expect("each kind of argument has its opcodes")
    }
}
