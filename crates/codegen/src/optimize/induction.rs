//! Induction addresses: what a loop computes anew in each round from its counters to get at memory becomes a register that
//! advances, or vanishes into the addressing mode.
//!
//! An address in an innermost loop is *linear* if it is made of counters (values that grow by an invariant each round) and
//! invariants by sums, products with invariants and shifts. If a counter as it is, scaled by 1, 2, 4 or 8, together
//! with one invariant makes the address, that is what machines do in the access: nothing to do. Otherwise:
//! - If the address grows by 1, 2, 4 or 8 times what one counter grows by, its invariant rest is computed in front of the
//!   loop and the counter becomes the index: `a[i*n + k]` costs nothing in the loop over `k`.
//! - Else, if what it takes now is a multiplication or two ops, a pointer is made that starts at the first round's address
//!   and advances at the end of each round: `b[k*n + j]` costs an addition in the loop over `k`.
//!
//! Only if all uses of the part of the address that goes are such accesses, so that its computation goes too; at most
//! [`POINTERS`] new values for a loop, since each takes a register. All arithmetic is modulo 2^64 on both sides, so nothing
//! has to be proved about overflow. Computations that are not needed any more are left for the backend, which does not
//! select what nobody reads.
//!
//! Needs preheaders, and invariants moved out ([`super::licm`]). Looks [`DEPTH`] definitions back: O(instructions).
//! Source: Cocke and Kennedy, "An Algorithm for Reduction of Operator Strength", CACM 20(11), 1977; the linear forms are
//! chains of recurrences of length 1 (Bachmann, Wang, Zima, ISSAC 1994), kept as the instructions that they are.

use super::cfg::Cfg;
use super::lent::{Borrower, Lent, fill};
use super::loops::Loops;
use super::preheaders::preheader;
use super::{Body, Taken, Writer};
use kiln_ir::function::aux;
use kiln_ir::op::{Op, Shape};
use kiln_ir::{Block, InstData, Mem, Type, VReg};

/// How many definitions back an address is followed.
pub const DEPTH: u32 = 5;
/// Headers with more parameters than this are left alone: a counter is looked up among them.
const PARAMS: usize = 64;
/// How many new values a loop gets.
pub const POINTERS: usize = 4;

/// What the pass remembers.
#[derive(Debug, Default)]
pub struct Scratch {
    /// For each value the instruction that writes it, or `u32::MAX`; and its block.
    def: Vec<u32>,
    block: Vec<u32>,
    /// For each value how often it is read, and how often as base or index of a load or store in an innermost loop.
    uses: Vec<u32>,
    places: Vec<u32>,
    plans: Vec<Plan>,
    /// For each block the plan whose preheader, header or latch it is.
    plan_of: Vec<[u32; 3]>,
    /// Instructions for preheaders, and for ends of latches: those of each plan in a run.
    before: Vec<InstData>,
    advance: Vec<InstData>,
    /// New parameters of headers with their first and next values.
    params: Vec<[VReg; 3]>,
    /// New addresses of loads and stores, in their order.
    changes: Vec<(u32, Mem)>,
}

impl Borrower for Scratch {
    fn exchange(&mut self, lent: &mut Lent) {
        lent.words(0, [&mut self.def, &mut self.block, &mut self.uses, &mut self.places]);
    }
}

/// What happens to a loop.
#[derive(Clone, Copy, Debug)]
struct Plan {
    number: u32,
    header: u32,
    /// The number of blocks.
    blocks: u32,
    preheader: u32,
    latch: u32,
    before: [u32; 2],
    advance: [u32; 2],
    params: [u32; 2],
    /// The positions of the edges into the header: from the preheader, from the latch.
    edges: [u32; 2],
}

/// What a value is in a loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// The same in every round.
    Invariant,
    /// A parameter of the header that grows by an invariant each round.
    Counter,
    /// Made of counters by a number of ops; whether there is a multiplication among them.
    Linear(u32, bool),
    Other,
}

/// A value or 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Term {
    Zero,
    Value(VReg),
}

/// What something grows by each round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Constant(i64),
    Value(VReg),
}

/// What counters are replaced by when an address is computed in front of the loop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Their values in the first round.
    Start,
    /// 0.
    Zero,
}

/// Rewrites addresses in innermost loops. Says whether there were any.
pub fn induction(
    body: &mut Body,
    cfg: &Cfg,
    loops: &Loops,
    scratch: &mut Scratch,
    taken: &mut Taken,
) -> bool {
    scratch.plans.clear();
    for (n, found) in loops.loops.iter().enumerate() {
        let innermost = loops.loops.get(n + 1).is_none_or(|inner| inner.parent != Some(n as u32));
        let many = body.params_of(found.header).len() > PARAMS;
        if !innermost || many || body.f.blocks()[found.header.index()].cold {
            continue;
        }
        let preds = cfg.preds(found.header);
        let Some(preheader) = preheader(body, cfg, loops, n as u32) else { continue };
        let [one, other] = preds else { continue };
        let (entry, back) = if one.from == preheader { (one, other) } else { (other, one) };
        // The latch's last instruction takes the way back; a cold edge does not.
        if body.edges[back.edge as usize].inst.index() + 1 != body.f.block_range(back.from).end {
            continue;
        }
        scratch.plans.push(Plan {
            number: n as u32,
            header: found.header.0,
            blocks: found.blocks,
            preheader: preheader.0,
            latch: back.from.0,
            before: [0; 2],
            advance: [0; 2],
            params: [0; 2],
            edges: [entry.edge, back.edge],
        });
    }
    if !scratch.any_linear(body, loops) {
        return false;
    }
    scratch.count(body);
    for n in 0..scratch.plans.len() {
        let mut plan = scratch.plans[n];
        let starts =
            [scratch.before.len(), scratch.advance.len(), scratch.params.len()].map(|len| len as u32);
        scratch.rewrite_loop(body, loops, &plan);
        plan.before = [starts[0], scratch.before.len() as u32];
        plan.advance = [starts[1], scratch.advance.len() as u32];
        plan.params = [starts[2], scratch.params.len() as u32];
        scratch.plans[n] = plan;
    }
    if scratch.changes.is_empty() {
        return false;
    }
    scratch.write(body, taken);
    true
}

impl Scratch {
    /// Whether any address in the planned loops is linear: in most programs none is, and then nothing has to be counted.
    fn any_linear(&mut self, body: &Body, loops: &Loops) -> bool {
        let f = &body.f;
        if self.plans.is_empty() {
            return false;
        }
        // What stands outside of its loop is invariant to it.
        for (table, with) in [(&mut self.def, u32::MAX), (&mut self.block, 0)] {
            table.clear();
            table.resize(f.vregs().len(), with);
        }
        let Scratch { plans, def, block, .. } = self;
        for plan in plans.iter() {
            for b in plan.header..plan.header + plan.blocks {
                body.params_of(Block(b)).iter().for_each(|v| block[v.index()] = b);
                for at in f.block_range(Block(b)) {
                    f.for_each_def(&f.insts()[at], |v| (def[v.index()], block[v.index()]) = (at as u32, b));
                }
            }
        }
        self.plans.iter().any(|plan| {
            let form = |v: VReg| self.form(body, plan, v, DEPTH);
            let is_linear = |inst: &InstData| {
                let mem = f.mem(inst);
                let index = if mem.index.is_none() { Form::Invariant } else { form(mem.index) };
                matches!(index, Form::Linear(..)) || matches!(form(mem.base), Form::Linear(..))
            };
            let insts = |b: u32| &f.insts()[f.block_range(Block(b))];
            (plan.header..plan.header + plan.blocks)
                .filter(|b| loops.contains(plan.number, Block(*b)))
                .any(|b| insts(b).iter().any(|inst| is_access(inst) && is_linear(inst)))
        })
    }

    fn count(&mut self, body: &Body) {
        let f = &body.f;
        let values = f.vregs().len();
        for (table, with) in
            [(&mut self.def, u32::MAX), (&mut self.block, 0), (&mut self.uses, 0), (&mut self.places, 0)]
        {
            fill(table, values, with);
        }
        self.before.clear();
        self.advance.clear();
        self.params.clear();
        self.changes.clear();
        self.plan_of.clear();
        self.plan_of.resize(f.blocks().len(), [u32::MAX; 3]);
        for (n, plan) in self.plans.iter().enumerate() {
            self.plan_of[plan.preheader as usize][0] = n as u32;
            self.plan_of[plan.header as usize][1] = n as u32;
            self.plan_of[plan.latch as usize][2] = n as u32;
        }
        let mut inside = 0;
        for b in 0..body.blocks() {
            if let Some(plan) = self.plans.get(self.plan_of[b as usize][1] as usize) {
                inside = plan.header + plan.blocks;
            }
            body.params_of(Block(b)).iter().for_each(|v| self.block[v.index()] = b);
            for at in f.block_range(Block(b)) {
                let inst = &f.insts()[at];
                f.for_each_use(inst, |v| self.uses[v.index()] += 1);
                f.for_each_def(inst, |v| {
                    self.def[v.index()] = at as u32;
                    self.block[v.index()] = b;
                });
                if b < inside && is_access(inst) {
                    let mem = f.mem(inst);
                    for v in [mem.base, mem.index].into_iter().filter(|v| !v.is_none()) {
                        self.places[v.index()] += 1;
                    }
                }
            }
        }
        body.args.iter().for_each(|v| self.uses[v.index()] += 1);
    }

    fn rewrite_loop(&mut self, body: &mut Body, loops: &Loops, plan: &Plan) {
        let first = self.changes.len();
        // What was made for this loop, by base, index and scale of the address as it was.
        let mut made: [Option<(Mem, Mem)>; POINTERS] = [None; POINTERS];
        // In what is irreducible, blocks of other loops may stand between.
        let blocks = (plan.header..plan.header + plan.blocks).map(Block);
        for block in blocks.filter(|block| loops.contains(plan.number, *block)) {
            for at in body.f.block_range(block) {
                let inst = body.f.insts()[at];
                if !is_access(&inst) {
                    continue;
                }
                let mem = body.f.mem(&inst);
                let key = Mem { disp: 0, ..mem };
                let known = made.iter().flatten().find(|(old, _)| *old == key).map(|(_, new)| *new);
                let new = match known {
                    Some(new) => Some(new),
                    None => {
                        let Some(room) = made.iter().position(Option::is_none) else { continue };
                        let marks = (self.before.len(), self.advance.len(), self.params.len());
                        let new = self.rewrite(body, plan, key);
                        match new {
                            Some(new) => made[room] = Some((key, new)),
                            None => {
                                self.before.truncate(marks.0);
                                self.advance.truncate(marks.1);
                                self.params.truncate(marks.2);
                            }
                        }
                        new
                    }
                };
                if let Some(new) = new {
                    self.changes.push((at as u32, Mem { disp: mem.disp, ..new }));
                }
            }
        }
        debug_assert!(self.changes[first..].is_sorted_by_key(|(at, _)| *at));
    }

    /// The address that takes the place of one without displacement, if that is better.
    fn rewrite(&mut self, body: &mut Body, plan: &Plan, mem: Mem) -> Option<Mem> {
        let base = self.form(body, plan, mem.base, DEPTH);
        let index = match mem.index.is_none() {
            true => Form::Invariant,
            false => self.form(body, plan, mem.index, DEPTH),
        };
        let (mut ops, mut multiplies) = (0, false);
        for (v, form) in [(mem.base, base), (mem.index, index)] {
            match form {
                Form::Other => return None,
                Form::Linear(..) if self.uses[v.index()] != self.places[v.index()] => return None,
                Form::Linear(more, mul) => {
                    ops += more;
                    multiplies |= mul;
                }
                Form::Invariant | Form::Counter => {}
            }
        }
        if ops == 0 {
            return None;
        }
        // One counter that is scaled as addressing modes scale.
        let mut counter = VReg::NONE;
        let scale = self.scale(body, plan, mem.base, &mut counter, DEPTH).and_then(|base| {
            let index = match mem.index.is_none() {
                true => 0,
                false => self.scale(body, plan, mem.index, &mut counter, DEPTH)?,
            };
            base.checked_add(index.checked_mul(mem.scale as i64)?)
        });
        if let Some(scale @ (1 | 2 | 4 | 8)) = scale {
            let rest = self.address(body, plan, mem, At::Zero)?;
            return Some(Mem { base: rest, index: counter, scale: scale as u8, disp: 0 });
        }
        if ops < 2 && !multiplies {
            return None;
        }
        let step = self.step(body, plan, mem.base, DEPTH)?;
        let step = match mem.index.is_none() {
            true => step,
            false => {
                let index = self.step(body, plan, mem.index, DEPTH)?;
                let index = self.product(body, index, mem.scale as i32)?;
                self.sum(body, step, index)?
            }
        };
        let start = self.address(body, plan, mem, At::Start)?;
        let pointer = self.value(body, Type::Ptr);
        let next = self.value(body, Type::Ptr);
        let (aux, b) = match step {
            Step::Constant(step) => (aux::IMM, i32::try_from(step).ok()? as u32),
            Step::Value(step) => (0, step.0),
        };
        self.advance.push(InstData { op: Op::Add, ty: Type::Ptr, aux, dst: next.0, a: pointer.0, b });
        self.params.push([pointer, start, next]);
        Some(Mem { base: pointer, index: VReg::NONE, scale: 1, disp: 0 })
    }

    /// What a value is in the loop.
    fn form(&self, body: &Body, plan: &Plan, v: VReg, depth: u32) -> Form {
        if self.block[v.index()] < plan.header {
            return Form::Invariant;
        }
        let at = self.def[v.index()];
        if at == u32::MAX {
            return if self.growth(body, plan, v).is_some() { Form::Counter } else { Form::Other };
        }
        let inst = &body.f.insts()[at as usize];
        if depth == 0 || !matches!(inst.ty, Type::I64 | Type::Ptr) {
            return Form::Other;
        }
        let form = |v: u32| self.form(body, plan, VReg(v), depth - 1);
        let second = || if inst.has_imm() { Form::Invariant } else { form(inst.b) };
        let (one, other) = match inst.op {
            Op::Add => (form(inst.a), second()),
            Op::Sub | Op::Mul => match second() {
                Form::Invariant => (form(inst.a), Form::Invariant),
                // Of a product either side may be the invariant one.
                other if inst.op == Op::Mul && form(inst.a) == Form::Invariant => (Form::Invariant, other),
                _ => return Form::Other,
            },
            Op::Shl if inst.has_imm() && inst.b < 32 => (form(inst.a), Form::Invariant),
            Op::Addr => {
                let mem = body.f.mem(inst);
                let index = if mem.index.is_none() { Form::Invariant } else { form(mem.index.0) };
                (form(mem.base.0), index)
            }
            _ => return Form::Other,
        };
        let (mut ops, mut multiplies) = (1, inst.op == Op::Mul);
        for part in [one, other] {
            match part {
                Form::Other => return Form::Other,
                Form::Linear(more, mul) => {
                    ops += more;
                    multiplies |= mul;
                }
                Form::Invariant | Form::Counter => {}
            }
        }
        // What is computed in the loop from invariants alone was left there on purpose.
        if one == Form::Invariant && other == Form::Invariant {
            Form::Other
        } else {
            Form::Linear(ops, multiplies)
        }
    }

    /// What a header's parameter grows by each round, if that is invariant.
    fn growth(&self, body: &Body, plan: &Plan, v: VReg) -> Option<Step> {
        let params = body.params_of(Block(plan.header));
        let n = params.iter().position(|param| *param == v)?;
        let next = body.args_of(&body.edges[plan.edges[1] as usize])[n];
        let inst = body.f.insts().get(self.def[next.index()] as usize)?;
        if !matches!(inst.ty, Type::I64 | Type::Ptr) {
            return None;
        }
        let invariant = |v: u32| self.block[v as usize] < plan.header;
        match inst.op {
            Op::Add | Op::Sub if inst.a == v.0 && inst.has_imm() => {
                let by = inst.b as i32 as i64;
                Some(Step::Constant(if inst.op == Op::Add { by } else { -by }))
            }
            Op::Add if inst.a == v.0 && !inst.has_imm() && invariant(inst.b) => {
                Some(Step::Value(VReg(inst.b)))
            }
            Op::Add if inst.b == v.0 && !inst.has_imm() && invariant(inst.a) => {
                Some(Step::Value(VReg(inst.a)))
            }
            Op::Addr => {
                let mem = body.f.mem(inst);
                (mem.base == v && mem.index.is_none()).then_some(Step::Constant(mem.disp as i64))
            }
            _ => None,
        }
    }

    /// By what the only counter in a linear value is multiplied, if that is a constant. `counter` is set to it.
    fn scale(&self, body: &Body, plan: &Plan, v: VReg, counter: &mut VReg, depth: u32) -> Option<i64> {
        if self.block[v.index()] < plan.header {
            return Some(0);
        }
        let at = self.def[v.index()];
        if at == u32::MAX {
            let only = counter.is_none() || *counter == v;
            *counter = v;
            return only.then_some(1);
        }
        let inst = body.f.insts()[at as usize];
        let depth = depth.checked_sub(1)?;
        let mut part = |v: u32| self.scale(body, plan, VReg(v), counter, depth);
        match inst.op {
            Op::Add | Op::Sub if inst.has_imm() => part(inst.a),
            Op::Add => part(inst.a)?.checked_add(part(inst.b)?),
            Op::Sub => part(inst.a),
            Op::Mul if inst.has_imm() => part(inst.a)?.checked_mul(inst.b as i32 as i64),
            Op::Shl => part(inst.a)?.checked_mul(1 << inst.b),
            Op::Addr => {
                let mem = body.f.mem(&inst);
                let base = part(mem.base.0)?;
                let index = if mem.index.is_none() { 0 } else { part(mem.index.0)? };
                base.checked_add(index.checked_mul(mem.scale as i64)?)
            }
            _ => None,
        }
    }

    /// Computes an address in front of the loop.
    fn address(&mut self, body: &mut Body, plan: &Plan, mem: Mem, when: At) -> Option<VReg> {
        let Term::Value(base) = self.copy(body, plan, mem.base, when, DEPTH)? else { return None };
        let index = match mem.index.is_none() {
            true => Term::Zero,
            false => self.copy(body, plan, mem.index, when, DEPTH)?,
        };
        let Term::Value(index) = index else { return Some(base) };
        Some(self.addr(body, Mem { base, index, ..mem }))
    }

    /// Computes a linear value in front of the loop.
    fn copy(&mut self, body: &mut Body, plan: &Plan, v: VReg, when: At, depth: u32) -> Option<Term> {
        if self.block[v.index()] < plan.header {
            return Some(Term::Value(v));
        }
        let at = self.def[v.index()];
        if at == u32::MAX {
            return Some(match when {
                At::Zero => Term::Zero,
                At::Start => self.first(body, plan, v)?,
            });
        }
        let inst = body.f.insts()[at as usize];
        let depth = depth.checked_sub(1)?;
        if inst.op == Op::Addr {
            let mem = body.f.mem(&inst);
            let base = self.copy(body, plan, mem.base, when, depth)?;
            let index = match mem.index.is_none() {
                true => Term::Zero,
                false => self.copy(body, plan, mem.index, when, depth)?,
            };
            let Term::Value(base) = base else { return None };
            let index = if let Term::Value(index) = index { index } else { VReg::NONE };
            return Some(Term::Value(match (index.is_none(), mem.disp) {
                (true, 0) => base,
                _ => self.addr(body, Mem { base, index, ..mem }),
            }));
        }
        let a = self.copy(body, plan, VReg(inst.a), when, depth)?;
        let b = match inst.has_imm() {
            true => None,
            false => Some(self.copy(body, plan, VReg(inst.b), when, depth)?),
        };
        Some(match (inst.op, a, b) {
            (Op::Add | Op::Sub, Term::Zero, None) => {
                let by = inst.b as i32;
                let by = if inst.op == Op::Add { by } else { by.checked_neg()? };
                Term::Value(self.emit(body, inst.ty, |dst| InstData {
                    op: Op::Const,
                    aux: 0,
                    dst,
                    a: 0,
                    b: by as u32,
                    ..inst
                }))
            }
            (Op::Add, Term::Zero, Some(other)) => other,
            (Op::Add | Op::Sub, one, Some(Term::Zero)) => one,
            (Op::Mul | Op::Shl, Term::Zero, _) | (Op::Mul, _, Some(Term::Zero)) => Term::Zero,
            (Op::Add | Op::Sub | Op::Mul | Op::Shl, Term::Value(a), None) => {
                Term::Value(self.emit(body, inst.ty, |dst| InstData { dst, a: a.0, ..inst }))
            }
            (Op::Add | Op::Sub | Op::Mul, Term::Value(a), Some(Term::Value(b))) => {
                Term::Value(self.emit(body, inst.ty, |dst| InstData { dst, a: a.0, b: b.0, ..inst }))
            }
            _ => return None,
        })
    }

    /// A counter's value in the first round.
    fn first(&self, body: &Body, plan: &Plan, v: VReg) -> Option<Term> {
        let n = body.params_of(Block(plan.header)).iter().position(|param| *param == v)?;
        let first = body.args_of(&body.edges[plan.edges[0] as usize])[n];
        let zero =
            body.f.insts().get(self.def[first.index()] as usize).is_some_and(|inst| {
                inst.op == Op::Const && !inst.ty.is_float() && body.f.constant(inst) == 0
            });
        Some(if zero { Term::Zero } else { Term::Value(first) })
    }

    /// What a linear value grows by each round.
    fn step(&mut self, body: &mut Body, plan: &Plan, v: VReg, depth: u32) -> Option<Step> {
        if self.block[v.index()] < plan.header {
            return Some(Step::Constant(0));
        }
        let at = self.def[v.index()];
        if at == u32::MAX {
            return self.growth(body, plan, v);
        }
        let inst = body.f.insts()[at as usize];
        let depth = depth.checked_sub(1)?;
        if inst.op == Op::Addr {
            let mem = body.f.mem(&inst);
            let base = self.step(body, plan, mem.base, depth)?;
            if mem.index.is_none() {
                return Some(base);
            }
            let index = self.step(body, plan, mem.index, depth)?;
            let index = self.product(body, index, mem.scale as i32)?;
            return self.sum(body, base, index);
        }
        let one = self.step(body, plan, VReg(inst.a), depth)?;
        match inst.op {
            Op::Add | Op::Sub if inst.has_imm() => Some(one),
            Op::Add => {
                let other = self.step(body, plan, VReg(inst.b), depth)?;
                self.sum(body, one, other)
            }
            Op::Sub => Some(one),
            Op::Shl => self.product(body, one, 1i32.checked_shl(inst.b)?),
            Op::Mul if inst.has_imm() => self.product(body, one, inst.b as i32),
            Op::Mul => {
                // One side is invariant.
                let swapped = self.block[inst.a as usize] < plan.header;
                let factor = VReg(if swapped { inst.a } else { inst.b });
                let one = if swapped { self.step(body, plan, VReg(inst.b), depth)? } else { one };
                match one {
                    Step::Constant(0) => Some(one),
                    Step::Constant(by) => self.product(body, Step::Value(factor), i32::try_from(by).ok()?),
                    Step::Value(by) => Some(Step::Value(self.emit(body, Type::I64, |dst| InstData {
                        op: Op::Mul,
                        ty: Type::I64,
                        aux: 0,
                        dst,
                        a: by.0,
                        b: factor.0,
                    }))),
                }
            }
            _ => None,
        }
    }

    fn sum(&mut self, body: &mut Body, one: Step, other: Step) -> Option<Step> {
        Some(match (one, other) {
            (Step::Constant(a), Step::Constant(b)) => Step::Constant(a.checked_add(b)?),
            (Step::Constant(0), value) | (value, Step::Constant(0)) => value,
            (Step::Value(a), Step::Constant(by)) | (Step::Constant(by), Step::Value(a)) => {
                let b = i32::try_from(by).ok()? as u32;
                Step::Value(self.emit(body, Type::I64, |dst| InstData {
                    op: Op::Add,
                    ty: Type::I64,
                    aux: aux::IMM,
                    dst,
                    a: a.0,
                    b,
                }))
            }
            (Step::Value(a), Step::Value(b)) => Step::Value(self.emit(body, Type::I64, |dst| InstData {
                op: Op::Add,
                ty: Type::I64,
                aux: 0,
                dst,
                a: a.0,
                b: b.0,
            })),
        })
    }

    fn product(&mut self, body: &mut Body, one: Step, by: i32) -> Option<Step> {
        Some(match one {
            Step::Constant(a) => Step::Constant(a.checked_mul(by as i64)?),
            value if by == 1 => value,
            Step::Value(a) => {
                let shift = by > 0 && by.count_ones() == 1;
                let (op, b) = if shift { (Op::Shl, by.trailing_zeros()) } else { (Op::Mul, by as u32) };
                Step::Value(self.emit(body, Type::I64, |dst| InstData {
                    op,
                    ty: Type::I64,
                    aux: aux::IMM,
                    dst,
                    a: a.0,
                    b,
                }))
            }
        })
    }

    fn addr(&mut self, body: &mut Body, mem: Mem) -> VReg {
        let pool = body.f.arrays().pool;
        let tail = pool.len() as u32;
        let (aux, b) = match mem.index.is_none() {
            true => (0, mem.disp as u32),
            false => (aux::TAIL, tail),
        };
        if !mem.index.is_none() {
            pool.extend([mem.index.0, mem.scale as u32, mem.disp as u32]);
        }
        self.emit(body, Type::Ptr, |dst| InstData { op: Op::Addr, ty: Type::Ptr, aux, dst, a: mem.base.0, b })
    }

    /// Appends an instruction to what stands in front of the loop.
    fn emit(&mut self, body: &mut Body, ty: Type, inst: impl FnOnce(u32) -> InstData) -> VReg {
        let value = self.value(body, ty);
        self.before.push(inst(value.0));
        value
    }

    /// A new value. It is none of those that addresses were made of.
    fn value(&mut self, body: &mut Body, ty: Type) -> VReg {
        self.def.push(u32::MAX);
        self.block.push(0);
        self.uses.push(0);
        self.places.push(0);
        body.value(ty)
    }

    fn write(&mut self, body: &mut Body, taken: &mut Taken) {
        let Scratch { plans, plan_of, before, advance, params, changes, .. } = self;
        body.take_code(taken);
        let mut changes = changes.iter().peekable();
        let range = |[from, to]: [u32; 2]| from as usize..to as usize;
        for b in 0..taken.blocks.len() as u32 {
            let block = Block(b);
            let [as_preheader, as_header, as_latch] = plan_of[b as usize].map(|n| plans.get(n as usize));
            let more = as_header.map_or(&[][..], |plan| &params[range(plan.params)]);
            let mut writer = Writer::new(body);
            let own = taken.params_of(block).iter().copied();
            writer.block(taken.blocks[block.index()], own.chain(more.iter().map(|param| param[0])));
            let insts = taken.block_range(block);
            let changed = changes.peek().is_some_and(|(at, _)| insts.contains(&(*at as usize)));
            if !changed && plan_of[b as usize] == [u32::MAX; 3] {
                writer.copy(taken, block, |to| to);
                continue;
            }
            let mut edges = taken.edges_of(block).iter().enumerate().peekable();
            for at in insts.clone() {
                let mut inst = taken.insts[at];
                let origin = taken.origins[at];
                if at + 1 == insts.end {
                    let front = as_preheader.map_or(&[][..], |plan| &before[range(plan.before)]);
                    let back = as_latch.map_or(&[][..], |plan| &advance[range(plan.advance)]);
                    for inst in front.iter().chain(back) {
                        writer.push(*inst, origin);
                    }
                }
                if let Some((_, mem)) = changes.next_if(|(changed, _)| *changed as usize == at) {
                    access(&mut inst, writer.body.f.arrays().pool, mem);
                }
                writer.push(inst, origin);
                while let Some((n, edge)) = edges.next_if(|(_, edge)| edge.inst.index() == at) {
                    let n = taken.edge_start[block.index()] + n as u32;
                    let carried = taken.args_of(edge).iter().copied();
                    // Which of the new parameters' values the edge brings: the first, the next, or none.
                    let brings = [(as_preheader, 0), (as_latch, 1)].into_iter().find_map(|(plan, side)| {
                        plan.filter(|plan| plan.edges[side] == n).map(|plan| (plan, side + 1))
                    });
                    let more = brings.map_or(&[][..], |(plan, _)| &params[range(plan.params)]);
                    let which = brings.map_or(0, |(_, which)| which);
                    writer.edge(edge.to, carried.chain(more.iter().map(|param| param[which])));
                }
            }
        }
        Writer::new(body).end();
    }
}

/// Whether the instruction's address may be rewritten.
fn is_access(inst: &InstData) -> bool {
    matches!(inst.op.shape(), Shape::Load | Shape::Store)
}

/// Gives a load or store another address.
fn access(inst: &mut InstData, pool: &mut Vec<u32>, mem: &Mem) {
    inst.a = mem.base.0;
    if mem.index.is_none() {
        inst.aux &= !aux::TAIL;
        inst.b = mem.disp as u32;
        return;
    }
    if !inst.has_tail() {
        inst.aux |= aux::TAIL;
        inst.b = pool.len() as u32;
        pool.extend([0; 3]);
    }
    let tail = inst.b as usize;
    pool[tail..tail + 3].copy_from_slice(&[mem.index.0, mem.scale as u32, mem.disp as u32]);
}
