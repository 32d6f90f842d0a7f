//! Words. A line is split at once, because whether it has a comma decides how its expressions end.

use super::fault::Fault;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind<'t> {
    /// A mnemonic, or another word without sigil.
    Word(&'t str),
    /// Magnitude; signs are operators.
    Int(u64),
    Float(f64),
    Str(Vec<u8>),
    /// What stands after `%`.
    Register(&'t str),
    /// A sigil out of `$ & @ = ! *` and the name.
    Name(char, &'t str),
    /// `+ - * / % ** << >> & ^ | ~ ( ) , =>`
    Sign(&'static str),
}

#[derive(Clone, Debug)]
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
}

const SIGNS: [&str; 17] =
    ["=>", "**", "<<", ">>", "&&", "||", "+", "-", "*", "/", "%", "&", "^", "|", "~", "(", ")"];

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str) -> Lexer<'t> {
        Lexer { text, at: 0 }
    }

    pub fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The directive that begins here, which must be the start of a line; leaves at the next one.
    pub fn directive(&mut self) -> Option<Directive<'t>> {
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
                return Some(make(trimmed.trim_end(), start as u32));
            }
        }
        None
    }

    /// Splits what is left of the line into words, and goes behind it. A word that is none ends the line with its fault.
    pub fn line(&mut self, tokens: &mut Vec<Token<'t>>) -> Result<(), (Fault, u32, u32)> {
        tokens.clear();
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else { return Ok(()) };
            let start = self.at;
            match c {
                '\n' => {
                    self.at += 1;
                    return Ok(());
                }
                ' ' | '\t' | '\r' | '\x0b' | '\x0c' => self.at += 1,
                '#' => self.skip_to_end(),
                _ if rest.starts_with("//") => self.skip_to_end(),
                _ if rest.starts_with("/*") => {
                    if let Err(fault) = self.skip_block() {
                        self.at = self.text.len();
                        return Err((fault, start as u32, start as u32 + 2));
                    }
                }
                _ => match self.word(c) {
                    Ok(kind) => {
                        tokens.push(Token { kind, start: start as u32, end: self.at as u32 });
                    }
                    Err(fault) => {
                        let end = self.at.max(start + c.len_utf8());
                        self.skip_to_end();
                        return Err((fault, start as u32, end as u32));
                    }
                },
            }
        }
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

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !wanted(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn word(&mut self, c: char) -> Result<Kind<'t>, Fault> {
        let rest = self.rest();
        let next = rest[c.len_utf8()..].chars().next().unwrap_or(' ');
        if is_start(c) {
            return Ok(Kind::Word(self.take(is_part)));
        }
        if c.is_ascii_digit() || c == '.' && next.is_ascii_digit() {
            return self.number();
        }
        if c == '"' {
            return self.string();
        }
        if is_start(next) && matches!(c, '$' | '&' | '@' | '=' | '!' | '*' | '%') {
            self.at += 1;
            return Ok(match c {
                '%' => Kind::Register(self.take(is_part)),
                '*' => Kind::Name(c, self.take(|c| is_part(c) || matches!(c, ':' | '<' | '>'))),
                _ => Kind::Name(c, self.take(is_part)),
            });
        }
        if c == ',' {
            self.at += 1;
            return Ok(Kind::Sign(","));
        }
        match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Kind::Sign(sign))
            }
            None => Err(Fault::UnexpectedCharacter(c)),
        }
    }

    fn number(&mut self) -> Result<Kind<'t>, Fault> {
        let start = self.at;
        let rest = self.rest();
        if rest.starts_with("0x") || rest.starts_with("0X") {
            self.at += 2;
            let digits = self.take(|c| c.is_ascii_alphanumeric() || c == '_');
            return u64::from_str_radix(digits, 16)
                .ok()
                .filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit()))
                .map(Kind::Int)
                .ok_or_else(|| Fault::BadNumber(self.text[start..self.at].into()));
        }
        self.take(|c| c.is_ascii_digit());
        let mut is_float = false;
        if let Some(fraction) = self.rest().strip_prefix('.') {
            is_float = true;
            self.at += 1;
            if !fraction.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(Fault::BadNumber(self.text[start..self.at].into()));
            }
            self.take(|c| c.is_ascii_digit());
        }
        if self.rest().starts_with(['e', 'E']) {
            is_float = true;
            self.at += 1;
            if self.rest().starts_with(['+', '-']) {
                self.at += 1;
            }
        }
        self.take(|c| c.is_ascii_alphanumeric() || c == '_');
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
        let mut bytes = Vec::new();
        loop {
            let plain = self.take(|c| !matches!(c, '"' | '\\' | '\n'));
            bytes.extend_from_slice(plain.as_bytes());
            let mut after = self.rest().chars();
            match (after.next(), after.next()) {
                (Some('"'), _) => {
                    self.at += 1;
                    return Ok(Kind::Str(bytes));
                }
                (Some('\\'), Some(escape)) if escape != '\n' => {
                    self.at += 1 + escape.len_utf8();
                    bytes.push(match escape {
                        '"' | '\\' => escape as u8,
                        'n' => b'\n',
                        'r' => b'\r',
                        't' => b'\t',
                        'a' => 7,
                        'f' => 12,
                        'v' => 11,
                        'b' => 8,
                        '0' => 0,
                        _ => return Err(Fault::BadEscape(escape)),
                    });
                }
                _ => return Err(Fault::UnclosedString),
            }
        }
    }
}

fn is_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
