//! A function written from Rust, shown as text, and run: `cargo run -p kiln --example builder`.

use kiln::{Cond, Config, Engine, Linkage, Module, Signature, Type};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut module = Module::new();
    let fib = module.declare("fib", Signature::new([Type::I64], [Type::I64]), Linkage::Export);
    let mut b = module.build(fib);
    let n = b.param(0);
    b.name_vreg(n, "n");
    let small = b.block();
    b.name_block(small, "small");
    b.branch(Cond::Lt, n, 2, small);
    let one_less = b.sub(n, 1);
    let two_less = b.sub(n, 2);
    let x = b.call1(fib, &[one_less]);
    let y = b.call1(fib, &[two_less]);
    let sum = b.add(x, y);
    b.ret(&[sum]);
    b.place(small);
    b.ret(&[n]);
    b.finish()?;
    println!("{module}");

    let program = Engine::new(Config::new()).load_module(module)?;
    let fib = program.function::<fn(i64) -> i64>("fib")?;
    for n in [1, 10, 30] {
        // SAFETY: `fib` touches no memory.
        println!("fib({n}) = {}", unsafe { fib.call(n) }?);
    }
    Ok(())
}
