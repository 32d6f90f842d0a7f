//! Runs every program under `dialects/` on every tier. In rasm, a line `// run: 10 -> 177` gives the arguments of `start` and what
//! it returns; `traps` and a name in the place of the result is how it ends.

use kiln::{Engine, InvokeError};
use kiln_dialects::rasm;
use kiln_ir::text::{Includes, Source, Sources};
use kiln_tests::golden;
use kiln_tests::tiers::{HOSTILE, WAYS, engine};
use std::path::Path;
use std::sync::Arc;

/// Files beside the one that includes.
struct Beside<'d>(&'d Path);

impl Includes for Beside<'_> {
    fn load(&self, _: &str, path: &str) -> Result<Source, String> {
        let text = std::fs::read_to_string(self.0.join(path)).map_err(|e| e.to_string())?;
        Ok(Source { name: path.into(), text })
    }
}

/// A line of the form `// run: ARGS -> RESULT`.
struct Run<'t> {
    line: usize,
    arguments: Vec<u64>,
    expected: &'t str,
}

fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = vec![];
    for (n, line) in text.lines().enumerate() {
        let Some(rest) = line.trim().strip_prefix("// run:") else { continue };
        let (arguments, expected) = rest.split_once("->").expect("arguments `->` result");
        let arguments = arguments.split_ascii_whitespace().map(word).collect();
        runs.push(Run { line: n + 1, arguments, expected: expected.trim() });
    }
    runs
}

/// An argument or result: an integer in decimal or hexadecimal, or a float.
fn word(text: &str) -> u64 {
    if text.contains('.') {
        return text.parse::<f64>().expect("a float").to_bits();
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let value = match digits.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    (sign * value.expect("an integer")) as u64
}

#[test]
fn rasm_programs_give_what_their_files_say() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialects/rasm");
    let mut files: Vec<_> = std::fs::read_dir(&dir)
        .expect("the directory of programs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "ras"))
        .collect();
    files.sort();
    let mut faults = vec![];
    let mut count = 0;
    for path in &files {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).expect("a readable file");
        let mut sources = Sources::default();
        let module = rasm::parse(&mut sources, &name, &text, &Beside(&dir))
            .and_then(|program| rasm::translate(&program, &sources));
        let module = match module {
            Ok(module) => module,
            Err(more) => {
                for fault in more {
                    let at = match fault.at {
                        kiln_ir::diagnostic::Place::Span(s) => sources.line_column(s.file, s.start),
                        _ => None,
                    };
                    faults.push(format!("{name} {at:?}: {fault}"));
                }
                continue;
            }
        };
        let checked = match kiln::verify::check(module) {
            Ok(checked) => Arc::new(checked),
            Err((module, more)) => {
                let more: Vec<String> = more.iter().map(|fault| format!("{:?} {fault}", fault.at)).collect();
                faults.push(format!("{name}: the verifier says {}\n{module}", more.join("; ")));
                continue;
            }
        };
        let runs = runs(&text);
        if runs.is_empty() {
            faults.push(format!("{name}: nothing is run"));
        }
        for way in WAYS.into_iter().chain(HOSTILE) {
            for run in &runs {
                count += 1;
                if let Err(fault) = check(&engine(way), &checked, run) {
                    faults.push(format!("{name}, line {} on {way}: {fault}", run.line));
                }
            }
        }
    }
    println!("{} files, {count} runs", files.len());
    let shown: Vec<&str> = faults.iter().take(60).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), shown.join("\n"));
}

#[allow(unsafe_code, reason = "calling a program is unsafe")]
fn check(engine: &Engine, module: &Arc<kiln::Checked>, run: &Run<'_>) -> Result<(), String> {
    let program = engine.load(module.clone()).map_err(|e| e.to_string())?;
    // SAFETY: the programs access their own memory only, or addresses that no process has.
    let outcome = match unsafe { program.invoke("start", &run.arguments) } {
        Ok(words) => Ok(words[0]),
        Err(InvokeError::Trap(trap)) => Err(golden::trap_name(trap.kind())),
        Err(InvokeError::Function(error)) => return Err(error.to_string()),
    };
    let right = match (run.expected.strip_prefix("traps "), &outcome) {
        (Some(name), Err(trap)) => trap == name,
        (None, Ok(result)) => *result == word(run.expected),
        _ => false,
    };
    if right { Ok(()) } else { Err(format!("expected {}, found {outcome:x?}", run.expected)) }
}
