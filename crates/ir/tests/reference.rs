//! The op reference: the page in `docs/` is the one that the table gives, and every mnemonic has its explanation.

use kiln_ir::op::{Op, all_mnemonics, rows};
use kiln_ir::reference::{explain, page};

#[test]
fn the_page_is_the_one_that_the_table_gives() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ops.md");
    if std::env::var_os("KILN_BLESS").is_some() {
        std::fs::write(path, page()).expect("docs/ops.md can be written");
    }
    let written = std::fs::read_to_string(path).expect("docs/ops.md can be read");
    assert!(written == page(), "docs/ops.md is not up to date: run this test with KILN_BLESS=1");
}

#[test]
fn the_page_has_every_op_once() {
    let page = page();
    for info in rows() {
        let cell = format!("| `{}` | {:#04x} |", info.mnemonic.replace("{}", "…"), info.op as u8);
        assert_eq!(page.matches(&cell).count(), 1, "{cell}");
    }
}

#[test]
fn every_mnemonic_is_explained() {
    for (name, op, _) in all_mnemonics() {
        let explanation = explain(&name).unwrap_or_else(|| panic!("{name} is not explained"));
        assert_eq!((explanation.op, &explanation.name), (op, &name));
        assert!(explanation.examples[0].contains(&name));
        assert!(explanation.variants.is_empty());
    }
    assert_eq!(explain("load.i16").map(|e| e.name), Some("load".into()));
    assert!(explain("frobnicate").is_none());
}

#[test]
fn a_family_is_explained_with_its_variants() {
    let explanation = explain("atomic").expect("a family");
    assert_eq!(explanation.name, "atomic_…");
    assert!(explanation.variants.contains(&("xchg", "Replaces.")));
    assert_eq!(explain("b").map(|e| e.form), Some("b….T %a, b, label".into()));
}

#[test]
fn an_explanation_reads_so() {
    let text = explain("sdiv").expect("an op").to_string();
    assert_eq!(
        text,
        "sdiv: Signed quotient, rounded toward zero.

    %r = sdiv.T %a, b

  %r          register written: T
  %a          register: T
  b           register, or constant of 32 bits: T
  T           i32, i64
  effect      none
  traps       divide_by_zero, integer_overflow
  number      0x1b

For example:

    %r = sdiv.i64 %a, %b
    %r = sdiv.i64 %a, 1
"
    );
}

/// A function in which an example finds what it names, with `%a` and so on of these types.
fn program(op: Op, example: &str, a: &str, b: &str, c: &str) -> String {
    let end = if op.is_terminator() && !op.falls_through() { "" } else { "    trap 0\n" };
    let (more, results) = match op {
        Op::VaStart => (", ...", ""),
        // The function called gives what this one gives.
        Op::TailCall | Op::TailCallPtr => ("", "-> i64 "),
        _ => ("", ""),
    };
    format!(
        "extern function: fn(i64) -> i64
data data = zero 64
extern data thread_data thread_local
fn f(%a: {a}, %b: {b}, %c: {c}, %p: ptr, %q: ptr, %x: i64, %y: i64{more}) {results}{{
    slot buffer: 64
    labels label_set = {{label}}
    {example}
{end}label:
    trap 1
other:
    trap 2
cold cold_label:
    trap 3
}}
"
    )
}

#[test]
fn every_example_can_be_written_so() {
    let types = ["i64", "i32", "f64", "f32"];
    for (name, op, _) in all_mnemonics() {
        for example in explain(&name).expect("an explanation").examples {
            // `ret` and the like return what a function has; here it has nothing.
            let example = if example == "ret %a" { "ret" } else { &example };
            let parses = types.iter().any(|a| {
                types.iter().any(|b| {
                    types.iter().any(|c| {
                        let text = program(op, example, a, b, c);
                        kiln_ir::Module::parse(&text).is_ok_and(|m| kiln_ir::verify::check(m).is_ok())
                    })
                })
            });
            let text = program(op, example, "i64", "i64", "i64");
            assert!(parses, "`{example}`: {:?}", kiln_ir::Module::parse(&text).map(kiln_ir::verify::check));
        }
    }
}
