//! The optimizing compiler: passes over one function, each a function in a file of its own.

pub mod body;
pub mod passes;

pub use body::{Body, Edge, Origin, Taken, Writer};
pub use passes::Passes;
