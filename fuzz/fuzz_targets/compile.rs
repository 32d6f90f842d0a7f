//! Any module that verifies: it compiles to the same bytes twice or is refused, and never panics.
#![no_main]

use kiln_codegen::{Code, Options, Scratch, compile};
use kiln_ir::{Module, bytecode, verify};

libfuzzer_sys::fuzz_target!(|sections: &[u8]| {
    let mut bytes = Module::new().to_bytes();
    bytes.extend_from_slice(sections);
    bytecode::seal(&mut bytes);
    let Ok(module) = Module::from_bytes(&bytes) else { return };
    let Ok(module) = verify::check(module) else { return };
    let (mut scratch, mut codes) = (Scratch::default(), [Code::default(), Code::default()]);
    let results =
        codes.each_mut().map(|code| compile(&module, &Options::default(), &mut scratch, code).is_ok());
    assert_eq!(results[0], results[1]);
    assert_eq!(codes[0].bytes, codes[1].bytes);
});
