//! Kiln's calling conventions against gcc's, bit by bit.
//!
//! Signatures are made at random; each is spelled in C and in Kiln. For a batch of them, gcc makes a library and Kiln a
//! program; then each signature is called from C to Kiln, from Kiln to C, within Kiln, through Kiln (by plain and by
//! tail calls) and from Rust by call stubs, with the program compiled and interpreted.
//!
//! A call is right if the callee received every bit that the caller
//! passed, the caller every bit of the result, and if everything that the convention protects is as before: registers
//! that callees save, values held over the call, stack and flags, the float units' state, the bytes of arguments
//! passed by value.

pub mod c;
pub mod cells;
pub mod check;
pub mod kiln;
pub mod library;
pub mod places;
pub mod plant;
pub mod signature;
pub mod types;
