//! Older assembler languages, read as they are: each module is a front end that turns a text into a
//! [`kiln_ir::Module`], with the positions of its own source. They know nothing of Kiln but its IR, and no line of
//! Kiln knows them.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod lightning;
mod names;
pub mod rasm;
