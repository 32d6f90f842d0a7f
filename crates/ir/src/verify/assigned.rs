//! Definite assignment: no register is read where some way from an entry has not assigned it.
//!
//! While the records are checked in layout order, [`Tracker`] is told of each read and write. It works on *chains*:
//! blocks that can be reached only from the one above them, by falling through. Within a chain, whatever was written
//! further up is assigned, so nearly all reads are settled by one compare. A read that is not is *exposed*, and only those
//! registers go through a backward search: from the exposed reads up to the writes; if the search comes
//! out at an entry, some way assigns nothing.
//!
//! The search runs over *nodes*. A block is one node, or several in a row where cold edges leave it, since a cold
//! edge sees the values before its op. The main entry and each further entry are nodes that write their parameters, and
//! each label set is a node, so that many jumps over one large set stay linear. 64 registers are searched
//! at a time, one bit each. What cannot be reached from an entry never matters.
//!
//! Cost: O(instructions) for the walk; per 64 exposed registers O(blocks and edges where they are needed), at worst
//! times 64 in flow graphs made for it.
//!
//! The counts in [`crate::function::VRegInfo`] only spare work: were they wrong, the verdict would err on the side of refusal.

use crate::entity::{Block, VReg};
use crate::function::Function;
use crate::op::Op;

/// What the walk knows of a register: 8 bytes, so that a mention touches little memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Register {
    /// The node of the latest mention that counts, times 2, plus 1 if it was a write.
    stamp: u32,
    /// One bit: the number of its type.
    pub types: u8,
    /// Whether it is mentioned in more than one block.
    global: bool,
    /// Whether it has an exposed read.
    exposed: bool,
}

/// The stamp of a register that is assigned wherever it is read.
const ALWAYS: u32 = u32::MAX;

/// The walk over one function.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    /// By register.
    pub regs: Vec<Register>,
    /// The first node of each block; one more at the end.
    first_node: Vec<u32>,
    /// Whether a block can be reached otherwise than by falling through from the one above.
    is_target: Vec<bool>,
    /// The current node. Nodes count from 1.
    node: u32,
    /// Stamps from here on are of the current chain.
    chain: u32,
    /// Whether the function has no further entries.
    one_entry: bool,
    /// Reads that the chain does not settle.
    exposed: Vec<(u32, u32)>,
    /// First writes in a chain, of registers mentioned in several blocks.
    writes: Vec<(u32, u32)>,
    /// Cold edges: from node to block.
    cold_edges: Vec<(u32, u32)>,
}

/// A register that is read unassigned: which, and the blocks on the way to a read in the last of them.
pub(super) struct Gap {
    pub reg: VReg,
    pub way: Vec<Block>,
}

impl Tracker {
    /// Begins a function whose blocks, label sets and entries are in range.
    pub fn start(&mut self, f: &Function) {
        self.one_entry = f.entries.is_empty();
        self.regs.clear();
        self.regs.extend(f.vregs.iter().map(|info| Register {
            stamp: 0,
            types: 1 << info.ty as u8,
            global: !info.is_local(),
            exposed: false,
        }));
        if self.one_entry {
            for param in &mut self.regs[..f.params as usize] {
                param.stamp = ALWAYS;
            }
        }
        self.first_node.clear();
        self.exposed.clear();
        self.writes.clear();
        self.cold_edges.clear();
        self.node = 0;
        self.chain = 0;
        self.mark_targets(f);
    }

    /// Finds the blocks where chains begin. Reads only the last record of each block, and trusts none.
    fn mark_targets(&mut self, f: &Function) {
        self.is_target.clear();
        self.is_target.extend(f.blocks.iter().map(|b| b.cold));
        let targets = &mut self.is_target;
        let mut mark = |block: u32| {
            if let Some(target) = targets.get_mut(block as usize) {
                *target = true;
            }
        };
        mark(0);
        let ends = f.blocks.iter().skip(1).map(|b| b.start as usize).chain([f.insts.len()]);
        for (i, end) in ends.enumerate() {
            let last = &f.insts[end - 1];
            match last.op {
                Op::Jump => mark(last.dst),
                Op::Branch | Op::Fbranch => {
                    mark(last.dst);
                    continue;
                }
                Op::Switch => {
                    let tail = f.pool.get(last.b as usize..).unwrap_or(&[]);
                    if let [default, _, cases @ ..] = tail {
                        mark(*default);
                        let count = tail[1] as usize;
                        cases.chunks_exact(3).take(count).for_each(|case| mark(case[2]));
                    }
                }
                _ => {}
            }
            // Nothing falls through into the block below, so it does not go on a chain.
            mark(i as u32 + 1);
        }
        f.label_sets.iter().flatten().for_each(|block| mark(block.0));
        f.entries.iter().for_each(|entry| mark(entry.block.0));
    }

    /// Begins the next block.
    #[inline]
    pub fn block(&mut self) {
        self.node += 1;
        if self.is_target[self.first_node.len()] {
            self.chain = self.node << 1;
        }
        self.first_node.push(self.node);
    }

    /// The current instruction reads this register, which exists.
    #[inline(always)]
    pub fn read(&mut self, v: u32) {
        if self.regs[v as usize].stamp < self.chain {
            self.expose(v);
        }
    }

    #[cold]
    fn expose(&mut self, v: u32) {
        let reg = &mut self.regs[v as usize];
        reg.stamp = self.node << 1;
        reg.exposed = true;
        self.exposed.push((v, self.node));
    }

    /// The current instruction writes this register, which exists. Told after the reads.
    #[inline(always)]
    pub fn write(&mut self, v: u32) {
        let reg = &mut self.regs[v as usize];
        if reg.stamp >= self.chain && reg.stamp & 1 == 1 {
            return;
        }
        // The first node is always the first to run.
        reg.stamp = if self.node == 1 && self.one_entry { ALWAYS } else { self.node << 1 | 1 };
        if reg.global && reg.stamp != ALWAYS {
            self.writes.push((v, self.node));
        }
    }

    /// The current instruction has a cold edge. Told between its reads and its writes.
    pub fn cold_edge(&mut self, target: Block) {
        self.cold_edges.push((self.node, target.0));
        self.node += 1;
    }

    /// Ends the function, whose records hold: gives up to `max` registers that some way leaves unassigned.
    pub fn finish(&mut self, f: &Function, max: usize) -> Vec<Gap> {
        if self.exposed.is_empty() {
            return Vec::new();
        }
        self.node += 1;
        self.first_node.push(self.node);
        Search::new(self, f).run(max)
    }
}

/// The nodes after those of the blocks: the entries, then the label sets.
struct Graph<'a> {
    f: &'a Function,
    first_node: &'a [u32],
    cold_edges: &'a [(u32, u32)],
    roots: std::ops::Range<u32>,
}

impl Graph<'_> {
    fn nodes(&self) -> usize {
        self.roots.end as usize + self.f.label_sets.len()
    }

    fn node(&self, block: Block) -> u32 {
        self.first_node[block.index()]
    }

    /// The block of a node; none for entries and label sets.
    fn block_of(&self, node: u32) -> Option<Block> {
        (node < self.roots.start)
            .then(|| Block(self.first_node.partition_point(|first| *first <= node) as u32 - 1))
    }

    /// Calls `edge` with the nodes at both ends of every edge.
    fn for_each_edge(&self, mut edge: impl FnMut(u32, u32)) {
        let f = self.f;
        for i in 0..f.blocks.len() {
            let block = Block(i as u32);
            let (first, last) = (self.node(block), self.first_node[i + 1] - 1);
            for node in first..last {
                edge(node, node + 1);
            }
            let inst = &f.insts[f.block_range(block).end - 1];
            if inst.op == Op::JumpTo {
                edge(last, self.roots.end + inst.b);
            } else {
                f.for_each_target(inst, |target| edge(last, self.node(target)));
            }
            if inst.op.falls_through() {
                edge(last, last + 1);
            }
        }
        for (node, target) in self.cold_edges {
            edge(*node, self.first_node[*target as usize]);
        }
        edge(self.roots.start, self.node(Block(0)));
        for (i, entry) in f.entries.iter().enumerate() {
            edge(self.roots.start + 1 + i as u32, self.node(entry.block));
        }
        for (i, set) in f.label_sets.iter().enumerate() {
            set.iter().for_each(|block| edge(self.roots.end + i as u32, self.node(*block)));
        }
    }
}

/// Lists of `u32` by key, one after another in one array.
struct Lists {
    start: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Gathers the pairs (key, item) that `pairs` gives, the same ones each time it is called.
    fn gather(keys: usize, pairs: impl Fn(&mut dyn FnMut(u32, u32))) -> Lists {
        let mut start = vec![0u32; keys + 1];
        pairs(&mut |key, _| start[key as usize + 1] += 1);
        for i in 0..keys {
            start[i + 1] += start[i];
        }
        let mut items = vec![0; start[keys] as usize];
        let mut next = start.clone();
        pairs(&mut |key, item| {
            let at = &mut next[key as usize];
            items[*at as usize] = item;
            *at += 1;
        });
        Lists { start, items }
    }

    fn get(&self, key: u32) -> &[u32] {
        &self.items[self.start[key as usize] as usize..self.start[key as usize + 1] as usize]
    }
}

/// The backward search for all exposed registers of a function.
struct Search<'a> {
    graph: Graph<'a>,
    /// The searched registers: 64 of them to a batch.
    regs: Vec<u32>,
    /// By batch: (place in the batch, node).
    reads: Vec<Vec<(u8, u32)>>,
    writes: Vec<Vec<(u8, u32)>>,
}

impl<'a> Search<'a> {
    fn new(tracker: &'a mut Tracker, f: &'a Function) -> Search<'a> {
        let first_root = tracker.node;
        let roots = first_root..first_root + 1 + f.entries.len() as u32;
        // The walk is over, so the stamps are free to hold each register's place in the search.
        let mut regs: Vec<u32> = Vec::new();
        let mut reads: Vec<Vec<(u8, u32)>> = Vec::new();
        for (v, node) in &tracker.exposed {
            let reg = &mut tracker.regs[*v as usize];
            if reg.exposed {
                reg.exposed = false;
                reg.stamp = regs.len() as u32;
                if regs.len().is_multiple_of(64) {
                    reads.push(Vec::new());
                }
                regs.push(*v);
            }
            reads[reg.stamp as usize / 64].push((reg.stamp as u8 % 64, *node));
        }
        let mut writes = vec![Vec::new(); reads.len()];
        let mut write = |v: u32, node: u32| {
            let place = tracker.regs[v as usize].stamp as usize;
            // A register that is not searched has some other number for its stamp.
            if regs.get(place) == Some(&v) {
                writes[place / 64].push((place as u8 % 64, node));
            }
        };
        tracker.writes.iter().for_each(|(v, node)| write(*v, *node));
        (0..f.params).for_each(|v| write(v, first_root));
        for (i, entry) in f.entries.iter().enumerate() {
            entry.params.iter().for_each(|v| write(v.0, first_root + 1 + i as u32));
        }
        let graph = Graph { f, first_node: &tracker.first_node, cold_edges: &tracker.cold_edges, roots };
        Search { graph, regs, reads, writes }
    }

    fn run(self, max: usize) -> Vec<Gap> {
        let nodes = self.graph.nodes();
        let before = Lists::gather(nodes, |f| self.graph.for_each_edge(|from, to| f(to, from)));
        let mut gaps = Vec::new();
        // By node: registers that are read further on before they are written; registers written.
        let (mut needed, mut written) = (vec![0u64; nodes], vec![0u64; nodes]);
        let (mut touched, mut queue, mut queued) = (Vec::new(), Vec::new(), vec![false; nodes]);
        for (batch, (reads, writes)) in self.reads.iter().zip(&self.writes).enumerate() {
            for (bit, node) in writes {
                written[*node as usize] |= 1 << bit;
            }
            for (bit, node) in reads {
                needed[*node as usize] |= 1 << bit;
                if !queued[*node as usize] {
                    queued[*node as usize] = true;
                    queue.push(*node);
                    touched.push(*node);
                }
            }
            // Reads were noted in layout order, so the last block is taken first, which suits a search backward.
            while let Some(node) = queue.pop() {
                queued[node as usize] = false;
                let here = needed[node as usize];
                for &from in before.get(node) {
                    let there = &mut needed[from as usize];
                    let new = here & !written[from as usize] & !*there;
                    if new != 0 {
                        if *there == 0 {
                            touched.push(from);
                        }
                        *there |= new;
                        if !queued[from as usize] {
                            queued[from as usize] = true;
                            queue.push(from);
                        }
                    }
                }
            }
            // One entry is enough to show for each register.
            let mut shown = 0;
            for root in self.graph.roots.clone() {
                let mut bits = needed[root as usize] & !shown;
                shown |= bits;
                while bits != 0 && gaps.len() < max {
                    let bit = bits.trailing_zeros() as u8;
                    bits &= bits - 1;
                    let reg = VReg(self.regs[batch * 64 + bit as usize]);
                    gaps.push((reg, root, batch, bit));
                }
            }
            touched.drain(..).for_each(|node| needed[node as usize] = 0);
            writes.iter().for_each(|(_, node)| written[*node as usize] = 0);
        }
        self.explain(gaps)
    }

    /// Finds for each register a shortest way from the entry to a read that nothing on it assigns.
    fn explain(&self, gaps: Vec<(VReg, u32, usize, u8)>) -> Vec<Gap> {
        if gaps.is_empty() {
            return Vec::new();
        }
        let nodes = self.graph.nodes();
        let after = Lists::gather(nodes, |f| self.graph.for_each_edge(&mut *f));
        let way = |&(reg, root, batch, bit): &(VReg, u32, usize, u8)| {
            let of = |list: &[(u8, u32)]| -> Vec<bool> {
                let mut has = vec![false; nodes];
                list.iter().filter(|(b, _)| *b == bit).for_each(|(_, node)| has[*node as usize] = true);
                has
            };
            let (reads, writes) = (of(&self.reads[batch]), of(&self.writes[batch]));
            let mut from = vec![u32::MAX; nodes];
            let mut queue = std::collections::VecDeque::from([root]);
            from[root as usize] = root;
            while let Some(node) = queue.pop_front() {
                if reads[node as usize] {
                    let mut blocks = Vec::new();
                    let mut at = node;
                    while at != root {
                        if let Some(block) = self.graph.block_of(at)
                            && blocks.last() != Some(&block)
                        {
                            blocks.push(block);
                        }
                        at = from[at as usize];
                    }
                    blocks.reverse();
                    return Some(Gap { reg, way: blocks });
                }
                if !writes[node as usize] {
                    for &next in after.get(node) {
                        if from[next as usize] == u32::MAX {
                            from[next as usize] = node;
                            queue.push_back(next);
                        }
                    }
                }
            }
            None
        };
        let mut found: Vec<Gap> = gaps.iter().filter_map(way).collect();
        found.sort_by_key(|gap| (gap.way.last().copied(), gap.reg));
        found
    }
}
