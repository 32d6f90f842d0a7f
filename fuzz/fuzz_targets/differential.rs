//! Programs made from the fuzzer's bytes run equal on interpreter and baseline.
#![no_main]

use kiln_generator::{Entropy, generate};
use kiln_tests::differential::{Verdict, baseline_config, compare};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let program = generate(&mut Entropy::from_bytes(bytes), &baseline_config());
    if let Verdict::Different(what) = compare(&program) {
        panic!("{what}\n{}", program.module);
    }
});
