//! The bytecode form (`.kbc`): a module as bytes, without loss, small, and safe to read from anywhere.
//!
//! A fixed header (magic, version, length, checksum) is followed by sections of variable-length integers; the
//! layout is told byte by byte in `docs/bytecode.md`. Instructions are written by walking [`crate::op::Shape::operands`], so an
//! op is listed nowhere here.
//!
//! What a reader may rely on: decoding the bytes of a module gives an equal module. The bytes are not trusted. Any
//! input gives a module whose every index is in range, or a [`Fault`]; never a panic, and never more than
//! [`MEMORY_PER_BYTE`] bytes of memory per byte read, since every count is compared with the bytes left before
//! room is made. What the bytes say may still be nonsense as a program: that is for [`crate::verify::check`].
//!
//! Versions: a file of another major version is refused. A file of a newer minor version is read, and refused only
//! if it uses something unknown here (a section, op, type or flag), which the fault then says.

mod body;
mod checksum;
mod decode;
mod encode;
mod fault;
mod number;
mod outline;
mod record;

pub use decode::decode;
pub use encode::{Options, encode};
pub use fault::{Fault, Item};
pub use outline::{Part, outline};

use crate::diagnostic::Diagnostic;
use crate::module::Module;
use crate::types::{AbiType, Type};

/// The first bytes of every bytecode file. The first is no text in any encoding that text files use.
pub const MAGIC: [u8; 4] = [0x89, b'k', b'b', b'c'];
/// The major format version: a reader takes exactly its own.
pub const MAJOR: u16 = 1;
/// The minor format version: raised when something is added that older readers would not know.
pub const MINOR: u16 = 0;
/// Length of the header in bytes: magic, major, minor, length of the file (8 bytes), checksum (4 bytes).
pub const HEADER: usize = 20;
/// The most bytes of memory that decoding takes per byte of the file, beside a constant.
pub const MEMORY_PER_BYTE: usize = 64;

/// Where the header keeps the checksum.
const CHECKSUM: std::ops::Range<usize> = 16..20;

/// Numbers of the sections, in the order in which they stand in a file.
mod section {
    pub const FILES: u8 = 1;
    pub const LAYOUTS: u8 = 2;
    pub const SIGNATURES: u8 = 3;
    pub const FUNCTIONS: u8 = 4;
    pub const DATA: u8 = 5;
}

/// Bits of the flag bytes. The lowest two bits of a function's or data object's flags are its linkage.
mod flag {
    pub const LINKAGE: u8 = 3;
    pub const REPLACEABLE: u8 = 1 << 2;
    pub const LIBRARY: u8 = 1 << 3;
    pub const BODY: u8 = 1 << 4;
    pub const ENTRY: u8 = 1 << 5;
    pub const WRITABLE: u8 = 1 << 2;
    pub const THREAD_LOCAL: u8 = 1 << 3;
    /// Of a signature; its convention stands in the bits above.
    pub const VARIADIC: u8 = 1;
}

/// Signature elements that are no register types: these numbers, above those that types may get.
mod element {
    pub const I8: u8 = 0x40;
    pub const U8: u8 = 0x41;
    pub const I16: u8 = 0x42;
    pub const U16: u8 = 0x43;
    /// The layout's index follows.
    pub const AGGREGATE: u8 = 0x44;
}

/// Kinds of data relocation targets.
mod target {
    pub const FUNC: u8 = 0;
    pub const DATA: u8 = 1;
    pub const LABEL: u8 = 2;
}

/// The signature elements that are told by their number alone.
const fn simple_element(number: u8) -> Option<AbiType> {
    match number {
        element::I8 => Some(AbiType::I8),
        element::U8 => Some(AbiType::U8),
        element::I16 => Some(AbiType::I16),
        element::U16 => Some(AbiType::U16),
        _ => match Type::from_number(number) {
            Some(ty) => Some(AbiType::Value(ty)),
            None => None,
        },
    }
}

/// Whether these bytes are meant as bytecode: they begin with [`MAGIC`].
pub fn is_bytecode(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Writes the length and checksum that fit the rest of the bytes into their header, for tools that change files.
/// Bytes shorter than a header stay as they are.
pub fn seal(bytes: &mut [u8]) {
    if bytes.len() >= HEADER {
        let length = bytes.len() as u64;
        bytes[8..16].copy_from_slice(&length.to_le_bytes());
        let sum = checksum::of_file(bytes);
        bytes[CHECKSUM].copy_from_slice(&sum.to_le_bytes());
    }
}

impl Module {
    /// Reads a module from its bytecode form.
    ///
    /// # Errors
    /// The first thing that is wrong with the bytes, and at which of them. See [`decode`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Module, Diagnostic<Fault>> {
        decode(bytes)
    }

    /// The bytecode form, with names and positions.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self, Options::default())
    }
}
