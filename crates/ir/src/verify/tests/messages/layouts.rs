//! What is said of layouts and what signatures pass.

use super::Case;
use super::parts::{layout, module};
use crate::entity::LayoutId;
use crate::types::{AbiType, AggregateClass, FieldKind, Signature};

pub fn cases() -> Vec<Case> {
    vec![
        ("a type is aligned to a power of two", layout(12, 3, AggregateClass::Plain, &[])),
        ("a type's size is a multiple of its alignment", layout(12, 8, AggregateClass::Plain, &[])),
        ("fields lie inside their type", layout(8, 8, AggregateClass::Plain, &[(4, FieldKind::I32, 2)])),
        ("fields are not empty", layout(8, 8, AggregateClass::Plain, &[(0, FieldKind::I32, 0)])),
        (
            "fields are in order",
            layout(8, 4, AggregateClass::Plain, &[(4, FieldKind::I32, 1), (0, FieldKind::I32, 1)]),
        ),
        ("x87 is one f80", layout(16, 16, AggregateClass::X87, &[(0, FieldKind::F64, 2)])),
        ("complex is two floats", layout(16, 8, AggregateClass::Complex, &[(0, FieldKind::I64, 2)])),
        ("int128 has 16 bytes", layout(8, 8, AggregateClass::Int128, &[(0, FieldKind::I64, 1)])),
        (
            "a signature passes types of the module",
            module(|m| {
                let param = AbiType::Aggregate(LayoutId(3));
                m.signature(Signature { params: vec![param], ..Signature::default() });
            }),
        ),
    ]
}
