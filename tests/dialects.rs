//! Runs every program under `dialects/` on every tier, and what becomes of it in other forms.
//!
//! In rasm, `// run: name (1, -2) -> 3; (4, 5) -> traps divide_by_zero` calls a function, `start` if none is named, for each
//! list of arguments, and says what it returns or how it ends; a line `//      (6) -> 7` goes on. Floats are given by their bits.

use kiln::{Engine, InvokeError};
use kiln_dialects::rasm::{self, Layout};
use kiln_ir::diagnostic::{Diagnostic, Place};
use kiln_ir::text::{Includes, Source, Sources};
use kiln_tests::golden::{self, Expected};
use kiln_tests::tiers::{HOSTILE, WAYS, engine};
use std::collections::{BTreeSet, HashSet};
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
    let mut ops = BTreeSet::new();
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
            Err(faults) => ops.extend(unsaid(&name, &faults)),
        }
    }
    assert!(ops.is_empty(), "{written} programs, and not {ops:?}");
}

/// What rasm is said not to be able to say.
fn unsaid(name: &str, faults: &[Diagnostic<rasm::Fault>]) -> BTreeSet<String> {
    let what = |fault: &Diagnostic<rasm::Fault>| match &fault.fault {
        rasm::Fault::Inexpressible(what) => what.clone(),
        _ => panic!("{name}: {fault}"),
    };
    faults.iter().map(what).collect()
}

/// The same without the name of an object or function of the program; that of an op stays.
fn nameless(what: &str) -> String {
    let mut parts: Vec<&str> = what.split('`').collect();
    if let [object, name, ..] = parts.as_mut_slice()
        && ["object ", "import ", "function ", "symbol "].iter().any(|kind| object.ends_with(kind))
    {
        *name = "…";
    }
    parts.join("`")
}

/// Programs in Kiln's own text give the same from rasm, if rasm can say them; what it cannot say is listed.
#[test]
fn kiln_programs_give_the_same_from_rasm() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut faults, mut refused, mut runs, mut written) = (vec![], BTreeSet::new(), 0, 0);
    let folder = |name: &str| std::fs::read_dir(root.join(name)).expect("programs");
    let both = folder("run").chain(folder("dialects/rasm/kiln"));
    let mut files: Vec<_> = both.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let golden = golden::read(&text).expect("another test's to report");
        let module = kiln_ir::Module::parse(&text).expect("another test's to report");
        let again = match rasm::from_module(&module) {
            Ok(again) => again,
            Err(faults) => {
                refused.extend(unsaid(&name, &faults).iter().map(|what| nameless(what)));
                continue;
            }
        };
        written += 1;
        let original =
            kiln::verify::check(module.clone()).map(Arc::new).map_err(|_| "another test's to report");
        let original = original.expect("a module that keeps the rules");
        for run in &golden.runs {
            let fault = same(&engine(WAYS[0]), &module, &original, run).err();
            faults.extend(fault.map(|fault| format!("{name}, line {}: {fault}", run.line + 1)));
        }
        let mut sources = Sources::default();
        let converted = parsed(&name, &again, &mut sources).and_then(|program| checked(&program, &sources));
        let converted = match converted {
            Ok(converted) => converted,
            Err(more) => {
                faults.push(format!("{name}: {}", more.join("\n")));
                continue;
            }
        };
        for way in [WAYS[0], WAYS[1]] {
            let engine = engine(way);
            for run in &golden.runs {
                runs += 1;
                let fault = same(&engine, &module, &converted, run).err();
                faults.extend(fault.map(|fault| format!("{name}, line {} on {way}: {fault}", run.line + 1)));
            }
        }
    }
    println!("{written} programs, {runs} runs");
    let shown: Vec<&str> = faults.iter().take(40).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), shown.join("\n"));
    assert!(written >= 100, "{written} programs");
    let refused: String = refused.iter().map(|what| format!("{what}\n")).collect();
    let list = directory().join("unsaid.txt");
    if std::env::var_os("KILN_BLESS").is_some_and(|v| v == "1") {
        std::fs::write(&list, &refused).expect("the list can be written");
    }
    let expected = std::fs::read_to_string(&list).unwrap_or_default();
    assert_eq!(refused, expected, "rasm says more or less than the list; if that is meant: KILN_BLESS=1");
}

/// Runs a line of a program on what it has become in rasm.
#[allow(unsafe_code, reason = "calling a program is unsafe")]
fn same(
    engine: &Engine,
    module: &kiln_ir::Module,
    converted: &Arc<kiln::Checked>,
    run: &golden::Run,
) -> Result<(), String> {
    let sig = module.signature_of(module.find_func(&run.name).ok_or("no such function")?);
    let words: Result<Vec<u64>, String> =
        run.args.iter().zip(&sig.params).map(|(text, ty)| golden::word(text, *ty)).collect();
    let program = engine.load(converted.clone()).map_err(|error| error.to_string())?;
    let known = |name: &String| converted.find_func(name).is_some();
    let name = [run.name.clone(), format!("={}", run.name)].into_iter().find(known).ok_or("it is gone")?;
    // SAFETY: golden files access only their own memory, or addresses that no process has.
    match (&run.expected, unsafe { program.invoke(&name, &words?) }) {
        (Expected::Values(texts), Ok(words)) => {
            for ((text, ty), word) in texts.iter().zip(&sig.results).zip(words) {
                if !golden::is(text, *ty, word)? {
                    let found = golden::show(*ty, word);
                    return Err(format!(
                        "{}({}) == {text}, but it gives {found}",
                        run.name,
                        run.args.join(", ")
                    ));
                }
            }
            Ok(())
        }
        (Expected::Trap(name), Err(InvokeError::Trap(trap))) if *name == golden::trap_name(trap.kind()) => {
            Ok(())
        }
        (expected, outcome) => Err(format!("expected {expected:?}, found {outcome:?}")),
    }
}

/// Each function by itself, as the first layout has them.
#[test]
fn every_rasm_function_goes_through_the_first_layout() {
    let mut functions = 0;
    for (name, text) in programs() {
        let mut sources = Sources::default();
        let program = parsed(&name, &text, &mut sources).expect("the other test's to report");
        let printed = rasm::print(&program).expect("strings are text");
        for function in printed.split("#function ").skip(1) {
            let (_, body) = function.split_once('\n').expect("a line for the name");
            let body = format!("#function start\n{}", body.trim_end());
            let program = parsed(&name, &body, &mut sources).expect("what was printed can be read");
            let bytes = rasm::encode(&program, Layout::Unit).expect("a function that fits the layout");
            let decoded = rasm::decode(&bytes, Layout::Unit).expect("what was written can be read");
            assert_eq!(rasm::encode(&decoded, Layout::Unit).as_ref(), Ok(&bytes), "{name}");
            let printed = rasm::print(&decoded).expect("strings are text");
            let again = parsed(&name, &printed, &mut sources).expect("what was printed can be read");
            assert_eq!(rasm::encode(&again, Layout::Unit), Ok(bytes), "{name}");
            functions += 1;
        }
    }
    assert!(functions > 1000, "{functions} functions");
}

/// The lines of all programs without comments.
fn lines() -> Vec<String> {
    let code =
        |line: &str| line.split("//").next().unwrap_or("").split(" #").next().unwrap_or("").trim().to_owned();
    programs().iter().flat_map(|(_, text)| text.lines().map(code).collect::<Vec<_>>()).collect()
}

#[test]
fn every_rasm_instruction_is_in_a_program() {
    let lines = lines();
    let words: HashSet<&str> = lines.iter().filter_map(|line| line.split_whitespace().next()).collect();
    let missing: Vec<&str> = rasm::mnemonics().filter(|mnemonic| !words.contains(*mnemonic)).collect();
    assert!(missing.is_empty(), "no program has {missing:?}");
    let missing: Vec<&str> = rasm::stems().filter(|stem| !words.contains(*stem)).collect();
    assert!(missing.is_empty(), "no program has {missing:?}");
    // Whole mnemonics with commas, stems without.
    let with_commas: HashSet<&str> =
        lines.iter().filter(|l| l.contains(',')).filter_map(|l| l.split_whitespace().next()).collect();
    let alone = ["patch_at", "patch_movi"];
    let several = |mnemonic: &&str| {
        let operands = |line: &String| {
            let (first, rest) = line.split_once(char::is_whitespace)?;
            (first == *mnemonic).then(|| rest.split("=>").next().unwrap_or("").split_whitespace().count())
        };
        lines.iter().filter_map(operands).any(|count| count > 1)
    };
    let missing: Vec<&str> = rasm::mnemonics()
        .filter(several)
        .filter(|m| !with_commas.contains(m) && !alone.contains(m))
        .collect();
    assert!(missing.is_empty(), "no program has {missing:?} with commas");
}

#[test]
fn every_kind_of_rasm_operand_is_in_a_program() {
    let text = lines().join("\n");
    let words: HashSet<&str> =
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')')).collect();
    let registers = "%r0 %r1 %r2 %v0 %v1 %v2 %ret %sp %fp %fpr0 %fpr1 %fpr2 %fpr3 %fpr4 %fpr5";
    let calls = "!forward !get_label !entry !arg_i !arg_d @self";
    for word in registers.split(' ').chain(calls.split(' ')) {
        assert!(words.contains(word), "no program has `{word}`");
    }
    type Is = fn(&str) -> bool;
    let kinds: [(&str, Is); 10] = [
        ("a decimal integer", |w| w.parse::<i64>().is_ok_and(|n| n > 9)),
        ("a negative integer", |w| w.parse::<i64>().is_ok_and(|n| n < 0)),
        ("an octal integer", |w| w.len() > 1 && w.starts_with('0') && w.bytes().all(|b| b.is_ascii_digit())),
        ("a hexadecimal integer", |w| w.starts_with("0x")),
        ("a float", |w| w.contains('.') && w.parse::<f64>().is_ok()),
        ("a function", |w| w.starts_with('=') && w != "=>"),
        ("a C function", |w| w.starts_with('*') && w.len() > 2),
        ("an integer variable", |w| w.starts_with('$')),
        ("a label", |w| w.starts_with('@')),
        ("a float variable", |w| w.starts_with('&')),
    ];
    for (kind, is) in kinds {
        assert!(words.iter().any(|word| is(word)), "no program has {kind}");
    }
    for operator in ["+", "-", "*", "/", "%", "**", "<<", ">>", "&", "^", "|", "~", "\""] {
        let is = |word: &&&str| {
            word.starts_with(operator) && !word[operator.len()..].starts_with(char::is_alphabetic)
        };
        assert!(
            words.iter().find(is).is_some() || operator == "\"" && text.contains('"'),
            "no program has `{operator}`"
        );
    }
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
