//! Kiln's calling conventions against gcc's: over a thousand signatures at random, in every direction, on both tiers, bit by
//! bit; and mistakes planted in what Kiln is told, which must be found.
//!
//! `KILN_ABI_BATCHES` says how many batches of signatures to check, `KILN_ABI_SEED` the first one's seed.

use kiln_generator::Entropy;
use kiln_tests::abi::check::{Batch, Case, report, shrink};
use kiln_tests::abi::plant::PLANTS;
use kiln_tests::abi::signature::Signature;
use std::collections::VecDeque;
use std::process::ExitCode;

/// Signatures of a batch.
const SIGNATURES: usize = 50;
/// Batches if not said.
const BATCHES: u64 = 22;
/// Batches on which gcc works before the first of them is checked.
const AHEAD: usize = 2;
/// Failures after which the rest is not looked at.
const MOST_FAILURES: usize = 3;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn cases(seed: u64) -> Vec<Case> {
    let mut e = Entropy::from_seed(seed);
    (0..SIGNATURES).map(|_| Signature::generate(&mut e).into()).collect()
}

/// Checks batches; gives how many failed.
fn agree(first: u64, batches: u64) -> usize {
    let mut failures = 0;
    let mut under_way = VecDeque::new();
    let mut seeds = first..first + batches;
    loop {
        while under_way.len() <= AHEAD
            && let Some(seed) = seeds.next()
        {
            let cases = cases(seed);
            under_way.push_back((seed, cases.clone(), Batch::start(seed, cases)));
        }
        let Some((seed, cases, mut batch)) = under_way.pop_front() else { break };
        let Some(failure) = batch.check() else { continue };
        failures += 1;
        drop(batch);
        // If a program does not load it is not known for which signature.
        let alone = |n: &usize| Batch::start(seed, vec![cases[*n].clone()]).check().is_some();
        let n = if failure.called { failure.n } else { (0..cases.len()).find(alone).unwrap_or(0) };
        let (case, small) = shrink(seed, &cases[n], failure.clone());
        println!("signature {n} of batch {seed}: {}", failure.what);
        println!("made small:\n{}", report(seed, &case, &small));
        if failures == MOST_FAILURES {
            break;
        }
    }
    failures
}

/// Not a `#[test]`: what may crash runs in forks of this process, which must have one thread.
fn main() -> ExitCode {
    let first = number("KILN_ABI_SEED").unwrap_or(0);
    let batches = number("KILN_ABI_BATCHES").unwrap_or(BATCHES);
    let failures = agree(first, batches);
    println!("{} signatures, {failures} batches failed", batches * SIGNATURES as u64);
    let mut missed = Vec::new();
    for plant in PLANTS {
        match plant.found() {
            Some(n) => println!("{}: found by signature {n}", plant.name),
            None => missed.push(plant.name),
        }
    }
    println!("{} of {} planted mistakes found", PLANTS.len() - missed.len(), PLANTS.len());
    if !missed.is_empty() {
        println!("not found: {missed:?}");
    }
    if failures > 0 || !missed.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
