//! Dominators: the blocks that every way to a block passes.
//!
//! Source: Lengauer and Tarjan, "A Fast Algorithm for Finding Dominators in a Flowgraph", TOPLAS 1(1), 1979, with simple
//! linking. The iterative algorithms are faster on small graphs but quadratic on the most usual large one, a long chain
//! of blocks that leave to common cold blocks. O(edges * log blocks), without recursion.

use super::cfg::Cfg;
use super::lent::{Borrower, Lent};
use kiln_ir::Block;

/// The dominator tree. Roots of the graph stand below a root of the tree that is no block.
#[derive(Clone, Debug, Default)]
pub struct Dom {
    idom: Vec<Block>,
    depth: Vec<u32>,
    /// The place of each block in `order`, and the number of blocks below it, itself included; 0 if it is not reached.
    pre: Vec<u32>,
    size: Vec<u32>,
    order: Vec<Block>,
    work: Work,
}

/// What the algorithm needs on its way. Vertices are numbered in the order of the walk from 1 on; 0 is the root.
#[derive(Clone, Debug, Default)]
struct Work {
    semi: Vec<u32>,
    ancestor: Vec<u32>,
    label: Vec<u32>,
    idom: Vec<u32>,
    /// The first vertex of each bucket, and the next one in the same bucket.
    bucket: Vec<u32>,
    next: Vec<u32>,
    path: Vec<u32>,
}

/// The ancestor of a vertex that is not linked yet.
const UNLINKED: u32 = u32::MAX;

impl Borrower for Dom {
    fn exchange(&mut self, lent: &mut Lent) {
        let Work { semi, ancestor, label, idom, bucket, .. } = &mut self.work;
        lent.words(0, [semi, ancestor, label, idom, bucket]);
    }
}

impl Dom {
    /// Computes the tree of a graph.
    pub fn compute(&mut self, cfg: &Cfg) {
        self.work.run(cfg);
        let blocks = cfg.blocks() as usize;
        self.idom.clear();
        self.idom.resize(blocks, Block::NONE);
        for (n, block) in cfg.preorder().iter().enumerate() {
            if let Some(above) = self.work.idom[n + 1].checked_sub(1) {
                self.idom[block.index()] = cfg.preorder()[above as usize];
            }
        }
        self.number(cfg);
    }

    /// Numbers the tree, children in reverse postorder of the graph.
    fn number(&mut self, cfg: &Cfg) {
        let blocks = cfg.blocks() as usize;
        for table in [&mut self.pre, &mut self.size, &mut self.depth] {
            table.clear();
            table.resize(blocks, 0);
        }
        for block in cfg.rpo().iter().rev() {
            self.size[block.index()] += 1;
            let above = self.idom[block.index()];
            if !above.is_none() {
                self.size[above.index()] += self.size[block.index()];
            }
        }
        self.order.clear();
        self.order.resize(cfg.rpo().len(), Block::NONE);
        // The next free place below each block; `work.next` serves for it.
        let free = &mut self.work.next;
        free.clear();
        free.resize(blocks, 0);
        let mut top = 0;
        for block in cfg.rpo() {
            let above = self.idom[block.index()];
            let place = if above.is_none() { &mut top } else { &mut free[above.index()] };
            let pre = *place;
            *place += self.size[block.index()];
            self.pre[block.index()] = pre;
            self.order[pre as usize] = *block;
            free[block.index()] = pre + 1;
            self.depth[block.index()] = if above.is_none() { 0 } else { self.depth[above.index()] + 1 };
        }
    }

    /// The nearest block that dominates this one and is not it; none for roots, for what several roots reach by ways
    /// without a common block, and for blocks that are not reached.
    #[inline]
    pub fn idom(&self, block: Block) -> Block {
        self.idom[block.index()]
    }

    /// Number of blocks above this one in the tree.
    #[inline]
    pub fn depth(&self, block: Block) -> u32 {
        self.depth[block.index()]
    }

    /// Whether every way to `below` passes `above`; so does each block for itself. Both must be reached.
    #[inline]
    pub fn dominates(&self, above: Block, below: Block) -> bool {
        self.pre[below.index()].wrapping_sub(self.pre[above.index()]) < self.size[above.index()]
    }

    /// The reached blocks in preorder of the tree. Children stand in reverse postorder of the graph, and so do all blocks:
    /// each stands behind all that go to it, unless they close a loop.
    #[inline]
    pub fn preorder(&self) -> &[Block] {
        &self.order
    }

    /// The place of a block that is reached in [`Dom::preorder`].
    #[inline]
    pub fn place(&self, block: Block) -> u32 {
        self.pre[block.index()]
    }

    /// The places in [`Dom::preorder`] of the block and all that it dominates.
    #[inline]
    pub fn below(&self, block: Block) -> std::ops::Range<u32> {
        let pre = self.pre[block.index()];
        pre..pre + self.size[block.index()]
    }

    /// Calls `f` with each child of the block.
    pub fn for_each_child(&self, block: Block, mut f: impl FnMut(Block)) {
        let range = self.below(block);
        let mut at = range.start + 1;
        while at < range.end {
            let child = self.order[at as usize];
            f(child);
            at += self.size[child.index()];
        }
    }
}

impl Work {
    fn run(&mut self, cfg: &Cfg) {
        let vertices = cfg.preorder().len() + 1;
        for table in [&mut self.semi, &mut self.label] {
            table.clear();
            table.extend(0..vertices as u32);
        }
        for table in [&mut self.idom, &mut self.bucket, &mut self.next] {
            table.clear();
            table.resize(vertices, 0);
        }
        self.ancestor.clear();
        self.ancestor.resize(vertices, UNLINKED);
        for w in (1..vertices as u32).rev() {
            let block = cfg.preorder()[w as usize - 1];
            let parent = cfg.parent(block);
            let parent = if parent.is_none() { 0 } else { cfg.discovery(parent) + 1 };
            let mut semi = parent;
            for pred in cfg.preds(block).iter().filter(|pred| cfg.reached(pred.from)) {
                let u = self.eval(cfg.discovery(pred.from) + 1);
                semi = semi.min(self.semi[u as usize]);
            }
            self.semi[w as usize] = semi;
            self.next[w as usize] = self.bucket[semi as usize];
            self.bucket[semi as usize] = w;
            self.ancestor[w as usize] = parent;
            let mut v = std::mem::take(&mut self.bucket[parent as usize]);
            while v != 0 {
                let u = self.eval(v);
                self.idom[v as usize] =
                    if self.semi[u as usize] < self.semi[v as usize] { u } else { parent };
                v = self.next[v as usize];
            }
        }
        for w in 1..vertices {
            if self.idom[w] != self.semi[w] {
                self.idom[w] = self.idom[self.idom[w] as usize];
            }
        }
    }

    /// The vertex with the least semidominator on the path of links above `v`, the last one not counted.
    fn eval(&mut self, v: u32) -> u32 {
        let mut u = v;
        loop {
            let above = self.ancestor[u as usize];
            if above == UNLINKED || self.ancestor[above as usize] == UNLINKED {
                break;
            }
            self.path.push(u);
            u = above;
        }
        while let Some(u) = self.path.pop() {
            let above = self.ancestor[u as usize];
            let (mine, other) = (self.label[u as usize], self.label[above as usize]);
            if self.semi[other as usize] < self.semi[mine as usize] {
                self.label[u as usize] = other;
            }
            self.ancestor[u as usize] = self.ancestor[above as usize];
        }
        self.label[v as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `below` cannot be reached when `above` is taken away: the definition.
    fn separates(cfg: &Cfg, above: Block, below: Block) -> bool {
        let mut seen = vec![false; cfg.blocks() as usize];
        let mut work: Vec<Block> = (0..cfg.blocks())
            .map(Block)
            .filter(|b| cfg.reached(*b) && cfg.parent(*b).is_none() && *b != above)
            .collect();
        while let Some(block) = work.pop() {
            if !std::mem::replace(&mut seen[block.index()], true) {
                work.extend(cfg.succs(block).iter().filter(|b| **b != above));
            }
        }
        !seen[below.index()]
    }

    #[test]
    fn trees_of_random_graphs_are_what_the_definition_says() {
        let mut seed = 1u32;
        let mut random = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) % below
        };
        let (mut cfg, mut dom) = (Cfg::default(), Dom::default());
        for _ in 0..300 {
            let blocks = 1 + random(14);
            let roots = (1 + random(3)).min(blocks);
            cfg.begin();
            for _ in 0..blocks {
                for _ in 0..if roots == blocks { 0 } else { random(4) } {
                    cfg.edge(Block(roots + random(blocks - roots)));
                }
                cfg.end_block();
            }
            (0..roots).for_each(|b| cfg.root(Block(b)));
            cfg.finish();
            dom.compute(&cfg);
            let reached: Vec<Block> = (0..blocks).map(Block).filter(|b| cfg.reached(*b)).collect();
            for below in &reached {
                let mut nearest = Block::NONE;
                for above in &reached {
                    let dominates = separates(&cfg, *above, *below);
                    assert_eq!(dom.dominates(*above, *below), dominates, "{above:?} {below:?} {cfg:?}");
                    if dominates && above != below && (nearest.is_none() || dom.dominates(nearest, *above)) {
                        nearest = *above;
                    }
                }
                assert_eq!(dom.idom(*below), nearest);
            }
            for (place, block) in dom.preorder().iter().enumerate() {
                assert_eq!(dom.below(*block).start, place as u32);
                for pred in cfg.preds(*block).iter().filter(|pred| cfg.reached(pred.from)) {
                    let forward = cfg.number(pred.from) < cfg.number(*block);
                    assert!(!forward || dom.below(pred.from).start < place as u32);
                }
            }
        }
    }
}
