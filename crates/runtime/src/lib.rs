//! Compiled code made callable: executable memory, linking, entering code, traps, unwinding.
//!
//! ```text
//! Code + Module + Symbols ── link ──► Image ── enter(adapter, args) ──► Ok(()) or RawTrap
//! ```
//!
//! This crate sees `Code`, not instructions, and knows no tier and no language. The operating system has one file
//! ([`memory`'s](self) `linux.rs`), a processor one folder (`target/x64`).
//!
//! # What is promised
//!
//! **Memory.** All code and data of linked modules lie in one region of less than 2 GiB of address space, reserved at
//! first use. No page is ever writable and executable through one mapping. Code, constants and the cells through which
//! imports are reached cannot be written by running code. An [`Image`] is a handle: code and data live as long as any
//! clone of it; whoever runs code holds one. Freed space is used again; whole free pages return to the system.
//!
//! **Threads.** Everything here may be used from any number of threads. Linking prepares outside a lock and copies
//! under one. An image that a thread received through any synchronisation (a channel, a lock, an acquire load)
//! can be run by that thread at once. [`Image::replace`] takes effect for each later call with release order; a thread that is
//! inside the old function stays there, and the old code stays until it has left. Compiled code's own accesses are plain machine accesses: its atomics
//! follow the orders the IR names, racing plain accesses give some mixture of the bytes written.
//!
//! **Traps.** A fault of compiled code ends the compiled frames back to the innermost [`enter`] on
//! that thread and stack, which returns [`RawTrap`]. Frames of C or Rust between are never skipped: if there are some
//! (C called the code at its address), or nobody has entered, the process aborts with a message
//! ([`report_fatal_traps`]). A fault in native code itself goes to whoever handled such signals before, as does every
//! fault outside compiled code. Handlers for `SIGSEGV`,
//! `SIGBUS`, `SIGFPE` and `SIGILL` are installed at the first link; who installs handlers later must pass on what
//! it does not know.
//!
//! **Leaving in other ways.** Exceptions and panics may pass through compiled frames and through [`enter`]. So may
//! `longjmp`: what it leaves behind is dropped at the next entry.
//!
//! **Fork.** After the C library's `fork`, all images work in both processes, and neither sees what the other links
//! or frees; data of images is copied like all memory. Forking by a bare system call is not supported.

#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod background;
mod call;
mod fatal;
pub mod fork;
mod frames;
mod image;
mod leave;
mod link;
mod memory;
mod observe;
mod reclaim;
mod registry;
mod requests;
mod routines;
mod symbols;
mod target;
mod terms;
mod tls;
mod traps;
mod unwind;

pub use call::{RawTrap, enter, look_around, raise_address, set_pending_trap};
pub use fatal::{Fatal, report_fatal_traps};
pub use image::{Image, Piece, ReplaceFault, Takeover, WeakImage};
pub use leave::{RecoveredFrame, Stop, take_exit};
pub use link::{Better, LinkError, LinkFault, link, link_better, link_improvable, use_private_pages};
pub use observe::{Legend, LineRow};
pub use reclaim::images_in_limbo;
pub use requests::{Requests, Round};
pub use symbols::{HostSymbols, ProcessSymbols, Symbols};
pub use target::branch_tracking;
pub use terms::{Terms, enter_under};
