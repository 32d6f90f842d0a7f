//! Cranelift as a front end would drive it: verifier off, every context reused.

mod function;
mod inst;
mod invert;
mod module;
mod synthetic;

pub use module::Translation;
pub use synthetic::Synthetic;

use anyhow::Result;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};

/// How much Cranelift optimizes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effort {
    /// `opt_level=none`.
    None,
    /// `opt_level=speed`.
    Speed,
}

/// Which of Cranelift's register allocators is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allocator {
    /// The one that it uses by itself.
    Backtracking,
    /// Faster to compile, slower code.
    SinglePass,
}

/// Cranelift, and what a front end does for it before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The optimization level.
    pub effort: Effort,
    /// The register allocator.
    pub allocator: Allocator,
    /// Whether the translator inverts loops.
    pub invert: bool,
}

/// Cranelift at its best: loops inverted for it.
pub const SPEED: Settings =
    Settings { effort: Effort::Speed, allocator: Allocator::Backtracking, invert: true };
/// The same with the loops as they are written.
pub const SPEED_AS_WRITTEN: Settings = Settings { invert: false, ..SPEED };
/// Cranelift in a hurry.
pub const NONE: Settings = Settings { effort: Effort::None, ..SPEED };
/// Cranelift in its greatest hurry.
pub const NONE_SINGLE_PASS: Settings = Settings { allocator: Allocator::SinglePass, ..NONE };

/// Cranelift for this machine.
fn isa(settings: Settings) -> Result<OwnedTargetIsa> {
    let mut flags = settings::builder();
    let effort = match settings.effort {
        Effort::None => "none",
        Effort::Speed => "speed",
    };
    flags.set("opt_level", effort)?;
    flags.set("enable_verifier", "false")?;
    flags.set("use_colocated_libcalls", "false")?;
    flags.set("is_pic", "false")?;
    flags.set("enable_probestack", "false")?;
    // Nobody else pays for them.
    flags.set("enable_heap_access_spectre_mitigation", "false")?;
    flags.set("enable_table_access_spectre_mitigation", "false")?;
    let algorithm = match settings.allocator {
        Allocator::Backtracking => "backtracking",
        Allocator::SinglePass => "single_pass",
    };
    flags.set("regalloc_algorithm", algorithm)?;
    let builder = cranelift_native::builder().map_err(anyhow::Error::msg)?;
    Ok(builder.finish(settings::Flags::new(flags))?)
}
