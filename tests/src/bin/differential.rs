//! Long runs of the differential and mutation tests.
//!
//! `differential [--mutants | --worlds | --limits | --passes] [--seeds FROM..TO] [--seconds N] [--save DIR]`: programs of
//! these seeds, or mutants of programs, or the interpreter against itself in another world, or programs under limits, or
//! the interpreter before and after the optimizing compiler's passes, until the time is over. Each failing program is made
//! small, printed as text and, if asked, saved.

use kiln_tests::differential::{
    Subject, Summary, any_program, compare, compare_limited, compare_passes, compare_worlds, guarded_program,
    run,
};
use kiln_tests::mutants;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: differential [--mutants | --worlds | --limits | --passes] [--seeds FROM..TO] [--seconds N] [--failures N] [--save DIR]";

/// What is run.
enum Which {
    /// Programs on the interpreter and in compiled ways.
    Programs,
    /// Mutants of programs in the same ways.
    Mutants,
    /// Programs with every op on the interpreter, in a closed world and in the process.
    Worlds,
    /// Programs with little fuel and depth on all tiers.
    Limits,
    /// Programs with every op on the interpreter, before and after the passes of the optimizing compiler.
    Passes,
}

struct Options {
    subject: Which,
    seeds: std::ops::Range<u64>,
    time: Duration,
    failures: usize,
    save: Option<String>,
}

fn options() -> Option<Options> {
    let mut options = Options {
        subject: Which::Programs,
        seeds: 0..u64::MAX,
        time: Duration::from_secs(1 << 32),
        failures: 10,
        save: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--mutants" => options.subject = Which::Mutants,
            "--worlds" => options.subject = Which::Worlds,
            "--limits" => options.subject = Which::Limits,
            "--passes" => options.subject = Which::Passes,
            "--seeds" => {
                let seeds = args.next()?;
                let (from, to) = seeds.split_once("..")?;
                options.seeds = from.parse().ok()?..to.parse().ok()?;
            }
            "--seconds" => options.time = Duration::from_secs(args.next()?.parse().ok()?),
            "--failures" => options.failures = args.next()?.parse().ok()?,
            "--save" => options.save = Some(args.next()?),
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let subject = match options.subject {
        Which::Programs => Subject { make: &guarded_program, check: &compare },
        Which::Mutants => Subject { make: &mutants::mutant, check: &mutants::check },
        Which::Limits => Subject { make: &guarded_program, check: &compare_limited },
        Which::Passes => Subject { make: &any_program, check: &compare_passes },
        Which::Worlds => Subject { make: &any_program, check: &compare_worlds },
    };
    let start = Instant::now();
    let summary: Summary = run(&subject, options.seeds.clone(), options.time, options.failures);
    for failure in &summary.failures {
        let report = failure.report();
        println!("{report}");
        if let Some(dir) = &options.save {
            let path = format!("{dir}/seed-{}.kiln", failure.seed);
            if let Err(error) = std::fs::write(&path, report) {
                eprintln!("cannot write {path}: {error}");
            }
        }
    }
    let seeds = format!("seeds {}..{}", options.seeds.start, summary.next);
    println!("{summary}; {seeds}, {:.1} s", start.elapsed().as_secs_f64());
    if summary.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
