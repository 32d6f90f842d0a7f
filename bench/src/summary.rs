//! Everything that the figures need, in one run: a table for readers, one object for tools, plots for the documentation.

use crate::figures::{self, Figure};
use crate::run::{GCC_O2, KernelReport, RunReport};
use crate::shapes;
use crate::system::CRANELIFT_SPEED;
use crate::tiers::{BASELINE, OPTIMIZED};
use crate::{Machine, auto, compile, dialects, plots, process, run};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// What a summary is made of.
pub struct Summary {
    machine: Machine,
    run: RunReport,
    compile: compile::CompileReport,
    auto: auto::AutoReport,
    /// Compile time of unusual shapes, unless it had to be quick.
    shapes: Option<Vec<shapes::Point>>,
    /// Large programs in the dialects, unless it had to be quick.
    dialects: Option<dialects::DialectsReport>,
}

/// Measures.
///
/// # Errors
/// A compiler fails, or the compilers' programs do not compute the same.
pub fn measure(machine: Machine) -> Result<Summary> {
    let quick = machine.quick;
    let run = run::measure(quick, None)?;
    let compile = compile::measure(quick)?;
    let auto = auto::measure(quick, None)?;
    let shapes = if quick { None } else { Some(shapes::measure(false)?) };
    let dialects = if quick { None } else { Some(dialects::measure(false)?) };
    Ok(Summary { machine, run, compile, auto, shapes, dialects })
}

impl Summary {
    pub fn figures(&self) -> Vec<Figure> {
        let dialects = self.dialects.iter().flat_map(|report| &report.figures);
        let tiers = self.run.figures.iter().chain(&self.compile.figures).chain(&self.auto.figures);
        tiers.chain(dialects).cloned().collect()
    }

    /// One object: each figure's median under its key, then `kernels`, what they were measured on, and details.
    pub fn json(&self) -> Result<Value> {
        let mut object = Map::new();
        for figure in self.figures() {
            object.insert(figure.key.into(), json!(figure.value.median));
        }
        object.insert("auto_vs_better_tier_mean".into(), json!(self.auto.mean));
        let kernels = self.run.kernels.iter().map(|kernel| (kernel.kernel.to_string(), self.kernel(kernel)));
        object.insert("kernels".into(), Value::Object(kernels.collect()));
        object.insert("figures".into(), serde_json::to_value(self.figures())?);
        object.insert("means".into(), serde_json::to_value(&self.run.means)?);
        object.insert("compile".into(), serde_json::to_value(&self.compile.points)?);
        object.insert("memory".into(), serde_json::to_value(&self.compile.peaks)?);
        object.insert("shapes".into(), serde_json::to_value(&self.shapes)?);
        let points = self.dialects.as_ref().map(|report| &report.points);
        object.insert("dialects".into(), serde_json::to_value(points)?);
        object.insert("machine".into(), serde_json::to_value(&self.machine)?);
        object.insert("notes".into(), serde_json::to_value(&self.run.notes)?);
        Ok(Value::Object(object))
    }

    /// The ratios of one kernel.
    fn kernel(&self, kernel: &KernelReport) -> Value {
        let mut object = Map::new();
        for (tier, word) in [(OPTIMIZED, "optimized"), (BASELINE, "baseline")] {
            if let Some(timing) = kernel.by(tier) {
                object.insert(format!("{word}_run_vs_gcc_o2"), json!(timing.over_gcc_o2.median));
                object.insert(
                    format!("{word}_run_vs_cranelift_speed"),
                    json!(timing.over_cranelift_speed.median),
                );
                if let Some(speed) = kernel.by(CRANELIFT_SPEED) {
                    let ratio = timing.compile.median / speed.compile.median;
                    object.insert(format!("{word}_compile_vs_cranelift_speed"), json!(ratio));
                    object.insert(format!("{word}_code_vs_cranelift_speed"), json!(timing.code / speed.code));
                }
            }
        }
        if let Some(point) = self.auto.points.iter().find(|point| point.kernel == kernel.kernel) {
            object.insert("auto_vs_better_tier".into(), json!(point.over_better.median));
        }
        let by = |of: fn(&run::Timing) -> Value| -> Value {
            let pairs = kernel.timings.iter().map(|t| (t.compiler.to_string(), of(t)));
            Value::Object(pairs.collect())
        };
        object.insert("run_vs_gcc_o2".into(), by(|t| json!(t.over_gcc_o2.median)));
        object.insert("run_ms".into(), by(|t| json!(t.ms.median)));
        object.insert("compile_ns_per_op".into(), by(|t| json!(t.compile.median)));
        object.insert("code_bytes_per_op".into(), by(|t| json!(t.code)));
        object.insert("peak_bytes".into(), by(|t| json!(t.peak)));
        Value::Object(object)
    }

    /// The tables, in Markdown.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.machine);
        let mut section = |title: &str, body: String| {
            // Writing to a string does not fail.
            let _ = write!(text, "\n### {title}\n\n{body}\n");
        };
        section("Figures: medians [quartiles]", figures::table(&self.figures()).to_string());
        for (title, table) in run::sections(&self.run).into_iter().chain(compile::sections(&self.compile)) {
            section(title, table.to_string());
        }
        section(
            "Loading and running, by the clock: the least of each process's rounds",
            auto::table(&self.auto).to_string(),
        );
        if let Some(points) = &self.shapes {
            section("Compile time of unusual shapes", shapes::table(points).to_string());
        }
        if let Some(report) = &self.dialects {
            section(dialects::TITLE, dialects::table(report).to_string());
        }
        if !self.run.notes.is_empty() {
            section("Who did not take part", self.run.notes.join("\n"));
        }
        text
    }

    /// Writes the summary and its plots to `docs/benchmarks/`; gives the files.
    ///
    /// # Errors
    /// One of them cannot be written.
    pub fn write(&self) -> Result<Vec<PathBuf>> {
        let folder = process::repository()?.join("docs/benchmarks");
        let mut files = Vec::new();
        let mut file = |name: &str| {
            files.push(folder.join(name));
            folder.join(name)
        };
        plots::run(&self.run, &file("run.svg"))?;
        plots::frontier(&self.run, &file("frontier.svg"))?;
        plots::compile(&self.compile, &file("compile.svg"))?;
        if let Some(points) = &self.shapes {
            plots::shapes(points, &file("shapes.svg"))?;
        }
        let title = format!(
            "# Summary\n\nWritten by `summary --write`; ratios to {GCC_O2} unless said otherwise.\n\n"
        );
        for (name, text) in [
            ("summary.json", serde_json::to_string_pretty(&self.json()?)? + "\n"),
            ("summary.md", title + &self.text()),
        ] {
            let path = file(name);
            std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(files)
    }
}
