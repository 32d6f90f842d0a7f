//! Cranelift at `opt_level=none`, as a front end would drive it: verifier off, every context reused.

mod synthetic;
mod translate;

pub use synthetic::Synthetic;
pub use translate::kernel;

use anyhow::Result;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};

/// Which of Cranelift's register allocators is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allocator {
    /// The one that `opt_level=none` uses by itself.
    Backtracking,
    /// Faster to compile, slower code.
    SinglePass,
}

/// Cranelift for this machine.
fn isa(allocator: Allocator) -> Result<OwnedTargetIsa> {
    let mut flags = settings::builder();
    flags.set("opt_level", "none")?;
    flags.set("enable_verifier", "false")?;
    flags.set("use_colocated_libcalls", "false")?;
    flags.set("is_pic", "false")?;
    flags.set("enable_probestack", "false")?;
    let algorithm = match allocator {
        Allocator::Backtracking => "backtracking",
        Allocator::SinglePass => "single_pass",
    };
    flags.set("regalloc_algorithm", algorithm)?;
    let builder = cranelift_native::builder().map_err(anyhow::Error::msg)?;
    Ok(builder.finish(settings::Flags::new(flags))?)
}
