//! Dead code: values that nothing reads, and what computes them without effect.
//!
//! Marks what has an effect and, from there, all that it reads; a parameter that is read marks its arguments. So the
//! counters of loops that count for nothing go too. One walk from the back to the front marks nearly all: values are
//! read behind the place where they are given, but for arguments of edges that go back. Then one copy, in place, if
//! anything goes. O(instructions + arguments).

use super::body::Body;
use kiln_ir::function::aux;
use kiln_ir::op::Effect;
use kiln_ir::{Block, Inst, InstData, Op, VReg};

/// Memory of the sweep.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// For each value what gives it: an instruction, or [`PARAM`] and a parameter's place, or [`NONE`].
    def: Vec<u32>,
    live: Vec<bool>,
    /// For each instruction whether it stays.
    stays: Vec<bool>,
    /// Values found to be read after the walk has passed what gives them.
    work: Vec<VReg>,
    /// For each parameter its block.
    block_of: Vec<Block>,
    /// For each block where the edges to it start, and for each of those where its arguments are.
    edge_start: Vec<u32>,
    incoming: Vec<u32>,
    /// The arguments after the sweep.
    args: Vec<VReg>,
}

const NONE: u32 = u32::MAX;
const PARAM: u32 = 1 << 31;

/// Whether an instruction may be left out if nothing reads what it gives: it has no effect, and nobody is to see that it
/// traps.
pub fn may_go(inst: &InstData) -> bool {
    match inst.op.effect() {
        Effect::pure => match inst.op {
            Op::Prefetch => false,
            Op::Udiv | Op::Srem | Op::Urem => inst.has_imm() && inst.b != 0,
            Op::Sdiv => inst.has_imm() && !matches!(inst.b as i32, 0 | -1),
            Op::FtoSi | Op::FtoUi => false,
            _ => true,
        },
        Effect::reads => inst.aux & (aux::VOLATILE | aux::PRECISE) == 0,
        Effect::writes | Effect::call | Effect::control | Effect::terminator => false,
    }
}

/// Takes dead code out of a body, and counts anew what its values are used for.
pub fn sweep(body: &mut Body, scratch: &mut Scratch) {
    scratch.define(body);
    scratch.mark(body);
    if scratch.stays.contains(&false) {
        scratch.drop_insts(body);
    }
    if body.params.iter().any(|param| !scratch.live[param.index()]) {
        scratch.drop_params(body);
    }
    body.f.recount();
}

impl Scratch {
    fn define(&mut self, body: &Body) {
        let values = body.f.vregs().len();
        self.def.clear();
        self.def.resize(values, NONE);
        self.live.clear();
        self.live.resize(values, false);
        for (inst, at) in body.f.insts().iter().zip(0u32..) {
            body.f.for_each_def(inst, |v| self.def[v.index()] = at);
        }
        for (param, at) in body.params.iter().zip(0u32..) {
            self.def[param.index()] = PARAM | at;
        }
        self.block_of.clear();
        for block in 0..body.blocks() {
            self.block_of.resize(body.param_start[block as usize + 1] as usize, Block(block));
        }
        self.edge_start.clear();
        self.edge_start.resize(body.blocks() as usize + 1, 0);
        body.edges.iter().for_each(|edge| self.edge_start[edge.to.index()] += 1);
        let mut end = 0;
        for start in &mut self.edge_start {
            end += *start;
            *start = end;
        }
        self.incoming.clear();
        self.incoming.resize(end as usize, 0);
        for edge in &body.edges {
            let at = &mut self.edge_start[edge.to.index()];
            *at -= 1;
            self.incoming[*at as usize] = edge.args;
        }
    }

    /// Notes that a value is read. What the walk, which is at `from`, has yet to come to needs no place in the list;
    /// parameters, greater than all instructions, always have one.
    #[inline]
    fn read(&mut self, v: VReg, from: u32) {
        if !std::mem::replace(&mut self.live[v.index()], true) && self.def[v.index()] >= from {
            self.work.push(v);
        }
    }

    fn mark(&mut self, body: &Body) {
        let insts = body.f.insts();
        self.stays.clear();
        self.stays.resize(insts.len(), false);
        for entry in body.f.entries() {
            entry.params.iter().for_each(|v| self.read(*v, 0));
        }
        for (at, inst) in insts.iter().enumerate().rev() {
            let mut stays = !may_go(inst);
            if !stays {
                body.f.for_each_def(inst, |v| stays |= self.live[v.index()]);
            }
            if stays {
                self.stays[at] = true;
                body.f.for_each_use(inst, |v| self.read(v, at as u32));
            }
            while let Some(v) = self.work.pop() {
                self.go_back(body, v, at as u32);
            }
        }
    }

    /// Marks what a value needs that is given by a parameter, or by an instruction that the walk has passed.
    fn go_back(&mut self, body: &Body, v: VReg, from: u32) {
        match self.def[v.index()] {
            NONE => {}
            param if param & PARAM != 0 => {
                let param = param & !PARAM;
                let block = self.block_of[param as usize].index();
                let place = param - body.param_start[block];
                for edge in self.edge_start[block]..self.edge_start[block + 1] {
                    let args = self.incoming[edge as usize];
                    self.read(body.args[(args + place) as usize], from);
                }
            }
            at => {
                if !std::mem::replace(&mut self.stays[at as usize], true) {
                    body.f.for_each_use(&body.f.insts()[at as usize], |v| self.read(v, from));
                }
            }
        }
    }

    fn drop_insts(&mut self, body: &mut Body) {
        let mut kept = 0u32;
        let mut edge = 0;
        for block in 0..body.blocks() {
            let range = body.f.block_range(Block(block));
            // The ranges of the blocks behind this one are still the old ones.
            body.f.arrays().blocks[block as usize].start = kept;
            for at in range {
                if !self.stays[at] {
                    continue;
                }
                while let Some(edge_here) = body.edges.get_mut(edge).filter(|edge| edge.inst.index() == at) {
                    edge_here.inst = Inst(kept);
                    edge += 1;
                }
                let insts = body.f.arrays().insts;
                insts[kept as usize] = insts[at];
                body.origins[kept as usize] = body.origins[at];
                kept += 1;
            }
        }
        body.f.arrays().insts.truncate(kept as usize);
        body.origins.truncate(kept as usize);
    }

    fn drop_params(&mut self, body: &mut Body) {
        self.args.clear();
        for at in 0..body.edges.len() {
            let edge = body.edges[at];
            body.edges[at].args = self.args.len() as u32;
            let params = body.params_of(edge.to);
            for (param, arg) in params.iter().zip(&body.args[edge.args as usize..]) {
                if self.live[param.index()] {
                    self.args.push(*arg);
                }
            }
        }
        std::mem::swap(&mut self.args, &mut body.args);
        let mut kept = 0;
        let mut start = 0;
        for block in 0..body.blocks() as usize {
            let end = body.param_start[block + 1];
            body.param_start[block] = kept;
            for at in start..end {
                let param = body.params[at as usize];
                if self.live[param.index()] {
                    body.params[kept as usize] = param;
                    kept += 1;
                }
            }
            start = end;
        }
        let blocks = body.blocks() as usize;
        body.param_start[blocks] = kept;
        body.params.truncate(kept as usize);
    }
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
