//! Writing the blocks that the walk made: those that are reached, in an order in which each loop stands together, further
//! entries behind all others. A jump to a block that nothing else goes to vanishes. A block whose address is taken but
//! that is never reached is a trap that nothing reaches.

use super::super::body::{Body, Edge, Writer};
use super::super::cfg::Cfg;
use super::super::loops::Loops;
use super::graph::{Graph, Node};
use super::{Draft, Source};
use kiln_ir::function::{Arrays, BlockData};
use kiln_ir::op::Shape;
use kiln_ir::{Block, Inst, InstData, Op, Type};

/// Which nodes become which blocks.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// For each node whether it is reached.
    live: Vec<bool>,
    /// For each node the number of edges to it.
    preds: Vec<u32>,
    /// For each node whether its address is taken.
    labelled: Vec<bool>,
    /// For each node the one that continues its block.
    next: Vec<Block>,
    /// For each node whether it continues another.
    continues: Vec<bool>,
    /// For each node its block.
    block: Vec<Block>,
    /// The nodes that begin blocks, in order.
    order: Vec<Block>,
    /// Nodes never reached whose addresses are taken, in the order of their blocks behind those of `order`.
    stubs: Vec<Block>,
    work: Vec<Block>,
    /// Whether the order is that of the graph below, of what is left.
    rearranged: bool,
    cfg: Cfg,
    loops: Loops,
}

impl Plan {
    /// Writes the draft's code into the body.
    pub fn write(&mut self, source: &Source<'_>, graph: &Graph, draft: &Draft, body: &mut Body) {
        self.reach(graph, draft);
        self.take_addresses(source, graph, draft);
        self.arrange(graph, draft);
        self.join(source, graph, draft);
        self.number(source, graph);
        self.blocks(source, graph, draft, body);
        self.tables(source, graph, body);
    }

    fn reach(&mut self, graph: &Graph, draft: &Draft) {
        let nodes = graph.cfg.blocks() as usize;
        self.live.clear();
        self.live.resize(nodes, false);
        self.preds.clear();
        self.preds.resize(nodes, 0);
        for node in graph.cfg.roots() {
            self.live[node.index()] = true;
            self.work.push(*node);
        }
        while let Some(node) = self.work.pop() {
            for edge in draft.edges_of(node) {
                self.preds[edge.to.index()] += 1;
                if !std::mem::replace(&mut self.live[edge.to.index()], true) {
                    self.work.push(edge.to);
                }
            }
        }
    }

    /// Finds blocks whose addresses are taken, in data or by instructions.
    fn take_addresses(&mut self, source: &Source<'_>, graph: &Graph, draft: &Draft) {
        self.labelled.clear();
        self.labelled.resize(graph.cfg.blocks() as usize, false);
        source.labels.iter().for_each(|block| self.labelled[block.index()] = true);
        draft.addresses.iter().for_each(|block| self.labelled[block.index()] = true);
    }

    /// Finds the order of the nodes. That of the graph serves also without the edges that went, unless a loop has several
    /// ways in: without one of them it may begin elsewhere.
    fn arrange(&mut self, graph: &Graph, draft: &Draft) {
        let pruned = self.preds.iter().sum::<u32>() < graph.cfg.edges();
        self.rearranged = pruned && graph.loops.loops.iter().any(|found| found.irreducible);
        if !self.rearranged {
            return;
        }
        self.cfg.begin();
        for node in (0..graph.cfg.blocks()).map(Block) {
            if self.live[node.index()] {
                draft.edges_of(node).iter().for_each(|edge| self.cfg.edge(edge.to));
            }
            self.cfg.end_block();
        }
        graph.cfg.roots().iter().for_each(|root| self.cfg.root(*root));
        self.cfg.finish();
        self.loops.compute(&self.cfg);
    }

    /// Finds blocks that end in a jump to a block that nothing else goes to.
    fn join(&mut self, source: &Source<'_>, graph: &Graph, draft: &Draft) {
        let nodes = graph.cfg.blocks() as usize;
        self.next.clear();
        self.next.resize(nodes, Block::NONE);
        self.continues.clear();
        self.continues.resize(nodes, false);
        let loops = if self.rearranged { &self.loops } else { &graph.loops };
        for node in graph.dom.preorder() {
            if !self.live[node.index()] || matches!(graph.node(*node), Node::Entry(_)) {
                continue;
            }
            let Some(Op::Jump) = draft.insts_of(*node).last().map(|inst| inst.op) else { continue };
            let [.., edge] = draft.edges_of(*node) else { continue };
            let to = edge.to;
            let aligned = like(source, graph, to).align > 0;
            let only = self.preds[to.index()] == 1 && !self.labelled[to.index()] && !aligned;
            // What a dispatch block does must stand alone, and what leaves a loop does not belong among its blocks.
            let plain =
                matches!(graph.node(to), Node::Source(_)) && draft.params_of(to).iter().all(|v| v.is_none());
            if only && plain && loops.of(*node) == loops.of(to) {
                self.next[node.index()] = to;
                self.continues[to.index()] = true;
            }
        }
    }

    fn number(&mut self, source: &Source<'_>, graph: &Graph) {
        let loops = if self.rearranged { &self.loops } else { &graph.loops };
        self.block.clear();
        self.block.resize(graph.cfg.blocks() as usize, Block::NONE);
        self.order.clear();
        self.stubs.clear();
        let begins = |node: &&Block| {
            let entry = matches!(graph.node(**node), Node::Entry(_));
            self.live[node.index()] && !self.continues[node.index()] && !entry
        };
        self.order.extend(loops.order().iter().filter(begins));
        for node in (0..source.f.blocks().len() as u32).map(Block) {
            if self.labelled[node.index()] && !self.live[node.index()] {
                self.stubs.push(node);
            }
        }
        let entries = (0..source.f.entries().len() as u32).map(|n| graph.entry(n));
        let blocks = self.order.iter().copied().chain(self.stubs.iter().copied()).chain(entries);
        for (block, node) in blocks.enumerate() {
            self.block[node.index()] = Block(block as u32);
        }
    }

    fn blocks(&self, source: &Source<'_>, graph: &Graph, draft: &Draft, body: &mut Body) {
        body.make_room(draft.insts.len(), draft.edges.len(), draft.args.len());
        let blocks = self.order.len() + self.stubs.len() + source.f.entries().len();
        body.make_room_for_blocks(blocks, draft.params.len());
        let mut writer = Writer::new(body);
        for first in &self.order {
            writer.block(
                like(source, graph, *first),
                draft.params_of(*first).iter().copied().filter(|v| !v.is_none()),
            );
            let mut node = *first;
            loop {
                let next = self.next[node.index()];
                self.node(draft, node, !next.is_none(), &mut writer);
                if next.is_none() {
                    break;
                }
                node = next;
            }
        }
        for node in &self.stubs {
            writer.block(BlockData { cold: true, ..source.f.blocks()[node.index()] }, []);
            let origin = source.origins.of(source.f.block_range(*node).start);
            writer.push(InstData { op: Op::Unreachable, ty: Type::I32, aux: 0, dst: 0, a: 0, b: 0 }, origin);
        }
        for n in 0..source.f.entries().len() as u32 {
            let node = graph.entry(n);
            writer.block(BlockData::new(0, false), draft.params_of(node).iter().copied());
            self.node(draft, node, false, &mut writer);
        }
        writer.end();
    }

    /// Writes the instructions of a node, without the jump to the one that continues it.
    fn node(&self, draft: &Draft, node: Block, continued: bool, writer: &mut Writer<'_>) {
        let span = draft.spans[node.index()];
        let (start, end) = (span.insts.0, span.insts.1 - continued as u32);
        let code = start as usize..end as usize;
        let first = writer.copy_code(&draft.insts[code.clone()], &draft.origins[code]);
        let body = &mut *writer.body;
        let mut named = Inst::NONE;
        for edge in draft.edges_of(node).iter().filter(|edge| edge.inst.0 < end) {
            let inst = Inst(first + edge.inst.0 - start);
            if std::mem::replace(&mut named, inst) != inst {
                self.name_blocks(inst, body);
            }
            body.edges.push(Edge { inst, to: self.block[edge.to.index()], args: body.args.len() as u32 });
            let args = draft.args[edge.args as usize..].iter().zip(draft.params_of(edge.to));
            body.args.extend(args.filter(|(_, param)| !param.is_none()).map(|(arg, _)| *arg));
        }
        if !draft.addresses.is_empty() {
            for at in first..body.f.insts().len() as u32 {
                if body.f.insts()[at as usize].op == Op::LabelAddr {
                    self.name_blocks(Inst(at), body);
                }
            }
        }
    }

    /// Puts the body's blocks in the place of the nodes that an instruction names.
    fn name_blocks(&self, inst: Inst, body: &mut Body) {
        let Arrays { insts, pool, .. } = body.f.arrays();
        let inst = &mut insts[inst.index()];
        let tail = inst.b as usize;
        let name = |word: &mut u32| *word = self.block[*word as usize].0;
        match inst.op.shape() {
            Shape::Jump | Shape::Branch | Shape::FBranch => name(&mut inst.dst),
            Shape::LabelAddr => name(&mut inst.a),
            Shape::Overflow => name(&mut pool[tail + 1]),
            Shape::OverflowUnary => name(&mut inst.b),
            Shape::Switch => {
                name(&mut pool[tail]);
                let cases = pool[tail + 1] as usize;
                pool[tail + 2..tail + 2 + 3 * cases].chunks_exact_mut(3).for_each(|case| name(&mut case[2]));
            }
            // It names its label set.
            Shape::JumpTo => {}
            shape => unreachable!("{shape:?} goes nowhere"),
        }
    }

    /// Label sets, labels in data and entries by the body's blocks.
    fn tables(&self, source: &Source<'_>, graph: &Graph, body: &mut Body) {
        for (n, labels) in source.f.label_sets().iter().enumerate() {
            let used = self.live[graph.dispatch(n as u32).index()];
            let mut set: Vec<Block> = Vec::new();
            if used {
                set.extend(labels.iter().map(|label| self.block[label.index()]));
            }
            body.f.arrays().label_sets.push(set);
        }
        body.labels.extend(source.labels.iter().map(|label| (*label, self.block[label.index()])));
        for entry in body.f.arrays().entries.iter_mut() {
            entry.block = self.block[entry.block.index()];
        }
    }
}

/// How the block of a node is marked.
fn like(source: &Source<'_>, graph: &Graph, node: Block) -> BlockData {
    match graph.node(node) {
        Node::Source(block) => source.f.blocks()[block.index()],
        _ => BlockData::new(0, false),
    }
}
