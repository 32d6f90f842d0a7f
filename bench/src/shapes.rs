//! Compile time of functions of unusual shape, at growing sizes: whether it stays linear.
//!
//! Each shape is a function of Kiln's IR. Cranelift gets it through the translator that the kernels go through, and
//! stops where the next size would take too long.

use crate::measure::{Samples, short, timed};
use crate::memory;
use crate::progress;
use crate::system::{CRANELIFT_NONE, CRANELIFT_SPEED};
use crate::tiers::{self, KilnTier};
use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use kiln_bench_peers::cranelift::{self, Settings, Translation};
use kiln_codegen::{Code, Scratch};
use kiln_ir::verify::{self, Checked};
use kiln_ir::{Cond, FunctionBuilder, Linkage, MemType, Module, Signature, Type, VReg};
use serde::Serialize;

/// What is compiled: functions of a base address and a number that give a number.
#[derive(Clone, Copy, Debug)]
struct Shape {
    name: &'static str,
    /// Writes the body; the size is about the number of ops.
    write: fn(&mut FunctionBuilder<'_>, usize),
}

const SHAPES: [Shape; 4] = [
    Shape { name: "one block", write: one_block },
    Shape { name: "small blocks", write: small_blocks },
    Shape { name: "nested loops", write: nested_loops },
    Shape { name: "one switch", write: one_switch },
];

/// One shape at one size by one compiler.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub shape: &'static str,
    pub compiler: &'static str,
    /// The instructions of the function.
    pub ops: usize,
    /// The median CPU time of compiling, in nanoseconds per op. Cranelift's has building its IR in it.
    pub ns_per_op: f64,
    /// The most memory that compiling takes, in bytes per op.
    pub bytes_per_op: f64,
}

/// Measures all shapes at sizes up to 10^6 ops (10^5 if it is to be quick).
///
/// # Errors
/// A compiler fails.
pub fn measure(quick: bool) -> Result<Vec<Point>> {
    let sizes: &[usize] =
        if quick { &[1_000, 10_000, 100_000] } else { &[1_000, 10_000, 100_000, 1_000_000] };
    let patience = if quick { 2e9 } else { 30e9 };
    let bar = progress::bar("shapes", SHAPES.len() * sizes.len());
    let mut points = Vec::new();
    for shape in SHAPES {
        let mut out = Vec::new();
        for size in sizes {
            bar.step(shape.name);
            let checked = function(shape, *size)?;
            let ops = checked.funcs()[0].body.as_ref().map_or(0, |f| f.insts().len());
            let point = |compiler, (ns, bytes): (f64, usize)| {
                let (ns_per_op, bytes_per_op) = (ns / ops as f64, bytes as f64 / ops as f64);
                Point { shape: shape.name, compiler, ops, ns_per_op, bytes_per_op }
            };
            let times = (1_000_000 / ops).clamp(3, 101);
            for tier in tiers::ALL {
                points.push(point(tier.name, through_kiln(*tier, &checked, times)?));
            }
            for (name, settings) in [(CRANELIFT_SPEED, cranelift::SPEED), (CRANELIFT_NONE, cranelift::NONE)] {
                if out.contains(&name) {
                    continue;
                }
                let cost = through_cranelift(settings, &checked, (20_000 / ops).clamp(1, 11))?;
                // Ten times the size takes ten times the time, and what grows faster is seen by then.
                if cost.0 * 10.0 > patience {
                    out.push(name);
                }
                points.push(point(name, cost));
            }
        }
    }
    Ok(points)
}

fn function(shape: Shape, size: usize) -> Result<Checked> {
    let mut module = Module::new();
    let signature = Signature::new([Type::Ptr, Type::I64], [Type::I64]);
    let func = module.declare("shape", signature, Linkage::Export);
    let mut b = module.build(func);
    (shape.write)(&mut b, size);
    if let Err(error) = b.finish() {
        bail!("{} of {size} ops: {error:?}", shape.name);
    }
    verify::check(module).map_err(|(_, faults)| anyhow::anyhow!("{}: {:?}", shape.name, faults[0].fault))
}

/// The median time, and the memory of the first compile, which starts with none.
fn through_kiln(tier: KilnTier, checked: &Checked, times: usize) -> Result<(f64, usize)> {
    let mut memory = (Scratch::default(), Code::default());
    let options = tier.options();
    let compile = |(scratch, code): &mut (Scratch, Code)| {
        code.clear();
        kiln_codegen::compile(checked, &options, scratch, code)
            .map_err(|refused| anyhow::anyhow!("{} refuses: {}", tier.name, refused[0].fault))
    };
    let (bytes, result) = memory::peak(|| compile(&mut memory));
    result?;
    let mut samples = Samples::default();
    for _ in 0..times {
        let (ns, result) = timed(|| compile(&mut memory));
        result?;
        samples.0.push(ns);
    }
    Ok((samples.spread().median, bytes))
}

fn through_cranelift(settings: Settings, checked: &Checked, times: usize) -> Result<(f64, usize)> {
    // Inverting loops is the translator's work, and not what is measured here.
    let mut translation = Translation::new(checked, Settings { invert: false, ..settings })?;
    let (start, (bytes, result)) = timed(|| memory::peak(|| translation.compile(checked)));
    result?;
    let mut samples = Samples(if times == 1 { vec![start] } else { vec![] });
    while samples.0.len() < times {
        let (ns, result) = timed(|| translation.compile(checked));
        result?;
        samples.0.push(ns);
    }
    Ok((samples.spread().median, bytes))
}

/// Straight-line code: each op works on two of the eight values before it, now and then on memory.
fn one_block(b: &mut FunctionBuilder<'_>, ops: usize) {
    let (base, mut recent) = (b.param(0), [b.param(1); 8]);
    for n in 0..ops {
        let (x, y) = (recent[(n * 5 + 3) % 8], recent[(n * 3 + 1) % 8]);
        let place = (base, (n * 8 % 4096) as i32);
        recent[n % 8] = match n % 8 {
            0 | 5 => b.add(x, y),
            1 => b.xor(x, y),
            2 => b.mul(x, y),
            3 => b.load(Type::I64, MemType::I64, place),
            4 => b.sub(x, n as i32 % 1000),
            6 => {
                b.store(MemType::I64, place, x);
                y
            }
            _ => b.and(x, y),
        };
    }
    let sum = recent.into_iter().reduce(|x, y| b.add(x, y)).expect("there are eight");
    b.ret(&[sum]);
}

/// As many blocks as possible: an op, then a compare and branch over the next block.
fn small_blocks(b: &mut FunctionBuilder<'_>, ops: usize) {
    let count = ops / 2;
    let blocks: Vec<_> = (0..=count).map(|_| b.block()).collect();
    let values: Vec<VReg> = (0..4).map(|n| b.add(b.param(1), n)).collect();
    for n in 0..count {
        b.place(blocks[n]);
        let (x, y) = (values[n % 4], values[n * 7 % 4]);
        b.to(x).add(x, y);
        b.branch(Cond::Lt, x, y, blocks[(n + 2).min(count)]);
    }
    b.place(blocks[count]);
    b.ret(&[values[0]]);
}

/// Loops inside each other as deep as there are ops for: all count the same number down.
fn nested_loops(b: &mut FunctionBuilder<'_>, ops: usize) {
    let depth = ops / 4;
    let (fuel, sum) = (b.param(1), b.iconst(Type::I64, 0));
    let heads: Vec<_> = (0..depth).map(|_| b.block()).collect();
    for head in &heads {
        b.place(*head);
        b.to(sum).add(sum, fuel);
    }
    for head in heads.iter().rev() {
        b.to(sum).xor(sum, 3);
        b.to(fuel).sub(fuel, 1);
        b.branch(Cond::Gt, fuel, 0, *head);
        let next = b.block();
        b.place(next);
    }
    b.ret(&[sum]);
}

/// A switch with a block per case, each of which does two things and goes to the end.
fn one_switch(b: &mut FunctionBuilder<'_>, ops: usize) {
    let count = ops / 3;
    let (x, sum) = (b.param(1), b.iconst(Type::I64, 1));
    let blocks: Vec<_> = (0..count).map(|_| b.block()).collect();
    let end = b.block();
    let cases: Vec<_> = blocks.iter().enumerate().map(|(n, block)| (n as i64, *block)).collect();
    b.switch(x, &cases, end);
    for (n, block) in blocks.iter().enumerate() {
        b.place(*block);
        b.to(sum).mul(x, n as i32);
        b.to(sum).add(sum, x);
        b.jump(end);
    }
    b.place(end);
    b.ret(&[sum]);
}

/// The measurements for a reader.
pub fn table(points: &[Point]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header([
        "shape",
        "compiler",
        "ops",
        "compile, ns per op",
        "peak memory, bytes per op",
    ]);
    for p in points {
        let numbers = [p.ns_per_op, p.bytes_per_op].map(short);
        let [ns, bytes] = numbers;
        table.add_row([p.shape.into(), p.compiler.into(), p.ops.to_string(), ns, bytes]);
    }
    table
}
