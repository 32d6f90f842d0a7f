//! Programs as assembly.

use super::literal;
use crate::Integer;
use crate::instruction::Instruction;
use crate::label::LabelId;
use crate::number::{Form, Number};
use crate::program::Program;
use crate::write::letters;
use dashu_int::ops::BitTest;
use std::borrow::Cow;
use std::fmt::Write;

/// Whose names and spacing are printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Names {
    /// Kiln's.
    #[default]
    Kiln,
    /// Those of whitespacers.
    Whitespacers,
}

/// How a program is printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Style {
    /// Whose names and spacing.
    pub names: Names,
    /// Numbers that are not written the shortest way keep their tokens, as in `push 0 @"T"`. Only Kiln reads that back.
    pub exact: bool,
}

impl Style {
    /// Kiln's own style.
    pub const KILN: Style = Style { names: Names::Kiln, exact: false };
    /// The style of whitespacers.
    pub const WHITESPACERS: Style = Style { names: Names::Whitespacers, exact: false };
    /// Kiln's own style, with all that tokens say.
    pub const EXACT: Style = Style { names: Names::Kiln, exact: true };
}

/// Numbers of more bits than this are printed in hexadecimal, which takes time linear in their length.
const LONG: usize = 4096;

impl Program {
    /// The program as assembly. Read back it gives the same tokens, but that numbers are written the shortest way unless
    /// the style is exact, and that what could not be parsed is only a comment.
    pub fn to_assembly(&self, style: Style) -> String {
        let mut text = String::with_capacity(self.len() * 12);
        let mut odd = self.odd_forms().iter().peekable();
        for (at, instruction) in self.instructions().iter().enumerate() {
            let form = odd.next_if(|odd| odd.instruction as usize == at).map(|odd| odd.form);
            match style.names {
                Names::Kiln => self.print_line(&mut text, at, *instruction),
                Names::Whitespacers => self.print_whitespacers(&mut text, *instruction),
            }
            if let (true, Some(form), Some(number)) = (style.exact, form, instruction.number()) {
                self.print_form(&mut text, number, form);
            }
            text.push('\n');
        }
        text
    }

    /// One instruction as assembly, without indent; labels as `name:`.
    pub fn instruction_text(&self, instruction: u32) -> String {
        let mut text = String::new();
        if let Some(known) = self.instructions().get(instruction as usize) {
            self.print(&mut text, *known, &|label| self.label_name(label));
        }
        text
    }

    fn print_line(&self, text: &mut String, at: usize, instruction: Instruction) {
        if !matches!(instruction, Instruction::Label(_)) {
            text.push_str("  ");
        }
        self.print(text, instruction, &|label| self.label(label).name());
        let before = at.checked_sub(1).map(|before| self.instructions()[before]);
        if let (Instruction::Printc, Some(Instruction::Push(number))) = (instruction, before)
            && let Some(character) = number.as_i64().and_then(literal::shown)
        {
            text.push_str("  ; ");
            text.push_str(&character);
        }
    }

    fn print<'p>(
        &'p self,
        text: &mut String,
        instruction: Instruction,
        name: &dyn Fn(LabelId) -> Cow<'p, str>,
    ) {
        let Some(opcode) = instruction.opcode() else {
            text.push_str("; what follows cannot be parsed");
            return;
        };
        if let Instruction::Label(label) = instruction {
            text.push_str(&name(label));
            text.push(':');
            return;
        }
        text.push_str(opcode.name());
        if let Some(number) = instruction.number() {
            text.push(' ');
            print_number(text, &self.value(number));
        } else if let Some(label) = instruction.label() {
            text.push(' ');
            text.push_str(&name(label));
        }
    }

    fn print_whitespacers(&self, text: &mut String, instruction: Instruction) {
        let name = |label| {
            let label = self.label(label);
            label.spelled().map_or_else(|| label.exact_name().into(), Cow::Borrowed)
        };
        match (instruction, instruction.opcode()) {
            (_, None) => text.push_str("; what follows cannot be parsed"),
            (Instruction::Label(label), _) => write_to(text, format_args!("{}:", name(label))),
            (_, Some(opcode)) => {
                let mnemonic = opcode.info().whitespacers;
                if let Some(number) = instruction.number() {
                    write_to(text, format_args!("    {mnemonic:<6}{}", self.value(number)));
                } else if let Some(label) = instruction.label() {
                    write_to(text, format_args!("    {mnemonic:<6}{}", name(label)));
                } else {
                    write_to(text, format_args!("    {mnemonic}"));
                }
            }
        }
    }

    fn print_form(&self, text: &mut String, number: Number, form: Form) {
        text.push_str(" @\"");
        text.push_str(letters(&self.value(number), form).trim_end_matches('L'));
        text.push('"');
    }
}

fn print_number(text: &mut String, value: &Integer) {
    if value.bit_len() <= LONG {
        return write_to(text, format_args!("{value}"));
    }
    write_to(text, format_args!("{value:#x}"));
}

/// Formats onto a string, which cannot fail.
fn write_to(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("strings take all text");
}
