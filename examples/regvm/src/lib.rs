//! The parts of a language on Kiln, in the order in which a program passes them:
//!
//! | | |
//! |---|---|
//! | [`instruction`], [`operand`] | what the language is |
//! | [`bytecode`] | a program: a stream of instructions, what a compiler emits |
//! | [`mod@read`] | from text to bytecode |
//! | [`mod@check`] | the rules; whatever comes after relies on them |
//! | [`mod@translate`] | from bytecode to a Kiln module |
//! | [`machine`] | the module as native code, ready to be called |
//! | [`interpret`] | what it all means, in plain Rust |
//!
#![doc = include_str!("../README.md")]
// Whoever copies a block from the tutorial gets no warning.
#![doc(test(attr(deny(warnings))))]

pub mod bytecode;
pub mod check;
pub mod error;
pub mod instruction;
pub mod interpret;
pub mod machine;
pub mod operand;
pub mod read;
pub mod translate;
pub mod value;

pub use bytecode::{Bytecode, CType, External};
pub use check::{Checked, check};
pub use error::{Error, Fault, Place};
pub use instruction::Inst;
pub use interpret::Interpreter;
pub use machine::{Machine, MachineError};
pub use operand::{Imm, Kind, Reg};
pub use read::read;
pub use translate::translate;
pub use value::Value;

/// Reads and checks a program. The file's name appears in messages.
///
/// # Errors
/// Every line that cannot be read, else everything that breaks a rule.
pub fn load(file: &str, text: &str) -> Result<Checked, Vec<Error>> {
    check(read(file, text)?)
}
