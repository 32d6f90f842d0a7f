//! Which blocks take which registers as parameters.
//!
//! Only *spread* registers can need any: those written more than once and mentioned in several blocks. They are looked at
//! in groups of 64, a bit for each: where they are live at the starts of blocks, by going back from their reads; then
//! what joins there. A node takes a parameter for a register that is live there if the register is written, or taken as a
//! parameter, in a node *between* it and its immediate dominator: on the way up the tree from one of its predecessors to
//! the dominator, which is not one of them. Nodes are visited in postorder of the tree, children in the order of the graph; so
//! everything between has been settled before, but for ways into loops with several entries, for which the
//! walk is repeated. Ways up the tree are shortened as they are gone.
//!
//! Nodes are named by their places in preorder of the tree here. Positions count instructions from 1 on, 0 is before all of
//! them.
//!
//! An edge from the middle of a block needs care: behind it the register may have another value than at the block's end.
//! So the target of an edge that leaves before a definition takes a parameter, though the block dominates it.
//!
//! Sources: Das and Ramakrishna, "A Practical and Fast Iterative Algorithm for φ-Function Computation Using DJ Graphs",
//! TOPLAS 27(3), 2005, with sets of registers in the place of sets of nodes; the shortened ways are those of Tarjan,
//! "Applications of Path Compression on Balanced Trees", JACM 26(4), 1979. O(instructions + nodes that each group spans).

use super::graph::{Graph, Node};
use crate::optimize::lent::{Borrower, Lent, fill, swap};
use kiln_ir::function::VRegInfo;
use kiln_ir::{Block, Function, VReg};
use std::ops::Range;

/// Whether a register may need parameters.
#[inline]
pub fn is_spread(info: VRegInfo) -> bool {
    const SPREAD: u8 = VRegInfo::GLOBAL | VRegInfo::MULTI;
    info.flags & SPREAD == SPREAD
}

/// How often ways into irreducible loops are looked at before every register that is live there gets a parameter.
const REPEATS: u32 = 16;

/// The definitions of a register in one node.
#[derive(Clone, Copy, Debug)]
struct Site {
    reg: u32,
    node: Block,
    /// Positions of the first and of the last one.
    first: u32,
    last: u32,
}

/// What is known of a node and the registers of a group.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Written in the node.
    written: u64,
    /// Live at its start.
    live: u64,
    /// Taken as parameters.
    params: u64,
    /// Written or taken in the node, and in those above it up to `up`, that one not included.
    own: u64,
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
    /// Both by groups.
    sorted_sites: Vec<Site>,
    site_start: Vec<u32>,
    sorted_reads: Vec<(u32, Block)>,
    read_start: Vec<u32>,
    /// For each node: all 0 between groups.
    states: Vec<State>,
    /// For each node where the way up goes on; the immediate dominator at first. Numbers are greater by 1, 0 is none.
    up: Vec<u32>,
    /// For each edge the registers that are written in its node, but not before it leaves. Empty if there are none.
    spared: Vec<u64>,
    /// For each node whether an edge comes to it from a later one.
    entered_from_behind: Vec<bool>,
    /// The nodes that the current group has to do with are among these.
    span: Range<u32>,
    work: Vec<u32>,
    path: Vec<u32>,
    open: Vec<(u32, u32)>,
    placed: Vec<(Block, VReg)>,
    /// How many definitions there are, if all have been looked at.
    definitions: Option<usize>,
}

impl Borrower for Placement {
    fn exchange(&mut self, lent: &mut Lent) {
        lent.words(0, [&mut self.number, &mut self.up]);
        swap(&mut self.sites, &mut lent.quads);
        swap(&mut self.sorted_sites, &mut lent.taken.insts);
        swap(&mut self.placed, &mut lent.taken.origins);
    }
}

impl Placement {
    /// The registers that a node takes as parameters, in the order of their numbers.
    #[inline]
    pub fn params_of(&self, node: Block) -> &[VReg] {
        &self.params[self.param_start[node.index()] as usize..self.param_start[node.index() + 1] as usize]
    }

    /// How many parameters there are.
    pub fn params(&self) -> usize {
        self.params.len()
    }

    /// How many arguments all edges of the graph carry for them.
    pub fn args(&self, graph: &Graph) -> usize {
        (0..graph.cfg.edges() as usize).map(|edge| self.params_of(graph.cfg.target(edge)).len()).sum()
    }

    /// How many definitions a function has, at most.
    pub fn definitions(&self, f: &Function) -> usize {
        self.definitions.unwrap_or(f.insts().len())
    }

    /// Places the parameters of a function.
    pub fn run(&mut self, f: &Function, graph: &Graph) {
        self.placed.clear();
        self.collect(f, graph);
        if !self.reads.is_empty() {
            self.begin(graph);
            let (sites, reads) = (std::mem::take(&mut self.sites), std::mem::take(&mut self.reads));
            let groups = self.spread.len().div_ceil(64);
            if groups == 1 {
                self.group(graph, 0, &sites, &reads);
            } else {
                self.groups(graph, groups, &sites, &reads);
            }
            (self.sites, self.reads) = (sites, reads);
        }
        self.settle(graph.cfg.blocks() as usize);
    }

    /// Places the parameters of several groups.
    fn groups(&mut self, graph: &Graph, groups: usize, sites: &[Site], reads: &[(u32, Block)]) {
        let mut sorted = (std::mem::take(&mut self.sorted_sites), std::mem::take(&mut self.sorted_reads));
        let mut starts = (std::mem::take(&mut self.site_start), std::mem::take(&mut self.read_start));
        sort(sites, &mut sorted.0, &mut starts.0, groups, |site| site.reg / 64, |site| *site);
        sort(reads, &mut sorted.1, &mut starts.1, groups, |read| read.0 / 64, |read| *read);
        for group in 0..groups {
            let sites = &sorted.0[starts.0[group] as usize..starts.0[group + 1] as usize];
            let reads = &sorted.1[starts.1[group] as usize..starts.1[group + 1] as usize];
            if !reads.is_empty() {
                self.group(graph, group, sites, reads);
            }
        }
        (self.sorted_sites, self.sorted_reads) = sorted;
        (self.site_start, self.read_start) = starts;
    }

    /// Finds definitions and exposed reads of all spread registers.
    fn collect(&mut self, f: &Function, graph: &Graph) {
        self.spread.clear();
        self.sites.clear();
        self.reads.clear();
        self.definitions = None;
        // The last one is that of operands that instructions do not have, so that no branch is spent on them.
        fill(&mut self.number, f.vregs().len() + 1, u32::MAX);
        let nobody = VReg(f.vregs().len() as u32);
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
        let mut definitions = 0;
        for b in 0..f.blocks().len() as u32 {
            let block = Block(b);
            if !graph.cfg.reached(block) {
                continue;
            }
            for at in f.block_range(block) {
                let inst = &f.insts()[at];
                f.for_each_use_or(inst, nobody, |v| self.read(v, block));
                f.for_each_def(inst, |v| {
                    definitions += 1;
                    self.define(v, block, at as u32 + 1);
                });
            }
        }
        self.definitions = Some(definitions);
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

    /// Makes room for what is known of the graph's nodes.
    fn begin(&mut self, graph: &Graph) {
        let (cfg, dom) = (&graph.cfg, &graph.dom);
        if self.states.len() < dom.preorder().len() {
            self.states.resize(dom.preorder().len(), State::default());
        }
        self.up.clear();
        self.up.extend(dom.preorder().iter().map(|node| above(graph, *node)));
        self.spared.clear();
        self.entered_from_behind.clear();
        let behind = |(n, node): (u32, &Block)| {
            cfg.preds(*node).iter().any(|pred| cfg.reached(pred.from) && dom.place(pred.from) >= n)
        };
        self.entered_from_behind.extend((0..).zip(dom.preorder()).map(behind));
    }

    /// Places the parameters for a group of registers.
    fn group(&mut self, graph: &Graph, group: usize, sites: &[Site], reads: &[(u32, Block)]) {
        self.span = Range { start: u32::MAX, end: 0 };
        for site in sites {
            let n = graph.dom.place(site.node);
            self.reach(n);
            self.states[n as usize].written |= bit(site.reg);
            for edge in edges_before(graph, site.node, site.first) {
                self.spared.resize(graph.cfg.edges() as usize, 0);
                self.spared[edge] |= bit(site.reg);
            }
        }
        for (reg, node) in reads {
            let n = graph.dom.place(*node);
            self.reach(n);
            self.states[n as usize].live |= bit(*reg);
        }
        self.find_live(graph);
        // Where a definition's node is left before its last definition.
        for site in sites {
            for edge in edges_before(graph, site.node, site.last) {
                let state = &mut self.states[graph.dom.place(graph.cfg.target(edge)) as usize];
                state.params |= state.live & bit(site.reg);
            }
        }
        self.join(graph);
        for n in self.span.clone() {
            let state = std::mem::take(&mut self.states[n as usize]);
            let node = graph.dom.preorder()[n as usize];
            self.up[n as usize] = above(graph, node);
            let mut params = state.params;
            while params != 0 {
                let reg = group * 64 + params.trailing_zeros() as usize;
                self.placed.push((node, self.spread[reg]));
                params &= params - 1;
            }
        }
        if !self.spared.is_empty() {
            for site in sites {
                edges_before(graph, site.node, site.first).for_each(|edge| self.spared[edge] = 0);
            }
        }
    }

    /// Notes that the group has to do with a node.
    #[inline]
    fn reach(&mut self, n: u32) {
        self.span = self.span.start.min(n)..self.span.end.max(n + 1);
    }

    /// Finds the registers that are live at the starts of nodes; those that are read there are known.
    fn find_live(&mut self, graph: &Graph) {
        let (cfg, dom) = (&graph.cfg, &graph.dom);
        // Every way to a read passes a definition, so nothing is live in front of the first one. What is behind this walk is
        // the ways that go back.
        for n in self.span.clone().rev() {
            let node = dom.preorder()[n as usize];
            let State { written, mut live, .. } = self.states[n as usize];
            for edge in cfg.edge_range(node) {
                let kept = !written | self.spared.get(edge).copied().unwrap_or(0);
                live |= self.states[dom.place(cfg.target(edge)) as usize].live & kept;
            }
            self.states[n as usize].live = live;
            if live != 0 && self.entered_from_behind[n as usize] {
                self.work.push(n);
            }
        }
        while let Some(n) = self.work.pop() {
            let live = self.states[n as usize].live;
            for pred in cfg.preds(dom.preorder()[n as usize]).iter().filter(|pred| cfg.reached(pred.from)) {
                let from = dom.place(pred.from);
                let kept = self.spared.get(pred.edge as usize).copied().unwrap_or(0);
                let state = &mut self.states[from as usize];
                let more = live & (!state.written | kept) & !state.live;
                if more != 0 {
                    state.live |= more;
                    self.reach(from);
                    self.work.push(from);
                }
            }
        }
    }

    /// Finds the parameters that nodes take, beside those that they are known to take.
    fn join(&mut self, graph: &Graph) {
        let (cfg, dom) = (&graph.cfg, &graph.dom);
        for round in 0.. {
            for n in self.span.clone() {
                let state = &mut self.states[n as usize];
                state.own = state.written | state.params;
            }
            let (mut irregular, mut more) = (false, false);
            let mut open = std::mem::take(&mut self.open);
            for n in self.span.clone() {
                while let Some((top, _)) = open.pop_if(|(_, end)| *end <= n) {
                    let found = self.node(graph, top, round >= REPEATS);
                    irregular |= found.0;
                    more |= found.1;
                }
                let node = dom.preorder()[n as usize];
                if self.states[n as usize].live != 0 && cfg.preds(node).len() > 1 {
                    open.push((n, dom.below(node).end));
                }
            }
            while let Some((top, _)) = open.pop() {
                let found = self.node(graph, top, round >= REPEATS);
                irregular |= found.0;
                more |= found.1;
            }
            self.open = open;
            if !irregular || !more {
                break;
            }
            for n in self.span.clone() {
                self.up[n as usize] = above(graph, dom.preorder()[n as usize]);
            }
        }
    }

    /// Finds the parameters of a node; says whether one of the ways to it comes from a part of the tree that is visited
    /// later, and whether it has more parameters than before.
    fn node(&mut self, graph: &Graph, n: u32, all: bool) -> (bool, bool) {
        let (cfg, dom) = (&graph.cfg, &graph.dom);
        let node = dom.preorder()[n as usize];
        let top = above(graph, node);
        let (mut between, mut irregular) = (0, false);
        for pred in cfg.preds(node).iter().filter(|pred| cfg.reached(pred.from)) {
            let mut at = dom.place(pred.from);
            if at + 1 == top {
                continue;
            }
            // Up to the child of the dominator that the way comes from.
            while self.up[at as usize] > top && at >= self.span.start {
                self.path.push(at);
                at = self.up[at as usize] - 1;
            }
            let regular = at <= n;
            irregular |= !regular;
            let mut way = 0;
            while let Some(below) = self.path.pop() {
                way |= self.states[below as usize].own;
                if regular {
                    self.states[below as usize].own = way;
                    self.up[below as usize] = at + 1;
                }
            }
            between |= way | self.states[at as usize].own;
        }
        if irregular && all {
            between = u64::MAX;
        }
        let state = &mut self.states[n as usize];
        let more = between & state.live & !state.params;
        state.params |= more;
        state.own |= more;
        (irregular, more != 0)
    }

    /// Sorts what was placed by nodes.
    fn settle(&mut self, nodes: usize) {
        let placed = std::mem::take(&mut self.placed);
        sort(&placed, &mut self.params, &mut self.param_start, nodes, |(node, _)| node.0, |(_, v)| *v);
        self.placed = placed;
    }
}

/// The bit of a register in its group.
const fn bit(reg: u32) -> u64 {
    1 << (reg % 64)
}

/// The place of the immediate dominator of a node plus 1; 0 if there is none.
#[inline]
fn above(graph: &Graph, node: Block) -> u32 {
    let above = graph.dom.idom(node);
    if above.is_none() { 0 } else { graph.dom.place(above) + 1 }
}

/// The edges by which a node is left before this position has been passed.
#[inline]
fn edges_before(graph: &Graph, node: Block, at: u32) -> impl Iterator<Item = usize> + '_ {
    graph.cfg.edge_range(node).take_while(move |edge| graph.edge_at[*edge] <= at)
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
