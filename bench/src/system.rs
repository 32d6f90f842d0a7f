//! Who compiles the kernels, and one kernel through one of them: code to call, and what making it costs.

use crate::kernels::KernelSource;
use crate::measure::timed;
use crate::memory;
use crate::process;
use crate::tiers::{self, KilnTier};
use anyhow::{Context, Result, ensure};
use kiln::{Config, Engine, Function, Tier};
use kiln_bench_peers::c::{self, CCompiler};
use kiln_bench_peers::cranelift::{self, Settings, Translation};
use kiln_bench_peers::{Entry, Kernel};
use kiln_codegen::{Code, Scratch};
use kiln_ir::verify::Checked;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A compiler with its options.
#[derive(Clone, Copy, Debug)]
pub enum System {
    Kiln(KilnTier),
    Cranelift(&'static str, Settings),
    C(CCompiler),
}

/// The name of Cranelift at its best in reports.
pub const CRANELIFT_SPEED: &str = "Cranelift speed";
/// The name of Cranelift without optimization in reports.
pub const CRANELIFT_NONE: &str = "Cranelift none";

impl System {
    /// Everyone, Kiln first.
    fn known() -> impl Iterator<Item = System> {
        let peers = [
            System::Cranelift(CRANELIFT_SPEED, cranelift::SPEED),
            System::Cranelift("Cranelift speed, loops as written", cranelift::SPEED_AS_WRITTEN),
            System::Cranelift(CRANELIFT_NONE, cranelift::NONE),
            System::Cranelift("Cranelift none, single-pass", cranelift::NONE_SINGLE_PASS),
        ];
        tiers::ALL.iter().copied().map(System::Kiln).chain(peers).chain(c::ALL.map(System::C))
    }

    /// Everyone, Kiln first; C compilers that are not installed are left out, and named.
    ///
    /// # Errors
    /// One is missing without which there are no figures.
    pub fn all() -> Result<(Vec<System>, Vec<String>)> {
        let is_here = |system: &System| !matches!(system, System::C(compiler) if !compiler.is_installed());
        let (systems, missing): (Vec<System>, Vec<System>) = System::known().partition(is_here);
        let mut notes = Vec::new();
        for name in missing.into_iter().map(System::name) {
            ensure!(
                !name.starts_with("gcc"),
                "{name} cannot be started, and all figures are relative to gcc"
            );
            notes.push(format!("{name} is not installed: it is left out"));
        }
        Ok((systems, notes))
    }

    /// The one of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn named(name: &str) -> Result<System> {
        System::known()
            .find(|system| system.name() == name)
            .with_context(|| format!("nobody is named {name}"))
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            System::Kiln(tier) => tier.name,
            System::Cranelift(name, _) => name,
            System::C(compiler) => compiler.name,
        }
    }

    /// A kernel as code in this process; a C compiler has made a shared object of it before.
    ///
    /// # Errors
    /// The compiler fails, or the shared object is missing.
    pub fn kernel(self, program: &Program, shared: Option<&Path>) -> Result<Kernel> {
        match self {
            System::Kiln(tier) => Ok(callable(load(program.source, tier.loaded)?)),
            System::Cranelift(_, settings) => {
                Translation::new(&program.checked, settings)?.kernel(&program.checked)
            }
            System::C(_) => c::load(shared.context("C is compiled before")?),
        }
    }
}

/// A kernel as everyone starts from it.
pub struct Program {
    pub source: KernelSource,
    pub checked: Checked,
    /// The instructions of its module, by which compile times are divided.
    pub ops: usize,
}

impl Program {
    /// Reads the Kiln text.
    ///
    /// # Errors
    /// It cannot be read, or there is a fault in it.
    pub fn new(source: KernelSource) -> Result<Program> {
        let checked = load(source, Tier::Interpreter)?.program().module().clone();
        let bodies = checked.funcs().iter().filter_map(|f| f.body.as_ref());
        let ops = bodies.map(|body| body.insts().len()).sum();
        Ok(Program { source, checked, ops })
    }
}

pub type KilnKernel = Function<fn(i64, *mut u8) -> i64>;

/// A kernel through Kiln's facade.
///
/// # Errors
/// The text cannot be read or has faults.
pub fn load(source: KernelSource, tier: Tier) -> Result<KilnKernel> {
    let engine = Engine::new(Config::new().tier(tier));
    let program = engine.load_text(&source.kiln()?).with_context(|| format!("{}.kiln", source.name))?;
    Ok(program.function("kernel")?)
}

/// A kernel's checked module through an engine.
///
/// # Errors
/// The engine cannot have it.
pub fn kernel(engine: &Engine, module: &Arc<Checked>) -> Result<KilnKernel> {
    Ok(engine.load(Arc::clone(module))?.function("kernel")?)
}

/// One kernel by one compiler: what it takes to compile it again, and what it became.
pub struct Compiled {
    pub system: System,
    /// The bytes of code, without data.
    pub code_bytes: usize,
    /// For compilers in this process the most memory that compiling takes beyond the program and the declarations; for
    /// others that of the process, where it is known.
    pub peak_bytes: Option<usize>,
    /// What compiling took where it is a process, which needs no warming: CPU time in nanoseconds.
    pub first_ns: Option<f64>,
    again: Again,
}

/// What compiles the kernel once more.
enum Again {
    Kiln(Box<(Scratch, Code)>),
    Cranelift(Box<Translation>),
    C(tempfile::TempDir),
}

impl Compiled {
    /// Compiles a kernel.
    ///
    /// # Errors
    /// The compiler is missing or fails.
    pub fn new(system: System, program: &Program) -> Result<Compiled> {
        let (code_bytes, peak_bytes, first_ns, again) = match system {
            System::Kiln(tier) => {
                let mut memory = Box::<(Scratch, Code)>::default();
                let (peak, bytes) = memory::peak(|| through_kiln(tier, program, &mut memory));
                (bytes?, Some(peak), None, Again::Kiln(memory))
            }
            System::Cranelift(_, settings) => {
                let mut translation = Translation::new(&program.checked, settings)?;
                let (peak, bytes) = memory::peak(|| translation.compile(&program.checked));
                (bytes?, Some(peak), None, Again::Cranelift(Box::new(translation)))
            }
            System::C(compiler) => {
                let directory = tempfile::tempdir()?;
                let object = object(&directory);
                let usage = through_c(compiler, &program.source.c(), &object)?;
                compiler.link(&object, &shared(&directory))?;
                (c::code_size(&object)?, usage.peak_bytes, Some(usage.cpu_ms * 1e6), Again::C(directory))
            }
        };
        Ok(Compiled { system, code_bytes, peak_bytes, first_ns, again })
    }

    /// The shared object, if a C compiler made one.
    pub fn shared(&self) -> Option<PathBuf> {
        match &self.again {
            Again::C(directory) => Some(shared(directory)),
            Again::Kiln(_) | Again::Cranelift(_) => None,
        }
    }

    /// Whether compiling is a process of its own, which takes long.
    pub fn is_process(&self) -> bool {
        matches!(self.again, Again::C(_))
    }

    /// Compiles the kernel again; gives the CPU time in nanoseconds.
    ///
    /// # Errors
    /// As [`Compiled::new`].
    pub fn compile(&mut self, program: &Program) -> Result<f64> {
        match (&mut self.again, self.system) {
            (Again::Kiln(memory), System::Kiln(tier)) => {
                let (ns, bytes) = timed(|| through_kiln(tier, program, memory));
                bytes?;
                Ok(ns)
            }
            (Again::Cranelift(translation), _) => {
                let (ns, bytes) = timed(|| translation.compile(&program.checked));
                bytes?;
                Ok(ns)
            }
            (Again::C(directory), System::C(compiler)) => {
                let usage = through_c(compiler, &program.source.c(), &object(directory))?;
                Ok(usage.cpu_ms * 1e6)
            }
            _ => unreachable!("each system compiles again as it compiled before"),
        }
    }
}

fn object(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("kernel.o")
}

fn shared(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("kernel.so")
}

fn through_kiln(tier: KilnTier, program: &Program, memory: &mut (Scratch, Code)) -> Result<usize> {
    let (scratch, code) = memory;
    code.clear();
    if let Err(refused) = kiln_codegen::compile(&program.checked, &tier.options(), scratch, code) {
        anyhow::bail!("{} refuses {}: {}", tier.name, program.source.name, refused[0].fault);
    }
    Ok(code.bytes.len())
}

fn through_c(compiler: CCompiler, source: &Path, object: &Path) -> Result<process::Usage> {
    process::usage(&mut compiler.to_object(source, object))
        .with_context(|| format!("{} does not compile {}", compiler.name, source.display()))
}

/// The machine code itself, called like that of the others: what entering it from Rust costs is not measured.
fn callable(function: KilnKernel) -> Kernel {
    // SAFETY: the facade has checked that the function has this signature.
    let entry = unsafe { std::mem::transmute::<*const u8, Entry>(function.address()) };
    // SAFETY: as above; the function keeps its program alive.
    unsafe { Kernel::new(entry, function) }
}
