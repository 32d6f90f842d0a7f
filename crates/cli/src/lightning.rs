//! Programs in the lightning language: what the C preprocessor makes of them, and what is told of them.

use crate::input::{File, Input};
use crate::render;
use crate::status::Status;
use crate::symbols;
use kiln::process;
use kiln_dialects::lightning::{self, Fault};
use kiln_ir::Module;
use kiln_ir::text::{Source, Sources};
use kiln_ir::verify;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

/// What is known of a program in the lightning language beside its module.
pub struct Lightning {
    /// Whether it asks to be run.
    pub run: bool,
}

/// Reads a program in the lightning language: `bytes` is what stands in the file.
pub fn read(file: &File, name: String, bytes: Vec<u8>) -> Result<Input, Status> {
    let started = Instant::now();
    let original = String::from_utf8_lossy(&bytes).into_owned();
    let bytes = if file.preprocessed { bytes } else { preprocess(&file.path, &bytes)? };
    let preprocessed = Instant::now();
    let text = String::from_utf8(bytes).map_err(|_| {
        render::error(
            &format!("`{name}` is not UTF-8"),
            Some("save it as UTF-8; bytes of strings are written `.c 233`"),
        );
        Status::BAD_ASSEMBLY
    })?;
    let reading = lightning::read(&name, &text).map_err(|faults| {
        faults.iter().for_each(write);
        Status::BAD_ASSEMBLY
    })?;
    find(&reading.symbols)?;
    let parsed = Instant::now();
    let module = verify::check(reading.module).map_err(|(_, faults)| {
        // The text is good, so this is a mistake of the translation.
        render::error(
            &format!("the translation of `{name}` is wrong: {}", faults[0]),
            Some("please report this"),
        );
        Status::BAD_ASSEMBLY
    })?;
    let times =
        vec![("cpp", preprocessed - started), ("parse", parsed - preprocessed), ("verify", parsed.elapsed())];
    let sources = sources(&module, &name, original);
    let lightning = Some(Lightning { run: reading.run });
    Ok(Input { module: Arc::new(module), name, sources, times, rasm: None, lightning })
}

/// The most missing symbols that are reported.
const MOST_MISSING: usize = 20;

/// Looks up the C symbols that a program names: in this language a name that there is not is an error of the text. Each comes
/// with the fault to report.
fn find(named: &[(String, Fault)]) -> Result<(), Status> {
    let mut missing = named.iter().filter(|(name, _)| process::symbol(name).is_none()).peekable();
    if missing.peek().is_none() {
        return Ok(());
    }
    let known = symbols::of_process();
    for (name, fault) in missing.take(MOST_MISSING) {
        let near = render::nearest(name, known.iter().map(String::as_str));
        let help = match near.is_empty() {
            true => "`@` is for functions and data of the C and mathematics libraries".to_owned(),
            false => format!("did you mean {}?", near.join(" or ")),
        };
        write(&Fault { help: Some(help), ..fault.clone() });
    }
    Err(Status::BAD_ASSEMBLY)
}

/// The texts that positions of the module name, as far as they can be read, for messages and listings.
fn sources(module: &Module, name: &str, mut original: String) -> Sources {
    let mut sources = Sources::default();
    for file in module.files() {
        let text = if file == name {
            std::mem::take(&mut original)
        } else {
            std::fs::read_to_string(file).unwrap_or_default()
        };
        sources.add(Source { name: file.clone(), text });
    }
    sources
}

/// Writes a fault to standard error. A reader that went away is no concern of a message.
fn write(fault: &Fault) {
    let _ = writeln!(std::io::stderr(), "{fault}");
}

/// What programs may rely on beside what the C compiler defines.
const DEFINITIONS: [&str; 5] = [
    "-D__WORDSIZE=64",
    "-D__LITTLE_ENDIAN=1234",
    "-D__BIG_ENDIAN=4321",
    "-D__BYTE_ORDER=1234",
    "-D__x86_64__=1",
];

/// The preprocessors that are tried, with what makes them read any file as C.
const PREPROCESSORS: [(&str, &[&str]); 3] =
    [("cpp", &["-xc"]), ("cc", &["-E", "-xc"]), ("clang", &["-E", "-xc"])];

/// Runs the system's C preprocessor over a file, or over `bytes` if it is standard input.
fn preprocess(path: &str, bytes: &[u8]) -> Result<Vec<u8>, Status> {
    // A name that begins like an option would be taken for one.
    let file = if path.len() > 1 && path.starts_with('-') { &format!("./{path}") } else { path };
    for (program, options) in PREPROCESSORS {
        let mut command = Command::new(program);
        command.args(options).args(DEFINITIONS).arg(file);
        command.stdin(if path == "-" { Stdio::piped() } else { Stdio::null() }).stdout(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => continue,
            Err(reason) => return Err(failed(program, &render::plain_reason(&reason))),
        };
        let output = std::thread::scope(|scope| {
            if let Some(mut input) = child.stdin.take() {
                // A preprocessor that ends before it has read all says so by its status.
                scope.spawn(move || input.write_all(bytes));
            }
            child.wait_with_output()
        });
        return match output {
            Ok(output) if output.status.success() => Ok(output.stdout),
            // It has said what is wrong.
            Ok(_) => Err(Status::BAD_ASSEMBLY),
            Err(reason) => Err(failed(program, &render::plain_reason(&reason))),
        };
    }
    let help = "install gcc or clang, or say `--preprocessed` if the file needs no preprocessor";
    render::error(
        &format!("`{path}` needs the C preprocessor, and there is no `cpp`, `cc` or `clang`"),
        Some(help),
    );
    Err(Status::BAD_ASSEMBLY)
}

fn failed(program: &str, reason: &str) -> Status {
    render::error(&format!("cannot run the C preprocessor `{program}`: {reason}"), None);
    Status::BAD_ASSEMBLY
}
