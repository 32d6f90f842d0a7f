//! Whatever the op table allows passes: each op with each type, variant, order, and with every choice of register or
//! constant.

use super::super::*;
use crate::entity::{Block, DataId, LabelSet, Slot, VReg};
use crate::function::{InstData, aux};
use crate::module::{DataDecl, Linkage};
use crate::op::{Field, Kind, Op, OpInfo, Order, Role, Shape, Variant, rows};
use crate::types::{MemType, Signature, Type};

/// One way to write an op.
#[derive(Clone, Copy, Debug)]
struct Form {
    ty: Type,
    variant: Variant,
    order: Order,
    access: MemType,
    bits: u16,
}

/// Every form of an op.
fn forms(info: &OpInfo) -> Vec<Form> {
    let types: Vec<Type> = if info.types.0 == 0 { vec![Type::I32] } else { info.types.iter().collect() };
    let flags = InstData::allowed_bits(info.op) & (aux::IMM | aux::TAIL | aux::VALUE_IMM);
    let mut forms = Vec::new();
    for ty in types {
        for variant in info.shape.variants().all() {
            for order in orders(info.shape) {
                for access in accesses(info.shape, ty) {
                    for bits in (0..=flags).filter(|bits| bits & !flags == 0) {
                        let form = Form { ty, variant, order: *order, access, bits };
                        if tail_is_right(info.shape, form) {
                            forms.push(form);
                        }
                    }
                }
            }
        }
    }
    forms
}

fn orders(shape: Shape) -> &'static [Order] {
    match shape {
        Shape::AtomicLoad => &[Order::Relaxed, Order::Acquire, Order::SeqCst],
        Shape::AtomicStore => &[Order::Relaxed, Order::Release, Order::SeqCst],
        _ if shape.ordered() => Order::ALL,
        _ => &[Order::Relaxed],
    }
}

fn accesses(shape: Shape, ty: Type) -> Vec<MemType> {
    if !shape.accesses() {
        return vec![MemType::of(ty)];
    }
    let fits = |access: &MemType| access.is_valid() && access.fits(ty);
    let atomic = |access: &MemType| !shape.ordered() || access.bytes().is_power_of_two();
    (0..32).map(MemType).filter(fits).filter(atomic).collect()
}

/// Whether the tail flag of the form is what the shape wants, and constants of stores are integers.
fn tail_is_right(shape: Shape, form: Form) -> bool {
    let tail = form.bits & aux::TAIL != 0;
    let needed = match shape {
        Shape::Const => match form.ty {
            Type::I32 | Type::F32 => false,
            Type::F64 => true,
            Type::I64 | Type::Ptr => tail,
        },
        Shape::Address | Shape::Load | Shape::Store | Shape::Prefetch => tail,
        Shape::Ret => false,
        Shape::AtomicLoad | Shape::AtomicStore => true,
        _ => shape.operands().iter().any(|(field, _)| matches!(field, Field::Tail(_))),
    };
    tail == needed && !(form.bits & aux::VALUE_IMM != 0 && form.ty.is_float())
}

/// The parameters: two registers of each type. The function that holds all forms of an op takes them.
fn register(kind: Kind, ty: Type, second: bool) -> u32 {
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
    ty as u32 + if second { 5 } else { 0 }
}

const NOTHING: FuncId = FuncId(0);
const GIVES_TWO: FuncId = FuncId(1);

/// The record of a form, with its tail. Blocks: 0 is the start, 1 is cold.
fn record(info: &OpInfo, form: Form, module: &Module, targets: [Block; 2]) -> (InstData, Vec<u32>) {
    let mut bits = form.bits | InstData::variant_bits(form.variant);
    if info.shape.accesses() {
        bits |= (form.access.0 as u16) << aux::ACCESS;
    }
    if info.shape.ordered() {
        bits |= (form.order as u16) << aux::ORDER;
    }
    let mut inst = InstData { op: info.op, ty: form.ty, aux: bits, dst: VReg::NONE.0, a: 0, b: 0 };
    let mut tail = Vec::new();
    let mut defs = 0;
    let callee = if info.op.is_terminator() { NOTHING } else { GIVES_TWO };
    for (field, role) in info.shape.operands() {
        let word = match role {
            Role::Def(kind) => {
                defs += 1;
                register(*kind, form.ty, defs == 2)
            }
            Role::UseOrImm(_) if inst.has_imm() => -5i32 as u32,
            Role::StoreValue if inst.value_is_imm() => -5i32 as u32,
            Role::Use(kind) | Role::UseOrImm(kind) => register(*kind, form.ty, false),
            Role::StoreValue => register(Kind::T, form.ty, false),
            Role::Imm if info.shape == Shape::Alloca => 64,
            Role::Imm => -64i32 as u32,
            Role::BitRange => 3 | 7 << 8,
            Role::Block => targets[0].0,
            Role::ColdBlock => targets[1].0,
            Role::Func => callee.0,
            Role::Data => (info.op == Op::TlsAddr) as u32,
            Role::Slot | Role::LabelSet | Role::ExitId | Role::TrapCode | Role::CodeBytes => 0,
            Role::Const => {
                tail = vec![3, 4];
                7
            }
            Role::Mem => {
                tail = vec![register(Kind::I64, form.ty, true), 8, -8i32 as u32];
                register(Kind::Ptr, form.ty, false)
            }
            Role::List => {
                tail.extend([3, 1, 2, 9]);
                continue;
            }
            Role::Cases => {
                tail = vec![targets[0].0, 2, 5, 0, targets[1].0, u32::MAX, u32::MAX, targets[0].0];
                continue;
            }
            Role::Results => VReg::NONE.0,
            Role::CallList if info.op.is_terminator() => {
                tail = vec![module.func(NOTHING).sig.0, 0, 0];
                continue;
            }
            Role::CallList => {
                // `(i64, ...) -> (i64, f64)`, with one variable argument.
                tail = vec![module.func(GIVES_TWO).sig.0, 2, 2, 1, 3, 3];
                inst.dst = 1;
                continue;
            }
        };
        match field {
            Field::Dst => inst.dst = word,
            Field::A => inst.a = word,
            Field::B => inst.b = word,
            Field::Tail(at) => {
                tail.resize(tail.len().max(*at as usize + 1), 0);
                tail[*at as usize] = word;
            }
        }
    }
    (inst, tail)
}

/// A module with one function that has every form of the op, terminators each in a block of its own.
pub(super) fn module_of(info: &OpInfo) -> Module {
    let none: [Type; 0] = [];
    let mut module = Module::new();
    module.import("nothing", Signature::new(none, none));
    module.import("gives_two", Signature::new([Type::I64], [Type::I64, Type::F64]).variadic());
    module.constant("data", b"data");
    module.add_data(DataDecl {
        name: "own".into(),
        linkage: Linkage::Import,
        thread_local: true,
        ..DataDecl::default()
    });
    let types = Type::ALL.into_iter().chain(Type::ALL);
    let func = module.declare("f", Signature::new(types, none).variadic(), Linkage::Export);
    let records = |module: &Module, targets| -> Vec<_> {
        forms(info).into_iter().map(|form| record(info, form, module, targets)).collect()
    };
    let all = records(&module, [Block(0), Block(1)]);
    let mut b = module.build(func);
    let targets = [b.block(), b.block()];
    assert_eq!(targets, [Block(0), Block(1)]);
    assert_eq!(b.slot(64, 64), Slot(0));
    assert_eq!(b.label_set(&targets), LabelSet(0));
    b.place(targets[0]);
    for (inst, tail) in all {
        b.push(inst, &tail);
    }
    b.ret(&[]);
    b.place(targets[1]);
    b.set_cold();
    b.ret(&[]);
    b.finish().expect("every block is placed");
    assert!(module.data()[DataId(1).index()].thread_local);
    module
}

#[test]
fn all_that_the_op_table_allows() {
    for info in rows() {
        if let Err((_, found)) = check(module_of(info)) {
            panic!("{}: {} at {:?}", info.mnemonic, found[0], found[0].at);
        }
    }
}
