//! Where a call's arguments and results are: the answer of a calling convention, as data.
//!
//! A convention is a pure function of a target from a signature to a [`CallLayout`]. Everything that takes part in a
//! call reads the same layout: the caller, the prologue and the returns of the callee, tail calls, the start of
//! variable arguments. It prints, so that a test or a person can look at it.
//!
//! Several results are one structure of them in the order of declaration, laid out and returned as C does it, unless
//! each is alone in a register; so a C function that returns `struct { long a, b; }` and a function of Kiln with the
//! results `(i64, i64)` are the same to a caller.

use crate::regs::Reg;
use crate::target::{Architecture, Target, x64::X64};
use kiln_ir::LayoutDecl;
use kiln_ir::Type;
use kiln_ir::types::{AbiType, Field, FieldKind, Signature};
use std::fmt;

/// Where a value is at the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a register.
    Reg(Reg),
    /// On the stack, this many bytes above the stack pointer as it is before the return address is pushed.
    Stack(u32),
}

/// A part of an aggregate that travels in a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The register; the bytes are its low ones.
    pub reg: Reg,
    /// Where in the aggregate the bytes begin.
    pub offset: u32,
    /// How many there are: 1 to 8, in a vector register also 16.
    pub bytes: u32,
}

/// The parts of an aggregate that travels in registers: none (it is empty), one or two, by offset. Bytes of the
/// aggregate in no piece are padding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pieces([Option<Piece>; 2]);

impl Pieces {
    /// One behind the other.
    ///
    /// # Panics
    /// If there are two already.
    pub fn push(&mut self, piece: Piece) {
        let free = self.0.iter_mut().find(|p| p.is_none());
        *free.expect("conventions split aggregates in at most two") = Some(piece);
    }

    /// The parts in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Piece> + '_ {
        self.0.iter().copied().flatten()
    }
}

/// How an argument travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgPlace {
    /// As a value.
    Value(Place),
    /// In a vector register, with a copy in a general one (variable floats of Win64).
    Twice(Reg, Reg),
    /// An aggregate in registers.
    Pieces(Pieces),
    /// An aggregate's bytes on the stack, from this place on.
    Bytes {
        /// As [`Place::Stack`].
        at: u32,
        /// How many.
        size: u32,
    },
    /// The address of a copy of an aggregate that the caller makes and the callee may change.
    Address {
        /// Where the address is.
        place: Place,
        /// Bytes of the copy.
        size: u32,
        /// Its alignment.
        align: u32,
    },
}

/// How a result travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResultPlace {
    /// As a value in a register.
    Reg(Reg),
    /// In the structure that is returned, from this offset on.
    Field(u32),
}

/// How a structure is returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Returned {
    /// In registers.
    Pieces(Pieces),
    /// On the x87 stack: this many 16-byte fields, the first on top.
    X87(u32),
    /// In memory of the caller, whose address is a hidden first argument; the callee gives the address back in `back`.
    Memory {
        /// Where the address is at the call.
        address: Place,
        /// Where it is when the callee returns.
        back: Reg,
    },
}

/// The structure that a call returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Structure {
    /// Bytes, a multiple of the alignment.
    pub size: u32,
    /// Alignment in bytes.
    pub align: u32,
    /// How it travels.
    pub returned: Returned,
}

/// Where everything is in a call of one signature.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallLayout {
    /// Each argument, the variable ones included.
    pub args: Vec<ArgPlace>,
    /// Each result.
    pub results: Vec<ResultPlace>,
    /// The structure that results which are fields of one lie in.
    pub structure: Option<Structure>,
    /// Bytes of stack from [`Place::Stack`] 0 on: arguments, and what the convention reserves below them.
    pub stack: u32,
    /// Where on the stack the variable arguments begin that find no register; in Win64, whose registers have their
    /// places on the stack too, where all of them do.
    pub variable: u32,
    /// What the stack pointer is a multiple of before the return address is pushed: 16 or more.
    pub align: u32,
    /// General registers that fixed and variable arguments take, the hidden one included.
    pub generals: u32,
    /// Vector registers that they take.
    pub vectors: u32,
    /// Whether the callee gives back the stack of the arguments.
    pub callee_pops: bool,
}

impl CallLayout {
    /// Empties it for another signature and keeps its memory.
    pub fn clear(&mut self) {
        let CallLayout { args, results, .. } = self;
        args.clear();
        results.clear();
        (self.structure, self.stack, self.variable, self.align) = (None, 0, 0, 16);
        (self.generals, self.vectors, self.callee_pops) = (0, 0, false);
    }

    /// The hidden argument, if there is one.
    pub fn hidden(&self) -> Option<Place> {
        match self.structure?.returned {
            Returned::Memory { address, .. } => Some(address),
            Returned::Pieces(_) | Returned::X87(_) => None,
        }
    }

    /// Bytes that the callee takes off the stack beside its return address.
    pub fn popped(&self) -> u32 {
        if self.callee_pops { self.stack } else { 0 }
    }

    /// The layout in words, with the target's names of registers.
    pub fn show(&self, architecture: Architecture) -> impl fmt::Display + '_ {
        Shown { layout: self, architecture }
    }
}

/// Where arguments and results of a call are on a target. `variable` are the types of the variable arguments; a
/// callee, which does not know them, gives none.
pub fn call_layout(
    architecture: Architecture,
    sig: &Signature,
    layouts: &[LayoutDecl],
    variable: &[Type],
) -> CallLayout {
    let mut layout = CallLayout::default();
    match architecture {
        Architecture::X64 => X64::call_layout(sig, layouts, variable.iter().copied(), &mut layout),
    }
    layout
}

/// Size, alignment and scalars of one element of a signature in memory, as C lays out a field of its type.
pub fn element<'l>(ty: &AbiType, layouts: &'l [LayoutDecl]) -> (u32, u32, Fields<'l>) {
    let kind = match ty {
        AbiType::I8 | AbiType::U8 => FieldKind::I8,
        AbiType::I16 | AbiType::U16 => FieldKind::I16,
        AbiType::Value(Type::I32) => FieldKind::I32,
        AbiType::Value(Type::I64) => FieldKind::I64,
        AbiType::Value(Type::F32) => FieldKind::F32,
        AbiType::Value(Type::F64) => FieldKind::F64,
        AbiType::Value(Type::Ptr) => FieldKind::Ptr,
        AbiType::Aggregate(id) => {
            let layout = &layouts[id.index()].layout;
            return (layout.size, layout.align.max(1), Fields::Of(&layout.fields));
        }
    };
    let bytes = kind.bytes();
    (bytes, bytes, Fields::One(Field { offset: 0, kind, count: 1 }))
}

/// The scalars of an element.
#[derive(Clone, Copy, Debug)]
pub enum Fields<'l> {
    /// A scalar itself.
    One(Field),
    /// Those of an aggregate.
    Of(&'l [Field]),
}

impl Fields<'_> {
    /// The runs of scalars.
    pub fn as_slice(&self) -> &[Field] {
        match self {
            Fields::One(field) => std::slice::from_ref(field),
            Fields::Of(fields) => fields,
        }
    }
}

struct Shown<'l> {
    layout: &'l CallLayout,
    architecture: Architecture,
}

impl Shown<'_> {
    fn place(&self, f: &mut fmt::Formatter<'_>, place: Place) -> fmt::Result {
        match place {
            Place::Reg(reg) => f.write_str(self.architecture.register_name(reg)),
            Place::Stack(at) => write!(f, "stack+{at}"),
        }
    }

    fn pieces(&self, f: &mut fmt::Formatter<'_>, pieces: &Pieces) -> fmt::Result {
        f.write_str("{")?;
        for (i, piece) in pieces.iter().enumerate() {
            let name = self.architecture.register_name(piece.reg);
            let (from, to) = (piece.offset, piece.offset + piece.bytes);
            write!(f, "{}{name}: {from}..{to}", if i > 0 { ", " } else { "" })?;
        }
        f.write_str("}")
    }

    fn argument(&self, f: &mut fmt::Formatter<'_>, arg: &ArgPlace) -> fmt::Result {
        match arg {
            ArgPlace::Value(place) => self.place(f, *place),
            ArgPlace::Twice(vector, general) => {
                self.place(f, Place::Reg(*vector))?;
                f.write_str(" and ")?;
                self.place(f, Place::Reg(*general))
            }
            ArgPlace::Pieces(pieces) => self.pieces(f, pieces),
            ArgPlace::Bytes { at, size } => write!(f, "stack+{at}..{}", at + size),
            ArgPlace::Address { place, size, align } => {
                f.write_str("address in ")?;
                self.place(f, *place)?;
                write!(f, " of {size} bytes aligned to {align}")
            }
        }
    }
}

/// `(rdi, {rsi: 0..8, xmm0: 8..16}, stack+0..24) -> rax`, and behind it what is out of the ordinary.
impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = self.layout;
        f.write_str("(")?;
        for (i, arg) in layout.args.iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            self.argument(f, arg)?;
        }
        f.write_str(")")?;
        for (i, result) in layout.results.iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { " -> " })?;
            match result {
                ResultPlace::Reg(reg) => self.place(f, Place::Reg(*reg))?,
                ResultPlace::Field(offset) => write!(f, "+{offset}")?,
            }
        }
        if let Some(structure) = &layout.structure {
            write!(f, " of {} bytes aligned to {} in ", structure.size, structure.align)?;
            match &structure.returned {
                Returned::Pieces(pieces) => self.pieces(f, pieces)?,
                Returned::X87(1) => f.write_str("st0")?,
                Returned::X87(_) => f.write_str("st0, st1")?,
                Returned::Memory { address, back } => {
                    f.write_str("memory at ")?;
                    self.place(f, *address)?;
                    f.write_str(", back in ")?;
                    self.place(f, Place::Reg(*back))?;
                }
            }
        }
        if layout.stack > 0 {
            write!(f, "; {} bytes of stack", layout.stack)?;
            f.write_str(if layout.callee_pops { " that the callee gives back" } else { "" })?;
        }
        if layout.align > 16 {
            write!(f, "; stack aligned to {}", layout.align)?;
        }
        Ok(())
    }
}
