//! What can be wrong with bytes that should be a module.

use crate::op::Op;
use std::fmt;

/// A kind of thing that the format numbers or counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Item {
    /// A section of the file.
    Section,
    /// An op.
    Op,
    /// A register type.
    Type,
    /// A signature element.
    Element,
    /// A flag byte with bits that have no meaning, or a linkage, convention, field kind or aggregate class.
    Flag,
    /// What a data relocation points to.
    Target,
    /// A source file.
    File,
    /// A layout.
    Layout,
    /// A scalar of a layout.
    Field,
    /// A signature.
    Signature,
    /// A function or import.
    Func,
    /// A data object.
    Data,
    /// A byte of a data object.
    Byte,
    /// A relocation of a data object.
    Reloc,
    /// A register.
    VReg,
    /// A stack slot.
    Slot,
    /// A block.
    Block,
    /// A label set.
    LabelSet,
    /// A further entry.
    Entry,
    /// An instruction.
    Inst,
    /// A case of a switch.
    Case,
    /// A name of a register, block or slot.
    Name,
    /// A source position.
    Position,
    /// A byte of a string.
    Character,
}

impl Item {
    /// The word for one of them.
    pub const fn name(self) -> &'static str {
        match self {
            Item::Section => "section",
            Item::Op => "op",
            Item::Type => "type",
            Item::Element => "signature element",
            Item::Flag => "flag value",
            Item::Target => "relocation target",
            Item::File => "source file",
            Item::Layout => "layout",
            Item::Field => "layout field",
            Item::Signature => "signature",
            Item::Func => "function",
            Item::Data => "data object",
            Item::Byte => "data byte",
            Item::Reloc => "relocation",
            Item::VReg => "register",
            Item::Slot => "stack slot",
            Item::Block => "block",
            Item::LabelSet => "label set",
            Item::Entry => "entry",
            Item::Inst => "instruction",
            Item::Case => "switch case",
            Item::Name => "name",
            Item::Position => "source position",
            Item::Character => "character",
        }
    }
}

/// Why bytes are not a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// They do not begin as bytecode does.
    NotBytecode,
    /// The file is shorter than its header says (or than a header).
    Truncated {
        /// The length it should have.
        expected: u64,
        /// The length it has.
        found: u64,
    },
    /// The file is longer than its header says.
    Trailing {
        /// The number of bytes too many.
        bytes: u64,
    },
    /// The bytes are not those that were written.
    Checksum {
        /// What the header says.
        stored: u32,
        /// What the bytes have.
        computed: u32,
    },
    /// A major version that this reader does not know.
    Major {
        /// The file's version.
        found: u16,
    },
    /// A number that stands for nothing this reader knows.
    Unknown {
        /// What it should stand for.
        item: Item,
        /// The number.
        number: u64,
        /// The file's minor version, if it is newer than the reader's: then the number may have a meaning there.
        newer: Option<u16>,
    },
    /// A table has no such entry.
    Index {
        /// What it should be.
        item: Item,
        /// The index.
        index: u64,
        /// The number of entries.
        count: u64,
    },
    /// More things are announced than the bytes left can hold.
    Count {
        /// What is counted.
        item: Item,
        /// How many.
        count: u64,
    },
    /// A number is out of the range of its field, or longer than it needs to be.
    Number,
    /// A string is not UTF-8.
    Text,
    /// A section, body or number goes on behind the end of the part it stands in.
    EndsEarly,
    /// A section or body ends, but bytes are left of the part it stands in.
    Leftover {
        /// How many.
        bytes: u64,
    },
    /// Sections, cold blocks, names or positions do not ascend.
    Order {
        /// Which of them.
        item: Item,
    },
    /// A signature stands in the table for the second time.
    RepeatedSignature,
    /// An instruction has attribute bits that its op does not have, or lacks those that it must have.
    Attributes {
        /// The op.
        op: Op,
        /// The bits.
        bits: u16,
    },
    /// The number of blocks is not the number of terminators.
    Blocks {
        /// The number announced.
        stated: u64,
        /// The number of terminators.
        found: u64,
    },
    /// Control runs off the end of a function: its last instruction does not end it.
    Unterminated,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NotBytecode => f.write_str("not Kiln bytecode: the first bytes are not 89 6b 62 63"),
            Fault::Truncated { expected, found } => {
                write!(f, "truncated bytecode: {found} bytes of {expected}")
            }
            Fault::Trailing { bytes } => write!(f, "{bytes} bytes follow the end of the bytecode"),
            Fault::Checksum { stored, computed } => {
                write!(f, "damaged bytecode: checksum {computed:08x}, but {stored:08x} was stored")
            }
            Fault::Major { found } => {
                write!(f, "bytecode of format version {found}; this reader knows version {}", super::MAJOR)
            }
            Fault::Unknown { item, number, newer } => {
                write!(f, "unknown {} {number:#x}", item.name())?;
                match newer {
                    Some(minor) => write!(
                        f,
                        ": the bytecode is of format version {}.{minor}, this reader knows {}.{}",
                        super::MAJOR,
                        super::MAJOR,
                        super::MINOR
                    ),
                    None => Ok(()),
                }
            }
            Fault::Index { item, index, count } => {
                write!(f, "there is no {} {index}: the table has {count}", item.name())
            }
            Fault::Count { item, count } => {
                write!(f, "{count} times a {} is more than the bytes left can hold", item.name())
            }
            Fault::Number => f.write_str("a number out of range, or not in its shortest form"),
            Fault::Text => f.write_str("a string that is not UTF-8"),
            Fault::EndsEarly => f.write_str("more is read than this part of the bytecode has"),
            Fault::Leftover { bytes } => write!(f, "{bytes} bytes too many in this part of the bytecode"),
            Fault::Order { item } => write!(f, "a {} is out of order", item.name()),
            Fault::RepeatedSignature => f.write_str("a signature that the table already has"),
            Fault::Attributes { op, bits } => {
                write!(f, "attribute bits {bits:#x} do not fit `{}`", op.info().mnemonic)
            }
            Fault::Blocks { stated, found } => {
                write!(f, "{stated} blocks are announced, but {found} instructions end one")
            }
            Fault::Unterminated => f.write_str("control runs off the end of the function"),
        }
    }
}

impl std::error::Error for Fault {}
