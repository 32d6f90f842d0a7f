//! The reference of ops, written from the op table: the page `docs/ops.md` and the text of `kiln explain`.
//!
//! Nothing here lists an op. A form is written by walking the shape's operands as the text form does, so a new row
//! has its form, its example and its place in the page at once.

use crate::function::{InstData, aux};
use crate::op::{
    Effect, Field, Hint, Kind, Op, OpInfo, Order, Role, Shape, TrapCause, Variant, Variants, rows,
};
use crate::types::Type;
use std::fmt::{self, Write as _};

/// The families of the page, by the number at which each begins.
const FAMILIES: &[(u8, &str)] = &[
    (0x00, "Constants, copies, addresses"),
    (0x10, "Integers"),
    (0x48, "Floats"),
    (0x70, "Memory"),
    (0x80, "Control"),
    (0x90, "Variable arguments"),
];

const INTRODUCTION: &str = "\
# The ops

<!-- Written from the op table in crates/ir/src/op/table.rs; `KILN_BLESS=1 cargo test -p kiln-ir --test reference` renews it. -->

Every op of Kiln's IR. How they are written in a file is told in [text.md](text.md), how they are encoded in
[bytecode.md](bytecode.md); `kiln explain OP` shows one of them.

In the forms `T` is the type of the op, one of the *types*; the suffix can be left out where it follows from an
operand. `%r` and `%s` are the registers written, `%a`, `%b`, … registers read. A letter without `%` is a register or a
constant of 32 bits. Registers have type `T` unless another is written after the colon. `M` is what a memory access moves: `u8`,
`i8`, `u16`, `i16`, … `i64`, `f32`, `f64`, `ptr`. `[%p + 16]` stands for any memory operand
`[base + index*scale + displacement]`.

Shift counts are taken modulo the width; signed arithmetic wraps; floats are IEEE 754, rounded to nearest even.
";

/// The page `docs/ops.md`.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (i, (first, title)) in FAMILIES.iter().enumerate() {
        let next = FAMILIES.get(i + 1).map_or(256, |(n, _)| *n as u32);
        let family = rows().iter().filter(|r| (*first as u32..next).contains(&(r.op as u32)));
        let _ = write!(page, "\n## {title}\n\n| op | number | form | types | effect | traps | meaning |\n");
        page += "|---|---|---|---|---|---|---|\n";
        for info in family {
            let _ = writeln!(
                page,
                "| `{}` | {:#04x} | `{}` | {} | {} | {} | {} |",
                pattern(info),
                info.op as u8,
                Form::GENERAL.write(info, &pattern(info)),
                types(info),
                effect(info.effect),
                traps(info),
                meaning(info),
            );
        }
    }
    for (title, kind) in [
        ("Conditions of `cmp_…`, `b…` and `guard_…`", Variants::Cond),
        ("Predicates of `fcmp_…`, `fb…` and `fguard_…`", Variants::FCond),
        ("Operations of `atomic_…`", Variants::Rmw),
    ] {
        let rows = kind.all().into_iter().map(|v| (v.number(), v.name(), v.meaning()));
        numbered(&mut page, title, rows);
    }
    numbered(
        &mut page,
        "Memory orders (`!relaxed` and so on)",
        Order::ALL.iter().map(|o| (*o as u8, o.name(), o.meaning())),
    );
    numbered(
        &mut page,
        "Hints of branches (`!likely` and so on)",
        Hint::ALL.iter().map(|h| (*h as u8, h.name(), h.meaning())),
    );
    page
}

/// A table of names with their numbers.
fn numbered(page: &mut String, title: &str, rows: impl Iterator<Item = (u8, &'static str, &'static str)>) {
    let _ = write!(page, "\n## {title}\n\n| name | number | meaning |\n|---|---|---|\n");
    for (number, name, meaning) in rows {
        let name = if name.is_empty() { String::new() } else { format!("`{name}`") };
        let _ = writeln!(page, "| {name} | {number} | {meaning} |");
    }
}

/// All that is to be said about one op.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// The op.
    pub op: Op,
    /// Its mnemonic; a family asked for as a whole has `…` for its variant.
    pub name: String,
    /// What it does.
    pub meaning: String,
    /// How it is written, with `T` for its type.
    pub form: String,
    /// Each operand of the form and what it is.
    pub operands: Vec<(String, String)>,
    /// The types that `T` stands for.
    pub types: String,
    /// What it does beside computing results.
    pub effect: &'static str,
    /// The traps that it raises.
    pub traps: String,
    /// The variants of the family with their meanings, if it is one and was asked for as a whole.
    pub variants: Vec<(&'static str, &'static str)>,
    /// Instructions that use it, as the text form writes them.
    pub examples: Vec<String>,
}

/// Explains the op with this mnemonic (`add`, `blt`, `load.i16`), or the family whose mnemonics begin so (`cmp`,
/// `atomic`).
pub fn explain(name: &str) -> Option<Explanation> {
    let name = name.split('.').next().unwrap_or(name);
    if let Some((op, variant)) = crate::op::find_mnemonic(name) {
        return Some(explanation(op.info(), Some(variant)));
    }
    let family = |info: &&OpInfo| {
        let stem = info.mnemonic.strip_suffix("{}");
        stem.is_some_and(|stem| name == stem || name == stem.trim_end_matches('_') || name == pattern(info))
    };
    Some(explanation(rows().iter().find(family)?, None))
}

fn explanation(info: &OpInfo, variant: Option<Variant>) -> Explanation {
    let name = variant.map_or_else(|| pattern(info), |v| info.name(v));
    let variants = info.shape.variants().all();
    let shown = variant.unwrap_or(variants[0]);
    let mut meaning = meaning(info).to_owned();
    if let Some(v) = variant.filter(|v| *v != Variant::None) {
        let _ = write!(meaning, " `{}`: {}", v.name(), v.meaning());
    }
    let form = Form::GENERAL.write(info, &name);
    let example = |constant| Form::example(info, constant).write(info, &info.name(shown));
    let mut examples = vec![example(false)];
    if takes_constant(info) {
        examples.push(example(true));
    }
    Explanation {
        op: info.op,
        meaning,
        form,
        operands: Form::GENERAL.list(info),
        types: types(info),
        effect: effect(info.effect),
        traps: traps(info),
        variants: match variant {
            None => variants.iter().map(|v| (v.name(), v.meaning())).collect(),
            Some(_) => Vec::new(),
        },
        examples,
        name,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n\n    {}\n", self.name, self.meaning, self.form)?;
        for (operand, what) in &self.operands {
            writeln!(f, "  {operand:<12}{what}")?;
        }
        let or_none = |text: &'_ str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        if !self.types.is_empty() {
            writeln!(f, "  {:<12}{}", "T", self.types)?;
        }
        writeln!(f, "  {:<12}{}", "effect", or_none(self.effect))?;
        writeln!(f, "  {:<12}{}", "traps", or_none(&self.traps))?;
        writeln!(f, "  {:<12}{:#04x}", "number", self.op as u8)?;
        for (name, meaning) in &self.variants {
            writeln!(f, "  {name:<12}{meaning}")?;
        }
        writeln!(f, "\nFor example:\n")?;
        for example in &self.examples {
            writeln!(f, "    {example}")?;
        }
        Ok(())
    }
}

/// The mnemonic, a family's with `…` for its variant.
fn pattern(info: &OpInfo) -> String {
    info.mnemonic.replace("{}", "…")
}

fn meaning(info: &OpInfo) -> &'static str {
    info.doc.trim_ascii()
}

fn types(info: &OpInfo) -> String {
    info.types.iter().map(Type::name).collect::<Vec<_>>().join(", ")
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::pure => "",
        Effect::reads => "reads memory",
        Effect::writes => "writes memory or orders accesses to it",
        Effect::call => "runs other code",
        Effect::control => "may leave the block",
        Effect::terminator => "ends the block",
    }
}

fn traps(info: &OpInfo) -> String {
    let word = |trap: &TrapCause| match trap {
        TrapCause::DivideByZero => "divide_by_zero",
        TrapCause::IntegerOverflow => "integer_overflow",
        TrapCause::InvalidConversion => "invalid_conversion",
        TrapCause::BadAccess => "bad_access",
        TrapCause::StackOverflow => "stack_overflow",
        TrapCause::Unreachable => "unreachable",
        TrapCause::User => "user",
    };
    info.traps.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// Whether an operand may be a constant instead of a register.
fn takes_constant(info: &OpInfo) -> bool {
    InstData::allowed_bits(info.op) & (aux::IMM | aux::VALUE_IMM) != 0
}

/// How an op is being written.
struct Form {
    /// The op's type; `None` writes `T` and the types of operands that differ.
    ty: Option<Type>,
    /// Whether operands that may be constants are.
    constant: bool,
    /// Names given so far: registers written, registers read, pointers read.
    counts: [usize; 3],
}

impl Form {
    const GENERAL: Form = Form { ty: None, constant: false, counts: [0; 3] };

    fn example(info: &OpInfo, constant: bool) -> Form {
        let ty = match info.types.has(Type::I64) {
            true => Some(Type::I64),
            false => info.types.iter().last(),
        };
        Form { ty: Some(ty.unwrap_or(Type::I32)), constant, counts: [0; 3] }
    }

    /// The whole instruction.
    fn write(mut self, info: &OpInfo, name: &str) -> String {
        let (mut results, mut operands) = (Vec::new(), String::new());
        for (_, role) in info.shape.operands() {
            let text = self.operand(info, *role);
            match role {
                Role::Def(_) => results.push(text),
                // A bracketed list follows without a comma, an offset is added.
                Role::List | Role::CallList => operands += &text,
                Role::Imm if info.shape != Shape::Alloca => operands += &text,
                _ => {
                    if !operands.is_empty() {
                        operands += ", ";
                    }
                    operands += &text;
                }
            }
        }
        if matches!(info.shape, Shape::Call | Shape::CallPtr) {
            results.push("%r".into());
        }
        let mut text = results.join(", ");
        if !text.is_empty() {
            text += " = ";
        }
        text += name;
        text += &self.suffix(info);
        if !operands.is_empty() {
            text.push(' ');
            text += &operands;
        }
        if info.shape.ordered() {
            text += " !seq_cst";
        }
        text
    }

    /// The operands with what they are, in the order of the form.
    fn list(mut self, info: &OpInfo) -> Vec<(String, String)> {
        let mut list = Vec::new();
        for (field, role) in info.shape.operands() {
            let text = self.operand(info, *role);
            let text = text.trim_start_matches(" + ").split(':').next().unwrap_or_default().trim().to_owned();
            list.push((text, describe(info, *field, *role)));
        }
        if info.shape.accesses() {
            list.push(("M".into(), "what is accessed: u8, i8, u16, i16, … i64, f32, f64, ptr".into()));
        }
        list
    }

    fn suffix(&self, info: &OpInfo) -> String {
        if info.shape.accesses() {
            self.ty.map_or(".M".into(), |ty| format!(".{ty}"))
        } else if info.types.0.count_ones() > 1 {
            self.ty.map_or(".T".into(), |ty| format!(".{ty}"))
        } else {
            String::new()
        }
    }

    /// A register of the group, with its type where that is not the op's.
    fn register(&mut self, group: usize, kind: Kind) -> String {
        let names = ["rs", "abcdefgh", "pq"][group];
        let name = &names[self.counts[group]..=self.counts[group]];
        self.counts[group] += 1;
        match kind_name(kind) {
            Some(ty) if self.ty.is_none() => format!("%{name}: {ty}"),
            _ => format!("%{name}"),
        }
    }

    fn operand(&mut self, info: &OpInfo, role: Role) -> String {
        match role {
            Role::Def(kind) => self.register(0, kind),
            Role::Use(Kind::Ptr) => self.register(2, Kind::T),
            Role::Use(kind) => self.register(1, kind),
            Role::UseOrImm(_) | Role::StoreValue if self.constant => "1".into(),
            Role::UseOrImm(_) | Role::StoreValue => {
                let register = self.register(1, Kind::T);
                match self.ty.is_none() && takes_constant(info) {
                    true => register.replace('%', ""),
                    false => register,
                }
            }
            Role::Const => if self.ty.is_some_and(Type::is_float) { "1.5" } else { "1000" }.into(),
            Role::Mem => "[%p + 16]".into(),
            Role::Imm if info.shape == Shape::Alloca => "32".into(),
            Role::Imm => " + 16".into(),
            Role::BitRange => "4, 8".into(),
            Role::Block => "label".into(),
            Role::ColdBlock => "cold_label".into(),
            Role::Func => "function".into(),
            Role::Data if info.op == Op::TlsAddr => "thread_data".into(),
            Role::Data => "data".into(),
            Role::Slot => "buffer".into(),
            Role::LabelSet => "label_set".into(),
            Role::ExitId => "3".into(),
            Role::TrapCode => "7".into(),
            Role::CodeBytes => "16".into(),
            Role::List => " (%x, %y)".into(),
            Role::Cases => "other, {0: label, 9: label}".into(),
            Role::Results => "%a".into(),
            Role::CallList if matches!(info.shape, Shape::CallPtr | Shape::TailCallPtr) => {
                ": fn(i64) -> i64 (%x)".into()
            }
            Role::CallList => "(%x)".into(),
        }
    }
}

/// The type of a register operand, unless it is the op's.
fn kind_name(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::T => None,
        Kind::I32 => Some("i32"),
        Kind::I64 => Some("i64"),
        Kind::F32 => Some("f32"),
        Kind::F64 => Some("f64"),
        Kind::Ptr => Some("ptr"),
        Kind::Int => Some("i32 or i64"),
        Kind::Float => Some("f32 or f64"),
        Kind::OtherClass => Some("the other class of T's width"),
    }
}

/// What an operand is, for people.
fn describe(info: &OpInfo, field: Field, role: Role) -> String {
    let typed = |what: &str, kind| format!("{what}: {}", kind_name(kind).unwrap_or("T"));
    match role {
        Role::Def(kind) => {
            typed(if field == Field::Dst { "register written" } else { "second register written" }, kind)
        }
        Role::Use(kind) => typed("register", kind),
        Role::UseOrImm(kind) => typed("register, or constant of 32 bits", kind),
        Role::StoreValue if takes_constant(info) => typed("register, or constant of 32 bits", Kind::T),
        Role::StoreValue => typed("register", Kind::T),
        Role::Const => "constant of type T".into(),
        Role::Mem => "memory operand: [base + index*scale + displacement]".into(),
        Role::Imm if info.shape == Shape::Alloca => "alignment in bytes, a power of two".into(),
        Role::Imm => "constant of 32 bits that is added, signed".into(),
        Role::BitRange => "first bit and width of the bit-field".into(),
        Role::Block => "block of this function".into(),
        Role::ColdBlock => "cold block of this function".into(),
        Role::Func => "function or import".into(),
        Role::Data => "data object".into(),
        Role::Slot => "stack slot".into(),
        Role::LabelSet => "label set".into(),
        Role::ExitId => "number by which the host knows the place".into(),
        Role::TrapCode => "code, 0 to 2147483647".into(),
        Role::CodeBytes => "bytes, 0 to 1048576".into(),
        Role::List => "registers whose values the host gets".into(),
        Role::Cases => "default block, then values with their blocks".into(),
        Role::Results => "results: none, one or several registers".into(),
        Role::CallList => {
            "arguments, with the signature if the target is an address; results as it says".into()
        }
    }
}
