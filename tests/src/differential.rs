//! Running many programs and comparing, with nothing lost when one of them crashes: programs run in batches, each
//! batch in a process of its own; the program at which a process died is known, made small in further processes, and
//! reported as text.

use crate::destruct::optimized;
use crate::isolate::{Death, isolated};
use crate::observe::{Nans, Observation, STEPS, interpret};
use crate::positions::positioned;
use crate::tiers::{self, Looks, WAYS, Way, engine_with, ways_of};
use kiln::{Checked, Engine, verify};
use kiln_codegen::Passes;
use kiln_generator::{Config, Entropy, Generated, generate, shrink};
use kiln_ir::{Linkage, Module};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Says of a difference that a program was not even loaded.
pub(crate) const NOT_LOADED: &str = "does not load it";

/// What came of one program.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// Every tier let see the same.
    Same,
    /// It was not run to an end, for this reason.
    Skipped(&'static str),
    /// Two tiers differ, in this.
    Different(String),
}

/// Where programs come from and what is asked of them.
pub struct Subject<'s> {
    /// Makes the program of a seed.
    pub make: &'s dyn Fn(u64) -> Generated,
    /// Runs it, in ways that the seed chooses.
    pub check: &'s dyn Fn(u64, &Generated) -> Verdict,
}

/// A program that failed.
#[derive(Clone, PartialEq, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
    /// The program, made small.
    pub program: Generated,
}

/// What a run of many programs gave.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    /// Programs on which the tiers agree.
    pub same: u64,
    /// Programs skipped, by reason.
    pub skipped: Vec<(String, u64)>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// The first seed that was not run.
    pub next: u64,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} programs ran equal on all tiers", self.same)?;
        for (reason, count) in &self.skipped {
            write!(f, ", {count} {reason}")?;
        }
        write!(f, ", {} failed", self.failures.len())
    }
}

/// What the baseline compiler does, as the generator asks it.
pub fn baseline_config() -> Config {
    Config::default()
}

/// The generator's program of a seed, made of what the baseline compiler does. Every eighth is a large one.
pub fn baseline_program(seed: u64) -> Generated {
    generate(&mut Entropy::from_seed(seed), &sized(seed, baseline_config()))
}

fn sized(seed: u64, config: Config) -> Config {
    match seed % 8 {
        7 => Config { functions: 6, blocks: 24, insts: 40, ..config },
        _ => config,
    }
}

/// The same, but every fourth has an arena between pages that nobody may access, and NaNs may be seen in those that run
/// where there is one only.
pub fn guarded_program(seed: u64) -> Generated {
    let config = sized(seed, baseline_config());
    let arena = if seed % 4 == 2 { Linkage::Import } else { config.arena };
    let config = Config { arena, one_nan: nans_of(seed) == Nans::One, ..config };
    generate(&mut Entropy::from_seed(seed), &config)
}

/// The generator's program of a seed, made of everything.
pub fn any_program(seed: u64) -> Generated {
    let config = Config { one_nan: nans_of(seed) == Nans::One, ..Config::default() };
    generate(&mut Entropy::from_seed(seed), &config)
}

/// Of the programs of 15 seeds, 5 run where arithmetic gives one NaN only: over the seeds in every way.
fn nans_of(seed: u64) -> Nans {
    if seed / 5 % 3 == 1 { Nans::One } else { Nans::Any }
}

/// Every second program runs with somebody watching its safepoints.
fn looks_of(seed: u64) -> Looks {
    Looks { watched: seed.is_multiple_of(2), nans: nans_of(seed) }
}

/// An engine for runs that are looked at so.
fn engine_for(way: Way, looks: Looks, more: impl FnOnce(kiln::Config) -> kiln::Config) -> Engine {
    engine_with(way, |config| more(config.canonical_nan(looks.nans == Nans::One)))
}

/// Runs a generated program on the interpreter, in the process, and in some compiled ways.
pub fn compare(seed: u64, program: &Generated) -> Verdict {
    let checked = match verify::check(positioned(&program.module)) {
        Ok(checked) => Arc::new(checked),
        Err((_, faults)) => return Verdict::Different(format!("the verifier refuses it: {}", faults[0])),
    };
    let looks = looks_of(seed);
    let interpreter = engine_for(WAYS[0], looks, |config| config.step_limit(STEPS));
    match tiers::run(&interpreter, checked.clone(), &program.calls, looks) {
        Ok(expected) => compare_with(&expected, &checked, &program.calls, &ways_of(seed), looks),
        Err(error) => Verdict::Different(format!("{} {NOT_LOADED}: {error}", WAYS[0])),
    }
}

/// Units of fuel, and activations at a time, under which programs are compared.
const LIMITS: [(u64, u32); 4] = [(2, 100), (9, 3), (60, 2), (1001, 5)];

/// Runs a program under limits on fuel and depth on the interpreter, in the process, and in some compiled ways, and
/// compares: they count alike.
pub fn compare_limited(seed: u64, program: &Generated) -> Verdict {
    let checked = match verify::check(positioned(&program.module)) {
        Ok(checked) => Arc::new(checked),
        Err((_, faults)) => return Verdict::Different(format!("the verifier refuses it: {}", faults[0])),
    };
    let looks = looks_of(seed);
    for (fuel, depth) in LIMITS {
        let mut expected: Option<Observation> = None;
        for way in std::iter::once(WAYS[0]).chain(ways_of(seed)) {
            let engine =
                engine_for(way, looks, |config| config.fuel(fuel).depth(depth).interruptible(fuel % 2 == 0));
            let run = match tiers::run(&engine, checked.clone(), &program.calls, looks) {
                Ok(run) => run,
                Err(error) => return Verdict::Different(format!("{way} {NOT_LOADED}: {error}")),
            };
            let Some(expected) = &expected else {
                if run.cannot_be_compared_under_limits() {
                    return Verdict::Skipped("ended by a limit");
                }
                expected = Some(run);
                continue;
            };
            if let Some(difference) = expected.difference(&run) {
                let what = format!("with {fuel} units of fuel and depth {depth}, {way}: {difference}");
                return Verdict::Different(what);
            }
        }
    }
    Verdict::Same
}

/// Runs one module on the interpreter in its closed world, the other on every way to compile it, and compares.
pub fn compare_checked(
    on_interpreter: &Arc<Checked>,
    on_baseline: &Arc<Checked>,
    calls: &[Vec<u64>],
) -> Verdict {
    let expected = interpret(on_interpreter, calls, Nans::Any);
    compare_with(&expected, on_baseline, calls, &WAYS[1..], Looks::default())
}

/// Runs a program on the interpreter in its closed world and, through the facade, in the process, and compares.
pub fn compare_worlds(seed: u64, program: &Generated) -> Verdict {
    match verify::check(program.module.clone()) {
        Ok(checked) => {
            let looks = Looks { nans: nans_of(seed), ..Looks::default() };
            let expected = interpret(&checked, &program.calls, looks.nans);
            compare_with(&expected, &Arc::new(checked), &program.calls, &WAYS[..1], looks)
        }
        Err((_, faults)) => Verdict::Different(format!("the verifier refuses it: {}", faults[0])),
    }
}

/// Runs a program on the interpreter as it is and as the optimizing compiler's passes make it, with all of them, with
/// each left out and with each alone, and compares.
pub fn compare_passes(seed: u64, program: &Generated) -> Verdict {
    let checked = match verify::check(program.module.clone()) {
        Ok(checked) => checked,
        Err((_, faults)) => return Verdict::Different(format!("the verifier refuses it: {}", faults[0])),
    };
    let nans = nans_of(seed);
    let expected = interpret(&checked, &program.calls, nans);
    if expected.cannot_be_compared() {
        return Verdict::Skipped("ended by a limit");
    }
    let without = Passes::LIST.iter().map(|(pass, name, _)| (Passes::ALL.without(*pass), "all but", *name));
    let alone = Passes::LIST.iter().map(|(pass, name, _)| (*pass, "only", *name));
    for (passes, which, name) in [(Passes::ALL, "all but", "none")].into_iter().chain(without).chain(alone) {
        let found = interpret(&optimized(&checked, passes, nans), &program.calls, nans);
        // Copies are steps too.
        if found.cannot_be_compared() {
            return Verdict::Skipped("ended by a limit after the passes");
        }
        if let Some(difference) = expected.difference(&found) {
            return Verdict::Different(format!("after {which} {name} of the passes: {difference}"));
        }
    }
    Verdict::Same
}

fn compare_with(
    expected: &Observation,
    module: &Arc<Checked>,
    calls: &[Vec<u64>],
    ways: &[Way],
    looks: Looks,
) -> Verdict {
    if expected.cannot_be_compared() {
        return Verdict::Skipped("ended by a limit");
    }
    for way in ways {
        let found = match tiers::run(&engine_for(*way, looks, |config| config), module.clone(), calls, looks)
        {
            Ok(found) => found,
            Err(error) => return Verdict::Different(format!("{way} {NOT_LOADED}: {error}")),
        };
        if let Some(difference) = expected.difference(&found) {
            return Verdict::Different(format!("the interpreter and {way}: {difference}"));
        }
    }
    Verdict::Same
}

/// Programs per process.
const BATCH: u64 = 256;
/// Time for a batch, for one program alone, and for making one small.
const BATCH_TIME: Duration = Duration::from_secs(60);
const ONE_TIME: Duration = Duration::from_millis(300);
const SHRINK_TIME: Duration = Duration::from_secs(20);
/// Programs tried to make a failing one small.
const TRIES: usize = 3000;

/// Runs the programs of the seeds until the time is over, stopping at so many failures.
pub fn run(subject: &Subject, seeds: std::ops::Range<u64>, time: Duration, failures: usize) -> Summary {
    let start = Instant::now();
    let mut summary = Summary { next: seeds.start, ..Summary::default() };
    while summary.next < seeds.end && start.elapsed() < time && summary.failures.len() < failures {
        let batch = summary.next..(summary.next + BATCH).min(seeds.end);
        batch_of(subject, batch, start + time, &mut summary);
    }
    summary
}

fn batch_of(subject: &Subject, seeds: std::ops::Range<u64>, end: Instant, summary: &mut Summary) {
    let first = summary.next;
    let death = check_all(subject, seeds, Some(end), BATCH_TIME, summary);
    let seed = summary.next;
    let death = match death {
        // A busy machine may be the reason; a program of which the end is far away is not done alone either.
        Some(Death::TimeOut) if seed > first => check_all(subject, seed..seed + 1, None, BATCH_TIME, summary),
        other => other,
    };
    if let Some(death) = death {
        summary.next += 1;
        summary.failures.push(small(subject, seed, Fault::Death(death)));
    }
}

/// Checks programs in one process. How it died, if it did, at the program of the next seed.
fn check_all(
    subject: &Subject,
    seeds: std::ops::Range<u64>,
    end: Option<Instant>,
    time: Duration,
    summary: &mut Summary,
) -> Option<Death> {
    let (bytes, death) = isolated(time, |to| {
        for seed in seeds {
            if end.is_some_and(|end| Instant::now() > end) {
                break;
            }
            let line = match (subject.check)(seed, &(subject.make)(seed)) {
                Verdict::Same => "same".into(),
                Verdict::Skipped(reason) => format!("skip {reason}"),
                Verdict::Different(what) => format!("fail {}", what.replace('\n', " ")),
            };
            // If nobody reads any more, nobody needs it.
            let _ = writeln!(to, "{line}");
        }
    });
    let text = String::from_utf8_lossy(&bytes);
    for line in text.lines() {
        let seed = summary.next;
        summary.next += 1;
        if let Some(what) = line.strip_prefix("fail ") {
            summary.failures.push(small(subject, seed, Fault::Difference(what.into())));
        } else if let Some(reason) = line.strip_prefix("skip ") {
            match summary.skipped.iter_mut().find(|(r, _)| r == reason) {
                Some((_, count)) => *count += 1,
                None => summary.skipped.push((reason.into(), 1)),
            }
        } else {
            summary.same += 1;
        }
    }
    death
}

/// How a program failed.
#[derive(Clone, Debug)]
enum Fault {
    /// A way to compile it gave something else, or did not load it; in words.
    Difference(String),
    /// The process did not come to an end.
    Death(Death),
}

impl Fault {
    /// Whether two programs failed in the same way. What a difference shows in may change while a program becomes smaller.
    fn is_like(&self, other: &Fault) -> bool {
        match (self, other) {
            (Fault::Difference(one), Fault::Difference(other)) => {
                one.contains(NOT_LOADED) == other.contains(NOT_LOADED)
            }
            (Fault::Death(one), Fault::Death(other)) => one.is_like(other),
            _ => false,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Difference(what) => f.write_str(what),
            Fault::Death(death) => death.fmt(f),
        }
    }
}

/// Makes a failing program small, as long as it fails in the same way.
fn small(subject: &Subject, seed: u64, fault: Fault) -> Failure {
    let program = (subject.make)(seed);
    let kind = |(bytes, death): (Vec<u8>, Option<Death>)| match death {
        Some(death) => Some(Fault::Death(death)),
        None => {
            let text = String::from_utf8_lossy(&bytes);
            text.strip_prefix("fail ").map(|what| Fault::Difference(what.into()))
        }
    };
    let attempt = |candidate: &Generated| {
        kind(isolated(ONE_TIME, |to| {
            // What shrinking breaks is not what failed.
            if verify::check(candidate.module.clone()).is_err() {
                return;
            }
            if let Verdict::Different(what) = (subject.check)(seed, candidate) {
                let _ = write!(to, "fail {what}");
            }
        }))
    };
    let mut best = program.clone();
    let mut last = fault.clone();
    for calls in (1..=program.calls.len()).map(|n| &program.calls[..n]).chain(program.calls.chunks(1)) {
        let fewer = Generated { calls: calls.to_vec(), ..program.clone() };
        if let Some(now) = attempt(&fewer).filter(|now| now.is_like(&fault)) {
            (best, last) = (fewer, now);
            if calls.len() == 1 {
                break;
            }
        }
    }
    let calls = best.calls.clone();
    let end = Instant::now() + SHRINK_TIME;
    let module = shrink(&best.module, TRIES, &mut |module: &Module| {
        if Instant::now() > end {
            return false;
        }
        let candidate = Generated { module: module.clone(), calls: calls.clone() };
        match attempt(&candidate) {
            // What becomes wild or endless by shrinking is not what differed.
            Some(now) if now.is_like(&fault) => {
                last = now;
                true
            }
            _ => false,
        }
    });
    Failure { seed, what: last.to_string(), program: Generated { module, calls } }
}

impl Failure {
    /// The failing program as a golden file, save that what it ought to give is for a person to say.
    pub fn report(&self) -> String {
        let mut text = format!("; seed {}: {}\n", self.seed, self.what);
        let sig = self.program.module.find_func(kiln_generator::ENTRY);
        let params = sig.map(|id| self.program.module.signature_of(id).params.clone()).unwrap_or_default();
        for call in &self.program.calls {
            let args: Vec<String> = call
                .iter()
                .zip(&params)
                .map(|(word, ty)| match crate::golden::show(*ty, *word) {
                    nan if nan == "nan" => format!("bits({word:#x})"),
                    value => value,
                })
                .collect();
            text += &format!("; run: @{}({})\n", kiln_generator::ENTRY, args.join(", "));
        }
        text + &self.program.module.to_string()
    }
}
