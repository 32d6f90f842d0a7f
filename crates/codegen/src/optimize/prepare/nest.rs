//! Which loops a function in register form has, and how they nest.
//!
//! One depth-first walk finds the headers, and for each block the header of the innermost loop around it (Wei, Mao, Zou,
//! Chen: "A New Algorithm for Identifying Loops in Decompilation", SAS 2007). Loops that are entered elsewhere than at their
//! header are marked. O(blocks and edges) for code that people or front ends write; a limit ends the search in graphs
//! made to take longer.

use crate::optimize::lent::{Borrower, Lent, fill, swap};
use kiln_ir::op::Effect;
use kiln_ir::{Block, Function};

/// The loops of one function.
#[derive(Debug, Default)]
pub(super) struct Nest {
    /// Where each block's successors start, and one more; and the successors.
    starts: Vec<u32>,
    successors: Vec<Block>,
    /// By block: its number in the walk, from 1 on (0 if it cannot be reached), and the highest of those reached from it.
    first: Vec<u32>,
    last: Vec<u32>,
    /// By block: the header of the innermost loop around it; of a header, the loop around that one's.
    around: Vec<Block>,
    /// By block: the bits below.
    flags: Vec<u8>,
    /// By block: its place on the way from the root to the block that the walk is at, from 1 on; else 0.
    place: Vec<u32>,
    stack: Vec<(Block, u32)>,
    /// Steps up the nest that may still be taken.
    steps: usize,
}

/// The block is the header of a loop.
const HEADER: u8 = 1;
/// The loop is entered elsewhere, too.
const ENTERED: u8 = 2;

impl Borrower for Nest {
    fn exchange(&mut self, lent: &mut Lent) {
        lent.words(0, [&mut self.starts, &mut self.first, &mut self.last, &mut self.place]);
        swap(&mut self.successors, &mut lent.values);
        swap(&mut self.around, &mut lent.taken.args);
        swap(&mut self.stack, &mut lent.taken.origins);
    }
}

impl Nest {
    /// Finds the loops of a function; `false` if there are none, or it would take too long.
    pub fn find(&mut self, f: &Function) -> bool {
        if !self.edges(f) {
            return false;
        }
        let blocks = f.blocks().len();
        self.steps = 16 * (blocks + self.successors.len());
        for table in [&mut self.first, &mut self.last, &mut self.place] {
            fill(table, blocks, 0);
        }
        fill(&mut self.around, blocks, Block::NONE);
        self.flags.clear();
        self.flags.resize(blocks, 0);
        let mut count = 0;
        for root in std::iter::once(Block(0)).chain(f.entries().iter().map(|entry| entry.block)) {
            if self.first[root.index()] == 0 {
                self.walk(root, &mut count);
            } else {
                self.enter(root);
            }
        }
        self.steps > 0
    }

    /// Whether the block is the header of a loop that is entered nowhere else.
    pub fn is_header(&self, block: Block) -> bool {
        self.flags[block.index()] & (HEADER | ENTERED) == HEADER
    }

    /// Whether a successor of a header is in its loop.
    pub fn is_in(&self, block: Block, header: Block) -> bool {
        block == header || self.around[block.index()] == header
    }

    /// Whether a block is in the loop of a header, as far as a few loops between them let see.
    pub fn is_inside(&self, block: Block, header: Block) -> bool {
        let mut at = block;
        for _ in 0..8 {
            if at == header || at.is_none() {
                break;
            }
            at = self.around[at.index()];
        }
        at == header
    }

    /// Whether the block can be reached.
    pub fn is_reached(&self, block: Block) -> bool {
        self.first[block.index()] != 0
    }

    /// Whether the edge goes back to the header of a loop.
    pub fn is_back(&self, from: Block, to: Block) -> bool {
        let at = self.first[from.index()];
        self.first[to.index()] <= at && at <= self.last[to.index()]
    }

    /// Lists the edges; `false` if none goes back in the layout, so that there is no loop.
    fn edges(&mut self, f: &Function) -> bool {
        self.starts.clear();
        self.successors.clear();
        let mut back = false;
        for b in 0..f.blocks().len() as u32 {
            self.starts.push(self.successors.len() as u32);
            let range = f.block_range(Block(b));
            let end = range.end;
            for inst in &f.insts()[range] {
                if matches!(inst.op.effect(), Effect::control | Effect::terminator) {
                    f.for_each_target(inst, |to| {
                        back |= to.0 <= b;
                        self.successors.push(to);
                    });
                }
            }
            if f.insts()[end - 1].op.falls_through() {
                self.successors.push(Block(b + 1));
            }
        }
        self.starts.push(self.successors.len() as u32);
        back
    }

    fn walk(&mut self, root: Block, count: &mut u32) {
        self.visit(root, count);
        while let Some((block, next)) = self.stack.last_mut() {
            let (block, at) = (*block, *next);
            *next += 1;
            if at < self.starts[block.index() + 1] {
                let to = self.successors[at as usize];
                if self.first[to.index()] == 0 {
                    self.visit(to, count);
                } else if self.place[to.index()] > 0 {
                    self.flags[to.index()] |= HEADER;
                    self.put(block, to);
                } else if let Some(header) = self.enter(to) {
                    self.put(block, header);
                }
                continue;
            }
            self.stack.pop();
            self.place[block.index()] = 0;
            self.last[block.index()] = *count;
            if let Some((above, _)) = self.stack.last() {
                self.put(*above, self.around[block.index()]);
            }
        }
    }

    fn visit(&mut self, block: Block, count: &mut u32) {
        *count += 1;
        self.first[block.index()] = *count;
        self.stack.push((block, self.starts[block.index()]));
        self.place[block.index()] = self.stack.len() as u32;
    }

    /// Comes to a block that the walk has left: marks the loops that are entered by it. Gives the innermost loop around it
    /// that the walk is in.
    fn enter(&mut self, block: Block) -> Option<Block> {
        let mut header = self.around[block.index()];
        while !header.is_none() && self.place[header.index()] == 0 && self.steps > 0 {
            self.steps -= 1;
            self.flags[header.index()] |= ENTERED;
            header = self.around[header.index()];
        }
        (!header.is_none() && self.place[header.index()] > 0).then_some(header)
    }

    /// Says that a block is in the loop of a header on the way to it.
    fn put(&mut self, block: Block, header: Block) {
        if header.is_none() || block == header {
            return;
        }
        let (mut block, mut header) = (block, header);
        while !self.around[block.index()].is_none() && self.steps > 0 {
            self.steps -= 1;
            let known = self.around[block.index()];
            if known == header {
                return;
            }
            if self.place[known.index()] < self.place[header.index()] {
                self.around[block.index()] = header;
                block = header;
                header = known;
            } else {
                block = known;
            }
        }
        self.around[block.index()] = header;
    }
}
