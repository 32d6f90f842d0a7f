//! What looking costs where nothing is found: guards that do not leave, safepoints that nobody watches, calls that nobody
//! interrupts, fuel and depth that do not run out. Each is timed against the same program without it.

use crate::figures::{Figure, GUARD_PER_OP, IDLE_SAFEPOINT, Promise};
use crate::measure::{Samples, Spread, short, timed};
use anyhow::{Context, Result, bail, ensure};
use comfy_table::{Table, presets};
use kiln::{Config, Engine, Function, Tier};
use serde::Serialize;
use std::fmt::Write;

/// One program with something to look at, measured against the same without.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    pub looks: &'static str,
    pub program: &'static str,
    /// CPU time of a call in microseconds.
    pub without: Spread,
    pub with: Spread,
    pub ratio: Spread,
}

/// The part of a report about checks.
#[derive(Clone, Debug, Serialize)]
pub struct ChecksReport {
    pub checks: Vec<CheckReport>,
    pub figures: Vec<Figure>,
}

/// What a program does besides looking.
#[derive(Clone, Copy)]
enum Body {
    /// A loop over one chain of eight ops, each of which needs the result of the one before.
    Chain,
    /// A loop over four such chains that need nothing of each other.
    FourChains,
    /// A loop of one op, its count and its branch.
    Tight,
    /// Fibonacci by plain recursion.
    Calls,
}

/// What it looks at.
#[derive(Clone, Copy, PartialEq)]
enum Looks {
    /// Nothing, on either side: what the method gives for equal programs.
    Nowhere,
    /// A guard behind each op of the chains.
    Guards,
    /// A safepoint at the head of the loop.
    Safepoint,
    /// As [`Config::interruptible`] has it.
    Polls,
    /// As [`Config::fuel`] has it.
    Fuel,
    /// As [`Config::depth`] has it.
    Depth,
}

const CHECKS: [(Looks, Body, Option<Promise>); 14] = [
    (Looks::Nowhere, Body::Chain, None),
    (Looks::Nowhere, Body::Tight, None),
    (Looks::Nowhere, Body::Calls, None),
    (Looks::Guards, Body::Chain, Some(GUARD_PER_OP)),
    (Looks::Guards, Body::FourChains, None),
    (Looks::Safepoint, Body::Chain, Some(IDLE_SAFEPOINT)),
    (Looks::Safepoint, Body::Tight, None),
    (Looks::Polls, Body::Chain, None),
    (Looks::Polls, Body::Tight, None),
    (Looks::Polls, Body::Calls, None),
    (Looks::Fuel, Body::Chain, None),
    (Looks::Fuel, Body::Tight, None),
    (Looks::Fuel, Body::Calls, None),
    (Looks::Depth, Body::Calls, None),
];

impl Looks {
    fn name(self) -> &'static str {
        match self {
            Looks::Nowhere => "nothing",
            Looks::Guards => "a guard per op",
            Looks::Safepoint => "a safepoint per iteration",
            Looks::Polls => "interruptible",
            Looks::Fuel => "fuel",
            Looks::Depth => "depth",
        }
    }

    /// The configuration in which it looks. What limits there are is never reached.
    fn config(self) -> Config {
        let config = Config::new().tier(Tier::Baseline);
        match self {
            Looks::Nowhere | Looks::Guards | Looks::Safepoint => config,
            Looks::Polls => config.interruptible(true),
            Looks::Fuel => config.fuel(1 << 40),
            Looks::Depth => config.depth(1000),
        }
    }
}

impl Body {
    fn name(self) -> &'static str {
        match self {
            Body::Chain => "a chain of 8 ops",
            Body::FourChains => "4 chains of 8 ops",
            Body::Tight => "a tight loop",
            Body::Calls => "fib(20)",
        }
    }

    /// The argument that is timed: a few hundred microseconds of work at most, so that few calls meet an interrupt, and
    /// where a hundredth counts enough of it that entering by the facade is less than a thousandth.
    fn n(self) -> i64 {
        match self {
            Body::Chain => 100_000,
            Body::FourChains => 20_000,
            Body::Tight => 200_000,
            Body::Calls => 20,
        }
    }

    /// The argument for which the interpreter says what is right.
    fn small(self) -> i64 {
        match self {
            Body::Chain | Body::FourChains | Body::Tight => 1000,
            Body::Calls => 10,
        }
    }

    /// The program, with what is to be seen in its text.
    fn text(self, looks: Looks) -> String {
        let safepoint = if looks == Looks::Safepoint { "    safepoint 2 (%i, %a)\n" } else { "" };
        match self {
            Body::Chain | Body::FourChains => {
                let lanes = if matches!(self, Body::Chain) { &LANES[..1] } else { &LANES };
                chains(lanes, looks == Looks::Guards, safepoint)
            }
            Body::Tight => format!(
                "export fn kernel(%i: i64) -> i64 {{\n    %a = const 0\nnext:\n{safepoint}    %a = add %a, %i\n    \
                 %i = sub %i, 1\n    bgt %i, 0, next\n    ret %a\n}}\n"
            ),
            Body::Calls => FIB.into(),
        }
    }
}

/// A register of each chain.
const LANES: [&str; 4] = ["a", "b", "c", "d"];

/// The ops of a chain: each takes one cycle, so that nothing hides a check but the checked value's own way.
const OPS: [&str; 8] = [
    "add %x, %i",
    "xor %x, 0x1b873593",
    "rotl %x, 13",
    "sub %x, %i",
    "xor %x, 0x27d4eb2f",
    "add %x, 0x165667b1",
    "rotl %x, 29",
    "add %x, %i",
];

/// A loop over the ops of all chains side by side. A guard leaves if the chain's value is among the 64 least of all.
fn chains(lanes: &[&str], guards: bool, safepoint: &str) -> String {
    let mut text = String::from("export fn kernel(%i: i64) -> i64 {\n");
    for (n, lane) in lanes.iter().enumerate() {
        let _ = writeln!(text, "    %{lane} = const {}", n as u64 + 0x9e37_79b9_7f4a);
    }
    let _ = write!(text, "next:\n{safepoint}");
    for op in OPS {
        for lane in lanes {
            let op = op.replace("%x", &format!("%{lane}"));
            let _ = writeln!(text, "    %{lane} = {op}");
            if guards {
                let _ = writeln!(text, "    guard_ult %{lane}, 64, 1 (%i, %{lane})");
            }
        }
    }
    text.push_str("    %i = sub %i, 1\n    bgt %i, 0, next\n");
    for lane in &lanes[1..] {
        let _ = writeln!(text, "    %a = xor %a, %{lane}");
    }
    text.push_str("    ret %a\n}\n");
    text
}

const FIB: &str = "
export fn kernel(%n: i64) -> i64 {
    blt %n, 2, small
    %a  = sub %n, 1
    %x  = call kernel(%a)
    %b  = sub %n, 2
    %y  = call kernel(%b)
    %r  = add %x, %y
    ret %r
small:
    ret %n
}
";

type Kernel = Function<fn(i64) -> i64>;

/// How many places relative to a cache line a function can have: functions start at multiples of 16.
const PLACES: usize = 64 / 16;

/// A check and the two programs, ready to run, at each place.
struct Pair {
    check: &'static (Looks, Body, Option<Promise>),
    without: ([Kernel; PLACES], Samples),
    with: ([Kernel; PLACES], Samples),
}

/// Measures all checks.
///
/// # Errors
/// A program does not compile, or looking changes what it computes.
pub fn measure(quick: bool) -> Result<ChecksReport> {
    let mut pairs: Vec<Pair> = CHECKS.iter().map(pair).collect::<Result<_>>()?;
    // All pairs of places equally often, and each in both orders.
    let rounds = 2 * PLACES * PLACES * if quick { 2 } else { 32 };
    for round in 0..rounds {
        let places = [round / 2 % PLACES, round / 2 / PLACES % PLACES];
        for Pair { check: (_, body, _), without, with } in &mut pairs {
            let mut turns = [(without, places[0]), (with, places[1])];
            if round % 2 == 1 {
                turns.reverse();
            }
            for ((kernels, samples), place) in turns {
                let (ns, result) = timed(|| call(&kernels[place], body.n()));
                result?;
                samples.0.push(ns / 1e3);
            }
        }
    }
    let ratio = |pair: &Pair| pair.with.1.over(&pair.without.1).spread();
    let checks = pairs.iter().map(|pair| CheckReport {
        looks: pair.check.0.name(),
        program: pair.check.1.name(),
        without: pair.without.1.spread(),
        with: pair.with.1.spread(),
        ratio: ratio(pair),
    });
    let promised = pairs.iter().filter_map(|pair| Some(pair.check.2.as_ref()?.measured(ratio(pair))));
    Ok(ChecksReport { checks: checks.collect(), figures: promised.collect() })
}

/// Compiles a program with and without the check; all must compute what the interpreter computes.
fn pair(check: &'static (Looks, Body, Option<Promise>)) -> Result<Pair> {
    let (looks, body, _) = *check;
    let without = placed(Config::new, &body.text(Looks::Nowhere))?;
    let with = placed(|| looks.config(), &body.text(looks))?;
    let name = format!("{} in {}", looks.name(), body.name());
    let interpreted = load(looks.config().tier(Tier::Interpreter), &body.text(looks))?;
    let defined = call(&interpreted, body.small())?;
    let timed = call(&without[0], body.n())?;
    for kernel in without.iter().chain(&with) {
        let (small, large) = (call(kernel, body.small())?, call(kernel, body.n())?);
        ensure!(small == defined, "{name}: the interpreter gives {defined}, the compiler {small}");
        ensure!(large == timed, "{name}: {timed} becomes {large}");
    }
    Ok(Pair { check, without: (without, Samples::default()), with: (with, Samples::default()) })
}

/// The kernel of a program, at each place relative to a cache line: how fast a small loop is depends on that, and it
/// would be a matter of luck which of two programs has the better one.
fn placed(config: impl Fn() -> Config, text: &str) -> Result<[Kernel; PLACES]> {
    let mut found = [const { None }; PLACES];
    for padding in 0..64 {
        let before = "    %x = add %x, 0x12345678\n".repeat(padding);
        let kernel =
            load(config(), &format!("export fn before(%x: i64) -> i64 {{\n{before}    ret %x\n}}\n{text}"))?;
        let place = kernel.address() as usize % 64 / 16;
        found[place].get_or_insert(kernel);
        if found.iter().all(Option::is_some) {
            return Ok(found.map(|kernel| kernel.expect("it was looked at")));
        }
    }
    bail!("no padding moves the kernel to each place")
}

fn load(config: Config, text: &str) -> Result<Kernel> {
    let program = Engine::new(config).load_text(text).with_context(|| text.to_string())?;
    Ok(program.function("kernel")?)
}

/// Calls by the facade, which gives the call its fuel and its depth: some dozen nanoseconds of each measurement.
fn call(kernel: &Kernel, n: i64) -> Result<i64> {
    // SAFETY: none of the programs touches memory.
    Ok(unsafe { kernel.call(n) }?)
}

/// The measurements for a reader.
pub fn table(report: &ChecksReport) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header([
        "check",
        "program",
        "without, \u{b5}s",
        "with, \u{b5}s",
        "with / without",
    ]);
    for CheckReport { looks, program, without, with, ratio } in &report.checks {
        let [without, with] = [without, with].map(|time| short(time.median));
        let Spread { median, low, high, .. } = ratio;
        // A thousandth shows, more than `short` gives: differences of a hundredth are what is asked for.
        let ratio = format!("{median:.3} [{low:.3} .. {high:.3}]");
        table.add_row([looks.to_string(), program.to_string(), without, with, ratio]);
    }
    table
}
