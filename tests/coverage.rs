//! The programs that the differential test runs have every (op, type, operand form) that baseline supports, and give every
//! pass of the optimizing compiler something to do.

use kiln_codegen::optimize::compile::{Memory, optimize};
use kiln_codegen::optimize::{Form, Fused, Passes, Watch, fuse};
use kiln_codegen::{Options, Tier};
use kiln_generator::Coverage;
use kiln_ir::verify::check;
use kiln_ir::{FuncId, InstData, VReg};
use kiln_tests::differential::{baseline_config, baseline_program};

#[test]
fn differential_programs_cover_all_that_baseline_supports() {
    let config = baseline_config();
    let mut coverage = Coverage::default();
    for seed in 0..1500 {
        coverage.add(&baseline_program(seed).module);
    }
    let report = coverage.report(&config);
    println!("{report}");
    let missing: Vec<String> = coverage.missing(&config).iter().map(|p| p.to_string()).collect();
    assert!(missing.is_empty(), "{} points are missing:\n{}", missing.len(), missing.join("\n"));
}

/// Counts the functions that each pass changes.
#[derive(Default)]
struct Changes {
    before: Vec<InstData>,
    functions: u64,
    changed: [u64; Passes::LIST.len()],
}

impl Changes {
    fn count(&mut self, pass: Passes) {
        let number = Passes::LIST.iter().position(|(other, ..)| *other == pass);
        self.changed[number.expect("a pass of the list")] += 1;
    }
}

fn records<'f>(form: &Form<'f>) -> &'f [InstData] {
    match form {
        Form::Registers(f) => f.insts(),
        Form::Values(body) => body.f.insts(),
    }
}

impl Watch for Changes {
    fn before(&mut self, _: FuncId, _: Passes, form: Form<'_>) {
        self.before.clear();
        self.before.extend_from_slice(records(&form));
    }

    fn after(&mut self, _: FuncId, pass: Passes, form: Form<'_>) {
        let after = records(&form);
        // The form changes in any case; folding and numbering leave less of it.
        let changed = match pass {
            Passes::SSA => after.len() < self.before.len(),
            _ => after != self.before,
        };
        if changed {
            self.count(pass);
        }
    }
}

/// In how many of a hundred functions each pass must find something, in the order of the list.
const LEAST: [u64; Passes::LIST.len()] = [10, 1, 3, 30, 20, 3, 1, 1, 5, 20];

#[test]
fn every_pass_finds_work_in_differential_programs() {
    let options = Options { tier: Tier::Optimized, ..Options::default() };
    let (mut memory, mut changes, mut fused) = (Memory::default(), Changes::default(), Fused::default());
    for seed in 0..300 {
        let module = check(baseline_program(seed).module).expect("generated programs are valid");
        for func in (0..module.funcs().len() as u32).map(FuncId) {
            let Some(source) = &module.func(func).body else { continue };
            changes.functions += 1;
            optimize(&module, func, source, &options, &mut memory, &mut changes);
            fuse(&memory.body, options.architecture, options.features, &mut fused);
            let values = memory.body.f.vregs().len() as u32;
            if (0..values).any(|v| fused.folded(VReg(v)).is_some()) {
                changes.count(Passes::FUSE);
            }
        }
    }
    let mut missed = vec![];
    for ((changed, least), (_, name, _)) in changes.changed.iter().zip(LEAST).zip(Passes::LIST) {
        println!("{name}: {changed} of {} functions", changes.functions);
        if changed * 100 < least * changes.functions {
            missed.push(*name);
        }
    }
    assert!(missed.is_empty(), "these passes find too little to do: {missed:?}");
}
