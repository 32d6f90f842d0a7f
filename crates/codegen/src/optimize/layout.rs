//! The order of blocks, in which their code will stand.
//!
//! - Each block is followed, where it can be, by the one that it goes on to: the way that a hint calls likely, else the
//!   one that stays in the loop, else the one that the source has next. So bodies fall through.
//! - Loops stand together. They test at their ends (they were inverted before), so the branch of the last block closes
//!   them; a loop whose test was too long to be copied keeps a jump per round.
//! - Rare blocks stand behind all others, in their old order: those marked, those that end in a trap or leave for the
//!   host, those that can only go on to rare ones, those that only rare ones or ways called unlikely lead to.
//! - A block that does nothing but jump on, with nothing to hand over, goes; what went to it goes where it goes.
//! - Heads of innermost loops are aligned, so that short ones stand in one line, or half a line, of what processors fetch
//!   and keep decoded: a loop of 41 bytes that lay across two lines made a kernel take 1.09 of the time. And what indirect
//!   jumps lead to: that takes a bytecode interpreter 0.95 of the time that it takes otherwise.
//!
//! Keeps the invariant that what writes a value stands before what reads it: a block is put behind one that goes to it or
//! in the old order, so whatever dominates it has been put before; and what a rare block dominates is rare.
//! O(blocks + edges). Source: the greedy chains of Pettis and Hansen, "Profile Guided Code Positioning", PLDI 1990, with
//! loops and hints instead of a profile.

use super::cfg::Cfg;
use super::loops::Loops;
use super::operands::{for_each_name, map_names};
use super::{Body, Taken, Writer};
use kiln_ir::Block;
use kiln_ir::function::BlockData;
use kiln_ir::op::{Hint, Op};

/// The heads of innermost loops begin at multiples of this, as a power of two.
const HEAD: u8 = 4;
/// Those of loops that fit half a line at multiples of this.
const HALF_LINE: u8 = 5;
/// Those of loops that fit a line at multiples of this.
const LINE: u8 = 6;
/// Bytes that an instruction of such a loop takes, at a guess: mostly three or four, with immediates and forward branches more.
const GUESS: usize = 5;

/// What the pass remembers.
#[derive(Debug, Default)]
pub struct Scratch {
    rare: Vec<bool>,
    /// For each block that only jumps on, where; else the block itself.
    through: Vec<Block>,
    placed: Vec<bool>,
    /// For each loop, how many of its own blocks and of the loops directly in it are not all placed.
    left: Vec<u32>,
    order: Vec<Block>,
    number: Vec<Block>,
}

/// Orders the blocks.
pub fn layout(body: &mut Body, cfg: &Cfg, loops: &Loops, scratch: &mut Scratch, taken: &mut Taken) {
    scratch.find_rare(body, cfg);
    scratch.find_through(body);
    scratch.place(body, loops);
    scratch.write(body, loops, taken);
}

impl Scratch {
    fn find_rare(&mut self, body: &Body, cfg: &Cfg) {
        let f = &body.f;
        self.rare.clear();
        self.rare.extend(f.blocks().iter().map(|block| block.cold));
        // However rarely the function is called, it begins here.
        self.rare[0] = false;
        let ends_rarely = |b: u32| {
            let last = &f.insts()[f.block_range(Block(b)).end - 1];
            matches!(last.op, Op::Trap | Op::Unreachable | Op::Exit)
        };
        // What leads to rare blocks only is rare; but not what is entered from outside.
        for b in (0..body.blocks()).rev().filter(|b| !cfg.preds(Block(*b)).is_empty()) {
            let edges = body.edges_of(Block(b));
            let onward = edges.iter().all(|edge| edge.to.0 > b && self.rare[edge.to.index()]);
            self.rare[b as usize] |= if edges.is_empty() { ends_rarely(b) } else { onward };
        }
        for b in 0..body.blocks() {
            let mut ways = cfg.preds(Block(b)).iter().filter(|pred| pred.from.0 < b).peekable();
            if ways.peek().is_some() {
                let rarely = |edge: u32, from: Block| self.rare[from.index()] || is_unlikely(body, edge);
                self.rare[b as usize] |= ways.all(|pred| rarely(pred.edge, pred.from));
            }
        }
    }

    /// Finds blocks that only jump on.
    fn find_through(&mut self, body: &Body) {
        let f = &body.f;
        self.through.clear();
        self.through.extend((0..body.blocks()).map(Block));
        // From behind, so that one that jumps to another such block goes where that goes.
        for b in (1..body.blocks()).rev() {
            let range = f.block_range(Block(b));
            let jump = &f.insts()[range.start];
            if range.len() == 1 && jump.op == Op::Jump && body.params_of(Block(b)).is_empty() && jump.dst > b
            {
                let bare = body.params_of(Block(jump.dst)).is_empty();
                // What is cold in the source stays, for the cold edges that name it; what is aligned, for its address.
                let BlockData { cold, align, .. } = f.blocks()[b as usize];
                if bare && !cold && align == 0 {
                    self.through[b as usize] = self.through[jump.dst as usize];
                }
            }
        }
        let mut keep = |block: Block| self.through[block.index()] = block;
        for edge in &body.edges {
            // Others have one edge for each target.
            if !matches!(f.insts()[edge.inst.index()].op, Op::Jump | Op::Branch | Op::Fbranch) {
                keep(edge.to);
            }
        }
        for_each_name(body, keep);
    }

    /// Puts the blocks in order.
    fn place(&mut self, body: &Body, loops: &Loops) {
        let blocks = body.blocks();
        self.placed.clear();
        self.placed.resize(blocks as usize, false);
        self.order.clear();
        self.left.clear();
        self.left.resize(loops.loops.len(), 0);
        for b in 0..blocks {
            if let Some(n) = loops.of(Block(b)).filter(|_| self.is_usual(b)) {
                self.left[n as usize] += 1;
            }
        }
        // Inner loops have greater numbers.
        for n in (0..loops.loops.len()).rev() {
            if let Some(parent) = loops.loops[n].parent.filter(|_| self.left[n] > 0) {
                self.left[parent as usize] += 1;
            }
        }
        // Between chains the next block of the old order that is left, which has loops together. A chain does not leave a
        // loop before all of it is placed; so what is left of a loop is what comes next in that order.
        for b in 0..blocks {
            let mut next = Some(Block(b)).filter(|_| self.is_usual(b) && !self.placed[b as usize]);
            while let Some(block) = next {
                self.put(loops, block);
                next = self.successor(body, loops, block);
            }
        }
        let rare = (0..blocks).filter(|b| self.rare[*b as usize] && self.through[*b as usize].0 == *b);
        self.order.extend(rare.map(Block));
    }

    fn is_usual(&self, b: u32) -> bool {
        !self.rare[b as usize] && self.through[b as usize].0 == b
    }

    fn put(&mut self, loops: &Loops, block: Block) {
        self.placed[block.index()] = true;
        self.order.push(block);
        let mut around = loops.of(block);
        while let Some(n) = around {
            self.left[n as usize] -= 1;
            around = loops.loops[n as usize].parent.filter(|_| self.left[n as usize] == 0);
        }
    }

    /// What stands best behind a block.
    fn successor(&self, body: &Body, loops: &Loops, block: Block) -> Option<Block> {
        let last = body.f.block_range(block).end - 1;
        let own = loops.of(block);
        let mut best: Option<(u32, Block)> = None;
        let inst = &body.f.insts()[last];
        // A switch has too many ways to prefer one.
        let (ways, hint) = match inst.op {
            Op::Jump => (1, Hint::None),
            Op::Branch | Op::Fbranch => (2, inst.hint()),
            _ => return None,
        };
        let edges = body.edges_of(block);
        for (n, edge) in edges[edges.len() - ways..].iter().enumerate() {
            let to = self.through[edge.to.index()];
            if self.placed[to.index()] || self.rare[to.index()] {
                continue;
            }
            // Out of loops only when they are done; and a jump into the middle of one would tear it apart.
            let stays = own.is_none_or(|own| loops.contains(own, to));
            let mut around = own;
            while let Some(n) = around.filter(|n| self.left[*n as usize] == 0 && !loops.contains(*n, to)) {
                around = loops.loops[n as usize].parent;
            }
            let middle = |n: u32| Some(n) != around && loops.loops[n as usize].header != to;
            if around.is_some_and(|n| !loops.contains(n, to)) || loops.of(to).is_some_and(middle) {
                continue;
            }
            let likely = 2 * (hint == if n == 0 { Hint::Likely } else { Hint::Unlikely }) as u32;
            // Of equals the one that the source has next: the other edge of a branch falls through.
            let score = (likely + stays as u32) * 2 + n as u32;
            if best.is_none_or(|(other, _)| score > other) {
                best = Some((score, to));
            }
        }
        best.map(|(_, to)| to)
    }

    fn write(&mut self, body: &mut Body, loops: &Loops, taken: &mut Taken) {
        let Scratch { through, order, number, rare, .. } = self;
        body.align.clear();
        if order.len() == through.len() && order.iter().zip(0..).all(|(block, n)| block.0 == n) {
            // The order is what it was.
            let code = (body.f.blocks(), body.f.insts().len());
            body.align.extend(order.iter().map(|block| alignment(code, loops, *block)));
            for (block, rare) in body.f.arrays().blocks.iter_mut().zip(rare) {
                block.cold |= *rare;
            }
            align_labels(body);
            return;
        }
        number.clear();
        number.resize(through.len(), Block::NONE);
        for (n, block) in order.iter().enumerate() {
            number[block.index()] = Block(n as u32);
        }
        let to = |block: Block| number[through[block.index()].index()];
        body.take_code(taken);
        for block in order.iter() {
            let mut writer = Writer::new(body);
            let like = taken.blocks[block.index()];
            let like = BlockData { cold: like.cold || rare[block.index()], ..like };
            writer.block(like, taken.params_of(*block).iter().copied());
            writer.copy(taken, *block, to);
            body.align.push(alignment((&taken.blocks, taken.insts.len()), loops, *block));
        }
        map_names(body, to);
        Writer::new(body).end();
        align_labels(body);
    }
}

/// Aligns what indirect jumps lead to.
fn align_labels(body: &mut Body) {
    for block in body.f.label_sets().iter().flatten() {
        let power = &mut body.align[block.index()];
        *power = HEAD.max(*power);
    }
}

/// How a block is aligned; `blocks` are all of them in their old order, with the number of instructions.
fn alignment((blocks, insts): (&[BlockData], usize), loops: &Loops, block: Block) -> u8 {
    let Some(n) = loops.of(block).filter(|_| !blocks[block.index()].cold) else { return 0 };
    let found = &loops.loops[n as usize];
    let innermost = loops.loops.get(n as usize + 1).is_none_or(|inner| inner.parent != Some(n));
    if found.header != block || !innermost {
        return 0;
    }
    let start = blocks[block.index()].start as usize;
    let end = blocks.get((block.0 + found.blocks) as usize).map_or(insts, |b| b.start as usize);
    match (end - start) * GUESS {
        ..=32 => HALF_LINE,
        33..=64 => LINE,
        _ => HEAD,
    }
}

/// Whether an edge is the way that a hint calls unlikely.
fn is_unlikely(body: &Body, edge: u32) -> bool {
    let found = &body.edges[edge as usize];
    let inst = &body.f.insts()[found.inst.index()];
    if !matches!(inst.op, Op::Branch | Op::Fbranch) || inst.hint() == Hint::None {
        return false;
    }
    let first = edge == 0 || body.edges[edge as usize - 1].inst != found.inst;
    inst.hint() == if first { Hint::Unlikely } else { Hint::Likely }
}
