//! What to generate: how much, which ops, which host functions.

use kiln_ir::types::{AbiType, Type};
use kiln_ir::{Linkage, Op};

/// What the generator may use. The default is everything that is deterministic.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Whether the op may be generated with this type ([`Type::I32`] for ops whose row names no types).
    pub supports: fn(Op, Type) -> bool,
    /// Functions besides the entry, at most.
    pub functions: u32,
    /// Small functions, at most, which call only smaller ones.
    pub small: u32,
    /// Blocks per function, at most, the cold ones not counted.
    pub blocks: u32,
    /// Instructions per block, at most.
    pub insts: u32,
    /// Arguments per function, at most.
    pub args: u32,
    /// Results per internal function, at most.
    pub results: u32,
    /// Results of the entry, at most.
    pub entry_results: u32,
    /// In how many of 100 cases an op that can trap gets operands that may make it trap.
    pub traps: u32,
    /// Whether the arena is defined by the module, or imported.
    pub arena: Linkage,
    /// Whether programs are for settings under which float arithmetic gives one NaN only, so that NaNs may be seen.
    pub one_nan: bool,
    /// Whether accesses say their alias class, truly.
    pub alias_classes: bool,
    /// Whether functions may have further entries.
    pub entries: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            supports: |_, _| true,
            functions: 4,
            small: 4,
            blocks: 8,
            insts: 14,
            args: 20,
            results: 3,
            entry_results: 1,
            traps: 5,
            arena: Linkage::Export,
            one_nan: false,
            alias_classes: true,
            entries: true,
        }
    }
}

/// A function that the program's host must provide under this name.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// The symbol.
    pub name: &'static str,
    /// What it takes.
    pub params: &'static [AbiType],
    /// What it gives.
    pub results: &'static [AbiType],
}

const I32: AbiType = AbiType::Value(Type::I32);
const I64: AbiType = AbiType::Value(Type::I64);
const F32: AbiType = AbiType::Value(Type::F32);
const F64: AbiType = AbiType::Value(Type::F64);
use AbiType::{I8, I16, U8, U16};

/// The host functions that programs call. Each must be a deterministic function of its arguments that takes every
/// NaN for the same value and gives no NaN.
pub const HOSTS: &[Host] = &[
    Host { name: "host_nothing", params: &[], results: &[] },
    Host { name: "host_mix", params: &[I64, I64], results: &[I64] },
    Host { name: "host_narrow", params: &[I8, U8, I16, U16, I32], results: &[I32] },
    Host { name: "host_i8", params: &[I64], results: &[I8] },
    Host { name: "host_u8", params: &[I64], results: &[U8] },
    Host { name: "host_i16", params: &[I64], results: &[I16] },
    Host { name: "host_u16", params: &[I64], results: &[U16] },
    Host { name: "host_f64", params: &[F64, F32], results: &[F64] },
    Host { name: "host_f32", params: &[F32], results: &[F32] },
    Host {
        name: "host_many",
        params: &[I64, F64, I32, F32, I64, F64, I8, F64, I64, F64, U16, F64, I64, F64, I32, F64, I64, F32],
        results: &[I64],
    },
];
