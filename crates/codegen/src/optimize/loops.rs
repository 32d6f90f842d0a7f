//! Loops: which blocks go round, around which header, inside which other loop.
//!
//! A loop is a header and all blocks below it in the walk that come back to it. If there is another way in than by the
//! header, the loop is *irreducible*: its header does not dominate it, and passes leave it alone.
//!
//! Source: Havlak, "Nesting of Reducible and Irreducible Loops", TOPLAS 19(4), 1997, inner loops first, finished loops
//! merged into their headers by union and find. O(edges * log blocks), in practice O(edges).

use super::cfg::Cfg;
use kiln_ir::Block;

/// A loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loop {
    /// The block by which it is entered, if it is reducible.
    pub header: Block,
    /// The loop around it: its number is less.
    pub parent: Option<u32>,
    /// Number of loops around its blocks: 1 if it is in no other.
    pub depth: u32,
    /// Whether there are ways in beside the header.
    pub irreducible: bool,
    /// Number of its blocks, those of inner loops included.
    pub blocks: u32,
}

/// The loops of a graph, each behind the one around it, and the order of blocks that follows from them.
#[derive(Clone, Debug, Default)]
pub struct Loops {
    /// The loops by the places of their headers in reverse postorder.
    pub loops: Vec<Loop>,
    /// The innermost loop of each block, or [`Loops::NONE`].
    inner: Vec<u32>,
    /// For each loop its place in preorder of the nest, and the number of loops in it, itself included.
    nest: Vec<(u32, u32)>,
    order: Vec<Block>,
    /// Union and find: the header that a block has been merged into, or the block itself.
    merged: Vec<Block>,
    work: Vec<Block>,
    /// Ways into inner irreducible loops, counted as ways into their headers: a list for each header.
    more: Vec<(Block, u32)>,
    more_of: Vec<u32>,
    free: Vec<u32>,
}

impl Loops {
    /// Stands for "in no loop".
    pub const NONE: u32 = u32::MAX;

    /// Finds the loops of a graph.
    pub fn compute(&mut self, cfg: &Cfg) {
        let blocks = cfg.blocks() as usize;
        self.loops.clear();
        self.inner.clear();
        self.inner.resize(blocks, Loops::NONE);
        self.merged.clear();
        self.merged.extend((0..blocks as u32).map(Block));
        self.more.clear();
        self.more_of.clear();
        self.more_of.resize(blocks, u32::MAX);
        for header in cfg.rpo().iter().rev() {
            self.find_loop(cfg, *header);
        }
        // Found inner ones first; the numbers run the other way.
        let count = self.loops.len() as u32;
        self.loops.reverse();
        for at in 0..self.loops.len() {
            let parent = self.loops[at].parent.map(|n| count - 1 - n);
            self.loops[at].parent = parent;
            self.loops[at].depth = parent.map_or(1, |n| self.loops[n as usize].depth + 1);
        }
        for inner in self.inner.iter_mut().filter(|inner| **inner != Loops::NONE) {
            *inner = count - 1 - *inner;
        }
        self.number_nest();
        self.arrange(cfg);
    }

    /// Numbers the loops so that those inside each stand behind it, without any others between.
    fn number_nest(&mut self) {
        let Loops { loops, nest, free, .. } = self;
        nest.clear();
        nest.resize(loops.len(), (0, 1));
        for n in (0..loops.len()).rev() {
            if let Some(parent) = loops[n].parent {
                nest[parent as usize].1 += nest[n].1;
            }
        }
        // The next free place in each loop; of the outermost ones, at the end.
        free.clear();
        free.resize(loops.len() + 1, 0);
        for n in 0..loops.len() {
            let around = loops[n].parent.map_or(loops.len(), |parent| parent as usize);
            nest[n].0 = free[around];
            free[around] += nest[n].1;
            free[n] = nest[n].0 + 1;
        }
    }

    /// Finds the loop of a header, if it is one, and merges it into the header.
    fn find_loop(&mut self, cfg: &Cfg, header: Block) {
        let number = self.loops.len() as u32;
        let is_header = cfg.preds(header).iter().any(|pred| cfg.descends(pred.from, header));
        if !is_header {
            return;
        }
        let mut found = Loop { header, parent: None, depth: 0, irreducible: false, blocks: 1 };
        self.work.clear();
        for pred in cfg.preds(header).iter().filter(|pred| cfg.descends(pred.from, header)) {
            self.take(pred.from, header, number, &mut found);
        }
        while let Some(block) = self.work.pop() {
            for pred in cfg.preds(block) {
                self.way_in(cfg, pred.from, header, number, &mut found);
            }
            let mut more = self.more_of[block.index()];
            while let Some((from, next)) = self.more.get(more as usize).copied() {
                self.way_in(cfg, from, header, number, &mut found);
                more = next;
            }
        }
        self.inner[header.index()] = number;
        self.loops.push(found);
    }

    /// Looks at a way into a block of the loop.
    fn way_in(&mut self, cfg: &Cfg, from: Block, header: Block, number: u32, found: &mut Loop) {
        if cfg.descends(self.find(from), header) {
            self.take(from, header, number, found);
        } else if cfg.reached(from) {
            found.irreducible = true;
            self.more.push((from, self.more_of[header.index()]));
            self.more_of[header.index()] = self.more.len() as u32 - 1;
        }
    }

    /// Adds a block, or the whole loop that it has been merged into, unless it has been taken before.
    fn take(&mut self, block: Block, header: Block, number: u32, found: &mut Loop) {
        let block = self.find(block);
        if block == header {
            return;
        }
        self.merged[block.index()] = header;
        match self.inner[block.index()] {
            Loops::NONE => {
                self.inner[block.index()] = number;
                found.blocks += 1;
            }
            inner => {
                let inner = &mut self.loops[inner as usize];
                inner.parent = Some(number);
                found.blocks += inner.blocks;
            }
        }
        self.work.push(block);
    }

    /// The header of the outermost loop found so far around the block, or the block.
    fn find(&mut self, mut block: Block) -> Block {
        while self.merged[block.index()] != block {
            let above = self.merged[block.index()];
            self.merged[block.index()] = self.merged[above.index()];
            block = above;
        }
        block
    }

    /// Orders the blocks: in reverse postorder, but each loop stands together, where its header stands.
    fn arrange(&mut self, cfg: &Cfg) {
        self.order.clear();
        self.order.resize(cfg.rpo().len(), Block::NONE);
        // The next free place of each loop; of what is in none, at the end.
        self.free.clear();
        self.free.resize(self.loops.len() + 1, 0);
        let none = self.loops.len();
        for block in cfg.rpo() {
            let inner = self.inner[block.index()];
            let mut at = none;
            if let Some(own) = self.loops.get(inner as usize) {
                at = inner as usize;
                if own.header == *block {
                    let around = own.parent.map_or(none, |n| n as usize);
                    self.free[at] = self.free[around];
                    self.free[around] += own.blocks;
                }
            }
            self.order[self.free[at] as usize] = *block;
            self.free[at] += 1;
        }
    }

    /// The number of the innermost loop around a block.
    #[inline]
    pub fn of(&self, block: Block) -> Option<u32> {
        let inner = self.inner[block.index()];
        (inner != Loops::NONE).then_some(inner)
    }

    /// Number of loops around a block.
    #[inline]
    pub fn depth(&self, block: Block) -> u32 {
        self.of(block).map_or(0, |n| self.loops[n as usize].depth)
    }

    /// Whether a block is in a loop or in one inside it.
    #[inline]
    pub fn contains(&self, outer: u32, block: Block) -> bool {
        let (start, count) = self.nest[outer as usize];
        self.of(block).is_some_and(|inner| self.nest[inner as usize].0.wrapping_sub(start) < count)
    }

    /// The reached blocks in an order in which each loop stands together, headers first. Otherwise each stands behind all
    /// that go to it, unless they close a loop.
    #[inline]
    pub fn order(&self) -> &[Block] {
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[&[u32]]) -> (Cfg, Loops) {
        let (mut cfg, mut loops) = (Cfg::default(), Loops::default());
        cfg.begin();
        for targets in edges {
            targets.iter().for_each(|to| cfg.edge(Block(*to)));
            cfg.end_block();
        }
        cfg.root(Block(0));
        cfg.finish();
        loops.compute(&cfg);
        (cfg, loops)
    }

    #[test]
    fn nested_loops_stand_together_though_their_exits_are_met_first() {
        // 1 goes out by 5 in the middle of the outer loop {1 2 3 4}; 3 is a loop of itself.
        let (_, loops) = graph(&[&[1], &[5, 2], &[3, 5], &[3, 4], &[1, 5], &[]]);
        assert_eq!(loops.order(), [0, 1, 2, 3, 4, 5].map(Block));
        let found: Vec<_> = loops.loops.iter().map(|l| (l.header.0, l.parent, l.depth, l.blocks)).collect();
        assert_eq!(found, [(1, None, 1, 4), (3, Some(0), 2, 1)]);
        assert_eq!([0, 1, 2, 3, 5].map(|b| loops.depth(Block(b))), [0, 1, 1, 2, 0]);
        assert!(loops.contains(0, Block(3)) && loops.contains(1, Block(3)) && !loops.contains(1, Block(2)));
    }

    #[test]
    fn a_loop_with_two_ways_in_is_irreducible_and_its_inner_loop_is_not() {
        let (_, loops) = graph(&[&[1, 2], &[2], &[1, 3], &[3, 4], &[1, 5], &[]]);
        let found: Vec<_> = loops.loops.iter().map(|l| (l.irreducible, l.blocks)).collect();
        assert_eq!(found, [(true, 4), (false, 1)]);
    }

    #[test]
    fn loops_contain_what_is_inside_them_however_deep_and_nothing_else() {
        // Each block of the first half begins a loop that ends in the second half; behind them one more loop.
        let (depth, mut cfg) = (20_000u32, Cfg::default());
        cfg.begin();
        for b in 0..2 * depth {
            if b >= depth {
                cfg.edge(Block(2 * depth - 1 - b));
            }
            cfg.edge(Block(b + 1));
            cfg.end_block();
        }
        cfg.edge(Block(2 * depth));
        cfg.end_block();
        cfg.root(Block(0));
        cfg.finish();
        let mut loops = Loops::default();
        loops.compute(&cfg);
        assert_eq!(loops.loops.len() as u32, depth + 1);
        for b in 0..2 * depth {
            assert!(loops.contains(0, Block(b)) && !loops.contains(depth, Block(b)));
            assert_eq!(loops.contains(depth / 2, Block(b)), (depth / 2..2 * depth - depth / 2).contains(&b));
        }
        assert!(loops.contains(depth, Block(2 * depth)) && !loops.contains(0, Block(2 * depth)));
    }

    #[test]
    fn what_is_not_reached_closes_no_loop() {
        let (_, loops) = graph(&[&[1], &[], &[1]]);
        assert_eq!((loops.loops.len(), loops.order()), (0, &[Block(0), Block(1)][..]));
    }

    #[test]
    fn a_long_chain_into_one_block_takes_no_recursion_and_no_square() {
        let blocks = 200_000u32;
        let (mut cfg, mut loops) = (Cfg::default(), Loops::default());
        cfg.begin();
        for b in 0..blocks - 1 {
            cfg.edge(Block(blocks - 1));
            cfg.edge(Block(b + 1));
            cfg.end_block();
        }
        cfg.edge(Block(1));
        cfg.end_block();
        cfg.root(Block(0));
        cfg.finish();
        loops.compute(&cfg);
        assert_eq!(loops.loops.len(), 1);
        assert_eq!(loops.loops[0].blocks, blocks - 1);
        let mut dom = super::super::dom::Dom::default();
        dom.compute(&cfg);
        assert_eq!(dom.idom(Block(blocks - 1)), Block(0));
    }
}
