//! What appending an op costs, and reading and writing it as bytecode: nanoseconds per op, the least of many rounds.
//!
//! `cargo run --release -p kiln-ir --example append_cost`

use kiln_ir::types::{MemType, Signature, Type};
use kiln_ir::{Cond, FuncId, FunctionBuilder, Linkage, Mem, Module};
use std::time::Instant;

/// Ops that read the register before and write a new one.
fn chain(b: &mut FunctionBuilder<'_>, ops: u32) {
    let mut v = b.param(0);
    for n in 0..ops / 4 {
        let w = b.add(v, n as i64 & 63);
        let x = b.mul(w, v);
        let y = b.xor(x, w);
        v = b.sub(y, 3);
    }
    b.ret(&[v]);
}

/// Ops on the same few registers, as the compilers of languages with variables append them.
fn variables(b: &mut FunctionBuilder<'_>, ops: u32) {
    let v: [_; 8] = std::array::from_fn(|_| b.vreg(Type::I64));
    for v in v {
        b.to(v).iconst(Type::I64, 1);
    }
    for n in 0..ops as usize {
        b.to(v[n % 8]).add(v[(n + 3) % 8], v[(n + 5) % 8]);
    }
    b.ret(&[v[0]]);
}

/// Short blocks, loads and stores.
fn blocks(b: &mut FunctionBuilder<'_>, ops: u32) {
    let n = b.param(0);
    for i in 0..ops / 5 {
        let next = b.block();
        b.branch(Cond::Eq, n, i as i64, next);
        let v = b.load(Type::I64, MemType::I64, (n, 8));
        let w = b.add(v, 1);
        b.store(MemType::I64, Mem { base: n, index: w, scale: 8, disp: 0 }, w);
        b.place(next);
    }
    b.ret(&[n]);
}

/// Calls and lists, which have tails.
fn calls(b: &mut FunctionBuilder<'_>, ops: u32) {
    let mut v = b.param(0);
    for _ in 0..ops {
        v = b.call1(FuncId(0), &[v]);
    }
    b.ret(&[v]);
}

fn least(mut run: impl FnMut(), ops: u32) -> f64 {
    let time = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        start.elapsed().as_nanos() as f64 / ops as f64
    };
    (0..30).map(|_| time(&mut run)).fold(f64::INFINITY, f64::min)
}

fn main() {
    type Shape = fn(&mut FunctionBuilder<'_>, u32);
    let shapes: [(&str, Shape); 4] =
        [("chain", chain), ("variables", variables), ("blocks", blocks), ("calls", calls)];
    println!(
        "{:<12}{:>10}{:>12}{:>12}{:>12}{:>12}",
        "shape", "ops", "append", "encode", "decode", "bytes/op"
    );
    for (name, shape) in shapes {
        for ops in [1_000, 100_000] {
            let mut m = Module::new();
            let f = m.declare("f", Signature::new([Type::I64], [Type::I64]), Linkage::Export);
            let append = least(
                || {
                    if let Some(body) = m.take_body(f) {
                        m.recycle(body);
                    }
                    let mut b = m.build(f);
                    shape(&mut b, ops);
                    b.finish().expect("every block is placed");
                },
                ops,
            );
            let bytes = m.to_bytes();
            let encode = least(|| drop(std::hint::black_box(m.to_bytes())), ops);
            let decode = least(|| drop(std::hint::black_box(Module::from_bytes(&bytes))), ops);
            let size = bytes.len() as f64 / ops as f64;
            println!("{name:<12}{ops:>10}{append:>12.2}{encode:>12.2}{decode:>12.2}{size:>12.2}");
        }
    }
}
