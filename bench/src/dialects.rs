//! Large programs in the dialects, from text to code: what the front ends, the verifier and the baseline compiler take, how that grows,
//! and what Cranelift takes for the same IR.

use crate::figures::{
    Figure, LIGHTNING_COMPILE_VS_CRANELIFT, LIGHTNING_GROWTH, Promise, RASM_COMPILE_VS_CRANELIFT, RASM_GROWTH,
};
use crate::large::{self, Large};
use crate::measure::{Samples, Spread, short, timed};
use crate::memory;
use crate::progress;
use crate::tiers::{self, BASELINE};
use anyhow::{Result, anyhow, bail, ensure};
use comfy_table::{Table, presets};
use kiln::{Config, Engine};
use kiln_bench_peers::cranelift::{self, Settings, Translation};
use kiln_codegen::{Code, Options, Scratch};
use kiln_dialects::{lightning, rasm};
use kiln_ir::Module;
use kiln_ir::text::{NoIncludes, Sources};
use kiln_ir::verify::{self, Checked};
use serde::Serialize;
use std::sync::Arc;

/// The size of the figures, in instructions of the dialect.
const LARGE: usize = 400_000;
/// The size that growth is counted from.
const SMALL: usize = 100_000;

/// A language, and what is promised of it.
struct Dialect {
    name: &'static str,
    write: fn(usize) -> Large,
    read: fn(&str) -> Result<Module>,
    /// The function that a program begins with, and what it gives.
    entry: &'static str,
    gives: fn(&Large) -> u64,
    compile: Promise,
    growth: Promise,
}

const DIALECTS: [Dialect; 2] = [
    Dialect {
        name: "lightning",
        write: large::lightning,
        read: read_lightning,
        entry: "main",
        gives: |_| 0,
        compile: LIGHTNING_COMPILE_VS_CRANELIFT,
        growth: LIGHTNING_GROWTH,
    },
    Dialect {
        name: "rasm",
        write: large::rasm,
        read: read_rasm,
        entry: "start",
        gives: |large| large.labels as u64,
        compile: RASM_COMPILE_VS_CRANELIFT,
        growth: RASM_GROWTH,
    },
];

/// One program, in nanoseconds per instruction of its dialect.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub dialect: &'static str,
    pub instructions: usize,
    pub labels: usize,
    /// The bytes of its text.
    pub text: usize,
    /// The instructions of its IR.
    pub ops: usize,
    /// From text to a module: lexing, parsing, translating.
    pub read: Spread,
    pub verify: Spread,
    /// Kiln's baseline compiler.
    pub compile: Spread,
    /// Cranelift without optimization, building its IR included.
    pub cranelift: Option<Spread>,
    /// Reading, verifying and compiling by Kiln over Cranelift's time.
    pub load_over_cranelift: Option<Spread>,
    /// The most memory that reading takes, per instruction.
    pub read_bytes: f64,
    /// The most memory that compiling takes, per instruction.
    pub compile_bytes: f64,
}

/// The part of a report about the dialects.
#[derive(Clone, Debug, Serialize)]
pub struct DialectsReport {
    pub points: Vec<Point>,
    pub figures: Vec<Figure>,
}

/// A program with what was measured of it.
struct Row {
    dialect: &'static Dialect,
    large: Large,
    ops: usize,
    read: Samples,
    verify: Samples,
    compile: Samples,
    /// Everything from text to code.
    load: Samples,
    cranelift: Samples,
    read_bytes: usize,
    compile_bytes: usize,
}

/// Measures both dialects at growing sizes.
///
/// # Errors
/// A program is not read or compiled as it should be.
pub fn measure(quick: bool) -> Result<DialectsReport> {
    let sizes: &[usize] = if quick { &[SMALL, LARGE] } else { &[SMALL, 200_000, LARGE] };
    let (rounds, cranelift_rounds) = if quick { (3, 1) } else { (15, 5) };
    let mut rows = Vec::new();
    for dialect in &DIALECTS {
        for size in sizes {
            rows.push(Row::new(dialect, *size)?);
        }
    }
    let bar = progress::bar("dialects", rounds);
    let options = baseline();
    let mut scratch = (Scratch::default(), Code::default());
    for round in 0..=rounds {
        for row in &mut rows {
            // The first round warms the memory and does not count; Cranelift's takes too long for one in vain, and its size
            // in a quick run is the one of the figures.
            let cranelift =
                round > 0 && round <= cranelift_rounds && (!quick || row.large.instructions >= LARGE);
            row.round(&options, &mut scratch, round > 0, cranelift)?;
        }
        bar.step("");
    }
    Ok(DialectsReport { figures: figures(&rows), points: rows.iter().map(Row::point).collect() })
}

fn read_lightning(text: &str) -> Result<Module> {
    match lightning::read("cases.tst", text) {
        Ok(reading) => Ok(reading.module),
        Err(faults) => bail!("a large lightning program has a fault: {}", faults[0]),
    }
}

fn read_rasm(text: &str) -> Result<Module> {
    let fault = |faults: Vec<kiln_ir::diagnostic::Diagnostic<rasm::Fault>>| {
        anyhow!("a large rasm program has a fault: {}", faults[0])
    };
    let mut sources = Sources::default();
    let program = rasm::parse(&mut sources, "cases.ras", text, &NoIncludes).map_err(fault)?;
    rasm::translate(&program, &sources).map_err(fault)
}

fn check(module: Module) -> Result<Checked> {
    verify::check(module)
        .map_err(|(_, faults)| anyhow!("a translation does not verify: {:?}", faults[0].fault))
}

fn baseline() -> Options {
    let baseline = tiers::ALL.iter().find(|tier| tier.name == BASELINE);
    baseline.expect("it is one of the tiers").options()
}

/// Compiles into memory that was used before; gives the number of bytes.
fn compile(module: &Checked, options: &Options, (scratch, code): &mut (Scratch, Code)) -> Result<usize> {
    code.clear();
    kiln_codegen::compile(module, options, scratch, code)
        .map_err(|refused| anyhow!("the compiler refuses a translation: {}", refused[0].fault))?;
    Ok(code.bytes.len())
}

impl Row {
    /// Writes a program and sees that it does what it should by both tiers.
    fn new(dialect: &'static Dialect, size: usize) -> Result<Row> {
        let large = (dialect.write)(size);
        let (read_bytes, module) = memory::peak(|| (dialect.read)(&large.text));
        let module = Arc::new(check(module?)?);
        for tier in tiers::ALL {
            let engine = Engine::new(Config::new().tier(tier.loaded));
            let program = engine.load(module.clone())?;
            // SAFETY: the programs access their own memory only; a wrong result ends this process by `abort`.
            let found =
                unsafe { program.invoke(dialect.entry, &vec![0; parameters(&module, dialect.entry)]) };
            let found = found.map_err(|error| anyhow!("a large {} program: {error}", dialect.name))?;
            let expected = (dialect.gives)(&large);
            ensure!(found == [expected], "a large {} program gives {found:?}, not {expected}", dialect.name);
        }
        let fresh = || compile(&module, &baseline(), &mut Default::default());
        let (compile_bytes, result) = memory::peak(fresh);
        result?;
        let ops = module.funcs().iter().filter_map(|f| f.body.as_ref()).map(|f| f.insts().len()).sum();
        let (read, verify, compile, load, cranelift) = Default::default();
        Ok(Row { dialect, large, ops, read, verify, compile, load, cranelift, read_bytes, compile_bytes })
    }

    /// Goes from text to code once, and through Cranelift if it is to.
    fn round(
        &mut self,
        options: &Options,
        memory: &mut (Scratch, Code),
        counts: bool,
        cranelift: bool,
    ) -> Result<()> {
        let (read, module) = timed(|| (self.dialect.read)(&self.large.text));
        let module = module?;
        let (verify, checked) = timed(|| check(module));
        let checked = checked?;
        let (compile, result) = timed(|| compile(&checked, options, memory));
        result?;
        if counts {
            let instructions = self.large.instructions as f64;
            self.read.0.push(read / instructions);
            self.verify.0.push(verify / instructions);
            self.compile.0.push(compile / instructions);
            self.load.0.push((read + verify + compile) / instructions);
        }
        if cranelift {
            // Inverting loops is the translator's work, and there are none.
            let settings = Settings { invert: false, ..cranelift::NONE };
            let mut translation = Translation::new(&checked, settings)?;
            let (ns, result) = timed(|| translation.compile(&checked));
            result?;
            self.cranelift.0.push(ns / self.large.instructions as f64);
        }
        Ok(())
    }

    fn point(&self) -> Point {
        let instructions = self.large.instructions as f64;
        let measured = !self.cranelift.0.is_empty();
        Point {
            dialect: self.dialect.name,
            instructions: self.large.instructions,
            labels: self.large.labels,
            text: self.large.text.len(),
            ops: self.ops,
            read: self.read.spread(),
            verify: self.verify.spread(),
            compile: self.compile.spread(),
            cranelift: measured.then(|| self.cranelift.spread()),
            load_over_cranelift: measured.then(|| self.load.over(&self.cranelift).spread()),
            read_bytes: self.read_bytes as f64 / instructions,
            compile_bytes: self.compile_bytes as f64 / instructions,
        }
    }
}

/// How many parameters an exported function has.
fn parameters(module: &Module, name: &str) -> usize {
    module.find_func(name).map_or(0, |func| module.signature_of(func).params.len())
}

fn figures(rows: &[Row]) -> Vec<Figure> {
    let of = |dialect: &Dialect, size: usize| {
        let row = rows.iter().find(|r| r.dialect.name == dialect.name && r.large.instructions >= size);
        row.expect("quick or not, the sizes of the figures are measured")
    };
    let figures = DIALECTS.iter().flat_map(|dialect| {
        let (small, large) = (of(dialect, SMALL), of(dialect, LARGE));
        [
            dialect.compile.measured(large.compile.over(&large.cranelift).spread()),
            dialect.growth.measured(large.load.over(&small.load).spread()),
        ]
    });
    figures.collect()
}

/// What [`table`] shows.
pub const TITLE: &str = "Large programs in the dialects: ns of CPU time per instruction, medians [quartiles]";

/// The measurements for a reader.
pub fn table(report: &DialectsReport) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header([
        "dialect",
        "instructions",
        "labels",
        "text, MB",
        "ops of IR",
        "read",
        "verify",
        "baseline compile",
        "Cranelift none",
        "all of Kiln's / Cranelift none",
        "memory of reading, of compiling: bytes per instruction",
    ]);
    let shown = |spread: Option<Spread>| spread.map_or("-".into(), |spread| spread.to_string());
    for p in &report.points {
        table.add_row([
            p.dialect.into(),
            p.instructions.to_string(),
            p.labels.to_string(),
            short(p.text as f64 / 1e6),
            p.ops.to_string(),
            p.read.to_string(),
            p.verify.to_string(),
            p.compile.to_string(),
            shown(p.cranelift),
            shown(p.load_over_cranelift),
            format!("{}, {}", short(p.read_bytes), short(p.compile_bytes)),
        ]);
    }
    table
}
