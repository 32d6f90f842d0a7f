//! Kiln: programs in a typed register language that become native code in an instant.
//!
//! A program is a *module*: functions over virtual registers, data, imports. It comes from text, from bytecode or from
//! the [`FunctionBuilder`]; all three say the same. An [`Engine`] checks it, compiles it and gives a [`Program`], whose
//! functions are called like Rust's:
//!
//! ```
//! use kiln::{Config, Engine};
//!
//! let engine = Engine::new(Config::new());
//! let program = engine.load_text("
//!     export fn fib(%n: i64) -> i64 {
//!         blt   %n, 2, small
//!         %a  = sub %n, 1
//!         %b  = sub %n, 2
//!         %x  = call fib(%a)
//!         %y  = call fib(%b)
//!         %r  = add %x, %y
//!         ret   %r
//!     small:
//!         ret   %n
//!     }
//! ")?;
//! let fib = program.function::<fn(i64) -> i64>("fib")?;
//! // SAFETY: `fib` touches no memory.
//! assert_eq!(unsafe { fib.call(20) }?, 6765);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can go wrong
//!
//! Mistakes in a program are [`LoadError`]s with every fault and its place. What happens while it runs (a division by
//! zero, a bad address, endless recursion, `trap`) ends the call with a [`Trap`] that says where; the process and the
//! program live on:
//!
//! ```
//! use kiln::{Config, Engine, TrapKind};
//!
//! let program = Engine::new(Config::new()).load_text("
//!     export fn divide(%a: i32, %b: i32) -> i32 {
//!         %q = sdiv %a, %b
//!         ret %q
//!     }
//! ")?;
//! let divide = program.function::<fn(i32, i32) -> i32>("divide")?;
//! // SAFETY: `divide` touches no memory.
//! let trap = unsafe { divide.call(1, 0) }.unwrap_err();
//! assert_eq!(trap.kind(), TrapKind::DivideByZero);
//! assert_eq!(trap.to_string(), "division by zero in `divide` at <text>:3:9");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Calling Rust from programs
//!
//! [`Engine::define`] makes a closure an import.
//!
//! ```
//! use kiln::{Config, Engine};
//! use std::sync::{Arc, Mutex};
//!
//! let seen = Arc::new(Mutex::new(Vec::new()));
//! let mut engine = Engine::new(Config::new());
//! let sink = seen.clone();
//! engine.define("emit", move |value: i64| sink.lock().unwrap().push(value));
//! let program = engine.load_text("
//!     extern emit: fn(i64)
//!     export fn count(%n: i64) {
//!     next:
//!         call emit(%n)
//!         %n = sub %n, 1
//!         bgt  %n, 0, next
//!         ret
//!     }
//! ")?;
//! let count = program.function::<fn(i64)>("count")?;
//! // SAFETY: `count` only calls `emit`, which is declared as it is defined.
//! unsafe { count.call(3) }?;
//! assert_eq!(*seen.lock().unwrap(), [3, 2, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Building a language
//!
//! `examples/regvm` in the repository is a small language with everything that one needs: functions, control flow, calls
//! to C, errors with source positions, calls that are overwritten while the program runs. Its README is a tutorial,
//! "Build your language on Kiln".
//!
//! # Safety
//!
//! Loading a program is safe whatever it contains: readers and verifier trust nothing. *Running* one is running native
//! code with the rights of the process, therefore calls are `unsafe`: what the caller vouches for is written at
//! [`Function`]'s `call`. What is promised about threads and memory order is written at [`Program`].

#![deny(missing_docs)]

mod access;
mod adapter;
mod callback;
mod engine;
mod error;
mod fatal;
mod foreign;
mod function;
mod host;
mod import;
mod interpreted;
mod link;
mod observe;
pub mod process;
mod program;
mod signature;
mod stub;
mod trap;
mod value;
mod watch;

pub use callback::Callback;
pub use engine::{Config, Engine, Tier};
pub use error::{FunctionError, InvokeError, LoadError, ReplaceError};
pub use function::Function;
pub use import::{HostFunction, Outcome};
pub use link::host_features;
pub use program::Program;
pub use signature::FunctionType;
pub use stub::CallStub;
pub use trap::{Position, Trap};
pub use value::{Value, Values};
pub use watch::{Safepoint, Watch};

pub use kiln_codegen::{Architecture, Features, Refusal, abi};
pub use kiln_ir::diagnostic::{self, Diagnostic, Place, Span};
pub use kiln_ir::text::{Includes, NoIncludes, Source, Sources};
pub use kiln_ir::trap::TrapKind;
pub use kiln_ir::verify::{Checked, check};
pub use kiln_ir::{
    AbiType, Access, Block, BuildError, Cond, Convention, DataDecl, DataId, DataReloc, DataTarget, FCond,
    FuncId, FunctionBuilder, Hint, LabelSet, Layout, LayoutId, Linkage, Mem, MemType, Module, Op, Operand,
    Order, Pos, Rmw, SigId, Signature, Slot, Type, VReg, bytecode, text, verify,
};
pub use kiln_runtime::{LinkError, LinkFault};
