//! Loops as the layout has them: stretches of blocks, each from a head to the last block that goes back to it.
//!
//! Rare blocks stand behind all others and are in no loop; so what they do does not count. Where stretches overlap without
//! one being in the other, the later one is taken to end with the earlier: all of this only says what is worth a
//! register. O(edges).

use crate::optimize::Body;
use kiln_ir::Block;

/// A loop.
#[derive(Clone, Copy, Debug)]
pub struct Loop {
    /// The first block.
    pub head: u32,
    /// The block behind it.
    pub end: u32,
    /// Number of loops around its blocks: 1 if it is in no other; at most [`Loops::DEEPEST`].
    pub depth: u8,
    /// The loop around it, or [`NONE`].
    parent: u32,
    /// Where its instructions start.
    pub start: u32,
    /// Where they end.
    pub stop: u32,
    /// How many values are live in it at a time, of general registers and of vector registers: at most so many, where that
    /// is more than there are registers.
    pub most: [u32; 2],
    /// The same of those that are live across a call.
    pub across: [u32; 2],
}

const NONE: u32 = u32::MAX;

/// The loops of a body.
#[derive(Debug, Default)]
pub struct Loops {
    loops: Vec<Loop>,
    /// The innermost loop of each block, or [`NONE`]. Empty if there are none.
    of: Vec<u32>,
    /// For each block, the block behind the last one that goes back to it, or 0.
    ends: Vec<u32>,
}

impl Loops {
    /// Depths are not told apart beyond this one.
    pub const DEEPEST: u8 = 250;

    /// Finds the loops.
    pub fn find(&mut self, body: &Body) {
        let Loops { loops, of, ends } = self;
        loops.clear();
        of.clear();
        ends.clear();
        let blocks = body.f.blocks();
        for b in (0..body.blocks()).filter(|b| !blocks[*b as usize].cold) {
            for edge in body.edges_of(Block(b)).iter().filter(|edge| edge.to.0 <= b) {
                if ends.is_empty() {
                    ends.resize(blocks.len(), 0);
                }
                ends[edge.to.index()] = b + 1;
            }
        }
        if ends.is_empty() {
            return;
        }
        let mut inner = NONE;
        for (b, end) in (0u32..).zip(ends.iter().copied()) {
            while inner != NONE && loops[inner as usize].end <= b {
                inner = loops[inner as usize].parent;
            }
            if end != 0 {
                let around = loops.get(inner as usize);
                let end = around.map_or(end, |around| end.min(around.end));
                let depth = around.map_or(1, |around| (around.depth + 1).min(Loops::DEEPEST));
                let start = blocks[b as usize].start;
                let stop = body.f.block_range(Block(end - 1)).end as u32;
                let most = [0; 2];
                loops.push(Loop { head: b, end, depth, parent: inner, start, stop, most, across: most });
                inner = loops.len() as u32 - 1;
            }
            of.push(inner);
        }
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.loops.is_empty()
    }

    /// The innermost loop around a block.
    #[inline]
    pub fn around(&self, b: u32) -> Option<&Loop> {
        self.loops.get(*self.of.get(b as usize)? as usize)
    }

    /// The same, to be changed.
    pub(super) fn around_mut(&mut self, b: u32) -> Option<&mut Loop> {
        self.loops.get_mut(*self.of.get(b as usize)? as usize)
    }

    /// The loop of which a block is the head.
    #[inline]
    pub fn headed_by(&self, block: Block) -> Option<&Loop> {
        self.around(block.0).filter(|found| found.head == block.0)
    }

    /// Whether a position is in the innermost loop around a block.
    #[inline]
    pub fn is_around(&self, b: u32, at: u32) -> bool {
        self.around(b).is_some_and(|found| (found.start..found.stop).contains(&at))
    }

    /// Brings what was found of inner loops to those around them.
    pub(super) fn sum_up(&mut self) {
        for n in (0..self.loops.len()).rev() {
            let Loop { parent, most, across, .. } = self.loops[n];
            if let Some(around) = self.loops.get_mut(parent as usize) {
                for class in 0..2 {
                    around.most[class] = around.most[class].max(most[class]);
                    around.across[class] = around.across[class].max(across[class]);
                }
            }
        }
    }
}
