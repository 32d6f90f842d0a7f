//! From a checked function to code: the passes in their order, and allocation.

use super::{
    Body, Form, Lent, Origin, Origins, Passes, Prepare, Prepared, Watch, checks, improve, prepare, ssa,
};
use crate::allocate;
use crate::code::Code;
use crate::emit::Subject;
use crate::refusal::{Refusal, refusals};
use crate::target::Target;
use crate::{Diagnostic, Options};
use kiln_ir::verify::Checked;
use kiln_ir::{Block, FuncId, Function};

/// Memory that compiling reuses from function to function.
#[derive(Debug, Default)]
pub struct Memory {
    /// The function in SSA form.
    pub body: Body,
    /// The function before, with the inlined calls.
    prepared: Prepared,
    marked: Function,
    origins: Vec<Origin>,
    /// Blocks whose addresses stand in data, by their numbers before SSA construction and in the source.
    labels: Vec<(Block, Block)>,
    prepare: Prepare,
    ssa: ssa::Scratch,
    passes: super::Scratch,
    allocate: allocate::Scratch,
    /// What all of them work in.
    lent: Lent,
}

/// Makes a function's body and improves it: it is in the memory afterwards.
pub fn optimize(
    module: &Checked,
    func: FuncId,
    source: &Function,
    options: &Options,
    memory: &mut Memory,
    watch: &mut impl Watch,
) {
    let Memory { body, prepared, marked, origins, labels, ssa, passes, lent, .. } = memory;
    lent.with(&mut memory.prepare, |scratch, _| {
        prepare(module, func, source, options, scratch, watch, prepared);
    });
    let (mut f, mut from) = prepared.code(source);
    if options.fuel || options.polls {
        checks::mark(f, from, marked, origins);
        (f, from) = (marked, Origins::Listed(origins));
    }
    watch.before(func, Passes::SSA, Form::Registers(f));
    labels.clear();
    labels.extend(module.labels_in_data(func).map(|block| (prepared.blocks[block.index()], block)));
    labels.sort_unstable();
    let now: Vec<Block> = labels.iter().map(|(now, _)| *now).collect();
    let folds = options.passes.has(Passes::SSA);
    let settings = ssa::Settings { folds, canonical_nan: options.canonical_nan };
    ssa::construct(&ssa::Source { f, origins: from, labels: &now }, settings, ssa, lent, body);
    for (block, _) in &mut body.labels {
        if let Ok(at) = labels.binary_search_by_key(block, |(now, _)| *now) {
            *block = labels[at].1;
        }
    }
    watch.after(func, Passes::SSA, Form::Values(body));
    debug_assert_eq!(body.check(), Ok(()));
    improve(module, func, options.passes, body, passes, lent, watch);
}

/// Compiles one function with this body and appends it to the code.
///
/// # Errors
/// What the function asks for that this compiler does not do.
pub(crate) fn compile_function<T: Target>(
    module: &Checked,
    func: FuncId,
    f: &Function,
    options: &Options,
    memory: &mut Memory,
    code: &mut Code,
) -> Result<(), Vec<Diagnostic<Refusal>>> {
    let refused = refusals(module, func, f, options.architecture);
    if !refused.is_empty() {
        return Err(refused);
    }
    optimize(module, func, f, options, memory, &mut ());
    let Memory { body, prepared, allocate, lent, .. } = memory;
    let subject = Subject { f: &body.f, module, func, options };
    allocate::write::<T>(subject, body, &prepared.sites, allocate, lent, code);
    Ok(())
}
