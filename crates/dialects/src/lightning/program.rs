//! What a text says, read and not yet translated: one flat stream of instructions, the functions it is parted into, labels,
//! symbols and the data section.

use super::fault::At;
use super::items::Items;
use super::value::{Base, Handle, Passed};
use crate::names::{Name, Names};

/// The number that stands for `%fp` among the integer registers.
pub const FRAME_POINTER: u8 = 8;

/// One operand.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Operand {
    /// None at this place.
    None,
    /// An integer register: 0 to 2 are `%r`, 3 to 7 `%v`, then [`FRAME_POINTER`].
    Int(u8),
    /// A float register, 0 to 7.
    Float(u8),
    /// An integer.
    Word(i64),
    /// A float.
    Number(f64),
    /// An address.
    Address(Base, i64),
    /// A code label.
    Label(u32),
    /// A parameter.
    Argument(Handle),
}

/// What a name of the common space of labels is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Used, not defined yet.
    Forward,
    /// In the data section: the distance from its start.
    Data(i64),
    /// In the code: before the item with this number.
    Code(u32),
}

/// A label.
#[derive(Clone, Debug)]
pub struct Label {
    /// Where it is.
    pub place: Place,
    /// Where it was first met.
    pub at: At,
}

/// A C symbol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Where it is first named.
    pub at: At,
}

/// How a function comes by its frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Not a function: code before the first `prolog`, in the context of the C caller.
    Preamble,
    /// It has its own.
    Plain,
    /// It has its own, which others may share.
    Frame,
    /// It shares another's, whose code jumps to it.
    Tramp,
}

/// A stretch of the stream.
#[derive(Clone, Debug)]
pub struct Part {
    /// The first item: the `prolog`, but for code before it.
    pub start: u32,
    /// One past the last item.
    pub end: u32,
    /// How it comes by its frame.
    pub kind: Kind,
    /// Whether `epilog` ends it, so that labels behind it are the next function's.
    pub closed: bool,
    /// What `name` calls it.
    pub name: Option<String>,
    /// Its parameters.
    pub params: Vec<Passed>,
    /// Whether further arguments may follow.
    pub variadic: bool,
    /// The offset from `%fp` down to which fixed storage reaches, at most 0.
    pub locals: i64,
    /// Whether it allocates at run time.
    pub allocates: bool,
    /// Whether `%fp` is an operand of an instruction.
    pub names_frame: bool,
}

/// The data section.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// Its size in bytes.
    pub size: u64,
    /// The bytes up to the last that was written.
    pub bytes: Vec<u8>,
    /// Addresses in it: where, and what.
    pub addresses: Vec<(u64, Base, i64)>,
}

/// A text that keeps the rules of the grammar.
#[derive(Debug, Default)]
pub struct Program {
    /// The instructions.
    pub items: Items,
    /// Those that have a say in what becomes a function: they name a label or a parameter, or belong to functions,
    /// calls or jumps. In order.
    pub landmarks: Vec<u32>,
    /// The stretches of the stream, in order, without gaps.
    pub parts: Vec<Part>,
    /// The labels.
    pub labels: Vec<Label>,
    /// Their names, by the same numbers.
    pub names: Names,
    /// The C symbols.
    pub symbols: Vec<Symbol>,
    /// The data section, if there is one.
    pub data: Option<Data>,
    /// The files that positions name.
    pub files: Vec<String>,
    /// By file: whether an instruction stands in it, up to the last in which one does.
    pub in_files: Vec<bool>,
    /// Whether `.disasm` asks not to run it.
    pub only_assemble: bool,
}

impl Program {
    /// What a label is called.
    pub fn label_name(&self, label: u32) -> &str {
        self.names.get(Name::from_number(label))
    }

    /// The numbers of the [`Program::landmarks`] of a part.
    pub fn landmarks_of(&self, part: &Part) -> &[u32] {
        let place = |item: u32| self.landmarks.partition_point(|at| *at < item);
        &self.landmarks[place(part.start)..place(part.end)]
    }
}
