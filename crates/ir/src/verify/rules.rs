//! The op table as the verifier reads it: for each pair of op and type one 8-byte row that says which register
//! types stand in the record's words and which bits of `aux` may be set. Derived from [`Shape::operands`] when the
//! crate is compiled, so that the common shapes are checked by a few loads and masks.

use crate::attributes::allowed_bits;
use crate::for_each_op;
use crate::op::{Effect, Field, Kind, Op, Role, Shape, Variants};
use crate::types::{MemType, Type, TypeSet};

/// How a record is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Path {
    /// Operand by operand; also every pair of op and type that does not exist.
    General,
    /// A register written in `dst`, registers or a constant read in `a` and `b`; each may be absent.
    Plain,
    /// Reads like `Plain`; `dst` is a block.
    Branch,
    /// A constant.
    Const,
    /// A memory operand, and a register read or written in `dst`.
    Mem,
}

/// What is checked of a record with a certain op and type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The bits of `aux` that may be set.
    pub allowed: u16,
    /// Bit `n` says that a register of the type with number `n` may be written in `dst`; 0: there is none.
    pub dst: u8,
    /// The same for the register read in `a`.
    pub a: u8,
    /// The same for the register read in `b`.
    pub b: u8,
    /// How the record is checked.
    pub path: Path,
    /// One more than the highest variant number.
    pub variants: u8,
    /// Whether the op ends its block.
    pub ends: bool,
}

/// When a record must have the `TAIL` flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TailRule {
    Never,
    Always,
    /// If the memory operand has an index.
    WithIndex,
    /// If the constant does not fit `b`.
    WideConst,
    /// If there is more than one result.
    MoreResults,
}

/// When records of this shape have a tail.
pub(super) const fn tail_rule(shape: Shape) -> TailRule {
    match shape {
        Shape::Const => return TailRule::WideConst,
        Shape::Ret => return TailRule::MoreResults,
        Shape::Address | Shape::Load | Shape::Store | Shape::Prefetch => return TailRule::WithIndex,
        Shape::AtomicLoad | Shape::AtomicStore => return TailRule::Always,
        _ => {}
    }
    let operands = shape.operands();
    let mut i = 0;
    while i < operands.len() {
        if matches!(operands[i].0, Field::Tail(_)) {
            return TailRule::Always;
        }
        i += 1;
    }
    TailRule::Never
}

/// The registers that may stand where a kind is asked for in an op of type `ty`, as bits of type numbers.
pub(super) const fn kind_mask(kind: Kind, ty: Type) -> u8 {
    const fn of(ty: Type) -> u8 {
        let mut mask = 0;
        let mut i = 0;
        while i < Type::ALL.len() {
            if ty.accepts(Type::ALL[i]) {
                mask |= 1 << Type::ALL[i] as u8;
            }
            i += 1;
        }
        mask
    }
    match kind {
        Kind::T => of(ty),
        Kind::I32 => of(Type::I32),
        Kind::I64 => of(Type::I64),
        Kind::F32 => of(Type::F32),
        Kind::F64 => of(Type::F64),
        Kind::Ptr => of(Type::Ptr),
        Kind::Int => of(Type::I32) | of(Type::I64),
        Kind::Float => of(Type::F32) | of(Type::F64),
        Kind::OtherClass => of(match ty {
            Type::I32 => Type::F32,
            Type::I64 | Type::Ptr => Type::F64,
            Type::F32 => Type::I32,
            Type::F64 => Type::I64,
        }),
    }
}

/// The types that an op names, for ops of these types: `i32` where the table names none.
pub(super) const fn type_allowed(types: TypeSet, ty: Type) -> bool {
    if types.0 == 0 { matches!(ty, Type::I32) } else { types.has(ty) }
}

/// One more than the highest number of a kind of variant.
pub(super) const fn variant_count(variants: Variants) -> u8 {
    match variants {
        Variants::None => 1,
        Variants::Cond => crate::op::Cond::ALL.len() as u8,
        Variants::FCond => crate::op::FCond::ALL.len() as u8,
        Variants::Rmw => crate::op::Rmw::ALL.len() as u8,
    }
}

const fn path_of(shape: Shape) -> Path {
    match shape {
        Shape::Nullary
        | Shape::Unary
        | Shape::Binary
        | Shape::FBinary
        | Shape::Compare
        | Shape::FCompare
        | Shape::Widen
        | Shape::Narrow
        | Shape::FromInt
        | Shape::ToInt
        | Shape::Promote
        | Shape::Demote
        | Shape::Bitcast
        | Shape::VaArg => Path::Plain,
        Shape::Jump | Shape::Branch | Shape::FBranch => Path::Branch,
        Shape::Const => Path::Const,
        Shape::Address | Shape::Load | Shape::Store | Shape::Prefetch => Path::Mem,
        _ => Path::General,
    }
}

const fn row(shape: Shape, types: TypeSet, effect: Effect, ty: Type) -> Row {
    let mut row = Row {
        allowed: allowed_bits(shape),
        dst: 0,
        a: 0,
        b: 0,
        path: if type_allowed(types, ty) { path_of(shape) } else { Path::General },
        variants: match shape.variants() {
            Variants::Rmw => 16,
            Variants::None if shape.accesses() => 16,
            variants => variant_count(variants),
        },
        ends: matches!(effect, Effect::terminator),
    };
    let operands = shape.operands();
    let mut i = 0;
    while i < operands.len() {
        let mask = match operands[i].1 {
            Role::Def(kind) | Role::Use(kind) | Role::UseOrImm(kind) => kind_mask(kind, ty),
            Role::StoreValue => kind_mask(Kind::T, ty),
            Role::Mem => kind_mask(Kind::Ptr, ty),
            _ => 0,
        };
        match operands[i].0 {
            Field::Dst => row.dst = mask,
            Field::A => row.a = mask,
            Field::B => row.b = mask,
            Field::Tail(_) => {}
        }
        i += 1;
    }
    row
}

macro_rules! list_ops {
    ($($(#[doc = $doc:literal])* $name:ident $n:literal $method:ident $mnemonic:literal $shape:ident $types:ident $effect:ident [$($trap:ident),*];)*) => {
        const OPS: &[(Op, Shape, TypeSet, Effect)] =
            &[$((Op::$name, Shape::$shape, TypeSet::$types, Effect::$effect)),*];
    };
}
for_each_op!(list_ops);

/// The row of an op and a type, at `op * 8 + type`.
static ROWS: [Row; 256 * 8] = {
    let absent = Row { allowed: 0, dst: 0, a: 0, b: 0, path: Path::General, variants: 0, ends: false };
    let mut rows = [absent; 256 * 8];
    let mut i = 0;
    while i < OPS.len() {
        let (op, shape, types, effect) = OPS[i];
        let mut t = 0;
        while t < Type::ALL.len() {
            rows[op as usize * 8 + Type::ALL[t] as usize] = row(shape, types, effect, Type::ALL[t]);
            t += 1;
        }
        i += 1;
    }
    rows
};

/// The row of an op and a type.
#[inline(always)]
pub(super) fn row_of(op: Op, ty: Type) -> &'static Row {
    &ROWS[op as usize * 8 + ty as usize]
}

/// Bit `n` of the word of a type says that the access with number `n` exists and fits registers of that type.
static FITS: [u32; 8] = {
    let mut fits = [0; 8];
    let mut t = 0;
    while t < Type::ALL.len() {
        let mut number = 0;
        while number < 32 {
            let access = MemType(number);
            if access.is_valid() && access.fits(Type::ALL[t]) {
                fits[Type::ALL[t] as usize] |= 1 << number;
            }
            number += 1;
        }
        t += 1;
    }
    fits
};

/// Whether the access exists and registers of the type can be loaded from it or stored to it.
#[inline(always)]
pub(super) fn access_fits(access: MemType, ty: Type) -> bool {
    FITS[ty as usize] >> (access.0 & 31) & 1 != 0
}
