//! What is wrong with a text: a message with its place, the line it stands on, and what to do.

use std::fmt;

/// A place of the text as it was before the preprocessor, as far as its line markers tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct At {
    /// The file, a position in the table of files.
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
    /// Where the line begins behind its blanks, counted from 1.
    pub column: u32,
    /// The first byte in the text that was read.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl At {
    /// Where it is, for a reader who looks at another place.
    pub(super) fn seen_from(self, other: At, files: &[String]) -> String {
        match files.get(self.file as usize) {
            Some(file) if self.file != other.file => format!("on line {} of {file}", self.line),
            _ => format!("on line {}", self.line),
        }
    }
}

/// A fault of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The file as the line markers name it.
    pub file: String,
    /// Line, from 1; 0 for the text as a whole.
    pub line: u32,
    /// What is wrong.
    pub message: String,
    /// What to do, where something can be suggested.
    pub help: Option<String>,
    /// The line that was read, or the part of a long one, and what of it is at fault: first byte and length.
    pub excerpt: Option<(String, usize, usize)>,
}

/// Bytes of a line shown before and after a fault: lines made by macros are long.
const SHOWN: usize = 60;

/// The part of the line around a place, and where in it the place is.
pub(super) fn excerpt(text: &str, at: At) -> Option<(String, usize, usize)> {
    let (start, end) = (at.start as usize, (at.end as usize).max(at.start as usize + 1));
    let line_start = text.get(..start)?.rfind('\n').map_or(0, |n| n + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
    let mut from = line_start.max(start.saturating_sub(SHOWN));
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    let mut to = line_end.min(start.saturating_add(SHOWN));
    while !text.is_char_boundary(to) {
        to += 1;
    }
    let before = if from > line_start { "…" } else { "" };
    let after = if to < line_end { "…" } else { "" };
    let shown = format!("{before}{}{after}", text[from..to].replace(['\t', '\r', '\x0c'], " "));
    Some((
        shown,
        before.chars().count() + text[from..start].chars().count(),
        end.min(to).saturating_sub(start).max(1),
    ))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: error: {}", self.file, self.message)?;
        } else {
            write!(f, "{}:{}: error: {}", self.file, self.line, self.message)?;
        }
        if let Some((line, start, length)) = &self.excerpt {
            write!(f, "\n  | {line}\n  | {}{}", " ".repeat(*start), "^".repeat(*length))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  = help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// A message on its way to a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wrong {
    pub at: At,
    pub message: String,
    pub help: Option<String>,
}

impl Wrong {
    pub fn new(at: At, message: impl Into<String>) -> Wrong {
        Wrong { at, message: message.into(), help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Wrong {
        self.help = Some(help.into());
        self
    }

    /// The fault as it is shown to people.
    pub fn shown(self, text: &str, files: &[String]) -> Fault {
        Fault {
            file: files.get(self.at.file as usize).cloned().unwrap_or_default(),
            line: self.at.line,
            message: self.message,
            help: self.help,
            excerpt: if self.at.line == 0 { None } else { excerpt(text, self.at) },
        }
    }
}

/// "; did you mean …" for the names nearest to a misspelt one.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let limit = (name.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> =
        names.map(|n| (strsim::damerau_levenshtein(name, n), n)).filter(|(d, _)| *d <= limit).collect();
    near.sort_unstable();
    near.dedup();
    let near: Vec<String> = near.into_iter().take(3).map(|(_, n)| format!("`{n}`")).collect();
    (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")))
}
