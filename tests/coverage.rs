//! The programs that the differential test runs have every (op, type, operand form) that baseline supports.

use kiln_generator::Coverage;
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
