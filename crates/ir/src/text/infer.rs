//! Which types follow without being written. Parser and printer both ask here, so that the printer leaves out
//! exactly what the parser puts back.

use crate::op::{Kind, Op, Shape};
use crate::types::{MemType, Type, TypeSet};

/// What is known of an instruction before its type is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The type of the first register among the operands that have the op's type, or of a conversion's source.
    pub operand: Option<Type>,
    /// The type of the register that takes the first result, if that is fixed already and is the op's type.
    pub dest: Option<Type>,
    /// The access, if one is written.
    pub access: Option<MemType>,
    /// Whether the constant among the operands is a float.
    pub float: bool,
}

/// The op's type without a suffix; `None` if it does not follow.
pub(super) fn op_type(op: Op, types: TypeSet, known: Known) -> Option<Type> {
    if types == TypeSet::NONE {
        return Some(Type::I32);
    }
    if types.0.count_ones() == 1 {
        return types.iter().next();
    }
    let literal = if known.float { Type::F64 } else { Type::I64 };
    match op.shape() {
        Shape::Load | Shape::AtomicLoad => known.dest.or(known.access.map(MemType::default_register)),
        Shape::Store | Shape::AtomicStore | Shape::AtomicRmw | Shape::AtomicCas => {
            known.operand.or(known.access.map(MemType::default_register))
        }
        Shape::Bitcast => known.dest.or(known.operand.map(other_class)),
        Shape::FromInt | Shape::ToInt | Shape::VaArg => known.dest,
        Shape::Const => known.dest.or(Some(literal)),
        _ => {
            let ty = known.operand.or(known.dest).unwrap_or(if types.has(literal) {
                literal
            } else if types.has(Type::F64) {
                Type::F64
            } else {
                Type::I64
            });
            Some(if ty == Type::Ptr && !types.has(ty) && types.has(Type::I64) { Type::I64 } else { ty })
        }
    }
}

/// The access of a memory op without a suffix.
pub(super) fn access(known: Known) -> Option<MemType> {
    known.operand.or(known.dest).map(MemType::of)
}

/// The type of a register of this kind, given the op's type. Where the kind leaves a choice, the wider one.
pub(super) const fn kind_type(kind: Kind, ty: Type) -> Type {
    match kind {
        Kind::T => ty,
        Kind::I32 => Type::I32,
        Kind::I64 | Kind::Int => Type::I64,
        Kind::F32 => Type::F32,
        Kind::F64 | Kind::Float => Type::F64,
        Kind::Ptr => Type::Ptr,
        Kind::OtherClass => other_class(ty),
    }
}

const fn other_class(ty: Type) -> Type {
    match ty {
        Type::I32 => Type::F32,
        Type::I64 | Type::Ptr => Type::F64,
        Type::F32 => Type::I32,
        Type::F64 => Type::I64,
    }
}
