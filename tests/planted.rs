//! The differential test finds bugs: each planted one within a bounded number of programs.

use kiln_tests::differential::{Verdict, baseline_program, compare_checked};
use kiln_tests::isolate::isolated;
use kiln_tests::plant::PLANTS;
use std::sync::Arc;
use std::time::Duration;

/// Programs in which a bug must show.
const PROGRAMS: u64 = 3000;

/// Not a `#[test]`: what may crash runs in forks of this process, which must have one thread.
fn main() {
    let mut missed = vec![];
    for plant in PLANTS {
        let found = (0..PROGRAMS).find(|seed| {
            let program = baseline_program(*seed);
            let mut wrong = program.module.clone();
            if !plant.plant(&mut wrong) {
                return false;
            }
            let [Ok(right), Ok(wrong)] = [program.module, wrong].map(kiln::verify::check) else {
                return false;
            };
            let (right, wrong) = (Arc::new(right), Arc::new(wrong));
            // A planted bug may make a program endless or wild; that is found too.
            let (said, death) = isolated(Duration::from_secs(2), |to| {
                let different =
                    matches!(compare_checked(&right, &wrong, &program.calls), Verdict::Different(_));
                let _ = to.write_all(if different { b"y" } else { b"n" });
            });
            death.is_some() || said == b"y"
        });
        match found {
            Some(seed) => println!("{}: found by program {seed}", plant.name),
            None => missed.push(plant.name),
        }
    }
    println!("{} of {} planted bugs found", PLANTS.len() - missed.len(), PLANTS.len());
    assert!(missed.is_empty(), "not found in {PROGRAMS} programs: {missed:?}");
}
