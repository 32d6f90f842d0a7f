//! Functions and modules of a size that nobody writes by hand: every tier loads them and gives the same.

#![allow(unsafe_code, reason = "calling a program is unsafe")]

use crate::{Random, beside_others, churn, times};
use kiln::{Checked, Config, Engine, FunctionBuilder, Linkage, Module, Signature, Tier, Type, VReg};
use std::sync::Arc;
use std::time::Instant;

/// Calls `f0` of a module on every tier with some arguments; gives what all gave.
fn all_tiers(module: Module, arguments: &[i64]) -> Vec<i64> {
    let clock = Instant::now();
    let checked: Arc<Checked> = Arc::new(kiln::check(module).map_err(|(_, d)| d).expect("it is valid"));
    println!("    check {:?}", clock.elapsed());
    let mut given = vec![];
    for tier in [Tier::Baseline, Tier::Optimized, Tier::Auto, Tier::Interpreter] {
        let clock = Instant::now();
        let program = Engine::new(Config::new().tier(tier)).load(checked.clone()).expect("it loads");
        let loaded = clock.elapsed();
        let f = program.function::<fn(i64) -> i64>("f0").expect("it is there");
        // SAFETY: the function accesses no memory.
        let results = arguments.iter().map(|x| unsafe { f.call(*x) }.expect("no trap")).collect::<Vec<_>>();
        println!("    {tier:?}: load {loaded:?}, all {:?}", clock.elapsed());
        given.push(results);
    }
    assert!(given.windows(2).all(|two| two[0] == two[1]), "the tiers differ: {given:?}");
    given.swap_remove(0)
}

fn signature() -> Signature {
    churn::signature()
}

/// One more op on two of the live values; its result is a register of its own, or that of an operand.
fn step(b: &mut FunctionBuilder<'_>, live: &mut [VReg], own: bool, i: usize, random: &mut Random) {
    // Never one with itself, so that each step can be undone and nothing is forgotten.
    let at = random.below(live.len());
    let with = (at + 1 + random.below(live.len() - 1)) % live.len();
    let (x, y) = (live[at], live[with]);
    let result = if own { b.vreg(Type::I64) } else { x };
    let b = b.to(result);
    live[at] = match i % 7 {
        0 => b.add(x, y),
        1 => b.sub(x, y),
        2 => b.xor(x, y),
        3 => b.mul(x, 0x1e37_79b9),
        4 => b.rotl(x, 7),
        5 => b.add(x, i as i64),
        _ => b.rotr(x, 11),
    };
}

#[test]
fn one_block_of_a_million_ops() {
    let _beside = beside_others();
    for (live, own) in [(4, true), (4, false), (40, false), (40, true)] {
        let ops = times(1_000_000);
        println!("{ops} ops, {live} values live, results of their own {own}");
        let mut module = Module::new();
        let func = module.declare("f0", signature(), Linkage::Export);
        let mut b = module.build(func);
        let x = b.param(0);
        let mut values: Vec<VReg> = (0..live as i64).map(|n| b.add(x, n)).collect();
        let mut random = Random::new(1);
        for i in 0..ops {
            step(&mut b, &mut values, own, i, &mut random);
        }
        let sum = values.iter().copied().reduce(|a, v| b.xor(a, v)).expect("some");
        b.ret(&[sum]);
        b.finish().expect("a whole function");
        let results = all_tiers(module, &[1, -5]);
        assert_ne!(results[0], results[1]);
    }
}

/// Blocks that jump forward and backward in random order, each visited once; a few registers carry the values.
fn shuffled(blocks: usize, ops: usize) -> Module {
    let mut module = Module::new();
    let func = module.declare("f0", signature(), Linkage::Export);
    let mut b = module.build(func);
    let x = b.param(0);
    let values: Vec<VReg> = (0..4).map(|_| b.vreg(Type::I64)).collect();
    for value in &values {
        b.to(*value).copy(x);
    }
    let mut random = Random::new(2);
    // The order of visits: block after block of this list.
    let mut order: Vec<usize> = (0..blocks).collect();
    for i in (1..blocks).rev() {
        order.swap(i, random.below(i + 1));
    }
    let mut next = vec![blocks; blocks];
    for pair in order.windows(2) {
        next[pair[0]] = pair[1];
    }
    let labels: Vec<_> = (0..=blocks).map(|_| b.block()).collect();
    b.jump(labels[order[0]]);
    for (i, next) in next.into_iter().enumerate() {
        b.place(labels[i]);
        for op in 0..ops {
            let (to, with) = (values[random.below(4)], values[random.below(4)]);
            if op % 2 == 0 {
                b.to(to).add(to, with);
            } else {
                b.to(to).xor(to, i as i64);
            }
        }
        // Never taken: the last bit of a doubled value.
        let never = b.add(values[0], values[0]);
        let bit = b.and(never, 1);
        b.branch(kiln::Cond::Ne, bit, 0, labels[random.below(blocks)]);
        b.jump(labels[next]);
    }
    b.place(labels[blocks]);
    let sum = values.iter().copied().reduce(|a, v| b.xor(a, v)).expect("some");
    b.ret(&[sum]);
    b.finish().expect("a whole function");
    module
}

#[test]
fn a_hundred_thousand_blocks_in_random_order() {
    let _beside = beside_others();
    // In debug builds a checker follows what the optimizing compiler writes, which takes far longer than writing it.
    let blocks = times(if cfg!(debug_assertions) { 20_000 } else { 100_000 });
    println!("{blocks} blocks");
    all_tiers(shuffled(blocks, 2), &[1, 1 << 40]);
}

#[test]
fn a_million_ops_in_ten_thousand_blocks() {
    let _beside = beside_others();
    let blocks = times(10_000);
    println!("{} ops in {blocks} blocks", blocks * 100);
    all_tiers(shuffled(blocks, 100), &[1, 1 << 40]);
}

/// Functions that each call the next, so that the last stands under as many frames as there are functions.
#[test]
fn a_module_of_a_hundred_thousand_functions() {
    let _beside = beside_others();
    let functions = times(100_000);
    let depth = 1000;
    println!("{functions} functions");
    let mut module = Module::new();
    let linkage = |i| if i == 0 { Linkage::Export } else { Linkage::Local };
    let funcs: Vec<_> =
        (0..functions).map(|i| module.declare(&format!("f{i}"), signature(), linkage(i))).collect();
    for i in 0..functions {
        let mut b = module.build(funcs[i]);
        let x = b.param(0);
        let y = b.add(x, i as i64 % 3);
        // The first calls one chain after the other; of each chain, each calls the next.
        let chains: Vec<usize> = if i == 0 {
            (1..functions).step_by(depth).collect()
        } else if i % depth != 0 && i + 1 < functions {
            vec![i + 1]
        } else {
            vec![]
        };
        let mut sum = y;
        for first in chains {
            let r = b.call(funcs[first], &[y])[0];
            sum = b.add(sum, r);
        }
        b.ret(&[sum]);
        b.finish().expect("a whole function");
    }
    all_tiers(module, &[1, -9]);
}

#[test]
fn calls_as_deep_as_the_stack_allows() {
    let _beside = beside_others();
    let text = "
        export fn f0(%n: i64) -> i64 {
            beq %n, 0, last
            %m = sub %n, 1
            %r = call f0(%m)
            %r = add %r, %n
            ret %r
        last:
            ret 0
        }
    ";
    let depth = 50_000i64;
    let work = move || {
        let module = Module::parse(text).expect("it is right");
        assert_eq!(all_tiers(module, &[depth]), [depth * (depth + 1) / 2]);
    };
    // A thread of the test runner has 2 MiB, too few to be sure of.
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(work).expect("a thread");
    thread.join().expect("it did not panic");
}
