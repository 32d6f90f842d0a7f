//! Random programs for testing Kiln: valid, terminating, deterministic on every tier and target.
//!
//! [`generate`] makes a module whose exported function [`ENTRY`] is called with each row of [`Generated::calls`].
//! What a run observes is the same on any correct implementation: results, kinds of traps, the calls it makes to
//! host functions, and the bytes of the data object [`ARENA`]. To that end
//!
//! - every memory access is confined, by masks, to the arena or to a stack slot that was filled before;
//! - addresses never reach registers that ordinary ops read, so that where things lie cannot be seen;
//! - the payload of a NaN, which the IR leaves open, stays in registers of a *loose* class that never reach memory,
//!   integers or the sign of another float; a select against a constant makes them *exact* where that is wanted
//!   (unless [`Config::one_nan`] says that all are);
//! - loops and activations are paid from counters, so that every program ends after some thousand steps;
//! - small functions, which compilers put in the place of calls, call only smaller ones, and functions that call themselves
//!   do so a few times.
//!
//! Instructions are made from [`kiln_ir::op::Shape::operands`], so an op added to the table is generated at once if
//! its shape is known; [`Coverage`] says which ops, types and operand forms a set of modules has.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod aggregate;
mod alias;
mod body;
mod config;
mod control;
mod coverage;
mod entropy;
mod idiom;
mod inst;
mod memory;
mod mutate;
mod program;
mod records;
mod recursive;
mod shaping;
mod shrink;
mod signature;
pub mod values;

pub use config::{Config, HOSTS, Host};
pub use coverage::{Coverage, Point};
pub use entropy::Entropy;
pub use mutate::{hides_nan_payloads, mutate, sees_addresses};
pub use program::{ARENA, ARENA_AT, ARENA_SIZE, ENTRY, FUEL, FUEL_SIZE, Generated, generate};
pub use records::{Record, Records};
pub use shrink::shrink;
