//! What is said of functions as a whole.

use super::Case;
use super::parts::{DOUBLE, INT, broken, entry, line};
use crate::entity::{Block, FileId, Inst, VReg};
use crate::function::{Entry, Pos};
use crate::types::Type;

pub fn cases() -> Vec<Case> {
    vec![
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
    ]
}
