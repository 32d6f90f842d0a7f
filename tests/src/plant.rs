//! Wrong compilers, by way of wrong programs: each plant changes the module that one side gets, as a compiler with
//! that bug would have translated it. A differential test that does not notice is worth nothing.

use kiln_generator::{Record, Records};
use kiln_ir::function::aux;
use kiln_ir::op::Variant;
use kiln_ir::{Cond, FCond, FuncId, InstData, MemType, Module, Op, Type};

/// A bug.
pub struct Plant {
    /// What is wrong.
    pub name: &'static str,
    /// Changes a record, if it is one that the bug affects.
    change: fn(&mut Record) -> bool,
}

/// The bugs that the differential test must find.
pub const PLANTS: &[Plant] = &[
    Plant { name: "sub adds", change: |r| r.inst.op == Op::Sub && !r.inst.has_imm() && becomes(r, Op::Add) },
    Plant { name: "signed less is unsigned", change: |r| cond(r, Cond::Lt, Cond::Ult) },
    Plant { name: "unsigned greater is greater or equal", change: |r| cond(r, Cond::Ugt, Cond::Uge) },
    Plant { name: "signed division is unsigned", change: |r| r.inst.op == Op::Sdiv && becomes(r, Op::Udiv) },
    Plant { name: "arithmetic shift is logical", change: |r| r.inst.op == Op::Ashr && becomes(r, Op::Lshr) },
    Plant { name: "rotation goes the other way", change: |r| r.inst.op == Op::Rotl && becomes(r, Op::Rotr) },
    Plant { name: "sext16 fills with zeros", change: |r| r.inst.op == Op::Sext16 && becomes(r, Op::Zext16) },
    Plant { name: "a signed load fills with zeros", change: unsigned_load },
    Plant { name: "byte stores are lost", change: lost_store },
    Plant { name: "select is the wrong way round", change: swapped_select },
    Plant { name: "a scale of 8 is 4", change: wrong_scale },
    Plant { name: "unordered compares as ordered", change: |r| fcond(r, FCond::Uge, FCond::Ge) },
    Plant { name: "fmin ignores NaN", change: |r| r.inst.op == Op::Fmin && becomes(r, Op::FminNum) },
    Plant { name: "ftrunc rounds down", change: |r| r.inst.op == Op::Ftrunc && becomes(r, Op::Ffloor) },
    Plant { name: "fsub swaps its operands", change: swapped_subtraction },
    Plant {
        name: "unsigned conversion is signed",
        change: |r| r.inst.op == Op::UitoF && becomes(r, Op::SitoF),
    },
    Plant {
        name: "the carry out is lost",
        change: |r| r.inst.op == Op::AddCarry && becomes(r, Op::SubBorrow),
    },
    Plant {
        name: "signed overflow is unsigned",
        change: |r| r.inst.op == Op::SaddOvf && becomes(r, Op::UaddOvf),
    },
    Plant { name: "the last case of a switch is lost", change: lost_case },
    Plant { name: "an immediate loses its sign", change: wrong_immediate },
    Plant { name: "the first two arguments are swapped", change: swapped_arguments },
    Plant { name: "mem_fill leaves the last byte", change: short_fill },
    Plant { name: "mul_wide is signed", change: |r| r.inst.op == Op::UmulWide && becomes(r, Op::SmulWide) },
];

impl Plant {
    /// Plants the bug wherever it applies. Gives whether it did anywhere.
    pub fn plant(&self, module: &mut Module) -> bool {
        let mut planted = false;
        for id in (0..module.funcs().len() as u32).map(FuncId) {
            let Some(body) = &module.func(id).body else { continue };
            let mut records = Records::of(body);
            let mut changed = false;
            for record in records.blocks.iter_mut().flat_map(|(_, block)| block) {
                changed |= (self.change)(record);
            }
            if changed {
                assert!(records.build(module, id), "{}: the changed function cannot be built", self.name);
            }
            planted |= changed;
        }
        planted
    }
}

fn becomes(record: &mut Record, op: Op) -> bool {
    record.inst.op = op;
    true
}

fn cond(record: &mut Record, from: Cond, to: Cond) -> bool {
    variant(record, Variant::Cond(from), Variant::Cond(to), &[Op::Cmp, Op::Branch])
}

fn fcond(record: &mut Record, from: FCond, to: FCond) -> bool {
    variant(record, Variant::FCond(from), Variant::FCond(to), &[Op::Fcmp, Op::Fbranch])
}

fn variant(record: &mut Record, from: Variant, to: Variant, ops: &[Op]) -> bool {
    let inst = &mut record.inst;
    if !ops.contains(&inst.op) || inst.variant() != from {
        return false;
    }
    inst.aux = inst.aux & !InstData::variant_bits(from) | InstData::variant_bits(to);
    true
}

fn nop(record: &mut Record) -> bool {
    let inst = InstData { op: Op::Nop, ty: Type::I32, aux: 0, dst: u32::MAX, a: 0, b: 0 };
    *record = Record { inst, tail: vec![] };
    true
}

fn lost_store(record: &mut Record) -> bool {
    record.inst.op == Op::Store && record.inst.access().bytes() == 1 && nop(record)
}

fn unsigned_load(record: &mut Record) -> bool {
    let access = record.inst.access();
    let narrow = access.bytes() < record.inst.ty.bytes() && access.bytes() < 4;
    if record.inst.op != Op::Load || !access.signed() || !narrow {
        return false;
    }
    let unsigned = MemType::int(access.bytes() as u8, false);
    record.inst.aux = record.inst.aux & !(31 << aux::ACCESS) | (unsigned.0 as u16) << aux::ACCESS;
    true
}

fn swapped_select(record: &mut Record) -> bool {
    // Selected addresses are left alone: the program must stay one that may be run.
    let yes = record.inst.op == Op::Select && record.inst.ty != Type::Ptr;
    if yes {
        record.tail.swap(0, 1);
    }
    yes
}

fn wrong_scale(record: &mut Record) -> bool {
    let yes = matches!(record.inst.op, Op::Load | Op::Store) && record.inst.has_tail() && record.tail[1] == 8;
    if yes {
        record.tail[1] = 4;
    }
    yes
}

fn swapped_subtraction(record: &mut Record) -> bool {
    let inst = &mut record.inst;
    if inst.op == Op::Fsub {
        (inst.a, inst.b) = (inst.b, inst.a);
    }
    inst.op == Op::Fsub
}

fn lost_case(record: &mut Record) -> bool {
    let yes = record.inst.op == Op::Switch && record.tail[1] > 1;
    if yes {
        record.tail[1] -= 1;
        let len = record.tail.len();
        record.tail.truncate(len - 3);
    }
    yes
}

fn wrong_immediate(record: &mut Record) -> bool {
    let inst = &mut record.inst;
    let yes = inst.op == Op::Xor && inst.has_imm() && (inst.b as i32) < 0;
    if yes {
        inst.b &= i32::MAX as u32;
    }
    yes
}

fn swapped_arguments(record: &mut Record) -> bool {
    // Only calls of a host function that takes two of the same type: the second host function, by its place.
    let yes = record.inst.op == Op::Call && record.inst.a == 1;
    if yes {
        record.tail.swap(3, 4);
    }
    yes
}

fn short_fill(record: &mut Record) -> bool {
    let yes = record.inst.op == Op::MemFill && record.inst.has_imm() && record.tail[1] > 1;
    if yes {
        record.tail[1] -= 1;
    }
    yes
}
