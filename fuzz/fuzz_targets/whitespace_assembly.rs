//! Any bytes as assembly of Whitespace: a program or problems with places, and what is printed reads back to the same tokens.
#![no_main]

use kiln_whitespace::Program;
use kiln_whitespace::assembly::{AsmOptions, Dialect, Labels, Style, language};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    language(text);
    for dialect in Dialect::ALL {
        for labels in [Labels::Spelled, Labels::Short] {
            let options = AsmOptions { dialect: *dialect, labels, ..AsmOptions::default() };
            match Program::assemble_bytes(text, &options) {
                Ok(program) => {
                    let printed = program.to_assembly(Style::EXACT);
                    let again = Program::assemble(&printed, &AsmOptions::default())
                        .expect("what was printed can be read");
                    assert_eq!(again.to_whitespace(), program.to_whitespace());
                }
                Err(rejected) => {
                    assert!(rejected.diagnostics.iter().all(|problem| rejected.position(problem).is_some()));
                }
            }
        }
    }
});
