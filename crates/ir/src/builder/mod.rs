//! Writing a function from Rust.
//!
//! Appending an instruction is a few stores: the record, and for each register it mentions the counts that both
//! compilers start from. There is one method per op, named in the op table; each gives the register it wrote, a
//! fresh one unless [`FunctionBuilder::to`] named it. Blocks may be made and placed in any order; a conditional
//! branch opens the block after it by itself.

mod methods;

use crate::count::{Counts, calls};
use crate::entity::{Block, FuncId, Inst, LabelSet, SigId, Slot, VReg};
use crate::function::{BlockData, Entry, Function, InstData, Mem, Pos, SlotData, VRegInfo, aux};
use crate::module::Module;
use crate::op::{Cond, FCond, Hint, Op, Order, Rmw, Shape, Variant};
use crate::types::{AbiType, MemType, Type};
use std::ops::Range;

/// A register or a constant, where an op takes either.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A register.
    Reg(VReg),
    /// A constant, truncated to the op's width.
    Imm(i64),
}

impl From<VReg> for Operand {
    #[inline]
    fn from(v: VReg) -> Operand {
        Operand::Reg(v)
    }
}

impl From<i64> for Operand {
    #[inline]
    fn from(v: i64) -> Operand {
        Operand::Imm(v)
    }
}

impl From<i32> for Operand {
    #[inline]
    fn from(v: i32) -> Operand {
        Operand::Imm(v as i64)
    }
}

impl From<VReg> for Mem {
    #[inline]
    fn from(base: VReg) -> Mem {
        Mem { base, index: VReg::NONE, scale: 1, disp: 0 }
    }
}

impl From<(VReg, i32)> for Mem {
    #[inline]
    fn from((base, disp): (VReg, i32)) -> Mem {
        Mem { base, index: VReg::NONE, scale: 1, disp }
    }
}

/// What a load or store accesses, and what the producer knows of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    ty: MemType,
    bits: u16,
}

impl Access {
    /// An access that may alias anything.
    pub const fn new(ty: MemType) -> Access {
        Access { ty, bits: 0 }
    }

    /// Puts it in an alias class, 1 to 15: accesses of different classes never overlap, except with class 0.
    pub const fn alias(mut self, class: u8) -> Access {
        assert!(class < 16);
        self.bits |= (class as u16) << aux::ALIAS;
        self
    }

    /// Has it happen each time that control comes by, as memory needs that others change meanwhile: it is neither left out nor
    /// moved.
    pub const fn volatile(self) -> Access {
        self.with(aux::VOLATILE)
    }

    /// Adds attributes: bits of [`aux`] from `VOLATILE` to `PRECISE`, and `KEEP`, which means nothing for stores.
    pub const fn with(mut self, bits: u16) -> Access {
        self.bits |= bits & (aux::VOLATILE | aux::NO_TRAP | aux::NON_TEMPORAL | aux::PRECISE | aux::KEEP);
        self
    }

    const fn bits(self) -> u16 {
        (self.ty.0 as u16) << aux::ACCESS | self.bits
    }
}

impl From<MemType> for Access {
    #[inline]
    fn from(ty: MemType) -> Access {
        Access::new(ty)
    }
}

/// Why a function could not be finished.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BuildError {
    /// A block is a target but was never placed; its handle.
    UnplacedBlock(Block),
    /// The last block does not end with a terminator.
    FallsOffEnd,
    /// The function has no instruction at all.
    Empty,
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BuildError::UnplacedBlock(block) => write!(f, "block {block:?} is a target but was never placed"),
            BuildError::FallsOffEnd => f.write_str("control runs off the end of the function"),
            BuildError::Empty => f.write_str("the function has no instructions"),
        }
    }
}

impl std::error::Error for BuildError {}

/// Appends instructions to one function of a module. Dropping it without [`Self::finish`] leaves the function
/// without a body.
#[derive(Debug)]
pub struct FunctionBuilder<'m> {
    module: &'m mut Module,
    func: FuncId,
    f: Function,
    /// The register that the next op writes, if it was named.
    dest: VReg,
    /// Layout number of the open block; `u32::MAX` when none is open.
    block: u32,
    /// From block handles to layout numbers; `u32::MAX` until placed.
    placed: Vec<u32>,
    /// Instructions in the middle of blocks whose block operands `finish` must translate.
    inner_targets: Vec<u32>,
    pos: Option<Pos>,
}

const NONE: u32 = u32::MAX;

impl<'m> FunctionBuilder<'m> {
    pub(crate) fn new(module: &'m mut Module, func: FuncId) -> FunctionBuilder<'m> {
        let mut f = module.spare.take().unwrap_or_default();
        f.clear();
        let sig = &module.sigs[module.funcs[func.index()].sig.index()];
        for param in &sig.params {
            f.vregs.push(VRegInfo::parameter(param.register()));
        }
        f.params = f.vregs.len() as u32;
        FunctionBuilder {
            module,
            func,
            f,
            dest: VReg::NONE,
            block: NONE,
            placed: Vec::new(),
            inner_targets: Vec::new(),
            pos: None,
        }
    }

    /// The module, for example to declare what a call needs.
    pub fn module(&mut self) -> &mut Module {
        self.module
    }

    /// The signature element that the function returns at this place, if it returns so many.
    pub fn result_type(&self, n: usize) -> Option<AbiType> {
        let sig = self.module.funcs[self.func.index()].sig;
        self.module.sigs[sig.index()].results.get(n).copied()
    }

    /// The function so far.
    pub fn function(&self) -> &Function {
        &self.f
    }

    /// The register of a parameter.
    ///
    /// # Panics
    /// If the signature has fewer parameters.
    pub fn param(&self, n: u32) -> VReg {
        assert!(n < self.f.params, "parameter {n} of {}", self.f.params);
        VReg(n)
    }

    /// A new register.
    #[inline]
    pub fn vreg(&mut self, ty: Type) -> VReg {
        let v = VReg(self.f.vregs.len() as u32);
        self.f.vregs.push(VRegInfo::new(ty));
        v
    }

    /// Names a register for the text form.
    pub fn name_vreg(&mut self, v: VReg, name: &str) {
        self.f.vreg_names.set(v.index(), name);
    }

    /// A new block, to be placed later with [`Self::place`].
    pub fn block(&mut self) -> Block {
        self.placed.push(NONE);
        Block(self.placed.len() as u32 - 1)
    }

    /// Names a block for the text form.
    pub fn name_block(&mut self, block: Block, name: &str) {
        self.f.block_names.set(block.index(), name);
    }

    /// A new stack slot of this size and alignment in bytes.
    pub fn slot(&mut self, size: u32, align: u32) -> Slot {
        self.f.slots.push(SlotData { size, align });
        Slot(self.f.slots.len() as u32 - 1)
    }

    /// Names a slot for the text form.
    pub fn name_slot(&mut self, slot: Slot, name: &str) {
        self.f.slot_names.set(slot.index(), name);
    }

    /// A new label set for [`Self::jump_to`].
    pub fn label_set(&mut self, blocks: &[Block]) -> LabelSet {
        self.f.label_sets.push(blocks.to_vec());
        LabelSet(self.f.label_sets.len() as u32 - 1)
    }

    /// Adds a further entry point: calling it assigns the registers and goes to the block. Gives what it is called by.
    pub fn entry(&mut self, name: &str, params: &[VReg], block: Block) -> FuncId {
        let types: Vec<Type> = params.iter().map(|v| self.ty(*v)).collect();
        let entry = self.module.declare_entry(self.func, name, &types);
        self.place_entry(entry, params, block);
        entry
    }

    /// The same for an entry that was declared before, with [`Module::declare_entry`].
    pub fn place_entry(&mut self, entry: FuncId, params: &[VReg], block: Block) {
        for v in params {
            Counts(&mut self.f.vregs).entry_parameter(*v);
        }
        self.f.entries.push(Entry { func: entry, params: params.to_vec(), block });
    }

    /// The source position of the instructions that follow.
    pub fn at(&mut self, pos: Pos) {
        if self.pos != Some(pos) {
            self.pos = Some(pos);
            let inst = Inst(self.f.insts.len() as u32);
            match self.f.positions.last_mut() {
                Some(last) if last.0 == inst => last.1 = pos,
                _ => self.f.positions.push((inst, pos)),
            }
        }
    }

    /// Places a block here: the instructions that follow are its own. An open block before it goes on to it.
    ///
    /// # Panics
    /// If the block was placed before.
    pub fn place(&mut self, block: Block) {
        assert!(self.placed[block.index()] == NONE, "{block:?} is placed twice");
        if self.block != NONE {
            self.jump(block);
        }
        self.open_block();
        self.placed[block.index()] = self.block;
    }

    /// Marks the open block as one that runs rarely; cold edges may go only to such blocks.
    pub fn set_cold(&mut self) {
        self.ensure_block();
        self.f.blocks[self.block as usize].cold = true;
    }

    /// Says that the address of the open block is a multiple of this power of two, up to 4096.
    ///
    /// # Panics
    /// If it is 0.
    pub fn set_align(&mut self, align: u32) {
        self.ensure_block();
        self.f.blocks[self.block as usize].align = align.ilog2() as u8;
    }

    /// Whether instructions can be appended without control being able to reach them: after a terminator, before
    /// the next block is placed.
    pub fn is_terminated(&self) -> bool {
        self.block == NONE && !self.f.insts.last().is_none_or(|i| i.op.falls_through())
    }

    /// Names the register that the next op writes its (first) result to.
    #[inline]
    pub fn to(&mut self, dest: VReg) -> &mut Self {
        self.dest = dest;
        self
    }

    fn open_block(&mut self) {
        self.block = self.f.blocks.len() as u32;
        self.f.blocks.push(BlockData::new(self.f.insts.len() as u32, false));
    }

    #[inline]
    fn ensure_block(&mut self) {
        if self.block == NONE {
            self.open_block();
        }
    }

    #[inline]
    fn read(&mut self, v: VReg) -> u32 {
        let at = self.f.insts.len() as u32;
        Counts(&mut self.f.vregs).read(v, at, self.block);
        v.0
    }

    #[inline]
    fn write(&mut self, ty: Type) -> VReg {
        let at = self.f.insts.len() as u32;
        let dest = std::mem::replace(&mut self.dest, VReg::NONE);
        if dest.is_none() {
            let v = VReg(self.f.vregs.len() as u32);
            let flags = VRegInfo::DEFINED;
            self.f.vregs.push(VRegInfo { ty, flags, uses: 0, first: at, last: at, block: self.block });
            v
        } else {
            Counts(&mut self.f.vregs).write(dest, at, self.block);
            dest
        }
    }

    /// A `UseOrImm` operand: the word and the flag. Constants that do not fit 32 bits get a register.
    #[inline]
    fn operand(&mut self, ty: Type, operand: Operand) -> (u32, u16) {
        match operand {
            Operand::Reg(v) => (self.read(v), 0),
            Operand::Imm(value) if ty.bytes() == 4 || value == value as i32 as i64 => {
                (value as u32, aux::IMM)
            }
            Operand::Imm(value) => {
                let v = self.wide_constant(ty, value);
                (self.read(v), 0)
            }
        }
    }

    #[cold]
    fn wide_constant(&mut self, ty: Type, value: i64) -> VReg {
        let dest = std::mem::replace(&mut self.dest, VReg::NONE);
        let v = self.iconst(ty, value);
        self.dest = dest;
        v
    }

    #[inline]
    fn append(&mut self, op: Op, ty: Type, aux: u16, dst: u32, a: u32, b: u32) {
        self.f.insts.push(InstData { op, ty, aux, dst, a, b });
    }

    #[inline]
    fn tail(&mut self, words: &[u32]) -> u32 {
        let at = self.f.pool.len() as u32;
        self.f.pool.extend_from_slice(words);
        at
    }

    /// Appends the words of a memory operand: the `b` word and the flag.
    #[inline]
    fn mem(&mut self, mem: Mem) -> (u32, u16) {
        self.read(mem.base);
        if mem.index.is_none() {
            (mem.disp as u32, 0)
        } else {
            self.read(mem.index);
            (self.tail(&[mem.index.0, mem.scale as u32, mem.disp as u32]), aux::TAIL)
        }
    }

    /// The type of a register.
    #[inline]
    pub fn ty(&self, v: VReg) -> Type {
        self.f.vregs[v.index()].ty
    }

    /// Appends a record as it is, with its tail if it says it has one (`b` is then set here). For readers of other
    /// forms; counts its registers and opens and ends blocks as the typed methods do.
    ///
    /// Block operands are handles of [`Self::block`]. Words that mean nothing for the op may hold anything.
    ///
    /// # Panics
    /// If a register does not exist, or the tail is shorter (in debug builds also: longer) than its counts say.
    pub fn push(&mut self, inst: InstData, tail: &[u32]) -> Inst {
        self.ensure_block();
        let mut inst = inst.canonical();
        if inst.has_tail() {
            inst.b = self.tail(tail);
            debug_assert_eq!(self.f.tail_len(&inst), tail.len(), "tail of {:?}", inst.op);
        }
        let at = self.f.insts.len() as u32;
        let block = self.block;
        let mut vregs = std::mem::take(&mut self.f.vregs);
        let mut counts = Counts(&mut vregs);
        self.f.for_each_use(&inst, |v| counts.read(v, at, block));
        self.f.for_each_def(&inst, |v| counts.write(v, at, block));
        self.f.vregs = vregs;
        self.f.insts.push(inst);
        self.f.has_calls |= calls(inst.op);
        self.f.has_alloca |= inst.op == Op::Alloca;
        self.f.has_tail_calls |= matches!(inst.op, Op::TailCall | Op::TailCallPtr);
        if inst.op.is_terminator() {
            self.block = NONE;
        } else if matches!(inst.op.shape(), Shape::Overflow | Shape::OverflowUnary | Shape::LabelAddr) {
            self.inner_targets.push(at);
        }
        Inst(at)
    }

    /// An integer constant, truncated to the type's width.
    #[inline]
    pub fn iconst(&mut self, ty: Type, value: i64) -> VReg {
        self.ensure_block();
        let dst = self.write(ty);
        if ty.bytes() == 4 || value == value as i32 as i64 {
            self.append(Op::Const, ty, 0, dst.0, 0, value as u32);
        } else {
            let b = self.tail(&[value as u32, (value as u64 >> 32) as u32]);
            self.append(Op::Const, ty, aux::TAIL, dst.0, 0, b);
        }
        dst
    }

    /// An `f64` constant, bit for bit.
    pub fn f64const(&mut self, value: f64) -> VReg {
        self.ensure_block();
        let dst = self.write(Type::F64);
        let bits = value.to_bits();
        let b = self.tail(&[bits as u32, (bits >> 32) as u32]);
        self.append(Op::Const, Type::F64, aux::TAIL, dst.0, 0, b);
        dst
    }

    /// An `f32` constant, bit for bit.
    pub fn f32const(&mut self, value: f32) -> VReg {
        self.ensure_block();
        let dst = self.write(Type::F32);
        self.append(Op::Const, Type::F32, 0, dst.0, 0, value.to_bits());
        dst
    }

    /// Appends a call; gives its first result, if it has one, and the others, which are new registers in a row.
    fn call_with(&mut self, op: Op, a: u32, sig: SigId, args: &[VReg]) -> (Option<VReg>, Range<u32>) {
        self.ensure_block();
        for v in args {
            self.read(*v);
        }
        if matches!(op, Op::CallPtr | Op::TailCallPtr) {
            self.read(VReg(a));
        }
        let count = if op.is_terminator() { 0 } else { self.module.sigs[sig.index()].results.len() };
        let ty = |b: &Self, n: usize| b.module.sigs[sig.index()].results[n].register();
        let first = (count > 0).then(|| self.write(ty(self, 0)));
        let start = self.f.vregs.len() as u32;
        for n in 1..count {
            self.write(ty(self, n));
        }
        let rest = start..self.f.vregs.len() as u32;
        let b = self.tail(&[sig.0, args.len() as u32, count as u32]);
        self.f.pool.extend(args.iter().map(|v| v.0).chain(rest.clone()));
        self.append(op, Type::I32, aux::TAIL, first.unwrap_or(VReg::NONE).0, a, b);
        self.f.has_calls |= calls(op);
        if op.is_terminator() {
            self.f.has_tail_calls = true;
            self.block = NONE;
        }
        (first, rest)
    }

    /// The named destination, else a new register, without counting a mention.
    fn destination(&mut self, ty: Type) -> VReg {
        let dest = std::mem::replace(&mut self.dest, VReg::NONE);
        if dest.is_none() { self.vreg(ty) } else { dest }
    }

    /// Calls a function or import; gives its results.
    pub fn call(&mut self, func: FuncId, args: &[VReg]) -> Vec<VReg> {
        let sig = self.module.func(func).sig;
        let (first, rest) = self.call_with(Op::Call, func.0, sig, args);
        first.into_iter().chain(rest.map(VReg)).collect()
    }

    /// Calls a function or import that has one result.
    ///
    /// # Panics
    /// If it does not have exactly one.
    pub fn call1(&mut self, func: FuncId, args: &[VReg]) -> VReg {
        let sig = self.module.func(func).sig;
        match self.call_with(Op::Call, func.0, sig, args) {
            (Some(result), rest) if rest.is_empty() => result,
            _ => panic!("{} does not have exactly one result", self.module.func(func).name),
        }
    }

    /// Calls through an address; gives the results.
    pub fn call_ptr(&mut self, target: VReg, sig: SigId, args: &[VReg]) -> Vec<VReg> {
        let (first, rest) = self.call_with(Op::CallPtr, target.0, sig, args);
        first.into_iter().chain(rest.map(VReg)).collect()
    }

    /// Calls a function of the module in place of this activation.
    pub fn tail_call(&mut self, func: FuncId, args: &[VReg]) {
        let sig = self.module.func(func).sig;
        self.call_with(Op::TailCall, func.0, sig, args);
    }

    /// Calls through an address in place of this activation.
    pub fn tail_call_ptr(&mut self, target: VReg, sig: SigId, args: &[VReg]) {
        self.call_with(Op::TailCallPtr, target.0, sig, args);
    }

    /// Returns with these results.
    pub fn ret(&mut self, results: &[VReg]) {
        let a = results.first().map_or(NONE, |v| v.0);
        let mut tail = vec![];
        if results.len() > 1 {
            tail.push(results.len() as u32 - 1);
            tail.extend(results[1..].iter().map(|v| v.0));
        }
        let aux = if tail.is_empty() { 0 } else { aux::TAIL };
        self.push(InstData { op: Op::Ret, ty: Type::I32, aux, dst: NONE, a, b: 0 }, &tail);
    }

    /// Goes to the block.
    #[inline]
    pub fn jump(&mut self, target: Block) {
        self.ensure_block();
        self.append(Op::Jump, Type::I32, 0, target.0, 0, 0);
        self.block = NONE;
    }

    /// Goes to the block if the condition holds, else on to the block placed next.
    #[inline]
    pub fn branch(&mut self, cond: Cond, a: VReg, b: impl Into<Operand>, target: Block) {
        self.branch_hint(cond, a, b, target, Hint::None);
    }

    /// The same, with a guess which way it goes.
    #[inline]
    pub fn branch_hint(&mut self, cond: Cond, a: VReg, b: impl Into<Operand>, target: Block, hint: Hint) {
        self.ensure_block();
        let ty = self.ty(a);
        let (b, imm) = self.operand(ty, b.into());
        self.read(a);
        let aux = imm | InstData::variant_bits(Variant::Cond(cond)) | (hint as u16) << aux::HINT;
        self.append(Op::Branch, ty, aux, target.0, a.0, b);
        self.block = NONE;
    }

    /// Goes to the block if the predicate holds, else on to the block placed next.
    #[inline]
    pub fn fbranch(&mut self, cond: FCond, a: VReg, b: VReg, target: Block) {
        self.ensure_block();
        let ty = self.ty(a);
        self.read(a);
        self.read(b);
        self.append(Op::Fbranch, ty, InstData::variant_bits(Variant::FCond(cond)), target.0, a.0, b.0);
        self.block = NONE;
    }

    /// Goes to the block listed for the value, else to the default.
    pub fn switch(&mut self, value: VReg, cases: &[(i64, Block)], default: Block) {
        let mut tail = vec![default.0, cases.len() as u32];
        for (value, block) in cases {
            tail.extend([*value as u32, (*value as u64 >> 32) as u32, block.0]);
        }
        let ty = self.ty(value);
        self.push(InstData { op: Op::Switch, ty, aux: aux::TAIL, dst: NONE, a: value.0, b: 0 }, &tail);
    }

    /// Goes to an address out of the label set.
    pub fn jump_to(&mut self, address: VReg, set: LabelSet) {
        self.push(InstData { op: Op::JumpTo, ty: Type::I32, aux: 0, dst: NONE, a: address.0, b: set.0 }, &[]);
    }

    fn leave(&mut self, op: Op, ty: Type, bits: u16, a: u32, head: &[u32], values: &[VReg]) {
        let mut tail = head.to_vec();
        tail.push(values.len() as u32);
        tail.extend(values.iter().map(|v| v.0));
        self.push(InstData { op, ty, aux: bits | aux::TAIL, dst: NONE, a, b: 0 }, &tail);
    }

    /// Leaves for the host with the values if the condition holds.
    pub fn guard(&mut self, cond: Cond, a: VReg, b: impl Into<Operand>, exit: u32, values: &[VReg]) {
        self.ensure_block();
        let ty = self.ty(a);
        let (word, imm) = match b.into() {
            Operand::Reg(v) => (v.0, 0),
            Operand::Imm(value) if ty.bytes() == 4 || value == value as i32 as i64 => {
                (value as u32, aux::IMM)
            }
            Operand::Imm(value) => (self.wide_constant(ty, value).0, 0),
        };
        self.leave(
            Op::Guard,
            ty,
            imm | InstData::variant_bits(Variant::Cond(cond)),
            a.0,
            &[word, exit],
            values,
        );
    }

    /// Leaves for the host with the values if the predicate holds.
    pub fn fguard(&mut self, cond: FCond, a: VReg, b: VReg, exit: u32, values: &[VReg]) {
        let ty = self.ty(a);
        self.leave(Op::Fguard, ty, InstData::variant_bits(Variant::FCond(cond)), a.0, &[b.0, exit], values);
    }

    /// Leaves for the host with the values.
    pub fn exit(&mut self, exit: u32, values: &[VReg]) {
        self.leave(Op::Exit, Type::I32, 0, exit, &[], values);
    }

    /// A place where the host may stop the code and see the values.
    pub fn safepoint(&mut self, id: u32, values: &[VReg]) {
        self.leave(Op::Safepoint, Type::I32, 0, id, &[], values);
    }

    /// Traps with the code, 0 to 2^31 - 1.
    pub fn trap(&mut self, code: u32) {
        self.push(InstData { op: Op::Trap, ty: Type::I32, aux: 0, dst: NONE, a: 0, b: code }, &[]);
    }

    /// So many bytes of machine code at least that do nothing, 0 to 2^20.
    pub fn pad(&mut self, bytes: u32) {
        self.ensure_block();
        self.push(InstData { op: Op::Pad, ty: Type::I32, aux: 0, dst: NONE, a: 0, b: bytes }, &[]);
    }

    /// Orders memory accesses of this thread.
    pub fn fence(&mut self, order: Order) {
        let aux = (order as u16) << aux::ORDER;
        self.push(InstData { op: Op::Fence, ty: Type::I32, aux, dst: NONE, a: 0, b: 0 }, &[]);
    }

    /// Reads memory into a register of this type.
    #[inline]
    pub fn load(&mut self, ty: Type, access: impl Into<Access>, mem: impl Into<Mem>) -> VReg {
        self.ensure_block();
        let mem = mem.into();
        let (b, tail) = self.mem(mem);
        let dst = self.write(ty);
        self.append(Op::Load, ty, access.into().bits() | tail, dst.0, mem.base.0, b);
        dst
    }

    /// Writes memory: the low bytes of a register, or an integer constant.
    #[inline]
    pub fn store(&mut self, access: impl Into<Access>, mem: impl Into<Mem>, value: impl Into<Operand>) {
        self.ensure_block();
        let (mem, access) = (mem.into(), access.into());
        let (ty, value, imm) = match value.into() {
            Operand::Reg(v) => (self.ty(v), self.read(v), 0),
            Operand::Imm(value) => {
                let ty = access.ty.default_register();
                if !ty.is_float() && (ty.bytes() == 4 || value == value as i32 as i64) {
                    (ty, value as u32, aux::VALUE_IMM)
                } else {
                    let v = match ty {
                        Type::F32 => self.f32const(value as f32),
                        Type::F64 => self.f64const(value as f64),
                        _ => self.wide_constant(ty, value),
                    };
                    (ty, self.read(v), 0)
                }
            }
        };
        let (b, tail) = self.mem(mem);
        let bits = access.bits() & !aux::KEEP | tail | imm;
        self.append(Op::Store, ty, bits, value, mem.base.0, b);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record, named where they are passed")]
    fn atomic(
        &mut self,
        op: Op,
        ty: Type,
        bits: u16,
        access: MemType,
        order: Order,
        mem: Mem,
        more: &[VReg],
    ) -> VReg {
        let dst = self.destination(ty);
        let mut tail = vec![mem.index.0, mem.scale as u32, mem.disp as u32];
        tail.extend(more.iter().map(|v| v.0));
        let aux = bits | aux::TAIL | (access.0 as u16) << aux::ACCESS | (order as u16) << aux::ORDER;
        self.push(InstData { op, ty, aux, dst: dst.0, a: mem.base.0, b: 0 }, &tail);
        dst
    }

    /// Reads naturally aligned memory in one piece.
    pub fn atomic_load(&mut self, ty: Type, access: MemType, order: Order, mem: impl Into<Mem>) -> VReg {
        self.atomic(Op::AtomicLoad, ty, 0, access, order, mem.into(), &[])
    }

    /// Writes naturally aligned memory in one piece.
    pub fn atomic_store(&mut self, access: MemType, order: Order, mem: impl Into<Mem>, value: VReg) {
        self.dest = value;
        self.atomic(Op::AtomicStore, self.ty(value), 0, access, order, mem.into(), &[]);
    }

    /// Changes memory in one step; gives the value read before.
    pub fn atomic_rmw(
        &mut self,
        rmw: Rmw,
        access: MemType,
        order: Order,
        mem: impl Into<Mem>,
        value: VReg,
    ) -> VReg {
        let bits = InstData::variant_bits(Variant::Rmw(rmw));
        self.atomic(Op::AtomicRmw, self.ty(value), bits, access, order, mem.into(), &[value])
    }

    /// If memory holds `expected`, writes `new`, in one step; gives the value read.
    pub fn atomic_cas(
        &mut self,
        access: MemType,
        order: Order,
        mem: impl Into<Mem>,
        expected: VReg,
        new: VReg,
    ) -> VReg {
        self.atomic(Op::AtomicCas, self.ty(expected), 0, access, order, mem.into(), &[expected, new])
    }

    /// Ends the function: translates block handles to layout numbers and gives the body to the module.
    ///
    /// # Errors
    /// A target that was never placed, a last block without terminator, no instructions.
    pub fn finish(mut self) -> Result<FuncId, BuildError> {
        if self.block != NONE || self.f.insts.last().is_some_and(|i| i.op.falls_through()) {
            return Err(BuildError::FallsOffEnd);
        }
        if self.f.insts.is_empty() {
            return Err(BuildError::Empty);
        }
        self.translate_blocks()?;
        // A position given after the last instruction holds for none.
        self.f.positions.pop_if(|(inst, _)| inst.index() >= self.f.insts.len());
        self.module.set_body(self.func, self.f);
        Ok(self.func)
    }

    /// Rewrites every block operand from handle to layout number. Only terminators and the instructions noted in
    /// `inner_targets` have any, so this does not read the whole function.
    fn translate_blocks(&mut self) -> Result<(), BuildError> {
        let placed = &self.placed;
        let address = |handle: u32| match placed.get(handle as usize) {
            Some(&layout) if layout != NONE => Ok(layout),
            _ => Err(BuildError::UnplacedBlock(Block(handle))),
        };
        let mut to_start = false;
        let mut to = |handle: u32| {
            let layout = address(handle)?;
            to_start |= layout == 0;
            Ok(layout)
        };
        let ends = self.f.blocks.iter().skip(1).map(|b| b.start).chain([self.f.insts.len() as u32]);
        for at in ends.map(|end| end - 1).chain(self.inner_targets.iter().copied()) {
            let inst = &mut self.f.insts[at as usize];
            match inst.op.shape() {
                Shape::Jump | Shape::Branch | Shape::FBranch => inst.dst = to(inst.dst)?,
                Shape::LabelAddr => inst.a = address(inst.a)?,
                Shape::OverflowUnary => inst.b = to(inst.b)?,
                Shape::Overflow => {
                    let word = &mut self.f.pool[inst.b as usize + 1];
                    *word = to(*word)?;
                }
                Shape::Switch => {
                    let tail = &mut self.f.pool[inst.b as usize..];
                    tail[0] = to(tail[0])?;
                    let cases = tail[1] as usize;
                    for case in tail[2..2 + 3 * cases].chunks_exact_mut(3) {
                        case[2] = to(case[2])?;
                    }
                }
                _ => {}
            }
        }
        for block in self.f.label_sets.iter_mut().flatten() {
            block.0 = to(block.0)?;
        }
        for entry in &mut self.f.entries {
            entry.block.0 = to(entry.block.0)?;
        }
        if to_start {
            Counts(&mut self.f.vregs[..self.f.params as usize]).start_is_target();
        }
        // A block that nothing goes to may be left unplaced; its name goes with it.
        self.f.block_names.permute(|handle| {
            let layout = *placed.get(handle)?;
            (layout != NONE).then_some(layout as usize)
        });
        Ok(())
    }

    /// The layout number that a block handle has received, for data that holds labels; known once it is placed.
    pub fn placed(&self, block: Block) -> Option<Block> {
        let layout = *self.placed.get(block.index())?;
        (layout != NONE).then_some(Block(layout))
    }
}
