//! What is said of records: their attributes and tails.

use super::Case;
use super::parts::{AT, ByHand, DOUBLE, INT, PRINTF, body, broken, line};
use crate::entity::VReg;
use crate::function::{Mem, aux};
use crate::op::{Cond, Order};
use crate::types::{MemType, Type};

pub fn cases() -> Vec<Case> {
    vec![
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
    ]
}
