//! x86-64, System V. Requires the x86-64-v2 level (SSE4.1, POPCNT), as every processor since 2009 has.

pub mod abi;
pub(crate) mod encode;
pub(crate) mod frame;
pub(crate) mod insts;
pub mod regs;
pub(crate) mod select;
