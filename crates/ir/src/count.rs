//! Counting what registers are used for: one pass over the records that gives the same [`VRegInfo`] as the builder
//! counts while it appends. For readers that make records directly and for passes that change them.

use crate::entity::VReg;
use crate::function::{Function, InstData, VRegInfo};
use crate::op::{Effect, Mentions, Op, Shape};
use crate::types::Type;

/// The counts of a function's registers as they grow.
pub(crate) struct Counts<'f>(pub(crate) &'f mut [VRegInfo]);

impl Counts<'_> {
    #[inline]
    fn mention(&mut self, v: VReg, at: u32, block: u32) -> &mut VRegInfo {
        // Without branches: whether a register is new, local or global is what no predictor can guess.
        let info = &mut self.0[v.index()];
        let new = info.block == u32::MAX;
        let global = !new & (info.block != block);
        info.flags |= global as u8 * VRegInfo::GLOBAL;
        info.block = if new { block } else { info.block };
        info.first = if new { at } else { info.first };
        info.last = at;
        info
    }

    /// Counts a read by the instruction at this place of this block.
    #[inline]
    pub(crate) fn read(&mut self, v: VReg, at: u32, block: u32) {
        let info = self.mention(v, at, block);
        info.uses = info.uses.saturating_add(1);
    }

    /// Counts a write by the instruction at this place of this block.
    #[inline]
    pub(crate) fn write(&mut self, v: VReg, at: u32, block: u32) {
        let info = self.mention(v, at, block);
        info.flags |= VRegInfo::DEFINED | (info.flags & VRegInfo::DEFINED) << 1;
    }

    /// Counts a parameter of a further entry: the entry assigns it, so it lives across blocks and has a write more.
    pub(crate) fn entry_parameter(&mut self, v: VReg) {
        self.0[v.index()].flags |= VRegInfo::GLOBAL | VRegInfo::DEFINED | VRegInfo::MULTI;
    }

    /// Notes that some jump goes to the function's first block. The parameters (these counts) are written before
    /// that block, so they live across its edges even if only the block itself mentions them.
    pub(crate) fn start_is_target(&mut self) {
        self.0.iter_mut().for_each(|info| info.flags |= VRegInfo::GLOBAL);
    }
}

impl VRegInfo {
    /// A parameter before any instruction: the function's start writes it.
    pub(crate) const fn parameter(ty: Type) -> VRegInfo {
        VRegInfo { ty, flags: VRegInfo::DEFINED, uses: 0, first: 0, last: 0, block: 0 }
    }
}

/// Whether the op makes its function one that runs other code and comes back.
pub(crate) fn calls(op: Op) -> bool {
    matches!(op.shape(), Shape::Call | Shape::CallPtr)
}

/// What ops make their functions, by their numbers: bits of [`CALLS`], [`ALLOCA`] and [`TAIL_CALLS`].
static MAKES: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < Op::ALL.len() {
        table[Op::ALL[i] as usize] = match Op::ALL[i].shape() {
            Shape::Call | Shape::CallPtr => CALLS,
            Shape::TailCall | Shape::TailCallPtr => TAIL_CALLS,
            Shape::Alloca => ALLOCA,
            _ => 0,
        };
        i += 1;
    }
    table
};

const CALLS: u8 = 1;
const ALLOCA: u8 = 2;
const TAIL_CALLS: u8 = 4;

impl Function {
    /// Finds out anew whether there are calls and `alloca`: the part of [`Function::recount`] that serves those who do not
    /// ask what registers are used for. O(instructions).
    pub fn find_calls(&mut self) {
        let all = self.insts.iter().fold(0, |all, inst| all | MAKES[inst.op as usize]);
        self.has_calls = all & CALLS != 0;
        self.has_alloca = all & ALLOCA != 0;
        self.has_tail_calls = all & TAIL_CALLS != 0;
    }

    /// Counts anew what registers are used for and whether there are calls and `alloca`, from records, blocks and entries.
    /// O(instructions).
    pub fn recount(&mut self) {
        let mut vregs = std::mem::take(&mut self.vregs);
        for (i, info) in vregs.iter_mut().enumerate() {
            let param = (i as u32) < self.params;
            *info = if param { VRegInfo::parameter(info.ty) } else { VRegInfo::new(info.ty) };
        }
        // Takes the mentions that an instruction does not make, so that no branch is spent on them.
        let nobody = VReg(vregs.len() as u32);
        vregs.push(VRegInfo::new(Type::I32));
        let mut counts = Counts(&mut vregs);
        for v in self.entries.iter().flat_map(|e| &e.params) {
            counts.entry_parameter(*v);
        }
        let mut to_start = self.entries.iter().any(|e| e.block.0 == 0)
            || self.label_sets.iter().flatten().any(|block| block.0 == 0);
        self.has_calls = false;
        self.has_alloca = false;
        self.has_tail_calls = false;
        for block in 0..self.blocks.len() {
            let end = self.blocks.get(block + 1).map_or(self.insts.len(), |b| b.start as usize);
            for at in self.blocks[block].start as usize..end {
                let inst: &InstData = &self.insts[at];
                let (place, block) = (at as u32, block as u32);
                let mentions = inst.op.mentions();
                self.for_each_use_or(inst, nobody, |v| counts.read(v, place, block));
                if mentions.has(Mentions::MORE_WRITES) {
                    self.for_each_def(inst, |v| counts.write(v, place, block));
                    self.has_calls |= calls(inst.op);
                    self.has_tail_calls |= matches!(inst.op, Op::TailCall | Op::TailCallPtr);
                } else {
                    let written = if mentions.has(Mentions::DST) { VReg(inst.dst) } else { nobody };
                    counts.write(written, place, block);
                }
                self.has_alloca |= inst.op == Op::Alloca;
                // Label sets have been looked at as a whole: many jumps may share a large one.
                let jumps = matches!(inst.op.effect(), Effect::terminator | Effect::control);
                if jumps && inst.op.shape() != Shape::JumpTo {
                    self.for_each_target(inst, |block| to_start |= block.0 == 0);
                }
            }
        }
        vregs.truncate(nobody.index());
        if to_start {
            Counts(&mut vregs[..self.params as usize]).start_is_target();
        }
        self.vregs = vregs;
    }
}
