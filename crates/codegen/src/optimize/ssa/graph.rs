//! The control flow graph of register IR, with the blocks that SSA form adds. Its blocks are called *nodes* here: first
//! the source's blocks under their own numbers, then the added ones.

use super::super::cfg::Cfg;
use super::super::dom::Dom;
use super::super::lent::{Borrower, Lent};
use super::super::loops::Loops;
use kiln_ir::op::Effect;
use kiln_ir::{Block, Function, Inst, Op};

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Node {
    /// A block of the source.
    Source(Block),
    /// Takes the address of all jumps through a label set, and jumps.
    Dispatch(u32),
    /// Takes the parameters of a further entry, and goes to its block.
    Entry(u32),
    /// Goes to the first block, which is jumped to.
    Start,
}

/// The graph of a function.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    pub cfg: Cfg,
    pub dom: Dom,
    pub loops: Loops,
    /// For each edge the position of its instruction in the source plus 1, so that 0 is before all of them; the edges of
    /// added nodes are behind all instructions.
    pub edge_at: Vec<u32>,
    blocks: u32,
    sets: u32,
    entries: u32,
    start: u32,
    /// For each label set the first jump through it, or none.
    dispatches: Vec<Inst>,
    /// For each node the last instruction (plus 1) found to go to it.
    seen: Vec<u32>,
}

impl Borrower for Graph {
    fn exchange(&mut self, lent: &mut Lent) {
        std::mem::swap(&mut self.cfg, &mut lent.cfg);
        std::mem::swap(&mut self.loops, &mut lent.loops);
    }
}

impl Graph {
    /// Derives graph, dominators and loops of a function.
    pub fn of_source(&mut self, f: &Function, lent: &mut Lent) {
        self.blocks = f.blocks().len() as u32;
        self.sets = f.label_sets().len() as u32;
        self.entries = f.entries().len() as u32;
        self.dispatches.clear();
        self.dispatches.resize(f.label_sets().len(), Inst::NONE);
        let nodes = self.blocks + self.sets + self.entries;
        self.seen.clear();
        self.seen.resize(nodes as usize + 1, 0);
        self.edge_at.clear();
        self.cfg.begin();
        for block in 0..self.blocks {
            self.block(f, Block(block));
        }
        let end = u32::MAX;
        for (set, labels) in f.label_sets().iter().enumerate() {
            for label in labels {
                // Marks of their own, greater than those of instructions.
                self.edge(*label, end, end - 1 - set as u32);
            }
            self.cfg.end_block();
        }
        for entry in f.entries() {
            self.edge(entry.block, end, 0);
            self.cfg.end_block();
        }
        self.start = if self.seen[0] != 0 || f.entries().iter().any(|entry| entry.block.0 == 0) {
            self.edge(Block(0), end, 0);
            self.cfg.end_block();
            nodes
        } else {
            0
        };
        for entry in 0..self.entries {
            self.cfg.root(self.entry(entry));
        }
        self.cfg.root(self.start());
        self.cfg.finish();
        lent.with(&mut self.dom, |dom, _| dom.compute(&self.cfg));
        self.loops.compute(&self.cfg);
    }

    /// The edges of a block of the source: one for each distinct target of an instruction, of a branch always two.
    fn block(&mut self, f: &Function, block: Block) {
        let range = f.block_range(block);
        for at in range.start..range.end {
            let inst = &f.insts()[at];
            let mark = at as u32 + 1;
            match inst.op.effect() {
                Effect::control | Effect::terminator => {}
                _ => continue,
            }
            match inst.op {
                Op::Branch | Op::Fbranch => {
                    self.edge(Block(inst.dst), mark, 0);
                    self.edge(Block(block.0 + 1), mark, 0);
                }
                Op::JumpTo => {
                    let first = &mut self.dispatches[inst.b as usize];
                    *first = (*first).min(Inst(at as u32));
                    self.edge(self.dispatch(inst.b), mark, 0);
                }
                _ => f.for_each_target(inst, |to| self.edge(to, mark, mark)),
            }
        }
        self.cfg.end_block();
    }

    /// Adds an edge, unless `once` is not 0 and stands at its target already.
    fn edge(&mut self, to: Block, at: u32, once: u32) {
        let seen = std::mem::replace(&mut self.seen[to.index()], if once == 0 { u32::MAX } else { once });
        if once == 0 || seen != once {
            self.cfg.edge(to);
            self.edge_at.push(at);
        }
    }

    /// What a node is.
    pub fn node(&self, node: Block) -> Node {
        let Some(n) = node.0.checked_sub(self.blocks) else { return Node::Source(node) };
        let Some(n) = n.checked_sub(self.sets) else { return Node::Dispatch(n) };
        let Some(_) = n.checked_sub(self.entries) else { return Node::Entry(n) };
        Node::Start
    }

    /// The node that dispatches for a label set.
    pub fn dispatch(&self, set: u32) -> Block {
        Block(self.blocks + set)
    }

    /// The first jump through a label set; there is one if its node is reached.
    pub fn dispatch_at(&self, set: u32) -> Inst {
        self.dispatches[set as usize]
    }

    /// The node of a further entry.
    pub fn entry(&self, entry: u32) -> Block {
        Block(self.blocks + self.sets + entry)
    }

    /// The node where the function begins.
    pub fn start(&self) -> Block {
        Block(self.start)
    }
}
