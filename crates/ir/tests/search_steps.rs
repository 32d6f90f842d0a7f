//! How many steps the search for unassigned registers takes, the one part of checking that is not one walk over the
//! instructions. What checking costs in time stands in the benchmarks (`bench compile`).

use kiln_ir::diagnostic::Diagnostic;
use kiln_ir::types::AbiType;
use kiln_ir::verify::{Fault, Limits, Verifier};
use kiln_ir::{Cond, Linkage, Module, Signature, Type};

/// A function of at least `size` instructions that looks like what front ends emit: loops one after another, each with a
/// counter and a sum that are registers of several blocks, arithmetic, memory, a diamond, now and then a call.
fn typical(size: usize) -> Module {
    let mut module = Module::new();
    let params: [AbiType; 2] = [Type::I64.into(), Type::Ptr.into()];
    let sig = Signature::new(params, [AbiType::from(Type::I64)]);
    let callee = module.import("callee", sig.clone());
    let func = module.declare("f", sig, Linkage::Export);
    let mut b = module.build(func);
    let (n, p) = (b.param(0), b.param(1));
    let total = b.iconst(Type::I64, 0);
    let mut round = 0;
    while b.function().insts().len() < size {
        let (head, odd, join) = (b.block(), b.block(), b.block());
        let i = b.iconst(Type::I64, 0);
        let sum = b.copy(n);
        b.place(head);
        let x =
            b.load(Type::I64, kiln_ir::MemType::I64, kiln_ir::Mem { base: p, index: i, scale: 8, disp: 16 });
        let y = b.mul(x, 7);
        let z = b.xor(y, sum);
        let w = b.add(z, n);
        let picked = b.vreg(Type::I64);
        b.branch(Cond::Any, w, 1, odd);
        let t = b.lshr(w, 3);
        b.to(picked).add(t, x);
        b.jump(join);
        b.place(odd);
        let t = b.sub(w, x);
        b.to(picked).or(t, 5);
        b.place(join);
        b.to(sum).add(sum, picked);
        b.store(kiln_ir::MemType::I64, (p, 8), sum);
        b.to(i).add(i, 1);
        b.branch(Cond::Lt, i, n, head);
        b.to(total).add(total, sum);
        if round % 8 == 0 {
            let r = b.call1(callee, &[total, p]);
            b.to(total).add(total, r);
        }
        round += 1;
    }
    b.ret(&[total]);
    b.finish().unwrap();
    module
}

/// Registers that each live from a diamond at the top, which keeps them from being settled early, to the bottom of a long
/// function: the search has to carry all of them through all blocks.
fn long_lived(registers: usize, blocks: usize) -> Module {
    let mut module = Module::new();
    let sig = Signature::new([Type::I64], [Type::I64]);
    let func = module.declare("f", sig, Linkage::Export);
    let mut b = module.build(func);
    let n = b.param(0);
    let (other, join) = (b.block(), b.block());
    let regs: Vec<_> = (0..registers).map(|_| b.vreg(Type::I64)).collect();
    b.branch(Cond::Lt, n, 0, other);
    regs.iter().for_each(|r| {
        b.to(*r).iconst(Type::I64, 1);
    });
    b.jump(join);
    b.place(other);
    regs.iter().for_each(|r| {
        b.to(*r).iconst(Type::I64, 2);
    });
    b.place(join);
    for _ in 0..blocks / 2 {
        let head = b.block();
        b.place(head);
        b.to(n).add(n, 1);
        b.branch(Cond::Lt, n, 100, head);
    }
    let sum = b.iconst(Type::I64, 0);
    let last = b.block();
    b.place(last);
    regs.iter().for_each(|r| {
        b.to(sum).add(sum, *r);
    });
    b.ret(&[sum]);
    b.finish().unwrap();
    module
}

/// Checks that the search for unassigned registers settles a module in so many steps, and that it takes a quarter of them at
/// least, so that the bound says something.
fn takes_about(steps: u64, module: Module) {
    let verifier = |search_steps| Verifier::new(Limits { search_steps, ..Limits::default() });
    let insts: usize = module.funcs().iter().filter_map(|f| f.body.as_ref()).map(|f| f.insts().len()).sum();
    let checked = verifier(steps)
        .check(module)
        .unwrap_or_else(|(_, faults)| panic!("{insts} instructions, {steps} steps: {}", faults[0]));
    let Err((_, faults)) = verifier(steps / 4).check(checked.into_module()) else {
        panic!("{insts} instructions take less than {} steps", steps / 4);
    };
    assert!(matches!(faults[..], [Diagnostic { fault: Fault::TooMuch { .. }, .. }]), "{}", faults[0]);
}

#[test]
fn typical_functions_take_a_step_for_each_instruction_at_the_most() {
    for size in [100, 1_000, 10_000, 100_000] {
        takes_about(size as u64, typical(size));
    }
}

#[test]
fn registers_that_live_long_take_two_steps_for_each_block_and_64_of_them() {
    for (registers, blocks) in [(64, 100), (64, 10_000), (640, 1_000), (1_000, 10_000)] {
        // The sum is searched too.
        let batches = (registers + 1usize).div_ceil(64);
        takes_about((2 * batches * blocks) as u64, long_lived(registers, blocks));
    }
}
