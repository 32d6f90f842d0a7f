//! Any text: a rasm program or faults, and what is translated keeps the rules and survives its other forms.
#![no_main]

use kiln_dialects::rasm::{self, Layout};
use kiln_ir::text::{NoIncludes, Sources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let Ok(program) = rasm::parse(&mut sources, "fuzz.ras", text, &NoIncludes) else { return };
    if let Ok(bytes) = rasm::encode(&program, Layout::File) {
        let again = rasm::decode(&bytes, Layout::File).expect("what was written can be read");
        assert_eq!(rasm::encode(&again, Layout::File).as_ref(), Ok(&bytes));
    }
    if let Ok(module) = rasm::translate(&program, &sources) {
        kiln_ir::verify::check(module).expect("translations keep the rules");
    }
});
