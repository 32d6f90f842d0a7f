//! Modules with random damage: checking never panics, the short way through common shapes finds what the long way
//! finds, and what passes can be read by everything that later stages use.

use super::super::*;
use super::accepts::module_of;
use super::random::Random;
use crate::entity::Block;
use crate::function::Function;
use crate::op::{Op, rows};
use crate::types::Type;

const ROUNDS: usize = 40_000;

/// A word near those that mean something.
fn word(random: &mut Random) -> u32 {
    match random.below(4) {
        0 => random.below(12) as u32,
        1 => random.below(200) as u32,
        2 => u32::MAX - random.below(2) as u32,
        _ => random.next() as u32,
    }
}

/// Changes one thing of a function.
fn damage(f: &mut Function, random: &mut Random) {
    let at = random.below(f.insts.len());
    let inst = &mut f.insts[at];
    match random.below(13) {
        0 => inst.op = Op::ALL[random.below(Op::ALL.len())],
        1 => inst.ty = Type::ALL[random.below(5)],
        2 => inst.aux ^= 1 << random.below(16),
        3 => inst.aux = random.next() as u16,
        4 => inst.dst = word(random),
        5 => inst.a = word(random),
        6 => inst.b = word(random),
        7 if !f.pool.is_empty() => {
            let at = random.below(f.pool.len());
            f.pool[at] = word(random);
        }
        8 => {
            let at = random.below(f.blocks.len());
            f.blocks[at].start = word(random);
        }
        9 => {
            let at = random.below(f.blocks.len());
            f.blocks[at].cold ^= true;
        }
        10 => {
            let at = random.below(f.vregs.len());
            f.vregs[at].ty = Type::ALL[random.below(5)];
        }
        11 => {
            f.label_sets[0].truncate(random.below(3));
            f.label_sets[0].push(Block(word(random)));
        }
        _ => {
            let other = random.below(f.insts.len());
            f.insts.swap(at, other);
        }
    }
}

/// Reads all that a checked function offers.
fn read_all(f: &Function) -> u64 {
    let mut sum = 0;
    for (i, inst) in f.insts.iter().enumerate() {
        sum += f.tail_len(inst) as u64;
        f.for_each_use(inst, |v| sum += f.ty(v) as u64);
        f.for_each_def(inst, |v| sum += f.ty(v) as u64);
        f.for_each_target(inst, |block| sum += f.block_range(block).len() as u64);
        sum += f.block_of(crate::entity::Inst(i as u32)).0 as u64;
    }
    sum
}

#[test]
fn damaged_modules_get_a_verdict_on_both_ways() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let good: Vec<Module> = rows().iter().map(module_of).collect();
    let (mut passed, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let mut module = good[round % good.len()].clone();
        let f = module.funcs[2].body.as_mut().expect("the function has a body");
        for _ in 0..=random.below(3) {
            damage(f, &mut random);
        }
        walk::ONLY_GENERAL.set(true);
        let long = check(module.clone());
        walk::ONLY_GENERAL.set(false);
        match (check(module), long) {
            (Ok(module), Ok(_)) => {
                read_all(module.funcs[2].body.as_ref().expect("the function has a body"));
                passed += 1;
            }
            (Err((_, short)), Err((_, long))) => {
                assert_eq!(short, long);
                assert!(!short.is_empty());
                refused += 1;
            }
            (short, _) => panic!("the two ways differ in round {round}; the short one: {short:?}"),
        }
    }
    assert!(passed > ROUNDS / 20 && refused > ROUNDS / 20, "{passed} passed, {refused} refused");
}
