//! Source maps: where the instructions of a `.ws` file come from.
//!
//! A map is text in JSON lines, so that scripts read it a line at a time. The first line is an object with the version of the
//! format and the names of the sources. Each further line is an array for one instruction: its number, the byte of the
//! `.ws` file it begins at, the source by its place in that list, line and column there, and how many bytes it takes there.

use crate::program::{Places, Program};
use crate::source::{Language, Sources, Span};
use std::fmt::{self, Write};

/// Where the instructions of a program come from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceMap {
    /// The names of the sources.
    pub sources: Vec<String>,
    /// One for each instruction, in order.
    pub rows: Vec<Row>,
}

/// Where one instruction comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The byte of the `.ws` file it begins at.
    pub byte: u32,
    /// The source, by its place in the list.
    pub source: u32,
    /// The line there, from 1.
    pub line: u32,
    /// The column there, from 1: characters in assembly.
    pub column: u32,
    /// How many bytes it takes there.
    pub length: u32,
}

/// Why a text is not a source map, or not one of this program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadMap {
    /// The line of the map, from 1; 0 if it is about the map as a whole.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

impl fmt::Display for BadMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(self.reason),
            line => write!(f, "line {line}: {}", self.reason),
        }
    }
}

impl std::error::Error for BadMap {}

const VERSION: &str = r#"{"version":1,"sources":["#;

impl SourceMap {
    /// The map as text.
    pub fn to_text(&self) -> String {
        let mut text = String::from(VERSION);
        for (at, source) in self.sources.iter().enumerate() {
            text.push_str(if at > 0 { "," } else { "" });
            write_string(&mut text, source);
        }
        text.push_str("]}\n");
        for (at, row) in self.rows.iter().enumerate() {
            let Row { byte, source, line, column, length } = row;
            writeln!(text, "[{at},{byte},{source},{line},{column},{length}]").expect("strings take all text");
        }
        text
    }

    /// Reads a map.
    ///
    /// # Errors
    ///
    /// The first line that does not belong there.
    pub fn parse(text: &str) -> Result<SourceMap, BadMap> {
        let mut lines = text.lines().zip(1..);
        let bad = |line, reason| BadMap { line, reason };
        let head =
            lines.next().and_then(|(head, _)| head.trim_end().strip_prefix(VERSION)?.strip_suffix("]}"));
        let head = head.ok_or(bad(1, "this is no source map of version 1"))?;
        let sources = read_strings(head).ok_or(bad(1, "the list of sources is broken"))?;
        let mut rows = Vec::new();
        for (row, line) in lines {
            let numbers = row.trim_end().strip_prefix('[').and_then(|row| row.strip_suffix(']'));
            let numbers =
                numbers.map(|row| row.split(',').map(|n| n.trim().parse::<u32>().ok()).collect::<Vec<_>>());
            let Some([Some(at), Some(byte), Some(source), Some(line_of), Some(column), Some(length)]) =
                numbers.as_deref()
            else {
                return Err(bad(line, "an instruction is an array of six numbers"));
            };
            if *at as usize != rows.len() {
                return Err(bad(line, "the instructions are not in order"));
            }
            if *source as usize >= sources.len() || *line_of == 0 || *column == 0 {
                return Err(bad(line, "there is no such place"));
            }
            rows.push(Row { byte: *byte, source: *source, line: *line_of, column: *column, length: *length });
        }
        Ok(SourceMap { sources, rows })
    }
}

fn write_string(text: &mut String, string: &str) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            control if control < ' ' => {
                write!(text, "\\u{:04x}", u32::from(control)).expect("strings take all text");
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

/// JSON strings with commas between them.
fn read_strings(text: &str) -> Option<Vec<String>> {
    let mut strings = Vec::new();
    let mut chars = text.chars();
    if text.is_empty() {
        return Some(strings);
    }
    loop {
        if chars.next()? != '"' {
            return None;
        }
        let mut string = String::new();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => string.push(match chars.next()? {
                    'u' => {
                        let digits: String = chars.by_ref().take(4).collect();
                        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                    }
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    character @ ('"' | '\\' | '/') => character,
                    _ => return None,
                }),
                character => string.push(character),
            }
        }
        strings.push(string);
        match chars.next() {
            None => return Some(strings),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

impl Program {
    /// Where the instructions come from, for the file that [`Program::to_whitespace`] gives; none if the program was
    /// stripped.
    pub fn source_map(&self) -> Option<SourceMap> {
        let sources = self.sources()?;
        let mut bytes = Vec::with_capacity(self.len());
        self.write(|_, text| bytes.push(text.len() as u32));
        let rows = (0..).zip(bytes).map(|(at, byte)| {
            let span = self.span(at)?;
            let (source, line, column) = sources.place(span.start)?;
            Some(Row { byte, source, line, column, length: span.end - span.start })
        });
        let rows = rows.collect::<Option<Vec<_>>>()?;
        Some(SourceMap { sources: sources.iter().map(|source| source.name.clone()).collect(), rows })
    }

    /// The same program with the places that a map gives, for messages that show the assembly it came from. `texts` are the
    /// sources of the map, in its order.
    ///
    /// # Errors
    ///
    /// That the map is one of another program, or the texts have changed since.
    pub fn with_source_map(&self, map: &SourceMap, texts: &[Vec<u8>]) -> Result<Program, BadMap> {
        let bad = |line, reason| BadMap { line, reason };
        let mut starts = Vec::with_capacity(self.len());
        self.write(|_, text| starts.push(text.len() as u32));
        let same = map.rows.iter().map(|row| row.byte).eq(starts);
        if !same {
            return Err(bad(0, "the map is of another program"));
        }
        let mut sources = Sources::default();
        let mut bases = Vec::new();
        for (name, text) in map.sources.iter().zip(texts) {
            let base =
                sources.add(name, text, Language::Assembly).ok_or(bad(0, "the sources are too long"))?;
            bases.push(base);
        }
        let mut spans = Vec::with_capacity(self.len());
        for (row, line) in map.rows.iter().zip(2..) {
            let base = bases.get(row.source as usize).ok_or(bad(line, "a source is missing"))?;
            let source = sources.of(*base).ok_or(bad(line, "a source is missing"))?;
            let start = source.at(row.line, row.column).ok_or(bad(line, "the source has changed since"))?;
            let end = start + row.length as usize;
            if end > source.text.len() {
                return Err(bad(line, "the source has changed since"));
            }
            spans.push(Span::new(base + start as u32, base + end as u32));
        }
        // A trap at the end is in no map.
        let last = spans.last().copied().unwrap_or(Span::new(0, 0));
        spans.resize(self.len(), Span::new(last.end, last.end));
        Ok(self.with_places(Places { sources, spans: spans.into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_survive_the_way_through_text() {
        let row = Row { byte: 0, source: 1, line: 3, column: 5, length: 6 };
        let sources = vec!["a \"b\\c\u{1}.wsa".to_owned(), "\u{e9}.wsa".to_owned()];
        let map = SourceMap { sources, rows: vec![row, Row { byte: 7, ..row }] };
        let text = map.to_text();
        assert_eq!(SourceMap::parse(&text), Ok(map));
        assert!(text.ends_with("]}\n[0,0,1,3,5,6]\n[1,7,1,3,5,6]\n"), "{text}");
        assert_eq!(SourceMap::parse(&SourceMap::default().to_text()), Ok(SourceMap::default()));
    }

    #[test]
    fn what_is_no_map_is_refused() {
        let head = format!("{VERSION}\"a\"]}}");
        for (text, line) in [
            (String::new(), 1),
            ("{}".into(), 1),
            (format!("{VERSION}\"a]}}"), 1),
            (format!("{VERSION}\"a\",]}}"), 1),
            (format!("{head}\n[0,0,0,1]"), 2),
            (format!("{head}\n[1,0,0,1,1,1]"), 2),
            (format!("{head}\n[0,0,1,1,1,1]"), 2),
            (format!("{head}\n[0,0,0,0,1,1]"), 2),
            (format!("{head}\n[0,0,0,1,1,1]\n[1,0,0,1,1,99999999999]"), 3),
        ] {
            assert_eq!(SourceMap::parse(&text).map_err(|bad| bad.line), Err(line), "{text}");
        }
    }
}
