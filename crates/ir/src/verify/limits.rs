//! How large things may be. Everything here is far above what programs need; what exceeds it is a mistake or an
//! attack, and is refused before any later stage reserves memory for it. Together they keep a frame (slots, 8 bytes for
//! each register, arguments) below 2 GiB, so that compilers can count in 32 bits.

/// Upper bounds, each inclusive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Functions, imports, data objects, signatures or layouts of a module, each.
    pub entities: u64,
    /// Instructions of a function.
    pub insts: u64,
    /// Virtual registers of a function.
    pub vregs: u64,
    /// Bytes of all stack slots of a function, padding included.
    pub frame_bytes: u64,
    /// Parameters or results of a signature, and arguments of a call.
    pub params: u64,
    /// Cases of a switch.
    pub cases: u64,
    /// Bytes of all data objects of a module, zeros and padding included.
    pub data_bytes: u64,
    /// Bytes of an aggregate passed by value, and of all aggregates that a signature takes.
    pub layout_bytes: u64,
    /// Bytes of all aggregates, alignment included, that the calls of a function pass and give by value.
    pub call_bytes: u64,
    /// Steps of the search for registers that are read unassigned, per function. A function of a million instructions
    /// takes some millions.
    pub search_steps: u64,
    /// Diagnostics that are collected before checking stops.
    pub diagnostics: usize,
}

/// The greatest alignment of slots, data, layouts and run-time stack storage: a page.
pub const MAX_ALIGN: u32 = 4096;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            entities: 1 << 24,
            insts: 1 << 27,
            vregs: 1 << 26,
            frame_bytes: 1 << 30,
            params: 65_535,
            cases: 1 << 20,
            data_bytes: 1 << 30,
            layout_bytes: 1 << 24,
            call_bytes: 1 << 28,
            search_steps: 1 << 31,
            diagnostics: 100,
        }
    }
}
