//! Programs in the lightning language, on every tier: `tests/dialects/lightning/*.tst` write what stands in the `.out` beside.
//!
//! Comments at the top of a file say what else is expected: `// args: …` for the command line, `// status: N` or
//! `// signal: N` for the end, `// error: TEXT` for what the messages have, `// not: TIER` for what holds on other tiers only. What is expected was computed from the
//! description of the language, by other means than Kiln.

mod command;

use command::{kiln, run};
use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;

const TIERS: [&str; 4] = ["interpreter", "baseline", "optimized", "auto"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/dialects/lightning")
}

fn programs() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the folder of programs");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "tst"));
    files.sort();
    assert!(files.len() >= 75, "programs are missing: {}", files.len());
    files
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

#[test]
fn programs_write_what_is_expected_on_every_tier() {
    let mut faults = Vec::new();
    for path in programs() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let wanted = std::fs::read(path.with_extension("out")).expect("what is expected");
        let said = |what: &str| {
            let marker = format!("// {what}: ");
            text.lines().find_map(|line| line.strip_prefix(&marker))
        };
        let number = |what: &str| said(what).map(|n| n.parse::<i32>().expect("a number"));
        for tier in TIERS.into_iter().filter(|tier| said("not") != Some(tier)) {
            let mut command = kiln(&["run", "--tier", tier, &name]);
            command.current_dir(folder());
            command.args(words(said("args").unwrap_or_default()));
            let output = command.output().expect("kiln runs");
            let messages = String::from_utf8_lossy(&output.stderr);
            let (status, signal) = (output.status.code(), output.status.signal());
            let ended = match number("signal") {
                Some(wanted) => signal == Some(wanted),
                None => status == Some(number("status").unwrap_or(0)),
            };
            if !ended {
                faults.push(format!("{name} on {tier} ended with {:?}: {messages}", output.status));
            } else if output.stdout != wanted {
                let line = output.stdout.split(|b| *b == b'\n').zip(wanted.split(|b| *b == b'\n'));
                let (n, (got, wanted)) = line
                    .enumerate()
                    .find(|(_, (got, wanted))| got != wanted)
                    .unwrap_or((0, (b"another length", b"")));
                faults.push(format!(
                    "{name} on {tier}: line {} is `{}`, not `{}`",
                    n + 1,
                    String::from_utf8_lossy(got),
                    String::from_utf8_lossy(wanted)
                ));
            } else if said("error").is_some_and(|wanted| !messages.contains(wanted)) {
                faults.push(format!("{name} on {tier} says: {messages}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// A mnemonic of the table that no program has fails here.
#[test]
fn every_mnemonic_is_in_a_program() {
    let mut seen = HashSet::new();
    for path in programs() {
        let output =
            std::process::Command::new("cpp").args(["-P", "-xc"]).arg(&path).output().expect("cpp runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        seen.extend(text.split(|c| !is_name(c)).map(str::to_owned));
    }
    let missing: Vec<&str> =
        kiln_dialects::lightning::mnemonics().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no program has {missing:?}");
}

/// Faults of texts: `tests/dialects/lightning/faults/*.tst` with the messages beside, in `.err`. `KILN_BLESS=1` rewrites those.
#[test]
fn faults_are_told_as_expected() {
    let folder = folder().join("faults");
    let bless = std::env::var_os("KILN_BLESS").is_some_and(|v| v == "1");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder of faulty programs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "tst"))
        .collect();
    files.sort();
    assert!(files.len() >= 20, "programs are missing: {}", files.len());
    let mut faults = Vec::new();
    for path in files {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let output = kiln(&["check", &name]).current_dir(&folder).output().expect("kiln runs");
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

#[test]
fn a_missing_symbol_is_an_assembly_error() {
    let path =
        command::file("missing.tst", b".code\n prolog\n calli @no_such_function_at_all\n ret\n epilog\n");
    run(&["run", &path]).fails(255, &["missing.tst:3: error:", "no_such_function_at_all"]);
}

#[test]
fn preprocessed_input_needs_no_preprocessor() {
    let text = b".data 8\ntext: .c \"hi\"\n.code\n prolog prepare pushargi text finishi @puts ret epilog\n";
    let path = command::file("plain.txt", text);
    let output = kiln(&["run", "--dialect", "lightning", "--preprocessed", &path])
        .env("PATH", "/nonexistent")
        .output()
        .expect("kiln runs");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"hi\n"[..]));
    let output = kiln(&["run", "--dialect", "lightning", &path])
        .env("PATH", "/nonexistent")
        .output()
        .expect("kiln runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(255));
    assert!(said.contains("preprocessor") && said.contains("--preprocessed"), "{said}");
}

/// 400,000 instructions in one function, tens of thousands of labels, lines of a quarter of a megabyte.
#[test]
fn large_functions() {
    let mut text = String::from(".data 16\nnum: .c \"%ld\\n\"\n.code\n prolog movi %v0 0 movi %v1 0\n");
    for n in 0..40_000 {
        text.push_str(&format!(
            "addi %v0 %v0 1 xori %v2 %v0 {n} beqi l{n} %v0 {} calli @abort l{n}: addr %v1 %v1 %v0 andi %v(3) %v1 255 ",
            n + 1
        ));
        text.push_str("orr %v(4) %v(3) %v2 subr %r0 %v(4) %v(3) rshi %r1 %r0 3 lshi %r2 %r1 2 ");
        if n % 2_000 == 1_999 {
            text.push('\n');
        }
    }
    text.push_str("prepare pushargi num ellipsis pushargr %v1 finishi @printf ret epilog\n");
    let path = command::file("large.tst", text.as_bytes());
    for tier in ["baseline", "optimized"] {
        let output = kiln(&["run", "--preprocessed", "--tier", tier, &path]).output().expect("kiln runs");
        // The sum of 1 to 40,000.
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"800020000\n"[..]));
    }
}

#[test]
fn the_page_shows_the_example_and_it_runs() {
    let said = run(&["run", "examples/factorial.tst"]);
    assert_eq!(said.succeeds(), "20! = 2432902008176640000\n");
    let root = command::root();
    let page = std::fs::read_to_string(root.join("docs/lightning.md")).expect("the page");
    let example = std::fs::read_to_string(root.join("examples/factorial.tst")).expect("the example");
    let code = example.split_once('\n').expect("a comment, then code").1;
    assert!(page.contains(code), "docs/lightning.md shows another program");
}

/// What a command says of a program: its positions are those of the file before the preprocessor.
#[test]
fn traps_show_the_line_of_the_file() {
    let text =
        "#define A 1\n\n.code\n  prolog\n  movi %v1 A\n  movi %v2 0\n\n  divr %v0 %v1 %v2\n  ret\n  epilog\n";
    let path = command::file("trap.tst", text);
    for tier in TIERS {
        let outcome = run(&["run", "--tier", tier, &path]);
        assert_eq!(outcome.status, None, "a signal ends it");
        assert!(outcome.stderr.contains("division by zero"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("trap.tst:8:3"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("divr %v0 %v1 %v2"), "{}", outcome.stderr);
    }
}

#[test]
fn other_commands_take_programs() {
    run(&["check", "examples/factorial.tst"]).succeeds();
    assert!(run(&["dump", "--ir", "examples/factorial.tst"]).succeeds().contains("fn factorial("));
    let target = command::scratch("factorial.kbc").display().to_string();
    run(&["build", "examples/factorial.tst", "-o", &target]).succeeds();
    assert_eq!(run(&["run", &target]).succeeds(), "20! = 2432902008176640000\n");
}
