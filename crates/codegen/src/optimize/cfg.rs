//! The control flow graph: successors, predecessors and a depth-first walk, of a body or of any other graph of blocks.
//!
//! Both directions stand in one array each, sliced by block. A block that is entered from outside is a *root* and has no
//! predecessors. There may be several (further entries), so dominators and walks start from a node that is not there and
//! goes to all roots. O(blocks + edges), without recursion.

use super::body::Body;
use kiln_ir::Block;

/// A way into a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pred {
    /// The block that it leaves.
    pub from: Block,
    /// The position of the edge among the edges of all blocks: for a body, in [`Body::edges`].
    pub edge: u32,
}

/// A control flow graph with its depth-first walk.
#[derive(Clone, Debug, Default)]
pub struct Cfg {
    succ_start: Vec<u32>,
    succs: Vec<Block>,
    pred_start: Vec<u32>,
    preds: Vec<Pred>,
    rpo: Vec<Block>,
    number: Vec<u32>,
    preorder: Vec<Block>,
    discovery: Vec<u32>,
    parent: Vec<Block>,
    /// Blocks on the path of the walk, with the edge that comes next.
    path: Vec<(Block, u32)>,
    roots: Vec<Block>,
}

/// The number of a block that no root reaches.
pub const UNREACHED: u32 = u32::MAX;

impl Cfg {
    /// The graph of a body. What nothing goes to is a root.
    pub fn of_body(&mut self, body: &Body) {
        self.begin();
        for b in 0..body.blocks() {
            self.succs.extend(body.edges_of(Block(b)).iter().map(|edge| edge.to));
            self.end_block();
        }
        self.connect();
        for block in (0..body.blocks()).map(Block) {
            if self.preds(block).is_empty() {
                self.roots.push(block);
            }
        }
        self.walk();
    }

    /// Starts a graph: for each block its edges by [`Cfg::edge`], then [`Cfg::end_block`]; in the end [`Cfg::finish`].
    pub fn begin(&mut self) {
        self.succ_start.clear();
        self.succ_start.push(0);
        self.succs.clear();
        self.roots.clear();
    }

    /// Says that a block is entered from outside. The last one said comes first in reverse postorder.
    pub fn root(&mut self, block: Block) {
        self.roots.push(block);
    }

    /// Adds an edge of the current block.
    #[inline]
    pub fn edge(&mut self, to: Block) {
        self.succs.push(to);
    }

    /// Ends the current block.
    #[inline]
    pub fn end_block(&mut self) {
        self.succ_start.push(self.succs.len() as u32);
    }

    /// Derives predecessors and orders.
    pub fn finish(&mut self) {
        self.connect();
        self.walk();
    }

    fn connect(&mut self) {
        let blocks = self.blocks();
        self.pred_start.clear();
        self.pred_start.resize(blocks as usize + 1, 0);
        for to in &self.succs {
            self.pred_start[to.index()] += 1;
        }
        let mut end = 0;
        for start in &mut self.pred_start {
            end += *start;
            *start = end;
        }
        // Filled from the back, so that each start ends where it belongs and predecessors stand in the order of edges.
        self.preds.clear();
        self.preds.resize(self.succs.len(), Pred { from: Block::NONE, edge: 0 });
        for b in (0..blocks).rev() {
            for edge in (self.succ_start[b as usize]..self.succ_start[b as usize + 1]).rev() {
                let at = &mut self.pred_start[self.succs[edge as usize].index()];
                *at -= 1;
                self.preds[*at as usize] = Pred { from: Block(b), edge };
            }
        }
    }

    /// Walks depth first from every root.
    fn walk(&mut self) {
        let blocks = self.blocks();
        self.rpo.clear();
        self.preorder.clear();
        self.number.clear();
        self.number.resize(blocks as usize, UNREACHED);
        self.discovery.clear();
        self.discovery.resize(blocks as usize, UNREACHED);
        self.parent.clear();
        self.parent.resize(blocks as usize, Block::NONE);
        for at in 0..self.roots.len() {
            self.descend(self.roots[at]);
        }
        self.rpo.reverse();
        for (n, block) in self.rpo.iter().enumerate() {
            self.number[block.index()] = n as u32;
        }
    }

    fn descend(&mut self, root: Block) {
        self.discover(root);
        while let Some((block, edge)) = self.path.last_mut() {
            let from = *block;
            if *edge == self.succ_start[from.index() + 1] {
                self.rpo.push(from);
                self.path.pop();
                continue;
            }
            let to = self.succs[*edge as usize];
            *edge += 1;
            if self.discovery[to.index()] == UNREACHED {
                self.parent[to.index()] = from;
                self.discover(to);
            }
        }
    }

    fn discover(&mut self, block: Block) {
        self.discovery[block.index()] = self.preorder.len() as u32;
        self.preorder.push(block);
        self.path.push((block, self.succ_start[block.index()]));
    }

    /// Number of blocks.
    #[inline]
    pub fn blocks(&self) -> u32 {
        self.succ_start.len() as u32 - 1
    }

    /// Number of edges.
    #[inline]
    pub fn edges(&self) -> u32 {
        self.succs.len() as u32
    }

    /// Where a block's edges go, in their order.
    #[inline]
    pub fn succs(&self, block: Block) -> &[Block] {
        &self.succs[self.edge_range(block)]
    }

    /// The blocks that are entered from outside.
    #[inline]
    pub fn roots(&self) -> &[Block] {
        &self.roots
    }

    /// Where the edge at this position goes.
    #[inline]
    pub fn target(&self, edge: usize) -> Block {
        self.succs[edge]
    }

    /// The positions of a block's edges among those of all blocks.
    #[inline]
    pub fn edge_range(&self, block: Block) -> std::ops::Range<usize> {
        self.succ_start[block.index()] as usize..self.succ_start[block.index() + 1] as usize
    }

    /// The ways into a block, in the order of the edges.
    #[inline]
    pub fn preds(&self, block: Block) -> &[Pred] {
        &self.preds[self.pred_start[block.index()] as usize..self.pred_start[block.index() + 1] as usize]
    }

    /// The reached blocks in reverse postorder: each behind all that go to it, unless they close a loop.
    #[inline]
    pub fn rpo(&self) -> &[Block] {
        &self.rpo
    }

    /// A block's place in [`Cfg::rpo`], or [`UNREACHED`].
    #[inline]
    pub fn number(&self, block: Block) -> u32 {
        self.number[block.index()]
    }

    /// Whether any root reaches the block.
    #[inline]
    pub fn reached(&self, block: Block) -> bool {
        self.number[block.index()] != UNREACHED
    }

    /// The reached blocks in the order in which the walk met them.
    #[inline]
    pub fn preorder(&self) -> &[Block] {
        &self.preorder
    }

    /// A block's place in [`Cfg::preorder`], or [`UNREACHED`].
    #[inline]
    pub fn discovery(&self, block: Block) -> u32 {
        self.discovery[block.index()]
    }

    /// The block from which the walk came to this one; none for roots.
    #[inline]
    pub fn parent(&self, block: Block) -> Block {
        self.parent[block.index()]
    }

    /// Whether the walk met the block while it was below the other one, or they are the same. Not of what is not reached.
    #[inline]
    pub fn descends(&self, block: Block, from: Block) -> bool {
        self.discovery(block) >= self.discovery(from)
            && self.number(block) >= self.number(from)
            && self.reached(block)
    }
}
