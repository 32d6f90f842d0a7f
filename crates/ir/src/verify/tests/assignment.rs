//! Definite assignment against its definition: follow every way from every entry with the set of registers assigned
//! on it, and see which reads miss. Slow, without chains, bits or backward search.

use super::super::*;
use super::random::Random;
use crate::entity::{Block, VReg};
use crate::function::Function;
use crate::module::Linkage;
use crate::op::{Cond, Role};
use crate::types::{Signature, Type};
use std::collections::BTreeSet;

/// The registers that some way reads unassigned.
fn unassigned(f: &Function) -> BTreeSet<u32> {
    let params: BTreeSet<u32> = (0..f.params).collect();
    let mut ways = vec![(Block(0), params)];
    for entry in &f.entries {
        ways.push((entry.block, entry.params.iter().map(|v| v.0).collect()));
    }
    // What is assigned on every way seen so far to the start of each block.
    let mut assigned: Vec<Option<BTreeSet<u32>>> = vec![None; f.blocks.len()];
    let mut missing = BTreeSet::new();
    while let Some((block, mut set)) = ways.pop() {
        if let Some(before) = &assigned[block.index()] {
            set = set.intersection(before).copied().collect();
            if set == *before {
                continue;
            }
        }
        assigned[block.index()] = Some(set.clone());
        for at in f.block_range(block) {
            let inst = &f.insts[at];
            f.for_each_use(inst, |v| {
                if !set.contains(&v.0) {
                    missing.insert(v.0);
                }
            });
            let cold = inst.op.shape().operands().iter().any(|(_, role)| *role == Role::ColdBlock);
            if cold {
                f.for_each_target(inst, |target| ways.push((target, set.clone())));
            }
            f.for_each_def(inst, |v| {
                set.insert(v.0);
            });
            if !cold {
                f.for_each_target(inst, |target| ways.push((target, set.clone())));
            }
            if inst.op.falls_through() {
                ways.push((Block(block.0 + 1), set.clone()));
            }
        }
    }
    missing
}

/// A function of random blocks, edges, reads and writes of a few registers.
fn random_function(random: &mut Random) -> Module {
    let mut module = Module::new();
    let func = module.declare("f", Signature::new([Type::I64; 2], [Type::I64]), Linkage::Local);
    let mut b = module.build(func);
    let count = 1 + random.below(9);
    let blocks: Vec<Block> = (0..count).map(|_| b.block()).collect();
    let cold = b.block();
    let regs: Vec<VReg> = [VReg(0), VReg(1)].into_iter().chain((0..70).map(|_| b.vreg(Type::I64))).collect();
    // Mostly few registers, so that reads meet writes; sometimes more than the search takes at a time.
    let used = if random.below(4) == 0 { regs.len() } else { 5 };
    let sets = [0, 1].map(|_| {
        let labels: Vec<_> = (0..=random.below(3)).map(|_| blocks[random.below(count)]).collect();
        b.label_set(&labels)
    });
    for (i, block) in blocks.iter().enumerate() {
        b.place(*block);
        for _ in 0..random.below(if used > 5 { 40 } else { 6 }) {
            let [x, y, z] = [0; 3].map(|_| regs[random.below(used)]);
            match random.below(8) {
                0..3 => {
                    b.to(x).add(y, z);
                }
                3..6 => {
                    b.to(x).iconst(Type::I64, 1);
                }
                6 => {
                    b.to(x).sadd_ovf(y, 1, cold);
                }
                _ => {
                    // A conditional branch in the middle goes on in a block of its own.
                    b.branch(Cond::Eq, x, 0, blocks[random.below(count)]);
                }
            }
        }
        let x = regs[random.below(used)];
        let target = blocks[random.below(count)];
        match random.below(5) {
            0 => b.jump(target),
            1 => b.ret(&[x]),
            2 => b.jump_to(x, sets[random.below(2)]),
            3 => b.switch(x, &[(1, target), (7, blocks[random.below(count)])], blocks[0]),
            _ if i + 1 < count => b.branch(Cond::Lt, x, 3, target),
            _ => b.unreachable(),
        }
    }
    b.place(cold);
    b.set_cold();
    b.ret(&[regs[random.below(used)]]);
    for name in ["one", "two"] {
        if random.below(4) == 0 {
            let params: BTreeSet<VReg> = (0..random.below(4)).map(|_| regs[random.below(used)]).collect();
            let params: Vec<VReg> = params.into_iter().collect();
            b.entry(name, &params, blocks[random.below(count)]);
        }
    }
    b.finish().expect("every block is placed");
    module
}

#[test]
fn agrees_with_the_definition() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut verifier = Verifier::default();
    let mut passed = 0;
    for round in 0..20_000 {
        let module = random_function(&mut random);
        let wanted = unassigned(module.funcs[0].body.as_ref().expect("the function has a body"));
        let mut found = BTreeSet::new();
        match verifier.check(module.clone()) {
            Ok(_) => passed += 1,
            Err((_, faults)) => {
                for fault in faults {
                    let Fault::Unassigned { reg, path } = &fault.fault else { panic!("{fault}") };
                    assert!(!path.0.is_empty());
                    found.insert(reg.id.0);
                }
            }
        }
        assert_eq!(found, wanted, "round {round}: {:?}", module.funcs[0].body);
    }
    assert!(passed > 500, "only {passed} functions were right");
}
