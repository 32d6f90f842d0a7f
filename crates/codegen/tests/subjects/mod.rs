//! Programs that both compilers are tried on.

pub mod promises;

use kiln_ir::verify::{Checked, check};
use kiln_ir::{Cond, Linkage, MemType, Module, Signature, Type};

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

/// A function of one block of a million instructions, and one of a hundred thousand blocks, the last of which end so many
/// loops, each in the next.
pub fn long(nested: usize) -> Checked {
    let mut module = Module::new();
    let f = module.declare("f", Signature::new([Type::I64], [Type::I64]), Linkage::Export);
    let mut b = module.build(f);
    let mut v = b.param(0);
    for i in 0..1_000_000 {
        v = if i % 3 == 0 { b.mul(v, v) } else { b.add(v, i) };
    }
    b.ret(&[v]);
    b.finish().expect("is complete");
    let g = module.declare("g", Signature::new([Type::I64], [Type::I64]), Linkage::Export);
    let mut b = module.build(g);
    let n = b.param(0);
    let blocks: Vec<_> = (0..100_000).map(|_| b.block()).collect();
    for (i, block) in blocks.iter().enumerate() {
        b.place(*block);
        b.to(n).add(n, 1);
        // Forward jumps, then nested loops.
        let to = if i >= 100_000 - nested { blocks[99_999 - i] } else { blocks[(i + 7).min(99_999)] };
        b.branch(Cond::Lt, n, i as i32, to);
    }
    b.ret(&[n]);
    b.finish().expect("is complete");
    check(module).expect("verifies")
}
