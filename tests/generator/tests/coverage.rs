//! What the generator promises by itself: everything the op table lists is made, the same seed gives the same
//! program, and any bytes give a program.

use kiln_generator::{Config, Coverage, Entropy, Records, generate};

#[test]
fn two_thousand_programs_have_every_op_type_and_operand_form() {
    let config = Config::default();
    let mut coverage = Coverage::default();
    for seed in 0..2000 {
        coverage.add(&generate(&mut Entropy::from_seed(seed), &config).module);
    }
    let missing: Vec<String> = coverage.missing(&config).iter().map(|p| p.to_string()).collect();
    println!("{}", coverage.report(&config));
    assert!(missing.is_empty(), "{} points are missing:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn a_seed_determines_its_program() {
    for seed in 0..20 {
        let config = Config::default();
        let [a, b] = [0, 1].map(|_| generate(&mut Entropy::from_seed(seed), &config));
        assert!(a == b, "seed {seed}");
    }
}

#[test]
fn any_bytes_give_a_program() {
    let config = Config::default();
    let mut bytes = vec![];
    for n in 0..300u32 {
        generate(&mut Entropy::from_bytes(&bytes), &config);
        bytes.push((n.wrapping_mul(2_654_435_761) >> 24) as u8);
    }
    for byte in 0..=255 {
        generate(&mut Entropy::from_bytes(&[byte; 500]), &config);
    }
}

#[test]
fn records_put_a_function_together_again() {
    let config = Config::default();
    for seed in 0..200 {
        let generated = generate(&mut Entropy::from_seed(seed), &config);
        let mut module = generated.module.clone();
        for n in 0..module.funcs().len() as u32 {
            let id = kiln_ir::FuncId(n);
            if let Some(body) = &module.func(id).body {
                let records = Records::of(body);
                assert!(records.build(&mut module, id), "seed {seed}, function {n}");
                let again = Records::of(module.func(id).body.as_ref().expect("just built"));
                let plain = |r: &Records| {
                    let mut r = r.clone();
                    r.blocks.iter_mut().flat_map(|(_, b)| b).for_each(|r| {
                        if r.inst.has_tail() {
                            r.inst.b = 0;
                        }
                    });
                    r
                };
                assert_eq!(plain(&records), plain(&again), "seed {seed}, function {n}");
            }
        }
    }
}
