//! A function in SSA form: what the passes of the optimizing compiler read and rewrite.
//!
//! It is written with the IR's own records, so that op table, accessors and the printer serve it as they are. What
//! differs: a virtual register of the record is a *value*, written once; blocks take values as *parameters*, and the
//! *edges* between blocks carry arguments for them (so there are no phis, and no order among them); and the edges alone
//! say where control goes, the layout says nothing.
//!
//! Invariants, which [`Body::check`] re-derives:
//! - A value is a parameter of the function, a parameter of one block, or written by one instruction; and what writes
//!   it dominates what reads it. An edge's arguments are read where its instruction stands.
//! - The edges of a block stand in the order of its instructions. An instruction has one edge per distinct target; but a
//!   `branch` always two, the first to the block that it names, the second to where it goes otherwise. Of a `switch` the
//!   default comes first. An instruction's block operands name the targets of its edges.
//! - An edge has an argument for each parameter of its target, of the same type (pointers and integers of their width are one).
//! - Block 0 has neither parameters nor edges to it: the function's parameters are written before it.
//! - All jumps through one label set go through its *dispatch block*, whose only instruction is the `jump_to` of that set.
//! - A further entry names a block without edges to it, whose parameters are the entry's, in order.
//! - A cold edge goes to a block marked cold.
//!
//! Passes rewrite by copying: they take the body apart, and write a new one through [`Writer`] block by block. Tails in the
//! side pool stay where they are. O(instructions).

use super::operands::map_blocks;
use kiln_ir::function::{BlockData, VRegInfo};
use kiln_ir::op::{Op, Shape};
use kiln_ir::{Block, Function, Inst, InstData, Module, Type, VReg};
use std::fmt;

/// A way from block to block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// The instruction that goes this way.
    pub inst: Inst,
    /// Where to.
    pub to: Block,
    /// Where its arguments start in [`Body::args`]: as many as the target has parameters.
    pub args: u32,
}

/// Where an instruction comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The instruction, of the function that was compiled or of the one that was inlined.
    pub inst: Inst,
    /// Through which calls it came here: a row of the table of inlined calls, or [`Origin::OWN`].
    pub site: u32,
}

impl Origin {
    /// Stands for "the function's own instruction".
    pub const OWN: u32 = u32::MAX;

    /// An instruction of the function itself.
    pub const fn own(inst: Inst) -> Origin {
        Origin { inst, site: Origin::OWN }
    }
}

/// Where the instructions of a function in register form come from.
#[derive(Clone, Copy, Debug)]
pub enum Origins<'a> {
    /// From themselves: it is the source.
    Own,
    /// From here, one after the other.
    Listed(&'a [Origin]),
}

impl Origins<'_> {
    /// Where the instruction at a position comes from.
    #[inline]
    pub fn of(self, at: usize) -> Origin {
        match self {
            Origins::Own => Origin::own(Inst(at as u32)),
            Origins::Listed(origins) => origins[at],
        }
    }
}

/// A function in SSA form.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// Records, values (as virtual registers), blocks, slots, label sets, entries. Positions are not kept: see `origins`.
    pub f: Function,
    /// The source's blocks whose addresses stand in data, ascending, and for each the block that has its address here.
    /// Passes keep these blocks as they keep those of label sets.
    pub labels: Vec<(Block, Block)>,
    /// For each instruction, where it comes from.
    pub origins: Vec<Origin>,
    /// Where each block's parameters start, and one more.
    pub param_start: Vec<u32>,
    /// The parameters of all blocks.
    pub params: Vec<VReg>,
    /// Where each block's edges start, and one more.
    pub edge_start: Vec<u32>,
    /// The edges of all blocks.
    pub edges: Vec<Edge>,
    /// The arguments of all edges.
    pub args: Vec<VReg>,
    /// For each block the power of two that its code is aligned to, by the layout. Empty before: nothing is aligned.
    pub align: Vec<u8>,
}

/// What a list of all blocks has for one of them, by where each block's part starts.
#[inline]
fn of_block<'l, T>(list: &'l [T], start: &[u32], block: Block) -> &'l [T] {
    let at = block.index();
    &list[start[at] as usize..start[at + 1] as usize]
}

/// The arguments of an edge: as many as the block that it goes to has parameters.
#[inline]
fn of_edge<'l>(args: &'l [VReg], param_start: &[u32], edge: &Edge) -> &'l [VReg] {
    let at = edge.to.index();
    let count = param_start[at + 1] - param_start[at];
    &args[edge.args as usize..(edge.args + count) as usize]
}

impl Body {
    /// The parameters of a block.
    #[inline]
    pub fn params_of(&self, block: Block) -> &[VReg] {
        of_block(&self.params, &self.param_start, block)
    }

    /// The edges that leave a block.
    #[inline]
    pub fn edges_of(&self, block: Block) -> &[Edge] {
        of_block(&self.edges, &self.edge_start, block)
    }

    /// The arguments of an edge.
    #[inline]
    pub fn args_of(&self, edge: &Edge) -> &[VReg] {
        of_edge(&self.args, &self.param_start, edge)
    }

    /// The edges of one instruction of a block.
    pub fn edges_at(&self, block: Block, inst: Inst) -> &[Edge] {
        let edges = self.edges_of(block);
        let first = edges.partition_point(|edge| edge.inst < inst);
        let after = edges.partition_point(|edge| edge.inst <= inst);
        &edges[first..after]
    }

    /// Number of blocks.
    #[inline]
    pub fn blocks(&self) -> u32 {
        self.f.blocks().len() as u32
    }

    /// Empties it for the next function and keeps its memory.
    pub fn clear(&mut self) {
        self.f.clear();
        self.labels.clear();
        self.origins.clear();
        self.param_start.clear();
        self.params.clear();
        self.edge_start.clear();
        self.edges.clear();
        self.args.clear();
        self.align.clear();
    }

    /// Makes room for so many instructions, edges and arguments of edges in all.
    pub fn make_room(&mut self, insts: usize, edges: usize, args: usize) {
        let arrays = self.f.arrays();
        arrays.insts.reserve_exact(insts.saturating_sub(arrays.insts.len()));
        self.origins.reserve_exact(insts.saturating_sub(self.origins.len()));
        self.edges.reserve_exact(edges.saturating_sub(self.edges.len()));
        self.args.reserve_exact(args.saturating_sub(self.args.len()));
    }

    /// Makes room for so many blocks and parameters of blocks in all.
    pub fn make_room_for_blocks(&mut self, blocks: usize, params: usize) {
        let starts = blocks + 1;
        let list = self.f.arrays().blocks;
        list.reserve_exact(blocks.saturating_sub(list.len()));
        self.param_start.reserve_exact(starts.saturating_sub(self.param_start.len()));
        self.edge_start.reserve_exact(starts.saturating_sub(self.edge_start.len()));
        self.params.reserve_exact(params.saturating_sub(self.params.len()));
    }

    /// A new value. Nothing writes it yet.
    #[inline]
    pub fn value(&mut self, ty: Type) -> VReg {
        let vregs = self.f.arrays().vregs;
        vregs.push(VRegInfo::new(ty));
        VReg(vregs.len() as u32 - 1)
    }

    /// Checks the invariants of the form, but for dominance; says what is broken. For tests and debug builds.
    ///
    /// # Errors
    /// The first broken invariant, in words.
    pub fn check(&self) -> Result<(), String> {
        let (blocks, values) = (self.blocks() as usize, self.f.vregs().len());
        let sizes = [self.param_start.len(), self.edge_start.len()];
        if sizes != [blocks + 1; 2] || self.origins.len() != self.f.insts().len() {
            return Err(format!("the tables' sizes differ: {blocks} blocks, {values} values, {sizes:?}"));
        }
        let mut written = vec![false; values];
        let mut write = |v: VReg, what: &str| match std::mem::replace(&mut written[v.index()], true) {
            true => Err(format!("%{} is written twice, the second time as {what}", v.0)),
            false => Ok(()),
        };
        (0..self.f.params()).try_for_each(|n| write(VReg(n), "a parameter"))?;
        for b in 0..blocks as u32 {
            let block = Block(b);
            self.params_of(block).iter().try_for_each(|v| write(*v, "a block's parameter"))?;
            for at in self.f.block_range(block) {
                let mut result = Ok(());
                self.f.for_each_def(&self.f.insts()[at], |v| {
                    result = std::mem::replace(&mut result, Ok(())).and_then(|()| write(v, "a result"));
                });
                result?;
            }
        }
        let read = |v: VReg, at: usize| match written.get(v.index()) {
            Some(true) => Ok(()),
            _ => Err(format!("instruction {at} reads %{}, which nothing writes", v.0)),
        };
        for b in 0..blocks as u32 {
            let block = Block(b);
            let range = self.f.block_range(block);
            if range.is_empty() {
                return Err(format!("block {b} is empty"));
            }
            let mut edges = self.edges_of(block).iter().peekable();
            for at in range.clone() {
                let inst = &self.f.insts()[at];
                if inst.op.is_terminator() != (at + 1 == range.end) {
                    return Err(format!("instruction {at} of block {b}: {:?} stands wrongly", inst.op));
                }
                let mut result = Ok(());
                self.f.for_each_use(inst, |v| {
                    if result.is_ok() {
                        result = read(v, at);
                    }
                });
                result?;
                let mut targets = Vec::new();
                self.f.for_each_target(inst, |t| targets.push(t));
                let mut mine = Vec::new();
                while let Some(edge) = edges.next_if(|edge| edge.inst.index() == at) {
                    mine.push(edge.to);
                    let params = self.params_of(edge.to);
                    for (arg, param) in self.args_of(edge).iter().zip(params) {
                        read(*arg, at)?;
                        if !self.f.ty(*param).accepts(self.f.ty(*arg)) {
                            return Err(format!("%{} goes to %{} of another type", arg.0, param.0));
                        }
                    }
                    if edge.to.0 == 0 || self.f.entries().iter().any(|entry| entry.block == edge.to) {
                        return Err(format!(
                            "block {b} goes to {:?}, which is entered from outside",
                            edge.to
                        ));
                    }
                }
                if matches!(inst.op.shape(), Shape::Branch | Shape::FBranch) {
                    if mine.len() != 2 || mine[0].0 != inst.dst {
                        return Err(format!("the branch {at} of block {b} has the edges {mine:?}"));
                    }
                    continue;
                }
                targets.sort_unstable();
                targets.dedup();
                mine.sort_unstable();
                if targets != mine {
                    return Err(format!(
                        "instruction {at} of block {b} names {targets:?}, its edges {mine:?}"
                    ));
                }
            }
            if let Some(edge) = edges.next() {
                return Err(format!("{edge:?} of block {b} belongs to no instruction of it"));
            }
        }
        for entry in self.f.entries() {
            if self.params_of(entry.block) != entry.params {
                return Err(format!("the entry {:?} has other parameters than its block", entry.func));
            }
        }
        Ok(())
    }

    /// The text of the body, for people: `.kiln` with block parameters and explicit edges.
    pub fn show<'b>(&'b self, module: &'b Module) -> Shown<'b> {
        Shown { body: self, module }
    }
}

/// Writes a body from front to back: blocks in order, each begun, filled with instructions and its edges. The new body's
/// values, slots, label sets, entries and pool are those that the body was made with.
#[derive(Debug)]
pub struct Writer<'b> {
    /// What has been written so far.
    pub body: &'b mut Body,
}

impl<'b> Writer<'b> {
    /// Starts over: the body keeps its values, pool, slots, label sets and entries, and loses blocks, instructions,
    /// parameters and edges, which the caller took out before with [`Body::take_code`].
    pub fn new(body: &'b mut Body) -> Writer<'b> {
        Writer { body }
    }

    /// Begins the next block, which is cold and aligned as another one.
    pub fn block(&mut self, like: BlockData, params: impl IntoIterator<Item = VReg>) -> Block {
        let body = &mut *self.body;
        body.param_start.push(body.params.len() as u32);
        body.params.extend(params);
        body.edge_start.push(body.edges.len() as u32);
        let arrays = body.f.arrays();
        arrays.blocks.push(BlockData { start: arrays.insts.len() as u32, ..like });
        Block(arrays.blocks.len() as u32 - 1)
    }

    /// Appends an instruction to the block.
    #[inline]
    pub fn push(&mut self, inst: InstData, origin: Origin) -> Inst {
        let insts = self.body.f.arrays().insts;
        insts.push(inst);
        let at = Inst(insts.len() as u32 - 1);
        self.body.origins.push(origin);
        at
    }

    /// Appends instructions without their edges; gives the position of the first.
    #[inline]
    pub fn copy_code(&mut self, insts: &[InstData], origins: &[Origin]) -> u32 {
        let all = self.body.f.arrays().insts;
        let first = all.len() as u32;
        all.extend_from_slice(insts);
        self.body.origins.extend_from_slice(origins);
        first
    }

    /// Adds an edge of the instruction appended last.
    pub fn edge(&mut self, to: Block, args: impl IntoIterator<Item = VReg>) {
        let body = &mut *self.body;
        let inst = Inst(body.f.insts().len() as u32 - 1);
        body.edges.push(Edge { inst, to, args: body.args.len() as u32 });
        body.args.extend(args);
    }

    /// Appends all code of a block that was taken out, with other numbers for the blocks that it names.
    pub fn copy(&mut self, taken: &Taken, block: Block, to: impl Fn(Block) -> Block) {
        let body = &mut *self.body;
        let range = taken.block_range(block);
        let arrays = body.f.arrays();
        let start = arrays.insts.len();
        arrays.insts.extend_from_slice(&taken.insts[range.clone()]);
        body.origins.extend_from_slice(&taken.origins[range.clone()]);
        let mut named = Inst::NONE;
        for edge in taken.edges_of(block) {
            let inst = Inst((edge.inst.index() - range.start + start) as u32);
            if std::mem::replace(&mut named, inst) != inst {
                map_blocks(&mut arrays.insts[inst.index()], arrays.pool, &to);
            }
            body.edges.push(Edge { inst, to: to(edge.to), args: body.args.len() as u32 });
            body.args.extend_from_slice(taken.args_of(edge));
        }
        if taken.names_labels {
            for inst in arrays.insts[start..].iter_mut().filter(|inst| inst.op == Op::LabelAddr) {
                inst.a = to(Block(inst.a)).0;
            }
        }
    }

    /// Ends the last block.
    pub fn end(self) {
        self.body.param_start.push(self.body.params.len() as u32);
        self.body.edge_start.push(self.body.edges.len() as u32);
    }
}

/// The code of a body that a pass took out to write it anew.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// The instructions.
    pub insts: Vec<InstData>,
    /// The blocks.
    pub blocks: Vec<BlockData>,
    /// See [`Body::origins`].
    pub origins: Vec<Origin>,
    /// See [`Body::param_start`].
    pub param_start: Vec<u32>,
    /// See [`Body::params`].
    pub params: Vec<VReg>,
    /// See [`Body::edge_start`].
    pub edge_start: Vec<u32>,
    /// See [`Body::edges`].
    pub edges: Vec<Edge>,
    /// See [`Body::args`].
    pub args: Vec<VReg>,
    /// Whether instructions name blocks without going there.
    pub names_labels: bool,
}

impl Taken {
    /// The instructions of a block, as a range of positions.
    #[inline]
    pub fn block_range(&self, block: Block) -> std::ops::Range<usize> {
        let end = self.blocks.get(block.index() + 1).map_or(self.insts.len(), |b| b.start as usize);
        self.blocks[block.index()].start as usize..end
    }

    /// The parameters of a block.
    #[inline]
    pub fn params_of(&self, block: Block) -> &[VReg] {
        of_block(&self.params, &self.param_start, block)
    }

    /// The edges that leave a block.
    #[inline]
    pub fn edges_of(&self, block: Block) -> &[Edge] {
        of_block(&self.edges, &self.edge_start, block)
    }

    /// The arguments of an edge.
    #[inline]
    pub fn args_of(&self, edge: &Edge) -> &[VReg] {
        of_edge(&self.args, &self.param_start, edge)
    }
}

impl Body {
    /// Exchanges the body's code with the (old, emptied) contents of `taken`, so that both keep their memory from pass to
    /// pass. The body keeps its values, pool, slots, label sets and entries; write the new code through [`Writer`].
    pub fn take_code(&mut self, taken: &mut Taken) {
        let arrays = self.f.arrays();
        std::mem::swap(arrays.insts, &mut taken.insts);
        std::mem::swap(arrays.blocks, &mut taken.blocks);
        arrays.insts.clear();
        arrays.blocks.clear();
        macro_rules! swap {
            ($($field:ident)*) => { $(
                std::mem::swap(&mut self.$field, &mut taken.$field);
                self.$field.clear();
            )* };
        }
        taken.names_labels = taken.insts.iter().any(|inst| inst.op == Op::LabelAddr);
        swap!(origins param_start params edge_start edges args);
        self.make_room(taken.insts.len(), taken.edges.len(), taken.args.len());
        self.make_room_for_blocks(taken.blocks.len(), taken.params.len());
    }
}

/// A body as text, by its `Display`.
#[derive(Debug)]
pub struct Shown<'b> {
    body: &'b Body,
    module: &'b Module,
}

impl Shown<'_> {
    fn edge(&self, out: &mut fmt::Formatter<'_>, edge: &Edge) -> fmt::Result {
        write!(out, ".{}", edge.to.0)?;
        let args = self.body.args_of(edge);
        if !args.is_empty() {
            let args: Vec<String> = args.iter().map(|v| format!("%{}", v.0)).collect();
            write!(out, "({})", args.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body;
        for b in 0..body.blocks() {
            let block = Block(b);
            write!(out, "{}.{b}", if body.f.blocks()[block.index()].cold { "cold " } else { "" })?;
            let params: Vec<String> =
                body.params_of(block).iter().map(|v| format!("%{}: {}", v.0, body.f.ty(*v))).collect();
            if !params.is_empty() {
                write!(out, "({})", params.join(", "))?;
            }
            writeln!(out, ":")?;
            for at in body.f.block_range(block) {
                let inst = &body.f.insts()[at];
                let text = kiln_ir::text::print(self.module).inst_of(&body.f, Inst(at as u32)).to_string();
                let edges = body.edges_at(block, Inst(at as u32));
                if inst.op == Op::Jump {
                    write!(out, "    jump    ")?;
                } else {
                    write!(out, "    {}", text.trim_end())?;
                }
                for (n, edge) in edges.iter().enumerate() {
                    match (inst.op, n) {
                        (Op::Jump, _) => {}
                        (_, 0) => write!(out, "  -> ")?,
                        _ => write!(out, ", ")?,
                    }
                    self.edge(out, edge)?;
                }
                writeln!(out)?;
            }
        }
        Ok(())
    }
}
