//! A module that says everything the IR can say: each op with each variant, type and operand form, made by walking
//! the op table, so that a new row is in it at once.

use kiln_ir::function::{SlotData, aux};
use kiln_ir::op::{Field, Kind, OpInfo, Role, Shape, Variant, rows};
use kiln_ir::types::{
    AbiType, AggregateClass, Convention, Field as LayoutField, FieldKind, Layout, MemType, Signature, Type,
};
use kiln_ir::{
    Block, DataDecl, DataId, DataReloc, DataTarget, FileId, FuncId, FunctionBuilder, InstData, LabelSet,
    Linkage, Module, Op, Order, Pos, SigId, Slot, VReg,
};

/// One way of writing an op: which of the optional bits of its record are set.
#[derive(Clone, Copy)]
struct Form {
    variant: Variant,
    ty: Type,
    bits: u16,
}

/// Every form of an op that its row allows and that the verifier takes: one for each meaning.
fn forms(info: &OpInfo) -> Vec<Form> {
    let types = if info.types.0 == 0 { vec![Type::I32] } else { info.types.iter().collect() };
    let optional = InstData::allowed_bits(info.op) & (aux::IMM | aux::TAIL | aux::VALUE_IMM);
    let mut forms = Vec::new();
    for variant in info.shape.variants().all() {
        for ty in &types {
            for bits in 0..=optional {
                let required = InstData::required_bits(info.op);
                let canonical = match info.shape {
                    // The constants here need 64 bits where the type has them.
                    Shape::Const => (bits & aux::TAIL != 0) == (ty.bytes() == 8),
                    Shape::AtomicLoad | Shape::AtomicStore => bits == aux::TAIL,
                    // A float cannot be the constant of a store.
                    Shape::Store => bits & aux::VALUE_IMM == 0 || !ty.is_float(),
                    _ => true,
                };
                if canonical && bits & !optional == 0 && bits & required == required {
                    forms.push(Form { variant, ty: *ty, bits });
                }
            }
        }
    }
    forms
}

/// What instructions of one function may name.
struct Names {
    /// One register of each type, by its number; two of each.
    regs: [[VReg; 5]; 2],
    target: Block,
    cold: Block,
    func: FuncId,
    tail_func: FuncId,
    data: DataId,
    thread_data: DataId,
    slot: Slot,
    set: LabelSet,
    sig: SigId,
    tail_sig: SigId,
    counter: u32,
}

/// What functions share: things of the module.
struct Shared {
    func: FuncId,
    tail_func: FuncId,
    data: DataId,
    thread_data: DataId,
    file: FileId,
}

impl Names {
    fn reg(&mut self, kind: Kind, ty: Type) -> u32 {
        let ty = match kind {
            Kind::T => ty,
            Kind::I32 => Type::I32,
            Kind::I64 | Kind::Int => Type::I64,
            Kind::F32 => Type::F32,
            Kind::F64 | Kind::Float => Type::F64,
            Kind::Ptr => Type::Ptr,
            Kind::OtherClass => match ty {
                Type::I32 => Type::F32,
                Type::F32 => Type::I32,
                Type::F64 => Type::I64,
                Type::I64 | Type::Ptr => Type::F64,
            },
        };
        self.counter += 1;
        self.regs[self.counter as usize % 2][ty as usize].0
    }

    /// A constant that changes from use to use, also in sign and in size.
    fn constant(&mut self) -> i64 {
        self.counter += 1;
        let n = self.counter as i64;
        [n, -n, n << 12, -(n << 20), i32::MAX as i64, i32::MIN as i64][self.counter as usize % 6]
    }
}

/// Appends one instruction of this form.
fn append(b: &mut FunctionBuilder<'_>, info: &OpInfo, form: Form, n: &mut Names) {
    let mut inst = InstData {
        op: info.op,
        ty: form.ty,
        aux: form.bits | InstData::variant_bits(form.variant) | attributes(info, form.ty, n),
        dst: VReg::NONE.0,
        a: 0,
        b: 0,
    };
    let mut tail = Vec::new();
    for (field, role) in info.shape.operands() {
        let word = match role {
            Role::Def(kind) | Role::Use(kind) => n.reg(*kind, form.ty),
            Role::UseOrImm(_) if inst.has_imm() => n.constant() as u32,
            Role::UseOrImm(kind) => n.reg(*kind, form.ty),
            Role::StoreValue if inst.value_is_imm() => n.constant() as u32,
            Role::StoreValue => n.reg(Kind::T, form.ty),
            Role::Imm if info.shape == Shape::Alloca => 16,
            Role::Imm => n.constant() as u32,
            Role::BitRange => 3 | 7 << 8,
            Role::Block => n.target.0,
            Role::ColdBlock => n.cold.0,
            Role::Func if info.op.is_terminator() => n.tail_func.0,
            Role::Func => n.func.0,
            Role::Data if info.op == Op::TlsAddr => n.thread_data.0,
            Role::Data => n.data.0,
            Role::Slot => n.slot.0,
            Role::LabelSet => n.set.0,
            Role::ExitId | Role::TrapCode | Role::CodeBytes => n.counter,
            Role::Const => {
                let wide = (n.constant() as u64) << 32 | 0x89ab_cdef;
                if inst.has_tail() {
                    tail.extend([wide as u32, (wide >> 32) as u32]);
                }
                wide as u32
            }
            Role::Mem => {
                if inst.has_tail() {
                    // Only atomics have a tail without an index.
                    let none = info.shape.ordered() && n.counter.is_multiple_of(3);
                    let index = if none { VReg::NONE.0 } else { n.reg(Kind::I64, form.ty) };

                    tail.extend([index, if none { 1 } else { 8 }, n.constant() as u32]);
                } else {
                    inst.b = n.constant() as u32;
                }
                n.reg(Kind::Ptr, form.ty)
            }
            Role::List => {
                tail.push(3);
                tail.extend([Type::I32, Type::F64, Type::Ptr].map(|ty| n.reg(Kind::T, ty)));
                continue;
            }
            Role::Cases => {
                tail.extend([n.cold.0, 2, 7, 0, n.target.0, u32::MAX, u32::MAX, n.cold.0]);
                continue;
            }
            Role::Results if inst.has_tail() => {
                tail.push(2);
                tail.extend([Type::I64, Type::F32].map(|ty| n.reg(Kind::T, ty)));
                n.reg(Kind::T, Type::I32)
            }
            Role::Results => VReg::NONE.0,
            Role::CallList => {
                let results: &[Type] = if info.op.is_terminator() { &[] } else { &[Type::I32, Type::F64] };
                let sig = if info.op.is_terminator() { n.tail_sig } else { n.sig };
                tail.extend([sig.0, 2, results.len() as u32]);
                tail.extend([Type::I32, Type::I64].map(|ty| n.reg(Kind::T, ty)));
                let mut results = results.iter().map(|ty| n.reg(Kind::T, *ty));
                inst.dst = results.next().unwrap_or(VReg::NONE.0);
                tail.extend(results);
                continue;
            }
        };
        match field {
            Field::Dst => inst.dst = word,
            Field::A => inst.a = word,
            Field::B => inst.b = word,
            Field::Tail(at) => {
                let at = *at as usize;
                tail.resize(tail.len().max(at + 1), 0);
                tail[at] = word;
            }
        }
    }
    b.push(inst, &tail);
}

/// Attribute bits that an op may have, another choice at each call.
fn attributes(info: &OpInfo, ty: Type, n: &mut Names) -> u16 {
    n.counter += 1;
    let mut bits = 0;
    if info.shape.accesses() {
        bits |= (MemType::of(ty).0 as u16) << aux::ACCESS;
    }
    if info.shape.ordered() {
        let orders: &[Order] = match info.shape {
            Shape::AtomicLoad => &[Order::Relaxed, Order::Acquire, Order::SeqCst],
            Shape::AtomicStore => &[Order::Relaxed, Order::Release, Order::SeqCst],
            Shape::Fence => &[Order::Acquire, Order::Release, Order::AcqRel, Order::SeqCst],
            _ => Order::ALL,
        };
        bits |= (orders[n.counter as usize % orders.len()] as u16) << aux::ORDER;
    }
    match info.shape {
        Shape::Load | Shape::Store => {
            let flags = [aux::VOLATILE, aux::NO_TRAP, aux::NON_TEMPORAL, aux::PRECISE];
            bits |= flags[n.counter as usize % 4] | (n.counter as u16 % 16) << aux::ALIAS;
            if info.shape == Shape::Load && n.counter.is_multiple_of(3) {
                bits |= aux::KEEP;
            }
        }
        Shape::Branch | Shape::FBranch => bits |= (n.counter as u16 % 3) << aux::HINT,
        _ => {}
    }
    bits
}

/// The body: these forms of the op, each terminator in a block of its own.
fn body(m: &mut Module, func: FuncId, info: &OpInfo, forms: &[Form], shared: &Shared) {
    let (sig, tail_sig) = (m.func(shared.func).sig, m.func(shared.tail_func).sig);
    let file = shared.file;
    let mut b = m.build(func);
    let regs = [(); 2].map(|()| Type::ALL.map(|ty| b.vreg(ty)));
    b.name_vreg(regs[1][2], "second_float");
    let (target, cold) = (b.block(), b.block());
    b.name_block(cold, "rare");
    let small = b.slot(8, 8);
    let slot = b.slot(100, 64);
    b.name_slot(slot, "buffer");
    assert_eq!(b.function().slots()[small.index()], SlotData { size: 8, align: 8 });
    let set = b.label_set(&[cold, target, cold]);
    b.label_set(&[target]);
    // A function with variable arguments has no further entries.
    if info.op != Op::VaStart {
        b.entry(&format!("middle_{}", func.0), &[regs[0][0], regs[1][3]], target);
    }
    for (ty, v) in regs.iter().flat_map(|regs| Type::ALL.into_iter().zip(*regs)) {
        match ty {
            Type::F32 => b.to(v).f32const(-0.0),
            Type::F64 => b.to(v).f64const(f64::INFINITY),
            _ => b.to(v).iconst(ty, -1),
        };
    }
    let Shared { func, tail_func, data, thread_data, .. } = *shared;
    let counter = info.op as u32;
    let mut n =
        Names { regs, target, cold, func, tail_func, data, thread_data, slot, set, sig, tail_sig, counter };
    for (line, form) in forms.iter().enumerate() {
        b.at(Pos { file, line: 1000 - line as u32, column: line as u32 * 3 });
        append(&mut b, info, *form, &mut n);
    }
    b.place(target);
    b.trap(1);
    b.place(cold);
    b.set_cold();
    b.set_align(32);
    b.at(Pos { file, line: u32::MAX, column: 0 });
    b.unreachable();
    b.finish().expect("every block is placed");
}

/// The module: a function for each op, and one of everything that modules hold.
pub fn module() -> Module {
    let mut m = Module::new();
    m.file("first.kiln");
    let file = m.file("größer/zweite.kiln");
    let big = m.layout(
        "big",
        Layout {
            size: 48,
            align: 16,
            fields: vec![
                LayoutField { offset: 0, kind: FieldKind::F80, count: 2 },
                LayoutField { offset: 32, kind: FieldKind::I8, count: 16 },
            ],
            class: AggregateClass::Plain,
        },
    );
    let parts = vec![LayoutField { offset: 0, kind: FieldKind::F32, count: 2 }];
    let complex = Layout { class: AggregateClass::Complex, size: 8, align: 4, fields: parts };
    m.layout("", complex);
    let callee = m.import("callee", Signature::new([Type::I32, Type::I64], [Type::I32, Type::F64]));
    m.set_library(callee, "libcallee.so.1");
    let strange = Signature {
        params: vec![AbiType::I8, AbiType::U8, AbiType::I16, AbiType::U16, AbiType::Aggregate(big)],
        results: vec![AbiType::Aggregate(big)],
        variadic: true,
        convention: Convention::Win64,
    };
    let strange = m.declare("strange", strange, Linkage::Local);
    m.set_replaceable(strange, true);
    let mut b = m.build(strange);
    b.unreachable();
    b.finish().expect("one block");

    let tail_func = m.import("tail", Signature::new([Type::I32, Type::I64], [] as [Type; 0]));
    let data = m.constant("text", b"words\0");
    let thread_data = m.add_data(DataDecl {
        name: "errno".into(),
        linkage: Linkage::Import,
        thread_local: true,
        align: 1,
        ..DataDecl::default()
    });
    let shared = Shared { func: callee, tail_func, data, thread_data, file };
    let mut labels = Vec::new();
    for info in rows() {
        let (long, short): (Vec<_>, Vec<_>) = forms(info).into_iter().partition(|f| f.bits & aux::TAIL != 0);
        for (forms, name) in [(short, ""), (long, "_tail")] {
            if forms.is_empty() {
                continue;
            }
            let several = info.shape == Shape::Ret && !name.is_empty();
            let results: &[Type] = if several { &[Type::I32, Type::I64, Type::F32] } else { &[] };
            let mut sig = Signature::new([] as [Type; 0], results.iter().copied());
            sig.variadic = info.op == Op::VaStart;
            let func = m.declare(&format!("op_{}{name}", info.method), sig, Linkage::Export);
            body(&mut m, func, info, &forms, &shared);
            labels.push(DataReloc {
                offset: labels.len() as u32 * 8,
                target: DataTarget::Label(func, Block(1)),
                addend: -(labels.len() as i64),
            });
        }
    }
    labels.push(DataReloc { offset: 4000, target: DataTarget::Func(callee), addend: i64::MIN });
    labels.push(DataReloc { offset: 4008, target: DataTarget::Data(data), addend: i64::MAX });
    m.add_data(DataDecl {
        name: "table".into(),
        linkage: Linkage::Export,
        writable: true,
        align: 4096,
        bytes: vec![0; 4016],
        zeros: 1 << 29,
        relocs: labels,
        thread_local: false,
    });
    m
}
