//! The CPU targets, one folder each with the same file names.

pub mod x64;
