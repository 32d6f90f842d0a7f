//! The three tokens, and where they stand among comments.

/// A token. Every byte that is none of the three is a comment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Token {
    /// Space.
    S = 0,
    /// Tab.
    T = 1,
    /// Line feed.
    L = 2,
}

impl Token {
    /// The byte that stands for it in a program.
    pub fn byte(self) -> u8 {
        match self {
            Token::S => b' ',
            Token::T => b'\t',
            Token::L => b'\n',
        }
    }

    /// The letter that stands for it in messages.
    pub fn letter(self) -> char {
        match self {
            Token::S => 'S',
            Token::T => 'T',
            Token::L => 'L',
        }
    }

    /// The token that a byte is.
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Token> {
        match byte {
            b' ' => Some(Token::S),
            b'\t' => Some(Token::T),
            b'\n' => Some(Token::L),
            _ => None,
        }
    }
}

/// The tokens of a text with the bytes they stand at, from `start` on.
pub fn tokens(text: &[u8], start: usize) -> impl Iterator<Item = (usize, Token)> + '_ {
    (start..text.len()).filter_map(|at| Token::from_byte(text[at]).map(|token| (at, token)))
}
