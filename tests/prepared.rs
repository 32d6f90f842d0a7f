//! The passes over register IR: what they make of small programs (`optimize/inline`, `optimize/recursion`,
//! `optimize/invert`), and that programs mean the same behind them.
//!
//! A file is a title and a program, then behind a line `; becomes` what the pass makes of its exported functions, as
//! comments. `KILN_BLESS=1` writes that part. A line `; behind recursion` says that another pass has run before.

use kiln_codegen::Passes;
use kiln_ir::{FuncId, Linkage, Module, text};
use kiln_tests::differential::baseline_program;
use kiln_tests::observe::{Nans, interpret};
use kiln_tests::prepared::prepared;
use std::path::Path;

const BECOMES: &str = "; becomes\n";

#[test]
fn functions_become_what_their_files_say() {
    let bless = std::env::var_os("KILN_BLESS").is_some_and(|v| v == "1");
    let mut faults = vec![];
    for (pass, name) in
        [(Passes::INLINE, "inline"), (Passes::RECURSION, "recursion"), (Passes::INVERT, "invert")]
    {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("optimize").join(name);
        let mut files: Vec<_> = std::fs::read_dir(&dir)
            .expect("the directory of golden files")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "golden files of {name} are missing");
        for path in files {
            let whole = std::fs::read_to_string(&path).expect("a readable file");
            let source = whole.split(BECOMES).next().unwrap_or_default().trim_end();
            let before = source.lines().filter_map(|line| Passes::find(line.strip_prefix("; behind ")?));
            let passes = before.fold(pass, Passes::with);
            let expected = format!("{source}\n\n{BECOMES}{}", after(source, passes));
            if expected == whole {
                continue;
            }
            if bless {
                std::fs::write(&path, expected).expect("the file can be rewritten");
            } else {
                faults.push(format!("{}:\n{expected}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The exported functions behind passes, as comments.
fn after(source: &str, passes: Passes) -> String {
    let module = Module::parse(source).expect("a golden file is a program");
    let checked = kiln_ir::verify::check(module).expect("a golden file is valid");
    let module = prepared(&checked, passes);
    let mut out = String::new();
    for (n, decl) in module.funcs().iter().enumerate() {
        if decl.linkage == Linkage::Export {
            let printed = text::print(&module).function(FuncId(n as u32)).to_string();
            for line in printed.trim_end().lines() {
                out += format!("; {line}").trim_end();
                out += "\n";
            }
        }
    }
    out
}

#[test]
fn generated_programs_mean_the_same_behind_the_passes() {
    let mut compared = 0;
    for seed in 0..600 {
        let program = baseline_program(seed);
        let checked = kiln_ir::verify::check(program.module.clone()).expect("generated programs are valid");
        let expected = interpret(&checked, &program.calls, Nans::Any);
        if expected.cannot_be_compared() {
            continue;
        }
        for passes in [
            Passes::ALL,
            Passes::ALL.without(Passes::INLINE),
            Passes::ALL.without(Passes::RECURSION),
            Passes::ALL.without(Passes::INVERT),
        ] {
            let found = interpret(&prepared(&checked, passes), &program.calls, Nans::Any);
            // Copies of arguments and results are steps.
            if found.cannot_be_compared() {
                continue;
            }
            compared += 1;
            if let Some(difference) = expected.difference(&found) {
                panic!("seed {seed}, {passes:?}: {difference}\n{}", *checked);
            }
        }
    }
    assert!(compared > 1500, "only {compared} runs could be compared");
}
