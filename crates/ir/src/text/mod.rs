//! The text form of modules: reading and printing. `docs/text.md` is its reference.
//!
//! Reading makes two passes. The first reads definitions and skips bodies, so that names may be used above their
//! definition; the second reads bodies straight into a [`crate::FunctionBuilder`]. No token or tree is kept: the
//! cost is linear and the memory that of the module. After a mistake reading goes on at the next line.
//!
//! What the printer leaves out and the parser puts back is decided in one place, `infer`.

mod fault;
mod hash;
mod infer;
mod lex;
mod near;
mod operand;
mod parse;
mod print;
mod source;

pub use fault::{Fault, Thing};
pub use hash::{Folded, NameHash};
pub use near::nearest;
pub use operand::{instruction_span, operand_span};
pub use print::{Printed, print};
pub use source::{Includes, NoIncludes, Source, Sources};

use crate::diagnostic::Diagnostic;
use crate::module::Module;

/// Reads a module. `name` is the name of the source in positions and messages.
///
/// # Errors
/// Every mistake found, up to 50, in the order of the text. Their [`crate::diagnostic::Span`]s name file 0 for `text`; to
/// render mistakes in included files, use [`parse_with`], which gives the table of sources.
pub fn parse(name: &str, text: &str, includes: &dyn Includes) -> Result<Module, Vec<Diagnostic<Fault>>> {
    parse_with(&mut Sources::default(), name, text, includes)
}

/// The same, leaving all texts read in `sources`: spans and positions count its files.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    sources: &mut Sources,
    name: &str,
    text: &str,
    includes: &dyn Includes,
) -> Result<Module, Vec<Diagnostic<Fault>>> {
    source::gather(sources, name, text, includes)?;
    parse::module(sources)
}

impl Module {
    /// Reads a module from a text without includes.
    ///
    /// # Errors
    /// Every mistake found, up to 50, in the order of the text.
    pub fn parse(text: &str) -> Result<Module, Vec<Diagnostic<Fault>>> {
        parse("<text>", text, &NoIncludes)
    }
}
