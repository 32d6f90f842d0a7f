//! Every problem of texts, with its place and words: golden files under `errors/`.
//!
//! A case is a line `=== what it shows`, the text, and lines that begin with `> `: what is expected, one problem a line with
//! its notes and help below it. In `whitespace.txt` texts are written with the letters S, T and L, `.` for a comment
//! byte and nothing for line ends. `KILN_BLESS=1` rewrites what is expected.

use kiln_whitespace::assembly::{AsmOptions, Dialect};
use kiln_whitespace::source::Sources;
use kiln_whitespace::{Diagnostic, Options, Program, Rejected};
use std::fmt::Write;
use std::path::Path;

struct Case {
    title: String,
    text: String,
    expected: String,
}

fn cases(file: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in file.lines() {
        if let Some(title) = line.strip_prefix("=== ") {
            cases.push(Case { title: title.into(), text: String::new(), expected: String::new() });
            continue;
        }
        let case = cases.last_mut().expect("a file begins with a title");
        let (to, line) = match line.strip_prefix("> ") {
            Some(expected) => (&mut case.expected, expected),
            None => (&mut case.text, line),
        };
        writeln!(to, "{line}").expect("strings take all text");
    }
    cases
}

/// A problem in a line, notes and help below.
fn shown(sources: &Sources, problem: &Diagnostic) -> String {
    let place = |at| sources.position(at).map_or(String::new(), |at| format!("{}:{}", at.line, at.column));
    let mut text = format!("{} {}: {}\n", place(problem.span.start), problem.class, problem.message);
    for note in &problem.notes {
        let at = note.span.map_or(String::new(), |span| format!(" {}", place(span.start)));
        writeln!(text, "  note{at}: {}", note.message).expect("strings take all text");
    }
    if let Some(help) = &problem.help {
        writeln!(text, "  help: {help}").expect("strings take all text");
    }
    text
}

fn outcome(read: Result<Program, Rejected>) -> String {
    match read {
        Ok(program) => {
            let sources = program.sources().cloned().unwrap_or_default();
            let warnings = program.check(&Options::default());
            warnings.iter().map(|warning| shown(&sources, warning)).collect()
        }
        Err(rejected) => {
            rejected.diagnostics.iter().map(|problem| shown(&rejected.sources, problem)).collect()
        }
    }
}

fn check(name: &str, read: impl Fn(&str) -> Result<Program, Rejected>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors").join(name);
    let file = std::fs::read_to_string(&path).expect("a readable file");
    let (mut blessed, mut wrong) = (String::new(), Vec::new());
    for case in cases(&file) {
        let found = outcome(read(&case.text));
        assert!(!found.is_empty(), "{}: nothing is wrong", case.title);
        if found != case.expected {
            wrong.push(format!("{}: found\n{found}expected\n{}", case.title, case.expected));
        }
        let expected: String = found.lines().map(|line| format!("> {line}\n")).collect();
        write!(blessed, "=== {}\n{}{expected}", case.title, case.text).expect("strings take all text");
    }
    if std::env::var_os("KILN_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, blessed).expect("the file can be rewritten");
    } else {
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn assembly_is_refused_with_place_and_reason() {
    check("assembly.txt", |text| Program::assemble(text, &AsmOptions::default()));
}

#[test]
fn the_dialect_of_whitespacers_is_kept_to() {
    let options = AsmOptions { dialect: Dialect::Whitespacers, ..AsmOptions::default() };
    check("whitespacers.txt", |text| Program::assemble(text, &options));
}

#[test]
fn whitespace_is_refused_with_place_and_reason() {
    check("whitespace.txt", |text| {
        let byte = |letter| match letter {
            b'S' => Some(b' '),
            b'T' => Some(b'\t'),
            b'L' => Some(b'\n'),
            b'\n' | b' ' => None,
            other => Some(other),
        };
        let bytes: Vec<u8> = text.bytes().filter_map(byte).collect();
        Program::parse(&bytes)
    });
}
