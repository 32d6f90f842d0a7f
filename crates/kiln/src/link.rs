//! From checked modules to code in memory, for programs and for the small modules that the facade writes itself
//! (adapters, thunks). The one place that calls compiler and linker.

use kiln_codegen::{Code, Counts, Diagnostic, Features, Options, Refusal, Scratch, Tier};
use kiln_ir::verify::{self, Checked};
use kiln_ir::{Block, FuncId, Function, FunctionBuilder, Linkage, Module};
use kiln_runtime::{HostSymbols, Image, LinkError, ProcessSymbols};
use std::cell::RefCell;
use std::sync::OnceLock;

thread_local! {
    /// Memory that each load on a thread uses again.
    static WORKSPACE: RefCell<Option<Box<(Scratch, Code)>>> = const { RefCell::new(None) };
}

/// A function that the facade wrote, in memory.
pub(crate) struct Assembled {
    /// Where it is called.
    pub address: usize,
    /// Keeps it there.
    pub image: Image,
}

/// Why checked code did not come into memory.
pub(crate) enum Failure {
    Refused(Vec<Diagnostic<Refusal>>),
    Link(LinkError),
}

/// Compiles and links a module; tells when it is compiled.
pub(crate) fn load(
    module: &Checked,
    options: &Options,
    symbols: &HostSymbols,
    compiled: impl FnOnce(),
) -> Result<Image, Failure> {
    // Taken out meanwhile: a library that is loaded for an import may itself load programs.
    let mut workspace = WORKSPACE.take().unwrap_or_default();
    let (scratch, code) = &mut *workspace;
    code.clear();
    let compiling = kiln_codegen::compile(module, options, scratch, code);
    let image = compiling.map_err(Failure::Refused).and_then(|()| {
        compiled();
        kiln_runtime::link(code, module, &(symbols, ProcessSymbols)).map_err(Failure::Link)
    });
    WORKSPACE.set(Some(workspace));
    image
}

/// The same for a program of [`Tier::Auto`](crate::Tier::Auto): code that counts, and that can be led away from. Functions that it
/// cannot be led away from, because the addresses of their labels may be anywhere, keep the code that they get here: the best.
pub(crate) fn load_counting(
    module: &Checked,
    options: &Options,
    counts: impl Fn(&Function) -> Counts,
    symbols: &HostSymbols,
    compiled: impl FnOnce(),
) -> Result<Image, Failure> {
    let best = Options { tier: Tier::Optimized, ..*options };
    let mut workspace = WORKSPACE.take().unwrap_or_default();
    let (scratch, code) = &mut *workspace;
    code.clear();
    let mut refused = Vec::new();
    for (decl, func) in module.funcs().iter().zip((0..).map(FuncId)) {
        let options = match &decl.body {
            Some(body) if body.label_sets().is_empty() => Options { counts: Some(counts(body)), ..*options },
            _ => best,
        };
        if let Err(more) = kiln_codegen::compile_function(module, func, &options, scratch, code) {
            refused.extend(more);
        }
    }
    let compiling = if refused.is_empty() { Ok(()) } else { Err(Failure::Refused(refused)) };
    let image = compiling.and_then(|()| {
        compiled();
        kiln_runtime::link_improvable(code, module, &(symbols, ProcessSymbols)).map_err(Failure::Link)
    });
    WORKSPACE.set(Some(workspace));
    image
}

/// Better code for one function of a program that is loaded.
pub(crate) struct Better<'a> {
    /// The function.
    pub func: FuncId,
    /// The loop heads at which activations are taken over; none for the function as it is.
    pub heads: Option<&'a [Block]>,
    /// Gives the image of the program, which is asked for when the code is there. None if it is gone.
    pub of: &'a dyn Fn() -> Option<Image>,
    /// Where calls of other functions go, if they have better code.
    pub calls: &'a dyn Fn(FuncId) -> Option<usize>,
}

/// Compiles it and links it onto the image of the program; gives both, unless the program is gone.
pub(crate) fn load_better(
    module: &Checked,
    options: &Options,
    symbols: &HostSymbols,
    better: &Better<'_>,
) -> Result<Option<(Image, Image)>, Failure> {
    let mut workspace = WORKSPACE.take().unwrap_or_default();
    let (scratch, code) = &mut *workspace;
    code.clear();
    let func = better.func;
    let compiling = match better.heads {
        None => kiln_codegen::compile_function(module, func, options, scratch, code),
        Some(heads) => kiln_codegen::compile_takeover(module, func, heads, options, scratch, code),
    };
    let linked = compiling.map_err(Failure::Refused).and_then(|()| {
        let Some(of) = (better.of)() else { return Ok(None) };
        let calls_itself = better.heads.is_none();
        let onto = kiln_runtime::Better { of: &of, calls_itself, calls: better.calls };
        let image = kiln_runtime::link_better(onto, code, module, &(symbols, ProcessSymbols));
        Ok(Some((of.clone(), image.map_err(Failure::Link)?)))
    });
    WORKSPACE.set(Some(workspace));
    linked
}

/// What this processor can do, as far as compiled code can use it.
pub fn host_features() -> Features {
    #[cfg(target_arch = "x86_64")]
    return Features {
        fma: std::is_x86_feature_detected!("fma"),
        // Written with the prefix of AVX, which the system must have enabled.
        bmi1: std::is_x86_feature_detected!("bmi1") && std::is_x86_feature_detected!("avx"),
        bmi2: std::is_x86_feature_detected!("bmi2") && std::is_x86_feature_detected!("avx"),
        lzcnt: std::is_x86_feature_detected!("lzcnt"),
    };
    #[cfg(not(target_arch = "x86_64"))]
    Features::default()
}

/// How programs for this processor and process are compiled.
pub(crate) fn host_options() -> Options {
    static LANDING_PADS: OnceLock<bool> = OnceLock::new();
    let landing_pads = *LANDING_PADS.get_or_init(kiln_runtime::branch_tracking);
    Options { features: host_features(), landing_pads, ..Options::default() }
}

/// Compiles and links a module of ours; the result is its exported function.
///
/// # Panics
/// If there is no memory for code, or if the module breaks rules, which would be a mistake of ours.
pub(crate) fn assemble(module: Module, symbols: &[(&str, usize)]) -> Assembled {
    let exported = module.funcs().iter().position(|f| f.linkage == Linkage::Export);
    let exported = FuncId(exported.expect("a written module exports its function") as u32);
    let module = match verify::check(module) {
        Ok(module) => module,
        Err((_, faults)) => panic!("a written module keeps the rules, but: {}", faults[0]),
    };
    let mut host = HostSymbols::new();
    for (name, address) in symbols {
        host.define(name, *address as *const u8);
    }
    match load(&module, &host_options(), &host, || {}) {
        Ok(image) => {
            let address = image.address(exported).expect("an exported function has an address") as usize;
            Assembled { address, image }
        }
        Err(Failure::Refused(refused)) => panic!("a written module is compiled, but: {}", refused[0]),
        Err(Failure::Link(error)) => panic!("no adapter can be linked: {error}"),
    }
}

/// Ends a function of a module of ours.
///
/// # Panics
/// If a block was not placed or not ended, which would be a mistake of ours.
pub(crate) fn finish(b: FunctionBuilder<'_>) {
    if let Err(error) = b.finish() {
        panic!("a written function is complete, but: {error}");
    }
}

/// The routine that thunks call to end the call from the host.
pub(crate) fn raise_address() -> usize {
    kiln_runtime::raise_address() as usize
}
