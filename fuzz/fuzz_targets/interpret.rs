//! Any module that verifies: the interpreter runs each function to its end, a trap or its limit, and never panics.
#![no_main]

use kiln_ir::interp::{Arena, Interpreter, Settings};
use kiln_ir::{FuncId, Module, bytecode, verify};

libfuzzer_sys::fuzz_target!(|sections: &[u8]| {
    let mut bytes = Module::new().to_bytes();
    bytes.extend_from_slice(sections);
    bytecode::seal(&mut bytes);
    let Ok(module) = Module::from_bytes(&bytes) else { return };
    let Ok(module) = verify::check(module) else { return };
    if module.data().iter().map(|data| data.size()).sum::<u64>() > 1 << 20 {
        return;
    }
    for (n, func) in module.funcs().iter().enumerate().filter(|(_, func)| func.body.is_some()) {
        let mut arena = Arena::new(&module, 1 << 16);
        let args: Vec<u64> = module.sigs()[func.sig.index()].params.iter().map(|_| 77).collect();
        let settings = Settings { steps: 2_000, ..Settings::default() };
        let _ = Interpreter::new(&module, &mut arena).with(settings).call(FuncId(n as u32), &args);
    }
});
