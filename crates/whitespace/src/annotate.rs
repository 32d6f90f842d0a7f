//! Programs that carry their own listing: between the tokens, where every other byte is a comment.

use crate::program::Program;
use crate::token::Token;

impl Program {
    /// The program as Whitespace, with each instruction's assembly in brackets in front of its tokens: `[push:5]`. Read again
    /// it is the same program, and [`Program::to_whitespace`] gives its tokens alone. What could not be parsed is not written.
    pub fn annotate(&self) -> Vec<u8> {
        self.write(|instruction, text| {
            // Names and numbers have no blanks; the one between mnemonic and argument would be a token.
            let shown = self.instruction_text(instruction);
            text.push(b'[');
            text.extend(shown.bytes().map(|byte| if Token::from_byte(byte).is_some() { b':' } else { byte }));
            text.push(b']');
        })
    }
}
