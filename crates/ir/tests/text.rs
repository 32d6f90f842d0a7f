//! The text form: golden diagnostics, the paper test, and that printing and reading are inverse.

use kiln_ir::Module;
use kiln_ir::text::{self, NoIncludes};
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/text").join(name)
}

fn kiln_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of golden files");
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "kiln"));
    files.sort();
    assert!(!files.is_empty(), "no tests in {}", folder.display());
    files
}

fn parse(text: &str) -> Module {
    text::parse("test.kiln", text, &NoIncludes).unwrap_or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(|f| format!("{:?}: {f}", f.at)).collect();
        panic!("{}\n{text}", faults.join("\n"))
    })
}

/// Text and module no longer change after one pass, with and without positions.
fn assert_stable(text: &str) {
    let first = parse(text);
    let printed = text::print(&first).with_positions().to_string();
    let second = parse(&printed);
    assert!(first == second, "the module changed:\n{printed}\n{}", text::print(&second).with_positions());
    assert_eq!(printed, text::print(&second).with_positions().to_string());
    let plain = first.to_string();
    assert_eq!(plain, parse(&plain).to_string());
}

#[test]
fn the_paper_test_reads_and_prints_stably() {
    for file in kiln_files(&folder("paper")) {
        println!("{}", file.display());
        assert_stable(&std::fs::read_to_string(&file).unwrap());
    }
}
