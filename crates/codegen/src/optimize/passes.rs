//! The passes by name: which of them run, for those who look at them one by one and for tests that leave some out.

macro_rules! passes {
    ($($(#[doc = $doc:literal])+ $constant:ident $bit:literal $name:literal;)*) => {
        /// A set of passes.
        impl Passes {
            $($(#[doc = $doc])+ pub const $constant: Passes = Passes(1 << $bit);)*

            /// Each pass in the order in which they run, with its name and what it does.
            pub const LIST: &[(Passes, &str, &str)] = &[$((Passes::$constant, $name, concat!($($doc),+)),)*];

            /// Every pass.
            pub const ALL: Passes = Passes($(1 << $bit)|*);
        }
    };
}

/// A set of passes of the optimizing compiler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passes(u32);

passes! {
    /// Bodies of small functions, and of those called once, take the place of calls.
    INLINE 0 "inline";
    /// Calls of a function by itself at its end become loops, also those whose result is still added to or multiplied.
    RECURSION 1 "recursion";
    /// Loops test at their ends, behind one test before them.
    INVERT 2 "invert";
    /// Registers become values written once; equal ones are merged, known ones computed.
    SSA 3 "ssa";
    /// Loads of what is known to be in memory, and stores that are overwritten, go.
    MEMORY 4 "memory";
    /// Computations that give the same in every round leave their loops.
    LICM 5 "licm";
    /// Products of a loop's counter become sums, and addresses pointers that advance.
    INDUCTION 6 "induction";
    /// Short branches become selections.
    IF_CONVERT 7 "if-convert";
    /// Blocks in the order in which they mostly run, rare ones behind all others.
    LAYOUT 8 "layout";
    /// Operations that machine instructions do in one are marked as one.
    FUSE 9 "fuse";
}

impl Default for Passes {
    fn default() -> Passes {
        Passes::ALL
    }
}

impl Passes {
    /// Whether all passes of `other` are in the set.
    pub const fn has(self, other: Passes) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set with those of `other` too.
    pub const fn with(self, other: Passes) -> Passes {
        Passes(self.0 | other.0)
    }

    /// The set without those of `other`.
    pub const fn without(self, other: Passes) -> Passes {
        Passes(self.0 & !other.0)
    }

    /// The pass of this name.
    pub fn find(name: &str) -> Option<Passes> {
        Some(Passes::LIST.iter().find(|(_, other, _)| *other == name)?.0)
    }
}
