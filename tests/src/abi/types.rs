//! C types as trees: what the generator makes, with the layout that C gives them and both spellings.

use kiln_generator::Entropy;
use std::fmt::Write;

/// A C type that stands in one register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scalar {
    /// `_Bool`: a byte that is 0 or 1.
    Bool,
    /// `signed char`.
    I8,
    /// `unsigned char`.
    U8,
    /// `short`.
    I16,
    /// `unsigned short`.
    U16,
    /// `int`.
    I32,
    /// `long`, or `long long` where that is the type of 8 bytes.
    I64,
    /// `float`.
    F32,
    /// `double`.
    F64,
    /// `void *`.
    Ptr,
}

use Scalar::{Bool, F32, F64, I8, I16, I32, I64, Ptr, U8, U16};

impl Scalar {
    /// All of them.
    pub const ALL: [Scalar; 10] = [Bool, I8, U8, I16, U16, I32, I64, F32, F64, Ptr];

    /// Size and alignment in bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Bool | I8 | U8 => 1,
            I16 | U16 => 2,
            I32 | F32 => 4,
            I64 | F64 | Ptr => 8,
        }
    }

    /// Whether it is an integer that a call extends: narrower than `int`.
    pub const fn is_small(self) -> bool {
        matches!(self, Bool | I8 | U8 | I16 | U16)
    }

    /// Whether C reads it as signed.
    pub const fn is_signed(self) -> bool {
        matches!(self, I8 | I16 | I32 | I64)
    }

    /// Whether it is `float` or `double`.
    pub const fn is_float(self) -> bool {
        matches!(self, F32 | F64)
    }

    /// The name in C.
    pub const fn in_c(self) -> &'static str {
        match self {
            Bool => "_Bool",
            I8 => "signed char",
            U8 => "unsigned char",
            I16 => "short",
            U16 => "unsigned short",
            I32 => "int",
            I64 => "long",
            F32 => "float",
            F64 => "double",
            Ptr => "void *",
        }
    }

    /// The name in a Kiln signature.
    pub const fn in_signature(self) -> &'static str {
        match self {
            Bool | U8 => "u8",
            I8 => "i8",
            I16 => "i16",
            U16 => "u16",
            I32 => "i32",
            I64 => "i64",
            F32 => "f32",
            F64 => "f64",
            Ptr => "ptr",
        }
    }

    /// The type of the Kiln register that carries it.
    pub const fn register(self) -> &'static str {
        match self {
            Bool | I8 | U8 | I16 | U16 | I32 => "i32",
            I64 => "i64",
            F32 => "f32",
            F64 => "f64",
            Ptr => "ptr",
        }
    }

    /// The kind of field in a Kiln type, or of access to memory.
    pub const fn field(self) -> &'static str {
        match self {
            Bool | I8 | U8 => "i8",
            I16 | U16 => "i16",
            _ => self.register(),
        }
    }
}

/// A part of a `_Complex` value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// `float`.
    F32,
    /// `double`.
    F64,
    /// `long double`.
    X87,
}

/// A C type that a call passes by value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    /// One of the types that stand in a register.
    Scalar(Scalar),
    /// `long double`.
    LongDouble,
    /// `_Complex`.
    Complex(Part),
    /// `__int128`.
    Int128,
    /// A structure or union.
    Record(Record),
}

/// A structure or union.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Record {
    /// Whether all members stand at offset 0.
    pub union: bool,
    /// Whether members stand without gaps.
    pub packed: bool,
    /// What alignment was asked for, if any.
    pub align: Option<u32>,
    /// Whether Kiln is given the offsets instead of the members. Packed records always are.
    pub explicit: bool,
    /// The members, each an array if its length is not 1.
    pub members: Vec<(u32, Type)>,
}

/// One field of a flattened type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Distance from the start.
    pub offset: u32,
    /// Kind of field in a Kiln type.
    pub kind: &'static str,
    /// Bytes that hold the value.
    pub bytes: u32,
    /// Whether the byte may be 0 or 1 only.
    pub bool: bool,
}

/// What C makes of a type.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layout {
    /// Size in bytes.
    pub size: u32,
    /// Alignment in bytes.
    pub align: u32,
    /// The scalars, by offset.
    pub fields: Vec<Field>,
}

impl Layout {
    /// For each byte, whether it holds a part of a value; the others are padding.
    pub fn meaningful(&self) -> Vec<bool> {
        let mut bytes = vec![false; self.size as usize];
        for field in &self.fields {
            bytes[field.offset as usize..][..field.bytes as usize].fill(true);
        }
        bytes
    }
}

impl Type {
    /// The layout that C gives it.
    pub fn layout(&self) -> Layout {
        let run = |kind, bytes: u32, step: u32, count: u32, align| Layout {
            size: step * count,
            align,
            fields: (0..count).map(|n| Field { offset: n * step, kind, bytes, bool: false }).collect(),
        };
        match self {
            Type::Scalar(s) => {
                let bytes = s.bytes();
                let field = Field { offset: 0, kind: s.field(), bytes, bool: *s == Bool };
                Layout { size: bytes, align: bytes, fields: vec![field] }
            }
            Type::LongDouble => run("f80", 10, 16, 1, 16),
            Type::Complex(Part::F32) => run("f32", 4, 4, 2, 4),
            Type::Complex(Part::F64) => run("f64", 8, 8, 2, 8),
            Type::Complex(Part::X87) => run("f80", 10, 16, 2, 16),
            Type::Int128 => run("i64", 8, 8, 2, 16),
            Type::Record(record) => record.layout(),
        }
    }

    /// Whether Kiln carries it by the address of its bytes.
    pub fn is_aggregate(&self) -> bool {
        !matches!(self, Type::Scalar(_))
    }

    /// Appends C's definitions of it and of its members; gives the name by which it is used.
    pub fn define_in_c(&self, name: &str, out: &mut String) -> String {
        let Type::Record(record) = self else {
            return match self {
                Type::Scalar(s) => s.in_c(),
                Type::LongDouble => "long double",
                Type::Complex(Part::F32) => "_Complex float",
                Type::Complex(Part::F64) => "_Complex double",
                Type::Complex(Part::X87) => "_Complex long double",
                Type::Int128 | Type::Record(_) => "__int128",
            }
            .into();
        };
        let mut members = String::new();
        for (n, (count, ty)) in record.members.iter().enumerate() {
            let ty = ty.define_in_c(&format!("{name}_{n}"), out);
            let array = if *count == 1 { String::new() } else { format!("[{count}]") };
            let _ = write!(members, "{ty} m{n}{array}; ");
        }
        let packed = if record.packed { " __attribute__((packed))" } else { "" };
        let align = record.align.map_or(String::new(), |n| format!(" __attribute__((aligned({n})))"));
        let keyword = if record.union { "union" } else { "struct" };
        let _ = writeln!(out, "typedef {keyword}{packed}{align} {{ {members}}} {name};");
        let Layout { size, align, .. } = self.layout();
        let _ =
            writeln!(out, "_Static_assert(sizeof({name}) == {size} && _Alignof({name}) == {align}, \"\");");
        name.into()
    }

    /// Appends Kiln's definitions of it and of its members; gives the name by which it is used in signatures.
    pub fn define_in_kiln(&self, name: &str, out: &mut String) -> String {
        let text = match self {
            Type::Scalar(s) => return s.in_signature().into(),
            Type::LongDouble => "x87".into(),
            Type::Complex(Part::F32) => "complex f32".into(),
            Type::Complex(Part::F64) => "complex f64".into(),
            Type::Complex(Part::X87) => "complex x87".into(),
            Type::Int128 => "int128".into(),
            Type::Record(record) if record.explicit || record.packed => {
                let Layout { size, align, fields } = self.layout();
                let fields: Vec<String> =
                    fields.iter().map(|f| format!("{} at {}", f.kind, f.offset)).collect();
                format!("size {size} align {align} {{{}}}", fields.join(", "))
            }
            Type::Record(record) => {
                let mut members = Vec::new();
                for (n, (count, ty)) in record.members.iter().enumerate() {
                    let ty = match ty {
                        Type::Scalar(s) => s.field().into(),
                        ty => ty.define_in_kiln(&format!("{name}_{n}"), out),
                    };
                    members.push(if *count == 1 { ty } else { format!("[{count}]{ty}") });
                }
                let align = record.align.map_or(String::new(), |n| format!("align {n} "));
                let keyword = if record.union { "union " } else { "" };
                format!("{align}{keyword}{{{}}}", members.join(", "))
            }
        };
        let _ = writeln!(out, "type {name} = {text}");
        name.into()
    }

    /// Types that are a little simpler, for finding the smallest that fails.
    pub fn simpler(&self) -> Vec<Type> {
        match self {
            Type::Scalar(I64) => vec![],
            Type::Scalar(_) => vec![Type::Scalar(I64)],
            Type::LongDouble | Type::Complex(_) | Type::Int128 => vec![Type::Scalar(I64), Type::Scalar(F64)],
            Type::Record(record) => record.simpler(),
        }
    }
}

impl Record {
    /// Whether gcc looks at how the members are nested, which a layout, a flat list of scalars, does not tell (see
    /// `classify` in the conventions of x86-64): it sees only the first element of an array, aligned or not, and
    /// merges an inner union before the outer one, which matters beside `long double`.
    fn is_beyond_a_flat_list(&self) -> bool {
        let packed = |ty: &Type| matches!(ty, Type::Record(r) if r.has_packed());
        let nested = self.members.iter().any(|(_, ty)| matches!(ty, Type::Record(_)));
        let x87 = self.layout().fields.iter().any(|field| field.kind == "f80");
        self.members.iter().any(|(count, ty)| *count > 1 && packed(ty)) || self.union && nested && x87
    }

    fn has_packed(&self) -> bool {
        self.packed || self.members.iter().any(|(_, ty)| matches!(ty, Type::Record(r) if r.has_packed()))
    }

    fn layout(&self) -> Layout {
        let mut layout = Layout { align: self.align.unwrap_or(1), ..Layout::default() };
        for (count, ty) in &self.members {
            let member = ty.layout();
            let align = if self.packed { 1 } else { member.align };
            let start = if self.union { 0 } else { layout.size.next_multiple_of(align) };
            for n in 0..*count {
                let base = start + n * member.size;
                layout.fields.extend(member.fields.iter().map(|f| Field { offset: base + f.offset, ..*f }));
            }
            layout.align = layout.align.max(align);
            layout.size = layout.size.max(start + count * member.size);
        }
        layout.size = layout.size.next_multiple_of(layout.align);
        layout.fields.sort_by_key(|f| f.offset);
        layout
    }

    fn simpler(&self) -> Vec<Type> {
        let mut all = Vec::new();
        let with = |change: &dyn Fn(&mut Record)| {
            let mut record = self.clone();
            change(&mut record);
            Type::Record(record)
        };
        all.extend((0..self.members.len()).map(|n| with(&|r| drop(r.members.remove(n)))));
        if self.align.is_some() {
            all.push(with(&|r| r.align = None));
        }
        if self.packed {
            all.push(with(&|r| r.packed = false));
        }
        if self.explicit {
            all.push(with(&|r| r.explicit = false));
        }
        for (n, (count, ty)) in self.members.iter().enumerate() {
            if *count > 1 {
                all.push(with(&|r| r.members[n].0 = 1));
                all.push(with(&|r| r.members[n].0 = count - 1));
            }
            all.extend(ty.simpler().into_iter().map(|simple| with(&|r| r.members[n].1 = simple.clone())));
        }
        all
    }
}

/// Any type.
pub fn any(e: &mut Entropy<'_>) -> Type {
    if e.chance(50) {
        return Type::Scalar(e.pick(&Scalar::ALL));
    }
    match e.below(100) {
        0..8 => Type::LongDouble,
        8..22 => Type::Complex(part(e)),
        22..32 => Type::Int128,
        _ => {
            // Most records that programs pass are small, and only small ones travel in registers.
            let budget = match e.below(10) {
                0..3 => e.range(0, 8),
                3..7 => e.range(9, 16),
                7..9 => e.range(17, 72),
                _ => e.range(73, 700),
            };
            Type::Record(record(e, budget, 3))
        }
    }
}

/// A structure of two to six scalars.
pub fn scalars(e: &mut Entropy<'_>) -> Type {
    let palette = [e.pick(&Scalar::ALL), e.pick(&Scalar::ALL), e.pick(&[F64, I64])];
    let members = (0..e.range(2, 6)).map(|_| (1, Type::Scalar(e.pick(&palette)))).collect();
    Type::Record(Record { members, ..Record::default() })
}

fn part(e: &mut Entropy<'_>) -> Part {
    e.pick(&[Part::F32, Part::F64, Part::X87])
}

/// A record of at most so many bytes, if members can be found that fit.
fn record(e: &mut Entropy<'_>, budget: u32, depth: u32) -> Record {
    let mut record = Record {
        union: e.chance(15),
        packed: e.chance(10),
        explicit: e.chance(30),
        align: e.chance(10).then(|| e.pick(&[2, 4, 8, 16, 16, 32, 64])).filter(|align| *align <= budget),
        members: Vec::new(),
    };
    // Few kinds in one record, so that some consist of floats alone.
    let palette = [e.pick(&Scalar::ALL), e.pick(&Scalar::ALL), e.pick(&[F32, F64, I32])];
    let kinds = &palette[e.below(3) as usize..];
    let mut misses = 0;
    while misses < 4 && record.members.len() < 24 {
        let ty = match e.below(20) {
            0..3 if depth > 0 => Type::Record(self::record(e, budget / 2, depth - 1)),
            3 => Type::LongDouble,
            4 => Type::Int128,
            5 | 6 => Type::Complex(part(e)),
            _ => Type::Scalar(e.pick(kinds)),
        };
        let count = if e.chance(25) { e.range(2, 5) } else { 1 };
        record.members.push((count, ty));
        if record.layout().size > budget || record.is_beyond_a_flat_list() {
            record.members.pop();
            misses += 1;
        } else if e.chance(10) {
            break;
        }
    }
    record
}
