//! Which blocks take which registers as parameters.
//!
//! Only *spread* registers can need any: those written more than once and mentioned in several blocks. For each of them,
//! one after the other: where it is live at the start of a block, by walking back from its reads; then blocks at the
//! frontiers of its definitions, where it is live. Positions count instructions from 1 on, 0 is before all of them.
//!
//! An edge from the middle of a block needs care: behind it the register may have another value than at the block's end.
//! So the target of an edge that leaves before a definition takes a parameter, though the block dominates it.

use super::graph::{Graph, Node};
use kiln_ir::function::VRegInfo;
use kiln_ir::{Block, Function, VReg};

/// Whether a register may need parameters.
#[inline]
pub fn is_spread(info: VRegInfo) -> bool {
    const SPREAD: u8 = VRegInfo::GLOBAL | VRegInfo::MULTI;
    info.flags & SPREAD == SPREAD
}

/// The definitions of a register in one node.
#[derive(Clone, Copy, Debug)]
struct Site {
    reg: u32,
    node: Block,
    /// Positions of the first and of the last one.
    first: u32,
    last: u32,
}

/// What is known of a node and the register that is looked at. Each field counts if it is the register's number plus 1.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    live: u32,
    param: u32,
    visited: u32,
    site: u32,
    /// The site's place.
    at: u32,
}

/// Nodes to be visited, the deepest of the tree first: a list for each depth, and a bit that says whether anything is in it.
/// Each node is in it once at most.
#[derive(Clone, Debug, Default)]
struct Queue {
    filled: Vec<u64>,
    /// For each depth the node put in last; for each node the one before it.
    last: Vec<Block>,
    before: Vec<Block>,
    /// No word of `filled` behind this one has a bit.
    top: usize,
    count: usize,
}

impl Queue {
    /// Makes room for nodes; no depth is greater than their number. It is empty.
    fn reserve(&mut self, nodes: usize) {
        debug_assert_eq!(self.count, 0);
        if self.before.len() <= nodes {
            self.filled.resize(nodes / 64 + 1, 0);
            self.last.resize(nodes + 1, Block::NONE);
            self.before.resize(nodes + 1, Block::NONE);
        }
    }

    #[inline]
    fn push(&mut self, depth: u32, node: Block) {
        let (word, bit) = (depth as usize / 64, 1 << (depth % 64));
        let last = &mut self.last[depth as usize];
        self.before[node.index()] = if self.filled[word] & bit != 0 { *last } else { Block::NONE };
        *last = node;
        self.filled[word] |= bit;
        self.top = self.top.max(word);
        self.count += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<(u32, Block)> {
        if self.count == 0 {
            self.top = 0;
            return None;
        }
        while self.filled[self.top] == 0 {
            self.top -= 1;
        }
        let bit = 63 - self.filled[self.top].leading_zeros();
        let depth = self.top as u32 * 64 + bit;
        let node = self.last[depth as usize];
        let before = self.before[node.index()];
        self.last[depth as usize] = before;
        self.filled[self.top] ^= (before.is_none() as u64) << bit;
        self.count -= 1;
        Some((depth, node))
    }
}

/// The parameters of all nodes, with the memory for finding them.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    param_start: Vec<u32>,
    params: Vec<VReg>,
    /// Each spread register and its number; of others the number is none.
    spread: Vec<VReg>,
    number: Vec<u32>,
    sites: Vec<Site>,
    /// Reads of registers before any definition of their node.
    reads: Vec<(u32, Block)>,
    /// For each spread register, the last node found to define it and to read it.
    defined_in: Vec<(Block, u32)>,
    read_in: Vec<Block>,
    /// Both by registers.
    sorted_sites: Vec<Site>,
    site_start: Vec<u32>,
    sorted_reads: Vec<Block>,
    read_start: Vec<u32>,
    marks: Vec<Mark>,
    work: Vec<Block>,
    queue: Queue,
    placed: Vec<(Block, VReg)>,
}

impl Placement {
    /// The registers that a node takes as parameters, in the order of their numbers.
    #[inline]
    pub fn params_of(&self, node: Block) -> &[VReg] {
        &self.params[self.param_start[node.index()] as usize..self.param_start[node.index() + 1] as usize]
    }

    /// Places the parameters of a function.
    pub fn run(&mut self, f: &Function, graph: &Graph) {
        let nodes = graph.cfg.blocks() as usize;
        self.placed.clear();
        self.collect(f, graph);
        if !self.spread.is_empty() {
            let (mut sites, mut site_start) =
                (std::mem::take(&mut self.sorted_sites), std::mem::take(&mut self.site_start));
            let (mut reads, mut read_start) =
                (std::mem::take(&mut self.sorted_reads), std::mem::take(&mut self.read_start));
            let regs = self.spread.len();
            sort(&self.sites, &mut sites, &mut site_start, regs, |site| site.reg, |site| *site);
            sort(&self.reads, &mut reads, &mut read_start, regs, |read| read.0, |read| read.1);
            self.marks.clear();
            self.marks.resize(nodes, Mark::default());
            self.queue.reserve(nodes);
            for reg in 0..regs {
                let sites = &sites[site_start[reg] as usize..site_start[reg + 1] as usize];
                let reads = &reads[read_start[reg] as usize..read_start[reg + 1] as usize];
                self.register(graph, reg as u32 + 1, sites, reads);
            }
            (self.sorted_sites, self.site_start) = (sites, site_start);
            (self.sorted_reads, self.read_start) = (reads, read_start);
        }
        self.settle(nodes);
    }

    /// Finds definitions and exposed reads of all spread registers.
    fn collect(&mut self, f: &Function, graph: &Graph) {
        self.spread.clear();
        self.sites.clear();
        self.reads.clear();
        self.number.clear();
        self.number.resize(f.vregs().len(), u32::MAX);
        for (v, info) in f.vregs().iter().enumerate() {
            if is_spread(*info) {
                self.number[v] = self.spread.len() as u32;
                self.spread.push(VReg(v as u32));
            }
        }
        if self.spread.is_empty() {
            return;
        }
        self.defined_in.clear();
        self.defined_in.resize(self.spread.len(), (Block::NONE, 0));
        self.read_in.clear();
        self.read_in.resize(self.spread.len(), Block::NONE);
        (0..f.params()).for_each(|v| self.define(VReg(v), graph.start(), 0));
        for b in 0..f.blocks().len() as u32 {
            let block = Block(b);
            if !graph.cfg.reached(block) {
                continue;
            }
            for at in f.block_range(block) {
                let inst = &f.insts()[at];
                f.for_each_use(inst, |v| self.read(v, block));
                f.for_each_def(inst, |v| self.define(v, block, at as u32 + 1));
            }
        }
        for (n, entry) in f.entries().iter().enumerate() {
            let node = graph.entry(n as u32);
            debug_assert!(matches!(graph.node(node), Node::Entry(_)));
            entry.params.iter().for_each(|v| self.define(*v, node, 0));
        }
    }

    #[inline]
    fn define(&mut self, v: VReg, node: Block, at: u32) {
        let reg = self.number[v.index()];
        if reg == u32::MAX {
            return;
        }
        let (defined, site) = &mut self.defined_in[reg as usize];
        if *defined == node {
            self.sites[*site as usize].last = at;
        } else {
            (*defined, *site) = (node, self.sites.len() as u32);
            self.sites.push(Site { reg, node, first: at, last: at });
        }
    }

    #[inline]
    fn read(&mut self, v: VReg, node: Block) {
        let reg = self.number[v.index()];
        if reg == u32::MAX || self.defined_in[reg as usize].0 == node || self.read_in[reg as usize] == node {
            return;
        }
        self.read_in[reg as usize] = node;
        self.reads.push((reg, node));
    }

    /// Places the parameters of one register.
    fn register(&mut self, graph: &Graph, stamp: u32, sites: &[Site], reads: &[Block]) {
        for (at, site) in sites.iter().enumerate() {
            let mark = &mut self.marks[site.node.index()];
            (mark.site, mark.at) = (stamp, at as u32);
        }
        self.find_live(graph, stamp, sites, reads);
        let (cfg, dom) = (&graph.cfg, &graph.dom);
        sites.iter().for_each(|site| self.queue.push(dom.depth(site.node), site.node));
        let v = self.spread[stamp as usize - 1];
        // Where a definition's node is left before its last definition. These are below the node, so they have to be known
        // before it is visited, for the order that follows.
        for site in sites {
            for edge in cfg.edge_range(site.node).filter(|edge| graph.edge_at[*edge] <= site.last) {
                let to = cfg.target(edge);
                let mark = &mut self.marks[to.index()];
                if mark.live == stamp && mark.param != stamp {
                    mark.param = stamp;
                    self.placed.push((to, v));
                    if mark.site != stamp {
                        self.queue.push(dom.depth(to), to);
                    }
                }
            }
        }
        // Deepest first, so that each node is visited once.
        while let Some((depth, top)) = self.queue.pop() {
            self.work.push(top);
            while let Some(node) = self.work.pop() {
                self.marks[node.index()].visited = stamp;
                for edge in cfg.edge_range(node) {
                    let to = cfg.target(edge);
                    let mark = &mut self.marks[to.index()];
                    if mark.live != stamp || mark.param == stamp {
                        continue;
                    }
                    let at_frontier = dom.idom(to) != node && dom.depth(to) <= depth;
                    if at_frontier {
                        mark.param = stamp;
                        self.placed.push((to, v));
                        if mark.site != stamp {
                            self.queue.push(dom.depth(to), to);
                        }
                    }
                }
                // What has values of its own has been visited, or will be, by itself.
                dom.for_each_child(node, |child| {
                    let mark = self.marks[child.index()];
                    let own = [mark.visited, mark.site, mark.param].contains(&stamp);
                    if mark.live == stamp && !own {
                        self.work.push(child);
                    }
                });
            }
        }
    }

    /// Marks the nodes at whose start a register is live.
    fn find_live(&mut self, graph: &Graph, stamp: u32, sites: &[Site], reads: &[Block]) {
        for node in reads {
            self.marks[node.index()].live = stamp;
            self.work.push(*node);
        }
        while let Some(node) = self.work.pop() {
            for pred in graph.cfg.preds(node) {
                let mark = &mut self.marks[pred.from.index()];
                let site = (mark.site == stamp).then(|| sites[mark.at as usize]);
                let kills = site.is_some_and(|site| site.first < graph.edge_at[pred.edge as usize]);
                if !kills && mark.live != stamp && graph.cfg.reached(pred.from) {
                    mark.live = stamp;
                    self.work.push(pred.from);
                }
            }
        }
    }

    /// Sorts what was placed by nodes.
    fn settle(&mut self, nodes: usize) {
        let placed = std::mem::take(&mut self.placed);
        sort(&placed, &mut self.params, &mut self.param_start, nodes, |(node, _)| node.0, |(_, v)| *v);
        self.placed = placed;
    }
}

/// Sorts things by a small number, those of one number in the order in which they stand: `of` maps them on the way, and
/// `starts` says where those of each number begin.
fn sort<T, U: Copy>(
    things: &[T],
    sorted: &mut Vec<U>,
    starts: &mut Vec<u32>,
    numbers: usize,
    number: impl Fn(&T) -> u32,
    of: impl Fn(&T) -> U,
) {
    starts.clear();
    starts.resize(numbers + 1, 0);
    things.iter().for_each(|thing| starts[number(thing) as usize] += 1);
    let mut end = 0;
    for start in starts.iter_mut() {
        end += *start;
        *start = end;
    }
    sorted.clear();
    let Some(first) = things.first() else { return };
    sorted.resize(things.len(), of(first));
    for thing in things.iter().rev() {
        let at = &mut starts[number(thing) as usize];
        *at -= 1;
        sorted[*at as usize] = of(thing);
    }
}
