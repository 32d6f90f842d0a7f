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
//! times 64 in flow graphs made for it. A limit ends a search that takes absurdly long.
//!
//! The counts in [`crate::function::VRegInfo`] only spare work: were they wrong, the verdict would err on the side of refusal.

use crate::entity::{Block, VReg};
use crate::function::Function;
use crate::op::Op;
use std::collections::VecDeque;
use std::ops::Range;

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
    /// How each block can be reached: [`JUMPED`], [`FALLEN`].
    reached: Vec<u8>,
    /// Jumps: from block to block, or to a label set, numbered after the blocks.
    jumps: Vec<(u32, u32)>,
    /// The current node. Nodes count from 1.
    node: u32,
    /// Stamps from here on are of the current chain.
    chain: u32,
    /// Whether the function has no further entries.
    one_entry: bool,
    /// Reads that the chain does not settle: register and node.
    exposed: Vec<(u32, u32)>,
    /// First writes in a chain, of registers mentioned in several blocks: register and node.
    writes: Vec<(u32, u32)>,
    /// Cold edges: from node to block.
    cold_edges: Vec<(u32, u32)>,
    search: Search,
}

/// A block that can be reached otherwise than by falling through from the one above: it begins a chain.
const JUMPED: u8 = 1;
/// A block that the one above can fall through into.
const FALLEN: u8 = 2;

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
        self.find_jumps(f);
    }

    /// Finds the jumps and the blocks where chains begin. Reads only the last record of each block, and trusts none.
    fn find_jumps(&mut self, f: &Function) {
        self.jumps.clear();
        self.reached.clear();
        self.reached.extend(f.blocks.iter().map(|b| if b.cold { JUMPED } else { 0 }));
        let Tracker { jumps, reached, .. } = self;
        let blocks = f.blocks.len();
        for i in 0..blocks {
            let end = f.blocks.get(i + 1).map_or(f.insts.len(), |b| b.start as usize);
            let last = &f.insts[end - 1];
            let mut jump = |to: u32| {
                if let Some(how) = reached.get_mut(to as usize) {
                    *how |= JUMPED;
                    jumps.push((i as u32, to));
                }
            };
            let mut below = JUMPED;
            match last.op {
                Op::Jump => jump(last.dst),
                Op::Branch | Op::Fbranch => {
                    jump(last.dst);
                    below = FALLEN;
                }
                Op::Switch => {
                    let tail = f.pool.get(last.b as usize..).unwrap_or(&[]);
                    if let [default, count, cases @ ..] = tail {
                        jump(*default);
                        cases.chunks_exact(3).take(*count as usize).for_each(|case| jump(case[2]));
                    }
                }
                Op::JumpTo if (last.b as usize) < f.label_sets.len() => {
                    jumps.push((i as u32, blocks as u32 + last.b));
                }
                _ => {}
            }
            // What nothing falls into does not go on a chain, whether it is jumped to or not.
            if let Some(how) = reached.get_mut(i + 1) {
                *how |= below;
            }
        }
        let entries = f.entries.iter().map(|entry| &entry.block);
        for block in f.label_sets.iter().flatten().chain(entries).chain([&Block(0)]) {
            reached[block.index()] |= JUMPED;
        }
    }

    /// Begins the next block.
    #[inline]
    pub fn block(&mut self) {
        self.node += 1;
        if self.reached[self.first_node.len()] & JUMPED != 0 {
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

    /// Ends the function, whose records hold: gives up to `max` registers that some way leaves unassigned, or nothing if
    /// that many steps of search do not settle it.
    pub fn finish(&mut self, f: &Function, max: usize, steps: u64) -> Option<Vec<Gap>> {
        if self.exposed.is_empty() {
            return Some(Vec::new());
        }
        self.node += 1;
        self.first_node.push(self.node);
        self.find_ways_in(f);
        self.collect(f);
        self.search.steps = steps;
        self.search.run(max, &self.first_node)
    }

    /// Lists for each beginning of a chain and each label set from which nodes it can be reached.
    fn find_ways_in(&mut self, f: &Function) {
        let Tracker { search, first_node, reached, jumps, cold_edges, .. } = self;
        let blocks = f.blocks.len();
        let roots = self.node..self.node + 1 + f.entries.len() as u32;
        let sets = roots.end;
        let keys = blocks + f.label_sets.len();
        search.roots = roots.clone();
        search.place.clear();
        search.place.resize(sets as usize + f.label_sets.len(), INSIDE);
        for (block, how) in reached.iter().enumerate() {
            if how & JUMPED != 0 {
                search.place[first_node[block] as usize] = block as u32;
            }
        }
        for (i, root) in roots.clone().enumerate() {
            search.place[root as usize] = (keys + i) as u32;
        }
        for set in 0..f.label_sets.len() {
            search.place[sets as usize + set] = (blocks + set) as u32;
        }
        let Search { ways_in, roots, .. } = search;
        ways_in.gather(keys + roots.len(), || {
            let jumped = jumps.iter().map(|(from, to)| (*to, first_node[*from as usize + 1] - 1));
            let both = |(_, how): &(usize, &u8)| **how == JUMPED | FALLEN;
            let fallen = reached.iter().enumerate().filter(both);
            let fallen = fallen.map(|(block, _)| (block as u32, first_node[block] - 1));
            let cold = cold_edges.iter().map(|(from, to)| (*to, *from));
            let starts = f.entries.iter().map(|entry| entry.block.0);
            let starts = [0].into_iter().chain(starts).zip(roots.clone());
            let labels = f.label_sets.iter().zip(sets..);
            let labels = labels.flat_map(|(set, node)| set.iter().map(move |to| (to.0, node)));
            jumped.chain(fallen).chain(cold).chain(starts).chain(labels)
        });
    }

    /// Gives the exposed registers their places in the search, and sorts their reads and writes by batch.
    fn collect(&mut self, f: &Function) {
        let Tracker { search, regs, exposed, writes, .. } = self;
        // The walk is over, so the stamps are free to hold each register's place in the search.
        search.regs.clear();
        for (v, _) in &*exposed {
            let reg = &mut regs[*v as usize];
            if reg.exposed {
                reg.exposed = false;
                reg.stamp = search.regs.len() as u32;
                search.regs.push(*v);
            }
        }
        let batches = search.regs.len().div_ceil(64);
        let place = |v: u32| regs[v as usize].stamp;
        let Search { reads, writes: sorted, regs: searched, roots, .. } = search;
        let pair = |v: u32, node: u32| (place(v) / 64, (place(v) as u8 % 64, node));
        reads.gather(batches, || exposed.iter().map(|(v, node)| pair(*v, *node)));
        sorted.gather(batches, || {
            let params = (0..f.params).map(|v| (v, roots.start));
            let entries = f.entries.iter().zip(roots.start + 1..);
            let entries = entries.flat_map(|(entry, root)| entry.params.iter().map(move |v| (v.0, root)));
            // A register that is not searched has some other number for its stamp.
            let is_searched = |(v, _): &(u32, u32)| searched.get(place(*v) as usize) == Some(v);
            let all = writes.iter().copied().chain(params).chain(entries);
            all.filter(is_searched).map(|(v, node)| pair(v, node))
        });
    }
}

/// The place of a node inside a chain: it can be reached only from the node before.
const INSIDE: u32 = u32::MAX;

/// The backward search for all exposed registers of a function. After the nodes of the blocks come one for each entry,
/// then one for each label set.
#[derive(Debug, Default)]
struct Search {
    /// The nodes of the entries.
    roots: Range<u32>,
    /// By node: the list of `ways_in` that is its own, or [`INSIDE`].
    place: Vec<u32>,
    ways_in: Lists<u32>,
    /// The searched registers: 64 of them to a batch.
    regs: Vec<u32>,
    /// By batch: number in the batch and node.
    reads: Lists<(u8, u32)>,
    writes: Lists<(u8, u32)>,
    /// By node: registers that are read further on before they are written; registers written; whether it waits.
    needed: Vec<u64>,
    written: Vec<u64>,
    waits: Vec<bool>,
    /// Nodes to look at, and those that need something.
    queue: Vec<u32>,
    touched: Vec<u32>,
    /// How many steps are left.
    steps: u64,
}

/// A register that an entry leaves unassigned where it is read.
struct Found {
    reg: VReg,
    root: u32,
    batch: u32,
    bit: u8,
}

impl Search {
    fn run(&mut self, max: usize, first_node: &[u32]) -> Option<Vec<Gap>> {
        let nodes = self.place.len();
        for words in [&mut self.needed, &mut self.written] {
            words.clear();
            words.resize(nodes, 0);
        }
        self.waits.clear();
        self.waits.resize(nodes, false);
        let mut found = Vec::new();
        for batch in 0..self.regs.len().div_ceil(64) as u32 {
            self.spread(batch)?;
            // One entry is enough to show for each register.
            let mut shown = 0;
            for root in self.roots.clone() {
                let mut bits = self.needed[root as usize] & !shown;
                shown |= bits;
                while bits != 0 && found.len() < max {
                    let bit = bits.trailing_zeros() as u8;
                    bits &= bits - 1;
                    let reg = VReg(self.regs[batch as usize * 64 + bit as usize]);
                    found.push(Found { reg, root, batch, bit });
                }
            }
            self.touched.drain(..).for_each(|node| self.needed[node as usize] = 0);
            self.writes.get(batch).iter().for_each(|(_, node)| self.written[*node as usize] = 0);
        }
        Some(if found.is_empty() { Vec::new() } else { self.explain(&found, first_node) })
    }

    /// Carries what is needed from the reads of a batch up to the writes; gives nothing if the steps do not suffice.
    fn spread(&mut self, batch: u32) -> Option<()> {
        let Search { place, ways_in, needed, written, waits, queue, touched, steps, .. } = self;
        for (bit, node) in self.writes.get(batch) {
            written[*node as usize] |= 1 << bit;
        }
        for (bit, node) in self.reads.get(batch) {
            needed[*node as usize] |= 1 << bit;
            if !std::mem::replace(&mut waits[*node as usize], true) {
                queue.push(*node);
                touched.push(*node);
            }
        }
        // Reads were noted in layout order, so the last is taken first, which suits a search backward.
        while let Some(node) = queue.pop() {
            waits[node as usize] = false;
            let here = needed[node as usize];
            let above = [node.wrapping_sub(1)];
            let from = match place[node as usize] {
                INSIDE => &above[..],
                list => ways_in.get(list),
            };
            let Some(left) = steps.checked_sub(1 + from.len() as u64) else {
                queue.clear();
                touched.clear();
                return None;
            };
            *steps = left;
            for &from in from {
                let there = &mut needed[from as usize];
                let new = here & !written[from as usize] & !*there;
                if new != 0 {
                    if *there == 0 {
                        touched.push(from);
                    }
                    *there |= new;
                    if !std::mem::replace(&mut waits[from as usize], true) {
                        queue.push(from);
                    }
                }
            }
        }
        Some(())
    }

    /// Finds for each register a shortest way from the entry to a read that nothing on it assigns.
    fn explain(&self, found: &[Found], first_node: &[u32]) -> Vec<Gap> {
        let nodes = self.place.len();
        let mut ways_out = Lists::default();
        ways_out.gather(nodes, || {
            (1..nodes as u32).flat_map(|node| {
                let (above, list) = match self.place[node as usize] {
                    INSIDE => (Some(node - 1), &[][..]),
                    list => (None, self.ways_in.get(list)),
                };
                above.into_iter().chain(list.iter().copied()).map(move |from| (from, node))
            })
        });
        let mut gaps: Vec<Gap> = found
            .iter()
            .filter_map(|found| {
                let nodes = self.way(found, &ways_out)?;
                let inside = nodes.into_iter().filter(|node| *node < self.roots.start);
                let block = |node| Block(first_node.partition_point(|first| *first <= node) as u32 - 1);
                let mut way: Vec<Block> = inside.map(block).collect();
                way.dedup();
                Some(Gap { reg: found.reg, way })
            })
            .collect();
        gaps.sort_by_key(|gap| (gap.way.last().copied(), gap.reg));
        gaps
    }

    /// The nodes of a shortest such way.
    fn way(&self, found: &Found, ways_out: &Lists<u32>) -> Option<Vec<u32>> {
        let nodes = self.place.len();
        let of = |list: &[(u8, u32)]| -> Vec<bool> {
            let mut has = vec![false; nodes];
            let own = list.iter().filter(|(bit, _)| *bit == found.bit);
            own.for_each(|(_, node)| has[*node as usize] = true);
            has
        };
        let (reads, writes) = (of(self.reads.get(found.batch)), of(self.writes.get(found.batch)));
        let mut from = vec![u32::MAX; nodes];
        let mut queue = VecDeque::from([found.root]);
        from[found.root as usize] = found.root;
        while let Some(node) = queue.pop_front() {
            if reads[node as usize] {
                let mut way = vec![node];
                while let Some(last) = way.last().filter(|last| **last != found.root) {
                    way.push(from[*last as usize]);
                }
                way.reverse();
                return Some(way);
            }
            if !writes[node as usize] {
                for &next in ways_out.get(node) {
                    if from[next as usize] == u32::MAX {
                        from[next as usize] = node;
                        queue.push_back(next);
                    }
                }
            }
        }
        None
    }
}

/// Lists of items by key, one after another in one array.
#[derive(Debug, Default)]
struct Lists<T> {
    start: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy + Default> Lists<T> {
    /// Gathers the pairs of key and item that `pairs` gives, the same ones each time it is called.
    fn gather<I: Iterator<Item = (u32, T)>>(&mut self, keys: usize, pairs: impl Fn() -> I) {
        // Counts stand two places up while they are summed, one place up while lists grow to their ends.
        let Lists { start, items } = self;
        start.clear();
        start.resize(keys + 2, 0);
        pairs().for_each(|(key, _)| start[key as usize + 2] += 1);
        for i in 2..start.len() {
            start[i] += start[i - 1];
        }
        items.clear();
        items.resize(start[keys + 1] as usize, T::default());
        pairs().for_each(|(key, item)| {
            let at = &mut start[key as usize + 1];
            items[*at as usize] = item;
            *at += 1;
        });
    }

    fn get(&self, key: u32) -> &[T] {
        &self.items[self.start[key as usize] as usize..self.start[key as usize + 1] as usize]
    }
}
