//! Where values are: the registers of the language, and what calls and carries leave behind, by number.

use crate::rasm::program::Register;
use crate::rasm::table::Ty;
use kiln_ir::Type;

/// A set of places.
pub(super) type Set = u32;

/// Three R and three V registers, six float registers as floats, six as doubles, the carry, and a float and a double
/// that calls give. `%ret` is `%r0`.
pub(super) const COUNT: usize = 21;

const CARRY_AT: usize = 18;

/// The carry.
pub(super) const CARRY: Set = 1 << CARRY_AT;

/// The number of the carry.
pub(super) fn carry() -> usize {
    CARRY_AT
}

/// The number of a register as an operand of this type; none for `%sp` and `%fp`, which are computed.
pub(super) fn number(register: Register, ty: Ty) -> Option<usize> {
    match register {
        Register::R(n) => Some(n.into()),
        Register::Ret => Some(0),
        Register::V(n) => Some(3 + usize::from(n)),
        Register::Float(n) if ty == Ty::F => Some(6 + usize::from(n)),
        Register::Float(n) => Some(12 + usize::from(n)),
        Register::Sp | Register::Fp => None,
    }
}

pub(super) fn set(register: Register, ty: Ty) -> Set {
    number(register, ty).map_or(0, |n| 1 << n)
}

/// The number of the place where a call leaves its result: `%ret`, or one for floats of this type.
pub(super) fn result_number(float: Option<Ty>) -> usize {
    match float {
        None => 0,
        Some(Ty::F) => 19,
        Some(_) => 20,
    }
}

pub(super) fn result(float: Option<Ty>) -> Set {
    1 << result_number(float)
}

/// The type of a place.
pub(super) fn ty(number: usize) -> Type {
    match number {
        6..12 | 19 => Type::F32,
        12..18 | 20 => Type::F64,
        CARRY_AT => Type::I32,
        _ => Type::I64,
    }
}

/// What messages and listings call a place.
pub(super) fn name(number: usize) -> String {
    match number {
        0..3 => format!("r{number}"),
        3..6 => format!("v{}", number - 3),
        6..12 => format!("fpr{}.f", number - 6),
        12..18 => format!("fpr{}.d", number - 12),
        CARRY_AT => "carry".into(),
        19 => "retval.f".into(),
        _ => "retval.d".into(),
    }
}
