//! Compiled execution: from instructions to machine code, by way of Kiln's IR, and back to the interpreter wherever code for
//! 64 bits cannot go on.

mod compiled;
mod driver;
mod exits;
mod functions;
mod heights;
mod routines;
mod translate;

pub use driver::{CompiledProgram, When};
pub use translate::Settings;

#[cfg(test)]
pub(crate) mod tests {
    use crate::instruction::{Argument, Opcode};
    use crate::program::Program;

    /// A program from mnemonics and `name:` labels, separated by blanks.
    pub fn program(source: &str) -> Program {
        Program::parse(&text(source)).expect("a right program")
    }

    /// The same as tokens.
    pub fn text(source: &str) -> Vec<u8> {
        let mut tokens = String::new();
        let source = source.lines().map(|line| line.split(';').next().unwrap_or(""));
        let words: Vec<&str> = source.flat_map(str::split_whitespace).collect();
        let mut words = words.into_iter();
        let label =
            |name: &str| -> String { name.bytes().map(|b| format!("{b:08b}")).collect::<String>() + "L" };
        while let Some(word) = words.next() {
            if let Some(name) = word.strip_suffix(':') {
                tokens += "LSS";
                tokens += &label(name);
                continue;
            }
            let opcode = Opcode::from_mnemonic(word).unwrap_or_else(|| panic!("no mnemonic: {word}"));
            tokens += opcode.info().tokens;
            match opcode.argument() {
                Argument::None => {}
                Argument::Number => {
                    let number: i128 = words.next().expect("a number").parse().expect("a number");
                    tokens += &format!("{}{:b}L", if number < 0 { "T" } else { "S" }, number.unsigned_abs());
                }
                Argument::Label => tokens += &label(words.next().expect("a label")),
            }
        }
        let token = |letter| match letter {
            'S' | '0' => b' ',
            'T' | '1' => b'\t',
            _ => b'\n',
        };
        tokens.chars().map(token).collect()
    }
}
