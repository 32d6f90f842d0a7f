//! Every op that computes values from values, over edge values, on every tier, against arithmetic written here from the
//! ops' definitions: never against Kiln's interpreter, which is one of those tested.
//!
//! A [`case::Case`] is an op with its types, operands and what it must give. Each is tried with its operands in
//! registers, as constants and in memory, and with every overlap of result and operand registers; results are read
//! with all 64 bits of the register they are in.

mod bits;
mod carries;
mod case;
mod convert;
mod floats;
mod integers;
mod memory;
