//! Which words of records name registers, by op: what the shapes say, as bits for those that read every record.

use super::{Field, Op, Role};

/// How an op's records mention registers: the common ways each by a bit, the others by [`Mentions::MORE_READS`] and
/// [`Mentions::MORE_WRITES`], which send to the shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mentions(u8);

impl Mentions {
    /// `a` is read.
    pub const A: Mentions = Mentions(1);
    /// `b` is read, unless the record says that it is a constant.
    pub const B: Mentions = Mentions(2);
    /// `dst` is written.
    pub const DST: Mentions = Mentions(4);
    /// `dst` is read, unless the record says that it is a constant.
    pub const STORED: Mentions = Mentions(8);
    /// If the record has a tail, its first word is read, unless it is none: the index of an address.
    pub const INDEX: Mentions = Mentions(16);
    /// Something else is read.
    pub const MORE_READS: Mentions = Mentions(32);
    /// Something else is written.
    pub const MORE_WRITES: Mentions = Mentions(64);

    /// Whether any of these bits is set.
    #[inline]
    pub const fn has(self, any: Mentions) -> bool {
        self.0 & any.0 != 0
    }

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Mentions) -> Mentions {
        Mentions(self.0 | other.0)
    }

    const fn of_shape(operands: &[(Field, Role)]) -> Mentions {
        let mut all = Mentions(0);
        let mut i = 0;
        while i < operands.len() {
            all = all.with(match operands[i] {
                (Field::A, Role::Use(_)) => Mentions::A,
                (Field::A, Role::Mem) => Mentions::A.with(Mentions::INDEX),
                (Field::B, Role::Use(_) | Role::UseOrImm(_)) => Mentions::B,
                (Field::Dst, Role::Def(_)) => Mentions::DST,
                (Field::Dst, Role::StoreValue) => Mentions::STORED,
                (_, Role::CallList) => Mentions::MORE_READS.with(Mentions::MORE_WRITES),
                (_, Role::Def(_)) => Mentions::MORE_WRITES,
                (_, Role::Use(_) | Role::UseOrImm(_) | Role::StoreValue | Role::Mem) => Mentions::MORE_READS,
                (_, Role::List | Role::Results) => Mentions::MORE_READS,
                (
                    _,
                    Role::Const
                    | Role::Imm
                    | Role::BitRange
                    | Role::Block
                    | Role::ColdBlock
                    | Role::Func
                    | Role::Data
                    | Role::Slot
                    | Role::LabelSet
                    | Role::ExitId
                    | Role::TrapCode
                    | Role::CodeBytes
                    | Role::Cases,
                ) => Mentions(0),
            });
            i += 1;
        }
        all
    }
}

/// By the numbers of ops.
static MENTIONS: [Mentions; 256] = {
    let mut table = [Mentions(0); 256];
    let mut i = 0;
    while i < Op::ALL.len() {
        table[Op::ALL[i] as usize] = Mentions::of_shape(Op::ALL[i].shape().operands());
        i += 1;
    }
    table
};

impl Op {
    /// How the op's records mention registers.
    #[inline]
    pub fn mentions(self) -> Mentions {
        MENTIONS[self as usize]
    }
}
