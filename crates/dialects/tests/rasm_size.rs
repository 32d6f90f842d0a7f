//! Large programs: what they become, in numbers that grow with the text and no faster.

use kiln_dialects::rasm;
use kiln_ir::text::{NoIncludes, Sources};
use std::fmt::Write;

/// A function of many labels, each a target of branches from above and from below.
fn ladder(steps: usize) -> String {
    let mut text = String::from("prolog 1\narg => $n\ngetarg %v0 $n\n");
    for n in 0..steps {
        let _ =
            writeln!(text, "get_label => @l{n}\nbeq !forward %v0 {n} => @s{n}\nadd %v1 %v1 {n}\npatch @s{n}");
        if n > 0 {
            let _ = writeln!(text, "boaddi_i @l{}, %v0, {n}", n - 1);
        }
    }
    text.push_str("mov %ret %v1\nret\n");
    text
}

#[test]
fn hundred_thousand_labels_in_a_function() {
    let text = ladder(100_000);
    let mut sources = Sources::default();
    let program = rasm::parse(&mut sources, "ladder.ras", &text, &NoIncludes).expect("a program");
    let module = rasm::translate(&program, &sources).expect("a module");
    let start = module.find_func("start").expect("the function");
    let insts = module.func(start).body.as_ref().expect("its body").insts().len();
    assert!((100_000 * 8..100_000 * 20).contains(&insts), "{insts} instructions");
    assert!(kiln_ir::verify::check(module).is_ok(), "translations keep the rules");
}
