//! Words of the text form. The lexer is a cursor over one source: it keeps no list of tokens, and a token borrows
//! its text, so reading costs no memory. It never fails: what it cannot read becomes a token that says so.

use std::borrow::Cow;

/// What a token is. Texts are as written, with the `#n` that tells equal names apart.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Kind<'a> {
    /// The end of a line.
    Newline,
    /// The end of the source.
    Eof,
    /// A word, or `#n`.
    Ident(&'a str),
    /// `%name`, without the `%`.
    Reg(&'a str),
    /// `.3`, a block without a name, as written.
    BlockNumber(&'a str),
    /// A string with its quotes; a name if `#n` or nothing follows where names stand.
    Str(&'a str),
    /// A character constant with its quotes.
    Char(&'a str),
    /// An integer.
    Int(&'a str),
    /// A float.
    Float(&'a str),
    /// `...`
    Ellipsis,
    /// `->`
    Arrow,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// One character with a meaning of its own.
    Punct(u8),
    /// A character that begins no word.
    Unknown(char),
    /// A string or character constant without its end.
    Unclosed(&'a str),
    /// A number with letters that do not belong to it.
    BadNumber(&'a str),
}

/// A token and its place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Token<'a> {
    pub kind: Kind<'a>,
    pub start: u32,
    pub end: u32,
}

/// A cursor over a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a> {
    pub text: &'a str,
    pub at: usize,
    /// Line of `at`, from 1.
    pub line: u32,
    /// Where that line starts.
    pub line_start: usize,
}

pub(super) const fn is_word_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || matches!(b, b'_' | b'$' | b'@')
}

pub(super) const fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'@')
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0, line: 1, line_start: 0 }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn eat_while(&mut self, f: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|b| !f(*b)).unwrap_or(rest.len());
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.byte(0) {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b';' => self.eat_while(|b| b != b'\n'),
                _ => return,
            }
        }
    }

    /// The first byte of the next token of the line, without reading it.
    pub fn peek_byte(&self) -> u8 {
        let mut ahead = *self;
        ahead.skip_blanks();
        ahead.byte(0)
    }

    /// The next token, without reading it.
    pub fn peek(&self) -> Token<'a> {
        let mut ahead = *self;
        ahead.next()
    }

    /// Reads a token.
    pub fn next(&mut self) -> Token<'a> {
        self.skip_blanks();
        let start = self.at;
        let kind = self.kind(start);
        Token { kind, start: start as u32, end: self.at as u32 }
    }

    fn kind(&mut self, start: usize) -> Kind<'a> {
        let text = self.text;
        let Some(&first) = text.as_bytes().get(start) else { return Kind::Eof };
        match first {
            b'\n' => {
                self.at += 1;
                self.line += 1;
                self.line_start = self.at;
                Kind::Newline
            }
            b if is_word_start(b) => {
                self.eat_while(is_word);
                self.number_sign();
                Kind::Ident(&text[start..self.at])
            }
            b'%' => self.register(start),
            b'0'..=b'9' => self.number(start),
            b'"' | b'\'' => {
                if !self.quoted(first) {
                    return Kind::Unclosed(&text[start..self.at]);
                }
                if first == b'\'' {
                    return Kind::Char(&text[start..self.at]);
                }
                self.number_sign();
                Kind::Str(&text[start..self.at])
            }
            b'.' if self.byte(1).is_ascii_digit() => {
                self.at += 1;
                self.eat_while(|b| b.is_ascii_digit());
                Kind::BlockNumber(&text[start..self.at])
            }
            b'.' if self.byte(1) == b'.' && self.byte(2) == b'.' => self.punct(3, Kind::Ellipsis),
            b'-' if self.byte(1) == b'>' => self.punct(2, Kind::Arrow),
            b'<' if self.byte(1) == b'<' => self.punct(2, Kind::Shl),
            b'>' if self.byte(1) == b'>' => self.punct(2, Kind::Shr),
            b'#' if self.byte(1).is_ascii_digit() => {
                self.number_sign();
                Kind::Ident(&text[start..self.at])
            }
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b',' | b':' | b'=' | b'+' | b'-' | b'*' | b'/'
            | b'&' | b'|' | b'^' | b'~' | b'.' | b'!' => self.punct(1, Kind::Punct(first)),
            _ => {
                let c = text[start..].chars().next().unwrap_or('\u{fffd}');
                self.punct(c.len_utf8(), Kind::Unknown(c))
            }
        }
    }

    fn punct(&mut self, len: usize, kind: Kind<'a>) -> Kind<'a> {
        self.at += len;
        kind
    }

    /// The `#n` that may follow a name.
    fn number_sign(&mut self) {
        if self.byte(0) == b'#' && self.byte(1).is_ascii_digit() {
            self.at += 1;
            self.eat_while(|b| b.is_ascii_digit());
        }
    }

    fn register(&mut self, start: usize) -> Kind<'a> {
        self.at += 1;
        match self.byte(0) {
            b'"' => {
                if !self.quoted(b'"') {
                    return Kind::Unclosed(&self.text[start..self.at]);
                }
            }
            b if is_word(b) => self.eat_while(is_word),
            _ => return Kind::Punct(b'%'),
        }
        self.number_sign();
        Kind::Reg(&self.text[start + 1..self.at])
    }

    /// Reads to the closing quote; false if the line ends before it.
    fn quoted(&mut self, quote: u8) -> bool {
        self.at += 1;
        loop {
            match self.byte(0) {
                b'\\' if !matches!(self.byte(1), 0 | b'\n') => {
                    self.at += 1;
                    self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
                }
                b if b == quote => {
                    self.at += 1;
                    return true;
                }
                b'\n' => return false,
                0 if self.at >= self.text.len() => return false,
                _ => self.at += 1,
            }
        }
    }

    fn number(&mut self, start: usize) -> Kind<'a> {
        let mut float = false;
        let hex = self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X');
        if hex {
            self.at += 2;
            let digit = |b: u8| b.is_ascii_hexdigit() || b == b'_';
            self.eat_while(digit);
            if self.byte(0) == b'.' && self.byte(1).is_ascii_hexdigit() {
                float = true;
                self.at += 1;
                self.eat_while(digit);
            }
            float |= self.exponent(b'p');
        } else if self.byte(0) == b'0' && matches!(self.byte(1), b'b' | b'o' | b'B' | b'O') {
            self.at += 2;
            self.eat_while(|b| b.is_ascii_digit() || b == b'_');
        } else {
            let digit = |b: u8| b.is_ascii_digit() || b == b'_';
            self.eat_while(digit);
            if self.byte(0) == b'.' && self.byte(1).is_ascii_digit() {
                float = true;
                self.at += 1;
                self.eat_while(digit);
            }
            float |= self.exponent(b'e');
        }
        if is_word(self.byte(0)) {
            self.eat_while(is_word);
            return Kind::BadNumber(&self.text[start..self.at]);
        }
        let text = &self.text[start..self.at];
        if float { Kind::Float(text) } else { Kind::Int(text) }
    }

    fn exponent(&mut self, letter: u8) -> bool {
        let sign = matches!(self.byte(1), b'+' | b'-') as usize;
        let found = self.byte(0).to_ascii_lowercase() == letter && self.byte(1 + sign).is_ascii_digit();
        if found {
            self.at += 1 + sign;
            self.eat_while(|b| b.is_ascii_digit());
        }
        found
    }

    /// Goes to the end of the line, before its newline.
    pub fn skip_line(&mut self) {
        self.eat_while(|b| b != b'\n');
    }

    /// From behind an opening brace to behind the brace that closes it. False if the source ends before, or a line
    /// begins with a word that only begins definitions of modules; the cursor then stands there.
    pub fn skip_braces(&mut self, is_definition: impl Fn(&str) -> bool, mut entry: impl FnMut(Self)) -> bool {
        let mut depth = 1;
        while let Some(&b) = self.text.as_bytes().get(self.at) {
            match b {
                b'{' => depth += 1,
                b'}' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return true;
                    }
                }
                b';' => {
                    self.eat_while(|b| b != b'\n');
                    continue;
                }
                b'"' | b'\'' => {
                    self.quoted(b);
                    continue;
                }
                b'e' if self.text.as_bytes()[self.at..].starts_with(b"entry") => {
                    let before = self.text[..self.at].trim_end_matches([' ', '\t']);
                    if before.ends_with(['\n', '{', ':']) && !is_word(self.byte(5)) {
                        entry(*self);
                    }
                }
                b'\n' => {
                    self.line += 1;
                    self.line_start = self.at + 1;
                    if is_word_start(self.byte(1)) {
                        let rest = &self.text[self.at + 1..];
                        let len = rest.bytes().position(|b| !is_word(b)).unwrap_or(rest.len());
                        if !rest[len..].trim_start().starts_with(':') && is_definition(&rest[..len]) {
                            self.at += 1;
                            return false;
                        }
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        false
    }
}

/// Why an escape cannot be read: the escape.
pub(super) struct BadEscape<'a>(pub &'a str);

/// The bytes between the quotes of a string or character token (a `#n` behind it is left out).
pub(super) fn unescape(quoted: &str) -> Result<Cow<'_, [u8]>, BadEscape<'_>> {
    let quote = &quoted[..1];
    let inner = &quoted[1..quoted.rfind(quote).unwrap_or(quoted.len()).max(1)];
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner.as_bytes()));
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let c = rest[1..].chars().next().unwrap_or('\\');
        let mut len = 1 + c.len_utf8();
        match c {
            'n' => out.push(b'\n'),
            't' => out.push(b'\t'),
            'r' => out.push(b'\r'),
            '0' => out.push(0),
            '\\' | '"' | '\'' => out.push(c as u8),
            'x' => {
                let digits = rest.get(2..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                let byte = digits.and_then(|d| u8::from_str_radix(d, 16).ok());
                out.push(byte.ok_or(BadEscape(rest.get(..4).unwrap_or("\\x")))?);
                len = 4;
            }
            'u' => {
                let end = rest.find('}').filter(|end| *end <= 10);
                let digits = end.and_then(|end| rest.get(3..end)).filter(|_| rest[2..].starts_with('{'));
                let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).and_then(char::from_u32);
                let code = code.ok_or(BadEscape(&rest[..end.map_or(2, |end| end + 1)]))?;
                out.extend_from_slice(code.encode_utf8(&mut [0; 4]).as_bytes());
                len = end.map_or(2, |end| end + 1);
            }
            _ => return Err(BadEscape(&rest[..len])),
        }
        rest = &rest[len..];
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(Cow::Owned(out))
}

/// A name as it is looked up and as it is kept.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Name<'a> {
    /// Tells it from all others: the name, with its `#n` if it has one.
    pub key: Cow<'a, str>,
    /// The name kept in the module; empty for `#n`, `%n` and `.n`.
    pub text: Cow<'a, str>,
}

/// Whether a name can be written without quotes.
pub(super) fn is_plain(name: &str) -> bool {
    name.as_bytes().first().is_some_and(|b| is_word_start(*b)) && name.bytes().all(is_word)
}

impl<'a> Name<'a> {
    /// Reads the text of a name token: `x`, `x#2`, `#2`, `"odd"`, `"odd"#2`, for registers `7`, for blocks `.3`.
    pub fn read(raw: &'a str) -> Result<Name<'a>, BadEscape<'a>> {
        if !raw.starts_with('"') {
            let text = raw.split('#').next().unwrap_or("");
            let nameless = text.starts_with('.') || text.starts_with(|c: char| c.is_ascii_digit());
            let text = if nameless { "" } else { text };
            return Ok(Name { key: raw.into(), text: text.into() });
        }
        let close = raw.rfind('"').unwrap_or(raw.len());
        let sign = raw.get(close + 1..).unwrap_or("");
        let text = match unescape(raw)? {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        };
        if is_plain(&text) {
            let key = if sign.is_empty() { text.clone() } else { format!("{text}{sign}").into() };
            return Ok(Name { key, text });
        }
        Ok(Name { key: raw.into(), text })
    }
}
