//! From steps to a Kiln module.
//!
//! The whole program is one function, `run`. Its first parameter is the pointer: an address, changed in place. The second
//! is for the host: what `read` and `write` read from and write to. A cell is never kept in a register from one step to
//! the next; memory is the tape.

use crate::optimize::Step;
use crate::parse::Place;
use kiln::{
    AbiType, Block, Cond, FuncId, FunctionBuilder, Linkage, MemType, Module, Pos, Signature, Type, VReg,
};

/// A module with a function `run(cell: ptr, streams: ptr)`, which starts at that cell. It imports
/// `read(streams: ptr, old: u8) -> u8`, which is told what the cell holds and gives what it is to hold, and
/// `write(streams: ptr, byte: u8)`. Its instructions carry the steps' places in the file.
pub fn compile(file: &str, steps: &[(Step, Place)]) -> Module {
    let mut module = Module::new();
    let file = module.file(file);
    let streams = AbiType::Value(Type::Ptr);
    let nothing: [AbiType; 0] = [];
    let read = module.import("read", Signature::new([streams, AbiType::U8], [AbiType::U8]));
    let write = module.import("write", Signature::new([streams, AbiType::U8], nothing));
    let run = module.declare("run", Signature::new([streams, streams], nothing), Linkage::Export);
    let mut b = module.build(run);
    let (pointer, streams) = (b.param(0), b.param(1));
    b.name_vreg(pointer, "pointer");
    b.name_vreg(streams, "streams");
    let mut compiler = Compiler { b, pointer, streams, read, write, loops: Vec::new() };
    for (step, at) in steps {
        compiler.b.at(Pos { file, line: at.line, column: at.column });
        compiler.step(step);
    }
    compiler.b.ret(&[]);
    compiler.b.finish().expect("each block is placed where its bracket closes");
    module
}

struct Compiler<'m> {
    b: FunctionBuilder<'m>,
    pointer: VReg,
    streams: VReg,
    read: FuncId,
    write: FuncId,
    /// The loops that are open: body and what comes after.
    loops: Vec<(Block, Block)>,
}

impl Compiler<'_> {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Add { offset, amount } => {
                let old = self.cell(offset);
                let new = self.b.add(old, i32::from(amount));
                self.set_cell(offset, new);
            }
            Step::Set { offset, value } => {
                self.b.store(MemType::U8, (self.pointer, offset), i32::from(value));
            }
            Step::Multiply(ref targets) => self.multiply(targets),
            Step::Move(distance) => self.move_pointer(distance),
            Step::Scan(distance) => {
                let (search, found) = (self.b.block(), self.b.block());
                self.branch_on_cell(Cond::Eq, found);
                self.b.place(search);
                self.move_pointer(distance);
                self.branch_on_cell(Cond::Ne, search);
                self.b.place(found);
            }
            Step::Read(offset) => {
                let old = self.cell(offset);
                let new = self.b.call1(self.read, &[self.streams, old]);
                self.set_cell(offset, new);
            }
            Step::Write(offset) => {
                let byte = self.cell(offset);
                self.b.call(self.write, &[self.streams, byte]);
            }
            Step::Open => {
                let (body, after) = (self.b.block(), self.b.block());
                self.branch_on_cell(Cond::Eq, after);
                self.b.place(body);
                self.loops.push((body, after));
            }
            Step::Close => {
                let (body, after) = self.loops.pop().expect("brackets match");
                self.branch_on_cell(Cond::Ne, body);
                self.b.place(after);
            }
        }
    }

    /// If the cell is 0, the loop this stands for touches nothing else; then the targets may lie outside the tape.
    fn multiply(&mut self, targets: &[(i32, u8)]) {
        let done = self.b.block();
        let rounds = self.cell(0);
        self.b.branch(Cond::Eq, rounds, 0, done);
        for &(offset, factor) in targets {
            let more = if factor == 1 { rounds } else { self.b.mul(rounds, i32::from(factor)) };
            let old = self.cell(offset);
            let new = self.b.add(old, more);
            self.set_cell(offset, new);
        }
        self.b.store(MemType::U8, self.pointer, 0);
        self.b.place(done);
    }

    /// The value of a cell, 0 to 255.
    fn cell(&mut self, offset: i32) -> VReg {
        self.b.load(Type::I32, MemType::U8, (self.pointer, offset))
    }

    /// Gives a cell the low byte of a value.
    fn set_cell(&mut self, offset: i32, value: VReg) {
        self.b.store(MemType::U8, (self.pointer, offset), value);
    }

    fn move_pointer(&mut self, distance: i32) {
        let pointer = self.pointer;
        self.b.to(pointer).add(pointer, distance);
    }

    fn branch_on_cell(&mut self, cond: Cond, target: Block) {
        let value = self.cell(0);
        self.b.branch(cond, value, 0, target);
    }
}
