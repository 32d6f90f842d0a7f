//! Reading programs: a file or standard input, text or bytecode by what it contains, parsed and checked. Every fault
//! is reported here, so that the subcommands see good programs only.

use crate::render::{self, diagnostics};
use crate::status::Status;
use kiln::Includes;
use kiln_ir::Module;
use kiln_ir::text::{self, Source, Sources};
use kiln_ir::verify::{self, Checked};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A program that keeps the rules, with what messages need.
pub struct Input {
    /// The module.
    pub module: Arc<Checked>,
    /// The file's name as messages show it.
    pub name: String,
    /// The texts it was read from; none for bytecode.
    pub sources: Sources,
    /// How long each step took, in order.
    pub times: Vec<(&'static str, Duration)>,
}

impl Input {
    /// Where messages about the program find excerpts.
    pub fn context(&self) -> diagnostics::Context<'_> {
        diagnostics::Context { file: &self.name, sources: &self.sources, module: Some(&self.module) }
    }
}

/// Reads a file (`-`: standard input), parses and checks it.
pub fn load(path: &str) -> Result<Input, Status> {
    let started = Instant::now();
    let (name, bytes) = read(path)?;
    let took = started.elapsed();
    let mut input = of_bytes(name, bytes)?;
    input.times.insert(0, ("read", took));
    Ok(input)
}

/// The name that messages use for a file, and its bytes.
pub fn read(path: &str) -> Result<(String, Vec<u8>), Status> {
    if path == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        return match read {
            Ok(_) => Ok(("<stdin>".into(), bytes)),
            Err(reason) => Err(unreadable("standard input", &reason, None)),
        };
    }
    std::fs::read(path).map(|bytes| (path.to_owned(), bytes)).map_err(|reason| {
        let help = Path::new(path).is_dir().then_some("it is a directory; name a file in it");
        unreadable(&format!("`{path}`"), &reason, help)
    })
}

fn unreadable(what: &str, reason: &std::io::Error, help: Option<&str>) -> Status {
    render::error(&format!("cannot read {what}: {}", render::plain_reason(reason)), help);
    Status::NO_INPUT
}

/// Whether these are the bytes of a bytecode file rather than text.
pub fn is_bytecode(bytes: &[u8]) -> bool {
    bytes.starts_with(&kiln_ir::bytecode::MAGIC)
}

/// Parses and checks a file's bytes.
pub fn of_bytes(name: String, bytes: Vec<u8>) -> Result<Input, Status> {
    let started = Instant::now();
    let mut sources = Sources::default();
    let module =
        if is_bytecode(&bytes) { decode(&name, &bytes)? } else { parse(&name, bytes, &mut sources)? };
    let parsed = Instant::now();
    let module = match verify::check(module) {
        Ok(module) => module,
        Err((module, faults)) => {
            let context = diagnostics::Context { file: &name, sources: &sources, module: Some(&module) };
            diagnostics::faults(&context, &faults);
            return Err(Status::BAD_PROGRAM);
        }
    };
    let times = vec![("parse", parsed - started), ("verify", parsed.elapsed())];
    Ok(Input { module: Arc::new(module), name, sources, times })
}

fn decode(name: &str, bytes: &[u8]) -> Result<Module, Status> {
    Module::from_bytes(bytes).map_err(|fault| {
        let context = diagnostics::Context { file: name, sources: &Sources::default(), module: None };
        diagnostics::fault(&context, &fault);
        Status::BAD_PROGRAM
    })
}

fn parse(name: &str, bytes: Vec<u8>, sources: &mut Sources) -> Result<Module, Status> {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
            render::error(
                &format!(
                    "`{name}` is neither bytecode nor text in UTF-8: line {line}, byte {at} of the file"
                ),
                Some("save it as UTF-8, or see `kiln build` for bytecode"),
            );
            return Err(Status::BAD_PROGRAM);
        }
    };
    text::parse_with(sources, name, &text, &Files).map_err(|faults| {
        let context = diagnostics::Context { file: name, sources, module: None };
        diagnostics::faults(&context, &faults);
        Status::BAD_PROGRAM
    })
}

/// Includes from files, relative to the file that includes.
struct Files;

impl Includes for Files {
    fn load(&self, from: &str, path: &str) -> Result<Source, String> {
        let folder = Path::new(from).parent().unwrap_or(Path::new(""));
        let file = tidy(&folder.join(path));
        let bytes = std::fs::read(&file).map_err(|reason| render::plain_reason(&reason))?;
        let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        Ok(Source { name: file.display().to_string(), text })
    }
}

/// The path without `.` and `name/..`, so that a file has one name however it is reached.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}
