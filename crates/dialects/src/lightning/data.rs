//! Directives: sections, the items of the data section, expressions evaluated for their effects.

use super::fault::{Wrong, nearest};
use super::parse::{Parser, Section};
use super::value::{Base, Value};

/// The largest data section, in bytes.
const LARGEST: i64 = 1 << 28;

const DIRECTIVES: [&str; 12] =
    [".data", ".code", ".align", ".size", ".c", ".s", ".i", ".l", ".f", ".d", ".p", ".disasm"];

impl<'t> Parser<'t> {
    /// A directive; the cursor is behind its point.
    pub(super) fn directive(&mut self, start: usize) -> Result<(), Wrong> {
        while matches!(self.cursor.peek(), b' ' | b'\t') {
            self.cursor.at += 1;
        }
        if self.cursor.peek() == b'$' {
            self.dollar()?;
            return Ok(());
        }
        let name = self.cursor.name()?.unwrap_or_default();
        let at = self.cursor.since(start);
        match name {
            "code" if self.section == Section::Code => Err(Wrong::new(at, "a second `.code`")),
            "code" => {
                self.section = Section::Code;
                Ok(())
            }
            "data" if self.section != Section::None => {
                Err(Wrong::new(at, "`.data` stands once and first, before `.code`"))
            }
            "data" => {
                let size = self.count("the size of the data section")?;
                if !(0..=LARGEST).contains(&size) {
                    return Err(Wrong::new(
                        self.cursor.since(start),
                        format!("a data section of {size} bytes"),
                    )
                    .help("0 to 2^28"));
                }
                self.section = Section::Data;
                self.data().size = size as u64;
                Ok(())
            }
            "disasm" => {
                self.program.only_assemble = true;
                Ok(())
            }
            "align" | "size" | "c" | "s" | "i" | "l" | "f" | "d" | "p" if self.program.data.is_none() => {
                Err(Wrong::new(at, format!("`.{name}` without a data section"))
                    .help("`.data N` opens one of N bytes"))
            }
            "align" => {
                let n = self.count("an alignment")?;
                if !(2..=4096).contains(&n) || n & (n - 1) != 0 {
                    return Err(Wrong::new(self.cursor.since(start), format!("cannot align to {n}"))
                        .help("a power of two from 2 to 4096"));
                }
                // What is aligned already moves on by a whole step.
                self.skip(start, n - self.data_offset() % n)
            }
            "size" => {
                let n = self.count("a number of bytes")?;
                if n < 0 {
                    return Err(Wrong::new(self.cursor.since(start), format!("cannot skip {n} bytes")));
                }
                self.skip(start, n)
            }
            "c" | "s" | "i" | "l" | "f" | "d" | "p" => self.data_items(start, name),
            _ => {
                let wrong = Wrong::new(at, format!("unknown directive `.{name}`"));
                Err(match nearest(&format!(".{name}"), DIRECTIVES.into_iter()) {
                    Some(help) if name.len() > 1 => wrong.help(help),
                    _ => wrong.help("values are `.c .s .i .l`, floats `.f .d`, addresses `.p`"),
                })
            }
        }
    }

    fn count(&mut self, wanted: &str) -> Result<i64, Wrong> {
        self.cursor.skip_blanks();
        let start = self.cursor.at;
        match self.value(wanted)? {
            Value::Int(n) => Ok(n),
            value => Err(Wrong::new(
                self.cursor.since(start),
                format!("this is {}, where {wanted} is expected", value.kind()),
            )),
        }
    }

    /// How much of the data section is used.
    pub(super) fn data_offset(&self) -> i64 {
        self.used as i64
    }

    fn skip(&mut self, start: usize, bytes: i64) -> Result<(), Wrong> {
        self.room(start, bytes as u64)?;
        self.used += bytes as u64;
        Ok(())
    }

    /// That so many bytes still fit.
    fn room(&self, start: usize, bytes: u64) -> Result<(), Wrong> {
        let size = self.program.data.as_ref().map_or(0, |data| data.size);
        if bytes <= size - self.used {
            return Ok(());
        }
        Err(Wrong::new(self.cursor.since(start), ".data too small").help(format!(
            "of its {size} bytes {} are used, and this takes {bytes}: `.data {}` has room for it",
            self.used,
            self.used.saturating_add(bytes)
        )))
    }

    fn put(&mut self, start: usize, bytes: &[u8]) -> Result<(), Wrong> {
        self.room(start, bytes.len() as u64)?;
        let used = self.used as usize;
        let data = self.data();
        data.bytes.resize(used, 0);
        data.bytes.extend_from_slice(bytes);
        self.used += bytes.len() as u64;
        Ok(())
    }

    fn data_items(&mut self, start: usize, directive: &str) -> Result<(), Wrong> {
        if self.cursor.is_at_item_end() {
            return Err(Wrong::new(
                self.cursor.since(start),
                format!("`.{directive}` needs at least one value"),
            ));
        }
        while !self.cursor.is_at_item_end() {
            self.data_item(start, directive)?;
        }
        Ok(())
    }

    fn data_item(&mut self, start: usize, directive: &str) -> Result<(), Wrong> {
        let item = self.cursor.at;
        let first = self.cursor.peek();
        if first == b'"' {
            return self.string(item, directive);
        }
        let wanted = match directive {
            "c" => "an integer, a character or a string",
            "f" | "d" => "a float",
            "p" => "an address",
            _ => "an integer",
        };
        let value = self.value(wanted)?;
        let unfit = |this: &Self| {
            let message = format!("this is {}, where {wanted} is expected", value.kind());
            Wrong::new(this.cursor.since(item), message)
        };
        if first == b'\'' && matches!(directive, "s" | "i" | "l" | "p") {
            let message = format!("this is a character, where {wanted} is expected");
            return Err(Wrong::new(self.cursor.since(item), message));
        }
        match (directive, value) {
            ("f", Value::Int(_) | Value::Float(_)) => {
                let number = match value {
                    Value::Float(v) => v,
                    Value::Int(v) => v as f64,
                    _ => return Err(unfit(self)),
                };
                self.put(start, &(number as f32).to_bits().to_le_bytes())
            }
            ("d", Value::Int(v)) => self.put(start, &(v as f64).to_bits().to_le_bytes()),
            ("d", Value::Float(v)) => self.put(start, &v.to_bits().to_le_bytes()),
            ("c", Value::Int(v)) => self.put(start, &v.to_le_bytes()[..1]),
            ("s", Value::Int(v)) => self.put(start, &v.to_le_bytes()[..2]),
            ("i", Value::Int(v)) => self.put(start, &v.to_le_bytes()[..4]),
            ("l" | "p", Value::Int(v)) => self.put(start, &v.to_le_bytes()),
            ("l" | "p", Value::Address(base, offset)) => self.put_address(start, base, offset),
            ("s" | "i", Value::Address(..)) => {
                Err(unfit(self).help("an address takes 8 bytes: `.p` or `.l`"))
            }
            _ => Err(unfit(self)),
        }
    }

    fn put_address(&mut self, start: usize, base: Base, offset: i64) -> Result<(), Wrong> {
        let at = self.used;
        self.put(start, &[0; 8])?;
        self.data().addresses.push((at, base, offset));
        Ok(())
    }

    /// `"…"`, stored with a final NUL; the cursor is at the first quote.
    fn string(&mut self, item: usize, directive: &str) -> Result<(), Wrong> {
        let mut bytes = Vec::new();
        self.cursor.at += 1;
        while self.cursor.peek() != b'"' {
            match self.cursor.character() {
                Some(byte) => bytes.push(byte),
                None => {
                    return Err(Wrong::new(
                        self.cursor.since(item),
                        "this string has no closing quote on its line",
                    ));
                }
            }
        }
        self.cursor.at += 1;
        bytes.push(0);
        if directive != "c" {
            return Err(Wrong::new(self.cursor.since(item), format!("a string in `.{directive}`"))
                .help("strings stand in `.c`"));
        }
        self.put(item, &bytes)
    }
}
