//! Reading programs: a file or standard input, text or bytecode by what it contains, parsed and checked. Every fault
//! is reported here, so that the subcommands see good programs only. The one place that knows which languages there are.

use crate::lightning::{self, Lightning};
use crate::render::{self, diagnostics};
use crate::status::Status;
use kiln::Includes;
use kiln_dialects::rasm;
use kiln_ir::Module;
use kiln_ir::text::{self, Source, Sources};
use kiln_ir::verify::{self, Checked};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Which program, and in what language.
#[derive(clap::Args)]
pub struct File {
    /// The language of the program [default: by the name of the file: `.ras` and `.rbc` are rasm, `.tst` is lightning, others kiln]
    #[arg(long, value_name = "LANGUAGE")]
    dialect: Option<Dialect>,
    /// A program in lightning needs no C preprocessor
    #[arg(long)]
    pub preprocessed: bool,
    /// The program: text or bytecode; `-` for standard input
    #[arg(value_hint = clap::ValueHint::FilePath, value_name = "FILE")]
    pub path: String,
}

/// The languages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Dialect {
    /// Kiln's own text and bytecode
    Kiln,
    /// Text and bytecode of the Runtime assembler
    Rasm,
    /// The text form of GNU Lightning
    Lightning,
}

/// The layouts of rasm's bytecode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Format {
    /// The instructions of one function
    Rasm1,
    /// Functions with their names
    Rasm2,
}

impl From<Format> for rasm::Layout {
    fn from(format: Format) -> rasm::Layout {
        match format {
            Format::Rasm1 => rasm::Layout::Unit,
            Format::Rasm2 => rasm::Layout::File,
        }
    }
}

/// Whether a file's name ends so.
pub fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

impl File {
    /// The language.
    pub fn dialect(&self) -> Dialect {
        let path = Path::new(&self.path);
        let by_name = if has_extension(path, "ras") || has_extension(path, "rbc") {
            Dialect::Rasm
        } else if has_extension(path, "tst") {
            Dialect::Lightning
        } else {
            Dialect::Kiln
        };
        self.dialect.unwrap_or(by_name)
    }
}

/// A program that keeps the rules, with what messages need.
pub struct Input {
    /// The module.
    pub module: Arc<Checked>,
    /// The program as rasm, if it was written so.
    pub rasm: Option<rasm::Program>,
    /// What else is known of it, if it was written in lightning.
    pub lightning: Option<Lightning>,
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
        let (file, sources, module) = (&self.name, &self.sources, Some(&**self.module));
        let marks = if self.rasm.is_some() { rasm::instruction_span } else { diagnostics::whole_instruction };
        diagnostics::Context { file, sources, module, marks }
    }
}

/// Reads a file (`-`: standard input), parses and checks it. The format is that of rasm's bytecode.
pub fn load(file: &File, format: Option<Format>) -> Result<Input, Status> {
    let started = Instant::now();
    let (name, bytes) = read(&file.path)?;
    let took = started.elapsed();
    let mut input = match file.dialect() {
        Dialect::Kiln => of_bytes(name, bytes)?,
        Dialect::Rasm => of_rasm(name, bytes, format)?,
        Dialect::Lightning => lightning::read(file, name, bytes)?,
    };
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

/// Parses and checks the bytes of a file in Kiln's own forms.
pub fn of_bytes(name: String, bytes: Vec<u8>) -> Result<Input, Status> {
    let started = Instant::now();
    let mut sources = Sources::default();
    let module =
        if is_bytecode(&bytes) { decode(&name, &bytes)? } else { parse(&name, bytes, &mut sources)? };
    checked(name, module, sources, None, started)
}

/// Parses, translates and checks the bytes of a rasm program: bytecode if a format or the file's name says so, or the first
/// byte, which no text begins with.
fn of_rasm(name: String, bytes: Vec<u8>, format: Option<Format>) -> Result<Input, Status> {
    let started = Instant::now();
    let mut sources = Sources::default();
    let is_text =
        format.is_none() && !has_extension(Path::new(&name), "rbc") && !matches!(bytes[..], [0 | 1, ..]);
    let program = if is_text {
        let text = utf8(&name, bytes)?;
        rasm::parse(&mut sources, &name, &text, &FromHere)
    } else {
        let layout = format.unwrap_or(Format::Rasm2).into();
        rasm::decode(&bytes, layout).map_err(|fault| {
            // The first layout has no header that could tell.
            let is_first = format.is_none() && rasm::decode(&bytes, rasm::Layout::Unit).is_ok();
            let help = "these are instructions of the first layout: write `--format rasm1` (`kiln build`: `--input-format rasm1`) before the file";
            vec![if is_first { fault.with_help(help) } else { fault }]
        })
    };
    let translated = program.and_then(|program| Ok((rasm::translate(&program, &sources)?, program)));
    match translated {
        Ok((module, program)) => checked(name, module, sources, Some(program), started),
        Err(faults) => {
            diagnostics::faults(&diagnostics::Context::of_text(&name, &sources), &faults);
            Err(Status::BAD_PROGRAM)
        }
    }
}

fn checked(
    name: String,
    module: Module,
    sources: Sources,
    rasm: Option<rasm::Program>,
    started: Instant,
) -> Result<Input, Status> {
    let parsed = Instant::now();
    let module = match verify::check(module) {
        Ok(module) => module,
        Err((module, faults)) => {
            let context = diagnostics::Context::of_text(&name, &sources);
            diagnostics::faults(&diagnostics::Context { module: Some(&module), ..context }, &faults);
            return Err(Status::BAD_PROGRAM);
        }
    };
    let times = vec![("parse", parsed - started), ("verify", parsed.elapsed())];
    Ok(Input { module: Arc::new(module), rasm, lightning: None, name, sources, times })
}

fn decode(name: &str, bytes: &[u8]) -> Result<Module, Status> {
    Module::from_bytes(bytes).map_err(|fault| {
        diagnostics::fault(&diagnostics::Context::of_text(name, &Sources::default()), &fault);
        Status::BAD_PROGRAM
    })
}

fn utf8(name: &str, bytes: Vec<u8>) -> Result<String, Status> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
        render::error(
            &format!("`{name}` is neither bytecode nor text in UTF-8: line {line}, byte {at} of the file"),
            Some("save it as UTF-8, or see `kiln build` for bytecode"),
        );
        Status::BAD_PROGRAM
    })
}

fn parse(name: &str, bytes: Vec<u8>, sources: &mut Sources) -> Result<Module, Status> {
    let text = utf8(name, bytes)?;
    text::parse_with(sources, name, &text, &Files).map_err(|faults| {
        diagnostics::faults(&diagnostics::Context::of_text(name, sources), &faults);
        Status::BAD_PROGRAM
    })
}

/// Includes from files whose paths are taken as they are written.
struct FromHere;

impl Includes for FromHere {
    fn load(&self, _: &str, path: &str) -> Result<Source, String> {
        source(&tidy(Path::new(path)))
    }
}

fn source(file: &Path) -> Result<Source, String> {
    let bytes = std::fs::read(file).map_err(|reason| render::plain_reason(&reason))?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(Source { name: file.display().to_string(), text })
}

/// Includes from files, relative to the file that includes.
struct Files;

impl Includes for Files {
    fn load(&self, from: &str, path: &str) -> Result<Source, String> {
        let folder = Path::new(from).parent().unwrap_or(Path::new(""));
        source(&tidy(&folder.join(path)))
    }
}

/// The path without `.` and `name/..`, so that a file has one name however it is reached.
pub fn tidy(path: &Path) -> PathBuf {
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
