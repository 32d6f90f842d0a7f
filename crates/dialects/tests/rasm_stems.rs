//! What bare mnemonics mean: `stems.txt` lists each with the instructions that its operands make of it. `KILN_BLESS=1` renews it.

use kiln_dialects::rasm;
use kiln_ir::text::{NoIncludes, Sources};
use std::collections::BTreeSet;
use std::path::Path;

/// Operands that decide, by what they decide.
const OPERANDS: [(&str, &str); 5] = [
    ("registers", "%v0 %v1 %v2"),
    ("constant first", "8 %v0 %v1"),
    ("constant last", "%v0 %v1 8"),
    ("floats", "%fpr0 %fpr1 %fpr2"),
    ("label last", "%v0 %v1 @l"),
];

/// The instruction that a line means, if it means one.
fn instruction(line: &str) -> Option<String> {
    let program = rasm::parse(&mut Sources::default(), "stems", line, &NoIncludes).ok()?;
    let printed = rasm::print(&program).ok()?;
    printed.lines().nth(1)?.split_whitespace().next().map(str::to_owned)
}

#[test]
fn stems_mean_what_the_list_says() {
    let lettered = rasm::stems().flat_map(|stem| [stem.to_owned(), format!("{stem}r"), format!("{stem}i")]);
    let words: BTreeSet<String> = lettered.filter(|w| !rasm::mnemonics().any(|m| m == w)).collect();
    let mut list = String::new();
    for word in words {
        let means = OPERANDS.map(|(kind, operands)| (kind, instruction(&format!("{word} {operands}"))));
        if means.iter().any(|(_, means)| means.is_some()) {
            list += &word;
            for (kind, means) in means {
                list += &format!("; {kind}: {}", means.as_deref().unwrap_or("none"));
            }
            list.push('\n');
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stems.txt");
    if std::env::var_os("KILN_BLESS").is_some_and(|v| v == "1") {
        std::fs::write(&path, &list).expect("the list can be written");
    }
    assert_eq!(list, std::fs::read_to_string(&path).unwrap_or_default());
}
