//! Text and bytecode are two views of one module: what one can say the other can.

mod every_op;

use kiln_ir::bytecode::{HEADER, seal};
use kiln_ir::{Module, text, verify};

/// The module read back from its text, positions included.
fn through_text(m: &Module) -> Module {
    let printed = text::print(m).with_positions().to_string();
    Module::parse(&printed).unwrap_or_else(|mistakes| {
        let first = &mistakes[0];
        let kiln_ir::diagnostic::Place::Span(span) = first.at else { panic!("{first:?}") };
        let start = printed[..span.start as usize].rfind('\n').map_or(0, |n| n + 1);
        let line = printed[start..].lines().next().unwrap_or_default();
        panic!("{} mistakes, first: {first}\n{line}", mistakes.len());
    })
}

#[test]
fn every_op_and_form_goes_through_text_and_bytecode() {
    let m = every_op::module();
    let again = through_text(&m);
    for (before, after) in m.funcs().iter().zip(again.funcs()) {
        assert_eq!(before, after, "{}", before.name);
    }
    assert_eq!(m, again);
    assert_eq!(m.to_bytes(), again.to_bytes());
}

#[test]
fn every_op_and_form_verifies() {
    if let Err((_, faults)) = verify::check(every_op::module()) {
        let lines: Vec<_> = faults.iter().map(|d| format!("{:?}: {d}", d.at)).collect();
        panic!("{}", lines.join("\n"));
    }
}

#[test]
fn changed_bytecode_that_verifies_goes_through_text() {
    let good = every_op::module().to_bytes();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let mut verified = 0;
    for _ in 0..500 {
        let mut bytes = good.clone();
        let at = HEADER + random() % (bytes.len() - HEADER);
        bytes[at] = match random() % 3 {
            0 => random() as u8,
            1 => bytes[at] ^ 1 << (random() % 8),
            _ => bytes[at].wrapping_add(1),
        };
        seal(&mut bytes);
        let Ok(m) = Module::from_bytes(&bytes) else { continue };
        if let Ok(checked) = verify::check(m) {
            let again = through_text(&checked);
            for (before, after) in checked.funcs().iter().zip(again.funcs()) {
                assert!(before == after, "byte {at}: {}\n{before:?}\n{after:?}", before.name);
            }
            assert_eq!((checked.sigs(), checked.layouts()), (again.sigs(), again.layouts()), "byte {at}");
            for (before, after) in checked.data().iter().zip(again.data()) {
                // Bytes that a relocation overwrites are not told.
                assert_eq!(before.relocs, after.relocs, "byte {at}: {}", before.name);
                assert_eq!(before.size(), after.size(), "byte {at}: {}", before.name);
            }
            verified += 1;
        }
    }
    assert!(verified > 0, "no change verifies");
}
