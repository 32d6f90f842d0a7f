//! Which instructions are written as part of others: selection decides it, liveness and the allocating walk follow.
//!
//! A *folded* instruction writes nothing where it stands. Whoever reads its result reads its operands instead and
//! computes it as part of its own machine instructions; so all readers fold it or none does, and a value is either in
//! a place or folded. An instruction may also be *absent* because nobody reads it.

use super::Body;
use super::lent::{Borrower, Lent, fill, swap};
use crate::target::x64;
use crate::{Architecture, Features};
use kiln_ir::{Function, Inst, InstData, VReg};

/// Decides what is folded on a target, and drops what nobody reads. O(instructions).
pub fn fuse(body: &Body, architecture: Architecture, features: Features, fused: &mut Fused) {
    match architecture {
        Architecture::X64 => x64::fuse::fuse(body, features, fused),
    }
}

/// What is folded. Its memory is reused from function to function.
#[derive(Debug, Default)]
pub struct Fused {
    /// For each value the instruction that writes it ([`Fused::NOWHERE`] for parameters), with [`Fused::FOLDED`].
    def: Vec<u32>,
    /// For each instruction, one of the marks.
    marks: Vec<u8>,
    /// See [`Fused::uses`].
    uses: Vec<u32>,
    /// For each value, while selection runs.
    pub(crate) offers: Vec<Offer>,
}

/// What the readers of a value that selection has come by can take; which bits mean what is the target's to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    /// How many they are.
    pub reads: u32,
    /// The last of them (the first in the layout).
    pub reader: u32,
    /// Their block.
    pub block: u32,
    /// What all of them take.
    pub take: u8,
    /// How much is folded into each other between them and the value.
    pub depth: u8,
    /// Whether they are in several blocks.
    pub apart: bool,
    /// Whether folding pays for an only reader in the same block alone.
    pub alone: bool,
}

impl Offer {
    /// Nobody has offered anything.
    pub(crate) const NONE: Offer =
        Offer { reads: 0, reader: 0, block: 0, take: u8::MAX, depth: 0, apart: false, alone: false };
}

impl Borrower for Fused {
    fn exchange(&mut self, lent: &mut Lent) {
        lent.words(3, [&mut self.uses]);
        swap(&mut self.offers, &mut lent.quads);
    }
}

impl Fused {
    /// In [`Fused::def`]: the instruction is folded.
    const FOLDED: u32 = 1 << 31;
    const NOWHERE: u32 = Fused::FOLDED - 1;
    /// A mark: it writes nothing where it stands.
    const ABSENT: u8 = 1;
    /// A mark: its result is in its operand's register already.
    const COPY: u8 = 2;

    /// Starts with a body of which nothing is folded. O(instructions).
    pub fn reset(&mut self, body: &Body) {
        let f = &body.f;
        let values = f.vregs().len();
        fill(&mut self.def, values, Fused::NOWHERE);
        // The last one counts what instructions do not read, so that no branch is spent on it.
        fill(&mut self.uses, values + 1, 0);
        for (inst, at) in f.insts().iter().zip(0..) {
            f.for_each_use_or(inst, VReg(values as u32), |v| self.uses[v.index()] += 1);
            f.for_each_def(inst, |v| self.def[v.index()] = at);
        }
        for v in &body.args {
            self.uses[v.index()] += 1;
        }
        self.marks.clear();
        self.marks.resize(f.insts().len(), 0);
    }

    /// The table of what writes values, for exchange: it is wanted longer than the others.
    pub(crate) fn defs(&mut self) -> &mut Vec<u32> {
        &mut self.def
    }

    /// The instruction that writes a value; none for parameters.
    #[inline]
    pub fn def(&self, v: VReg) -> Option<Inst> {
        let at = self.def[v.index()] & !Fused::FOLDED;
        (at != Fused::NOWHERE).then_some(Inst(at))
    }

    /// The instruction that a value's readers fold, if they do.
    #[inline]
    pub fn folded(&self, v: VReg) -> Option<Inst> {
        let at = self.def[v.index()];
        (at & Fused::FOLDED != 0).then_some(Inst(at & !Fused::FOLDED))
    }

    /// Whether an instruction writes nothing where it stands.
    #[inline]
    pub fn is_absent(&self, inst: Inst) -> bool {
        self.marks[inst.index()] & Fused::ABSENT != 0
    }

    /// Whether an extension is a copy, because its operand's register holds the result already.
    #[inline]
    pub fn is_copy(&self, inst: Inst) -> bool {
        self.marks[inst.index()] & Fused::COPY != 0
    }

    /// Says so.
    pub(crate) fn copies(&mut self, inst: Inst) {
        self.marks[inst.index()] |= Fused::COPY;
    }

    /// How often instructions (absent ones not) and edges read a value.
    pub(crate) fn uses(&self, v: VReg) -> u32 {
        self.uses[v.index()]
    }

    /// Makes the readers of an instruction's only result fold it.
    pub(crate) fn fold(&mut self, v: VReg) {
        let def = &mut self.def[v.index()];
        self.marks[*def as usize] |= Fused::ABSENT;
        *def |= Fused::FOLDED;
    }

    /// Drops an instruction whose results nobody reads.
    pub(crate) fn drop(&mut self, f: &Function, inst: Inst) {
        self.marks[inst.index()] |= Fused::ABSENT;
        f.for_each_use(&f.insts()[inst.index()], |v| self.uses[v.index()] -= 1);
    }

    /// Calls `each` with every value that is read where this instruction stands: its own operands, and in the place of
    /// folded ones theirs. Values may come several times. What it calls is as deep as what is folded, which selection bounds.
    #[inline]
    pub fn for_each_read<F: FnMut(VReg)>(&self, f: &Function, inst: &InstData, each: &mut F) {
        f.for_each_use(inst, |v| match self.folded(v) {
            Some(def) => self.for_each_read_in_folded(f, def, each),
            None => each(v),
        });
    }

    fn for_each_read_in_folded<F: FnMut(VReg)>(&self, f: &Function, inst: Inst, each: &mut F) {
        f.for_each_use(&f.insts()[inst.index()], |v| match self.folded(v) {
            Some(def) => self.for_each_read_in_folded(f, def, each),
            None => each(v),
        });
    }
}
