//! Checked IR to relocatable code, for any target on any host. Knows no memory map, no address, no source text.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod code;

pub use code::Code;
