//! What ops cost: one list, for the passes that weigh doing an op more often against something else.

use kiln_ir::Op;

/// Whether processors do the op on integers in one cycle, in one instruction or nearly so. None of them traps or touches
/// memory. Not listed: what often costs nothing (`const`, `copy`), and what is a part of a branch as a rule (`cmp`).
pub const fn is_one_cycle(op: Op) -> bool {
    matches!(
        op,
        Op::Add
            | Op::Sub
            | Op::And
            | Op::Or
            | Op::Xor
            | Op::Shl
            | Op::Lshr
            | Op::Ashr
            | Op::Neg
            | Op::Not
            | Op::Addr
            | Op::Sext
            | Op::Zext
            | Op::Trunc
            | Op::Sext8
            | Op::Sext16
            | Op::Zext8
            | Op::Zext16
    )
}
