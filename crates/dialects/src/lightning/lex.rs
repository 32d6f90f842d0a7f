//! Walking over the text: blanks, comments, line markers of the preprocessor, names and literals.
//!
//! The grammar needs no token stream: which operands follow is known from the mnemonic, so the parser asks for what it
//! expects. Every function looks at each byte a bounded number of times.

use super::fault::{At, Wrong};
use super::value::Value;
use std::collections::HashMap;

/// The longest name, in bytes.
const LONGEST_NAME: usize = 255;

/// A place in the text, and which line of which original file that is.
pub(super) struct Cursor<'t> {
    pub text: &'t str,
    pub at: usize,
    /// The files that line markers have named; the first is the text's own name.
    pub files: Vec<String>,
    file_of: HashMap<String, u32>,
    file: u32,
    line: u32,
    /// Where the line's first item stands, counted from 1: the preprocessor keeps that as it was.
    column: u32,
    /// The line's first byte, until its first item is met.
    begun: Option<usize>,
    /// A comment that is not closed; the text ends with it.
    pub unclosed: Option<At>,
}

pub(super) fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_name(byte: u8) -> bool {
    NAME[byte as usize]
}

/// Whether each byte can stand in a name.
static NAME: [bool; 256] = {
    let mut name = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        name[byte] = (byte as u8).is_ascii_alphanumeric() || byte == b'_' as usize;
        byte += 1;
    }
    name
};

impl<'t> Cursor<'t> {
    pub fn new(name: &str, text: &'t str) -> Cursor<'t> {
        Cursor {
            text,
            at: 0,
            files: vec![name.to_owned()],
            file_of: HashMap::from([(name.to_owned(), 0)]),
            file: 0,
            line: 1,
            column: 1,
            begun: Some(0),
            unclosed: None,
        }
    }

    #[inline]
    pub fn peek(&self) -> u8 {
        self.ahead(0)
    }

    /// The byte so many further on; 0 behind the end.
    pub fn ahead(&self, n: usize) -> u8 {
        self.text.as_bytes().get(self.at + n).copied().unwrap_or(0)
    }

    pub fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The place from a byte up to here.
    pub fn since(&self, start: usize) -> At {
        At { file: self.file, line: self.line, column: self.column, start: start as u32, end: self.at as u32 }
    }

    /// The place of what stands here: up to the next blank.
    pub fn here(&self) -> At {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().take(40).position(|b| b.is_ascii_whitespace() || *b == b';');
        let end = self.at + length.unwrap_or(rest.len().min(40));
        At { file: self.file, line: self.line, column: self.column, start: self.at as u32, end: end as u32 }
    }

    /// Skips blanks and comments inside an item. A newline ends an item; one inside a comment does not.
    #[inline]
    pub fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                b' ' | b'\t' | b'\r' | 0x0c => self.at += 1,
                b'/' if self.ahead(1) == b'*' => self.skip_block_comment(),
                _ => return,
            }
        }
    }

    fn skip_block_comment(&mut self) {
        let start = self.at;
        self.at += 2;
        let Some(length) = self.text[self.at..].find("*/") else {
            self.unclosed = Some(self.since(start));
            self.at = self.text.len();
            return;
        };
        let end = self.at + length + 2;
        let newlines = self.text.as_bytes()[self.at..end].iter().filter(|b| **b == b'\n').count();
        self.line = self.line.wrapping_add(newlines as u32);
        self.at = end;
    }

    /// Skips everything that may stand between items.
    pub fn skip_between(&mut self) {
        loop {
            self.skip_blanks();
            match self.peek() {
                b'\n' => {
                    self.at += 1;
                    self.line = self.line.wrapping_add(1);
                    self.begun = Some(self.at);
                }
                b';' => self.at += 1,
                b'/' if self.ahead(1) == b'/' => self.skip_line(),
                b'#' => self.line_marker(),
                _ => {
                    if let Some(start) = self.begun.take() {
                        self.column = (self.at - start) as u32 + 1;
                    }
                    return;
                }
            }
        }
    }

    /// Goes to the end of the line, or of the text.
    pub fn skip_line(&mut self) {
        self.skip_to(|byte| byte == b'\n');
    }

    /// Goes behind the item, after a fault in it: to the end of the line or a `;`.
    pub fn skip_item(&mut self) {
        self.skip_to(|byte| byte == b'\n' || byte == b';');
    }

    /// Goes by bytes: a fault may stand inside of a character.
    fn skip_to(&mut self, stop: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| stop(*byte)).unwrap_or(rest.len());
    }

    /// Whether nothing more of an item stands on the line.
    #[inline]
    pub fn is_at_item_end(&mut self) -> bool {
        self.skip_blanks();
        match self.peek() {
            b'\n' | b';' | b'#' => true,
            b'/' => self.ahead(1) == b'/',
            0 => self.is_at_end(),
            _ => false,
        }
    }

    /// `# 12 "file"` says where the next line comes from; any other `#` begins a comment.
    fn line_marker(&mut self) {
        let start = self.at;
        self.skip_line();
        let words = self.text[start + 1..self.at].trim_start();
        let words = words.strip_prefix("line ").unwrap_or(words).trim_start();
        let digits = words.len() - words.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Ok(line) = words[..digits].parse::<u32>() else { return };
        let rest = words[digits..].trim_start();
        if let Some(quoted) = rest.strip_prefix('"') {
            let name = unquoted(quoted);
            let files = &mut self.files;
            self.file = *self.file_of.entry(name).or_insert_with_key(|name| {
                files.push(name.clone());
                files.len() as u32 - 1
            });
        }
        // The newline that ends the marker counts one up, also from before the first line, which is number 0.
        self.line = line.wrapping_sub(1);
    }

    /// A name, if one begins here.
    pub fn name(&mut self) -> Result<Option<&'t str>, Wrong> {
        if !is_name_start(self.peek()) {
            return Ok(None);
        }
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let length = rest.iter().position(|b| !is_name(*b)).unwrap_or(rest.len());
        self.at += length;
        if length > LONGEST_NAME {
            return Err(Wrong::new(self.since(start), format!("a name of {length} characters"))
                .help(format!("names have at most {LONGEST_NAME}")));
        }
        Ok(Some(&self.text[start..self.at]))
    }

    /// The character or escape here, as a byte, going behind it; nothing at the end of the line.
    pub fn character(&mut self) -> Option<u8> {
        let byte = match self.peek() {
            b'\\' => {
                self.at += 1;
                match self.peek() {
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    other => other,
                }
            }
            byte => byte,
        };
        if self.is_at_end() || self.peek() == b'\n' {
            return None;
        }
        self.at += 1;
        Some(byte)
    }

    /// `'c'`; the cursor is at the first quote.
    pub fn quoted_character(&mut self) -> Result<i64, Wrong> {
        let start = self.at;
        self.at += 1;
        let byte = self.character();
        match byte {
            Some(byte) if self.peek() == b'\'' => {
                self.at += 1;
                Ok(byte as i64)
            }
            _ => Err(Wrong::new(self.since(start), "a character needs a quote on both sides")
                .help("write one character, or one escape such as '\\n', between the quotes")),
        }
    }

    /// A literal number; the cursor is at its first digit. `negative` if a sign before it said so.
    pub fn number(&mut self, negative: bool) -> Result<Value, Wrong> {
        let signed = |value: i64| Value::Int(if negative { value.wrapping_neg() } else { value });
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
        let goes_on = rest.get(digits).is_some_and(|byte| is_name(*byte) || *byte == b'.');
        if !goes_on && (rest[0] != b'0' || digits == 1) {
            self.at += digits;
            return Ok(signed(value as i64));
        }
        let based = matches!(rest, [b'0', b'x' | b'b', ..]);
        let mut length = 0;
        while let Some(byte) = rest.get(length) {
            let exponent_sign = matches!(byte, b'+' | b'-')
                && !based
                && rest[length - 1] == b'e'
                && rest.get(length + 1).is_some_and(u8::is_ascii_digit);
            if !(is_name(*byte) || *byte == b'.' || exponent_sign) {
                break;
            }
            length += 1;
        }
        self.at += length;
        let token = &self.text[start..self.at];
        let bad =
            || Err(Wrong::new(self.since(start), format!("`{token}` is not a number")).help(how(token)));
        let integer = |digits: &str, base: u32| -> Option<i64> {
            let mut value: u64 = 0;
            for c in digits.chars() {
                let digit = c.to_digit(base).filter(|_| !c.is_ascii_uppercase())?;
                // What does not fit is all ones.
                value = match value.checked_mul(base as u64).and_then(|v| v.checked_add(digit as u64)) {
                    Some(value) => value,
                    None => {
                        let rest_is_good =
                            digits.chars().all(|c| c.is_digit(base) && !c.is_ascii_uppercase());
                        return rest_is_good.then_some(-1);
                    }
                };
            }
            Some(value as i64)
        };
        if let Some(digits) = token.strip_prefix("0x") {
            return match integer(digits, 16) {
                Some(value) => Ok(signed(value)),
                None => bad(),
            };
        }
        if let Some(digits) = token.strip_prefix("0b") {
            return match integer(digits, 2) {
                Some(value) => Ok(signed(value)),
                None => bad(),
            };
        }
        let octal = token.len() > 1 && token.starts_with('0') && !token.starts_with("0.");
        if octal {
            return match integer(token, 8) {
                Some(value) => Ok(signed(value)),
                None => bad(),
            };
        }
        if token.contains(['.', 'e']) {
            let plain = token.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'));
            return match token.parse::<f64>() {
                Ok(value) if plain && !token.ends_with('e') => {
                    Ok(Value::Float(if negative { -value } else { value }))
                }
                _ => bad(),
            };
        }
        match integer(token, 10) {
            Some(value) => Ok(signed(value)),
            None => bad(),
        }
    }
}

/// How a number is written that somebody tried to write like this.
fn how(token: &str) -> &'static str {
    let small = token.to_ascii_lowercase();
    if let Some(digits) = small.strip_prefix("0x") {
        return match (digits.contains(['.', 'p']), token.starts_with("0X")) {
            (true, _) => "there are no hexadecimal floats",
            (_, true) => "the prefix is `0x`, in lower case",
            _ => "hexadecimal digits are 0 to 9 and a to f, in lower case",
        };
    }
    if small.starts_with("0b") {
        return "a binary number is `0b`, in lower case, and digits 0 and 1";
    }
    if token.contains('.')
        || small.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with('e') && !token.starts_with('0')
    {
        return "floats are digits with a point or an exponent in lower case, such as 1.5 or 2e-3, and no suffix";
    }
    if token.starts_with('0') {
        return "a leading 0 makes a number octal: digits 0 to 7";
    }
    "digits only, no suffix and no separators; before them 0x, 0b or 0"
}

/// A file name as line markers write it, up to the closing quote.
fn unquoted(text: &str) -> String {
    let mut name = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => break,
            '\\' => name.extend(characters.next()),
            c => name.push(c),
        }
    }
    name
}
