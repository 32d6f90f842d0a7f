//! What tells the members of a family of ops apart: conditions, predicates, read-modify-write operations; and the
//! other attributes of instructions that have names.

/// The kind of variant that fills the braces of a mnemonic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variants {
    /// The mnemonic has no braces.
    None,
    /// A [`Cond`].
    Cond,
    /// An [`FCond`].
    FCond,
    /// An [`Rmw`].
    Rmw,
}

/// Defines an enum of names with numbers, listed once.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $(#[doc = $vdoc:literal] $variant:ident = $n:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum $name { $(#[doc = $vdoc] $variant = $n,)* }

        impl $name {
            /// Every value, in the order of their numbers.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The value with this number.
            #[inline]
            pub const fn from_number(number: u8) -> Option<$name> {
                match number { $($n => Some($name::$variant),)* _ => None }
            }

            /// The name in the text form.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// What it means, in a few words.
            pub fn meaning(self) -> &'static str {
                match self { $($name::$variant => $vdoc.trim_ascii(),)* }
            }
        }
    };
}

named!(
    /// A relation between two integers.
    Cond {
        /// Equal.
        Eq = 0 "eq",
        /// Not equal.
        Ne = 1 "ne",
        /// Less, signed.
        Lt = 2 "lt",
        /// Greater or equal, signed.
        Ge = 3 "ge",
        /// Less or equal, signed.
        Le = 4 "le",
        /// Greater, signed.
        Gt = 5 "gt",
        /// Less, unsigned.
        Ult = 6 "ult",
        /// Greater or equal, unsigned.
        Uge = 7 "uge",
        /// Less or equal, unsigned.
        Ule = 8 "ule",
        /// Greater, unsigned.
        Ugt = 9 "ugt",
        /// The operands have a one bit in common.
        Any = 10 "any",
        /// The operands have no one bit in common.
        None = 11 "none",
    }
);

impl Cond {
    /// The condition that holds when this one does not. Numbers come in such pairs.
    pub const fn inverse(self) -> Cond {
        match Cond::from_number(self as u8 ^ 1) {
            Some(c) => c,
            None => self,
        }
    }

    /// The condition that holds between the operands the other way round when this one holds between them.
    pub const fn exchanged(self) -> Cond {
        match self {
            Cond::Lt => Cond::Gt,
            Cond::Gt => Cond::Lt,
            Cond::Le => Cond::Ge,
            Cond::Ge => Cond::Le,
            Cond::Ult => Cond::Ugt,
            Cond::Ugt => Cond::Ult,
            Cond::Ule => Cond::Uge,
            Cond::Uge => Cond::Ule,
            Cond::Eq | Cond::Ne | Cond::Any | Cond::None => self,
        }
    }

    /// Whether the condition holds between two sign-extended (or, for 32-bit unsigned, truncated) operands of
    /// `bits` width.
    pub const fn holds(self, a: i64, b: i64, bits: u32) -> bool {
        let mask = if bits == 32 { 0xffff_ffff } else { u64::MAX };
        let (ua, ub) = (a as u64 & mask, b as u64 & mask);
        let (sa, sb) = if bits == 32 { (a as i32 as i64, b as i32 as i64) } else { (a, b) };
        match self {
            Cond::Eq => ua == ub,
            Cond::Ne => ua != ub,
            Cond::Lt => sa < sb,
            Cond::Ge => sa >= sb,
            Cond::Le => sa <= sb,
            Cond::Gt => sa > sb,
            Cond::Ult => ua < ub,
            Cond::Uge => ua >= ub,
            Cond::Ule => ua <= ub,
            Cond::Ugt => ua > ub,
            Cond::Any => ua & ub != 0,
            Cond::None => ua & ub == 0,
        }
    }
}

named!(
    /// A relation between two floats. The first seven of the list besides `ne` are false if an operand is NaN
    /// ("ordered"), those with a `u` are true ("unordered or …").
    FCond {
        /// Equal.
        Eq = 0 "eq",
        /// Not equal, or unordered: C's `!=`.
        Ne = 1 "ne",
        /// Less.
        Lt = 2 "lt",
        /// Unordered, greater or equal: not less.
        Uge = 3 "uge",
        /// Less or equal.
        Le = 4 "le",
        /// Unordered or greater: not less or equal.
        Ugt = 5 "ugt",
        /// Greater.
        Gt = 6 "gt",
        /// Unordered, less or equal: not greater.
        Ule = 7 "ule",
        /// Greater or equal.
        Ge = 8 "ge",
        /// Unordered or less: not greater or equal.
        Ult = 9 "ult",
        /// Less or greater: ordered and not equal.
        Ltgt = 10 "ltgt",
        /// Unordered or equal.
        Ueq = 11 "ueq",
        /// Ordered: neither is NaN.
        Ord = 12 "ord",
        /// Unordered: one is NaN.
        Unord = 13 "unord",
    }
);

impl FCond {
    /// The predicate that holds when this one does not. Numbers come in such pairs.
    pub const fn inverse(self) -> FCond {
        match FCond::from_number(self as u8 ^ 1) {
            Some(c) => c,
            None => self,
        }
    }

    /// Whether the predicate holds between the operands.
    pub fn holds(self, a: f64, b: f64) -> bool {
        let unordered = a.is_nan() || b.is_nan();
        match self {
            FCond::Eq => a == b,
            FCond::Ne => a != b,
            FCond::Lt => a < b,
            FCond::Uge => unordered || a >= b,
            FCond::Le => a <= b,
            FCond::Ugt => unordered || a > b,
            FCond::Gt => a > b,
            FCond::Ule => unordered || a <= b,
            FCond::Ge => a >= b,
            FCond::Ult => unordered || a < b,
            FCond::Ltgt => !unordered && a != b,
            FCond::Ueq => unordered || a == b,
            FCond::Ord => !unordered,
            FCond::Unord => unordered,
        }
    }
}

named!(
    /// What an atomic read-modify-write does to memory.
    Rmw {
        /// Adds.
        Add = 0 "add",
        /// Subtracts.
        Sub = 1 "sub",
        /// Bitwise and.
        And = 2 "and",
        /// Bitwise or.
        Or = 3 "or",
        /// Bitwise exclusive or.
        Xor = 4 "xor",
        /// Replaces.
        Xchg = 5 "xchg",
        /// The lesser, signed.
        Smin = 6 "smin",
        /// The greater, signed.
        Smax = 7 "smax",
        /// The lesser, unsigned.
        Umin = 8 "umin",
        /// The greater, unsigned.
        Umax = 9 "umax",
    }
);

named!(
    /// A memory order of the C11 model.
    Order {
        /// Atomic, but ordered with nothing else.
        Relaxed = 0 "relaxed",
        /// Later accesses stay behind a read.
        Acquire = 1 "acquire",
        /// Earlier accesses stay before a write.
        Release = 2 "release",
        /// Both.
        AcqRel = 3 "acq_rel",
        /// Both, in one order that all threads agree on.
        SeqCst = 4 "seq_cst",
    }
);

named!(
    /// The guess which way a branch goes.
    Hint {
        /// No guess.
        None = 0 "",
        /// Taken mostly.
        Likely = 1 "likely",
        /// Rarely taken.
        Unlikely = 2 "unlikely",
    }
);

/// The variant of one instruction: what fills the braces of its mnemonic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Variant {
    /// The op has none.
    None,
    /// An integer condition.
    Cond(Cond),
    /// A float predicate.
    FCond(FCond),
    /// A read-modify-write operation.
    Rmw(Rmw),
}

impl Variants {
    /// Every variant of the kind with its number.
    pub fn all(self) -> Vec<Variant> {
        match self {
            Variants::None => vec![Variant::None],
            Variants::Cond => Cond::ALL.iter().map(|c| Variant::Cond(*c)).collect(),
            Variants::FCond => FCond::ALL.iter().map(|c| Variant::FCond(*c)).collect(),
            Variants::Rmw => Rmw::ALL.iter().map(|r| Variant::Rmw(*r)).collect(),
        }
    }

    /// The variant of the kind with this number.
    pub const fn from_number(self, number: u8) -> Option<Variant> {
        match self {
            Variants::None => {
                if number == 0 {
                    Some(Variant::None)
                } else {
                    None
                }
            }
            Variants::Cond => match Cond::from_number(number) {
                Some(c) => Some(Variant::Cond(c)),
                None => None,
            },
            Variants::FCond => match FCond::from_number(number) {
                Some(c) => Some(Variant::FCond(c)),
                None => None,
            },
            Variants::Rmw => match Rmw::from_number(number) {
                Some(r) => Some(Variant::Rmw(r)),
                None => None,
            },
        }
    }
}

impl Variant {
    /// The number kept in the record.
    pub const fn number(self) -> u8 {
        match self {
            Variant::None => 0,
            Variant::Cond(c) => c as u8,
            Variant::FCond(c) => c as u8,
            Variant::Rmw(r) => r as u8,
        }
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Variant::None => "",
            Variant::Cond(c) => c.meaning(),
            Variant::FCond(c) => c.meaning(),
            Variant::Rmw(r) => r.meaning(),
        }
    }

    /// What fills the braces.
    pub const fn name(self) -> &'static str {
        match self {
            Variant::None => "",
            Variant::Cond(c) => c.name(),
            Variant::FCond(c) => c.name(),
            Variant::Rmw(r) => r.name(),
        }
    }
}
