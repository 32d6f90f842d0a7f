//! Programs survive the way through text and through bytecode.

use kiln_generator::{Config, Entropy, generate};
use kiln_ir::Module;

#[test]
fn text_of_a_program_reads_back_and_prints_the_same() {
    let config = Config::default();
    for seed in 0..600 {
        let program = generate(&mut Entropy::from_seed(seed), &config);
        let text = program.module.to_string();
        let again = match Module::parse(&text) {
            Ok(module) => module,
            Err(faults) => panic!("seed {seed}: {} at {:?}\n{text}", faults[0], faults[0].at),
        };
        assert!(again.to_string() == text, "seed {seed}: text changes on the second pass\n{text}");
    }
}

#[test]
fn bytecode_of_a_program_is_exact() {
    let config = Config::default();
    for seed in 0..2000 {
        let program = generate(&mut Entropy::from_seed(seed), &config);
        let again = Module::from_bytes(&program.module.to_bytes());
        assert!(again.as_ref().is_ok_and(|m| *m == program.module), "seed {seed}: {:?}", again.err());
    }
}
