//! One broken module per rule, with the messages it gets kept in `tests/verify/faults.expected`; set `KILN_BLESS` to
//! write that file anew. A fault that no module here brings about fails the test.

use super::super::*;
use crate::builder::FunctionBuilder;
use crate::entity::{Block, DataId, FileId, Inst, LabelSet, LayoutId, SigId, Slot, VReg};
use crate::function::{Entry, Function, InstData, Mem, Pos, aux};
use crate::module::{DataDecl, DataReloc, DataTarget, Linkage};
use crate::op::{Cond, FCond, Op, Order, Rmw};
use crate::types::{AbiType, AggregateClass, Convention, Field, FieldKind, Layout, MemType, Signature, Type};
use std::collections::BTreeSet;
use std::fmt::Write;

/// What the bodies below work with: a function `f` of five parameters with a body of its own, and things to name.
struct Parts {
    module: Module,
    /// `f(%int: i64, %small: i32, %double: f64, %at: ptr, %single: f32) -> i64`.
    f: FuncId,
}

const INT: VReg = VReg(0);
const SMALL: VReg = VReg(1);
const DOUBLE: VReg = VReg(2);
const AT: VReg = VReg(3);
const SINGLE: VReg = VReg(4);
/// `printf(ptr, ...) -> i32`.
const PRINTF: FuncId = FuncId(0);
/// `pair(i64) -> (i64, f64)`.
const PAIR: FuncId = FuncId(1);
const NUMBERS: DataId = DataId(0);
const OWN: DataId = DataId(1);

fn parts() -> Parts {
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
fn body(write: impl FnOnce(&mut FunctionBuilder<'_>)) -> Module {
    let Parts { mut module, f } = parts();
    let mut b = module.build(f);
    name_parameters(&mut b);
    write(&mut b);
    b.finish().expect("the body has an end");
    module
}

/// A module in which `f` has this body and ends with `ret %int`.
fn line(write: impl FnOnce(&mut FunctionBuilder<'_>)) -> Module {
    body(|b| {
        write(b);
        b.ret(&[INT]);
    })
}

/// The same, with something broken by hand that no builder writes.
fn broken(write: impl FnOnce(&mut FunctionBuilder<'_>), hand: impl FnOnce(&mut Function)) -> Module {
    let mut module = line(write);
    hand(module.funcs[2].body.as_mut().expect("`f` has a body"));
    module
}

/// A module of a good `f`, with something broken by hand.
fn module(hand: impl FnOnce(&mut Module)) -> Module {
    let mut module = line(|_| {});
    hand(&mut module);
    module
}

fn layout(size: u32, align: u32, class: AggregateClass, fields: &[(u32, FieldKind, u32)]) -> Module {
    let fields =
        fields.iter().map(|(offset, kind, count)| Field { offset: *offset, kind: *kind, count: *count });
    let layout = Layout { size, align, class, fields: fields.collect() };
    module(|m| {
        m.layout("t", layout);
    })
}

fn data(change: impl FnOnce(&mut DataDecl)) -> Module {
    module(|m| change(m.data_mut(NUMBERS)))
}

fn reloc(offset: u32, target: DataTarget) -> DataReloc {
    DataReloc { offset, target, addend: 0 }
}

/// A switch on this value with these cases, all going to one block.
fn switch(on: VReg, cases: &[i64]) -> Module {
    body(|b| {
        let end = b.block();
        let cases: Vec<_> = cases.iter().map(|value| (*value, end)).collect();
        b.switch(on, &cases, end);
        b.place(end);
        b.ret(&[INT]);
    })
}

/// A tail call from `f` to a function of this signature that takes nothing.
fn tail_call(sig: Signature) -> Module {
    let Parts { mut module, f } = parts();
    let callee = module.import("callee", sig);
    let mut b = module.build(f);
    b.tail_call(callee, &[]);
    b.finish().expect("the body has an end");
    module
}

/// Every broken module, under the promise that it breaks.
fn cases() -> Vec<(&'static str, Module)> {
    let none: [Type; 0] = [];
    let entry = |name: &'static str, params: &'static [VReg]| {
        body(move |b| {
            b.ret(&[INT]);
            let middle = b.block();
            b.place(middle);
            b.ret(&[INT]);
            b.entry(name, params, middle);
        })
    };
    vec![
        // Names, functions and data.
        ("an import has a name", module(|m| m.funcs[0].name.clear())),
        (
            "exported data has a name",
            module(|m| {
                m.add_data(DataDecl { linkage: Linkage::Export, align: 1, ..DataDecl::default() });
            }),
        ),
        ("an entry has a name", entry("", &[INT])),
        ("a name has no zero byte", module(|m| m.funcs[0].name = "a\0b".into())),
        (
            "functions and data have different names",
            module(|m| {
                m.constant("printf", b"");
            }),
        ),
        ("an entry has a name of its own", entry("pair", &[INT])),
        (
            "a function has a body",
            module(|m| {
                m.declare("later", Signature::default(), Linkage::Local);
            }),
        ),
        ("an import has no body", module(|m| m.funcs[2].linkage = Linkage::Import)),
        ("only imports name a library", module(|m| m.set_library(FuncId(2), "libf.so"))),
        ("imported data has no contents", data(|d| d.linkage = Linkage::Import)),
        ("data defined here is not thread-local", data(|d| d.thread_local = true)),
        ("data is aligned to a power of two", data(|d| d.align = 12)),
        ("a function has a signature of the module", module(|m| m.funcs[0].sig = SigId(77))),
        ("data is not larger than memory", data(|d| d.zeros = u64::MAX)),
        ("an address lies inside its data", data(|d| d.relocs = vec![reloc(25, DataTarget::Func(PRINTF))])),
        (
            "addresses do not overlap",
            data(|d| {
                d.relocs = [8, 12].map(|at| reloc(at, DataTarget::Func(PRINTF))).into();
            }),
        ),
        (
            "an address is of a function that exists",
            data(|d| {
                d.relocs = vec![reloc(0, DataTarget::Func(FuncId(9)))];
            }),
        ),
        (
            "an address is of data that exists",
            data(|d| d.relocs = vec![reloc(0, DataTarget::Data(DataId(9)))]),
        ),
        (
            "an address is not of thread-local data",
            data(|d| d.relocs = vec![reloc(0, DataTarget::Data(OWN))]),
        ),
        (
            "an address is of a label that exists",
            data(|d| {
                d.relocs = vec![reloc(0, DataTarget::Label(FuncId(2), Block(9)))];
            }),
        ),
        ("an import has no labels", data(|d| d.relocs = vec![reloc(0, DataTarget::Label(PRINTF, Block(0)))])),
        // Layouts.
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
        // Functions as a whole.
        ("parameters are those of the signature", broken(|_| {}, |f| f.params = 4)),
        ("parameters have the types of the signature", broken(|_| {}, |f| f.vregs[1].ty = Type::F32)),
        ("a body has instructions", broken(|_| {}, |f| f.insts.clear())),
        (
            "blocks are in order",
            broken(
                |b| {
                    let next = b.block();
                    b.nop();
                    b.place(next);
                },
                |f| f.blocks[1].start = 0,
            ),
        ),
        ("an entry takes each register once", entry("twice", &[INT, DOUBLE, INT])),
        (
            "an entry takes registers that exist",
            broken(
                |_| {},
                |f| {
                    let entry = Entry { name: "e".into(), params: vec![VReg(99)], block: Block(0) };
                    f.entries.push(entry);
                },
            ),
        ),
        (
            "an entry goes to a block that exists",
            broken(
                |_| {},
                |f| {
                    f.entries.push(Entry { name: "e".into(), params: vec![], block: Block(7) });
                },
            ),
        ),
        ("a label set lists blocks that exist", broken(|_| {}, |f| f.label_sets.push(vec![Block(7)]))),
        (
            "positions are in order",
            broken(
                |b| {
                    b.nop();
                    b.nop()
                },
                |f| {
                    let pos = Pos { file: FileId(0), line: 1, column: 1 };
                    f.positions = vec![(Inst(9), pos)];
                },
            ),
        ),
        (
            "positions name files that exist",
            broken(
                |_| {},
                |f| {
                    f.positions = vec![(Inst(0), Pos { file: FileId(4), line: 1, column: 1 })];
                },
            ),
        ),
        (
            "a slot is aligned up to a page",
            line(|b| {
                b.slot(8, 8192);
            }),
        ),
        (
            "slots fit a frame",
            line(|b| {
                b.slot(u32::MAX, 8);
            }),
        ),
        // Blocks.
        ("a block ends with a terminator", broken(|b| b.nop(), |f| f.insts.truncate(1))),
        (
            "a terminator ends its block",
            broken(|b| b.nop(), |f| f.insts[0] = InstData { op: Op::Unreachable, ..f.insts[0] }),
        ),
        (
            "the last block does not fall through",
            body(|b| {
                let start = b.block();
                b.place(start);
                b.branch(Cond::Lt, INT, 2, start);
                b.unreachable();
            })
            .with_last(Op::Branch),
        ),
        (
            "a jump goes to a block that exists",
            body(|b| {
                let start = b.block();
                b.place(start);
                b.jump(start);
            })
            .with_target(44),
        ),
        (
            "an overflow goes to a cold block",
            body(|b| {
                let (next, slow) = (b.block(), b.block());
                let sum = b.sadd_ovf(INT, 1, slow);
                b.jump(next);
                b.place(next);
                b.ret(&[sum]);
                b.place(slow);
                b.name_block(slow, "slow");
                b.ret(&[INT]);
            }),
        ),
        (
            "a function of kiln's convention has no further entries",
            module(|m| {
                let mut sig = m.signature_of(FuncId(2)).clone();
                sig.convention = Convention::Kiln;
                m.funcs[2].sig = m.signature(sig);
                let body = m.funcs[2].body.as_mut().expect("`f` has a body");
                body.entries.push(Entry { name: "e".into(), params: vec![INT], block: Block(0) });
                body.recount();
            }),
        ),
        (
            "a function with variable arguments has no further entries",
            module(|m| {
                let mut sig = m.signature_of(FuncId(2)).clone();
                sig.variadic = true;
                m.funcs[2].sig = m.signature(sig);
                let body = m.funcs[2].body.as_mut().expect("`f` has a body");
                body.entries.push(Entry { name: "e".into(), params: vec![INT], block: Block(0) });
                body.recount();
            }),
        ),
        (
            "a jump to labels has some",
            body(|b| {
                let set = b.label_set(&[]);
                b.jump_to(AT, set);
            }),
        ),
        ("a label set exists", body(|b| b.jump_to(AT, LabelSet(5)))),
        // Records.
        (
            "an op has the type",
            line(|b| {
                b.add(DOUBLE, DOUBLE);
            }),
        ),
        ("an op without types names none", broken(|b| b.nop(), |f| f.insts[0].ty = Type::F64)),
        (
            "an op has the attribute",
            broken(
                |b| {
                    b.neg(INT);
                },
                |f| f.insts[0].aux |= aux::IMM,
            ),
        ),
        (
            "only stores hold a constant value",
            broken(
                |b| b.atomic_store(MemType::I64, Order::SeqCst, AT, INT),
                |f| f.insts[0].aux |= aux::VALUE_IMM,
            ),
        ),
        (
            "a variant exists",
            broken(
                |b| {
                    b.cmp(Cond::Eq, INT, 1);
                },
                |f| f.insts[0].aux |= 15 << aux::VARIANT,
            ),
        ),
        (
            "a hint exists",
            body(|b| {
                let end = b.block();
                b.branch(Cond::Eq, INT, 1, end);
                b.place(end);
                b.ret(&[INT]);
            })
            .with_bits(0, 3 << aux::HINT),
        ),
        ("a memory order exists", broken(|b| b.fence(Order::SeqCst), |f| f.insts[0].aux |= 7 << aux::ORDER)),
        (
            "a memory access exists",
            broken(
                |b| {
                    b.load(Type::I64, MemType::I64, AT);
                },
                |f| f.insts[0].aux |= 31 << aux::ACCESS,
            ),
        ),
        (
            "a scale is a power of two up to 8",
            line(|b| {
                b.load(Type::I64, MemType::I64, Mem { base: AT, index: INT, scale: 3, disp: 0 });
            }),
        ),
        (
            "a tail is there if wanted",
            broken(
                |b| {
                    b.fma(DOUBLE, DOUBLE, DOUBLE);
                },
                |f| f.insts[0].aux = 0,
            ),
        ),
        (
            "a tail is there only if wanted",
            broken(
                |b| {
                    b.load(Type::I64, MemType::I64, Mem { base: AT, index: INT, scale: 1, disp: 0 });
                },
                |f| f.pool[0] = VReg::NONE.0,
            ),
        ),
        (
            "a tail lies inside the pool",
            broken(
                |b| {
                    b.call(PRINTF, &[AT]);
                },
                |f| f.pool[1] = 1000,
            ),
        ),
        (
            "a constant has one form",
            broken(
                |b| {
                    b.iconst(Type::I64, 1 << 40);
                },
                |f| f.pool[1] = 0,
            ),
        ),
        (
            "an operand has the type",
            line(|b| {
                b.add(INT, SMALL);
            }),
        ),
        (
            "a result has the type",
            line(|b| {
                b.to(DOUBLE).mul(INT, 3);
            }),
        ),
        (
            "a condition is i32",
            line(|b| {
                b.select(INT, DOUBLE, DOUBLE);
            }),
        ),
        (
            "a register exists",
            broken(
                |b| {
                    b.neg(INT);
                },
                |f| f.insts[0].a = 1000,
            ),
        ),
        (
            "a result register exists",
            broken(
                |b| {
                    b.neg(INT);
                },
                |f| f.insts[0].dst = 1000,
            ),
        ),
        (
            "an index is as wide as an address",
            line(|b| {
                b.load(Type::I32, MemType::U8, Mem { base: AT, index: SMALL, scale: 1, disp: 0 });
            }),
        ),
        (
            "an access fits its register",
            line(|b| {
                b.load(Type::I32, MemType::I64, AT);
            }),
        ),
        ("a float is stored whole", line(|b| b.store(MemType::F32, AT, DOUBLE))),
        (
            "a stored constant is an integer",
            broken(|b| b.store(MemType::F64, AT, DOUBLE), |f| f.insts[0].aux |= aux::VALUE_IMM),
        ),
        (
            "an atomic has a size of the machine",
            line(|b| {
                b.atomic_rmw(Rmw::Add, MemType::int(3, false), Order::SeqCst, AT, INT);
            }),
        ),
        (
            "an atomic load does not release",
            line(|b| {
                b.atomic_load(Type::I64, MemType::I64, Order::Release, AT);
            }),
        ),
        ("an atomic store does not acquire", line(|b| b.atomic_store(MemType::I64, Order::AcqRel, AT, INT))),
        (
            "a bit-field lies inside its register",
            line(|b| {
                b.ubits(SMALL, 30, 4);
            }),
        ),
        (
            "a bit-field is not empty",
            line(|b| {
                b.set_bits(INT, INT, 3, 0);
            }),
        ),
        ("a trap code has 31 bits", body(|b| b.trap(1 << 31))),
        (
            "storage is aligned up to a page",
            line(|b| {
                b.alloca(INT, 3);
            }),
        ),
        (
            "two results need two registers",
            line(|b| {
                b.umul_wide(INT, INT);
            })
            .with_pool(1, 5),
        ),
        (
            "a slot exists",
            line(|b| {
                b.slot_addr(Slot(2), 0);
            }),
        ),
        (
            "a data object exists",
            line(|b| {
                b.data_addr(DataId(8), 0);
            }),
        ),
        (
            "thread-local data has an address per thread",
            line(|b| {
                b.data_addr(OWN, 0);
            }),
        ),
        (
            "ordinary data has no address per thread",
            line(|b| {
                b.tls_addr(NUMBERS, 0);
            }),
        ),
        ("a case fits the value", switch(SMALL, &[1, 0xffff_ffff])),
        ("a case is listed once", switch(INT, &[5, 3, 4, 5])),
        ("va_start needs variable arguments", line(|b| b.va_start(AT))),
        // Calls and returns.
        (
            "a called function exists",
            broken(
                |b| {
                    b.call(PRINTF, &[AT]);
                },
                |f| f.insts[0].a = 50,
            ),
        ),
        (
            "a call's signature exists",
            broken(
                |b| {
                    b.call(PRINTF, &[AT]);
                },
                |f| f.pool[0] = 50,
            ),
        ),
        (
            "a call has the signature of its function",
            broken(
                |b| {
                    b.call(PRINTF, &[AT]);
                },
                |f| f.insts[0].a = PAIR.0,
            ),
        ),
        (
            "a call has all arguments",
            line(|b| {
                b.call(PAIR, &[]);
            }),
        ),
        (
            "a call of variable arguments has the fixed ones",
            line(|b| {
                b.call(PRINTF, &[]);
            }),
        ),
        (
            "an argument has the type",
            line(|b| {
                b.call(PAIR, &[SMALL]);
            }),
        ),
        (
            "a variable argument is not f32",
            line(|b| {
                b.call(PRINTF, &[AT, DOUBLE, SINGLE]);
            }),
        ),
        (
            "a call takes all results",
            broken(
                |b| {
                    b.call(PAIR, &[INT]);
                },
                |f| f.pool[2] = 1,
            ),
        ),
        (
            "a call's result has the type",
            broken(
                |b| {
                    b.call(PAIR, &[INT]);
                },
                |f| f.insts[0].dst = SINGLE.0,
            ),
        ),
        ("a return has all results", body(|b| b.ret(&[]))),
        ("a return has the type", body(|b| b.ret(&[DOUBLE]))),
        ("a tail call gives the caller's results", tail_call(Signature::new(none, [Type::F64]))),
        (
            "a tail call keeps the convention",
            tail_call(Signature { convention: Convention::Win64, ..Signature::new(none, [Type::I64]) }),
        ),
        (
            "Kiln's convention has no variable arguments",
            module(|m| {
                m.signature(Signature {
                    variadic: true,
                    convention: Convention::Kiln,
                    ..Signature::default()
                });
            }),
        ),
        // Definite assignment.
        (
            "a register is assigned before it is read",
            line(|b| {
                let x = b.vreg(Type::I64);
                b.name_vreg(x, "x");
                b.add(x, 1);
                b.to(x).iconst(Type::I64, 1);
            }),
        ),
        (
            "a register is assigned on both ways",
            body(|b| {
                let (odd, join) = (b.block(), b.block());
                for (block, name) in [(odd, "odd"), (join, "join")] {
                    b.name_block(block, name);
                }
                let x = b.vreg(Type::I64);
                b.name_vreg(x, "x");
                b.branch(Cond::Any, INT, 1, odd);
                b.to(x).iconst(Type::I64, 1);
                b.jump(join);
                b.place(odd);
                b.nop();
                b.place(join);
                b.ret(&[x]);
            }),
        ),
        (
            "an overflow's cold block does not see the result",
            body(|b| {
                let slow = b.block();
                b.name_block(slow, "slow");
                let sum = b.sadd_ovf(INT, 1, slow);
                b.name_vreg(sum, "sum");
                b.ret(&[sum]);
                b.place(slow);
                b.set_cold();
                b.ret(&[sum]);
            }),
        ),
        ("an entry assigns only its own parameters", entry("middle", &[DOUBLE])),
        (
            "a loop reads what the first round assigned",
            body(|b| {
                let head = b.block();
                b.name_block(head, "head");
                let (x, y) = (b.vreg(Type::I64), b.vreg(Type::I64));
                b.name_vreg(x, "x");
                b.place(head);
                b.to(y).add(x, 1);
                b.to(x).copy(y);
                b.branch(Cond::Lt, y, INT, head);
                b.ret(&[x]);
            }),
        ),
        (
            "labels of a set are reached with what is assigned at the jump",
            body(|b| {
                let (one, two) = (b.block(), b.block());
                let x = b.vreg(Type::I64);
                b.name_vreg(x, "x");
                let set = b.label_set(&[one, two]);
                let at = b.label_addr(two);
                b.branch(Cond::Eq, INT, 0, one);
                b.jump_to(at, set);
                b.place(one);
                b.ret(&[INT]);
                b.place(two);
                b.to(x).add(x, 1);
                b.jump_to(at, set);
            }),
        ),
        (
            "a list at an exit is read",
            body(|b| {
                let x = b.vreg(Type::F64);
                b.fguard(FCond::Lt, DOUBLE, DOUBLE, 3, &[INT, x]);
                b.exit(4, &[x]);
            }),
        ),
    ]
}

/// Changes by hand after a body was written.
trait ByHand {
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

/// Modules that break a limit, with the limit.
fn beyond_limits() -> Vec<(&'static str, Limits, Module)> {
    let usual = Limits::default;
    let long = || {
        line(|b| {
            for _ in 0..20 {
                b.add(INT, 1);
            }
        })
    };
    vec![
        ("instructions are limited", Limits { insts: 10, ..usual() }, long()),
        ("registers are limited", Limits { vregs: 10, ..usual() }, long()),
        ("declarations are limited", Limits { entities: 1, ..usual() }, line(|_| {})),
        ("parameters are limited", Limits { params: 4, ..usual() }, line(|_| {})),
        (
            "arguments are limited",
            Limits { params: 5, ..usual() },
            line(|b| {
                b.call(PRINTF, &[AT, INT, INT, INT, INT, INT]);
            }),
        ),
        ("cases are limited", Limits { cases: 2, ..usual() }, switch(INT, &[1, 2, 3])),
        (
            "aggregates are limited",
            Limits { layout_bytes: 64, ..usual() },
            layout(128, 8, AggregateClass::Plain, &[]),
        ),
        (
            "aggregates of a signature are limited together",
            Limits { layout_bytes: 20, ..usual() },
            module(|m| {
                let t = Layout { size: 16, align: 8, ..Layout::default() };
                let t = AbiType::Aggregate(m.layout("t", t));
                m.signature(Signature { params: vec![t, t], results: vec![t], ..Signature::default() });
            }),
        ),
        ("aggregates of a function's calls are limited together", Limits { call_bytes: 100, ..usual() }, {
            let Parts { mut module, f } = parts();
            let t =
                AbiType::Aggregate(module.layout("t", Layout { size: 64, align: 8, ..Layout::default() }));
            let callee = module.import("callee", Signature::new([t], [] as [Type; 0]));
            let mut b = module.build(f);
            b.call(callee, &[AT]);
            b.call(callee, &[AT]);
            b.ret(&[INT]);
            b.finish().expect("the body has an end");
            module
        }),
        (
            "the search for unassigned registers is limited",
            Limits { search_steps: 3, ..usual() },
            body(|b| {
                let x = b.vreg(Type::I64);
                let (odd, join) = (b.block(), b.block());
                b.branch(Cond::Any, INT, 1, odd);
                b.to(x).iconst(Type::I64, 1);
                b.jump(join);
                b.place(odd);
                b.to(x).iconst(Type::I64, 2);
                for _ in 0..9 {
                    let next = b.block();
                    b.place(next);
                    b.branch(Cond::Any, INT, 1, next);
                }
                b.place(join);
                b.ret(&[x]);
            }),
        ),
        (
            "diagnostics are limited",
            Limits { diagnostics: 2, ..usual() },
            line(|b| {
                for _ in 0..5 {
                    b.add(INT, SMALL);
                }
            }),
        ),
    ]
}

fn print(module: &Module, found: &[Diagnostic<Fault>]) -> String {
    let mut text = String::new();
    for diagnostic in found {
        let _ = match diagnostic.at {
            Place::Module => write!(text, "module"),
            Place::Func(func) => write!(text, "fn {}", module.func(func).name.escape_debug()),
            Place::Inst(func, inst, operand) => {
                let decl = module.func(func);
                let op = decl.body.as_ref().map(|f| f.insts[inst.index()].op.info().mnemonic);
                let _ = write!(text, "fn {}, instruction {} `{}`", decl.name, inst.0, op.unwrap_or("?"));
                operand.map_or(Ok(()), |n| write!(text, ", operand {n}"))
            }
            other => write!(text, "{other:?}"),
        };
        let _ = writeln!(text, ": {}", diagnostic.fault);
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(text, "    help: {help}");
        }
    }
    text
}

#[test]
fn every_fault_has_its_message() {
    let usual = cases().into_iter().map(|(title, module)| (title, Limits::default(), module));
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    for (title, limits, module) in usual.chain(beyond_limits()) {
        let (module, found) = Verifier::new(limits).check(module).expect_err(title);
        seen.extend(found.iter().map(|d| d.fault.name()));
        let _ = write!(text, "## {title}\n{}\n", print(&module, &found));
    }
    let missing: Vec<_> = Fault::NAMES.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no module here brings these faults about: {missing:?}");

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify/faults.expected");
    if std::env::var_os("KILN_BLESS").is_some() {
        std::fs::write(path, &text).expect("the file can be written");
    }
    let expected = std::fs::read_to_string(path).expect("the file of messages is there");
    for (wanted, given) in expected.split("## ").zip(text.split("## ")) {
        assert_eq!(given, wanted, "run this test with KILN_BLESS=1 if the new message is better");
    }
    assert_eq!(text, expected);
}
