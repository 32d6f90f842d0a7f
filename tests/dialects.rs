//! Runs every program under `dialects/` on every tier, and what becomes of it in other forms.
//!
//! In rasm, `// run: name (1, -2) -> 3; (4, 5) -> traps divide_by_zero` calls a function, `start` if none is named, for each
//! list of arguments, and says what it returns or how it ends; a line `//      (6) -> 7` goes on. Floats are given by their bits.

use kiln::{Engine, InvokeError};
use kiln_dialects::rasm::{self, Layout};
use kiln_ir::diagnostic::{Diagnostic, Place};
use kiln_ir::text::{Includes, Source, Sources};
use kiln_tests::golden;
use kiln_tests::tiers::{HOSTILE, WAYS, engine};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files beside the one that includes.
struct Beside<'d>(&'d Path);

impl Includes for Beside<'_> {
    fn load(&self, _: &str, path: &str) -> Result<Source, String> {
        let text = std::fs::read_to_string(self.0.join(path)).map_err(|e| e.to_string())?;
        Ok(Source { name: path.into(), text })
    }
}

/// One call.
struct Run<'t> {
    line: usize,
    function: &'t str,
    arguments: Vec<u64>,
    expected: &'t str,
}

fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = vec![];
    let mut function = None;
    for (n, line) in text.lines().enumerate() {
        let list = if let Some(rest) = line.strip_prefix("// run: ") {
            let (name, list) = rest.split_at(rest.find('(').expect("arguments"));
            function = Some(match name.trim() {
                "" => "start",
                name => name,
            });
            list
        } else if let Some(list) = line.strip_prefix("//      (") {
            &line[line.len() - list.len() - 1..]
        } else {
            continue;
        };
        for run in list.split(';').map(str::trim).filter(|run| !run.is_empty()) {
            let (arguments, expected) = run.split_once(") -> ").expect("a result");
            let arguments = arguments.trim_start_matches('(').split(',').filter(|a| !a.is_empty());
            runs.push(Run {
                line: n + 1,
                function: function.expect("a function"),
                arguments: arguments.map(|text| word(text.trim())).collect(),
                expected,
            });
        }
    }
    runs
}

/// An integer in decimal or hexadecimal.
fn word(text: &str) -> u64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let value = match digits.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    (sign * value.expect("an integer")) as u64
}

fn programs() -> Vec<(String, String)> {
    let dir = directory();
    let mut files: Vec<_> = std::fs::read_dir(&dir)
        .expect("the directory of programs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "ras"))
        .collect();
    files.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("a readable file"))
    };
    files.iter().map(read).collect()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dialects/rasm")
}

/// Parses; the faults with their places.
fn parsed(name: &str, text: &str, sources: &mut Sources) -> Result<rasm::Program, Vec<String>> {
    rasm::parse(sources, name, text, &Beside(&directory())).map_err(|faults| placed(sources, &faults))
}

/// Translates and checks.
fn checked(program: &rasm::Program, sources: &Sources) -> Result<Arc<kiln::Checked>, Vec<String>> {
    let module = rasm::translate(program, sources).map_err(|faults| placed(sources, &faults))?;
    kiln::verify::check(module).map(Arc::new).map_err(|(module, more)| {
        let more = more.iter().map(|fault| format!("{:?} {fault}", fault.at));
        more.chain([module.to_string()]).collect()
    })
}

fn placed(sources: &Sources, faults: &[Diagnostic<rasm::Fault>]) -> Vec<String> {
    let place = |fault: &Diagnostic<rasm::Fault>| match fault.at {
        Place::Span(span) => format!("{:?}", sources.line_column(span.file, span.start)),
        at => format!("{at:?}"),
    };
    faults.iter().map(|fault| format!("at {}: {fault}", place(fault))).collect()
}

#[test]
fn rasm_programs_give_what_their_files_say() {
    let programs = programs();
    assert!(programs.len() >= 75, "programs are missing");
    let mut faults = vec![];
    let mut count = 0;
    for (name, text) in &programs {
        let runs = runs(text);
        if runs.is_empty() {
            faults.push(format!("{name}: nothing is run"));
        }
        let mut sources = Sources::default();
        let module = parsed(name, text, &mut sources).and_then(|program| checked(&program, &sources));
        let module = match module {
            Ok(module) => module,
            Err(more) => {
                faults.extend(more.into_iter().map(|fault| format!("{name} {fault}")));
                continue;
            }
        };
        for way in WAYS.into_iter().chain(HOSTILE) {
            count += runs.len();
            faults.extend(
                check(&engine(way), &module, &runs).into_iter().map(|f| format!("{name}, {f} on {way}")),
            );
        }
    }
    println!("{} programs, {count} runs", programs.len());
    let shown: Vec<&str> = faults.iter().take(60).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), shown.join("\n"));
}

/// What a program is does not depend on the form that it came in.
#[test]
fn rasm_programs_are_the_same_from_other_forms() {
    let mut units = 0;
    for (name, text) in programs() {
        let mut sources = Sources::default();
        let program = parsed(&name, &text, &mut sources).expect("the other test's to report");
        let runs = runs(&text);
        let bytes = rasm::encode(&program, Layout::File).expect("a program that fits the layout");
        let decoded = rasm::decode(&bytes, Layout::File).expect("what was written can be read");
        assert_eq!(rasm::encode(&decoded, Layout::File).as_ref(), Ok(&bytes), "{name}");
        let mut forms = vec![("bytecode", checked(&decoded, &Sources::default()))];
        if let Ok(bytes) = rasm::encode(&program, Layout::Unit) {
            units += 1;
            let decoded = rasm::decode(&bytes, Layout::Unit).expect("what was written can be read");
            assert_eq!(rasm::encode(&decoded, Layout::Unit).as_ref(), Ok(&bytes), "{name}");
            forms.push(("first layout", checked(&decoded, &Sources::default())));
        }
        let printed = rasm::print(&decoded).expect("strings are text");
        let again = parsed(&name, &printed, &mut sources).expect("what was printed can be read");
        assert_eq!(rasm::print(&again).as_ref(), Ok(&printed), "{name}");
        forms.push(("text", checked(&again, &sources)));
        let module = checked(&program, &Sources::default()).expect("the other test's to report");
        let kiln = kiln_ir::Module::parse(&module.to_string()).expect("what was printed can be read");
        forms.push(("kiln", kiln::verify::check(kiln).map(Arc::new).map_err(|_| vec!["verifier".into()])));
        for (form, module) in forms {
            let module = module.unwrap_or_else(|faults| panic!("{name} as {form}: {}", faults.join("\n")));
            let faults = check(&engine(WAYS[0]), &module, &runs);
            assert!(faults.is_empty(), "{name} as {form}: {}", faults.join("\n"));
        }
    }
    assert!(units > 10, "few programs are of one function");
}

/// What rasm can say of Kiln's IR goes back to it: the programs' own IR, except for ops that it names.
#[test]
fn modules_become_rasm_or_the_op_is_named() {
    let mut written = 0;
    let mut ops = HashSet::new();
    for (name, text) in programs() {
        let mut sources = Sources::default();
        let program = parsed(&name, &text, &mut sources).expect("the other test's to report");
        let module = checked(&program, &sources).expect("the other test's to report");
        match rasm::from_module(&module) {
            Ok(again) => {
                written += 1;
                let module = parsed(&name, &again, &mut sources)
                    .and_then(|program| checked(&program, &sources))
                    .unwrap_or_else(|faults| panic!("{name}: {}\n{again}", faults.join("\n")));
                let faults = check(&engine(WAYS[0]), &module, &runs(&text));
                assert!(faults.is_empty(), "{name}: {}", faults.join("\n"));
            }
            Err(fault) => {
                let rasm::Fault::Inexpressible(what) = fault.fault else { panic!("{name}: {fault}") };
                ops.insert(what);
            }
        }
    }
    assert!(written >= 50, "{written} programs, and not {ops:?}");
    assert!(ops.contains("`add_carry`"), "{ops:?}");
}

#[test]
fn every_rasm_instruction_is_in_a_program() {
    let mut seen = HashSet::new();
    for (name, text) in programs() {
        let program = parsed(&name, &text, &mut Sources::default()).expect("the other test's to report");
        let printed = rasm::print(&program).expect("strings are text");
        let words = printed.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned);
        seen.extend(words);
    }
    let missing: Vec<&str> = rasm::mnemonics().filter(|mnemonic| !seen.contains(*mnemonic)).collect();
    assert!(missing.is_empty(), "no program has {missing:?}");
}

/// Makes the calls, each of which must give what its line says.
#[allow(unsafe_code, reason = "calling a program is unsafe")]
fn check(engine: &Engine, module: &Arc<kiln::Checked>, runs: &[Run<'_>]) -> Vec<String> {
    let program = match engine.load(module.clone()) {
        Ok(program) => program,
        Err(error) => return vec![error.to_string()],
    };
    let call = |run: &Run<'_>| {
        // SAFETY: the programs access their own memory only, or addresses that no process has.
        let outcome = match unsafe { program.invoke(run.function, &run.arguments) } {
            Ok(words) => Ok(words[0]),
            Err(InvokeError::Trap(trap)) => Err(golden::trap_name(trap.kind())),
            Err(InvokeError::Function(error)) => Err(error.to_string()),
        };
        let right = match (run.expected.strip_prefix("traps "), &outcome) {
            (Some(name), Err(trap)) => trap == name,
            (None, Ok(result)) => *result == word(run.expected),
            _ => false,
        };
        let Run { line, function, arguments, expected } = run;
        (!right).then(|| {
            format!("line {line}: {function}{arguments:x?} is to give {expected}, gives {outcome:x?}")
        })
    };
    runs.iter().filter_map(call).collect()
}
