//! Places code and data and fills in addresses.
//!
//! What lies where in an image:
//!
//! ```text
//! code       the compiler's bytes | stubs: jumps through a cell, traps of what is not bound
//! constants  cells: addresses of what code reaches indirectly | constant data objects
//! data       slots of replaceable functions | writable data objects
//! ```
//!
//! All that may fail for reasons of the module happens before memory is taken ([`plan`]); then the bytes are copied and
//! patched in one pass ([`place`](mod@place)). Cost: linear in code, relocations and declarations; a symbol is looked up once, and only if used.

mod fault;
mod place;
mod plan;

pub use fault::{LinkError, LinkFault};

use crate::image::Image;
use crate::memory::Memory;
use crate::symbols::Symbols;
use crate::traps;
use kiln_codegen::Code;
use kiln_ir::{FuncId, Module};
use place::place;
use plan::Plan;

/// Links compiled functions: places them and the module's data, and fills in addresses. `code` may hold code for
/// some of the functions only, as long as no code or data refers to the others.
///
/// Calls of imports reach any address. Data objects begin with their bytes each time a module is linked.
pub fn link(code: &Code, module: &Module, symbols: &dyn Symbols) -> Result<Image, LinkError> {
    link_for(Purpose::Whole, code, module, symbols)
}

/// The same, but calls of each of the module's functions can be led to [better code](link_better) later, by
/// [`Image::improve`].
///
/// # Errors
/// As of [`link`].
pub fn link_improvable(code: &Code, module: &Module, symbols: &dyn Symbols) -> Result<Image, LinkError> {
    link_for(Purpose::Improvable, code, module, symbols)
}

/// Code of functions of a module that is linked already, which is to run in place of that image's: all that it refers to
/// is that image's. The image does not keep the other one, which is to keep it: [`Image::improve`], [`Image::keep`].
#[derive(Clone, Copy)]
pub struct Better<'a> {
    /// The image of the module.
    pub of: &'a Image,
    /// Whether calls of functions whose code is given go to that code.
    pub calls_itself: bool,
    /// Where calls of other functions go, if not to where the image of the module has them.
    pub calls: &'a dyn Fn(FuncId) -> Option<usize>,
}

/// Links such code.
///
/// # Errors
/// As of [`link`].
pub fn link_better(
    better: Better<'_>,
    code: &Code,
    module: &Module,
    symbols: &dyn Symbols,
) -> Result<Image, LinkError> {
    link_for(Purpose::Better(better), code, module, symbols)
}

/// What an image is for.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    Whole,
    Improvable,
    Better(Better<'a>),
}

fn link_for(
    purpose: Purpose<'_>,
    code: &Code,
    module: &Module,
    symbols: &dyn Symbols,
) -> Result<Image, LinkError> {
    let memory = Memory::get().map_err(|code| no_memory(0, code))?;
    traps::install();
    let mut plan = Plan::new(purpose, code, module, symbols, memory.region());
    plan.functions();
    plan.data();
    plan.relocations();
    if !plan.faults.is_empty() {
        return Err(LinkError { faults: plan.faults });
    }
    place(&plan, memory)
}

/// Has each image linked from now on lie in private pages of its own, so that debuggers can set breakpoints in it and
/// profilers see that it is compiled code. An image takes at least two pages then. Cannot be taken back.
pub fn use_private_pages() {
    // Where there is no memory, linking says so.
    if let Ok(memory) = Memory::get() {
        memory.end_sharing();
    }
}

fn no_memory(wanted: usize, code: i32) -> LinkError {
    LinkError { faults: vec![LinkFault::NoMemory { wanted, code }] }
}
