//! Programs made from the fuzzer's bytes run equal on the interpreter and in compiled ways.
#![no_main]

use kiln_generator::{Entropy, generate};
use kiln_tests::differential::{Verdict, baseline_config, compare};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let program = generate(&mut Entropy::from_bytes(bytes), &baseline_config());
    if let Verdict::Different(what) = compare(bytes.iter().map(|b| *b as u64).sum(), &program) {
        panic!("{what}\n{}", program.module);
    }
});
