//! Functions compiled and freed by the million: memory comes back, in whatever order they are dropped.

#![allow(unsafe_code, reason = "calling a program is unsafe")]

use crate::{Random, alone, times};
use kiln::{Config, Engine, Linkage, Module, Program, Signature, Tier, Type};

/// Functions `f0`, `f1`, … that give `x * (n + 1) + n`, the first of them exported.
pub fn module(first: usize, functions: usize) -> Module {
    let mut module = Module::new();
    for i in 0..functions {
        let n = (first + i) as i64;
        let linkage = if i == 0 { Linkage::Export } else { Linkage::Local };
        let func = module.declare(&format!("f{i}"), signature(), linkage);
        let mut b = module.build(func);
        let x = b.param(0);
        let scaled = b.mul(x, n + 1);
        let sum = b.add(scaled, n);
        b.ret(&[sum]);
        b.finish().expect("a whole function");
    }
    module
}

pub fn signature() -> Signature {
    Signature::new([Type::I64], [Type::I64])
}

/// What function `n` gives for `x`.
pub fn wanted(n: usize, x: i64) -> i64 {
    x * (n as i64 + 1) + n as i64
}

/// Bytes of memory of this process that are in use; what the allocator has free is given back before.
fn resident() -> usize {
    // SAFETY: gives free memory back to the system.
    unsafe { libc::malloc_trim(0) };
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: usize = text.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("the second number");
    pages * 4096
}

fn call(program: &Program, x: i64) -> i64 {
    let f = program.function::<fn(i64) -> i64>("f0").expect("it is there");
    // SAFETY: the function touches no memory.
    unsafe { f.call(x) }.expect("it does not trap")
}

fn address(program: &Program) -> usize {
    program.function::<fn(i64) -> i64>("f0").expect("it is there").address() as usize
}

/// Loads programs of so many functions each until there were `total` functions, keeps `live` programs at a time and
/// drops them in random order. Gives how far apart their functions were.
fn churn(engine: &Engine, total: usize, functions: usize, live: usize) -> usize {
    let mut random = Random::new(total as u64);
    let mut programs: Vec<(usize, Program)> = Vec::new();
    let (mut lowest, mut highest) = (usize::MAX, 0);
    for n in 0..total / functions {
        let program = engine.load_module(module(n, functions)).expect("it loads");
        assert_eq!(call(&program, 3), wanted(n, 3));
        lowest = lowest.min(address(&program));
        highest = highest.max(address(&program));
        programs.push((n, program));
        if programs.len() > live {
            let (n, program) = programs.swap_remove(random.below(programs.len()));
            assert_eq!(call(&program, 5), wanted(n, 5));
        }
    }
    highest - lowest
}

/// Runs it twice, the first time for what stays; then nothing may be left over, and the second half must have found
/// its room in what the first had freed.
fn comes_back(total: usize, functions: usize, live: usize) {
    let _alone = alone();
    for tier in [Tier::Auto, Tier::Optimized] {
        comes_back_on(tier, total, functions, live);
    }
}

fn comes_back_on(tier: Tier, total: usize, functions: usize, live: usize) {
    let engine = Engine::new(Config::new().tier(tier));
    let span = churn(&engine, total / 4, functions, live);
    let before = resident();
    let later = churn(&engine, total, functions, live);
    let after = resident();
    println!(
        "{tier:?}: {total} functions, {functions} each, {live} live: {before} {after} bytes, span {span} {later}"
    );
    assert!(after < before + (8 << 20), "{before} bytes before, {after} after");
    assert!(later < 2 * span + (1 << 20), "{span} bytes of addresses before, {later} after");
}

#[test]
fn a_function_per_program_comes_and_goes() {
    comes_back(times(50_000), 1, 500);
}

#[test]
fn many_functions_per_program_come_and_go() {
    comes_back(times(400_000), 1000, 30);
}

/// However many programs are alive, and in whatever order they go.
#[test]
fn live_programs_are_dropped_in_any_order() {
    let _alone = alone();
    let engine = Engine::new(Config::new());
    let count = times(5000);
    let load = || (0..count).map(|n| engine.load_module(module(n, 1)).expect("it loads"));
    // What the first round makes for good is not counted.
    load().for_each(drop);
    let before = resident();
    for order in ["as they came", "the last first", "at random"] {
        let clock = std::time::Instant::now();
        let mut programs: Vec<Program> = load().collect();
        let loaded = clock.elapsed();
        assert!(programs.iter().enumerate().all(|(n, program)| call(program, 7) == wanted(n, 7)));
        match order {
            "as they came" => {}
            "the last first" => programs.reverse(),
            _ => {
                let mut random = Random::new(1);
                for i in (1..programs.len()).rev() {
                    programs.swap(i, random.below(i + 1));
                }
            }
        }
        let clock = std::time::Instant::now();
        programs.into_iter().for_each(drop);
        println!("{count} programs loaded in {loaded:?}, dropped {order} in {:?}", clock.elapsed());
        let after = resident();
        assert!(after < before + (8 << 20), "dropped {order}: {before} bytes before, {after} after");
    }
}
