//! Any module that can be read: the verifier takes it or says why not, and never panics.
#![no_main]

use kiln_ir::{Module, bytecode, verify};

libfuzzer_sys::fuzz_target!(|sections: &[u8]| {
    let mut bytes = Module::new().to_bytes();
    bytes.extend_from_slice(sections);
    bytecode::seal(&mut bytes);
    if let Ok(module) = Module::from_bytes(&bytes) {
        let _ = verify::check(module);
    }
});
