//! Dead code: values that nothing reads, and what computes them without effect.
//!
//! Marks what has an effect and, from there, all that it reads; a parameter that is read marks its arguments. So the
//! counters of loops that count for nothing go too. Then one copy, in place. O(instructions + arguments).

use super::body::Body;
use kiln_ir::function::aux;
use kiln_ir::op::{Effect, Field, Role};
use kiln_ir::{Function, Inst, InstData, Op, VReg};

/// Memory of the sweep.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// For each value what gives it: an instruction, or [`PARAM`] and a parameter's place, or [`NONE`].
    def: Vec<u32>,
    live: Vec<bool>,
    work: Vec<VReg>,
    /// For each parameter where its arguments start, and the arguments of all.
    arg_start: Vec<u32>,
    incoming: Vec<VReg>,
    /// For each instruction its place after the sweep.
    moved: Vec<Inst>,
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

/// Calls `with` with each value that an instruction gives.
#[inline]
fn for_each_def(f: &Function, inst: &InstData, mut with: impl FnMut(VReg)) {
    match inst.op.shape().operands() {
        // One result, and nothing that has one follows: nearly all.
        [(Field::Dst, Role::Def(_)), (Field::A, _) | (Field::B, _), ..] | [(Field::Dst, Role::Def(_))] => {
            with(VReg(inst.dst));
        }
        _ => f.for_each_def(inst, with),
    }
}

/// Takes dead code out of a body, and counts anew what its values are used for.
pub fn sweep(body: &mut Body, scratch: &mut Scratch) {
    scratch.define(body);
    scratch.mark(body);
    scratch.compact(body);
    body.f.recount();
}

impl Scratch {
    fn define(&mut self, body: &Body) {
        let values = body.f.vregs().len();
        self.def.clear();
        self.def.resize(values, NONE);
        self.live.clear();
        self.live.resize(values, false);
        for (at, inst) in body.f.insts().iter().enumerate() {
            for_each_def(&body.f, inst, |v| self.def[v.index()] = at as u32);
        }
        for (at, param) in body.params.iter().enumerate() {
            self.def[param.index()] = PARAM | at as u32;
        }
        self.arg_start.clear();
        self.arg_start.resize(body.params.len() + 1, 0);
        for edge in &body.edges {
            let first = body.param_start[edge.to.index()] as usize;
            let count = body.params_of(edge.to).len();
            self.arg_start[first..first + count].iter_mut().for_each(|start| *start += 1);
        }
        let mut end = 0;
        for start in &mut self.arg_start {
            end += *start;
            *start = end;
        }
        self.incoming.clear();
        self.incoming.resize(end as usize, VReg::NONE);
        for edge in &body.edges {
            let first = body.param_start[edge.to.index()] as usize;
            for (n, arg) in body.args_of(edge).iter().enumerate() {
                let at = &mut self.arg_start[first + n];
                *at -= 1;
                self.incoming[*at as usize] = *arg;
            }
        }
    }

    fn mark(&mut self, body: &Body) {
        let Scratch { def, live, work, arg_start, incoming, .. } = self;
        let mut read = |work: &mut Vec<VReg>, v: VReg| {
            if !std::mem::replace(&mut live[v.index()], true) {
                work.push(v);
            }
        };
        for inst in body.f.insts().iter().filter(|inst| !may_go(inst)) {
            body.f.for_each_use(inst, |v| read(work, v));
        }
        for entry in body.f.entries() {
            entry.params.iter().for_each(|v| read(work, *v));
        }
        while let Some(v) = work.pop() {
            match def[v.index()] {
                NONE => {}
                param if param & PARAM != 0 => {
                    let at = (param & !PARAM) as usize;
                    let args = &incoming[arg_start[at] as usize..arg_start[at + 1] as usize];
                    args.iter().for_each(|arg| read(work, *arg));
                }
                at => {
                    let inst = &body.f.insts()[at as usize];
                    // What has an effect has been marked.
                    if may_go(inst) {
                        body.f.for_each_use(inst, |v| read(work, v));
                    }
                }
            }
        }
    }

    fn compact(&mut self, body: &mut Body) {
        self.moved.clear();
        let mut kept = 0u32;
        for at in 0..body.f.insts().len() {
            let inst = body.f.insts()[at];
            self.moved.push(Inst(kept));
            let mut stays = !may_go(&inst);
            if !stays {
                for_each_def(&body.f, &inst, |v| stays |= self.live[v.index()]);
            }
            if stays {
                body.f.arrays().insts[kept as usize] = inst;
                body.origins[kept as usize] = body.origins[at];
                kept += 1;
            }
        }
        let arrays = body.f.arrays();
        arrays.insts.truncate(kept as usize);
        body.origins.truncate(kept as usize);
        arrays.blocks.iter_mut().for_each(|block| block.start = self.moved[block.start as usize].0);
        self.args.clear();
        for at in 0..body.edges.len() {
            let edge = body.edges[at];
            body.edges[at].inst = self.moved[edge.inst.index()];
            body.edges[at].args = self.args.len() as u32;
            let first = edge.args as usize;
            let params = &body.params
                [body.param_start[edge.to.index()] as usize..body.param_start[edge.to.index() + 1] as usize];
            for (param, arg) in params.iter().zip(&body.args[first..]) {
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
