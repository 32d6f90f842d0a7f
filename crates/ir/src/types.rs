//! What values are: the types of registers, of memory accesses and of signature elements, and the layouts of
//! aggregates that signatures pass by value.

use crate::entity::LayoutId;
use std::fmt;

/// The type of a virtual register.
///
/// The discriminants are the type's number in records and in bytecode; the numbers above them are free for
/// vector types.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Type {
    /// 32-bit integer, of either signedness.
    I32 = 0,
    /// 64-bit integer, of either signedness.
    I64 = 1,
    /// IEEE 754 binary32.
    F32 = 2,
    /// IEEE 754 binary64.
    F64 = 3,
    /// An address: an integer of the target's pointer width under its own name. It mixes freely with the
    /// integer type of that width.
    Ptr = 4,
}

impl Type {
    /// Every type, in the order of their numbers.
    pub const ALL: [Type; 5] = [Type::I32, Type::I64, Type::F32, Type::F64, Type::Ptr];

    /// The type with this number.
    #[inline]
    pub const fn from_number(number: u8) -> Option<Type> {
        match number {
            0 => Some(Type::I32),
            1 => Some(Type::I64),
            2 => Some(Type::F32),
            3 => Some(Type::F64),
            4 => Some(Type::Ptr),
            _ => None,
        }
    }

    /// Whether registers of this type hold an IEEE float.
    #[inline]
    pub const fn is_float(self) -> bool {
        matches!(self, Type::F32 | Type::F64)
    }

    /// Size in bytes. The pointer width is 8: every target so far is a 64-bit one.
    #[inline]
    pub const fn bytes(self) -> u32 {
        match self {
            Type::I32 | Type::F32 => 4,
            Type::I64 | Type::F64 | Type::Ptr => 8,
        }
    }

    /// Whether a value of type `other` may stand where `self` is asked for: equal types, or a pointer and the
    /// integer of its width.
    #[inline]
    pub const fn accepts(self, other: Type) -> bool {
        self as u8 == other as u8 || matches!((self, other), (Type::Ptr, Type::I64) | (Type::I64, Type::Ptr))
    }

    /// The name in the text form.
    pub const fn name(self) -> &'static str {
        match self {
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Ptr => "ptr",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of register types: bit `n` stands for the type with number `n`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TypeSet(pub u8);

impl TypeSet {
    /// No type: the op's type field is unused and 0.
    pub const NONE: TypeSet = TypeSet(0);
    /// `i32`, `i64`.
    pub const INT: TypeSet = TypeSet(0b00011);
    /// `i32`, `i64`, `ptr`.
    pub const INT_PTR: TypeSet = TypeSet(0b10011);
    /// `f32`, `f64`.
    pub const FLOAT: TypeSet = TypeSet(0b01100);
    /// Every type.
    pub const ANY: TypeSet = TypeSet(0b11111);
    /// `i32` only.
    pub const I32: TypeSet = TypeSet(0b00001);
    /// `i64` only.
    pub const I64: TypeSet = TypeSet(0b00010);
    /// `f32` only.
    pub const F32: TypeSet = TypeSet(0b00100);
    /// `f64` only.
    pub const F64: TypeSet = TypeSet(0b01000);
    /// `ptr` only.
    pub const PTR: TypeSet = TypeSet(0b10000);

    /// Whether the set has the type.
    #[inline]
    pub const fn has(self, ty: Type) -> bool {
        self.0 >> (ty as u8) & 1 != 0
    }

    /// The types of the set, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Type> {
        Type::ALL.into_iter().filter(move |t| self.has(*t))
    }
}

/// What a memory access reads or writes: 1 to 8 bytes of integer, or a float. Integer loads narrower than the
/// register extend as the type says; stores write the low bytes and ignore the signedness.
///
/// Bits 0 to 2 are the size in bytes minus one, bit 3 is set for sign extension, bit 4 for a float.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemType(pub u8);

impl MemType {
    /// Unsigned byte.
    pub const U8: MemType = MemType(0);
    /// Signed byte.
    pub const I8: MemType = MemType(8);
    /// Unsigned 16 bits.
    pub const U16: MemType = MemType(1);
    /// Signed 16 bits.
    pub const I16: MemType = MemType(9);
    /// Unsigned 32 bits.
    pub const U32: MemType = MemType(3);
    /// Signed 32 bits.
    pub const I32: MemType = MemType(11);
    /// 64 bits (as wide as a register: signedness has no meaning; this form is the canonical one).
    pub const I64: MemType = MemType(15);
    /// IEEE binary32.
    pub const F32: MemType = MemType(16 + 3);
    /// IEEE binary64.
    pub const F64: MemType = MemType(16 + 7);
    /// An address.
    pub const PTR: MemType = MemType(7);

    /// An integer access of `bytes` (1 to 8).
    pub const fn int(bytes: u8, signed: bool) -> MemType {
        assert!(bytes >= 1 && bytes <= 8);
        MemType((bytes - 1) | if signed { 8 } else { 0 })
    }

    /// The access that moves a whole register of this type.
    pub const fn of(ty: Type) -> MemType {
        match ty {
            Type::I32 => MemType::I32,
            Type::I64 => MemType::I64,
            Type::F32 => MemType::F32,
            Type::F64 => MemType::F64,
            Type::Ptr => MemType::PTR,
        }
    }

    /// The number of bytes accessed, 1 to 8.
    #[inline]
    pub const fn bytes(self) -> u32 {
        (self.0 & 7) as u32 + 1
    }

    /// Whether a load sign-extends.
    #[inline]
    pub const fn signed(self) -> bool {
        self.0 & 8 != 0
    }

    /// Whether the access moves a float.
    #[inline]
    pub const fn is_float(self) -> bool {
        self.0 & 16 != 0
    }

    /// Whether the bits are one of the accesses that exist.
    pub const fn is_valid(self) -> bool {
        matches!(self.0, 0..16 | 19 | 23)
    }

    /// The register type that a load of this access gives when the program does not say: as in C, `i32` for
    /// what fits it, else `i64`.
    pub const fn default_register(self) -> Type {
        match self {
            MemType::F32 => Type::F32,
            MemType::F64 => Type::F64,
            MemType::PTR => Type::Ptr,
            m if m.bytes() < 4 || m.0 == MemType::I32.0 => Type::I32,
            _ => Type::I64,
        }
    }

    /// Whether a register of this type can be loaded from or stored to such an access: the class matches and
    /// the register is wide enough for a load.
    pub const fn fits(self, ty: Type) -> bool {
        if self.is_float() {
            ty.is_float() && self.bytes() == ty.bytes()
        } else {
            !ty.is_float() && self.bytes() <= ty.bytes()
        }
    }

    /// The access with this name in the text form (`u8`, `i24`, `f64`, `ptr`, …).
    pub fn from_name(name: &str) -> Option<MemType> {
        match name {
            "f32" => return Some(MemType::F32),
            "f64" => return Some(MemType::F64),
            "ptr" => return Some(MemType::PTR),
            "i64" | "u64" => return Some(MemType::I64),
            _ => {}
        }
        let (signed, bits) = match name.split_at_checked(1)? {
            ("i", bits) => (true, bits),
            ("u", bits) => (false, bits),
            _ => return None,
        };
        let bits: u8 = bits.parse().ok()?;
        (bits.is_multiple_of(8) && (8..64).contains(&bits)).then(|| MemType::int(bits / 8, signed))
    }
}

impl fmt::Display for MemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            MemType::PTR => f.write_str("ptr"),
            m if m.is_float() => write!(f, "f{}", m.bytes() * 8),
            m => write!(f, "{}{}", if m.signed() { 'i' } else { 'u' }, m.bytes() * 8),
        }
    }
}

impl fmt::Debug for MemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One parameter or result of a signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AbiType {
    /// A signed byte; its register is `i32`. The caller sign-extends, the callee does not trust it.
    I8,
    /// An unsigned byte; its register is `i32`.
    U8,
    /// A signed 16-bit integer; its register is `i32`.
    I16,
    /// An unsigned 16-bit integer; its register is `i32`.
    U16,
    /// A value of a register type.
    Value(Type),
    /// An aggregate by value. The register passed or received is the address of its bytes.
    Aggregate(LayoutId),
}

impl AbiType {
    /// The type of the register that carries this element.
    pub const fn register(self) -> Type {
        match self {
            AbiType::I8 | AbiType::U8 | AbiType::I16 | AbiType::U16 => Type::I32,
            AbiType::Value(ty) => ty,
            AbiType::Aggregate(_) => Type::Ptr,
        }
    }
}

impl From<Type> for AbiType {
    fn from(ty: Type) -> AbiType {
        AbiType::Value(ty)
    }
}

/// Which calling convention a signature follows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Convention {
    /// The C convention of the target's own system.
    #[default]
    C = 0,
    /// The C convention of 64-bit Windows, on any system.
    Win64 = 1,
    /// Kiln's own, between functions of Kiln: more registers for arguments and results than C has, and a tail call
    /// from any function to any other. Code of other origin cannot call such functions by their addresses.
    Kiln = 2,
}

impl Convention {
    /// Every convention, in the order of their numbers.
    pub const ALL: [Convention; 3] = [Convention::C, Convention::Win64, Convention::Kiln];

    /// The name in the text form.
    pub const fn name(self) -> &'static str {
        match self {
            Convention::C => "c",
            Convention::Win64 => "win64",
            Convention::Kiln => "kiln",
        }
    }
}

/// What a call passes and returns.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Signature {
    /// The fixed parameters, in order.
    pub params: Vec<AbiType>,
    /// The results, in order.
    pub results: Vec<AbiType>,
    /// Whether further arguments may follow the fixed ones, as C's `...`.
    pub variadic: bool,
    /// The calling convention.
    pub convention: Convention,
}

impl Signature {
    /// A signature of the C convention with fixed parameters.
    pub fn new(
        params: impl IntoIterator<Item = impl Into<AbiType>>,
        results: impl IntoIterator<Item = impl Into<AbiType>>,
    ) -> Signature {
        Signature {
            params: params.into_iter().map(Into::into).collect(),
            results: results.into_iter().map(Into::into).collect(),
            ..Signature::default()
        }
    }

    /// Whether it is of the C convention, passes scalars only and has at most one result.
    pub fn is_plain(&self) -> bool {
        let scalar = |element: &AbiType| !matches!(element, AbiType::Aggregate(_));
        self.convention == Convention::C
            && self.results.len() <= 1
            && self.params.iter().chain(&self.results).all(scalar)
    }

    /// The same with `...` after the fixed parameters.
    pub fn variadic(mut self) -> Signature {
        self.variadic = true;
        self
    }
}

/// One scalar inside an aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum FieldKind {
    /// 1-byte integer.
    I8 = 0,
    /// 2-byte integer.
    I16 = 1,
    /// 4-byte integer.
    I32 = 2,
    /// 8-byte integer.
    I64 = 3,
    /// IEEE binary32.
    F32 = 4,
    /// IEEE binary64.
    F64 = 5,
    /// An address.
    Ptr = 6,
    /// x87 extended precision (10 bytes used of 16).
    F80 = 7,
}

impl FieldKind {
    /// Bytes that one takes in an aggregate, which is also its natural alignment.
    pub const fn bytes(self) -> u32 {
        match self {
            FieldKind::I8 => 1,
            FieldKind::I16 => 2,
            FieldKind::I32 | FieldKind::F32 => 4,
            FieldKind::I64 | FieldKind::F64 | FieldKind::Ptr => 8,
            FieldKind::F80 => 16,
        }
    }
}

/// A run of equal scalars inside an aggregate: `count` of them from `offset` on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Field {
    /// Distance from the aggregate's start in bytes.
    pub offset: u32,
    /// What stands there.
    pub kind: FieldKind,
    /// How many, one after another; at least 1.
    pub count: u32,
}

/// Marks an aggregate that conventions treat unlike a structure of the same fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum AggregateClass {
    /// A structure, union or array.
    #[default]
    Plain = 0,
    /// `long double` itself.
    X87 = 1,
    /// A C `_Complex` value.
    Complex = 2,
    /// A 128-bit integer.
    Int128 = 3,
}

/// The finished layout of an aggregate passed by value: all that a convention asks of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Layout {
    /// Size in bytes, a multiple of `align`.
    pub size: u32,
    /// Alignment in bytes, a power of two.
    pub align: u32,
    /// The scalars, by offset; those of a union may overlap.
    pub fields: Vec<Field>,
    /// How conventions class it.
    pub class: AggregateClass,
}
