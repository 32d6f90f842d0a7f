//! Checked IR to relocatable code, for any target on any host. Knows no memory map, no address, no source text.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod abi;
mod allocate;
mod baseline;
mod buffer;
pub mod code;
mod emit;
mod features;
pub mod optimize;
pub mod recovery;
pub mod refusal;
pub mod regs;
pub mod takeover;
mod target;

pub use code::Code;
pub use features::Features;
pub use kiln_ir::diagnostic::Diagnostic;
pub use optimize::Passes;
pub use refusal::Refusal;
pub use target::Architecture;

use kiln_ir::verify::Checked;
use kiln_ir::{Block, FuncId, Function};

/// How much work goes into the code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Tier {
    /// One walk that looks and one that writes.
    #[default]
    Baseline,
    /// SSA form, passes over it, and registers chosen with a view of the whole function.
    Optimized,
}

/// Legal but hostile choices, for tests.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Stress {
    /// None.
    #[default]
    None,
    /// Registers are chosen at random, from this seed.
    RandomRegisters(u32),
    /// Every value goes to the frame as soon as it is written and comes back for each read.
    SpillEverything,
}

/// What the caller wants of the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// The target to compile for.
    pub architecture: Architecture,
    /// How much work goes into the code.
    pub tier: Tier,
    /// The passes of the optimizing compiler that run.
    pub passes: Passes,
    /// What the optimizing compiler does for tests.
    pub stress: Stress,
    /// Processor features to use.
    pub features: Features,
    /// Whether float arithmetic gives one NaN only, the positive quiet one with payload 0, as the interpreter's
    /// setting of the same name. Costs a compare and a branch per operation.
    pub canonical_nan: bool,
    /// Whether every function keeps a frame pointer, so that profilers which follow the chain of them see whole stacks.
    /// Costs two instructions per call and a register. Without it, only functions that need one do.
    pub frame_pointers: bool,
    /// Whether all that may be reached by a call or jump through a register begins with the instruction that says so:
    /// functions, further entries, the labels of sets that are jumped through. For processes that run with such
    /// protection (x86: indirect branch tracking).
    pub landing_pads: bool,
    /// Whether function entries and loop heads look whether something is asked of the code, as safepoints do.
    pub polls: bool,
    /// Whether function entries and loop heads ([`kiln_ir::function::Function::loop_heads`]) take a unit of fuel each from
    /// the thread's word, and leave when there is none.
    pub fuel: bool,
    /// Whether functions take their activation from the thread's word of how many there may be, and leave when there may
    /// be none.
    pub depth: bool,
    /// Whether function entries and loop heads count, and leave when they have counted so far: in code that better code
    /// is to take the place of. Only [`Tier::Baseline`] counts.
    pub counts: Option<Counts>,
    /// Whether code is for an activation that already exists: further entries, by which it is taken over, take no fuel
    /// and no depth, and do not look.
    pub takes_over: bool,
}

/// How much code does of what it counts before it leaves for the first time: the greater of two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Entries of each function.
    pub calls: u32,
    /// Arrivals at each loop head.
    pub rounds: u32,
    /// Ops executed by such entries or arrivals: an entry stands for what is outside of the function's loops, an arrival for
    /// one round of the loop, without the loops in it.
    pub ops: u32,
}

/// Memory that compiling reuses from function to function.
#[derive(Debug, Default)]
pub struct Scratch {
    baseline: baseline::Scratch,
    optimize: optimize::compile::Memory,
}

/// Compiles every function of a module and appends the code. The same module and options give the same bytes,
/// whatever the scratch memory was used for before.
///
/// # Errors
/// All that the module asks for and this compiler does not do, each with its place; the code is then incomplete.
pub fn compile(
    module: &Checked,
    options: &Options,
    scratch: &mut Scratch,
    code: &mut Code,
) -> Result<(), Vec<Diagnostic<Refusal>>> {
    let mut refused = Vec::new();
    for func in 0..module.funcs().len() as u32 {
        if let Err(more) = compile_function(module, FuncId(func), options, scratch, code) {
            refused.extend(more);
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// Compiles one function of a module and appends the code. An import adds nothing.
///
/// # Errors
/// All that the function asks for and this compiler does not do.
pub fn compile_function(
    module: &Checked,
    func: FuncId,
    options: &Options,
    scratch: &mut Scratch,
    code: &mut Code,
) -> Result<(), Vec<Diagnostic<Refusal>>> {
    match &module.func(func).body {
        Some(body) => compile_body(module, func, body, options, scratch, code),
        None => Ok(()),
    }
}

/// Compiles code that [takes over](takeover) activations of a function at these loop heads, and appends it: a further
/// entry that goes by the function's own number, and takes the address of what is handed over.
///
/// # Errors
/// All that the function asks for and this compiler does not do.
///
/// # Panics
/// If there are no heads, or if activations of the function [cannot](takeover::possible) be taken over.
pub fn compile_takeover(
    module: &Checked,
    func: FuncId,
    heads: &[Block],
    options: &Options,
    scratch: &mut Scratch,
    code: &mut Code,
) -> Result<(), Vec<Diagnostic<Refusal>>> {
    let body = module.func(func).body.as_ref().filter(|body| takeover::possible(module, func, body));
    let body = takeover::function(func, body.expect("the function can be taken over"), heads);
    let options = Options { takes_over: true, ..*options };
    compile_body(module, func, &body, &options, scratch, code)
}

/// Compiles a function of a module with this body.
fn compile_body(
    module: &Checked,
    func: FuncId,
    body: &Function,
    options: &Options,
    scratch: &mut Scratch,
    code: &mut Code,
) -> Result<(), Vec<Diagnostic<Refusal>>> {
    match options.architecture {
        Architecture::X64 => compile_for::<target::x64::X64>(module, func, body, options, scratch, code),
    }
}

fn compile_for<T: target::Target>(
    module: &Checked,
    func: FuncId,
    body: &Function,
    options: &Options,
    scratch: &mut Scratch,
    code: &mut Code,
) -> Result<(), Vec<Diagnostic<Refusal>>> {
    match options.tier {
        Tier::Baseline => {
            baseline::compile_function::<T>(module, func, body, options, &mut scratch.baseline, code)
        }
        Tier::Optimized => {
            optimize::compile::compile_function::<T>(module, func, body, options, &mut scratch.optimize, code)
        }
    }
}
