//! What a Kiln program is: a register-machine IR with its op table, its text and bytecode forms, a builder, a
//! verifier and the interpreter that defines its meaning. Knows no target, no address, no operating system.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod attributes;
mod builder;
pub mod bytecode;
mod count;
pub mod diagnostic;
pub mod entity;
pub mod function;
pub mod interp;
mod loops;
mod module;
pub mod op;
pub mod reference;
pub mod text;
pub mod trap;
pub mod types;
pub mod verify;

pub use builder::{Access, BuildError, FunctionBuilder, Operand};
pub use entity::{Block, DataId, FileId, FuncId, Inst, LabelSet, LayoutId, SigId, Slot, VReg};
pub use function::{Function, InstData, Mem, Pos};
pub use module::{DataDecl, DataReloc, DataTarget, FuncDecl, LayoutDecl, Linkage, Module};
pub use op::{Cond, FCond, Hint, Op, Order, Rmw};
pub use trap::TrapKind;
pub use types::{AbiType, Convention, Layout, MemType, Signature, Type};
