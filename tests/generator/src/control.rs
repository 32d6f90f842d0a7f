//! Ends of blocks, and calls.

use crate::aggregate::Aggregate;
use crate::body::{Body, Class, Kind};
use crate::inst::Draft;
use crate::program::{Callee, usable};
use crate::signature::can_tail_call;
use crate::values;
use kiln_ir::function::aux;
use kiln_ir::op::Variant;
use kiln_ir::types::AbiType;
use kiln_ir::{Block, Cond, FCond, Hint, InstData, Op, Type, VReg};

impl Body<'_, '_, '_> {
    /// A block after the open one.
    fn ahead(&mut self) -> Block {
        let at = self.place_ahead();
        self.blocks[at]
    }

    fn place_ahead(&mut self) -> usize {
        let last = self.blocks.len() - 1;
        // Mostly near, so that the blocks between are run.
        let far = self.e.chance(30);
        let reach = if far { last - self.now } else { (last - self.now).min(3) };
        self.now + 1 + self.e.below(reach as u32) as usize
    }

    /// The open block or one before it, but not the entry.
    fn behind(&mut self) -> Block {
        let at = self.e.range(1, self.now as u32) as usize;
        self.blocks[at]
    }

    fn ends_with(&self, op: Op, ty: Type) -> bool {
        usable(self.config, op, ty)
    }

    /// Ends the open block, which is not the last one; it may go on to the next by itself.
    pub fn terminate(&mut self) {
        match self.e.below(16) {
            0..=2 => self.loop_back(),
            3..=6 => self.branch(),
            7 | 8 => self.float_branch(),
            9 | 10 => self.switch(),
            11 if self.ends_with(Op::JumpTo, Type::I32) && self.ends_with(Op::LabelAddr, Type::Ptr) => {
                self.jump_to()
            }
            12 if self.e.chance(30) => self.return_now(),
            13 if self.e.chance(50) => self.tail_call(),
            14 => {
                let target = self.ahead();
                self.b.jump(target);
            }
            15 if self.e.chance(self.config.traps * 3) => self.leave(),
            // Falls through.
            _ => {}
        }
    }

    /// Takes one from the loop counter and goes back while there are some left.
    fn loop_back(&mut self) {
        if let Some((start, counter)) = self.start.filter(|_| self.e.chance(40)) {
            self.b.to(counter).sub(counter, 1);
            return self.b.branch(Cond::Gt, counter, 0, start);
        }
        let back = self.behind();
        let ty = self.b.ty(self.loops);
        self.b.to(self.loops).sub(self.loops, 1);
        match self.e.below(4) {
            0 => self.b.branch(Cond::Ge, self.loops, 0, back),
            1 => {
                let zero = self.b.iconst(ty, 0);
                self.b.branch(Cond::Lt, zero, self.loops, back);
            }
            2 => {
                let left = self.b.cmp(Cond::Gt, self.loops, 0);
                self.b.branch(Cond::Ne, left, 0, back);
            }
            _ => self.b.branch_hint(Cond::Gt, self.loops, 0, back, Hint::Likely),
        }
    }

    fn branch(&mut self) {
        let ty = self.e.pick(&[Type::I32, Type::I64, Type::Ptr]);
        let cond = self.e.pick(Cond::ALL);
        let target = self.ahead();
        let a = self.read(Class::of(ty, true));
        if self.e.chance(25) {
            // A compare whose result is branched on, perhaps used again later.
            let c = if self.e.chance(50) {
                let b = self.read(Class::of(ty, true));
                self.b.cmp(cond, a, b)
            } else {
                let b = values::immediate(self.e);
                self.b.cmp(cond, a, b)
            };
            let sense = self.e.pick(&[Cond::Ne, Cond::Eq]);
            return self.b.branch(sense, c, 0, target);
        }
        let hint = self.e.pick(Hint::ALL);
        if self.e.chance(50) {
            let b = self.read(Class::of(ty, true));
            // The type of the branch is that of its first operand.
            self.b.branch_hint(cond, a, b, target, hint);
        } else {
            let b = if self.e.chance(30) { 0 } else { values::immediate(self.e) };
            self.b.branch_hint(cond, a, b, target, hint);
        }
    }

    fn float_branch(&mut self) {
        let ty = self.e.pick(&[Type::F32, Type::F64]);
        if !self.ends_with(Op::Fbranch, ty) {
            return;
        }
        let cond = self.e.pick(FCond::ALL);
        let target = self.ahead();
        let (a, b) = (self.read(Class::of(ty, false)), self.read(Class::of(ty, false)));
        let mut draft = Draft::new(Op::Fbranch, ty);
        draft.inst = InstData {
            aux: InstData::variant_bits(Variant::FCond(cond)) | (self.hint() as u16) << aux::HINT,
            dst: target.0,
            a: a.0,
            b: b.0,
            ..draft.inst
        };
        self.push(draft);
    }

    fn hint(&mut self) -> Hint {
        self.e.pick(Hint::ALL)
    }

    fn switch(&mut self) {
        let ty = self.e.pick(&[Type::I32, Type::I64]);
        if !self.ends_with(Op::Switch, ty) {
            return;
        }
        let dense = self.e.chance(60);
        let count = if self.e.chance(10) { self.e.range(10, 40) } else { self.e.below(8) };
        let first = if self.e.chance(50) { 0 } else { values::integer(self.e) };
        // Dense, in part or with gaps.
        let step = if self.e.chance(60) { 1 } else { self.e.range(1, 6) as i64 };
        let narrow = |v: i64| if ty == Type::I32 { v as i32 as i64 } else { v };
        let mut cases: Vec<(i64, Block)> = vec![];
        for n in 0..count {
            let value = if dense {
                narrow(first.wrapping_add(n as i64 * if n % 5 == 4 { step * 3 } else { step }))
            } else {
                narrow(values::integer(self.e))
            };
            let target = self.ahead();
            if cases.iter().all(|(v, _)| *v != value) {
                cases.push((value, target));
            }
        }
        let class = Class::of(ty, true);
        let v = self.read_strictly(class);
        // Mostly a value that some case lists.
        let v = if dense && self.e.chance(80) {
            let small = self.b.and(v, 7);
            self.b.add(small, narrow(first))
        } else if let Some((value, _)) = cases.first().copied().filter(|_| self.e.chance(30)) {
            self.b.iconst(ty, value)
        } else {
            v
        };
        let default = self.ahead();
        self.b.switch(v, &cases, default);
    }

    /// Jumps through a label set, a new one or one that other jumps go through: ahead, or back if that is paid.
    fn jump_to(&mut self) {
        let now = self.now;
        let old: Vec<usize> =
            (0..self.sets.len()).filter(|n| self.sets[*n].1.iter().any(|at| *at > now)).collect();
        let n = if !old.is_empty() && self.e.chance(50) {
            self.e.pick(&old)
        } else {
            let mut targets: Vec<usize> = (0..self.e.range(1, 5)).map(|_| self.place_ahead()).collect();
            if self.e.chance(50) {
                targets.extend((0..self.e.range(1, 3)).map(|_| self.e.range(1, now as u32) as usize));
            }
            targets.sort();
            targets.dedup();
            let blocks: Vec<Block> = targets.iter().map(|at| self.blocks[*at]).collect();
            let set = self.b.label_set(&blocks);
            self.sets.push((set, targets));
            self.sets.len() - 1
        };
        let (set, targets) = self.sets[n].clone();
        let (behind, ahead): (Vec<usize>, Vec<usize>) = targets.into_iter().partition(|at| *at <= now);
        let first = self.e.pick(&ahead);
        let mut address = self.label(first);
        let may_select = self.ends_with(Op::Select, Type::Ptr);
        if may_select && self.e.chance(60) {
            let second = self.e.pick(&ahead);
            let other = self.label(second);
            let condition = self.read(Class::I32);
            address = self.b.select(condition, address, other);
        }
        if may_select && !behind.is_empty() && self.e.chance(70) {
            let back = self.e.pick(&behind);
            let other = self.label(back);
            self.b.to(self.loops).sub(self.loops, 1);
            let left = self.b.cmp(Cond::Gt, self.loops, 0);
            address = self.b.select(left, other, address);
        }
        self.b.jump_to(address, set);
    }

    /// The address of a block, given by its place: made, or read from data.
    fn label(&mut self, at: usize) -> VReg {
        let block = self.blocks[at];
        let known = self.labelled.iter().position(|b| *b == block);
        if let Some(data) = self.labels
            && (known.is_some() || self.labelled.len() < Self::LABELLED)
            && self.e.chance(60)
        {
            let n = known.unwrap_or_else(|| {
                self.labelled.push(block);
                self.labelled.len() - 1
            });
            let table = self.b.data_addr(data, 0);
            return self.b.load(Type::Ptr, kiln_ir::MemType::PTR, (table, n as i32 * 8));
        }
        self.b.label_addr(block)
    }

    /// Returns, with values from the registers.
    pub fn return_now(&mut self) {
        let results: Vec<VReg> = self.signature.results.iter().map(|r| self.element(*r)).collect();
        self.b.ret(&results);
    }

    /// Ends the program: by a trap, an exit, or something that must not be reached.
    fn leave(&mut self) {
        match self.e.below(4) {
            0 if self.ends_with(Op::Unreachable, Type::I32) => self.b.unreachable(),
            1 if self.ends_with(Op::Exit, Type::I32) => {
                let values: Vec<VReg> = (0..self.e.below(4))
                    .map(|_| {
                        let class = self.e.pick(&Class::ALL);
                        self.read(class)
                    })
                    .collect();
                let id = self.e.below(1000);
                self.b.exit(id, &values);
            }
            _ if self.ends_with(Op::Trap, Type::I32) => {
                let code = if self.e.chance(50) { self.e.below(10) } else { self.e.word() as u32 >> 1 };
                self.b.trap(code);
            }
            _ => {}
        }
    }

    fn tail_call(&mut self) {
        if !self.calls || self.is_last() || !self.ends_with(Op::TailCall, Type::I32) {
            return;
        }
        let same: Vec<usize> = (0..self.plan.callees.len())
            .filter(|n| {
                let c = &self.plan.callees[*n];
                !c.import
                    && self.may_call(c)
                    && can_tail_call(self.signature, &c.signature, &self.plan.layouts)
            })
            .collect();
        if same.is_empty() {
            return;
        }
        let callee = self.plan.callees[self.e.pick(&same)].clone();
        let args = self.arguments(&callee);
        if self.e.chance(30) && self.ends_with(Op::TailCallPtr, Type::I32) {
            let target = self.b.func_addr(callee.id);
            self.b.tail_call_ptr(target, callee.sig, &args);
        } else {
            self.b.tail_call(callee.id, &args);
        }
    }

    fn arguments(&mut self, callee: &Callee) -> Vec<VReg> {
        let mut args: Vec<VReg> = callee.signature.params.iter().map(|p| self.element(*p)).collect();
        for ty in &callee.variable {
            // The callee may look at one half of a double.
            args.push(match ty {
                Type::F64 => self.exact_float(Type::F64),
                ty => self.read(Class::of(*ty, true)),
            });
        }
        args
    }

    fn callee(&mut self) -> Option<(usize, Callee)> {
        // A function that does not pay for its activation calls nobody, but for small ones.
        if !self.calls || self.is_last() && self.kind != Kind::Small {
            return None;
        }
        let callees = &self.plan.callees;
        let of = |wanted: &dyn Fn(&Callee) -> bool| -> Vec<usize> {
            (0..callees.len()).filter(|n| self.may_call(&callees[*n]) && wanted(&callees[*n])).collect()
        };
        let small = of(&|c| c.small);
        let own = of(&|c| !c.import);
        let any = of(&|_| true);
        let at = match self.e.below(10) {
            0..=3 if !small.is_empty() => self.e.pick(&small),
            4..=6 if !own.is_empty() => self.e.pick(&own),
            _ => self.e.pick(&any),
        };
        Some((at, self.plan.callees[at].clone()))
    }

    /// Whether calls of the function end.
    fn may_call(&self, callee: &Callee) -> bool {
        self.kind != Kind::Small || callee.import || callee.small && callee.id < self.id
    }

    /// A direct call, or sometimes one through a pointer.
    pub fn call(&mut self) {
        if self.e.chance(20) {
            return self.call_through_pointer();
        }
        let Some((_, callee)) = self.callee() else { return };
        let args = self.arguments(&callee);
        self.call_with(Op::Call, callee.id.0, &callee, &args);
    }

    /// A call through an address: of a function, or out of the table.
    pub fn call_through_pointer(&mut self) {
        if !usable(self.config, Op::CallPtr, Type::I32) || !usable(self.config, Op::FuncAddr, Type::Ptr) {
            return;
        }
        let Some((at, callee)) = self.callee() else { return };
        let target = if callee.import || at >= self.plan.functions || self.e.chance(60) {
            self.b.func_addr(callee.id)
        } else {
            let at = at - self.plan.callees.iter().filter(|c| c.import).count();
            let table = self.b.data_addr(self.plan.table, 0);
            self.b.load(Type::Ptr, kiln_ir::MemType::PTR, (table, at as i32 * 8))
        };
        let args = self.arguments(&callee);
        self.call_with(Op::CallPtr, target.0, &callee, &args);
    }

    fn call_with(&mut self, op: Op, a: u32, callee: &Callee, args: &[VReg]) {
        let mut results = vec![];
        let mut given = vec![];
        for result in &callee.signature.results {
            let v = match *result {
                AbiType::Aggregate(layout) => {
                    let address = self.b.vreg(Type::Ptr);
                    given.push(Aggregate { address, layout });
                    address
                }
                scalar => self.write_to(Class::of(scalar.register(), false), &results),
            };
            results.push(v);
        }
        let mut draft = Draft::new(op, Type::I32);
        draft.inst.a = a;
        draft.inst.dst = results.first().map_or(VReg::NONE.0, |v| v.0);
        draft.tail = vec![callee.sig.0, args.len() as u32, results.len() as u32];
        draft.tail.extend(args.iter().map(|v| v.0));
        draft.tail.extend(results.iter().skip(1).map(|v| v.0));
        self.push(draft);
        for aggregate in given {
            self.touch(aggregate);
            self.local_aggregates.push(aggregate);
        }
    }
}
