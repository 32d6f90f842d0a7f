//! From text to bytecode. One instruction stands on a line; `;` begins a comment. Two further statements, outside
//! functions, declare what instructions name: `extern NAME(TYPES[, ...]) [-> TYPE] [from "LIBRARY"]` and
//! `string NAME "TEXT"`.

use crate::bytecode::{Bytecode, CType, External, Symbol};
use crate::error::{Error, Fault, Place};
use crate::instruction::Inst;
use crate::operand::{Func, Imm, Kind, Label, Reg, Site, Target};
use std::collections::HashMap;

/// Reads a program. The file's name appears in messages.
///
/// # Errors
/// Every line that cannot be read.
pub fn read(file: &str, text: &str) -> Result<Bytecode, Vec<Error>> {
    let mut reader =
        Reader { code: Bytecode::new(file), labels: HashMap::new(), calls: HashMap::new(), inside: false };
    let mut errors = Vec::new();
    for (text, row) in text.lines().zip(1..) {
        let mut line = Line { reader: &mut reader, text, at: 0 };
        line.skip_blank();
        let start = line.at;
        if let Err(fault) = line.statement(row) {
            // Operands are named where they stand, all else where its statement begins.
            let at =
                if matches!(fault, Fault::Expected { .. } | Fault::BadNumber(_)) { line.at } else { start };
            errors.push(Error { place: place(text, row, at), fault });
        }
    }
    if errors.is_empty() { Ok(reader.code) } else { Err(errors) }
}

fn place(text: &str, line: u32, at: usize) -> Place {
    Place { line, column: text[..at].chars().count() as u32 + 1 }
}

struct Reader {
    code: Bytecode,
    /// The labels of the function at hand.
    labels: HashMap<String, Label>,
    /// Where the call of each site was emitted.
    calls: HashMap<Site, usize>,
    inside: bool,
}

/// What is left of a line.
pub(crate) struct Line<'r> {
    reader: &'r mut Reader,
    text: &'r str,
    /// The byte at which the rest begins.
    at: usize,
}

impl<'r> Line<'r> {
    fn statement(&mut self, row: u32) -> Result<(), Fault> {
        if self.at_end() {
            return Ok(());
        }
        let place = place(self.text, row, self.at);
        match self.word("an instruction")? {
            "extern" => self.declare_external()?,
            "string" => self.declare_text()?,
            mnemonic => {
                let inst = Inst::read(mnemonic, self)?;
                self.emit(inst, place)?;
            }
        }
        if self.at_end() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }

    fn emit(&mut self, inst: Inst, place: Place) -> Result<(), Fault> {
        let Reader { code, labels, calls, inside } = &mut *self.reader;
        if let (false, Inst::Patch { site, target }) = (*inside, &inst) {
            let call = calls.get(site).ok_or_else(|| Fault::NoSite(code.site_name(*site).into()))?;
            return code.overwrite_call(*call, *target);
        }
        match &inst {
            Inst::FuncStart { .. } => *inside = true,
            Inst::FuncEnd {} => {
                *inside = false;
                labels.clear();
            }
            _ => {}
        }
        let site = if let Inst::Call { site, .. } = inst { site } else { None };
        let index = code.emit_at(inst, place);
        if let Some(site) = site {
            calls.entry(site).or_insert(index);
        }
        Ok(())
    }

    fn declare_external(&mut self) -> Result<(), Fault> {
        let name = self.word("a name")?.to_owned();
        let mut variadic = false;
        let params = self.list(|line| {
            if variadic {
                return Err(line.expected("`)` after `...`"));
            }
            variadic = line.accept("...");
            if variadic { Ok(None) } else { line.ctype().map(Some) }
        })?;
        let params = params.into_iter().flatten().collect();
        let result = if self.accept("->") { Some(self.ctype()?) } else { None };
        let library = match self.accept("from") {
            true => Some(String::from_utf8(self.quoted()?).map_err(|_| Fault::LibraryName)?),
            false => None,
        };
        self.reader.code.external(External { name, params, variadic, result, library })?;
        Ok(())
    }

    fn declare_text(&mut self) -> Result<(), Fault> {
        let name = self.word("a name")?.to_owned();
        let bytes = self.quoted()?;
        self.reader.code.text(&name, &bytes)?;
        Ok(())
    }

    fn rest(&self) -> &'r str {
        &self.text[self.at..]
    }

    fn skip_blank(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Whether nothing but a comment is left.
    pub(crate) fn at_end(&mut self) -> bool {
        self.skip_blank();
        self.rest().is_empty() || self.rest().starts_with(';')
    }

    /// What was expected in place of what stands here.
    fn expected(&mut self, wanted: &str) -> Fault {
        let found = if self.at_end() {
            "the end of the line".into()
        } else {
            let word = self.rest().split([' ', '\t', ',', '(', ')', ';']).next().unwrap_or_default();
            let first = self.rest().chars().next().map(String::from).unwrap_or_default();
            format!("`{}`", if word.is_empty() { &first } else { word })
        };
        Fault::Expected { wanted: wanted.into(), found }
    }

    /// Goes past this text, blanks aside, if it stands here.
    pub(crate) fn accept(&mut self, text: &str) -> bool {
        self.skip_blank();
        let found = self.rest().starts_with(text.trim());
        if found {
            self.at += text.trim().len();
        }
        found
    }

    pub(crate) fn expect(&mut self, text: &str) -> Result<(), Fault> {
        if self.accept(text) { Ok(()) } else { Err(self.expected(&format!("`{}`", text.trim()))) }
    }

    /// A name or mnemonic: letters, digits, `_`, `.` and `$`, not beginning with a digit.
    fn word(&mut self, what: &str) -> Result<&'r str, Fault> {
        self.skip_blank();
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$');
        let length = self.rest().find(|c| !in_word(c)).unwrap_or(self.rest().len());
        let word = &self.rest()[..length];
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.expected(what));
        }
        self.at += length;
        Ok(word)
    }

    /// A name that is not a register's.
    fn name(&mut self, what: &str) -> Result<&'r str, Fault> {
        let start = self.at;
        let word = self.word(what)?;
        if Reg::from_name(word).is_some() {
            self.at = start;
            return Err(self.expected(what));
        }
        Ok(word)
    }

    pub(crate) fn register(&mut self) -> Result<Reg, Fault> {
        self.skip_blank();
        let start = self.at;
        let reg = self.word("a register").ok().and_then(Reg::from_name);
        reg.ok_or_else(|| {
            self.at = start;
            self.expected("a register")
        })
    }

    /// The characters of a number, up to a blank, comma or comment.
    fn digits(&mut self) -> &'r str {
        self.skip_blank();
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ')');
        &self.rest()[..self.rest().find(ends).unwrap_or(self.rest().len())]
    }

    pub(crate) fn imm(&mut self) -> Result<Imm, Fault> {
        let digits = self.digits();
        if digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')) {
            let value = integer(digits).ok_or_else(|| Fault::BadNumber(digits.into()))?;
            self.at += digits.len();
            return Ok(Imm::Int(value));
        }
        let name = self.name("an int, a function or a string")?;
        match self.reader.code.symbol(name) {
            Some(Symbol::Text(text)) => Ok(Imm::Text(text)),
            _ => self.reader.code.function(name).map(Imm::Func),
        }
    }

    pub(crate) fn double(&mut self) -> Result<f64, Fault> {
        if self.at_end() {
            return Err(self.expected("a number"));
        }
        let digits = self.digits();
        let value = digits.parse().map_err(|_| Fault::BadNumber(digits.into()))?;
        self.at += digits.len();
        Ok(value)
    }

    pub(crate) fn kind(&mut self) -> Result<Kind, Fault> {
        match self.ctype_or("`int` or `double`", |ty| ty != CType::Int32)? {
            CType::Double => Ok(Kind::Double),
            _ => Ok(Kind::Int),
        }
    }

    fn ctype(&mut self) -> Result<CType, Fault> {
        self.ctype_or("`int`, `int32` or `double`", |_| true)
    }

    fn ctype_or(&mut self, wanted: &str, allowed: impl Fn(CType) -> bool) -> Result<CType, Fault> {
        self.skip_blank();
        let start = self.at;
        let ty = match self.word(wanted)? {
            "int" => Some(CType::Int),
            "int32" => Some(CType::Int32),
            "double" => Some(CType::Double),
            _ => None,
        };
        ty.filter(|ty| allowed(*ty)).ok_or_else(|| {
            self.at = start;
            self.expected(wanted)
        })
    }

    pub(crate) fn function(&mut self) -> Result<Func, Fault> {
        let name = self.name("a function")?;
        self.reader.code.function(name)
    }

    pub(crate) fn external(&mut self) -> Result<Target, Fault> {
        let name = self.name("an external function")?;
        match self.reader.code.symbol(name) {
            Some(Symbol::External(target)) => Ok(target),
            _ => Err(Fault::NotExternal(name.into())),
        }
    }

    pub(crate) fn label(&mut self) -> Result<Label, Fault> {
        let name = self.word("a label")?;
        let Reader { code, labels, .. } = &mut *self.reader;
        Ok(*labels.entry(name.into()).or_insert_with(|| code.label(name)))
    }

    pub(crate) fn site(&mut self) -> Result<Site, Fault> {
        let name = self.word("a site")?;
        Ok(self.reader.code.site(name))
    }

    /// A list in parentheses, perhaps empty.
    pub(crate) fn list<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        self.expect("(")?;
        let mut list = Vec::new();
        if self.accept(")") {
            return Ok(list);
        }
        loop {
            list.push(element(self)?);
            if !self.accept(",") {
                self.expect(")")?;
                return Ok(list);
            }
        }
    }

    /// A string in double quotes, with the escapes `\n \r \t \\ \" \' \xNN`.
    fn quoted(&mut self) -> Result<Vec<u8>, Fault> {
        self.expect("\"")?;
        let mut bytes = Vec::new();
        loop {
            let Some(c) = self.rest().chars().next() else { return Err(self.expected("`\"`")) };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(bytes),
                '\\' => bytes.push(self.escape()?),
                _ => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
    }

    fn escape(&mut self) -> Result<u8, Fault> {
        let (byte, length) = match self.rest().as_bytes() {
            [b'n', ..] => (b'\n', 1),
            [b'r', ..] => (b'\r', 1),
            [b't', ..] => (b'\t', 1),
            [c @ (b'\\' | b'"' | b'\''), ..] => (*c, 1),
            [b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (u8::from_str_radix(&self.rest()[1..3], 16).unwrap_or_default(), 3)
            }
            _ => return Err(self.expected("one of n r t \\ \" ' xNN")),
        };
        self.at += length;
        Ok(byte)
    }
}

/// An integer from -2^63 to 2^64-1, decimal or `0x`.
fn integer(digits: &str) -> Option<i64> {
    let (negative, magnitude) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    if magnitude.starts_with(['-', '+']) {
        return None;
    }
    let value = match magnitude.strip_prefix("0x") {
        Some(hex) if !hex.starts_with(['-', '+']) => i128::from_str_radix(hex, 16).ok()?,
        Some(_) => return None,
        None => magnitude.parse().ok()?,
    };
    let value = if negative { -value } else { value };
    i64::try_from(value).ok().or_else(|| u64::try_from(value).ok().map(|v| v as i64))
}
