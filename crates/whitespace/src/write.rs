//! Programs to bytes.

use crate::Integer;
use crate::label::Label;
use crate::number::Form;
use crate::program::Program;
use crate::token::Token;

impl Program {
    /// The program as Whitespace: its tokens and nothing else. Numbers are written as they were read, odd forms included.
    /// What could not be parsed is not written.
    pub fn to_whitespace(&self) -> Vec<u8> {
        self.write(|_, _| {})
    }

    /// Writes the program. `each` is told of every instruction in front of its tokens, and may write comments there.
    pub(crate) fn write(&self, mut each: impl FnMut(u32, &mut Vec<u8>)) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.len() * 8);
        let mut odd = self.odd_forms().iter().peekable();
        for (at, instruction) in self.instructions().iter().enumerate() {
            let Some(opcode) = instruction.opcode() else { continue };
            each(at as u32, &mut text);
            text.extend(opcode.tokens().map(Token::byte));
            if let Some(number) = instruction.number() {
                let form = odd.next_if(|odd| odd.instruction as usize == at).map(|odd| odd.form);
                write_number(&mut text, &self.value(number), form);
            } else if let Some(label) = instruction.label() {
                write_label(&mut text, self.label(label));
            }
        }
        text
    }
}

/// The tokens of a number: in the shortest way, or in an odd one.
pub(crate) fn write_number(text: &mut Vec<u8>, value: &Integer, form: Option<Form>) {
    let (negative, zeros) = match form {
        Some(Form::Empty) => {
            text.push(Token::L.byte());
            return;
        }
        Some(Form::Padded { negative, zeros }) => (negative, zeros),
        None => (*value < Integer::ZERO, 0),
    };
    text.push(if negative { Token::T } else { Token::S }.byte());
    text.extend(std::iter::repeat_n(Token::S.byte(), zeros as usize));
    // From the words as they are, so that the time is linear in the digits.
    let mut first = true;
    for word in value.as_sign_words().1.iter().rev() {
        let digits = dashu_int::Word::BITS - if first { word.leading_zeros() } else { 0 };
        text.extend((0..digits).rev().map(|at| if word >> at & 1 == 1 { Token::T } else { Token::S }.byte()));
        first &= digits == 0;
    }
    text.push(Token::L.byte());
}

/// The tokens of a number as letters.
pub(crate) fn letters(value: &Integer, form: Form) -> String {
    let mut tokens = Vec::new();
    write_number(&mut tokens, value, Some(form));
    tokens.into_iter().filter_map(Token::from_byte).map(Token::letter).collect()
}

/// The tokens of a label.
pub(crate) fn write_label(text: &mut Vec<u8>, label: Label<'_>) {
    text.extend(label.bits().map(|one| if one { Token::T } else { Token::S }.byte()));
    text.push(Token::L.byte());
}
