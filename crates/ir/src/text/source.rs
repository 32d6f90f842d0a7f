//! Sources and what they include. All texts are gathered before parsing begins, so that the parser can borrow from
//! them.

use super::fault::Fault;
use super::lex::{Kind, Lexer, unescape};
use crate::diagnostic::{Diagnostic, Place, Span};
use crate::entity::FileId;
use std::collections::HashMap;

const MAX_BYTES: usize = 1 << 30;
const MAX_DEPTH: usize = 64;
const MAX_FILES: usize = 1024;

/// One text with its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// What positions and messages call it. An included file is known by this name, so that it is read once.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Where the texts of `include` come from.
pub trait Includes {
    /// Finds the text that `path` means in an `include` of the source named `from`.
    ///
    /// # Errors
    /// Why it cannot be had, in words for a person.
    fn load(&self, from: &str, path: &str) -> Result<Source, String>;
}

/// Refuses every `include`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIncludes;

impl Includes for NoIncludes {
    fn load(&self, _: &str, _: &str) -> Result<Source, String> {
        Err("this text cannot include others".into())
    }
}

/// The texts of a module: the main one first, then those included, in the order they are met.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
    /// For each `include` met, by file and byte: the file it brought, unless that was there before.
    pub(super) includes: HashMap<(u32, u32), FileId>,
}

impl Sources {
    /// Adds a text, for readers of other languages: the spans of their faults and the positions of their
    /// instructions name it by this id.
    pub fn add(&mut self, source: Source) -> FileId {
        self.files.push(source);
        FileId(self.files.len() as u32 - 1)
    }

    /// One of the texts.
    pub fn get(&self, file: FileId) -> Option<&Source> {
        self.files.get(file.index())
    }

    /// All texts; a [`FileId`] is a position here.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }

    /// Line and column, both from 1, of a byte of a text; the column counts characters.
    pub fn line_column(&self, file: FileId, byte: u32) -> Option<(u32, u32)> {
        let text = &self.get(file)?.text;
        let before = text.get(..byte as usize)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        Some((line as u32, before[line_start..].chars().count() as u32 + 1))
    }
}

type Faults = Vec<Diagnostic<Fault>>;

/// Fills the table with a text and all that it includes.
pub(super) fn gather(
    sources: &mut Sources,
    name: &str,
    text: &str,
    includes: &dyn Includes,
) -> Result<(), Faults> {
    sources.files.clear();
    sources.includes.clear();
    let mut gatherer =
        Gatherer { sources, includes, faults: Vec::new(), known: HashMap::new(), chain: Vec::new() };
    gatherer.add(Source { name: name.into(), text: text.into() });
    if gatherer.faults.is_empty() { Ok(()) } else { Err(gatherer.faults) }
}

struct Gatherer<'s> {
    sources: &'s mut Sources,
    includes: &'s dyn Includes,
    faults: Faults,
    known: HashMap<String, FileId>,
    chain: Vec<FileId>,
}

impl Gatherer<'_> {
    fn add(&mut self, source: Source) -> FileId {
        let file = FileId(self.sources.files.len() as u32);
        if source.text.len() > MAX_BYTES {
            self.faults.push(Diagnostic::new(Place::Span(Span { file, start: 0, end: 0 }), Fault::TooLarge));
        }
        self.known.insert(source.name.clone(), file);
        let may_include = source.text.len() <= MAX_BYTES && source.text.contains("include");
        self.sources.files.push(source);
        if may_include {
            self.chain.push(file);
            for (span, path) in self.find(file) {
                self.include(span, &path);
            }
            self.chain.pop();
        }
        file
    }

    /// The `include` lines of a file.
    fn find(&self, file: FileId) -> Vec<(Span, String)> {
        let text = &self.sources.files[file.index()].text;
        let mut found = Vec::new();
        let mut lexer = Lexer::new(text);
        while lexer.at < text.len() {
            let line = &text[lexer.at..];
            if line.trim_start_matches([' ', '\t']).starts_with("include") {
                let word = lexer.next();
                let path = lexer.next();
                if let (Kind::Ident("include"), Kind::Str(quoted)) = (word.kind, path.kind)
                    && let Ok(bytes) = unescape(quoted)
                {
                    let span = Span { file, start: path.start, end: path.end };
                    found.push((span, String::from_utf8_lossy(&bytes).into_owned()));
                }
            }
            lexer.skip_line();
            lexer.next();
        }
        found
    }

    fn include(&mut self, at: Span, path: &str) {
        let from = &self.sources.files[at.file.index()].name;
        let fault = match self.includes.load(from, path) {
            Err(reason) => Fault::Include { path: path.into(), reason },
            Ok(source) => match self.known.get(&source.name) {
                Some(file) => match self.chain.iter().position(|f| f == file) {
                    None => return,
                    Some(first) => {
                        let files = self.chain[first..].iter().chain([file]);
                        Fault::IncludeCycle(
                            files.map(|f| self.sources.files[f.index()].name.clone()).collect(),
                        )
                    }
                },
                None if self.chain.len() >= MAX_DEPTH => Fault::TooDeep,
                None if self.sources.files.len() >= MAX_FILES => {
                    Fault::TooMany { what: "included files", limit: MAX_FILES as u64 }
                }
                None => {
                    let file = self.add(source);
                    self.sources.includes.insert((at.file.0, at.start), file);
                    return;
                }
            },
        };
        self.faults.push(Diagnostic::new(Place::Span(at), fault));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_the_texts_in_the_order_they_came() {
        let mut sources = Sources::default();
        let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
        let first = sources.add(source("a", "one\ntwo"));
        let second = sources.add(source("b", "x"));
        assert_eq!(sources.get(first).map(|s| s.name.as_str()), Some("a"));
        assert_eq!(sources.get(second).map(|s| s.name.as_str()), Some("b"));
        assert_eq!(sources.line_column(first, 5), Some((2, 2)));
    }
}
