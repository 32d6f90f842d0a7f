//! Programs that both compilers are tried on.

use kiln_ir::verify::{Checked, check};
use kiln_ir::{Linkage, MemType, Module, Signature, Type};

/// A program from its text.
pub fn module(text: &str) -> Checked {
    check(Module::parse(text).expect("parses")).expect("verifies")
}

/// A loop.
pub const LOOP: &str = "export fn sum(%n: i64) -> i64 {\n %s = const.i64 0\n %i = const.i64 0\nagain:\n \
                    %s = add %s, %i\n %i = add %i, 1\n blt %i, %n, again\n ret %s\n}\n";
/// Calls of an import.
pub const CALLS: &str = "extern g: fn(i64, f64) -> i64\nexport fn f(%a: i64, %b: f64) -> i64 {\n \
                     %x = call g(%a, %b)\n %y = call g(%x, %b)\n %r = add %x, %y\n ret %r\n}\n";

/// More values at a time than registers.
pub fn crowded(values: usize) -> Checked {
    let mut module = Module::new();
    let f = module.declare("f", Signature::new([Type::Ptr], [Type::I64]), Linkage::Export);
    let mut b = module.build(f);
    let p = b.param(0);
    let loaded: Vec<_> = (0..values).map(|i| b.load(Type::I64, MemType::I64, (p, 8 * i as i32))).collect();
    let mut sum = loaded[0];
    for v in &loaded[1..] {
        sum = b.xor(sum, *v);
    }
    b.ret(&[sum]);
    b.finish().expect("is complete");
    check(module).expect("verifies")
}
