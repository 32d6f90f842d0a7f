//! What rasm calls types and conditions of the IR.

use super::{Written, refuse};
use kiln_ir::diagnostic::Place;
use kiln_ir::types::AbiType;
use kiln_ir::{Cond, FCond, MemType, Type};

/// The suffix of an operation on a register of this type.
pub(super) fn suffix(ty: Type, signed: bool) -> &'static str {
    match (ty, signed) {
        (Type::I32, true) => "i",
        (Type::I32, false) => "ui",
        (Type::I64 | Type::Ptr, true) => "l",
        (Type::I64 | Type::Ptr, false) => "ul",
        (Type::F32, _) => "f",
        (Type::F64, _) => "d",
    }
}

/// The suffix of the bits of a register of this type.
pub(super) fn bits(ty: Type) -> &'static str {
    if ty == Type::F32 { "ui" } else { "l" }
}

/// The first register that holds values of this type.
pub(super) fn register(ty: &str) -> &'static str {
    if matches!(ty, "f" | "d") { "%fpr0" } else { "%r0" }
}

/// The suffix of an access; none for sizes that rasm does not have.
pub(super) fn access(ty: MemType) -> Option<&'static str> {
    Some(match ty {
        MemType::I8 => "c",
        MemType::U8 => "uc",
        MemType::I16 => "s",
        MemType::U16 => "us",
        MemType::I32 => "i",
        MemType::U32 => "ui",
        MemType::F32 => "f",
        MemType::F64 => "d",
        ty if ty.bytes() == 8 => "l",
        _ => return None,
    })
}

/// The suffix of an argument or result.
pub(super) fn argument(ty: &AbiType, at: Place) -> Written<&'static str> {
    Ok(match ty {
        AbiType::I8 => "c",
        AbiType::U8 => "uc",
        AbiType::I16 => "s",
        AbiType::U16 => "us",
        AbiType::Value(ty) => suffix(*ty, true),
        AbiType::Aggregate(_) => return refuse(at, "an aggregate passed by value"),
    })
}

/// Stem and signedness of a condition.
pub(super) fn condition(cond: Cond) -> (&'static str, bool) {
    match cond {
        Cond::Eq => ("eq", true),
        Cond::Ne => ("ne", true),
        Cond::Lt => ("lt", true),
        Cond::Ge => ("ge", true),
        Cond::Le => ("le", true),
        Cond::Gt => ("gt", true),
        Cond::Ult => ("lt", false),
        Cond::Uge => ("ge", false),
        Cond::Ule => ("le", false),
        Cond::Ugt => ("gt", false),
        Cond::Any => ("ms", true),
        Cond::None => ("mc", true),
    }
}

pub(super) fn predicate(cond: FCond) -> &'static str {
    match cond {
        FCond::Eq => "eq",
        FCond::Ne => "ne",
        FCond::Lt => "lt",
        FCond::Uge => "unge",
        FCond::Le => "le",
        FCond::Ugt => "ungt",
        FCond::Gt => "gt",
        FCond::Ule => "unle",
        FCond::Ge => "ge",
        FCond::Ult => "unlt",
        FCond::Ltgt => "ltgt",
        FCond::Ueq => "uneq",
        FCond::Ord => "ord",
        FCond::Unord => "unord",
    }
}
