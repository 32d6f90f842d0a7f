//! What is said of functions as a whole.

use super::Case;
use super::parts::{DOUBLE, INT, broken, entry, line, module};
use crate::entity::{Block, FileId, FuncId, Inst, VReg};
use crate::function::{Entry, Pos};
use crate::module::Linkage;
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
            module(|m| {
                let func = m.declare_entry(FuncId(2), "e", &[Type::I64]);
                let entry = Entry { func, params: vec![VReg(99)], block: Block(0) };
                m.funcs[2].body.as_mut().expect("`f` has a body").entries.push(entry);
            }),
        ),
        (
            "an entry goes to a block that exists",
            module(|m| {
                let func = m.declare_entry(FuncId(2), "e", &[]);
                let entry = Entry { func, params: vec![], block: Block(7) };
                m.funcs[2].body.as_mut().expect("`f` has a body").entries.push(entry);
            }),
        ),
        (
            "an entry is declared",
            broken(|_| {}, |f| f.entries.push(Entry { func: FuncId(99), params: vec![], block: Block(0) })),
        ),
        (
            "an entry is declared as one of its function",
            broken(|_| {}, |f| f.entries.push(Entry { func: FuncId(2), params: vec![], block: Block(0) })),
        ),
        (
            "an entry that is declared has a place",
            module(|m| {
                m.declare_entry(FuncId(2), "e", &[]);
            }),
        ),
        (
            "an entry has the signature of its registers",
            module(|m| {
                let func = m.declare_entry(FuncId(2), "e", &[Type::F64]);
                let entry = Entry { func, params: vec![INT], block: Block(0) };
                m.funcs[2].body.as_mut().expect("`f` has a body").entries.push(entry);
            }),
        ),
        (
            "an entry is nothing else",
            module(|m| {
                let func = m.declare_entry(FuncId(2), "e", &[]);
                m.funcs[func.index()].linkage = Linkage::Export;
                let entry = Entry { func, params: vec![], block: Block(0) };
                m.funcs[2].body.as_mut().expect("`f` has a body").entries.push(entry);
            }),
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
