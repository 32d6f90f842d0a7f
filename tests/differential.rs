//! For a bounded time (`KILN_FUZZ_SECONDS`, 20 seconds if not said, a quarter of it for each other test), generated programs
//! run on the interpreter and in compiled ways, each program in some of them, and must let see the same; mutants of
//! programs must be refused by the verifier or run equal as well. One test after the other, in a process with one thread,
//! because what may crash runs in forks of it.

use std::process::Command;

fn seconds() -> u64 {
    std::env::var("KILN_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(20)
}

fn differential(args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_differential")).args(args).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "differential {args:?}:\n{text}\n{errors}");
}

#[test]
fn generated_programs_run_equal_on_all_tiers() {
    differential(&["--seconds", &seconds().to_string(), "--failures", "3"]);
}

#[test]
fn mutated_programs_are_refused_or_run_equal() {
    differential(&["--mutants", "--seconds", &seconds().div_ceil(4).to_string(), "--failures", "3"]);
}

#[test]
fn the_interpreter_runs_equal_in_a_closed_world_and_in_the_process() {
    differential(&["--worlds", "--seconds", &seconds().div_ceil(4).to_string(), "--failures", "3"]);
}

#[test]
fn tiers_count_fuel_and_depth_alike() {
    differential(&["--limits", "--seconds", &seconds().div_ceil(4).to_string(), "--failures", "3"]);
}

#[test]
fn generated_programs_run_equal_before_and_after_the_passes() {
    differential(&["--passes", "--seconds", &seconds().div_ceil(4).to_string(), "--failures", "3"]);
}
