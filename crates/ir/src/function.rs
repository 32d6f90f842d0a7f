//! Functions: virtual registers, blocks and their instructions in one contiguous array of 16-byte records.
//!
//! Every pass reads whole records in order, so the records stand in one array; what does not fit a record (a third
//! operand, a second result, an argument list) stands in its *tail*, a run of words in the function's side pool that
//! word `b` points to. Facts about registers that both compilers start from (uses, definitions, first and last
//! place) are counted while the function is built.
//!
//! Invariants after [`crate::FunctionBuilder::finish`]: blocks are numbered in layout order and are not empty; every
//! index in a record is below the count of its table; the counts in [`VRegInfo`] are those of the records.

use crate::entity::{Block, FileId, FuncId, Inst, LabelSet, Slot, VReg};
use crate::op::{Cond, FCond, Field, Hint, Mentions, Op, Order, Rmw, Role, Shape, Variant, Variants};
use crate::types::{MemType, Type};

/// One instruction: 16 bytes. Which word means what is the op's [`Shape`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct InstData {
    /// The op.
    pub op: Op,
    /// The op's type, its suffix in the text form; [`Type::I32`] where the table names no types.
    pub ty: Type,
    /// Flags and attributes; see the accessors.
    pub aux: u16,
    /// Mostly the register written; a branch's target; a store's value.
    pub dst: u32,
    /// First operand.
    pub a: u32,
    /// Second operand, or the start of the tail in the side pool.
    pub b: u32,
}

const _: () = assert!(size_of::<InstData>() == 16);

/// Bits of [`InstData::aux`].
///
/// Bits 0, 1 and 15 are flags of every op. Between them: for ops with a variant that access no memory, the variant
/// in bits 2 to 5 and the hint in bits 6 and 7; for memory ops the access in bits 2 to 6, then either alias class
/// (7 to 10) and attributes (11 to 14), or for atomics the operation (7 to 10) and the order (11 to 13).
pub mod aux {
    /// The operand of role `UseOrImm` is a constant.
    pub const IMM: u16 = 1;
    /// `b` is the start of a tail in the side pool.
    pub const TAIL: u16 = 1 << 1;
    /// First bit of the variant of an op that accesses no memory.
    pub const VARIANT: u32 = 2;
    /// First bit of a branch's hint.
    pub const HINT: u32 = 6;
    /// First bit of the access type of a memory op.
    pub const ACCESS: u32 = 2;
    /// First bit of the alias class.
    pub const ALIAS: u32 = 7;
    /// First bit of an atomic's operation.
    pub const RMW: u32 = 7;
    /// First bit of an atomic's order.
    pub const ORDER: u32 = 11;
    /// The access happens exactly as written, once, in order with other volatile ones.
    pub const VOLATILE: u16 = 1 << 11;
    /// The producer promises that the access does not trap.
    pub const NO_TRAP: u16 = 1 << 12;
    /// The data will not be used again soon.
    pub const NON_TEMPORAL: u16 = 1 << 13;
    /// A trap of this access is ordered with all other effects.
    pub const PRECISE: u16 = 1 << 14;
    /// A store's value in `dst` is a constant.
    pub const VALUE_IMM: u16 = 1 << 15;
    /// A load takes place, and traps if it must, even if nobody uses what it loads. (The bit is free there: stores stay anyway.)
    pub const KEEP: u16 = 1 << 15;
}

impl InstData {
    /// Whether the operand of role `UseOrImm` is a constant.
    #[inline]
    pub const fn has_imm(&self) -> bool {
        self.aux & aux::IMM != 0
    }

    /// Whether `b` is the start of a tail.
    #[inline]
    pub const fn has_tail(&self) -> bool {
        self.aux & aux::TAIL != 0
    }

    /// Whether a store's value is the constant in `dst`, sign-extended.
    #[inline]
    pub const fn value_is_imm(&self) -> bool {
        self.aux & aux::VALUE_IMM != 0
    }

    /// The condition of a compare, branch or guard of integers.
    #[inline]
    pub const fn cond(&self) -> Cond {
        match Cond::from_number((self.aux >> aux::VARIANT & 15) as u8) {
            Some(c) => c,
            None => Cond::Eq,
        }
    }

    /// The predicate of a compare, branch or guard of floats.
    #[inline]
    pub const fn fcond(&self) -> FCond {
        match FCond::from_number((self.aux >> aux::VARIANT & 15) as u8) {
            Some(c) => c,
            None => FCond::Eq,
        }
    }

    /// The guess which way a branch goes.
    #[inline]
    pub const fn hint(&self) -> Hint {
        match Hint::from_number((self.aux >> aux::HINT & 3) as u8) {
            Some(h) => h,
            None => Hint::None,
        }
    }

    /// The access of a memory op.
    #[inline]
    pub const fn access(&self) -> MemType {
        MemType((self.aux >> aux::ACCESS & 31) as u8)
    }

    /// The alias class of a load or store, 0 to 15; 0 may alias anything.
    #[inline]
    pub const fn alias(&self) -> u8 {
        (self.aux >> aux::ALIAS & 15) as u8
    }

    /// The operation of an atomic read-modify-write.
    #[inline]
    pub const fn rmw(&self) -> Rmw {
        match Rmw::from_number((self.aux >> aux::RMW & 15) as u8) {
            Some(r) => r,
            None => Rmw::Add,
        }
    }

    /// The order of an atomic or fence.
    #[inline]
    pub const fn order(&self) -> Order {
        match Order::from_number((self.aux >> aux::ORDER & 7) as u8) {
            Some(o) => o,
            None => Order::SeqCst,
        }
    }

    /// The variant that fills the mnemonic's braces.
    pub const fn variant(&self) -> Variant {
        match self.op.shape().variants() {
            Variants::None => Variant::None,
            Variants::Cond => Variant::Cond(self.cond()),
            Variants::FCond => Variant::FCond(self.fcond()),
            Variants::Rmw => Variant::Rmw(self.rmw()),
        }
    }

    /// The aux bits that say this variant.
    pub const fn variant_bits(variant: Variant) -> u16 {
        match variant {
            Variant::None => 0,
            Variant::Rmw(r) => (r as u16) << aux::RMW,
            v => (v.number() as u16) << aux::VARIANT,
        }
    }
}

/// What is known of a virtual register: 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VRegInfo {
    /// Its type.
    pub ty: Type,
    /// Flags: [`VRegInfo::GLOBAL`], [`VRegInfo::DEFINED`], [`VRegInfo::MULTI`].
    pub flags: u8,
    /// Number of times it is read, at most 65535.
    pub uses: u16,
    /// The first instruction that mentions it (0 for parameters); `u32::MAX` if none does.
    pub first: u32,
    /// The last instruction that mentions it.
    pub last: u32,
    /// The block of the first mention, in layout order.
    pub block: u32,
}

impl VRegInfo {
    /// Its value may cross from block to block: mentioned in more than one, or a parameter of a further entry, or
    /// a parameter of a function whose first block is a jump's target. A register without this flag that is
    /// assigned before it is read in its block (as the verifier asks) is dead at the block's ends.
    pub const GLOBAL: u8 = 1;
    /// Written at least once (parameters are).
    pub const DEFINED: u8 = 2;
    /// Written more than once.
    pub const MULTI: u8 = 4;

    /// A register of this type that nothing mentions yet.
    pub const fn new(ty: Type) -> VRegInfo {
        VRegInfo { ty, flags: 0, uses: 0, first: u32::MAX, last: 0, block: u32::MAX }
    }

    /// Whether its value stays in one block; see [`VRegInfo::GLOBAL`].
    #[inline]
    pub const fn is_local(&self) -> bool {
        self.flags & VRegInfo::GLOBAL == 0
    }
}

/// Storage in the frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SlotData {
    /// Size in bytes.
    pub size: u32,
    /// Alignment in bytes, a power of two up to 4096.
    pub align: u32,
}

/// The highest power of two that a block can be aligned to.
pub const MAX_BLOCK_ALIGN: u8 = 12;

/// A block: where its instructions start. They end where the next block's start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockData {
    /// Its first instruction.
    pub start: u32,
    /// Whether it runs rarely.
    pub cold: bool,
    /// The power of two that its address is a multiple of, at least: 0 to 12.
    pub align: u8,
}

impl BlockData {
    /// A block that lies anywhere.
    pub const fn new(start: u32, cold: bool) -> BlockData {
        BlockData { start, cold, align: 0 }
    }
}

/// A further entry point of a function. Calling it makes a new activation whose first act is to assign the
/// registers and to go to the block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it is called by: a declaration whose [`FuncDecl::entry_of`](crate::FuncDecl::entry_of) is this function.
    pub func: FuncId,
    /// The registers that take the arguments.
    pub params: Vec<VReg>,
    /// Where it goes.
    pub block: Block,
}

/// A place in a source file. Lines and columns count from 1; column 0 stands for the whole line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pos {
    /// The file, as the module's table names it.
    pub file: FileId,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Optional names of registers, blocks or slots, kept apart from what the compilers read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    names: Vec<Option<Box<str>>>,
}

impl Names {
    /// The name of the object with this index.
    pub fn get(&self, index: usize) -> Option<&str> {
        self.names.get(index)?.as_deref()
    }

    /// Names the object with this index. An empty name is not taken.
    pub fn set(&mut self, index: usize, name: &str) {
        if name.is_empty() {
            return;
        }
        if self.names.len() <= index {
            self.names.resize(index + 1, None);
        }
        self.names[index] = Some(name.into());
    }

    /// The named objects in order of their indices.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        self.names.iter().enumerate().filter_map(|(i, n)| Some((i, n.as_deref()?)))
    }

    /// Forgets every name.
    pub fn clear(&mut self) {
        self.names.clear();
    }

    /// Gives each name to the object with another index, or to none.
    pub(crate) fn permute(&mut self, to: impl Fn(usize) -> Option<usize>) {
        let old = std::mem::take(&mut self.names);
        for (i, name) in old.into_iter().enumerate() {
            if let (Some(name), Some(to)) = (name, to(i)) {
                self.set(to, &name);
            }
        }
    }
}

/// The body of a function.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Function {
    pub(crate) insts: Vec<InstData>,
    pub(crate) pool: Vec<u32>,
    pub(crate) vregs: Vec<VRegInfo>,
    pub(crate) blocks: Vec<BlockData>,
    pub(crate) slots: Vec<SlotData>,
    pub(crate) label_sets: Vec<Vec<Block>>,
    pub(crate) entries: Vec<Entry>,
    /// Number of parameters: they are the registers from 0 on.
    pub(crate) params: u32,
    pub(crate) positions: Vec<(Inst, Pos)>,
    /// Whether any op runs other code.
    pub(crate) has_calls: bool,
    /// Whether any op takes storage from the run-time stack.
    pub(crate) has_alloca: bool,
    /// Whether any op is a tail call.
    pub(crate) has_tail_calls: bool,
    /// Names of registers.
    pub vreg_names: Names,
    /// Names of blocks.
    pub block_names: Names,
    /// Names of slots.
    pub slot_names: Names,
}

impl Function {
    /// All instructions, in layout order.
    #[inline]
    pub fn insts(&self) -> &[InstData] {
        &self.insts
    }

    /// The side pool that tails point into.
    #[inline]
    pub fn pool(&self) -> &[u32] {
        &self.pool
    }

    /// The virtual registers; the first [`Self::params`] of them are the parameters.
    #[inline]
    pub fn vregs(&self) -> &[VRegInfo] {
        &self.vregs
    }

    /// The type of a register.
    #[inline]
    pub fn ty(&self, vreg: VReg) -> Type {
        self.vregs[vreg.index()].ty
    }

    /// The blocks, in layout order.
    #[inline]
    pub fn blocks(&self) -> &[BlockData] {
        &self.blocks
    }

    /// The instructions of a block, as a range of positions.
    #[inline]
    pub fn block_range(&self, block: Block) -> std::ops::Range<usize> {
        let end = self.blocks.get(block.index() + 1).map_or(self.insts.len(), |b| b.start as usize);
        self.blocks[block.index()].start as usize..end
    }

    /// The stack slots.
    pub fn slots(&self) -> &[SlotData] {
        &self.slots
    }

    /// The label sets.
    pub fn label_sets(&self) -> &[Vec<Block>] {
        &self.label_sets
    }

    /// The further entry points.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Number of parameters: they are the registers from 0 on.
    pub fn params(&self) -> u32 {
        self.params
    }

    /// Whether any op runs other code.
    pub fn has_calls(&self) -> bool {
        self.has_calls
    }

    /// Whether any op takes storage from the run-time stack, so that the frame's size is known only at run time.
    pub fn has_alloca(&self) -> bool {
        self.has_alloca
    }

    /// Whether any op is a tail call.
    pub fn has_tail_calls(&self) -> bool {
        self.has_tail_calls
    }

    /// Where source positions begin: each holds for its instruction and those after it, up to the next entry.
    pub fn positions(&self) -> &[(Inst, Pos)] {
        &self.positions
    }

    /// The source position of an instruction.
    pub fn position(&self, inst: Inst) -> Option<Pos> {
        let after = self.positions.partition_point(|(start, _)| *start <= inst);
        Some(self.positions[after.checked_sub(1)?].1)
    }

    /// The block that an instruction stands in.
    pub fn block_of(&self, inst: Inst) -> Block {
        Block(self.blocks.partition_point(|b| b.start <= inst.0) as u32 - 1)
    }

    /// The words from the start of an instruction's tail on; empty if it has none.
    #[inline]
    pub fn tail(&self, inst: &InstData) -> &[u32] {
        if inst.has_tail() { &self.pool[inst.b as usize..] } else { &[] }
    }

    /// The word in which an operand stands.
    #[inline]
    pub fn word(&self, inst: &InstData, field: Field) -> u32 {
        match field {
            Field::Dst => inst.dst,
            Field::A => inst.a,
            Field::B => inst.b,
            Field::Tail(n) => self.pool[inst.b as usize + n as usize],
        }
    }

    /// The memory operand of an op whose shape has one.
    #[inline]
    pub fn mem(&self, inst: &InstData) -> Mem {
        if inst.has_tail() {
            let tail = &self.pool[inst.b as usize..];
            Mem { base: VReg(inst.a), index: VReg(tail[0]), scale: tail[1] as u8, disp: tail[2] as i32 }
        } else {
            Mem { base: VReg(inst.a), index: VReg::NONE, scale: 1, disp: inst.b as i32 }
        }
    }

    /// The parts of a call's tail.
    #[inline]
    pub fn call(&self, inst: &InstData) -> CallParts<'_> {
        let tail = &self.pool[inst.b as usize..];
        let (args, results) = (tail[1] as usize, tail[2] as usize);
        CallParts {
            sig: crate::entity::SigId(tail[0]),
            args: VRegList(&tail[3..3 + args]),
            results: results as u32,
            more_results: VRegList(&tail[3 + args..3 + args + results.saturating_sub(1)]),
        }
    }

    /// The counted list of registers at this word of a tail.
    #[inline]
    pub fn list(&self, inst: &InstData, at: usize) -> VRegList<'_> {
        let tail = &self.pool[inst.b as usize + at..];
        VRegList(&tail[1..1 + tail[0] as usize])
    }

    /// The constant of a `const` op, as the bits of its type (32-bit integers sign-extended).
    #[inline]
    pub fn constant(&self, inst: &InstData) -> u64 {
        if inst.has_tail() {
            self.pool[inst.b as usize] as u64 | (self.pool[inst.b as usize + 1] as u64) << 32
        } else if inst.ty.is_float() {
            inst.b as u64
        } else {
            inst.b as i32 as u64
        }
    }

    /// The default block and the cases (value, block) of a switch.
    pub fn cases(&self, inst: &InstData) -> (Block, impl ExactSizeIterator<Item = (i64, Block)> + '_) {
        let tail = &self.pool[inst.b as usize..];
        let cases = &tail[2..2 + 3 * tail[1] as usize];
        let case = |c: &[u32]| ((c[0] as u64 | (c[1] as u64) << 32) as i64, Block(c[2]));
        (Block(tail[0]), cases.chunks_exact(3).map(case))
    }

    /// Number of words in an instruction's tail.
    pub fn tail_len(&self, inst: &InstData) -> usize {
        if !inst.has_tail() {
            return 0;
        }
        // Nearly all that have one.
        match inst.op.shape() {
            Shape::Load | Shape::Store | Shape::Address => return 3,
            Shape::Const | Shape::Select => return 2,
            _ => {}
        }
        let tail = &self.pool[inst.b as usize..];
        let mut len = 0;
        for (field, role) in inst.op.shape().operands() {
            let at = if let Field::Tail(n) = field { *n as usize } else { 0 };
            len = len.max(match role {
                Role::Mem => 3,
                Role::Const => 2,
                Role::List => at + 1 + tail[at] as usize,
                Role::Cases => 2 + 3 * tail[1] as usize,
                Role::Results => 1 + tail[0] as usize,
                Role::CallList => 3 + tail[1] as usize + (tail[2] as usize).saturating_sub(1),
                _ => at + matches!(field, Field::Tail(_)) as usize,
            });
        }
        len
    }

    /// Calls `f` with each register that the instruction reads.
    #[inline]
    pub fn for_each_use(&self, inst: &InstData, mut f: impl FnMut(VReg)) {
        let mentions = inst.op.mentions();
        if mentions.has(Mentions::MORE_READS) {
            return self.for_each_use_by_shape(inst, &mut f);
        }
        if mentions.has(Mentions::A) {
            f(VReg(inst.a));
        }
        if mentions.has(Mentions::INDEX) && inst.has_tail() {
            let index = VReg(self.pool[inst.b as usize]);
            if !index.is_none() {
                f(index);
            }
        }
        if mentions.has(Mentions::B) && !inst.has_imm() {
            f(VReg(inst.b));
        }
        if mentions.has(Mentions::STORED) && !inst.value_is_imm() {
            f(VReg(inst.dst));
        }
    }

    /// The same with `nobody` in the place of operands that the instruction does not have, as often as saves a branch: for
    /// walks that treat it as a register like others, since which operands there are is hard to foretell.
    #[inline]
    pub fn for_each_use_or(&self, inst: &InstData, nobody: VReg, mut f: impl FnMut(VReg)) {
        let mentions = inst.op.mentions();
        if mentions.has(Mentions::MORE_READS) || mentions.has(Mentions::INDEX) & inst.has_tail() {
            return self.for_each_use(inst, f);
        }
        let second = mentions.has(Mentions::B) & !inst.has_imm();
        let stored = mentions.has(Mentions::STORED) & !inst.value_is_imm();
        f(if mentions.has(Mentions::A) { VReg(inst.a) } else { nobody });
        let either = if stored { inst.dst } else { inst.b };
        f(if second | stored { VReg(either) } else { nobody });
    }

    /// Does it for ops that read more than the words of their records.
    #[inline(never)]
    fn for_each_use_by_shape(&self, inst: &InstData, f: &mut impl FnMut(VReg)) {
        for (field, role) in inst.op.shape().operands() {
            match role {
                Role::Use(_) => f(VReg(self.word(inst, *field))),
                Role::UseOrImm(_) if !inst.has_imm() => f(VReg(self.word(inst, *field))),
                Role::StoreValue if !inst.value_is_imm() => f(VReg(inst.dst)),
                Role::Mem => {
                    let mem = self.mem(inst);
                    f(mem.base);
                    if !mem.index.is_none() {
                        f(mem.index);
                    }
                }
                Role::List => {
                    let Field::Tail(at) = field else { continue };
                    self.list(inst, *at as usize).iter().for_each(&mut *f);
                }
                Role::Results => {
                    if inst.a != VReg::NONE.0 {
                        f(VReg(inst.a));
                    }
                    if inst.has_tail() {
                        self.list(inst, 0).iter().for_each(&mut *f);
                    }
                }
                Role::CallList => self.call(inst).args.iter().for_each(&mut *f),
                _ => {}
            }
        }
    }

    /// Calls `f` with each register that the instruction writes.
    #[inline]
    pub fn for_each_def(&self, inst: &InstData, mut f: impl FnMut(VReg)) {
        let mentions = inst.op.mentions();
        if mentions.has(Mentions::MORE_WRITES) {
            self.for_each_def_by_shape(inst, &mut f);
        } else if mentions.has(Mentions::DST) {
            f(VReg(inst.dst));
        }
    }

    /// Does it for ops that write more than the first word of their records.
    #[inline(never)]
    fn for_each_def_by_shape(&self, inst: &InstData, f: &mut impl FnMut(VReg)) {
        for (field, role) in inst.op.shape().operands() {
            match role {
                Role::Def(_) => f(VReg(self.word(inst, *field))),
                Role::CallList => {
                    let call = self.call(inst);
                    if call.results > 0 {
                        f(VReg(inst.dst));
                    }
                    call.more_results.iter().for_each(&mut *f);
                }
                _ => {}
            }
        }
    }

    /// Calls `f` with each block that the instruction may go to, the cold ones and those of label sets included,
    /// the next block of the layout not.
    #[inline]
    pub fn for_each_target(&self, inst: &InstData, mut f: impl FnMut(Block)) {
        // Nearly all that ask do so for the ends of blocks, and nearly all blocks end so.
        if let Op::Jump | Op::Branch | Op::Fbranch = inst.op {
            return f(Block(inst.dst));
        }
        for (field, role) in inst.op.shape().operands() {
            match role {
                // A label's address is no jump; the jumps name the label set.
                Role::Block if inst.op.shape() == Shape::LabelAddr => {}
                Role::Block | Role::ColdBlock => f(Block(self.word(inst, *field))),
                Role::Cases => {
                    let (default, cases) = self.cases(inst);
                    f(default);
                    cases.for_each(|(_, block)| f(block));
                }
                Role::LabelSet => {
                    let set = LabelSet(self.word(inst, *field));
                    self.label_sets[set.index()].iter().copied().for_each(&mut f);
                }
                _ => {}
            }
        }
    }

    /// The number of a slot's data.
    pub fn slot(&self, slot: Slot) -> SlotData {
        self.slots[slot.index()]
    }

    /// The arrays of the function, for compilers that rewrite functions. What comes out must keep the invariants that
    /// this module states; [`Function::recount`] makes the counts true again. A function that breaks them makes
    /// verifier and compilers panic.
    pub fn arrays(&mut self) -> Arrays<'_> {
        Arrays {
            insts: &mut self.insts,
            pool: &mut self.pool,
            vregs: &mut self.vregs,
            blocks: &mut self.blocks,
            slots: &mut self.slots,
            label_sets: &mut self.label_sets,
            entries: &mut self.entries,
            params: &mut self.params,
            positions: &mut self.positions,
        }
    }

    /// Becomes a copy of another function, but for names and positions, and keeps its memory.
    pub fn copy_from(&mut self, other: &Function) {
        self.clear();
        self.insts.extend_from_slice(&other.insts);
        self.pool.extend_from_slice(&other.pool);
        self.vregs.extend_from_slice(&other.vregs);
        self.blocks.extend_from_slice(&other.blocks);
        self.slots.extend_from_slice(&other.slots);
        self.label_sets.extend_from_slice(&other.label_sets);
        self.entries.extend_from_slice(&other.entries);
        self.params = other.params;
        self.has_calls = other.has_calls;
        self.has_alloca = other.has_alloca;
        self.has_tail_calls = other.has_tail_calls;
    }

    /// Empties the function for the next one and keeps its memory.
    pub fn clear(&mut self) {
        self.insts.clear();
        self.pool.clear();
        self.vregs.clear();
        self.blocks.clear();
        self.slots.clear();
        self.label_sets.clear();
        self.entries.clear();
        self.params = 0;
        self.positions.clear();
        self.has_calls = false;
        self.has_alloca = false;
        self.has_tail_calls = false;
        self.vreg_names.clear();
        self.block_names.clear();
        self.slot_names.clear();
    }
}

/// The arrays of a function, open to changes; see [`Function::arrays`].
#[derive(Debug)]
pub struct Arrays<'f> {
    /// The instructions, in layout order.
    pub insts: &'f mut Vec<InstData>,
    /// The side pool that tails point into.
    pub pool: &'f mut Vec<u32>,
    /// The virtual registers, parameters first.
    pub vregs: &'f mut Vec<VRegInfo>,
    /// The blocks, in layout order.
    pub blocks: &'f mut Vec<BlockData>,
    /// The stack slots.
    pub slots: &'f mut Vec<SlotData>,
    /// The label sets.
    pub label_sets: &'f mut Vec<Vec<Block>>,
    /// The further entries.
    pub entries: &'f mut Vec<Entry>,
    /// The number of parameters.
    pub params: &'f mut u32,
    /// Where source positions begin, ascending.
    pub positions: &'f mut Vec<(Inst, Pos)>,
}

/// A memory operand: `base + index * scale + disp`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mem {
    /// The base register.
    pub base: VReg,
    /// The index register, or [`VReg::NONE`].
    pub index: VReg,
    /// What the index is multiplied by: 1, 2, 4 or 8.
    pub scale: u8,
    /// Added to it all, signed.
    pub disp: i32,
}

/// The parts of a call.
#[derive(Clone, Copy, Debug)]
pub struct CallParts<'f> {
    /// The signature it is made with.
    pub sig: crate::entity::SigId,
    /// All arguments, the variable ones included.
    pub args: VRegList<'f>,
    /// Number of results. The first is in the record's `dst`.
    pub results: u32,
    /// The results after the first.
    pub more_results: VRegList<'f>,
}

/// A list of registers in a tail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VRegList<'f>(pub(crate) &'f [u32]);

impl<'f> VRegList<'f> {
    /// The registers in order.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = VReg> + DoubleEndedIterator + Clone + 'f {
        self.0.iter().map(|word| VReg(*word))
    }

    /// How many there are.
    #[inline]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The register at this place of the list.
    #[inline]
    pub fn get(self, at: usize) -> Option<VReg> {
        self.0.get(at).map(|word| VReg(*word))
    }
}
