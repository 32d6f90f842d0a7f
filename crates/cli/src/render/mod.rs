//! What the command shows: diagnostics with excerpts, listings, tables. Colour only where a terminal reads it and
//! `NO_COLOR` is not set.

pub mod diagnostics;
pub mod listing;
pub mod trap;
pub mod whitespace;

use crate::status::Status;
use annotate_snippets::{Group, Level, Renderer};
use std::io::{self, IsTerminal, Write};

/// Whether what goes to this stream is to be coloured.
pub fn coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The renderer of messages on standard error.
fn renderer() -> Renderer {
    if coloured(&io::stderr()) { Renderer::styled() } else { Renderer::plain() }
}

/// Writes a report to standard error. A reader that went away is no concern of a message.
fn report(groups: &[Group<'_>]) {
    show(&renderer().render(groups));
}

/// Writes a rendered report to standard error.
fn show(text: &str) {
    let _ = writeln!(io::stderr(), "{text}\n");
}

/// A message that belongs to no place in a program.
pub fn error(message: &str, help: Option<&str>) {
    let mut group = Group::with_title(Level::ERROR.primary_title(message));
    if let Some(help) = help {
        group = group.element(Level::HELP.message(help));
    }
    report(&[group]);
}

/// A warning that belongs to no place in a program.
pub fn warning(message: &str) {
    report(&[Group::with_title(Level::WARNING.primary_title(message))]);
}

/// A remark on what was said before.
pub fn note(message: &str) {
    report(&[Group::with_title(Level::NOTE.primary_title(message))]);
}

/// Writes to standard output.
pub fn write_out(text: &str) -> Result<(), Status> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|reason| {
        error(&format!("cannot write to standard output: {}", plain_reason(&reason)), None);
        Status::NO_OUTPUT
    })
}

/// What the system says of an error, without its number.
pub fn plain_reason(reason: &io::Error) -> String {
    let text = reason.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

/// Up to three of the names that are nearest to a misspelt one, the nearest first.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let limit = (name.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> =
        names.map(|n| (strsim::damerau_levenshtein(name, n), n)).filter(|(d, _)| *d <= limit).collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, n)| format!("`{n}`")).collect()
}
