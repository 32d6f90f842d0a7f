//! What is said of definite assignment.

use super::Case;
use super::parts::{DOUBLE, INT, body, entry, line};
use crate::op::{Cond, FCond};
use crate::types::Type;

pub fn cases() -> Vec<Case> {
    vec![
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
