//! Bytes behind a right header: a fault or a module, and a module has bytes that give it back.
#![no_main]

use kiln_ir::{Module, bytecode};

libfuzzer_sys::fuzz_target!(|sections: &[u8]| {
    let mut bytes = Module::new().to_bytes();
    bytes.extend_from_slice(sections);
    bytecode::seal(&mut bytes);
    if let Ok(module) = Module::from_bytes(&bytes) {
        assert_eq!(Module::from_bytes(&module.to_bytes()).as_ref(), Ok(&module));
    }
});
