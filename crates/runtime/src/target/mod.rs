//! What differs between processors: the only place that names them.
//!
//! Each target has the same files: `fixup` writes relocated fields and stubs, `enter` crosses between Rust and
//! compiled code, `context` reads and changes what a signal handler sees of the interrupted code, `rows` describes
//! frames to unwinders, `walk` goes from a frame to its caller's, `protection` asks what the process demands of code.

#[cfg(target_arch = "x86_64")]
mod x64;
#[cfg(target_arch = "x86_64")]
pub use x64::branch_tracking;
#[cfg(target_arch = "x86_64")]
pub(crate) use x64::*;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("kiln-runtime has no target for this processor yet");
