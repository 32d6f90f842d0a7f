//! What is said of blocks and what goes from one to another.

use super::Case;
use super::parts::{AT, ByHand, INT, body, broken, line, module};
use crate::entity::{Block, FuncId, LabelSet};
use crate::function::{Entry, InstData};
use crate::op::{Cond, Op};
use crate::types::{Convention, Type};

pub fn cases() -> Vec<Case> {
    vec![
        ("a block is aligned to a page at most", line(|b| b.set_align(8192))),
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
                let func = m.declare_entry(FuncId(2), "e", &[Type::I64]);
                let body = m.funcs[2].body.as_mut().expect("`f` has a body");
                body.entries.push(Entry { func, params: vec![INT], block: Block(0) });
                body.recount();
            }),
        ),
        (
            "a function with variable arguments has no further entries",
            module(|m| {
                let mut sig = m.signature_of(FuncId(2)).clone();
                sig.variadic = true;
                m.funcs[2].sig = m.signature(sig);
                let func = m.declare_entry(FuncId(2), "e", &[Type::I64]);
                let body = m.funcs[2].body.as_mut().expect("`f` has a body");
                body.entries.push(Entry { func, params: vec![INT], block: Block(0) });
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
    ]
}
