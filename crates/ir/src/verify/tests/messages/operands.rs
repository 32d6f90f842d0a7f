//! What is said of operands, and what ops ask of them.

use super::Case;
use super::parts::{AT, ByHand, DOUBLE, INT, NUMBERS, OWN, SMALL, body, broken, line, switch};
use crate::entity::{DataId, Slot};
use crate::function::{Mem, aux};
use crate::op::{Order, Rmw};
use crate::types::{MemType, Type};

pub fn cases() -> Vec<Case> {
    vec![
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
        ("code that does nothing has a bound", line(|b| b.pad((1 << 20) + 1))),
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
    ]
}
