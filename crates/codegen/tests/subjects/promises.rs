//! What both compilers promise.

use super::{CALLS, LOOP, crowded, module};
use kiln_codegen::{Code, Options, Scratch, compile};
use kiln_ir::verify::Checked;

/// A module's code.
pub fn code_of(module: &Checked, options: &Options, scratch: &mut Scratch) -> Code {
    let mut code = Code::default();
    compile(module, options, scratch, &mut code).expect("compiles");
    code
}

/// The same module gives the same bytes, whatever the scratch memory was used for before.
pub fn same_bytes(options: &Options) {
    for module in [module(LOOP), module(CALLS), crowded(10), crowded(40), crowded(1000)] {
        let fresh = code_of(&module, options, &mut Scratch::default());
        let mut used = Scratch::default();
        for _ in 0..3 {
            code_of(&crowded(700), options, &mut used);
            code_of(&super::module(CALLS), options, &mut used);
            let again = code_of(&module, options, &mut used);
            assert_eq!(fresh.bytes, again.bytes);
            assert_eq!(fresh.relocs, again.relocs);
            assert_eq!(fresh.spans, again.spans);
        }
    }
}

/// The tables of code are in ascending order, also over several modules.
pub fn tables_in_order(options: &Options) {
    let mut code = Code::default();
    let mut scratch = Scratch::default();
    for module in [module(LOOP), module(CALLS), crowded(40), crowded(1000)] {
        compile(&module, options, &mut scratch, &mut code).expect("compiles");
    }
    assert!(code.functions.is_sorted_by(|a, b| a.end <= b.start));
    assert!(code.relocs.is_sorted_by_key(|r| r.at));
    assert!(code.traps.is_sorted_by_key(|t| t.at));
    assert!(code.spans.is_sorted_by_key(|s| s.at));
    assert!(code.epilogues.is_sorted_by(|a, b| a.end <= b.at));
    for f in &code.functions {
        assert!(f.start % 16 == 0 && f.code_end <= f.end && f.end as usize <= code.bytes.len());
    }
}
