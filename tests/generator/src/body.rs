//! One function: its registers, its blocks, the way through them.
//!
//! Registers come in classes. Of each class there are a few *global* ones, assigned at the entry so that any path
//! may read them, and assigned again anywhere; and the *local* ones of the open block. Parameters are global, so
//! they are overwritten like any other.
//!
//! Blocks lie in this order: the entry, the main ones, the cold ones, the last one, which returns, those of further
//! entries. A jump back is made only by taking one from the counter `loops`. A further entry begins with a block that
//! assigns every global register which is no parameter of it, and goes on anywhere.

use crate::aggregate::Aggregate;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::program::{Plan, usable};
use crate::values;
use kiln_ir::types::{AbiType, Convention, TypeSet};
use kiln_ir::{
    Block, Cond, DataDecl, DataId, DataReloc, DataTarget, FCond, FuncId, FunctionBuilder, LabelSet, MemType,
    Module, Op, Signature, Slot, Type, VReg,
};

/// Words of the arena that values are written to for being seen.
const SHOWN: u32 = 500;

/// What may stand in a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    I32,
    I64,
    Ptr,
    /// Floats whose bits are determined.
    ExactF32,
    ExactF64,
    /// Floats that may be a NaN of open payload.
    LooseF32,
    LooseF64,
}

impl Class {
    pub const ALL: [Class; 7] = [
        Class::I32,
        Class::I64,
        Class::Ptr,
        Class::ExactF32,
        Class::ExactF64,
        Class::LooseF32,
        Class::LooseF64,
    ];

    pub const fn ty(self) -> Type {
        match self {
            Class::I32 => Type::I32,
            Class::I64 => Type::I64,
            Class::Ptr => Type::Ptr,
            Class::ExactF32 | Class::LooseF32 => Type::F32,
            Class::ExactF64 | Class::LooseF64 => Type::F64,
        }
    }

    /// The class for values of the type whose bits are determined, or not.
    pub const fn of(ty: Type, exact: bool) -> Class {
        match (ty, exact) {
            (Type::I32, _) => Class::I32,
            (Type::I64, _) => Class::I64,
            (Type::Ptr, _) => Class::Ptr,
            (Type::F32, true) => Class::ExactF32,
            (Type::F32, false) => Class::LooseF32,
            (Type::F64, true) => Class::ExactF64,
            (Type::F64, false) => Class::LooseF64,
        }
    }
}

/// What a function is in its program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The one that is called from outside.
    Entry,
    /// One that pays for its activations.
    Ordinary,
    /// One that does not, and calls only smaller ones.
    Small,
}

/// What was assigned at some place, for it to be forgotten what came behind.
pub(crate) struct Known {
    locals: [usize; 7],
    aggregates: usize,
}

/// The registers of a class.
#[derive(Default, Debug)]
struct Pool {
    globals: Vec<VReg>,
    locals: Vec<VReg>,
}

pub(crate) struct Body<'g, 'm, 'b> {
    pub b: FunctionBuilder<'m>,
    pub e: &'g mut Entropy<'b>,
    pub config: &'g Config,
    pub plan: &'g Plan,
    pub signature: &'g Signature,
    /// The types of the function's variable arguments.
    pub variable: &'g [Type],
    /// Ops with their types that may stand in the middle of a block.
    pub inner: Vec<(Op, Type)>,
    pools: [Pool; 7],
    /// All blocks in layout order.
    pub blocks: Vec<Block>,
    pub cold: std::ops::Range<usize>,
    /// The place of the open block in `blocks`.
    pub now: usize,
    /// Jumps back that this run of the function's body may still make.
    pub loops: VReg,
    /// The first block and the parameter that counts how often it may be jumped to, if it may.
    pub start: Option<(Block, VReg)>,
    /// The arena's address, plus `mid`.
    pub base: VReg,
    pub mid: i32,
    pub slots: Vec<(Slot, u32)>,
    /// The parameters that are aggregates, and what calls in the open block gave.
    pub aggregates: Vec<Aggregate>,
    pub local_aggregates: Vec<Aggregate>,
    /// The function that this is the body of.
    pub id: FuncId,
    /// Data that holds addresses of labels, if there is any, and whose.
    pub labels: Option<DataId>,
    pub labelled: Vec<Block>,
    /// The label sets, with their blocks as places in `blocks`.
    pub sets: Vec<(LabelSet, Vec<usize>)>,
    /// Whether this function calls others.
    pub calls: bool,
    pub kind: Kind,
    /// How many loops and branches the open one stands in.
    pub nest: u32,
}

impl<'g, 'm, 'b> Body<'g, 'm, 'b> {
    /// Writes a function. Gives those of its further entries that may be called from anywhere.
    pub fn write(
        module: &'m mut Module,
        id: FuncId,
        signature: &'g Signature,
        e: &'g mut Entropy<'b>,
        config: &'g Config,
        plan: &'g Plan,
        kind: Kind,
    ) -> Vec<FuncId> {
        let inner = inner_ops(config);
        let labels = (kind != Kind::Small && e.chance(30)).then(|| {
            let name = format!("labels{}", id.0);
            let bytes = vec![0; 8 * Body::LABELLED];
            module.add_data(DataDecl { name, align: 8, bytes, ..DataDecl::default() })
        });
        let b = module.build(id);
        let calls = kind == Kind::Entry || e.chance(60);
        let variable = plan.callees.iter().find(|c| c.id == id).map_or(&[][..], |c| &c.variable);
        let mut body = Body {
            b,
            e,
            config,
            plan,
            signature,
            variable,
            inner,
            pools: Default::default(),
            blocks: vec![],
            cold: 0..0,
            now: 0,
            loops: VReg::NONE,
            start: None,
            base: VReg::NONE,
            mid: 0,
            slots: vec![],
            aggregates: vec![],
            local_aggregates: vec![],
            id,
            labels,
            labelled: vec![],
            sets: vec![],
            calls,
            kind,
            nest: 0,
        };
        if kind == Kind::Small {
            body.small_prologue()
        } else {
            body.prologue()
        }
        let insts = if kind == Kind::Small { 3 } else { config.insts };
        for at in 1..body.blocks.len() {
            body.open(at);
            let last = at + 1 == body.blocks.len();
            let count = body.e.range(0, insts);
            for _ in 0..count {
                body.step();
            }
            body.show();
            if last { body.return_now() } else { body.terminate() }
        }
        // Of others every caller gives more than arguments, or a result is an address.
        let plain = kind != Kind::Small
            && !signature.variadic
            && signature.convention != Convention::Kiln
            && !signature.results.iter().any(|r| matches!(r, AbiType::Aggregate(_)));
        let mut callable = vec![];
        if body.config.entries && plain && body.e.chance(25) {
            for n in 0..body.e.range(1, 2) {
                callable.extend(body.further_entry(n));
            }
        }
        body.fill_labels();
        body.b.finish().expect("every block is placed and the last one returns");
        callable
    }

    /// Makes the blocks, assigns every global register, pays for the activation.
    fn prologue(&mut self) {
        let main = self.e.range(1, self.config.blocks);
        let cold = self.e.range(0, 2);
        let blocks = (0..main + cold + 2).map(|_| self.b.block()).collect();
        self.blocks = blocks;
        self.cold = main as usize + 1..(main + cold) as usize + 1;
        self.start_with_a_counter();
        self.b.place(self.blocks[0]);

        for n in 0..self.b.function().params() {
            let v = self.b.param(n);
            if self.start.is_some_and(|(_, counter)| counter == v)
                || matches!(self.signature.params[n as usize], AbiType::Aggregate(_))
            {
                continue;
            }
            let class = Class::of(self.b.ty(v), false);
            self.pools[class as usize].globals.push(v);
        }
        let pressure = if self.e.chance(20) { 12 } else { 3 };
        for class in Class::ALL {
            for _ in 0..self.e.range(1, pressure) {
                let v = self.constant(class.ty());
                self.pools[class as usize].globals.push(v);
            }
        }
        self.loops = {
            let ty = self.e.pick(&[Type::I32, Type::I64]);
            let count = self.e.range(0, 12) as i64;
            self.b.iconst(ty, count)
        };
        self.mid = if self.e.chance(50) { 0 } else { 1024 };
        self.base = self.b.data_addr(self.plan.arena, self.mid);
        self.make_slots();
        self.take_variable();
        self.take_aggregates();
        if self.kind == Kind::Entry {
            self.set_fuel(24);
        } else if self.calls || self.e.chance(30) {
            // The last block calls nobody, so an activation without fuel ends there.
            let out = self.blocks[self.blocks.len() - 1];
            self.pay(out);
        }
    }

    /// Takes a unit of fuel for the activation, and goes to a block if there is none left.
    fn pay(&mut self, out: Block) {
        let at = self.b.data_addr(self.plan.fuel, 0);
        let fuel = self.b.load(Type::I64, MemType::I64, (at, 0));
        let left = self.b.sub(fuel, 1);
        self.b.store(MemType::I64, (at, 0), left);
        self.b.branch(Cond::Lt, left, 0, out);
    }

    fn set_fuel(&mut self, most: u32) {
        let fuel = self.e.range(0, most) as i64;
        let at = self.b.data_addr(self.plan.fuel, 0);
        self.b.store(MemType::I64, (at, 0), fuel);
    }

    /// The same for a small function, which has registers for its parameters only, and others as it needs them. Mostly it
    /// is one block, and then this writes all of it but the return.
    fn small_prologue(&mut self) {
        let main = if self.e.chance(65) { 0 } else { self.e.range(1, 3) };
        let cold = if main > 0 { self.e.below(2) } else { 0 };
        let blocks = if main > 0 { main + cold + 2 } else { 2 };
        self.blocks = (0..blocks).map(|_| self.b.block()).collect();
        self.cold = main as usize + 1..(main + cold) as usize + 1;
        self.b.place(self.blocks[0]);
        for n in 0..self.b.function().params() {
            let v = self.b.param(n);
            if !matches!(self.signature.params[n as usize], AbiType::Aggregate(_)) {
                let class = Class::of(self.b.ty(v), false);
                self.pools[class as usize].globals.push(v);
            }
        }
        if main > 0 {
            let count = self.e.range(0, 3) as i64;
            self.loops = self.b.iconst(Type::I32, count);
        }
        self.mid = if self.e.chance(50) { 0 } else { 1024 };
        self.base = self.b.data_addr(self.plan.arena, self.mid);
        if self.e.chance(20) {
            self.make_slots();
        }
        self.take_variable();
        self.take_aggregates();
    }

    /// Addresses of labels that the function's data holds at most.
    pub const LABELLED: usize = 8;

    /// A further entry, which goes on in any block but the first. Either it is for hosts, which have it run for a while, or
    /// for calls, and pays for the activation as the first block does.
    fn further_entry(&mut self, n: u32) -> Option<FuncId> {
        let block = self.b.block();
        self.b.place(block);
        let mut params = vec![];
        let globals: Vec<VReg> = self.pools.iter().flat_map(|pool| pool.globals.iter().copied()).collect();
        for v in globals {
            if self.e.chance(40) {
                params.push(v);
            } else {
                self.b.to(v);
                self.constant(self.b.ty(v));
            }
        }
        let count = self.e.range(0, 12) as i64;
        let ty = self.b.ty(self.loops);
        self.b.to(self.loops).iconst(ty, count);
        if let Some((_, counter)) = self.start {
            let ty = self.b.ty(counter);
            self.b.to(counter).iconst(ty, count / 2);
        }
        self.b.to(self.base).data_addr(self.plan.arena, self.mid);
        let callable = self.kind != Kind::Entry && self.e.chance(60);
        if !callable {
            self.set_fuel(8);
        }
        self.fill_slots();
        // What the body takes for copies of aggregates.
        for aggregate in self.aggregates.clone() {
            let layout = &self.b.module().layouts()[aggregate.layout.index()].layout;
            let (size, align) = (layout.size.next_multiple_of(8), layout.align.max(8));
            let slot = self.b.slot(size, align);
            self.b.to(aggregate.address).slot_addr(slot, 0);
            for at in (0..size as i32).step_by(8) {
                let value = values::immediate(self.e) as i64;
                self.b.store(MemType::I64, (aggregate.address, at), value);
            }
        }
        if callable {
            let out = self.blocks[self.blocks.len() - 1];
            self.pay(out);
        }
        let target = self.e.pick(&self.blocks[1..]);
        self.b.jump(target);
        let entry = self.b.entry(&format!("further{}_{n}", self.id.0), &params, block);
        callable.then_some(entry)
    }

    /// Now that blocks are placed, says whose addresses the data holds.
    fn fill_labels(&mut self) {
        let Some(data) = self.labels else { return };
        let (blocks, func) = (std::mem::take(&mut self.labelled), self.id);
        for (block, n) in blocks.into_iter().zip(0..) {
            let block = self.b.placed(block).expect("every block is placed");
            let target = DataTarget::Label(func, block);
            self.b.module().data_mut(data).relocs.push(DataReloc { offset: n * 8, target, addend: 0 });
        }
    }

    /// Sometimes puts a block before all others that a jump may go to, paid from an integer parameter.
    fn start_with_a_counter(&mut self) {
        let integers: Vec<VReg> = (0..self.b.function().params())
            .map(|n| self.b.param(n))
            .filter(|v| matches!(self.b.ty(*v), Type::I32 | Type::I64))
            .collect();
        if integers.is_empty() || !self.e.chance(25) {
            return;
        }
        let counter = self.e.pick(&integers);
        let block = self.b.block();
        self.b.place(block);
        self.b.to(counter).and(counter, 7);
        self.start = Some((block, counter));
    }

    fn open(&mut self, at: usize) {
        self.now = at;
        self.b.place(self.blocks[at]);
        if self.cold.contains(&at) {
            self.b.set_cold();
        }
        if self.e.chance(5) {
            self.b.set_align(1 << self.e.range(1, 8));
        }
        for pool in &mut self.pools {
            pool.locals.clear();
        }
        self.local_aggregates.clear();
    }

    /// Makes a register one that the rest of the open block may read.
    pub fn add_local(&mut self, class: Class, v: VReg) {
        self.pools[class as usize].locals.push(v);
    }

    /// A register that every path may read and write, if there is one.
    pub fn global(&mut self, class: Class) -> Option<VReg> {
        let globals = &self.pools[class as usize].globals;
        if globals.is_empty() { None } else { Some(self.e.pick(globals)) }
    }

    /// What is assigned here.
    pub fn known(&self) -> Known {
        let locals = std::array::from_fn(|class| self.pools[class].locals.len());
        Known { locals, aggregates: self.local_aggregates.len() }
    }

    /// Forgets what was assigned behind that place.
    pub fn forget(&mut self, known: &Known) {
        for (pool, count) in self.pools.iter_mut().zip(known.locals) {
            pool.locals.truncate(count);
        }
        self.local_aggregates.truncate(known.aggregates);
    }

    /// Makes a register assigned at the entry one that any path may read.
    pub fn add_global(&mut self, class: Class, v: VReg) {
        self.pools[class as usize].globals.push(v);
    }

    /// One more instruction, or a group of them that belong together.
    pub fn step(&mut self) {
        match self.e.below(100) {
            0..=13 => self.idiom(),
            14..=19 => self.shape(),
            _ => self.ordinary(),
        }
    }

    /// One more instruction, with what it needs, or a call.
    pub fn ordinary(&mut self) {
        let may_call = self.calls && (self.kind == Kind::Small || !self.is_last());
        if may_call && self.e.chance(8) && usable(self.config, Op::Call, Type::I32) {
            return self.call();
        }
        if self.e.chance(10) {
            self.touch_any();
        }
        let (op, ty) = self.e.pick(&self.inner);
        self.instruction(op, ty);
    }

    /// Writes some of the block's values to the arena, so that what was computed is seen.
    fn show(&mut self) {
        if !usable(self.config, Op::Store, Type::I64) {
            return;
        }
        for _ in 0..self.e.below(4) {
            let class = self.e.pick(&Class::ALL);
            let pool = &self.pools[class as usize];
            if pool.locals.is_empty() && pool.globals.is_empty() {
                continue;
            }
            // The latest values have been seen least.
            let v = if pool.locals.is_empty() || !pool.globals.is_empty() && self.e.chance(25) {
                self.e.pick(&pool.globals)
            } else {
                let back = self.e.below(pool.locals.len() as u32) as usize;
                pool.locals[pool.locals.len() - 1 - back]
            };
            let ty = class.ty();
            let at = self.e.below(SHOWN) as i32 * 8 - self.mid;
            if !usable(self.config, Op::Store, ty) {
                continue;
            }
            let v = match class {
                Class::LooseF32 | Class::LooseF64 if usable(self.config, Op::Fcmp, ty) => self.determined(v),
                Class::LooseF32 | Class::LooseF64 => continue,
                _ => v,
            };
            self.b.store(MemType::of(ty), (self.base, at), v);
        }
    }

    /// The float with a NaN replaced by a number, so that its bits are determined; itself, if they are anyway.
    fn determined(&mut self, value: VReg) -> VReg {
        if self.config.one_nan {
            return value;
        }
        let ty = self.b.ty(value);
        let ordered = self.b.fcmp(FCond::Ord, value, value);
        let other = match ty {
            Type::F32 => self.b.f32const(0.5),
            _ => self.b.f64const(0.5),
        };
        self.b.select(ordered, value, other)
    }

    /// A fresh register with a constant.
    pub fn constant(&mut self, ty: Type) -> VReg {
        match ty {
            Type::F32 => {
                let value = values::single(self.e);
                self.b.f32const(value)
            }
            Type::F64 => {
                let value = values::double(self.e);
                self.b.f64const(value)
            }
            Type::I32 | Type::I64 | Type::Ptr => {
                let value = values::integer(self.e);
                self.b.iconst(ty, value)
            }
        }
    }

    /// A register of the class to read.
    pub fn read(&mut self, class: Class) -> VReg {
        // An exact float may stand where a loose one may; an address is an integer of its width.
        let class = match class {
            Class::LooseF32 if self.e.chance(30) => Class::ExactF32,
            Class::LooseF64 if self.e.chance(30) => Class::ExactF64,
            Class::I64 if self.e.chance(8) => Class::Ptr,
            Class::Ptr if self.e.chance(25) => Class::I64,
            class => class,
        };
        self.read_strictly(class)
    }

    /// A register of exactly this class to read, where the table does not let a pointer stand for an integer.
    pub fn read_strictly(&mut self, class: Class) -> VReg {
        let pool = &self.pools[class as usize];
        if !pool.locals.is_empty() && self.e.chance(60) {
            // The latest ones, so that chains form.
            let back = self.e.below(pool.locals.len().min(4) as u32) as usize;
            return pool.locals[pool.locals.len() - 1 - back];
        }
        if let Some(v) = self.global(class) {
            return v;
        }
        if let Some(v) = self.pools[class as usize].locals.last() {
            return *v;
        }
        let v = self.constant(class.ty());
        self.add_local(class, v);
        v
    }

    /// A register of the class to write, but none of `others`; it counts as written at once.
    pub fn write_to(&mut self, class: Class, others: &[VReg]) -> VReg {
        let class = match class {
            Class::ExactF32 if self.e.chance(30) => Class::LooseF32,
            Class::ExactF64 if self.e.chance(30) => Class::LooseF64,
            class => class,
        };
        let choice = self.e.below(10);
        let pool = &self.pools[class as usize];
        let old = if choice < 5 {
            None
        } else if choice < 9 || pool.locals.is_empty() {
            self.global(class)
        } else {
            Some(self.e.pick(&pool.locals))
        };
        match old.filter(|v| !others.contains(v)) {
            Some(v) => v,
            None => {
                let v = self.b.vreg(class.ty());
                self.pools[class as usize].locals.push(v);
                v
            }
        }
    }

    /// A float of determined bits: one that is exact already, or a loose one with its NaNs replaced.
    pub fn exact_float(&mut self, ty: Type) -> VReg {
        if self.e.chance(50) || !usable(self.config, Op::Select, ty) || !usable(self.config, Op::Fcmp, ty) {
            return self.read(Class::of(ty, true));
        }
        let value = self.read(Class::of(ty, false));
        self.determined(value)
    }

    /// The register that carries a call's argument or a result.
    pub fn element(&mut self, ty: AbiType) -> VReg {
        match ty {
            AbiType::Aggregate(layout) => self.aggregate(layout),
            scalar => self.read(Class::of(scalar.register(), false)),
        }
    }

    pub fn is_last(&self) -> bool {
        self.now + 1 == self.blocks.len()
    }
}

/// The ops that may stand in the middle of a block, with their types; those that programs are full of more often.
fn inner_ops(config: &Config) -> Vec<(Op, Type)> {
    let mut inner = vec![];
    for op in Op::ALL.iter().copied().filter(|op| !op.is_terminator()) {
        let types = op.info().types;
        let types = if types == TypeSet::NONE { vec![Type::I32] } else { types.iter().collect() };
        // Ops of one type get the same share as those of several.
        let share = if types.len() == 1 { 2 } else { 1 };
        let often = matches!(op, Op::Add | Op::Sub | Op::And | Op::Cmp | Op::Load | Op::Store | Op::Const);
        for ty in types {
            if (config.supports)(op, ty) {
                inner.extend(std::iter::repeat_n((op, ty), if often { 4 * share } else { share }));
            }
        }
    }
    inner
}
