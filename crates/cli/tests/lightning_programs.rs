//! Programs in the lightning language, on every tier: `tests/dialects/lightning/*.tst` write what stands in the `.out` beside.
//!
//! Comments at the top of a file say what else is expected: `// args: …` for the command line, `// status: N` or
//! `// signal: N` for the end, `// error: TEXT` for what the messages have. What is expected was computed from the
//! description of the language, by other means than Kiln.

mod command;

use command::{kiln, scratch};
use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Output;

const TIERS: [&str; 4] = ["interpreter", "baseline", "optimized", "auto"];

/// Bad accesses.
const SIGSEGV: i32 = 11;

/// The folder of the programs, or one in it.
fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/dialects/lightning").join(name)
}

/// The programs of a folder, of which there are at least so many.
fn programs(folder: PathBuf, least: usize) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of programs");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "tst"));
    files.sort();
    assert!(files.len() >= least, "programs are missing: {}", files.len());
    files
}

/// A program with what is expected of it.
struct Expected {
    name: String,
    text: String,
    output: Vec<u8>,
    /// The command line.
    args: Vec<String>,
    /// The status, or the signal that ends it.
    status: i32,
    signal: Option<i32>,
    /// What the messages have.
    error: String,
}

fn expected() -> Vec<Expected> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let said = |what: &str| {
            let marker = format!("// {what}: ");
            text.lines().find_map(|line| line.strip_prefix(&marker)).map(str::to_owned)
        };
        let number = |what: &str| said(what).map(|n| n.parse::<i32>().expect("a number"));
        Expected {
            name: path.file_name().expect("a name").to_string_lossy().into_owned(),
            output: std::fs::read(path.with_extension("out")).expect("what is expected"),
            args: words(&said("args").unwrap_or_default()),
            status: number("status").unwrap_or(0),
            signal: number("signal"),
            error: said("error").unwrap_or_default(),
            text,
        }
    };
    programs(folder(""), 115).into_iter().map(read).collect()
}

/// The words of a command line, where quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (n, part) in line.split('"').enumerate() {
        if n % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// What is wrong with what a program wrote.
fn difference(got: &[u8], wanted: &[u8]) -> Option<String> {
    if got == wanted {
        return None;
    }
    let lines = got.split(|b| *b == b'\n').zip(wanted.split(|b| *b == b'\n'));
    let differ = lines.enumerate().find(|(_, (got, wanted))| got != wanted);
    let (n, (got, wanted)) = differ.unwrap_or((0, (b"of another length", b"")));
    let (got, wanted) = (String::from_utf8_lossy(got), String::from_utf8_lossy(wanted));
    Some(format!("line {} is `{got}`, not `{wanted}`", n + 1))
}

#[test]
fn programs_write_what_is_expected_on_every_tier() {
    let mut faults = Vec::new();
    for program in expected() {
        let name = &program.name;
        for tier in TIERS {
            let mut command = kiln(&["run", "--tier", tier, name]);
            let output = command.current_dir(folder("")).args(&program.args).output().expect("kiln runs");
            let messages = String::from_utf8_lossy(&output.stderr);
            let ended = match program.signal {
                Some(wanted) => output.status.signal() == Some(wanted),
                None => output.status.code() == Some(program.status),
            };
            if !ended {
                faults.push(format!("{name} on {tier} ended with {:?}: {messages}", output.status));
            } else if let Some(difference) = difference(&output.stdout, &program.output) {
                faults.push(format!("{name} on {tier}: {difference}"));
            } else if !messages.contains(&program.error) {
                faults.push(format!("{name} on {tier} says: {messages}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Programs written as Kiln's own text do the same, but for the name by which they see themselves, and for how a fault ends
/// them there: with the status that traps have.
#[test]
fn converted_programs_do_the_same() {
    let converted = scratch("lightning-converted");
    std::fs::create_dir_all(&converted).expect("the scratch folder can be written");
    let mut faults = Vec::new();
    // What is only assembled says nothing of running it.
    for program in expected().into_iter().filter(|program| !program.text.contains(".disasm")) {
        let name = program.name.replace(".tst", ".kiln");
        let target = converted.join(&name).display().to_string();
        let output = kiln(&["convert", &program.name, "-o", &target])
            .current_dir(folder(""))
            .output()
            .expect("kiln runs");
        if !output.status.success() {
            faults.push(format!("{name} is not made: {}", String::from_utf8_lossy(&output.stderr)));
            continue;
        }
        let mut command = kiln(&["run", &name]);
        // There a separator is an argument like others.
        command.args(program.args.iter().filter(|argument| *argument != "--"));
        let output = command.current_dir(&converted).output().expect("kiln runs");
        let wanted = String::from_utf8_lossy(&program.output).replace(&program.name, &name);
        let ended = match program.signal {
            Some(4 | 8 | SIGSEGV) => output.status.code() == Some(70),
            Some(wanted) => output.status.signal() == Some(wanted),
            None => output.status.code() == Some(program.status),
        };
        if !ended {
            faults.push(format!("{name} ended with {:?}", output.status));
        } else if let Some(difference) = difference(&output.stdout, wanted.as_bytes()) {
            faults.push(format!("{name}: {difference}"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Whether a character may stand in a name or has one behind it.
fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '%' | '@')
}

/// The words of a preprocessed text that may be mnemonics, as places in it.
fn mnemonics(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|c: char| is_name(c) || c == '"' || c == '.') {
        let start = at + start;
        let length = match text.as_bytes()[start] {
            b'"' => text[start + 1..].find('"').map_or(1, |n| n + 2),
            _ => text[start + 1..].find(|c: char| !is_name(c)).map_or(text.len() - start, |n| n + 1),
        };
        at = start + length;
        if text[start..].starts_with(|c: char| c.is_ascii_lowercase()) && !text[at..].starts_with(':') {
            found.push((start, &text[start..at]));
        }
    }
    found
}

/// The text with a store to nowhere at every place where this mnemonic is: before it, or behind it and its operand where
/// only that is in the function.
fn with_traps(text: &str, mnemonic: &str) -> String {
    let behind = match mnemonic {
        "prolog" => 0,
        "frame" | "tramp" => 1,
        _ => usize::MAX,
    };
    let mut changed = String::new();
    let mut from = 0;
    for (start, _) in mnemonics(text).into_iter().filter(|(_, found)| *found == mnemonic) {
        let at = match behind {
            usize::MAX => start,
            operands => {
                let words = text[start..].split_inclusive(' ').take(1 + operands);
                start + words.map(str::len).sum::<usize>().min(text[start..].find('\n').unwrap_or(usize::MAX))
            }
        };
        changed.push_str(&text[from..at]);
        changed.push_str(" sti 0 %r0 ");
        from = at;
    }
    changed.push_str(&text[from..]);
    changed
}

/// Every mnemonic of the table is executed by some program that ends well: with a fault planted at each of its places in the
/// text, the program dies of that.
#[test]
fn every_mnemonic_is_executed_by_a_program() {
    let mut texts = Vec::new();
    for program in expected().into_iter().filter(|program| program.signal.is_none()) {
        let mut cpp = std::process::Command::new("cpp");
        cpp.args(["-P", "-xc", "-D__WORDSIZE=64", "-D__LITTLE_ENDIAN=1234", "-D__BYTE_ORDER=1234"]);
        let output: Output = cpp.arg(folder(&program.name)).output().expect("cpp runs");
        assert!(output.status.success(), "{}", program.name);
        texts.push((String::from_utf8(output.stdout).expect("UTF-8"), program.args));
    }
    let found: Vec<HashSet<&str>> =
        texts.iter().map(|(text, _)| mnemonics(text).into_iter().map(|(_, found)| found).collect()).collect();
    let dies = |name: &str| {
        let with = texts.iter().zip(&found).filter(|(_, found)| found.contains(name));
        with.map(|(text, _)| text).any(|(text, args)| {
            let path = command::file(&format!("planted-{name}.tst"), with_traps(text, name));
            let mut command = kiln(&["run", "--tier", "baseline", "--preprocessed", &path]);
            command.args(args).output().expect("kiln runs").status.signal() == Some(SIGSEGV)
        })
    };
    let all: Vec<&str> = kiln_dialects::lightning::mnemonics().collect();
    let missing: Vec<&str> = std::thread::scope(|scope| {
        let halves = all.chunks(all.len().div_ceil(4));
        let workers = halves
            .map(|names| scope.spawn(|| names.iter().copied().filter(|n| !dies(n)).collect::<Vec<&str>>()))
            .collect::<Vec<_>>();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    assert!(missing.is_empty(), "no program executes {missing:?}");
}

/// Faults of texts: `tests/dialects/lightning/faults/*.tst` with the messages beside, in `.err`. A first line `// preprocessed` is
/// for what the preprocessor would complain of itself. `KILN_BLESS=1` rewrites the messages.
#[test]
fn faults_are_told_as_expected() {
    let bless = std::env::var_os("KILN_BLESS").is_some_and(|v| v == "1");
    let mut faults = Vec::new();
    for path in programs(folder("faults"), 35) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let mut command = kiln(&["check"]);
        if text.starts_with("// preprocessed\n") {
            command.arg("--preprocessed");
        }
        let output = command.arg(&name).current_dir(folder("faults")).output().expect("kiln runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() != Some(255) {
            faults.push(format!("{name} ends with {}: {said}", output.status));
            continue;
        }
        let expected = path.with_extension("err");
        if bless {
            std::fs::write(&expected, &said).expect("the file can be written");
        }
        let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
        if said != wanted {
            faults.push(format!("{name} says\n{said}where this is expected\n{wanted}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
