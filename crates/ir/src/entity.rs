//! Typed indices. Every object of a module or a function is named by a dense index of its own type, so that
//! an index can be used only with the table it belongs to and no object points to another.

/// Defines one index type: a `u32` under a name of its own, printed with its prefix.
macro_rules! entity {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// Stands for "none" where a record has a field that an instruction does not use.
            pub const NONE: $name = $name(u32::MAX);

            /// The position in the table this index belongs to.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// Whether this is [`Self::NONE`].
            #[inline]
            pub const fn is_none(self) -> bool {
                self.0 == u32::MAX
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                if self.is_none() { write!(f, concat!($prefix, "-")) } else { write!(f, concat!($prefix, "{}"), self.0) }
            }
        }
    };
}

entity!(
    /// A virtual register of one function. It has one type and may be assigned anywhere.
    VReg,
    "v"
);
entity!(
    /// A block of one function. After [`crate::FunctionBuilder::finish`], blocks are numbered in layout order:
    /// the instructions of block `n + 1` follow those of block `n`.
    Block,
    "b"
);
entity!(
    /// An instruction of one function: its position in the instruction array.
    Inst,
    "i"
);
entity!(
    /// Storage in the frame of one function.
    Slot,
    "s"
);
entity!(
    /// A set of blocks that an indirect jump of one function may go to.
    LabelSet,
    "l"
);
entity!(
    /// A callable of a module: defined in it or imported. Both share one numbering.
    FuncId,
    "f"
);
entity!(
    /// A data object of a module: defined in it or imported.
    DataId,
    "d"
);
entity!(
    /// An interned signature of a module.
    SigId,
    "sig"
);
entity!(
    /// The layout of an aggregate that a module's signatures pass by value.
    LayoutId,
    "t"
);
entity!(
    /// A source file named by a module's position tables.
    FileId,
    "file"
);
