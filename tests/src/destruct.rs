//! The way back from SSA form to registers: block parameters become registers that edges copy to. Slow and obvious, so
//! that the interpreter can run what the optimizing compiler's passes make of a program.

use crate::observe::Nans;
use kiln_codegen::optimize::{self, Body, Lent, Origins, Passes, ssa};
use kiln_ir::function::{BlockData, Entry, VRegInfo};
use kiln_ir::op::Shape;
use kiln_ir::verify::{self, Checked};
use kiln_ir::{Block, DataId, DataTarget, FuncId, Function, InstData, Module, Op, Type, VReg};

/// The module as the optimizing compiler's passes make it, in registers again.
///
/// # Panics
/// If a body breaks an invariant of the form, or the verifier refuses what comes of it: bugs of the passes.
pub fn optimized(module: &Checked, passes: Passes, nans: Nans) -> Checked {
    let (mut scratch, mut lent) = (ssa::Scratch::default(), Lent::default());
    let mut improve = optimize::Scratch::default();
    let mut body = Body::default();
    let mut result: Module = (**module).clone();
    for func in (0..module.funcs().len() as u32).map(FuncId) {
        let Some(f) = &module.func(func).body else { continue };
        build(module, func, f, (passes, nans), (&mut scratch, &mut lent), &mut body);
        optimize::improve(module, func, passes, &mut body, &mut improve, &mut lent, &mut ());
        let (function, landings) = destruct(&body);
        result.set_body(func, function);
        for data in (0..module.data().len() as u32).map(DataId) {
            // Blocks of the source are looked up in the source's data: no reference is changed twice.
            for (reloc, old) in
                result.data_mut(data).relocs.iter_mut().zip(&module.data()[data.index()].relocs)
            {
                if let DataTarget::Label(of, block) = old.target
                    && of == func
                {
                    let at = body.labels.binary_search_by_key(&block, |(source, _)| *source);
                    let (_, to) = body.labels[at.expect("labels in data are kept")];
                    reloc.target = DataTarget::Label(of, landings[to.index()]);
                }
            }
        }
    }
    verify::check(result)
        .unwrap_or_else(|(module, faults)| panic!("what the passes made is refused: {}\n{module}", faults[0]))
}

/// Builds the body of a function and runs passes over it.
///
/// # Panics
/// If the body breaks an invariant of the form.
pub fn build(
    module: &Checked,
    func: FuncId,
    f: &Function,
    (passes, nans): (Passes, Nans),
    (scratch, lent): (&mut ssa::Scratch, &mut Lent),
    body: &mut Body,
) {
    let labels: Vec<Block> = module.labels_in_data(func).collect();
    let settings = ssa::Settings { folds: passes.has(Passes::SSA), canonical_nan: nans == Nans::One };
    ssa::construct(&ssa::Source { f, origins: Origins::Own, labels: &labels }, settings, scratch, lent, body);
    if let Err(fault) = body.check() {
        panic!("{}: {fault}\n{}", module.func(func).name, body.show(module));
    }
}

/// Writes a body with registers: the function, and for each block of the body the one that has its address.
pub fn destruct(body: &Body) -> (Function, Vec<Block>) {
    let mut writer = Writer::new(body);
    writer.layout();
    writer.code();
    writer.finish()
}

/// How registers and blocks are numbered: a register for each value, then one more for each parameter; blocks as they come
/// in [`Writer::layout`].
struct Writer<'b> {
    body: &'b Body,
    f: Function,
    /// For each parameter the register that takes its value on the way, while others still need the old ones.
    shadow: Vec<VReg>,
    /// For each block of the body, where its code is, and where a jump to its address goes.
    main: Vec<Block>,
    landing: Vec<Block>,
    /// For each edge the block that is its way, if it needs one.
    way: Vec<Block>,
    next: u32,
}

impl<'b> Writer<'b> {
    fn new(body: &'b Body) -> Writer<'b> {
        let mut f = Function::default();
        let arrays = f.arrays();
        arrays.pool.extend_from_slice(body.f.pool());
        arrays.slots.extend_from_slice(body.f.slots());
        *arrays.params = body.f.params();
        arrays.vregs.extend(body.f.vregs().iter().map(|info| VRegInfo::new(info.ty)));
        let mut shadow = vec![VReg::NONE; body.f.vregs().len()];
        for param in &body.params {
            shadow[param.index()] = VReg(arrays.vregs.len() as u32);
            arrays.vregs.push(VRegInfo::new(body.f.ty(*param)));
        }
        let blocks = body.blocks() as usize;
        let (main, landing) = (vec![Block::NONE; blocks], vec![Block::NONE; blocks]);
        Writer { body, f, shadow, main, landing, way: vec![Block::NONE; body.edges.len()], next: 0 }
    }

    fn place(&mut self) -> Block {
        self.next += 1;
        Block(self.next - 1)
    }

    /// Each block, behind a branch the way on; then the other ways with arguments, then the landings.
    fn layout(&mut self) {
        for b in (0..self.body.blocks()).map(Block) {
            self.main[b.index()] = self.place();
            if self.ends_in_branch(b) {
                self.way[self.body.edge_start[b.index() + 1] as usize - 1] = self.place();
            }
        }
        for b in (0..self.body.blocks()).map(Block) {
            for at in self.body.edge_start[b.index()]..self.body.edge_start[b.index() + 1] {
                let edge = self.body.edges[at as usize];
                let op = self.body.f.insts()[edge.inst.index()].op;
                let inline = matches!(op, Op::Jump | Op::JumpTo);
                if !inline && self.way[at as usize].is_none() {
                    self.way[at as usize] = self.place();
                }
            }
        }
        for b in 0..self.body.blocks() as usize {
            self.landing[b] = match self.body.params_of(Block(b as u32)) {
                [] => self.main[b],
                _ => self.place(),
            };
        }
    }

    fn ends_in_branch(&self, block: Block) -> bool {
        let last = self.body.f.insts()[self.body.f.block_range(block)].last();
        last.is_some_and(|inst| inst.op.falls_through())
    }

    fn begin(&mut self, block: Block, cold: bool) {
        let arrays = self.f.arrays();
        assert_eq!(block.index(), arrays.blocks.len(), "blocks are written in order");
        arrays.blocks.push(BlockData::new(arrays.insts.len() as u32, cold));
    }

    fn push(&mut self, inst: InstData) {
        self.f.arrays().insts.push(inst);
    }

    fn copy(&mut self, to: VReg, from: VReg) {
        let ty = self.f.ty(to);
        self.push(InstData { op: Op::Copy, ty, aux: 0, dst: to.0, a: from.0, b: 0 });
    }

    fn jump(&mut self, to: Block) {
        self.push(InstData { op: Op::Jump, ty: Type::I32, aux: 0, dst: to.0, a: 0, b: 0 });
    }

    /// Copies an edge's arguments aside.
    fn lift(&mut self, at: usize) {
        let edge = self.body.edges[at];
        for (param, arg) in self.body.params_of(edge.to).iter().zip(self.body.args_of(&edge)) {
            self.copy(self.shadow[param.index()], *arg);
        }
    }

    /// Copies what was lifted to a block's parameters and goes there.
    fn arrive(&mut self, to: Block) {
        for param in self.body.params_of(to) {
            self.copy(*param, self.shadow[param.index()]);
        }
        self.jump(self.main[to.index()]);
    }

    fn way_of(&mut self, at: usize, cold: bool) {
        self.begin(self.way[at], cold);
        self.lift(at);
        self.arrive(self.body.edges[at].to);
    }

    fn code(&mut self) {
        let body = self.body;
        let mut later = vec![];
        for b in (0..body.blocks()).map(Block) {
            self.begin(self.main[b.index()], body.f.blocks()[b.index()].cold);
            let edges = body.edge_start[b.index()] as usize..body.edge_start[b.index() + 1] as usize;
            for at in body.f.block_range(b) {
                let mut inst = body.f.insts()[at];
                let mine: Vec<usize> =
                    edges.clone().filter(|edge| body.edges[*edge].inst.index() == at).collect();
                match inst.op {
                    Op::Jump => {
                        self.lift(mine[0]);
                        self.arrive(body.edges[mine[0]].to);
                        continue;
                    }
                    Op::JumpTo => mine.iter().for_each(|edge| self.lift(*edge)),
                    Op::LabelAddr => inst.a = self.landing[inst.a as usize].0,
                    _ => later.extend(mine.iter().map(|edge| (*edge, !inst.op.is_terminator()))),
                }
                self.rename_targets(&mut inst, &mine);
                self.push(inst);
                if inst.op.falls_through() {
                    later.pop();
                    self.way_of(mine[1], false);
                }
            }
        }
        for (edge, cold) in later {
            self.way_of(edge, cold);
        }
        for b in (0..body.blocks()).map(Block) {
            if self.landing[b.index()] != self.main[b.index()] {
                self.begin(self.landing[b.index()], false);
                self.arrive(b);
            }
        }
    }

    /// Puts the ways of an instruction's edges in the place of the blocks that it names.
    fn rename_targets(&mut self, inst: &mut InstData, edges: &[usize]) {
        let (body, way) = (self.body, &self.way);
        let name = |word: &mut u32| {
            let edge = edges.iter().find(|edge| body.edges[**edge].to.0 == *word);
            *word = way[*edge.expect("each target has an edge")].0;
        };
        let tail = inst.b as usize;
        let pool = self.f.arrays().pool;
        match inst.op.shape() {
            Shape::Branch | Shape::FBranch => inst.dst = way[edges[0]].0,
            Shape::Overflow => name(&mut pool[tail + 1]),
            Shape::OverflowUnary => name(&mut inst.b),
            Shape::Switch => {
                name(&mut pool[tail]);
                let cases = pool[tail + 1] as usize;
                pool[tail + 2..tail + 2 + 3 * cases].chunks_exact_mut(3).for_each(|case| name(&mut case[2]));
            }
            _ => {}
        }
    }

    fn finish(mut self) -> (Function, Vec<Block>) {
        let landing = |block: &Block| self.landing[block.index()];
        let sets: Vec<Vec<Block>> =
            self.body.f.label_sets().iter().map(|set| set.iter().map(landing).collect()).collect();
        let entry = |entry: &Entry| Entry { block: self.main[entry.block.index()], ..entry.clone() };
        let entries: Vec<Entry> = self.body.f.entries().iter().map(entry).collect();
        let arrays = self.f.arrays();
        *arrays.label_sets = sets;
        *arrays.entries = entries;
        self.f.recount();
        (self.f, self.landing)
    }
}
