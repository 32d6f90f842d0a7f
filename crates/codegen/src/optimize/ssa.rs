//! SSA form: from registers that are written anywhere to values that are written once.
//!
//! 1. The graph ([`graph`]): the source's blocks, and those that the form asks for: one that dispatches for each label
//!    set, one for each further entry, one before the first block if something jumps to it. Dominators and loops of it.
//! 2. Parameters ([`place`]): a register with one definition, or of one block, needs none, and those are nearly all. For
//!    each other one, blocks at the dominance frontier of its definitions where it is live.
//! 3. Renaming (here): a walk over the dominator tree that knows the current value of each register. In the same walk
//!    instructions are folded ([`fold`], [`divide`], [`address`], [`control`]) and numbered ([`number`]); one that folds is never
//!    written, and neither is a block that no edge goes to any more.
//! 4. Writing ([`write`]): what is reached, in an order in which loops stand together, without jumps to blocks that
//!    nothing else goes to. Then what nothing reads goes ([`dead`]).
//!
//! Sources: Cytron et al., "Efficiently Computing Static Single Assignment Form and the Control Dependence Graph", TOPLAS
//! 13(4), 1991; for the placement Sreedhar and Gao, "A Linear Time Algorithm for Placing φ-Nodes", POPL 1995.
//! O(instructions + live registers with several definitions at the starts of blocks).

mod address;
mod control;
mod divide;
mod fold;
mod graph;
mod number;
mod place;
mod write;

use super::body::{Body, Edge, Origin, Origins, Taken};
use super::dead;
use super::lent::{Borrower, Lent, fill, make_room, swap};
use super::operands::map_uses;
use graph::{Graph, Node};
use kiln_ir::function::Entry;
use kiln_ir::op::{Effect, Field, Mentions, Role, Shape};
use kiln_ir::{Block, Function, Inst, InstData, Op, Type, VReg};
use number::Table;
use place::Placement;

/// What SSA form is made of.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// A checked function, or what inlining made of one.
    pub f: &'a Function,
    /// Where its instructions come from.
    pub origins: Origins<'a>,
    /// Its blocks whose addresses stand in data, ascending: `Checked::labels_in_data`.
    pub labels: &'a [Block],
}

/// How it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Whether instructions are folded and numbered, or only renamed.
    pub folds: bool,
    /// Whether float arithmetic gives one NaN only: then also what is computed ahead does.
    pub canonical_nan: bool,
}

/// Memory of the construction.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    graph: Graph,
    placement: Placement,
    draft: Draft,
    table: Table,
    plan: write::Plan,
    /// The value of each register of the source.
    current: Vec<VReg>,
    /// Registers written anew in the blocks above the current one of the tree, with what they were before.
    undo: Vec<(VReg, VReg)>,
    above: Vec<Above>,
    /// Where the arguments of the edges to the current node start.
    ways: Vec<u32>,
}

/// A node above the current one in the tree, or that one.
#[derive(Clone, Copy, Debug)]
struct Above {
    /// Where in preorder what is below it ends.
    end: u32,
    /// The length of `undo` before it.
    undo: u32,
    /// Where its instructions start in the draft.
    start: u32,
    /// The first instruction of the node above it that may not have run when it is entered: it may be entered from the
    /// middle of that one.
    limit: u32,
}

/// Blocks in the order of the walk, before it is known which remain. Edges go to nodes of the graph.
#[derive(Clone, Debug, Default)]
struct Draft {
    insts: Vec<InstData>,
    origins: Vec<Origin>,
    edges: Vec<Edge>,
    args: Vec<VReg>,
    params: Vec<VReg>,
    /// Blocks whose addresses instructions take; maybe several times.
    addresses: Vec<Block>,
    /// For each node, where its instructions, edges and parameters stand.
    spans: Vec<Span>,
    /// For each value the instruction that gives it; none for parameters.
    def: Vec<u32>,
    /// For each value the register that it is a value of, or none.
    home: Vec<u32>,
    /// For each edge of the graph the one of the draft, unless it is known that nothing goes this way.
    edge_of: Vec<u32>,
    /// For each node whether anything goes there, as far as the walk knows.
    live: Vec<bool>,
}

/// Stands for an instruction or edge of the draft that does not exist.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    insts: (u32, u32),
    edges: (u32, u32),
    params: (u32, u32),
}

impl Draft {
    fn insts_of(&self, node: Block) -> &[InstData] {
        let (start, end) = self.spans[node.index()].insts;
        &self.insts[start as usize..end as usize]
    }

    fn edges_of(&self, node: Block) -> &[Edge] {
        let (start, end) = self.spans[node.index()].edges;
        &self.edges[start as usize..end as usize]
    }

    fn params_of(&self, node: Block) -> &[VReg] {
        let (start, end) = self.spans[node.index()].params;
        &self.params[start as usize..end as usize]
    }
}

/// Writes a function in SSA form. The result is the same whatever the memory was used for before.
pub fn construct(
    source: &Source<'_>,
    settings: Settings,
    scratch: &mut Scratch,
    lent: &mut Lent,
    body: &mut Body,
) {
    body.clear();
    scratch.graph.exchange(lent);
    scratch.graph.of_source(source.f, lent);
    let Scratch { graph, placement, .. } = scratch;
    lent.with(placement, |placement, _| placement.run(source.f, graph));
    lent.with(scratch, |scratch, _| {
        let mut walk = Walk::new(source, settings, scratch, body);
        walk.run();
        let Scratch { graph, draft, plan, .. } = scratch;
        plan.write(source, graph, draft, body);
    });
    scratch.graph.exchange(lent);
    if settings.folds {
        dead::sweep(body, lent);
    }
    body.f.find_calls();
}

impl Borrower for Scratch {
    fn exchange(&mut self, lent: &mut Lent) {
        let Taken { insts, origins, edges, args, params, .. } = &mut lent.taken;
        let draft = &mut self.draft;
        std::mem::swap(&mut draft.insts, insts);
        std::mem::swap(&mut draft.origins, origins);
        std::mem::swap(&mut draft.edges, edges);
        std::mem::swap(&mut draft.args, args);
        std::mem::swap(&mut draft.params, params);
        std::mem::swap(&mut self.current, &mut lent.values);
        swap(&mut self.table.entries, &mut lent.quads);
        lent.words(0, [&mut draft.def, &mut draft.home]);
    }
}

/// The walk that renames.
struct Walk<'a> {
    source: &'a Source<'a>,
    f: &'a Function,
    graph: &'a Graph,
    placement: &'a Placement,
    draft: &'a mut Draft,
    current: &'a mut Vec<VReg>,
    undo: &'a mut Vec<(VReg, VReg)>,
    above: &'a mut Vec<Above>,
    ways: &'a mut Vec<u32>,
    table: &'a mut Table,
    body: &'a mut Body,
    folds: bool,
    canonical_nan: bool,
    /// The current node's place in preorder, and where those end that it dominates.
    place: u32,
    end: u32,
    /// Where its instructions start in the draft.
    node_start: u32,
    /// Where the current instruction comes from, and the register whose value it gives.
    origin: Origin,
    home: VReg,
}

impl<'a> Walk<'a> {
    fn new(
        source: &'a Source<'a>,
        settings: Settings,
        scratch: &'a mut Scratch,
        body: &'a mut Body,
    ) -> Walk<'a> {
        let f = source.f;
        let Scratch { graph, placement, draft, current, undo, above, ways, table, .. } = scratch;
        // A division becomes several instructions; else there are no more than in the source, and jumps of added nodes.
        let insts = f.insts().len() + f.entries().len() + f.label_sets().len() + 1;
        make_room(&mut draft.insts, insts);
        make_room(&mut draft.origins, insts);
        make_room(&mut draft.edges, graph.cfg.edges() as usize);
        make_room(&mut draft.args, placement.args(graph));
        make_room(&mut draft.params, placement.params());
        draft.addresses.clear();
        draft.spans.clear();
        draft.spans.resize(graph.cfg.blocks() as usize, Span::default());
        let values = f.params() as usize + placement.params() + placement.definitions(f);
        // What instructions become may have more results.
        let values = values + values / 64;
        make_room(&mut draft.def, values);
        make_room(&mut draft.home, values);
        make_room(body.f.arrays().vregs, values);
        draft.edge_of.clear();
        draft.edge_of.resize(graph.cfg.edges() as usize, NONE);
        draft.live.clear();
        draft.live.resize(graph.cfg.blocks() as usize, false);
        graph.cfg.roots().iter().for_each(|root| draft.live[root.index()] = true);
        if settings.folds {
            table.begin(f.insts().len());
        }
        fill(current, f.vregs().len(), VReg::NONE);
        undo.clear();
        above.clear();
        let arrays = body.f.arrays();
        *arrays.params = f.params();
        arrays.slots.extend_from_slice(f.slots());
        let entry =
            |(n, entry): (u32, &Entry)| Entry { func: entry.func, params: Vec::new(), block: graph.entry(n) };
        arrays.entries.extend((0..).zip(f.entries()).map(entry));
        Walk {
            source,
            f,
            graph,
            placement,
            draft,
            current,
            undo,
            above,
            ways,
            table,
            body,
            folds: settings.folds,
            canonical_nan: settings.canonical_nan,
            place: 0,
            end: 0,
            node_start: 0,
            origin: Origin::own(Inst(0)),
            home: VReg::NONE,
        }
    }

    fn run(&mut self) {
        for v in 0..self.f.params() {
            self.new_value(self.f.ty(VReg(v)), VReg(v));
        }
        for place in 0..self.graph.dom.preorder().len() as u32 {
            let node = self.graph.dom.preorder()[place as usize];
            if !self.is_live(node) {
                continue;
            }
            self.leave(place);
            (self.place, self.end) = (place, self.graph.dom.below(node).end);
            self.node_start = self.draft.insts.len() as u32;
            let limit = self.limit(node);
            let undo = self.undo.len() as u32;
            self.above.push(Above { end: self.end, undo, start: self.node_start, limit });
            let starts = (self.draft.insts.len(), self.draft.edges.len(), self.draft.params.len());
            self.begin(node);
            self.node(node);
            let ends = (self.draft.insts.len(), self.draft.edges.len(), self.draft.params.len());
            let span = |start: usize, end: usize| (start as u32, end as u32);
            self.draft.spans[node.index()] = Span {
                insts: span(starts.0, ends.0),
                edges: span(starts.1, ends.1),
                params: span(starts.2, ends.2),
            };
        }
    }

    /// Whether anything goes to a node, from those that the walk has seen or from one that it has not.
    fn is_live(&mut self, node: Block) -> bool {
        let above = self.graph.dom.idom(node);
        if !above.is_none() && !self.draft.live[above.index()] {
            return false;
        }
        if !self.draft.live[node.index()] {
            // Only loops with several ways in are entered from below.
            let (cfg, dom) = (&self.graph.cfg, &self.graph.dom);
            let later = |from| cfg.number(from) > cfg.number(node) && !dom.dominates(node, from);
            let live = cfg.preds(node).iter().any(|pred| cfg.reached(pred.from) && later(pred.from));
            self.draft.live[node.index()] = live;
        }
        self.draft.live[node.index()]
    }

    /// Goes up in the tree to the block above the one at this place.
    fn leave(&mut self, place: u32) {
        while let Some(above) = self.above.last().copied().filter(|above| above.end <= place) {
            for (v, old) in self.undo.drain(above.undo as usize..).rev() {
                self.current[v.index()] = old;
            }
            self.above.pop();
        }
    }

    /// The first instruction of the node above this one that may not have run when this one is entered.
    fn limit(&self, node: Block) -> u32 {
        let above = self.graph.dom.idom(node);
        if above.is_none() {
            return 0;
        }
        let mut limit = NONE;
        for pred in self.graph.cfg.preds(node) {
            if pred.from != above {
                // Which way it came does not show: it may have left by the first edge.
                return self.draft.edges_of(above).first().map_or(0, |edge| edge.inst.0);
            }
            if let Some(edge) = self.draft.edges.get(self.draft.edge_of[pred.edge as usize] as usize) {
                limit = limit.min(edge.inst.0);
            }
        }
        limit
    }

    /// Whether an instruction of a node above the current one has run when the current one is entered.
    fn has_run(&self, inst: u32) -> bool {
        let below = self.above.partition_point(|above| above.start <= inst);
        self.above.get(below).is_none_or(|above| inst < above.limit)
    }

    /// Makes the parameters of a block.
    fn begin(&mut self, node: Block) {
        if node == self.graph.start() {
            for v in 0..self.f.params() {
                self.set(VReg(v), VReg(v));
            }
        }
        if let Node::Dispatch(_) = self.graph.node(node) {
            let address = self.new_value(Type::Ptr, VReg::NONE);
            self.draft.params.push(address);
        }
        let all_known = self.find_ways(node);
        for (n, v) in self.placement.params_of(node).iter().enumerate() {
            match if all_known { self.common_value(n) } else { None } {
                Some(value) => {
                    self.set(*v, value);
                    self.draft.params.push(VReg::NONE);
                }
                None => {
                    let value = self.define(*v);
                    self.draft.params.push(value);
                }
            }
        }
    }

    /// Finds the ways by which a node is entered; says whether that is all of them, so that no loop remains to be closed.
    fn find_ways(&mut self, node: Block) -> bool {
        self.ways.clear();
        if !self.folds || !matches!(self.graph.node(node), Node::Source(_)) {
            return false;
        }
        let cfg = &self.graph.cfg;
        for pred in cfg.preds(node) {
            if cfg.number(pred.from) >= cfg.number(node) {
                // A block that has not been reached by any root has the greatest number.
                if cfg.reached(pred.from) {
                    return false;
                }
                continue;
            }
            let edge = self.draft.edge_of[pred.edge as usize];
            self.ways.extend(self.draft.edges.get(edge as usize).map(|edge| edge.args));
        }
        true
    }

    /// The value that a parameter has by whichever way its node is entered.
    fn common_value(&self, param: usize) -> Option<VReg> {
        let (first, others) = self.ways.split_first()?;
        let arg = |way: u32| self.draft.args[way as usize + param];
        let common = arg(*first);
        others.iter().all(|way| arg(*way) == common).then_some(common)
    }

    /// Writes what stands in a block.
    fn node(&mut self, node: Block) {
        match self.graph.node(node) {
            Node::Source(block) => {
                let mut edges = self.graph.cfg.edge_range(node);
                for at in self.f.block_range(block) {
                    self.inst(Inst(at as u32), &mut edges);
                }
            }
            Node::Dispatch(set) => {
                let address =
                    self.draft.params[self.draft.params.len() - 1 - self.placement.params_of(node).len()];
                let at = self.graph.dispatch_at(set);
                let inst = InstData { dst: 0, a: address.0, ..self.f.insts()[at.index()] };
                self.push(inst, self.source.origins.of(at.index()));
                for edge in self.graph.cfg.edge_range(node) {
                    self.edge(edge, &[]);
                }
            }
            Node::Entry(n) => {
                let entry = &self.f.entries()[n as usize];
                for v in &entry.params {
                    let value = self.define(*v);
                    self.draft.params.push(value);
                    self.body.f.arrays().entries[n as usize].params.push(value);
                }
                self.jump(node, entry.block, &[]);
            }
            Node::Start => self.jump(node, Block(0), &[]),
        }
    }

    /// A jump that the source does not have, to a block of it; it counts as that block's first instruction.
    fn jump(&mut self, node: Block, to: Block, args: &[VReg]) {
        let origin = self.source.origins.of(self.f.block_range(to).start);
        let jump = InstData { op: Op::Jump, ty: Type::I32, aux: 0, dst: to.0, a: 0, b: 0 };
        self.push(jump, origin);
        debug_assert_eq!(self.graph.cfg.succs(node), [to]);
        self.edge(self.graph.cfg.edge_range(node).start, args);
    }

    fn push(&mut self, inst: InstData, origin: Origin) {
        self.draft.insts.push(inst);
        self.draft.origins.push(origin);
    }

    /// Gives the instruction pushed last this edge of the graph, with arguments for the target's own parameters and for
    /// those of registers.
    fn edge(&mut self, edge: usize, own: &[VReg]) {
        let to = self.graph.cfg.target(edge);
        self.draft.edge_of[edge] = self.draft.edges.len() as u32;
        self.draft.live[to.index()] = true;
        let inst = Inst(self.draft.insts.len() as u32 - 1);
        let args = self.draft.args.len() as u32;
        self.draft.edges.push(Edge { inst, to, args });
        self.draft.args.extend_from_slice(own);
        let current = &*self.current;
        self.draft.args.extend(self.placement.params_of(to).iter().map(|v| current[v.index()]));
    }

    /// Writes one instruction and its edges: the first of those that are left of its block.
    fn inst(&mut self, at: Inst, edges: &mut std::ops::Range<usize>) {
        let mut inst = self.f.insts()[at.index()];
        self.origin = self.source.origins.of(at.index());
        let first = edges.start;
        while edges.start < edges.end && self.graph.edge_at[edges.start] == at.0 + 1 {
            edges.start += 1;
        }
        let own = first..edges.start;
        if inst.op == Op::JumpTo {
            let address = self.current[inst.a as usize];
            let dispatch = self.graph.dispatch(inst.b);
            self.push(
                InstData { op: Op::Jump, ty: Type::I32, aux: 0, dst: dispatch.0, a: 0, b: 0 },
                self.origin,
            );
            return self.edge(own.start, &[address]);
        }
        if inst.op == Op::LabelAddr {
            self.draft.addresses.push(Block(inst.a));
        }
        if inst.has_tail() {
            // Records of the source may share a tail; those of a body do not, because words of it change.
            let len = self.f.tail_len(&inst);
            let pool = self.body.f.arrays().pool;
            let tail = pool.len();
            pool.extend_from_slice(&self.f.pool()[inst.b as usize..inst.b as usize + len]);
            inst.b = tail as u32;
        }
        self.read(&mut inst);
        if self.folds && self.simplify(&mut inst, &own) {
            return;
        }
        self.push(inst, self.origin);
        // What leaves by an edge sees the values before the instruction.
        own.for_each(|edge| self.edge(edge, &[]));
        let last = self.draft.insts.len() - 1;
        self.write(last);
    }

    /// Folds and numbers an instruction whose operands are values; says whether nothing remains to be done.
    fn simplify(&mut self, inst: &mut InstData, edges: &std::ops::Range<usize>) -> bool {
        let results = (VReg(inst.dst), inst.b as usize);
        match inst.op.effect() {
            Effect::pure => match inst.op.shape() {
                Shape::None => return true,
                Shape::Prefetch => {
                    self.fold_address(inst);
                    return false;
                }
                Shape::Pair | Shape::Carry => {
                    let second =
                        self.body.f.pool()[results.1 + 1 + (inst.op.shape() == Shape::Carry) as usize];
                    self.home = results.0;
                    let values = self.number_pair(*inst);
                    self.set(results.0, values.0);
                    self.set(VReg(second), values.1);
                }
                _ => {
                    self.home = results.0;
                    let value = self.make(*inst);
                    self.set(results.0, value);
                }
            },
            Effect::reads | Effect::writes => {
                match inst.op.shape() {
                    Shape::Load
                    | Shape::Store
                    | Shape::AtomicLoad
                    | Shape::AtomicStore
                    | Shape::AtomicRmw
                    | Shape::AtomicCas => self.fold_address(inst),
                    _ => {}
                }
                self.store_constant(inst);
                return false;
            }
            Effect::terminator => return self.end(inst, edges),
            Effect::control => return self.control(inst),
            Effect::call => return false,
        }
        true
    }

    /// Puts values in the place of the registers that an instruction reads.
    fn read(&mut self, inst: &mut InstData) {
        let current = &self.current[..];
        map_uses(inst, self.body.f.arrays().pool, |v| current[v.index()]);
    }

    /// Makes values for the registers that the instruction at this place of the draft writes.
    fn write(&mut self, at: usize) {
        let inst = self.draft.insts[at];
        let mentions = inst.op.mentions();
        if !mentions.has(Mentions::MORE_WRITES) {
            if mentions.has(Mentions::DST) {
                let value = self.define(VReg(inst.dst));
                self.draft.insts[at].dst = value.0;
                self.draft.def[value.index()] = at as u32;
            }
            return;
        }
        for (place, role) in inst.op.shape().operands() {
            match (role, place) {
                (Role::Def(_), Field::Dst) => {
                    let value = self.define(VReg(inst.dst));
                    self.draft.insts[at].dst = value.0;
                    self.draft.def[value.index()] = at as u32;
                }
                (Role::Def(_), Field::Tail(n)) => self.define_in_pool(inst.b as usize + *n as usize),
                (Role::Def(_), Field::A | Field::B) => unreachable!("no shape writes what stands there"),
                (Role::CallList, _) => {
                    let tail = inst.b as usize;
                    let pool = self.body.f.pool();
                    let (args, results) = (pool[tail + 1] as usize, pool[tail + 2] as usize);
                    if results > 0 {
                        self.draft.insts[at].dst = self.define(VReg(inst.dst)).0;
                        for n in 0..results - 1 {
                            self.define_in_pool(tail + 3 + args + n);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn define_in_pool(&mut self, word: usize) {
        let v = VReg(self.body.f.pool()[word]);
        let value = self.define(v);
        self.draft.def[value.index()] = self.draft.insts.len() as u32 - 1;
        self.body.f.arrays().pool[word] = value.0;
    }

    /// A new value of a register.
    fn define(&mut self, v: VReg) -> VReg {
        let value = self.new_value(self.f.ty(v), v);
        self.set(v, value);
        value
    }

    fn new_value(&mut self, ty: Type, home: VReg) -> VReg {
        self.draft.def.push(NONE);
        self.draft.home.push(home.0);
        self.body.value(ty)
    }

    fn set(&mut self, v: VReg, value: VReg) {
        let old = std::mem::replace(&mut self.current[v.index()], value);
        // Without a branch: which registers are spread is not to be guessed.
        let kept = self.undo.len() + place::is_spread(self.f.vregs()[v.index()]) as usize;
        self.undo.push((v, old));
        self.undo.truncate(kept);
    }
}
