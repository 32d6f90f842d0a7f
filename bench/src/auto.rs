//! The tier that chooses, against the better of those that are fixed: loading a kernel and running it once, as a program
//! does that is started for one piece of work. What counts is the time until the result is there, which has waiting in it and
//! leaves out what other threads compile meanwhile; so it is the clock on the wall that is read, unlike everywhere else. What
//! else runs on the machine makes such times longer and never shorter, but the machine itself has slow phases and each process
//! its own layout: so of every few rounds in a process the least times are compared, and the median of these ratios over the
//! processes counts. Beside it stands the processor time of the process, in which the other thread's work is.

use crate::apart::{self, Task};
use crate::figures::{AUTO_VS_BETTER_TIER, Figure};
use crate::kernels;
use crate::measure::{Samples, Spread, cpu_ns, geometric_mean, short};
use crate::progress;
use crate::system::{self, Program};
use crate::tiers::{self, AUTO};
use anyhow::{Result, ensure};
use comfy_table::{Table, presets};
use kiln::{Config, Engine, Tier};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Instant;

/// Rounds of a process, of which the least times are compared.
const GROUP: usize = 7;

/// One kernel at one size.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub kernel: &'static str,
    pub n: i64,
    /// Milliseconds from the start of loading to the result: the fixed tiers in their order, then the one that chooses.
    pub ms: Vec<Spread>,
    /// The tier that chooses over the better fixed one.
    pub over_better: Spread,
    /// The same of the process's processor time, medians.
    pub over_better_cpu: f64,
}

/// The part of a report about the tier that chooses.
#[derive(Clone, Debug, Serialize)]
pub struct AutoReport {
    pub points: Vec<Point>,
    /// The geometric mean over all points.
    pub mean: f64,
    pub figures: Vec<Figure>,
}

/// Measures the kernels whose names contain `only`, each at its millisecond size, and unless it is to be quick at its full size.
///
/// # Errors
/// The tiers do not compute the same.
pub fn measure(quick: bool, only: Option<&str>) -> Result<AutoReport> {
    let chosen = kernels::named(only)?;
    let processes = if quick { 7 } else { 11 };
    let mut all = Vec::new();
    for source in &chosen {
        let full = (!quick || source.short.is_none()).then_some(source.n);
        all.extend(source.short.into_iter().chain(full).map(|n| Measured::new(source.name, n)));
    }
    // Slow phases of the machine last for seconds: so one group of every kernel, then the next.
    let bar = progress::bar("auto", processes);
    for process in 0..processes {
        for measured in &mut all {
            measured.group(process)?;
        }
        bar.step("");
    }
    let points: Vec<Point> = all.iter().map(Measured::point).collect();
    let mean = geometric_mean(points.iter().map(|p| p.over_better.median));
    let worst = points.iter().map(|p| p.over_better).max_by(|a, b| a.median.total_cmp(&b.median));
    let worst = worst.filter(|_| chosen.len() == kernels::ALL.len());
    let figures = worst.map(|worst| AUTO_VS_BETTER_TIER.measured(worst)).into_iter().collect();
    Ok(AutoReport { points, mean, figures })
}

/// One kernel at one size while it is measured.
struct Measured {
    kernel: &'static str,
    n: i64,
    /// For each tier the least time of each group.
    least: Vec<Samples>,
    /// For each tier the processor time of each round.
    cpu: Vec<Samples>,
}

impl Measured {
    fn new(kernel: &'static str, n: i64) -> Measured {
        let none = vec![Samples::default(); tiers().count()];
        Measured { kernel, n, least: none.clone(), cpu: none }
    }

    /// Measures one group.
    fn group(&mut self, process: usize) -> Result<()> {
        let group = apart::measure(&Group { kernel: self.kernel.into(), n: self.n, process })?;
        for (tier, costs) in group.iter().enumerate() {
            self.least[tier].0.push(costs.ms.spread().min);
            self.cpu[tier].0.extend(&costs.cpu_ms.0);
        }
        Ok(())
    }

    fn point(&self) -> Point {
        let Measured { kernel, n, least, cpu } = self;
        let chosen = least.len() - 1;
        let median = |samples: &Samples| samples.spread().median;
        let better = (0..chosen).min_by(|a, b| median(&least[*a]).total_cmp(&median(&least[*b])));
        let better = better.expect("there are fixed tiers");
        Point {
            kernel,
            n: *n,
            over_better: least[chosen].over(&least[better]).spread(),
            over_better_cpu: median(&cpu[chosen]) / median(&cpu[better]),
            ms: least.iter().map(Samples::spread).collect(),
        }
    }
}

/// Those that are measured: the fixed tiers in their order, then the one that chooses.
fn tiers() -> impl Iterator<Item = Tier> {
    tiers::ALL.iter().map(|tier| tier.loaded).chain([AUTO])
}

/// The rounds that one process measures, with one kernel at one size.
#[derive(Serialize, Deserialize)]
pub struct Group {
    kernel: String,
    n: i64,
    /// How many have been before this one; with each another tier begins.
    process: usize,
}

/// What a tier took in each round of a group.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Costs {
    ms: Samples,
    /// Processor time.
    cpu_ms: Samples,
}

impl Task for Group {
    const WORD: &'static str = "auto-group";
    type Found = Vec<Costs>;

    fn measure(&self) -> Result<Vec<Costs>> {
        let Group { kernel, n, process } = self;
        let source = kernels::by_name(kernel)?;
        let checked = Arc::new(Program::new(source)?.checked);
        let engines: Vec<Engine> = tiers().map(|tier| Engine::new(Config::new().tier(tier))).collect();
        let mut costs = vec![Costs::default(); engines.len()];
        let mut memory = vec![0; source.memory];
        let mut expected = None;
        // What is loaded stays: a program that is started for one piece of work has memory in which no code was before.
        let mut loaded = Vec::new();
        // The first round warms everything, and does not count.
        for round in 0..=GROUP {
            for turn in 0..engines.len() {
                let at = (turn + round + process) % engines.len();
                let before = process_ms();
                let start = Instant::now();
                let function = system::kernel(&engines[at], &checked)?;
                // SAFETY: the kernel stays inside the memory that its row of the table gives it.
                let result = unsafe { function.call(*n, memory.as_mut_ptr()) }?;
                let ms = start.elapsed().as_secs_f64() * 1e3;
                ensure!(*expected.get_or_insert(result) == result, "{kernel}({n}) differs between tiers");
                if round > 0 {
                    costs[at].ms.0.push(ms);
                    costs[at].cpu_ms.0.push(process_ms() - before);
                }
                loaded.push(function);
            }
        }
        Ok(costs)
    }
}

/// Processor time of all threads of the process in milliseconds.
fn process_ms() -> f64 {
    cpu_ns(libc::CLOCK_PROCESS_CPUTIME_ID) / 1e6
}

/// The measurements for a reader.
pub fn table(report: &AutoReport) -> Table {
    let mut table = Table::new();
    let fixed = tiers::ALL.iter().map(|tier| format!("{}, ms", tier.name));
    let header = std::iter::once("kernel".to_string()).chain(fixed);
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(header.chain(["auto, ms", "auto / the better", "processor time"].map(String::from)));
    for p in &report.points {
        let ms = p.ms.iter().map(|ms| short(ms.median));
        let name = format!("{}({})", p.kernel, p.n);
        let ratios = [p.over_better.to_string(), short(p.over_better_cpu)];
        table.add_row(std::iter::once(name).chain(ms).chain(ratios));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_of_a_group_that_counts_has_a_time_of_each_tier() {
        let costs = Group { kernel: "collatz".into(), n: 100, process: 1 }.measure().unwrap();
        assert_eq!(costs.len(), tiers().count());
        assert!(costs.iter().all(|c| c.ms.0.len() == GROUP && c.cpu_ms.0.len() == GROUP));
    }
}
