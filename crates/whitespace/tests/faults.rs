//! Every class of fault with its message, place and instruction, the same from every engine.
//!
//! The programs under `faults/` say what is expected in comments: `; fault: MESSAGE`, `; output: TEXT`, `; input: TEXT` (with `\x`
//! escapes) and `; OPTION: VALUE`.

use kiln_whitespace::engine::TABLE as ENGINES;
use kiln_whitespace::fault::{Class, Fault};
use kiln_whitespace::{AsmOptions, Machine, Options, Program};
use std::path::Path;

fn unescaped(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap_or("").as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).expect("two digits"));
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    bytes
}

#[test]
fn every_fault_is_reported_where_it_happens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let mut classes = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of programs") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a program");
        let (mut options, mut input, mut output, mut expected) = (Options::default(), Vec::new(), "", None);
        for (key, value) in text.lines().filter_map(|line| line.strip_prefix("; ")?.split_once(": ")) {
            match key {
                "fault" => expected = Some(value),
                "output" => output = value,
                "input" => input = unescaped(value),
                option => assert!(options.set(option, value), "{name}: {option}"),
            }
        }
        let expected = expected.unwrap_or_else(|| panic!("{name} says no fault"));
        let assembling = AsmOptions { name: &name, options: options.clone(), ..AsmOptions::default() };
        let program = Program::assemble(&text, &assembling).unwrap_or_else(|rejected| panic!("{rejected}"));
        for row in ENGINES {
            let mut printed = Vec::new();
            let mut machine = Machine::new(&program, &options, &input[..], &mut printed).expect("memory");
            let fault: Fault = machine.run(row.engine).expect_err("it fails");
            assert_eq!(fault.to_string(), expected, "{name}, {}", row.name);
            assert_eq!(machine.state().instruction(), fault.instruction, "{name}, {}", row.name);
            drop(machine);
            assert_eq!(printed, output.as_bytes(), "{name}, {}", row.name);
            classes.push(fault.kind.class());
        }
    }
    for class in [
        Class::StackUnderflow,
        Class::CopyOutOfRange,
        Class::SlideOutOfRange,
        Class::HeapUnset,
        Class::HeapKey,
        Class::DivideByZero,
        Class::CallStackEmpty,
        Class::EndOfProgram,
        Class::CharRange,
        Class::InputEof,
        Class::InputNumber,
        Class::InputEncoding,
        Class::Overflow,
        Class::UndefinedLabel,
    ] {
        assert!(classes.contains(&class), "no program for {class}");
    }
}
