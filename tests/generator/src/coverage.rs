//! Which ops, types and operand forms a set of modules has, and which it ought to have.
//!
//! What ought to be there is derived from the op table, so a new row counts as missing until something makes it.

use crate::config::Config;
use crate::records::{Record, Records};
use kiln_ir::op::{Kind, Order, Role, Shape, Variant};
use kiln_ir::types::{AbiType, TypeSet};
use kiln_ir::{MemType, Module, Op, Type, VReg};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

/// An op with a type and one form that its operands can take.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Point {
    /// The op.
    pub op: Op,
    /// Its type; [`Type::I32`] where the row names none.
    pub ty: Type,
    /// The form, in words: `imm`, `eq reg`, `u8`, `base+index*4+disp`, …
    pub form: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.op.info();
        write!(f, "{}", info.mnemonic)?;
        if info.types != TypeSet::NONE {
            write!(f, ".{}", self.ty)?;
        }
        write!(f, " {}", self.form)
    }
}

/// How often each point was seen.
#[derive(Clone, Default, Debug)]
pub struct Coverage {
    seen: HashMap<Point, u64>,
    modules: u64,
}

impl Coverage {
    /// Counts every instruction of a module.
    pub fn add(&mut self, module: &Module) {
        self.modules += 1;
        for function in module.funcs().iter().filter_map(|f| f.body.as_ref()) {
            let records = Records::of(function);
            for record in records.blocks.iter().flat_map(|(_, block)| block) {
                for form in forms(module, &records, record) {
                    let ty =
                        if record.inst.op.info().types == TypeSet::NONE { Type::I32 } else { record.inst.ty };
                    *self.seen.entry(Point { op: record.inst.op, ty, form }).or_default() += 1;
                }
            }
        }
    }

    /// What a generator with this configuration ought to make: every point of the op table.
    pub fn expected(config: &Config) -> Vec<Point> {
        let mut points = vec![];
        for op in Op::ALL.iter().copied() {
            let types = op.info().types;
            let types = if types == TypeSet::NONE { vec![Type::I32] } else { types.iter().collect() };
            for ty in types.into_iter().filter(|ty| (config.supports)(op, *ty)) {
                let forms = all_forms(op, ty).into_iter();
                let forms = forms.filter(|form| config.results > 1 || form != "results");
                points.extend(forms.map(|form| Point { op, ty, form }));
            }
        }
        points
    }

    /// The points of [`Self::expected`] that were not seen.
    pub fn missing(&self, config: &Config) -> Vec<Point> {
        Self::expected(config).into_iter().filter(|p| !self.seen.contains_key(p)).collect()
    }

    /// A table of ops with the number of their instructions, of the points seen, and of those that ought to be.
    pub fn report(&self, config: &Config) -> String {
        let mut rows: BTreeMap<usize, (usize, usize, u64)> = BTreeMap::new();
        let place = |op: Op| Op::ALL.iter().position(|o| *o == op).unwrap_or(usize::MAX);
        let expected = Self::expected(config);
        for point in &expected {
            let count = self.seen.get(point).copied().unwrap_or(0);
            let row = rows.entry(place(point.op)).or_default();
            row.0 += (count > 0) as usize;
            row.1 += 1;
            row.2 += count;
        }
        let covered: usize = rows.values().map(|r| r.0).sum();
        let mut text = format!("{} modules, {covered} of {} points covered\n", self.modules, expected.len());
        for (at, (seen, all, count)) in rows {
            let mnemonic = Op::ALL[at].info().mnemonic;
            text += &format!("{mnemonic:16} {seen:4} of {all:4}  {count:9} times\n");
        }
        let unexpected: BTreeSet<String> = self
            .seen
            .keys()
            .filter(|p| !expected.contains(p))
            .map(|p| p.op.info().mnemonic.to_string())
            .collect();
        if !unexpected.is_empty() {
            text += &format!("beyond what is asked for: {unexpected:?}\n");
        }
        text
    }
}

/// The forms of one instruction.
fn forms(module: &Module, function: &Records, record: &Record) -> Vec<String> {
    let (inst, tail) = (&record.inst, &record.tail);
    let shape = inst.op.shape();
    let mut forms = vec![];
    let mut has_choice = false;
    let variant = inst.variant().name();
    let word = |field: kiln_ir::op::Field| match field {
        kiln_ir::op::Field::Dst => inst.dst,
        kiln_ir::op::Field::A => inst.a,
        kiln_ir::op::Field::B => inst.b,
        kiln_ir::op::Field::Tail(n) => tail[n as usize],
    };
    let ty_of = |v: u32| function.vregs[v as usize];
    for (field, role) in shape.operands() {
        match role {
            Role::UseOrImm(_) => {
                has_choice = true;
                forms.push(with_variant(variant, if inst.has_imm() { "imm" } else { "reg" }));
            }
            Role::StoreValue if inst.value_is_imm() => forms.push(format!("{} imm", inst.access())),
            Role::Mem => {
                let (indexed, scale, disp) = if inst.has_tail() {
                    (tail[0] != VReg::NONE.0, tail[1], tail[2] as i32)
                } else {
                    (false, 1, inst.b as i32)
                };
                forms.push(address_form(indexed, scale, disp).into());
            }
            Role::Use(Kind::Int | Kind::Float | Kind::OtherClass) => {
                forms.push(format!("from {}", ty_of(word(*field))));
            }
            Role::Const => forms.push(if inst.has_tail() { "wide" } else { "narrow" }.into()),
            Role::Cases => {
                let count = tail[1] as usize;
                let value = |n: usize| (tail[2 + 3 * n] as u64 | (tail[3 + 3 * n] as u64) << 32) as i64;
                let dense = (1..count).all(|n| value(n) == value(n - 1).wrapping_add(1));
                forms.push(
                    match count {
                        0 => "no case",
                        1 => "one case",
                        _ if dense => "dense",
                        _ => "sparse",
                    }
                    .into(),
                );
            }
            Role::Results => {
                let more = tail.first().copied().unwrap_or(0);
                let count = if inst.a == VReg::NONE.0 { 0 } else { more + 1 };
                forms.push(results_form(count));
            }
            Role::CallList => {
                let sig = &module.sigs()[tail[0] as usize];
                if !inst.op.is_terminator() {
                    forms.push(results_form(tail[2]));
                }
                for param in &sig.params {
                    forms.push(element_form(*param).into());
                }
                if tail[1] > 16 {
                    forms.push("many arguments".into());
                }
            }
            Role::List => forms.push(if word(*field) == 0 { "no values" } else { "values" }.into()),
            _ => {}
        }
    }
    if !has_choice {
        forms.push(with_variant(variant, ""));
    }
    if shape.accesses() {
        forms.push(inst.access().to_string());
    }
    if shape.ordered() {
        forms.push(inst.order().name().into());
    }
    if matches!(shape, Shape::Branch | Shape::FBranch) {
        forms.push(format!("hint {}", inst.hint().name()));
    }
    forms
}

/// Every form that instructions of the op and type can have.
fn all_forms(op: Op, ty: Type) -> Vec<String> {
    let shape = op.shape();
    let mut forms = vec![];
    let variants: Vec<Variant> = shape.variants().all();
    let mut has_choice = false;
    for (_, role) in shape.operands() {
        match role {
            Role::UseOrImm(_) => {
                has_choice = true;
                for variant in &variants {
                    forms.extend(["imm", "reg"].map(|f| with_variant(variant.name(), f)));
                }
            }
            Role::StoreValue if op == Op::Store && !ty.is_float() => {
                forms.extend(
                    accesses(op, ty)
                        .filter(|m| m.default_register() == ty)
                        .map(|access| format!("{access} imm")),
                );
            }
            Role::Mem => {
                for scale in [1, 2, 4, 8] {
                    forms.extend([0, 1].map(|disp| address_form(true, scale, disp).into()));
                }
                forms.extend([0, 1, -1, 1000, -1000].map(|disp| address_form(false, 1, disp).into()));
            }
            Role::Use(Kind::Int) => forms.extend(["from i32", "from i64"].map(String::from)),
            Role::Use(Kind::Float) => forms.extend(["from f32", "from f64"].map(String::from)),
            Role::Use(Kind::OtherClass) => forms.extend(
                match ty {
                    Type::I32 => vec!["from f32"],
                    Type::F32 => vec!["from i32"],
                    Type::I64 | Type::Ptr => vec!["from f64"],
                    Type::F64 => vec!["from i64", "from ptr"],
                }
                .into_iter()
                .map(String::from),
            ),
            Role::Const => {
                if ty != Type::F64 {
                    forms.push("narrow".into());
                }
                if ty.bytes() == 8 {
                    forms.push("wide".into());
                }
            }
            Role::Cases => {
                forms.extend(["no case", "one case", "dense", "sparse"].map(String::from));
            }
            Role::Results => forms.extend((0..3).map(results_form)),
            Role::CallList => {
                if !op.is_terminator() {
                    forms.extend((0..3).map(results_form));
                    forms.push("many arguments".into());
                }
                const ELEMENTS: [AbiType; 9] = [
                    AbiType::I8,
                    AbiType::U8,
                    AbiType::I16,
                    AbiType::U16,
                    AbiType::Value(Type::I32),
                    AbiType::Value(Type::I64),
                    AbiType::Value(Type::F32),
                    AbiType::Value(Type::F64),
                    AbiType::Value(Type::Ptr),
                ];
                forms.extend(ELEMENTS.map(|e| element_form(e).into()));
            }
            Role::List => forms.extend(["no values", "values"].map(String::from)),
            _ => {}
        }
    }
    if !has_choice {
        forms.extend(variants.iter().map(|v| with_variant(v.name(), "")));
    }
    if shape.accesses() {
        forms.extend(accesses(op, ty).map(|m| m.to_string()));
    }
    if shape.ordered() {
        let orders = Order::ALL.iter().filter(|order| match op {
            Op::AtomicLoad => !matches!(order, Order::Release | Order::AcqRel),
            Op::AtomicStore => !matches!(order, Order::Acquire | Order::AcqRel),
            Op::Fence => **order != Order::Relaxed,
            _ => true,
        });
        forms.extend(orders.map(|order| order.name().into()));
    }
    if matches!(shape, Shape::Branch | Shape::FBranch) {
        forms.extend(kiln_ir::Hint::ALL.iter().map(|hint| format!("hint {}", hint.name())));
    }
    forms
}

/// The accesses that the op can make with registers of the type.
pub(crate) fn accesses(op: Op, ty: Type) -> impl Iterator<Item = MemType> {
    let atomic = !matches!(op, Op::Load | Op::Store);
    (0..32).map(MemType).filter(move |m| {
        // 64 bits have one form for integers and one for addresses.
        let canonical = match *m {
            MemType::PTR => ty == Type::Ptr,
            MemType::I64 => ty != Type::Ptr,
            _ => true,
        };
        m.is_valid() && m.fits(ty) && canonical && !(atomic && (m.is_float() || !m.bytes().is_power_of_two()))
    })
}

fn with_variant(variant: &str, form: &str) -> String {
    match (variant, form) {
        ("", "") => "plain".into(),
        (one, "") | ("", one) => one.into(),
        (variant, form) => format!("{variant} {form}"),
    }
}

fn address_form(indexed: bool, scale: u32, disp: i32) -> &'static str {
    match (indexed, scale, disp) {
        (true, 1, 0) => "[base+index]",
        (true, 2, 0) => "[base+index*2]",
        (true, 4, 0) => "[base+index*4]",
        (true, _, 0) => "[base+index*8]",
        (true, 1, _) => "[base+index+disp]",
        (true, 2, _) => "[base+index*2+disp]",
        (true, 4, _) => "[base+index*4+disp]",
        (true, _, _) => "[base+index*8+disp]",
        (false, _, 0) => "[base]",
        (false, _, 1..=127) => "[base+short]",
        (false, _, -128..=-1) => "[base-short]",
        (false, _, 128..) => "[base+long]",
        (false, _, _) => "[base-long]",
    }
}

fn results_form(count: u32) -> String {
    match count {
        0 => "no result".into(),
        1 => "one result".into(),
        _ => "results".into(),
    }
}

fn element_form(element: AbiType) -> &'static str {
    match element {
        AbiType::I8 => "i8 argument",
        AbiType::U8 => "u8 argument",
        AbiType::I16 => "i16 argument",
        AbiType::U16 => "u16 argument",
        AbiType::Value(Type::I32) => "i32 argument",
        AbiType::Value(Type::I64) => "i64 argument",
        AbiType::Value(Type::F32) => "f32 argument",
        AbiType::Value(Type::F64) => "f64 argument",
        AbiType::Value(Type::Ptr) => "ptr argument",
        AbiType::Aggregate(_) => "aggregate argument",
    }
}
