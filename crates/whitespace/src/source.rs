//! Source texts and places in them.
//!
//! All texts of a program share one space of positions: each begins where the one before it ends, plus one for its end. So a
//! position is one number of 32 bits, whichever file it is in. Lines are counted when somebody asks.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// What language a text is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Whitespace: three kinds of bytes count, columns count bytes.
    Whitespace,
    /// Assembly in UTF-8; columns count characters.
    Assembly,
}

/// A half-open range of positions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range between two positions.
    pub const fn new(start: u32, end: u32) -> Span {
        Span { start, end }
    }
}

/// A text that a program came from.
#[derive(Debug)]
pub struct Source {
    /// The file's name as messages show it.
    pub name: String,
    /// Its bytes.
    pub text: Box<[u8]>,
    /// The language it is in.
    pub language: Language,
    /// The position of its first byte.
    base: u32,
    /// Where lines start.
    lines: OnceLock<Vec<u32>>,
}

/// A place as people name it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1: bytes in Whitespace, characters in assembly.
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Source {
    /// The bytes of a span, as offsets in the text.
    pub fn range(&self, span: Span) -> Range<usize> {
        let offset = |at: u32| (at.saturating_sub(self.base) as usize).min(self.text.len());
        offset(span.start)..offset(span.end).max(offset(span.start))
    }

    /// Line and column of a byte, both from 1.
    pub fn line_column(&self, at: usize) -> (u32, u32) {
        let lines = self.lines();
        let line = lines.partition_point(|start| *start as usize <= at) - 1;
        let before = &self.text[lines[line] as usize..at.min(self.text.len())];
        let column = match self.language {
            Language::Whitespace => before.len(),
            // Bytes that continue a character do not count.
            Language::Assembly => before.iter().filter(|byte| **byte & 0xC0 != 0x80).count(),
        };
        (line as u32 + 1, column as u32 + 1)
    }

    /// The byte at a line and column, both from 1; none if there is no such place.
    pub fn at(&self, line: u32, column: u32) -> Option<usize> {
        let range = self.line(line);
        if line as usize > self.lines().len() {
            return None;
        }
        let bytes = &self.text[range.clone()];
        let starts = |byte: &u8| self.language == Language::Whitespace || *byte & 0xC0 != 0x80;
        let mut characters = (0..bytes.len()).filter(|at| starts(&bytes[*at])).chain([bytes.len()]);
        characters.nth(column as usize - 1).map(|at| range.start + at)
    }

    /// The bytes of a line, counted from 1, without its line feed.
    pub fn line(&self, line: u32) -> Range<usize> {
        let lines = self.lines();
        let start = lines.get(line as usize - 1).map_or(self.text.len(), |start| *start as usize);
        let end = lines.get(line as usize).map_or(self.text.len(), |next| *next as usize - 1);
        start..end
    }

    fn lines(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let feeds = self.text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            std::iter::once(0).chain(feeds.map(|(at, _)| at as u32 + 1)).collect()
        })
    }
}

/// The texts of a program, cheap to clone.
#[derive(Clone, Default, Debug)]
pub struct Sources(Vec<Arc<Source>>);

impl Sources {
    /// Adds a text, if all of them still fit the 4 GiB that positions can name. Gives the position of its first byte.
    pub fn add(&mut self, name: &str, text: &[u8], language: Language) -> Option<u32> {
        let base = self.0.last().map_or(0, |last| last.base as usize + last.text.len() + 1);
        if base + text.len() >= u32::MAX as usize {
            return None;
        }
        let base = base as u32;
        let (name, text) = (name.to_owned(), text.into());
        self.0.push(Arc::new(Source { name, text, language, base, lines: OnceLock::new() }));
        Some(base)
    }

    /// The text that holds a position.
    pub fn of(&self, at: u32) -> Option<&Source> {
        let next = self.0.partition_point(|source| source.base <= at);
        next.checked_sub(1).map(|index| &*self.0[index])
    }

    /// All texts, in the order they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Source> {
        self.0.iter().map(|source| &**source)
    }

    /// The index of a position's text, and line and column there.
    pub(crate) fn place(&self, at: u32) -> Option<(u32, u32, u32)> {
        let index = self.0.partition_point(|source| source.base <= at).checked_sub(1)?;
        let (line, column) = self.0[index].line_column((at - self.0[index].base) as usize);
        Some((index as u32, line, column))
    }

    /// Where a position is.
    pub fn position(&self, at: u32) -> Option<Position> {
        let (index, line, column) = self.place(at)?;
        Some(Position { file: self.0[index as usize].name.as_str().into(), line, column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_bytes_or_characters() {
        let mut sources = Sources::default();
        let text = "\u{e9} a\nb".as_bytes();
        let first = sources.add("a.ws", text, Language::Whitespace).expect("small");
        let second = sources.add("b.wsa", text, Language::Assembly).expect("small");
        let at = |at| sources.position(at).expect("known").to_string();
        assert_eq!(at(first + 3), "a.ws:1:4");
        assert_eq!(at(second + 3), "b.wsa:1:3");
        assert_eq!(at(first + 5), "a.ws:2:1");
        assert_eq!(at(first + 6), "a.ws:2:2");
        assert_eq!(at(second + 6), "b.wsa:2:2");
        assert_eq!(sources.of(first).expect("known").line(2), 5..6);
    }
}
