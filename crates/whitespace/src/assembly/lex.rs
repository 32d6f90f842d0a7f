//! Text to words, numbers, strings and marks. What does not lex is reported and left out.

use super::Dialect;
use super::literal;
use crate::Integer;
use crate::diagnostic::{Diagnostic, Problems};
use crate::fault::Class;
use crate::label::{Label, LabelId, LabelTable};
use crate::number::{self, Number};
use crate::source::Span;

/// A word, by its index in [`Words`].
pub(super) type Word = LabelId;

/// What a piece of text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A mnemonic, the name of a label or macro; local labels with their dot.
    Word(Word),
    /// An integer.
    Number(Number),
    /// A character between single quotes.
    Char(char),
    /// A string, by its index.
    Text(u32),
    Colon,
    Open,
    Close,
    At,
    /// Something that was reported. What it belongs to is left out without further words.
    Bad,
    /// The end of a line; also of a text.
    Newline,
}

/// A piece of text and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Span,
}

/// Distinct words.
#[derive(Default)]
pub(super) struct Words(LabelTable);

impl Words {
    pub fn intern(&mut self, word: &str) -> Word {
        // A word is a string of bytes, and a label is a string of bits.
        self.0.intern(Label::new(word.as_bytes(), word.len() as u32 * 8))
    }

    /// Whether it is the name of a local label, with its dot.
    pub fn is_local(&self, word: Word) -> bool {
        self.0.get(word).packed().first() == Some(&b'.')
    }

    pub fn text(&self, word: Word) -> &str {
        std::str::from_utf8(self.0.get(word).packed()).expect("only text is interned")
    }
}

/// What tokens refer to.
#[derive(Default)]
pub(super) struct Pools {
    pub words: Words,
    pub strings: Vec<String>,
    pub integers: Vec<Integer>,
}

/// The tokens of a text that starts at a position. The last one is always the end of a line.
pub(super) fn lex(
    text: &str,
    base: u32,
    dialect: Dialect,
    pools: &mut Pools,
    problems: &mut Problems,
) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, base, dialect, pools, problems, tokens: Vec::new() };
    if text.starts_with('\u{FEFF}') {
        lexer.at = '\u{FEFF}'.len_utf8();
    }
    while lexer.at < text.len() {
        lexer.token();
    }
    lexer.mark(Kind::Newline, text.len());
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    base: u32,
    dialect: Dialect,
    pools: &'a mut Pools,
    problems: &'a mut Problems,
    tokens: Vec<Token>,
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl<'a> Lexer<'a> {
    /// The text not read yet.
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The bytes from an offset up to the first that is not so.
    fn while_byte(&self, from: usize, good: impl Fn(u8) -> bool) -> usize {
        let bytes = &self.text.as_bytes()[from..];
        from + bytes.iter().position(|byte| !good(*byte)).unwrap_or(bytes.len())
    }

    /// Adds a token that ends at an offset, and goes there.
    fn mark(&mut self, kind: Kind, end: usize) {
        let span = self.span(self.at, end);
        self.tokens.push(Token { kind, span });
        self.at = end;
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.base + start as u32, self.base + end as u32)
    }

    /// Reports what ends at an offset, and goes there. What it belongs to is bad then.
    fn problem(&mut self, class: Class, end: usize, message: String, help: &str) {
        let diagnostic = Diagnostic::new(class, self.span(self.at, end), message);
        self.problems.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
        self.mark(Kind::Bad, end);
    }

    fn token(&mut self) {
        let rest = self.rest().as_bytes();
        let kiln = self.dialect == Dialect::Kiln;
        match rest[0] {
            b'\n' => self.mark(Kind::Newline, self.at + 1),
            byte if byte.is_ascii_whitespace() || byte == 0x0B => self.at += 1,
            b';' => self.skip_line(),
            b'#' if kiln => self.skip_line(),
            b'/' if kiln && rest.starts_with(b"//") => self.skip_line(),
            b'-' if kiln && rest.starts_with(b"--") => self.skip_line(),
            b'{' if kiln && rest.starts_with(b"{-") => self.skip_comment(),
            b':' => self.mark(Kind::Colon, self.at + 1),
            b'{' if kiln => self.mark(Kind::Open, self.at + 1),
            b'}' if kiln => self.mark(Kind::Close, self.at + 1),
            b'@' if kiln => self.mark(Kind::At, self.at + 1),
            b'\'' if kiln => self.quoted_char(),
            b'"' if kiln => self.string(),
            b'0'..=b'9' => self.number(),
            b'+' if kiln => self.number(),
            b'-' => self.number(),
            byte if byte.is_ascii_alphabetic() || byte == b'_' => self.word(),
            b'.' if kiln && rest.get(1).is_some_and(|byte| is_word_byte(*byte)) => self.word(),
            _ => self.bad_character(),
        }
    }

    fn skip_line(&mut self) {
        self.at = self.while_byte(self.at, |byte| byte != b'\n');
    }

    fn skip_comment(&mut self) {
        let bytes = self.text.as_bytes();
        let (mut depth, mut at) = (0, self.at);
        loop {
            match bytes.get(at..at + 2) {
                Some(b"{-") => {
                    depth += 1;
                    at += 2;
                }
                Some(b"-}") => {
                    depth -= 1;
                    at += 2;
                }
                Some(_) => at += 1,
                None => {
                    // Reported where it starts; the excerpt shall not be the whole rest of the text.
                    let message = "a comment that begins with `{-` has no end".into();
                    self.problem(
                        Class::UnterminatedComment,
                        self.at + 2,
                        message,
                        "`-}` ends it; such comments nest",
                    );
                    self.at = bytes.len();
                    return;
                }
            }
            if depth == 0 {
                break;
            }
        }
        // Of the lines in it one end is kept, so that what follows does not become an argument.
        if bytes[self.at..at].contains(&b'\n') {
            self.mark(Kind::Newline, at);
        }
        self.at = at;
    }

    fn word(&mut self) {
        let mut end = self.while_byte(self.at + 1, is_word_byte);
        if self.dialect == Dialect::Kiln {
            let bytes = self.text.as_bytes();
            while bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(|byte| is_word_byte(*byte))
            {
                end = self.while_byte(end + 1, is_word_byte);
            }
        }
        if self.text.as_bytes().get(end).is_some_and(|byte| !byte.is_ascii()) {
            return self.bad_character();
        }
        let word = self.pools.words.intern(&self.text[self.at..end]);
        self.mark(Kind::Word(word), end);
    }

    fn number(&mut self) {
        let end = match self.dialect {
            Dialect::Kiln => self.while_byte(self.at + 1, is_word_byte),
            Dialect::Whitespacers => self.while_byte(self.at + 1, |byte| byte.is_ascii_digit()),
        };
        let word = &self.text[self.at..end];
        match literal::integer(word) {
            Some(value) => {
                let number = number::number(value, &mut self.pools.integers);
                self.mark(Kind::Number(number), end);
            }
            None => {
                let message = format!("`{}` is not a number", cut(word));
                self.problem(
                    Class::BadLiteral,
                    end,
                    message,
                    "numbers look like 42, -7, 0x2A, 0o52, 0b101010, 1_000_000",
                );
            }
        }
    }

    fn quoted_char(&mut self) {
        // A character takes few bytes: no more is looked at, so that quotes in a row take no time.
        let inside = &self.text[self.at + 1..];
        let near = &inside[..inside.char_indices().nth(80).map_or(inside.len(), |(at, _)| at)];
        let line = &near[..near.find('\n').unwrap_or(near.len())];
        let closing = |from: usize| line[from..].find('\'').map(|at| self.at + 1 + from + at + 1);
        match literal::character(line) {
            _ if line.starts_with('\'') => {
                let message = "a character is missing between the quotes".into();
                self.problem(Class::BadLiteral, self.at + 2, message, "a quote itself is written '\\''");
            }
            Ok((character, length)) if line[length..].starts_with('\'') => {
                self.mark(Kind::Char(character), self.at + length + 2);
            }
            Ok((_, length)) => match closing(length) {
                Some(end) => {
                    let message = "more than one character stands between single quotes".into();
                    self.problem(Class::BadLiteral, end, message, "a string has double quotes");
                }
                None => self.unterminated("a character", '\''),
            },
            Err(bad) => match closing(bad.length) {
                Some(end) => {
                    self.bad_escape(self.at + 1, bad.length);
                    self.mark(Kind::Bad, end);
                }
                None => self.unterminated("a character", '\''),
            },
        }
    }

    fn string(&mut self) {
        let mut value = String::new();
        let mut at = self.at + 1;
        let mut good = true;
        loop {
            let rest = &self.text[at..];
            if rest.starts_with('"') {
                break;
            }
            if rest.is_empty() || rest.starts_with(['\n', '\r']) {
                return self.unterminated("a string", '"');
            }
            match literal::character(rest) {
                Ok((character, length)) => {
                    value.push(character);
                    at += length;
                }
                Err(_) if matches!(rest.as_bytes().get(1), None | Some(b'\n' | b'\r')) => {
                    return self.unterminated("a string", '"');
                }
                Err(bad) => {
                    self.bad_escape(at, bad.length);
                    good = false;
                    at += bad.length;
                }
            }
        }
        if good {
            self.pools.strings.push(value);
            self.mark(Kind::Text(self.pools.strings.len() as u32 - 1), at + 1);
        } else {
            self.mark(Kind::Bad, at + 1);
        }
    }

    fn bad_escape(&mut self, start: usize, length: usize) {
        let message = format!("`{}` is not an escape", &self.text[start..start + length]);
        let span = self.span(start, start + length);
        let help = "escapes are \\n \\t \\r \\0 \\\\ \\\" \\' \\x41 \\u{1F600}";
        self.problems.push(Diagnostic::new(Class::BadLiteral, span, message).help(help));
    }

    /// Reports a quote that is not closed on its line, which is left out.
    fn unterminated(&mut self, what: &str, quote: char) {
        let end = self.while_byte(self.at, |byte| !matches!(byte, b'\n' | b'\r'));
        let message = format!("{what} has no closing quote");
        let help = format!("it ends with {quote} on the same line; \\n stands for the end of a line");
        self.problem(Class::UnterminatedString, end, message, &help);
    }

    fn bad_character(&mut self) {
        let first = self.rest().chars().next().expect("there is more text");
        let end = self.at + first.len_utf8();
        // One message for a word with other letters.
        let foreign = !first.is_ascii() || is_word_byte(first as u8);
        let end =
            if foreign { self.while_byte(end, |byte| !byte.is_ascii() || is_word_byte(byte)) } else { end };
        let piece = &self.text[self.at..end];
        let message = match first.is_control() {
            true => format!("the character {} stands for nothing", first.escape_unicode()),
            false => format!("`{}` stands for nothing", cut(piece)),
        };
        let help = match first {
            ',' => "arguments are separated by blanks",
            '.' => "a local label has its name right behind the dot",
            _ if foreign => "names are made of the letters a to z, digits and underscores",
            _ => "",
        };
        self.problem(Class::BadCharacter, end, message, help);
    }
}

/// A piece of text for a message, cut if it is long.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}
