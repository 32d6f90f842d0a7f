//! Any text: mistakes or a module, and a module prints as text that gives it back.
#![no_main]

use kiln_ir::Module;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(module) = Module::parse(text) {
        let printed = module.to_string();
        match Module::parse(&printed) {
            Ok(again) => assert_eq!(again.to_string(), printed),
            Err(mistakes) => panic!("{mistakes:?} in what was printed:\n{printed}"),
        }
    }
});
