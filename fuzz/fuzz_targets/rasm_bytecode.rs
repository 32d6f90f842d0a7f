//! Any bytes as rasm's bytecode in either layout, which the first byte picks.
#![no_main]

use kiln_dialects::rasm::{self, Layout};
use kiln_ir::text::{NoIncludes, Sources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((pick, bytes)) = bytes.split_first() else { return };
    let layout = if pick & 1 == 0 { Layout::Unit } else { Layout::File };
    let Ok(program) = rasm::decode(bytes, layout) else { return };
    let again = rasm::encode(&program, layout).expect("what was read can be written");
    let again = rasm::decode(&again, layout).expect("what was written can be read");
    if let Ok(text) = rasm::print(&program) {
        assert_eq!(rasm::print(&again).as_ref(), Ok(&text));
        rasm::parse(&mut Sources::default(), "fuzz.ras", &text, &NoIncludes)
            .expect("what was printed can be read");
    }
    if let Ok(module) = rasm::translate(&program, &Sources::default()) {
        kiln_ir::verify::check(module).expect("translations keep the rules");
    }
});
