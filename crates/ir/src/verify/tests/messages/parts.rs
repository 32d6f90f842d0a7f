//! What broken modules are made of.

use crate::builder::FunctionBuilder;
use crate::entity::{DataId, FuncId, VReg};
use crate::function::Function;
use crate::module::{DataDecl, DataReloc, DataTarget, Linkage, Module};
use crate::op::Op;
use crate::types::{AggregateClass, Field, FieldKind, Layout, Signature, Type};

/// What the bodies work with: a function `f` of five parameters with a body of its own, and things to name.
pub struct Parts {
    pub module: Module,
    /// `f(%int: i64, %small: i32, %double: f64, %at: ptr, %single: f32) -> i64`.
    pub f: FuncId,
}

pub const INT: VReg = VReg(0);
pub const SMALL: VReg = VReg(1);
pub const DOUBLE: VReg = VReg(2);
pub const AT: VReg = VReg(3);
pub const SINGLE: VReg = VReg(4);
/// `printf(ptr, ...) -> i32`.
pub const PRINTF: FuncId = FuncId(0);
/// `pair(i64) -> (i64, f64)`.
pub const PAIR: FuncId = FuncId(1);
pub const NUMBERS: DataId = DataId(0);
pub const OWN: DataId = DataId(1);

pub fn parts() -> Parts {
    let mut module = Module::new();
    let printf = module.import("printf", Signature::new([Type::Ptr], [Type::I32]).variadic());
    let pair = module.import("pair", Signature::new([Type::I64], [Type::I64, Type::F64]));
    assert_eq!((printf, pair), (PRINTF, PAIR));
    module.constant("numbers", &[0; 32]);
    module.add_data(DataDecl {
        name: "own".into(),
        linkage: Linkage::Import,
        thread_local: true,
        ..DataDecl::default()
    });
    let sig = Signature::new([Type::I64, Type::I32, Type::F64, Type::Ptr, Type::F32], [Type::I64]);
    let f = module.declare("f", sig, Linkage::Export);
    Parts { module, f }
}

fn name_parameters(b: &mut FunctionBuilder<'_>) {
    for (v, name) in [(INT, "int"), (SMALL, "small"), (DOUBLE, "double"), (AT, "at"), (SINGLE, "single")] {
        b.name_vreg(v, name);
    }
}

/// A module in which `f` has this body.
pub fn body(write: impl FnOnce(&mut FunctionBuilder<'_>)) -> Module {
    let Parts { mut module, f } = parts();
    let mut b = module.build(f);
    name_parameters(&mut b);
    write(&mut b);
    b.finish().expect("the body has an end");
    module
}

/// A module in which `f` has this body and ends with `ret %int`.
pub fn line(write: impl FnOnce(&mut FunctionBuilder<'_>)) -> Module {
    body(|b| {
        write(b);
        b.ret(&[INT]);
    })
}

/// The same, with something broken by hand that no builder writes.
pub fn broken(write: impl FnOnce(&mut FunctionBuilder<'_>), hand: impl FnOnce(&mut Function)) -> Module {
    let mut module = line(write);
    hand(module.funcs[2].body.as_mut().expect("`f` has a body"));
    module
}

/// A module of a good `f`, with something broken by hand.
pub fn module(hand: impl FnOnce(&mut Module)) -> Module {
    let mut module = line(|_| {});
    hand(&mut module);
    module
}

pub fn layout(size: u32, align: u32, class: AggregateClass, fields: &[(u32, FieldKind, u32)]) -> Module {
    let fields =
        fields.iter().map(|(offset, kind, count)| Field { offset: *offset, kind: *kind, count: *count });
    let layout = Layout { size, align, class, fields: fields.collect() };
    module(|m| {
        m.layout("t", layout);
    })
}

pub fn data(change: impl FnOnce(&mut DataDecl)) -> Module {
    module(|m| change(m.data_mut(NUMBERS)))
}

pub fn reloc(offset: u32, target: DataTarget) -> DataReloc {
    DataReloc { offset, target, addend: 0 }
}

/// A switch on this value with these cases, all going to one block.
pub fn switch(on: VReg, cases: &[i64]) -> Module {
    body(|b| {
        let end = b.block();
        let cases: Vec<_> = cases.iter().map(|value| (*value, end)).collect();
        b.switch(on, &cases, end);
        b.place(end);
        b.ret(&[INT]);
    })
}

/// A tail call from `f` to a function of this signature that takes nothing.
pub fn tail_call(sig: Signature) -> Module {
    let Parts { mut module, f } = parts();
    let callee = module.import("callee", sig);
    let mut b = module.build(f);
    b.tail_call(callee, &[]);
    b.finish().expect("the body has an end");
    module
}

/// A module in which `f` has a further entry that takes these registers.
pub fn entry(name: &str, params: &[VReg]) -> Module {
    body(|b| {
        b.ret(&[INT]);
        let middle = b.block();
        b.place(middle);
        b.ret(&[INT]);
        b.entry(name, params, middle);
    })
}

/// Changes by hand after a body was written.
pub trait ByHand {
    fn with_last(self, op: Op) -> Module;
    fn with_target(self, block: u32) -> Module;
    fn with_bits(self, inst: usize, bits: u16) -> Module;
    fn with_pool(self, at: usize, word: u32) -> Module;
}

impl ByHand for Module {
    /// Replaces the op of the last instruction of `f`.
    fn with_last(mut self, op: Op) -> Module {
        let f = self.funcs[2].body.as_mut().expect("`f` has a body");
        let last = f.insts.last_mut().expect("`f` has instructions");
        (last.op, last.ty, last.dst) = (op, Type::I64, 0);
        self
    }

    /// Lets the last instruction of `f` go to another block.
    fn with_target(mut self, block: u32) -> Module {
        let f = self.funcs[2].body.as_mut().expect("`f` has a body");
        f.insts.last_mut().expect("`f` has instructions").dst = block;
        self
    }

    /// Sets attribute bits of one instruction of `f`.
    fn with_bits(mut self, inst: usize, bits: u16) -> Module {
        self.funcs[2].body.as_mut().expect("`f` has a body").insts[inst].aux |= bits;
        self
    }

    /// Replaces a word of the pool of `f`.
    fn with_pool(mut self, at: usize, word: u32) -> Module {
        self.funcs[2].body.as_mut().expect("`f` has a body").pool[at] = word;
        self
    }
}
