//! One broken module per rule, with the messages it gets kept in `tests/verify/faults.expected`; set `KILN_BLESS` to
//! write that file anew. A fault that no module here brings about fails the test.

mod assignment;
mod blocks;
mod calls;
mod declarations;
mod functions;
mod layouts;
mod limits;
mod operands;
mod parts;
mod records;

use super::super::{Diagnostic, Fault, Limits, Place, Verifier};
use crate::module::Module;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A broken module, under the promise that it breaks.
type Case = (&'static str, Module);

fn print(module: &Module, found: &[Diagnostic<Fault>]) -> String {
    let mut text = String::new();
    for diagnostic in found {
        let _ = match diagnostic.at {
            Place::Module => write!(text, "module"),
            Place::Func(func) => write!(text, "fn {}", module.func(func).name.escape_debug()),
            Place::Inst(func, inst, operand) => {
                let decl = module.func(func);
                let op = decl.body.as_ref().map(|f| f.insts[inst.index()].op.info().mnemonic);
                let _ = write!(text, "fn {}, instruction {} `{}`", decl.name, inst.0, op.unwrap_or("?"));
                operand.map_or(Ok(()), |n| write!(text, ", operand {n}"))
            }
            other => write!(text, "{other:?}"),
        };
        let _ = writeln!(text, ": {}", diagnostic.fault);
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(text, "    help: {help}");
        }
    }
    text
}

#[test]
fn every_fault_has_its_message() {
    let usual = [
        declarations::cases(),
        layouts::cases(),
        functions::cases(),
        blocks::cases(),
        records::cases(),
        operands::cases(),
        calls::cases(),
        assignment::cases(),
    ];
    let usual = usual.into_iter().flatten().map(|(title, module)| (title, Limits::default(), module));
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    for (title, limits, module) in usual.chain(limits::cases()) {
        let (module, found) = Verifier::new(limits).check(module).expect_err(title);
        seen.extend(found.iter().map(|d| d.fault.name()));
        let _ = write!(text, "## {title}\n{}\n", print(&module, &found));
    }
    let missing: Vec<_> = Fault::NAMES.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no module here brings these faults about: {missing:?}");

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify/faults.expected");
    if std::env::var_os("KILN_BLESS").is_some() {
        std::fs::write(path, &text).expect("the file can be written");
    }
    let expected = std::fs::read_to_string(path).expect("the file of messages is there");
    for (wanted, given) in expected.split("## ").zip(text.split("## ")) {
        assert_eq!(given, wanted, "run this test with KILN_BLESS=1 if the new message is better");
    }
    assert_eq!(text, expected);
}
