//! What the tests of the whole of Kiln are made of: running programs on every tier and seeing the same of each,
//! golden files, host functions, running what may crash in a process of its own, comparing calls with gcc's.

#![deny(missing_docs)]

pub mod abi;
pub mod arena;
pub mod destruct;
pub mod differential;
pub mod golden;
pub mod hosts;
pub mod isolate;
pub mod mutants;
pub mod observe;
pub mod plant;
pub mod positions;
pub mod prepared;
pub mod tiers;
