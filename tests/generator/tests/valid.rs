//! Programs keep the verifier's rules, and mutants never make it panic.

use kiln_generator::{Config, Entropy, generate, mutate};
use kiln_ir::verify::check;

#[test]
fn programs_are_valid() {
    let config = Config::default();
    for seed in 0..3000 {
        let program = generate(&mut Entropy::from_seed(seed), &config);
        if let Err((_, faults)) = check(program.module) {
            panic!("seed {seed}: {} at {:?}", faults[0], faults[0].at);
        }
    }
}

#[test]
fn mutants_are_judged_without_a_panic() {
    let config = Config { functions: 2, blocks: 4, insts: 8, ..Config::default() };
    let (mut valid, mut refused) = (0, 0);
    for seed in 0..300 {
        let program = generate(&mut Entropy::from_seed(seed), &config);
        for n in 0..50 {
            let mut module = program.module.clone();
            let mut entropy = Entropy::from_seed(seed << 8 | n);
            if mutate(&mut entropy, &mut module) {
                match check(module) {
                    Ok(_) => valid += 1,
                    Err((_, faults)) => {
                        assert!(!faults.is_empty(), "seed {seed}, mutant {n}: refused without a reason");
                        refused += 1;
                    }
                }
            }
        }
    }
    println!("{valid} mutants are valid, {refused} refused");
    assert!(valid > 1000 && refused > 1000, "mutation changes too little or too much");
}
