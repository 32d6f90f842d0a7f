//! Any text in the lightning language: faults, or a module that keeps the verifier's rules.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(reading) = kiln_dialects::lightning::read("fuzz.tst", text) {
        if let Err((_, faults)) = kiln_ir::verify::check(reading.module) {
            panic!("{} in what came of\n{text}", faults[0]);
        }
    }
});
