//! From text to commands: eight characters mean something, everything else is a comment; brackets must match.

use std::fmt;

/// A place in the source text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// What a character of the program says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// `>`: one cell to the right.
    Right,
    /// `<`: one cell to the left.
    Left,
    /// `+`: one more in the cell.
    Increment,
    /// `-`: one less in the cell.
    Decrement,
    /// `.`: writes the cell as a byte.
    Write,
    /// `,`: reads a byte into the cell.
    Read,
    /// `[`: skips the loop if the cell is 0.
    Open,
    /// `]`: back to the loop's beginning unless the cell is 0.
    Close,
}

/// Why a text is no program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyntaxError {
    /// A `[` without its `]`.
    Unclosed(Place),
    /// A `]` without its `[`.
    Unopened(Place),
    /// The text has more than [`MAX_SOURCE`] bytes.
    TooLong,
}

/// The longest source text, in bytes. Distances on the tape that follow from the text so fit 32 bits.
pub const MAX_SOURCE: usize = 1 << 30;

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyntaxError::Unclosed(at) => write!(f, "{}:{}: this `[` has no `]`", at.line, at.column),
            SyntaxError::Unopened(at) => write!(f, "{}:{}: this `]` has no `[`", at.line, at.column),
            SyntaxError::TooLong => write!(f, "1:1: the program has more than {MAX_SOURCE} bytes"),
        }
    }
}

impl std::error::Error for SyntaxError {}

/// The commands of a text, in order, each with its place. Their brackets match.
///
/// # Errors
/// Of several brackets without a partner, the first that has no `[`, else the innermost that has no `]`.
pub fn parse(source: &[u8]) -> Result<Vec<(Command, Place)>, SyntaxError> {
    if source.len() > MAX_SOURCE {
        return Err(SyntaxError::TooLong);
    }
    let mut commands = Vec::new();
    let mut open = Vec::new();
    let mut at = Place { line: 1, column: 0 };
    for byte in source {
        // A byte that continues a character of UTF-8 is in the column of its first.
        at.column += u32::from(byte & 0xc0 != 0x80);
        let command = match byte {
            b'>' => Command::Right,
            b'<' => Command::Left,
            b'+' => Command::Increment,
            b'-' => Command::Decrement,
            b'.' => Command::Write,
            b',' => Command::Read,
            b'[' => {
                open.push(at);
                Command::Open
            }
            b']' => {
                open.pop().ok_or(SyntaxError::Unopened(at))?;
                Command::Close
            }
            b'\n' => {
                at = Place { line: at.line + 1, column: 0 };
                continue;
            }
            _ => continue,
        };
        commands.push((command, at));
    }
    match open.pop() {
        Some(at) => Err(SyntaxError::Unclosed(at)),
        None => Ok(commands),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_else_is_a_comment() {
        let commands: Vec<Command> = parse(b"a+b\xff-\0 .").unwrap().into_iter().map(|(c, _)| c).collect();
        assert_eq!(commands, [Command::Increment, Command::Decrement, Command::Write]);
    }

    #[test]
    fn columns_count_characters() {
        let places: Vec<Place> =
            parse("\u{e9}+\r\n\u{1f600} [\n\n]".as_bytes()).unwrap().iter().map(|c| c.1).collect();
        assert_eq!(places, [(1, 2), (2, 3), (4, 1)].map(|(line, column)| Place { line, column }));
    }

    #[test]
    fn brackets_without_a_partner_are_named_with_their_place() {
        let message = |source: &str| parse(source.as_bytes()).unwrap_err().to_string();
        assert_eq!(message("+[\n [-]"), "1:2: this `[` has no `]`");
        assert_eq!(message("[[]"), "1:1: this `[` has no `]`");
        assert_eq!(message("[]\n ]["), "2:2: this `]` has no `[`");
    }
}
