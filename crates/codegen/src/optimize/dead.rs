//! Dead code: values that nothing reads, and what computes them without effect.
//!
//! Marks what has an effect and, from there, all that it reads; a parameter that is read marks its arguments. So the
//! counters of loops that count for nothing go too. One walk from the back to the front marks nearly all: values are
//! read behind the place where they are given, but for arguments of edges that go back. Then one copy, in place, if
//! anything goes. O(instructions + arguments).

use super::body::{Body, Origin};
use super::lent::{Borrower, Lent, fill};
use kiln_ir::function::aux;
use kiln_ir::op::{Effect, Mentions};
use kiln_ir::{Block, Inst, InstData, Op, VReg};
use std::ops::Range;

/// Memory of the sweep.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// For each value [`READ`], [`UNREAD`], or, if the walk has passed what gives it and nothing was known to read it: the
    /// instruction, or [`PARAM`] and the parameter's place.
    state: Vec<u32>,
    /// For each instruction whether it stays.
    stays: Vec<bool>,
    /// What gives values that were found to be read after the walk had passed it.
    work: Vec<u32>,
    /// For each block where the edges to it start, and for each of those where its arguments are.
    edge_start: Vec<u32>,
    incoming: Vec<u32>,
    /// The arguments after the sweep.
    args: Vec<VReg>,
}

impl Borrower for Scratch {
    fn exchange(&mut self, lent: &mut Lent) {
        lent.words(0, [&mut self.state, &mut self.incoming, &mut self.edge_start]);
        lent.bits([&mut self.stays]);
        std::mem::swap(&mut self.args, &mut lent.taken.args);
    }
}

const UNREAD: u32 = u32::MAX;
const READ: u32 = u32::MAX - 1;
const PARAM: u32 = 1 << 31;

/// Whether an instruction may be left out if nothing reads what it gives: it has no effect, and nobody is to see that it
/// traps.
#[inline]
pub fn may_go(inst: &InstData) -> bool {
    let when = WHEN[inst.op as usize];
    when == ALWAYS || when == SOMETIMES && may_this_go(inst)
}

/// Of an op of which some instructions may be left out, whether this one may.
fn may_this_go(inst: &InstData) -> bool {
    match inst.op {
        Op::Sdiv => inst.has_imm() && !matches!(inst.b as i32, 0 | -1),
        Op::Udiv | Op::Srem | Op::Urem => inst.has_imm() && inst.b != 0,
        _ => inst.aux & (aux::VOLATILE | aux::PRECISE | aux::KEEP) == 0,
    }
}

/// When instructions may be left out, by the numbers of ops.
static WHEN: [u8; 256] = {
    let mut table = [NEVER; 256];
    let mut i = 0;
    while i < Op::ALL.len() {
        let op = Op::ALL[i];
        table[op as usize] = match op.effect() {
            Effect::pure => match op {
                Op::Prefetch | Op::FtoSi | Op::FtoUi => NEVER,
                Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => SOMETIMES,
                _ => ALWAYS,
            },
            Effect::reads => SOMETIMES,
            Effect::writes | Effect::call | Effect::control | Effect::terminator => NEVER,
        };
        i += 1;
    }
    table
};

const NEVER: u8 = 0;
const ALWAYS: u8 = 1;
const SOMETIMES: u8 = 2;

/// Takes dead code out of a body.
pub fn sweep(body: &mut Body, lent: &mut Lent) {
    let mut scratch = std::mem::take(&mut lent.dead);
    lent.with(&mut scratch, |scratch, _| scratch.sweep(body));
    lent.dead = scratch;
}

impl Scratch {
    fn sweep(&mut self, body: &mut Body) {
        self.find_incoming(body);
        self.mark(body);
        drop_insts(body, &self.stays);
        if body.params.iter().any(|param| self.state[param.index()] != READ) {
            self.drop_params(body);
        }
    }

    fn find_incoming(&mut self, body: &Body) {
        fill(&mut self.edge_start, body.blocks() as usize + 1, 0);
        body.edges.iter().for_each(|edge| self.edge_start[edge.to.index()] += 1);
        let mut end = 0;
        for start in &mut self.edge_start {
            end += *start;
            *start = end;
        }
        fill(&mut self.incoming, end as usize, 0);
        for edge in &body.edges {
            let at = &mut self.edge_start[edge.to.index()];
            *at -= 1;
            self.incoming[*at as usize] = edge.args;
        }
    }

    /// Notes that a value is read. What the walk has yet to come to needs no place in the list.
    #[inline]
    fn read(&mut self, v: VReg) {
        let state = std::mem::replace(&mut self.state[v.index()], READ);
        if state < READ {
            self.work.push(state);
        }
    }

    fn mark(&mut self, body: &Body) {
        let f = &body.f;
        let insts = f.insts();
        // Stands for what an instruction does not read, so that no branch is spent on it.
        let nobody = VReg(f.vregs().len() as u32);
        fill(&mut self.state, f.vregs().len() + 1, UNREAD);
        self.state[nobody.index()] = READ;
        fill(&mut self.stays, insts.len(), false);
        for entry in f.entries() {
            entry.params.iter().for_each(|v| self.read(*v));
        }
        for block in (0..body.blocks()).rev().map(Block) {
            for at in f.block_range(block).rev() {
                let inst = &insts[at];
                if !may_go(inst) || self.gives_what_is_read(body, inst) {
                    self.stays[at] = true;
                    f.for_each_use_or(inst, nobody, |v| self.read(v));
                } else {
                    f.for_each_def(inst, |v| self.state[v.index()] = at as u32);
                }
                if !self.work.is_empty() {
                    self.go_back(body);
                }
            }
            let start = body.param_start[block.index()];
            for (param, place) in body.params_of(block).iter().zip(start..) {
                let state = &mut self.state[param.index()];
                if *state == READ {
                    self.read_args(body, block, place - start);
                } else {
                    *state = PARAM | place;
                }
            }
            self.go_back(body);
        }
    }

    #[inline]
    fn gives_what_is_read(&self, body: &Body, inst: &InstData) -> bool {
        let mentions = inst.op.mentions();
        if !mentions.has(Mentions::MORE_WRITES) {
            return mentions.has(Mentions::DST) && self.state[inst.dst as usize] == READ;
        }
        let mut read = false;
        body.f.for_each_def(inst, |v| read |= self.state[v.index()] == READ);
        read
    }

    /// Marks what is needed by what is in the list.
    fn go_back(&mut self, body: &Body) {
        while let Some(place) = self.work.pop() {
            if place & PARAM != 0 {
                let place = place & !PARAM;
                let block = body.param_start.partition_point(|start| *start <= place) as u32 - 1;
                self.read_args(body, Block(block), place - body.param_start[block as usize]);
            } else if !std::mem::replace(&mut self.stays[place as usize], true) {
                body.f.for_each_use(&body.f.insts()[place as usize], |v| self.read(v));
            }
        }
    }

    /// Notes that the arguments for a parameter of a block are read.
    fn read_args(&mut self, body: &Body, block: Block, param: u32) {
        for edge in self.edge_start[block.index()]..self.edge_start[block.index() + 1] {
            let args = self.incoming[edge as usize];
            self.read(body.args[(args + param) as usize]);
        }
    }

    fn drop_params(&mut self, body: &mut Body) {
        let Scratch { state, args, .. } = self;
        let stays = |param: VReg| state[param.index()] == READ;
        fill(args, body.args.len(), VReg::NONE);
        let mut kept = 0;
        for edge in &mut body.edges {
            let to = edge.to.index();
            let params = &body.params[body.param_start[to] as usize..body.param_start[to + 1] as usize];
            let old = &body.args[edge.args as usize..];
            edge.args = kept as u32;
            for (param, arg) in params.iter().zip(old) {
                args[kept] = *arg;
                kept += stays(*param) as usize;
            }
        }
        args.truncate(kept);
        std::mem::swap(args, &mut body.args);
        let mut kept = 0;
        let mut start = 0;
        for block in 0..body.blocks() as usize {
            let end = body.param_start[block + 1];
            body.param_start[block] = kept;
            for at in start..end {
                let param = body.params[at as usize];
                body.params[kept as usize] = param;
                kept += stays(param) as u32;
            }
            start = end;
        }
        let blocks = body.blocks() as usize;
        body.param_start[blocks] = kept;
        body.params.truncate(kept as usize);
    }
}

/// Takes those instructions out of a body that do not stay. What leaves a block stays.
pub fn drop_insts(body: &mut Body, stays: &[bool]) {
    let Some(first) = stays.iter().position(|stays| !stays) else { return };
    let Body { f, origins, edges, .. } = body;
    let arrays = f.arrays();
    let mut kept = first;
    let mut at = first;
    let mut edges = edges.iter_mut().peekable();
    while edges.next_if(|edge| edge.inst.index() < first).is_some() {}
    let next = arrays.blocks.partition_point(|block| block.start as usize <= first);
    for next in next..=arrays.blocks.len() {
        let end = arrays.blocks.get(next).map_or(stays.len(), |block| block.start as usize);
        // Nearly all edges are those of a block's last instruction.
        while let Some(edge) = edges.next_if(|edge| edge.inst.index() + 1 < end) {
            let inst = edge.inst.index();
            kept = close_up(arrays.insts, origins, stays, at..inst, kept);
            at = inst;
            edge.inst = Inst(kept as u32);
        }
        kept = close_up(arrays.insts, origins, stays, at..end, kept);
        at = end;
        while let Some(edge) = edges.next_if(|edge| edge.inst.index() < end) {
            edge.inst = Inst(kept as u32 - 1);
        }
        if let Some(block) = arrays.blocks.get_mut(next) {
            block.start = kept as u32;
        }
    }
    arrays.insts.truncate(kept);
    origins.truncate(kept);
}

/// Moves the instructions of a range that stay down to this place; gives the place behind them.
#[inline]
fn close_up(
    insts: &mut [InstData],
    origins: &mut [Origin],
    stays: &[bool],
    range: Range<usize>,
    mut kept: usize,
) -> usize {
    for at in range {
        // Without a branch: what goes is not to be guessed.
        insts[kept] = insts[at];
        origins[kept] = origins[at];
        kept += stays[at] as usize;
    }
    kept
}

/// Copies the instructions of a range that stay to this place; gives the place behind them.
#[inline]
pub fn keep(
    new: &mut (&mut [InstData], &mut [Origin]),
    old: (&[InstData], &[Origin]),
    stays: &[bool],
    range: Range<usize>,
    mut kept: usize,
) -> usize {
    for at in range {
        (new.0[kept], new.1[kept]) = (old.0[at], old.1[at]);
        kept += stays[at] as usize;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_trap_stays_unless_it_cannot() {
        let divide =
            |op, b: i32| InstData { op, ty: kiln_ir::Type::I32, aux: aux::IMM, dst: 0, a: 0, b: b as u32 };
        assert!(may_go(&divide(Op::Sdiv, 7)) && may_go(&divide(Op::Srem, -1)));
        assert!(!may_go(&divide(Op::Sdiv, -1)) && !may_go(&divide(Op::Udiv, 0)));
        assert!(!may_go(&InstData { aux: 0, ..divide(Op::Udiv, 3) }));
        // Of the ops without effect only these may trap.
        for op in Op::ALL.iter().filter(|op| op.effect() == Effect::pure && !op.info().traps.is_empty()) {
            assert!(!may_go(&InstData { aux: 0, ..divide(*op, 3) }), "{op:?}");
        }
    }
}
