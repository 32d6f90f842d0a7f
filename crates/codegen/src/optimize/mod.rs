//! The optimizing compiler: passes over one function, each a function in a file of its own.

pub mod body;
pub mod cfg;
pub mod dom;
pub mod fused;
pub mod loops;
pub mod passes;
pub mod ssa;
pub mod watch;

pub use body::{Body, Edge, Origin, Taken, Writer};
pub(crate) use fused::Offer;
pub use fused::{Fused, fuse};
pub use passes::Passes;
pub use watch::{Form, Watch};
