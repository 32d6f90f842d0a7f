//! Ops: the enum that the table makes, the facts of each row, and mnemonics.
//!
//! Every match over [`Op`] in the interpreter and the compilers is exhaustive, so that a new row does not build until
//! each of them has said what it does.

mod mention;
mod shape;
mod table;
mod variant;

pub use mention::Mentions;
pub use shape::{Field, Kind, Role, Shape};
pub use variant::{Cond, FCond, Hint, Order, Rmw, Variant, Variants};

use crate::for_each_op;
use crate::types::TypeSet;

/// What an op does beside computing its results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(non_camel_case_types, reason = "the words of the table's rows")]
pub enum Effect {
    /// Nothing, save that it may trap.
    pure,
    /// Reads memory.
    reads,
    /// Writes memory, or orders accesses.
    writes,
    /// Runs other code.
    call,
    /// May leave the block in the middle.
    control,
    /// Ends the block.
    terminator,
}

/// All that the table says of an op.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    /// The op.
    pub op: Op,
    /// The mnemonic; `{}` stands for the variant.
    pub mnemonic: &'static str,
    /// The method of [`crate::FunctionBuilder`] that appends it.
    pub method: &'static str,
    /// Operands and their places.
    pub shape: Shape,
    /// The types its suffix may name.
    pub types: TypeSet,
    /// What it does beside computing results.
    pub effect: Effect,
    /// The traps it can raise.
    pub traps: &'static [TrapCause],
    /// One sentence on its meaning.
    pub doc: &'static str,
}

/// Why code trapped, as the table names it. [`crate::trap::TrapKind`] carries the values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrapCause {
    /// Division by 0.
    DivideByZero,
    /// The least integer divided by -1.
    IntegerOverflow,
    /// A float that has no integer of the wanted type.
    InvalidConversion,
    /// An address that may not be accessed.
    BadAccess,
    /// No room on the stack.
    StackOverflow,
    /// `unreachable` was reached.
    Unreachable,
    /// `trap` with a code.
    User,
}

macro_rules! define_op {
    ($($(#[doc = $doc:literal])* $name:ident $n:literal $method:ident $mnemonic:literal $shape:ident $types:ident $effect:ident [$($trap:ident),*];)*) => {
        /// An operation of the IR. The discriminant is its number in records and in bytecode.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Op { $($(#[doc = $doc])* $name = $n,)* }

        impl Op {
            /// Every op, in the order of the table.
            pub const ALL: &[Op] = &[$(Op::$name),*];

            /// The row of the table.
            pub fn info(self) -> &'static OpInfo {
                &INFO[POSITION[self as usize] as usize]
            }

            /// The op with this number.
            #[inline]
            pub const fn from_number(number: u8) -> Option<Op> {
                match number { $($n => Some(Op::$name),)* _ => None }
            }

            /// The operand shape.
            #[inline]
            pub const fn shape(self) -> Shape {
                match self { $(Op::$name => Shape::$shape,)* }
            }

            /// What the op does beside computing its results.
            #[inline]
            pub const fn effect(self) -> Effect {
                match self { $(Op::$name => Effect::$effect,)* }
            }
        }

        static INFO: &[OpInfo] = &[$(OpInfo {
            op: Op::$name,
            mnemonic: $mnemonic,
            method: stringify!($method),
            shape: Shape::$shape,
            types: TypeSet::$types,
            effect: Effect::$effect,
            traps: &[$(TrapCause::$trap),*],
            doc: concat!($($doc),*),
        },)*];
    };
}

for_each_op!(define_op);

/// From an op's number to its row in `INFO`.
static POSITION: [u8; 256] = {
    let mut position = [0; 256];
    let mut i = 0;
    while i < Op::ALL.len() {
        position[Op::ALL[i] as usize] = i as u8;
        i += 1;
    }
    position
};

impl Op {
    /// Whether the op ends its block.
    #[inline]
    pub const fn is_terminator(self) -> bool {
        matches!(self.effect(), Effect::terminator)
    }

    /// Whether a block that ends with this op may go on to the next block of the layout.
    #[inline]
    pub const fn falls_through(self) -> bool {
        matches!(self, Op::Branch | Op::Fbranch)
    }
}

impl OpInfo {
    /// The mnemonic with its variant filled in.
    pub fn name(&self, variant: Variant) -> String {
        self.mnemonic.replace("{}", variant.name())
    }
}

/// Finds the op and the variant that a full mnemonic (without type suffix) names.
pub fn find_mnemonic(name: &str) -> Option<(Op, Variant)> {
    let mut at = mnemonic_hash(MNEMONIC_SEED, name.as_bytes()) as usize % MNEMONICS.len();
    while MNEMONICS[at] != 0 {
        let entry = MNEMONICS[at] as usize - 1;
        let info = &INFO[entry >> 4];
        let variant = info.shape.variants().from_number(entry as u8 & 15).unwrap_or(Variant::None);
        let prefix = info.mnemonic.strip_suffix("{}").unwrap_or(info.mnemonic);
        if name.strip_prefix(prefix) == Some(variant.name()) {
            return Some((info.op, variant));
        }
        at = (at + 1) % MNEMONICS.len();
    }
    None
}

const MNEMONIC_SEED: u32 = 0x811c_9dc5;

/// FNV-1a.
const fn mnemonic_hash(mut hash: u32, bytes: &[u8]) -> u32 {
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    hash
}

/// Full mnemonics by hash, with linear probing: row and variant plus 1, or 0. Made when the crate is compiled, so that
/// a process that reads a small text pays nothing for it.
static MNEMONICS: [u16; 1024] = {
    let mut table = [0; 1024];
    let mut row = 0;
    while row < INFO.len() {
        let info = &INFO[row];
        let bytes = info.mnemonic.as_bytes();
        let family = !matches!(info.shape.variants(), Variants::None);
        let (prefix, _) = bytes.split_at(if family { bytes.len() - 2 } else { bytes.len() });
        let mut number = 0;
        while let Some(variant) = info.shape.variants().from_number(number) {
            let hash = mnemonic_hash(MNEMONIC_SEED, prefix);
            let mut at = mnemonic_hash(hash, variant.name().as_bytes()) as usize % table.len();
            while table[at] != 0 {
                at = (at + 1) % table.len();
            }
            table[at] = ((row << 4 | number as usize) + 1) as u16;
            number += 1;
        }
        row += 1;
    }
    table
};

/// Every full mnemonic with what it names, in the order of the table.
pub fn all_mnemonics() -> impl Iterator<Item = (String, Op, Variant)> {
    INFO.iter().flat_map(|info| info.shape.variants().all().into_iter().map(|v| (info.name(v), info.op, v)))
}

/// The rows of the table, in order.
pub const fn rows() -> &'static [OpInfo] {
    INFO
}
