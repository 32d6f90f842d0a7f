//! Broken programs in `tests/verify/*.kiln` and what the verifier says of them, kept at the end of each file. Set
//! `KILN_BLESS` to write the expectations anew.

use kiln_ir::Module;
use kiln_ir::diagnostic::{Diagnostic, Place};
use kiln_ir::text::instruction_span;
use kiln_ir::verify::{Fault, check};
use std::fmt::Write;
use std::path::Path;

/// The line above the expectation.
const MARK: &str = "\n; The verifier says:\n";

/// Where an instruction stands in the text: `line:column`, and the words at fault.
fn place(text: &str, module: &Module, at: Place) -> String {
    let (func, inst, operand) = match at {
        Place::Inst(func, inst, operand) => (func, inst, operand),
        Place::Func(func) => return format!("fn {}", module.func(func).name),
        _ => return "module".into(),
    };
    let body = module.func(func).body.as_ref().expect("faults in instructions are in bodies");
    let span = instruction_span(text, body, inst, operand).expect("text gives every instruction a position");
    let (start, end) = (span.start as usize, span.end as usize);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[..start].matches('\n').count() + 1;
    format!("{line}:{} `{}`", start - line_start + 1, &text[start..end])
}

fn messages(text: &str, module: &Module, found: &[Diagnostic<Fault>]) -> String {
    let mut out = String::new();
    for diagnostic in found {
        let _ = writeln!(out, "; {}: {}", place(text, module, diagnostic.at), diagnostic.fault);
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, ";     help: {help}");
        }
    }
    out
}

#[test]
fn broken_programs_get_their_messages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|e| e == "kiln"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        let (program, expected) = text.split_once(MARK).unwrap_or((&text, ""));
        let module = Module::parse(program).unwrap_or_else(|faults| {
            panic!("{} is not even text: {faults:#?}", path.display());
        });
        let (module, found) = check(module).expect_err("the program is broken");
        let given = messages(program, &module, &found);
        if std::env::var_os("KILN_BLESS").is_some() {
            std::fs::write(&path, format!("{program}{MARK}{given}")).expect("the file can be written");
        } else {
            assert_eq!(given, expected, "{}: KILN_BLESS=1 writes the new messages", path.display());
        }
    }
}
