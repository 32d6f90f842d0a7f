//! The tiers of Kiln that are measured: adding one is a row here.

use kiln_codegen::Options;

/// A tier under its two names: that of the facade, and that of the compiler.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct KilnTier {
    /// The name in reports.
    pub name: &'static str,
    /// The word on the command line.
    pub word: &'static str,
    pub loaded: kiln::Tier,
    compiled: kiln_codegen::Tier,
}

/// The name of the optimizing tier in reports.
pub const OPTIMIZED: &str = "Kiln optimized";
/// The name of the baseline tier in reports.
pub const BASELINE: &str = "Kiln baseline";

/// Every tier that compiles all it runs.
pub const ALL: &[KilnTier] = &[
    KilnTier {
        name: OPTIMIZED,
        word: "optimized",
        loaded: kiln::Tier::Optimized,
        compiled: kiln_codegen::Tier::Optimized,
    },
    KilnTier {
        name: BASELINE,
        word: "baseline",
        loaded: kiln::Tier::Baseline,
        compiled: kiln_codegen::Tier::Baseline,
    },
];

/// The tier that chooses among them.
pub const AUTO: kiln::Tier = kiln::Tier::Auto;

impl KilnTier {
    /// What the compiler is asked for.
    pub fn options(self) -> Options {
        Options { tier: self.compiled, ..Options::default() }
    }
}
