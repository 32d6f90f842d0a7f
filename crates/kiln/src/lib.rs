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
//! # Leaving with values
//!
//! A program that assumes something (that a number fits, that a value is of a type) checks it by a *guard*, or by an op
//! that branches on overflow to an `exit`. If the assumption fails, the call ends with
//! [`TrapKind::Exit`] and hands over the values that the place lists, so that the host can go on from there in a slower
//! way:
//!
//! ```
//! use kiln::{Config, Engine, TrapKind};
//!
//! let program = Engine::new(Config::new()).load_text("
//!     export fn factorial(%n: i64) -> i64 {
//!         guard_lt %n, 0, 1 (%n)
//!         %r = const 1
//!     next:
//!         ble  %n, 1, done
//!         %r = smul_ovf %r, %n, large
//!         %n = sub %n, 1
//!         jump next
//!     done:
//!         ret  %r
//!     cold large:
//!         exit 2 (%n, %r)
//!     }
//! ")?;
//! let factorial = program.function::<fn(i64) -> i64>("factorial")?;
//! // SAFETY: `factorial` touches no memory.
//! let trap = unsafe { factorial.call(21) }.unwrap_err();
//! assert_eq!(trap.kind(), TrapKind::Exit(2));
//! let [n, r] = *trap.values() else { panic!("the exit lists two values") };
//! let rest: u128 = (1..=u128::from(n)).product();
//! assert_eq!(u128::from(r) * rest, 51_090_942_171_709_440_000);
//! // SAFETY: as above.
//! assert_eq!(unsafe { factorial.call(-1) }.unwrap_err().kind(), TrapKind::Exit(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A guard that does not leave costs a compare and a branch, which hide where code waits for its values anyway; figures
//! are in `docs/benchmarks` of the repository.
//!
//! # Watching and stopping calls
//!
//! - [`Program::watch`] shows each `safepoint` that a call reaches to a closure, with the values that it lists; the closure
//!   lets the call go on or ends it.
//! - [`Program::interrupt`] asks the calls under way to end, from any thread: at their next `safepoint`, or with
//!   [`Config::interruptible`] at their next function entry or loop head.
//! - [`Config::fuel`] limits what a call may do, [`Config::depth`] how many activations it may have. All tiers count alike.
//!
//! Each ends the call with a [`Trap`]; the program can be called again. Where frames of C or Rust lie between the place and
//! the call that is to end, an interruption and want of fuel wait until those have returned.
//!
//! # Fork
//!
//! After the C library's `fork` programs work in both processes, and neither sees what the other loads, replaces or drops.
//! Forks that bypass the C library, by a bare system call, are not supported: nobody takes the locks around them.
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
mod tier_up;
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
#[doc(hidden)]
pub use tier_up::{Changes, Rule};
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
