//! Value numbering: an instruction that computes what one above it has computed gives that one's value.
//!
//! A table by hash with open addressing holds the instructions written so far. The walk is a preorder of the dominator
//! tree, so an instruction's block dominates the current one exactly while the walk is below it: each entry says where
//! that ends, and one that has ended gives way to its successor of the same key.
//!
//! Each search goes to a place of its own, so for a very large function nearly each would miss the caches. Above [`LARGE`]
//! the table has a size that stays in them, and forgets: an entry that finds no free place close to its hash takes that
//! of one that has ended or, failing that, of the oldest. Equal computations mostly stand close to each other.

use crate::optimize::LARGE;
use crate::optimize::lent::fill;
use kiln_ir::op::Shape;
use kiln_ir::{Function, InstData};

#[derive(Clone, Copy, Debug)]
pub struct Entry {
    hash: u32,
    /// The instruction, by its place in the draft.
    inst: u32,
    /// The place in preorder where the blocks end that its block dominates; 0 if there is no entry.
    end: u32,
    /// To the size of other records.
    _unused: u32,
}

const EMPTY: Entry = Entry { hash: 0, inst: 0, end: 0, _unused: 0 };

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub entries: Vec<Entry>,
    mask: usize,
    count: usize,
    /// How many places are looked at.
    reach: usize,
}

/// The entries for a large function: 256 kB of them.
const BOUND: usize = 1 << 14;
/// How far from its hash an entry may stand there.
const REACH: usize = 4;

/// What a search came to.
pub enum Found {
    /// The same computation, and its place.
    Same(u32, Place),
    /// There is none: the place for it.
    Place(Place),
}

/// A place in the table that may be written.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    at: usize,
    hash: u32,
}

impl Table {
    /// Forgets everything and makes room for a function of so many instructions, as long as a quarter of them are of ops that
    /// are not numbered: the table is at most three quarters full.
    pub fn begin(&mut self, insts: usize) {
        if insts > LARGE {
            self.empty(BOUND, REACH);
        } else {
            self.empty(insts.next_power_of_two().max(64), usize::MAX);
        }
    }

    fn empty(&mut self, size: usize, reach: usize) {
        fill(&mut self.entries, size, EMPTY);
        self.mask = size - 1;
        self.count = 0;
        self.reach = reach;
    }

    /// Looks for the computation of an instruction, at this place of the walk.
    pub fn find(&self, inst: &InstData, f: &Function, insts: &[InstData], place: u32) -> Found {
        let tail = operands(inst, f);
        let hash = hash(inst, tail);
        let mut at = hash as usize & self.mask;
        for _ in 0..self.reach {
            let entry = self.entries[at];
            if entry.end == 0 {
                return Found::Place(Place { at, hash });
            }
            if entry.hash == hash && same(inst, tail, &insts[entry.inst as usize], f) {
                if place < entry.end {
                    return Found::Same(entry.inst, Place { at, hash });
                }
                return Found::Place(Place { at, hash });
            }
            at = (at + 1) & self.mask;
        }
        Found::Place(Place { at: self.oldest(hash as usize, place), hash })
    }

    /// Which of the entries within reach of a hash is forgotten, if all places are taken.
    fn oldest(&self, hash: usize, place: u32) -> usize {
        let within = (0..self.reach).map(|n| (hash + n) & self.mask);
        let age = |at: &usize| {
            let entry = &self.entries[*at];
            (place < entry.end, entry.inst)
        };
        within.min_by_key(age).unwrap_or(hash & self.mask)
    }

    /// Adds an instruction whose block dominates what the walk meets before `end`.
    pub fn add(&mut self, place: Place, inst: u32, end: u32, insts: &[InstData], f: &Function) {
        self.count += (self.entries[place.at].end == 0) as usize;
        self.entries[place.at] = Entry { hash: place.hash, inst, end, _unused: 0 };
        if self.count * 4 > self.mask * 3 && self.reach > self.mask {
            self.grow(insts, f);
        }
    }

    /// Divisions become several instructions each, so there may be more than the source has.
    fn grow(&mut self, insts: &[InstData], f: &Function) {
        let old = std::mem::take(&mut self.entries);
        self.empty(2 * old.len(), usize::MAX);
        for entry in old.iter().filter(|entry| entry.end != 0) {
            let inst = &insts[entry.inst as usize];
            // No two are the same: they were all in one table.
            if let Found::Place(place) = self.find(inst, f, insts, u32::MAX) {
                self.entries[place.at] = *entry;
                self.count += 1;
            }
        }
    }
}

/// The words of the tail that are operands.
fn operands<'f>(inst: &InstData, f: &'f Function) -> &'f [u32] {
    if !inst.has_tail() {
        return &[];
    }
    let words = match inst.op.shape() {
        Shape::Pair => 1,
        Shape::Address => 3,
        _ => 2,
    };
    &f.pool()[inst.b as usize..inst.b as usize + words]
}

/// Everything but results.
fn head(inst: &InstData) -> u64 {
    inst.op as u64 | (inst.ty as u64) << 8 | (inst.aux as u64) << 16 | (inst.a as u64) << 32
}

fn hash(inst: &InstData, tail: &[u32]) -> u32 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = head(inst).wrapping_mul(K);
    if !inst.has_tail() {
        hash = (hash.rotate_left(23) ^ inst.b as u64).wrapping_mul(K);
    }
    for word in tail {
        hash = (hash.rotate_left(23) ^ *word as u64).wrapping_mul(K);
    }
    (hash >> 32) as u32
}

fn same(inst: &InstData, tail: &[u32], other: &InstData, f: &Function) -> bool {
    head(inst) == head(other) && if inst.has_tail() { tail == operands(other, f) } else { inst.b == other.b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_ir::{Linkage, Module, Signature, Type};

    /// Numbers sums of a parameter and `n`, each followed by the one of three rounds before. How many of the latter were
    /// found, of what table.
    fn found(rounds: i64) -> (i64, Table) {
        let mut module = Module::new();
        let func = module.declare("f", Signature::new([Type::I64], [Type::I64]), Linkage::Export);
        let mut b = module.build(func);
        let x = b.param(0);
        for n in 0..rounds {
            b.add(x, n);
            b.add(x, n - 3);
        }
        b.ret(&[x]);
        b.finish().expect("a complete function");
        let f = &module.take_body(func).expect("a body");
        let mut table = Table::default();
        table.begin(f.insts().len());
        let mut same = 0;
        for (n, inst) in (0..2 * rounds as u32).zip(f.insts()) {
            match table.find(inst, f, f.insts(), 0) {
                Found::Same(earlier, _) => {
                    assert_eq!(f.insts()[earlier as usize].b, inst.b);
                    same += 1;
                }
                Found::Place(place) => table.add(place, n, 1, f.insts(), f),
            }
        }
        (same, table)
    }

    #[test]
    fn equal_computations_are_found_whether_or_not_the_table_may_grow() {
        assert_eq!(found(1_000).0, 997);
        let (same, table) = found(100_000);
        assert_eq!((same, table.entries.len()), (99_997, BOUND));
    }
}
