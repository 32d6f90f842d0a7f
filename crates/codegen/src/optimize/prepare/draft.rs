//! A function being written anew from the parts of others.
//!
//! Blocks have *names* while it is written: numbers that say nothing of the layout, so that a jump to a block can be
//! written before it is known where the block will stand. [`Draft::settle`] numbers the blocks as they stand and puts the
//! numbers in the place of the names. O(what is written).

use crate::optimize::operands::word;
use crate::optimize::{Origin, Origins};
use kiln_ir::function::{BlockData, VRegInfo};
use kiln_ir::op::{Effect, Field, Op, Role};
use kiln_ir::{Block, Function, InstData, Type, VReg};

/// What is added to the numbers in a body's records when they are copied into another function.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Renaming {
    pub vregs: u32,
    pub slots: u32,
    pub blocks: u32,
}

impl Renaming {
    pub fn vreg(self, v: VReg) -> VReg {
        if v.is_none() { v } else { VReg(v.0 + self.vregs) }
    }

    pub fn block(self, block: Block) -> Block {
        Block(block.0 + self.blocks)
    }
}

/// What a pass reads: the source, or what the pass before it wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    pub f: &'a Function,
    pub origins: Origins<'a>,
    /// See [`Draft::accumulator`].
    pub accumulator: Option<(Op, VReg)>,
}

/// A function being written anew.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub f: Function,
    pub origins: Vec<Origin>,
    /// The register that sums up (or multiplies) what the function's rounds give, by this op, if [`super::recursion`] gave
    /// it one. Its first instruction sets it.
    pub accumulator: Option<(Op, VReg)>,
    /// The names of the blocks written so far, in layout order.
    order: Vec<Block>,
    /// Number of names given.
    names: u32,
    /// For each name the number of its block.
    numbers: Vec<Block>,
}

impl Draft {
    /// Starts over with all of a function but its code. Its blocks' numbers are names from now on; they are expected to
    /// be written, all others may be.
    pub fn start(&mut self, from: &Function) {
        self.f.clear();
        self.origins.clear();
        self.accumulator = None;
        self.order.clear();
        self.names = from.blocks().len() as u32;
        let arrays = self.f.arrays();
        arrays.pool.extend_from_slice(from.pool());
        arrays.vregs.extend_from_slice(from.vregs());
        arrays.slots.extend_from_slice(from.slots());
        arrays.label_sets.extend(from.label_sets().iter().cloned());
        arrays.entries.extend(from.entries().iter().cloned());
        *arrays.params = from.params();
    }

    /// Names for so many blocks: the first; the others follow.
    pub fn name(&mut self, count: u32) -> Block {
        let first = Block(self.names);
        self.names += count;
        first
    }

    /// A new register.
    pub fn vreg(&mut self, ty: Type) -> VReg {
        let vregs = self.f.arrays().vregs;
        vregs.push(VRegInfo::new(ty));
        VReg(vregs.len() as u32 - 1)
    }

    /// Begins the block of this name, which is cold and aligned as another one.
    pub fn begin(&mut self, name: Block, like: BlockData) {
        let arrays = self.f.arrays();
        arrays.blocks.push(BlockData { start: arrays.insts.len() as u32, ..like });
        self.order.push(name);
    }

    /// Appends an instruction whose block operands are names.
    #[inline]
    pub fn push(&mut self, inst: InstData, origin: Origin) {
        self.f.arrays().insts.push(inst);
        self.origins.push(origin);
    }

    /// Appends a jump.
    pub fn jump(&mut self, to: Block, origin: Origin) {
        self.push(InstData { op: Op::Jump, ty: Type::I32, aux: 0, dst: to.0, a: 0, b: 0 }, origin);
    }

    /// Appends a copy of an instruction of `from`, with a tail of its own.
    pub fn copy(&mut self, from: &Function, inst: &InstData, by: Renaming, origin: Origin) {
        let mut inst = *inst;
        if inst.has_tail() {
            let start = inst.b as usize;
            let tail = &from.pool()[start..start + from.tail_len(&inst)];
            let pool = self.f.arrays().pool;
            inst.b = pool.len() as u32;
            pool.extend_from_slice(tail);
        }
        rename(&mut inst, self.f.arrays().pool, by);
        self.push(inst, origin);
    }

    /// Appends an instruction with one result and one operand.
    pub fn unary(&mut self, op: Op, ty: Type, to: VReg, from: VReg, origin: Origin) {
        self.push(InstData { op, ty, aux: 0, dst: to.0, a: from.0, b: 0 }, origin);
    }

    /// Gives the blocks that an instruction taken over from the function started with may go to other names.
    pub fn redirect(&mut self, inst: &mut InstData, to: impl Fn(Block) -> Block) {
        each_block(inst, self.f.arrays().pool, |word| *word = to(Block(*word)).0);
    }

    /// Puts numbers in the place of names and counts what registers are used for. `blocks`, a list of names, is translated
    /// as well.
    pub fn settle(&mut self, blocks: &mut [Block]) {
        self.numbers.clear();
        self.numbers.resize(self.names as usize, Block::NONE);
        for (number, name) in self.order.iter().enumerate() {
            self.numbers[name.index()] = Block(number as u32);
        }
        let numbers = &self.numbers[..];
        let number = |word: &mut u32| *word = numbers[*word as usize].0;
        let arrays = self.f.arrays();
        for inst in arrays.insts.iter_mut() {
            match inst.op {
                Op::Jump | Op::Branch | Op::Fbranch => number(&mut inst.dst),
                Op::LabelAddr => number(&mut inst.a),
                op if matches!(op.effect(), Effect::control | Effect::terminator) => {
                    each_block(inst, arrays.pool, number);
                }
                _ => {}
            }
        }
        arrays.label_sets.iter_mut().flatten().for_each(|block| number(&mut block.0));
        arrays.entries.iter_mut().for_each(|entry| number(&mut entry.block.0));
        blocks.iter_mut().for_each(|block| number(&mut block.0));
        self.f.recount();
    }
}

/// Calls `f` with each word that names a block.
fn each_block(inst: &mut InstData, pool: &mut [u32], f: impl Fn(&mut u32)) {
    for (field, role) in inst.op.shape().operands() {
        match role {
            Role::Block | Role::ColdBlock => f(word(inst, pool, *field)),
            Role::Cases => {
                let tail = &mut pool[inst.b as usize..];
                f(&mut tail[0]);
                let cases = 3 * tail[1] as usize;
                tail[2..2 + cases].chunks_exact_mut(3).for_each(|case| f(&mut case[2]));
            }
            _ => {}
        }
    }
}

/// Adds to the numbers in a record and in its tail, which is in `pool`.
fn rename(inst: &mut InstData, pool: &mut [u32], by: Renaming) {
    let vreg = |word: &mut u32| *word = by.vreg(VReg(*word)).0;
    for (field, role) in inst.op.shape().operands() {
        match role {
            Role::Def(_) | Role::Use(_) => vreg(word(inst, pool, *field)),
            Role::UseOrImm(_) if !inst.has_imm() => vreg(word(inst, pool, *field)),
            Role::StoreValue if !inst.value_is_imm() => vreg(&mut inst.dst),
            Role::Mem => {
                vreg(&mut inst.a);
                if inst.has_tail() {
                    vreg(&mut pool[inst.b as usize]);
                }
            }
            Role::Slot => inst.a += by.slots,
            Role::List => {
                let Field::Tail(at) = field else { continue };
                counted(&mut pool[inst.b as usize + *at as usize..]).iter_mut().for_each(vreg);
            }
            Role::Results => {
                vreg(&mut inst.a);
                if inst.has_tail() {
                    counted(&mut pool[inst.b as usize..]).iter_mut().for_each(vreg);
                }
            }
            Role::CallList => {
                let tail = &mut pool[inst.b as usize..];
                let (args, results) = (tail[1] as usize, tail[2] as usize);
                let registers = args + results.saturating_sub(1);
                if results > 0 {
                    vreg(&mut inst.dst);
                }
                tail[3..3 + registers].iter_mut().for_each(vreg);
            }
            Role::Block | Role::ColdBlock | Role::Cases => {}
            Role::UseOrImm(_)
            | Role::StoreValue
            | Role::Const
            | Role::Imm
            | Role::BitRange
            | Role::Func
            | Role::Data
            | Role::LabelSet
            | Role::ExitId
            | Role::TrapCode
            | Role::CodeBytes => {}
        }
    }
    each_block(inst, pool, |word| *word = by.block(Block(*word)).0);
}

/// The words of a counted list.
fn counted(list: &mut [u32]) -> &mut [u32] {
    let count = list[0] as usize;
    &mut list[1..1 + count]
}
