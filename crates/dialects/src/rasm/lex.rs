//! Words. A line is split at once, because whether it has a comma decides how its expressions end.

use super::fault::Fault;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Kind<'t> {
    /// A mnemonic, or another word without sigil.
    Word(&'t str),
    /// Magnitude; signs are operators.
    Int(u64),
    Float(f64),
    /// What stands between the quotes, all of whose escapes exist; see [`unescape`].
    Str(&'t str),
    /// What stands after `%`.
    Register(&'t str),
    /// A sigil out of `$ & @ = ! *` and the name.
    Name(char, &'t str),
    Sign(Sign),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sign {
    Arrow,
    Comma,
    Open,
    Close,
    Plus,
    Minus,
    Times,
    Over,
    Modulo,
    Power,
    Left,
    Right,
    And,
    Xor,
    Or,
    Not,
    Both,
    Either,
}

impl Sign {
    pub fn text(self) -> &'static str {
        match self {
            Sign::Arrow => "=>",
            Sign::Comma => ",",
            Sign::Open => "(",
            Sign::Close => ")",
            Sign::Plus => "+",
            Sign::Minus => "-",
            Sign::Times => "*",
            Sign::Over => "/",
            Sign::Modulo => "%",
            Sign::Power => "**",
            Sign::Left => "<<",
            Sign::Right => ">>",
            Sign::And => "&",
            Sign::Xor => "^",
            Sign::Or => "|",
            Sign::Not => "~",
            Sign::Both => "&&",
            Sign::Either => "||",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub kind: Kind<'t>,
    pub start: u32,
    pub end: u32,
}

/// A line that is not made of words only.
pub(super) enum Directive<'t> {
    /// `#function` and the rest of the line, with its place.
    Function(&'t str, u32),
    /// `#include` and the rest.
    Include(&'t str, u32),
}

pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// The number of the line, from 1.
    line: u32,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str) -> Lexer<'t> {
        Lexer { text, at: 0, line: 1 }
    }

    pub fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The directive that begins here, which must be the start of a line; leaves at the next one.
    pub fn directive(&mut self) -> Option<Directive<'t>> {
        if self.byte(0) != b'#' {
            return None;
        }
        let rest = self.rest();
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        for (word, make) in [
            ("#function", Directive::Function as fn(&'t str, u32) -> Directive<'t>),
            ("#include", Directive::Include),
        ] {
            if let Some(after) = line.strip_prefix(word)
                && after.chars().next().is_none_or(|c| c.is_ascii_whitespace())
            {
                let trimmed = after.trim_start();
                let start = self.at + line.len() - trimmed.len();
                self.at += line.len() + 1;
                self.line += 1;
                return Some(make(trimmed.trim_end(), start as u32));
            }
        }
        None
    }

    /// The byte so far ahead; 0 behind the end.
    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Splits what is left of the line into words, and goes behind it; gives the number of the line on which the first of
    /// them stands, which comments may have brought further down. A word that is none ends the line with its fault.
    pub fn line(&mut self, tokens: &mut Vec<Token<'t>>) -> Result<u32, (Fault, u32, u32)> {
        tokens.clear();
        let mut line = self.line;
        while !self.is_done() {
            let start = self.at;
            match self.byte(0) {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    return Ok(line);
                }
                b' ' | b'\t' | b'\r' | b'\x0b' | b'\x0c' => self.at += 1,
                b'#' => self.skip_to_end(),
                b'/' if self.byte(1) == b'/' => self.skip_to_end(),
                b'/' if self.byte(1) == b'*' => {
                    if let Err(fault) = self.skip_block() {
                        self.at = self.text.len();
                        return Err((fault, start as u32, start as u32 + 2));
                    }
                    if tokens.is_empty() {
                        line = self.line;
                    }
                }
                byte => match self.word(byte) {
                    Ok(kind) => tokens.push(Token { kind, start: start as u32, end: self.at as u32 }),
                    Err(fault) => {
                        let first = self.text[start..].chars().next().map_or(1, char::len_utf8);
                        let end = self.at.max(start + first);
                        self.skip_to_end();
                        return Err((fault, start as u32, end as u32));
                    }
                },
            }
        }
        Ok(line)
    }

    fn skip_to_end(&mut self) {
        let rest = self.rest();
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    /// Comments nest.
    fn skip_block(&mut self) -> Result<(), Fault> {
        let bytes = self.text.as_bytes();
        let mut depth = 0u32;
        while self.at + 1 < bytes.len() {
            match &bytes[self.at..self.at + 2] {
                b"/*" => depth += 1,
                b"*/" => depth -= 1,
                _ => {
                    self.line += u32::from(bytes[self.at] == b'\n');
                    self.at += 1;
                    continue;
                }
            }
            self.at += 2;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(Fault::UnclosedComment)
    }

    /// The bytes from here on that are wanted, which are ASCII.
    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> &'t str {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        self.at += rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len());
        &self.text[start..self.at]
    }

    fn word(&mut self, byte: u8) -> Result<Kind<'t>, Fault> {
        let next = self.byte(1);
        match byte {
            _ if is_start(byte) => return Ok(Kind::Word(self.take(is_part))),
            b'0'..=b'9' => return self.number(),
            b'.' if next.is_ascii_digit() => return self.number(),
            b'"' => return self.string(),
            b'$' | b'&' | b'@' | b'=' | b'!' | b'*' | b'%' if is_start(next) => {
                self.at += 1;
                return Ok(match byte {
                    b'%' => Kind::Register(self.take(is_part)),
                    b'*' => Kind::Name('*', self.take(|b| is_part(b) || matches!(b, b':' | b'<' | b'>'))),
                    _ => Kind::Name(byte.into(), self.take(is_part)),
                });
            }
            _ => {}
        }
        let (sign, length) = match (byte, next) {
            (b'=', b'>') => (Sign::Arrow, 2),
            (b'*', b'*') => (Sign::Power, 2),
            (b'<', b'<') => (Sign::Left, 2),
            (b'>', b'>') => (Sign::Right, 2),
            (b'&', b'&') => (Sign::Both, 2),
            (b'|', b'|') => (Sign::Either, 2),
            (b',', _) => (Sign::Comma, 1),
            (b'+', _) => (Sign::Plus, 1),
            (b'-', _) => (Sign::Minus, 1),
            (b'*', _) => (Sign::Times, 1),
            (b'/', _) => (Sign::Over, 1),
            (b'%', _) => (Sign::Modulo, 1),
            (b'&', _) => (Sign::And, 1),
            (b'^', _) => (Sign::Xor, 1),
            (b'|', _) => (Sign::Or, 1),
            (b'~', _) => (Sign::Not, 1),
            (b'(', _) => (Sign::Open, 1),
            (b')', _) => (Sign::Close, 1),
            _ => return Err(Fault::UnexpectedCharacter(self.rest().chars().next().unwrap_or(' '))),
        };
        self.at += length;
        Ok(Kind::Sign(sign))
    }

    fn number(&mut self) -> Result<Kind<'t>, Fault> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        // Most are decimal and fit; so many digits always do.
        let (mut value, mut digits) = (0u64, 0);
        while let Some(byte @ b'0'..=b'9') = rest.get(digits)
            && digits < 19
        {
            value = 10 * value + u64::from(byte - b'0');
            digits += 1;
        }
        let goes_on = rest.get(digits).is_some_and(|byte| is_part(*byte) || *byte == b'.');
        if !goes_on && (rest[0] != b'0' || digits == 1) {
            self.at += digits;
            return Ok(Kind::Int(value));
        }
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X') {
            self.at += 2;
            let digits = self.take(is_part);
            return u64::from_str_radix(digits, 16)
                .ok()
                .filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit()))
                .map(Kind::Int)
                .ok_or_else(|| Fault::BadNumber(self.text[start..self.at].into()));
        }
        self.take(|byte| byte.is_ascii_digit());
        let mut is_float = false;
        if self.byte(0) == b'.' {
            is_float = true;
            self.at += 1;
            if !self.byte(0).is_ascii_digit() {
                return Err(Fault::BadNumber(self.text[start..self.at].into()));
            }
            self.take(|byte| byte.is_ascii_digit());
        }
        if matches!(self.byte(0), b'e' | b'E') {
            is_float = true;
            self.at += 1;
            if matches!(self.byte(0), b'+' | b'-') {
                self.at += 1;
            }
        }
        self.take(is_part);
        let word = &self.text[start..self.at];
        let bad = || Fault::BadNumber(word.into());
        if is_float {
            return word.parse().map(Kind::Float).map_err(|_| bad());
        }
        let value = match word.strip_prefix('0') {
            Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8),
            _ => word.parse(),
        };
        value.map(Kind::Int).map_err(|_| bad())
    }

    fn string(&mut self) -> Result<Kind<'t>, Fault> {
        self.at += 1;
        let start = self.at;
        loop {
            let rest = self.rest();
            self.at += rest.find(['"', '\\', '\n']).unwrap_or(rest.len());
            match self.byte(0) {
                b'"' => {
                    self.at += 1;
                    return Ok(Kind::Str(&self.text[start..self.at - 1]));
                }
                b'\\' => match self.text[self.at + 1..].chars().next() {
                    Some(c) if c != '\n' => {
                        self.at += 1 + c.len_utf8();
                        if escape(c).is_none() {
                            return Err(Fault::BadEscape(c));
                        }
                    }
                    _ => return Err(Fault::UnclosedString),
                },
                _ => return Err(Fault::UnclosedString),
            }
        }
    }
}

/// What an escape stands for.
fn escape(c: char) -> Option<u8> {
    Some(match c {
        '"' | '\\' => c as u8,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'a' => 7,
        'f' => 12,
        'v' => 11,
        'b' => 8,
        '0' => 0,
        _ => return None,
    })
}

/// The bytes that a string means.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, behind)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let mut chars = behind.chars();
        bytes.extend(chars.next().and_then(escape));
        rest = chars.as_str();
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Whether each byte can stand in a name.
static PART: [bool; 256] = {
    let mut part = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        part[byte] = (byte as u8).is_ascii_alphanumeric() || byte == b'_' as usize;
        byte += 1;
    }
    part
};

fn is_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_part(byte: u8) -> bool {
    PART[byte as usize]
}
