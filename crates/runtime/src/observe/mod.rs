//! What debuggers and profilers are told of compiled code, on request: the perf map file (`perf`) and gdb's JIT
//! interface (`gdb`, with the cargo feature of that name).
//!
//! Names and source lines come as data, a [`Legend`]; frames from the rows that unwinding uses.

#[cfg(feature = "gdb")]
pub(crate) mod gdb;
pub(crate) mod perf;

use crate::fork::{ForkMutex, ranks};
use std::ops::Range;
use std::sync::MutexGuard;

/// Names and source positions of an image's code, as debuggers and profilers show them. All addresses lie in the
/// image.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Legend {
    /// What the whole is called: by custom the name of the source file.
    pub title: String,
    /// The folder that relative file names start from; empty if that is not known.
    pub folder: String,
    /// Functions, and other pieces of code with a name, in ascending order of addresses. White space and control
    /// characters in names are shown as `_`.
    pub names: Vec<(Range<usize>, String)>,
    /// Names of source files.
    pub files: Vec<String>,
    /// From where on code comes from which line, ascending; each row holds up to the next one or the end of its named
    /// piece of code.
    pub lines: Vec<LineRow>,
}

/// From an address on, code comes from this place of a source file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineRow {
    /// The first address.
    pub at: usize,
    /// Index in [`Legend::files`].
    pub file: u32,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1; 0 if it is not known.
    pub column: u32,
}

/// A name in one word of visible characters.
fn word(name: &str) -> String {
    if name.is_empty() {
        return "_".into();
    }
    name.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}

/// What this process has told so far. Its lock also guards the list that debuggers read.
static TOLD: ForkMutex<perf::Map> = ForkMutex::new(ranks::TOLD, perf::Map::new());

fn lock() -> MutexGuard<'static, perf::Map> {
    TOLD.lock()
}
