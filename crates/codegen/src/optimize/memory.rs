//! Loads of what is known to be in memory, and stores that nothing reads.
//!
//! A walk in the order of blocks keeps the *facts* that hold: at this place stands this value, because it was loaded from
//! there or stored there. A load from a place with a fact becomes its value, cut and extended as memory would have
//! done; a store of what is there already goes. What may write a place ends its facts. Where ways join, those hold that
//! all of them bring; at a loop's header, those of before the loop that nothing in the loop may change. A fact
//! that reaches a block was made in one that dominates it, so its value is at hand there.
//!
//! A second walk, backward through each block, drops stores to what is stored again before anything could see it, stores to
//! slots of which nothing is loaded, and at the function's ends stores to slots that nobody else sees. What may trap
//! or leave sees memory; loads and stores that may trap do not (their traps are not ordered with effects that nobody has
//! observed), unless they are marked precise.
//!
//! At most [`FACTS`] facts are kept; beyond, the oldest goes. O(instructions * FACTS), in a straight line mostly far less.
//! Source: the dominator-scoped available loads of Cooper, Eckhardt and Kennedy, "Redundancy Elimination Revisited",
//! PACT 2008, joined as a forward problem of the meet over predecessors.

use super::alias::{Addresses, LoopMemory, Place, Touch, touch};
use super::cfg::Cfg;
use super::lent::{Borrower, Lent, fill, make_room, swap};
use super::loops::Loops;
use super::operands::map_uses;
use super::{Body, dead};
use kiln_ir::function::aux;
use kiln_ir::op::{Effect, Op};
use kiln_ir::{Block, InstData, Type, VReg};

/// How many facts are kept.
pub const FACTS: usize = 16;

/// What the pass remembers.
#[derive(Debug, Default)]
pub struct Scratch {
    facts: Vec<Fact>,
    /// The facts that hold, oldest first, with the hashes of their places.
    holding: Vec<Held>,
    /// Those that hold at the ends of blocks, and where each block's stand.
    ends: Vec<Held>,
    end_of: Vec<(u32, u32)>,
    /// For each value, what it is replaced by.
    value: Vec<VReg>,
    /// What becomes of each of the instructions that [`Addresses`] lists.
    change: Vec<Change>,
    /// Instructions that take the place of loads.
    new: Vec<InstData>,
    /// For each instruction whether it stays.
    stays: Vec<bool>,
    /// For each slot, whether anything is loaded from it.
    is_loaded: Vec<bool>,
    later: Vec<Place>,
    covered: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Fact {
    place: Place,
    /// The value, or none for a constant.
    value: VReg,
    constant: i32,
    /// Whether the value is what a load with this access gives; if not, only the bytes of the access are known.
    loaded: bool,
    /// Whether what it is known from takes place in any case: a store, or a load that stays even if nobody uses it.
    kept: bool,
}

/// A fact by number.
#[derive(Clone, Copy, Debug)]
struct Held {
    fact: u32,
    hash: u32,
}

impl Borrower for Scratch {
    fn exchange(&mut self, lent: &mut Lent) {
        lent.bits([&mut self.stays]);
        swap(&mut self.change, &mut lent.taken.origins);
        std::mem::swap(&mut self.value, &mut lent.values);
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Change {
    Stays,
    Goes,
    /// It becomes one of the new instructions.
    Becomes(u32),
}

/// Removes redundant loads and dead stores; `across` blocks, or in each by itself. Says whether anything changed.
pub fn memory(
    body: &mut Body,
    cfg: &Cfg,
    loops: &Loops,
    (addresses, in_loops): (&Addresses, &LoopMemory),
    across: bool,
    scratch: &mut Scratch,
) -> bool {
    if !addresses.any_access() {
        return false;
    }
    fill(&mut scratch.change, addresses.touching_count(), Change::Stays);
    scratch.new.clear();
    make_room(&mut scratch.value, body.f.vregs().len());
    scratch.value.extend((0..body.f.vregs().len() as u32).map(VReg));
    scratch.loads(body, cfg, loops, (addresses, in_loops), across);
    scratch.stores(body, addresses);
    let Some(first) = scratch.change.iter().position(|change| *change != Change::Stays) else { return false };
    scratch.write(body, addresses, first);
    true
}

impl Scratch {
    fn loads(
        &mut self,
        body: &Body,
        cfg: &Cfg,
        loops: &Loops,
        (addresses, in_loops): (&Addresses, &LoopMemory),
        across: bool,
    ) {
        self.facts.clear();
        self.ends.clear();
        self.end_of.clear();
        for b in 0..body.blocks() {
            self.holding.clear();
            if across {
                self.begin_block(body, cfg, loops, (addresses, in_loops), Block(b));
            } else {
                self.facts.clear();
            }
            for n in addresses.touching_of(Block(b)) {
                let inst = &body.f.insts()[addresses.touching(n)];
                match touch(inst) {
                    Touch::Nothing | Touch::Shows => {}
                    Touch::Reads => self.load(body, addresses, n, inst),
                    Touch::Writes => self.store(body, addresses, n, inst),
                    Touch::All => {
                        let facts = &self.facts;
                        self.holding.retain(|held| {
                            let place = &facts[held.fact as usize].place;
                            addresses.is_private(place) || place.is_constant()
                        });
                        if inst.op == Op::Store {
                            self.overwrite(addresses, &addresses.place(body, inst));
                        }
                    }
                }
            }
            if across {
                let start = self.ends.len() as u32;
                self.ends.extend(&self.holding);
                self.end_of.push((start, self.ends.len() as u32));
            }
        }
    }

    /// The facts that hold at the start of a block.
    fn begin_block(
        &mut self,
        body: &Body,
        cfg: &Cfg,
        loops: &Loops,
        (addresses, in_loops): (&Addresses, &LoopMemory),
        block: Block,
    ) {
        let own = loops.of(block).filter(|n| {
            let own = &loops.loops[*n as usize];
            own.header == block && !own.irreducible
        });
        let mut first = true;
        for pred in cfg.preds(block) {
            if own.is_some_and(|n| loops.contains(n, pred.from)) {
                continue;
            }
            let edge = &body.edges[pred.edge as usize];
            // Facts are known at the ends of blocks that were before; in their middles, where cold edges leave, not.
            let known = pred.from < block && edge.inst.index() + 1 == body.f.block_range(pred.from).end;
            let (start, end) = if known { self.end_of[pred.from.index()] } else { (0, 0) };
            let mut brought = self.ends[start as usize..end as usize].iter().copied().peekable();
            if std::mem::take(&mut first) {
                self.holding.extend(brought);
            } else {
                // Both are in the order of the facts' numbers.
                self.holding.retain(|held| {
                    while brought.next_if(|other| other.fact < held.fact).is_some() {}
                    brought.peek().is_some_and(|other| other.fact == held.fact)
                });
            }
        }
        if let Some(n) = own {
            let facts = &self.facts;
            self.holding.retain(|held| {
                let place = &facts[held.fact as usize].place;
                !in_loops.is_clobbered(addresses, place, n)
            });
        }
    }

    fn add(&mut self, fact: Fact) {
        if self.holding.len() == FACTS {
            self.holding.remove(0);
        }
        self.holding.push(Held { fact: self.facts.len() as u32, hash: fact.place.hash() });
        self.facts.push(fact);
    }

    /// Ends the facts about what a store may write.
    fn overwrite(&mut self, addresses: &Addresses, place: &Place) {
        let facts = &self.facts;
        self.holding.retain(|held| !addresses.may_overlap(&facts[held.fact as usize].place, place));
    }

    fn load(&mut self, body: &Body, addresses: &Addresses, n: usize, inst: &InstData) {
        let place = addresses.place(body, inst);
        let hash = place.hash();
        let kept = inst.aux & aux::KEEP != 0;
        let known = self.holding.iter().rev().filter(|held| held.hash == hash).find_map(|held| {
            let fact = &self.facts[held.fact as usize];
            let fits = fact.place.starts_with(&place) && place.access.bytes() <= fact.place.access.bytes();
            if fits && (fact.kept || !kept) { replacement(body, fact, inst) } else { None }
        });
        let dst = VReg(inst.dst);
        match known {
            Some(Replacement::Value(value)) => {
                self.value[dst.index()] = self.value[value.index()];
                self.change[n] = Change::Goes;
            }
            Some(Replacement::Inst(new)) => {
                self.change[n] = Change::Becomes(self.new.len() as u32);
                self.new.push(new);
            }
            None => self.add(Fact { place, value: dst, constant: 0, loaded: true, kept }),
        }
    }

    fn store(&mut self, body: &Body, addresses: &Addresses, n: usize, inst: &InstData) {
        let place = addresses.place(body, inst);
        let (value, constant) = match inst.value_is_imm() {
            true => (VReg::NONE, inst.dst as i32),
            false => (self.value[inst.dst as usize], 0),
        };
        let hash = place.hash();
        let is_there = self.holding.iter().filter(|held| held.hash == hash).any(|held| {
            let fact = &self.facts[held.fact as usize];
            let there = if fact.value.is_none() { fact.value } else { self.value[fact.value.index()] };
            (there, fact.constant) == (value, constant)
                && fact.place.starts_with(&place)
                && fact.place.access.bytes() == place.access.bytes()
                && fact.place.access.is_float() == place.access.is_float()
        });
        if is_there {
            self.change[n] = Change::Goes;
            return;
        }
        self.overwrite(addresses, &place);
        self.add(Fact { place, value, constant, loaded: false, kept: true });
    }

    /// Finds stores that nothing sees.
    fn stores(&mut self, body: &Body, addresses: &Addresses) {
        let f = &body.f;
        self.is_loaded.clear();
        self.is_loaded.resize(f.slots().len(), false);
        let list = if f.slots().is_empty() { 0 } else { addresses.touching_count() };
        for n in 0..list {
            let inst = &f.insts()[addresses.touching(n)];
            if inst.op == Op::Load
                && self.change[n] == Change::Stays
                && let Some(slot) = addresses.place(body, inst).slot()
            {
                self.is_loaded[slot.index()] = true;
            }
        }
        for b in 0..body.blocks() {
            // Behind the function's end nobody sees what is private.
            let mut ends = body.edges_of(Block(b)).is_empty();
            self.covered.clear();
            self.later.clear();
            for n in addresses.touching_of(Block(b)).rev() {
                let at = addresses.touching(n);
                let inst = &f.insts()[at];
                if self.change[n] != Change::Stays {
                    continue;
                }
                if inst.op.effect() == Effect::control
                    && !body.edges_at(Block(b), kiln_ir::Inst(at as u32)).is_empty()
                {
                    self.covered.clear();
                    ends = false;
                    continue;
                }
                match touch(inst) {
                    Touch::Nothing => {}
                    Touch::Reads => {
                        let place = addresses.place(body, inst);
                        self.covered.retain(|store| !addresses.may_overlap(store, &place));
                        if ends && addresses.is_private(&place) {
                            self.later.push(place);
                            ends = self.later.len() <= FACTS;
                        }
                    }
                    Touch::Writes => {
                        let place = addresses.place(body, inst);
                        let unseen = addresses.is_private(&place)
                            && (place.slot().is_some_and(|slot| !self.is_loaded[slot.index()])
                                || ends
                                    && !self.later.iter().any(|load| addresses.may_overlap(load, &place)));
                        if unseen || self.covered.iter().any(|store| place.is_within(store)) {
                            self.change[n] = Change::Goes;
                        } else if self.covered.len() < FACTS {
                            self.covered.push(place);
                        }
                    }
                    Touch::Shows | Touch::All => {
                        self.covered.retain(|store| addresses.is_private(store));
                        if matches!(inst.op, Op::Load | Op::Store) {
                            let place = addresses.place(body, inst);
                            self.covered.retain(|store| !addresses.may_overlap(store, &place));
                            ends &= !addresses.is_private(&place);
                        }
                    }
                }
            }
        }
    }

    /// Carries out the changes, the first of which is that of this place in the list.
    fn write(&mut self, body: &mut Body, addresses: &Addresses, first: usize) {
        let Scratch { value, change, new, stays, .. } = self;
        fill(stays, body.f.insts().len(), true);
        let arrays = body.f.arrays();
        for (n, change) in change.iter().enumerate().skip(first) {
            let at = addresses.touching(n);
            match change {
                Change::Stays => {}
                Change::Goes => stays[at] = false,
                Change::Becomes(n) => arrays.insts[at] = new[*n as usize],
            }
        }
        // Before the first change no instruction reads a value that has been replaced.
        for inst in &mut arrays.insts[addresses.touching(first)..] {
            map_uses(inst, arrays.pool, |v| value[v.index()]);
        }
        body.args.iter_mut().for_each(|v| *v = value[v.index()]);
        dead::drop_insts(body, stays);
    }
}

/// What takes the place of a load.
enum Replacement {
    /// Another value.
    Value(VReg),
    /// An instruction that writes the load's value.
    Inst(InstData),
}

/// What a load gives where a fact holds whose place begins at the same address and is at least as wide.
fn replacement(body: &Body, fact: &Fact, inst: &InstData) -> Option<Replacement> {
    let (load, known) = (inst.access(), fact.place.access);
    let one =
        |op, ty, a: VReg, b| Some(Replacement::Inst(InstData { op, ty, aux: 0, dst: inst.dst, a: a.0, b }));
    if load.is_float() != known.is_float() || load.is_float() && load != known {
        return None;
    }
    if fact.value.is_none() {
        let shift = 64 - 8 * load.bytes();
        let bits = (fact.constant as i64) << shift;
        let value = if load.signed() || inst.ty.bytes() == load.bytes() {
            bits >> shift
        } else {
            (bits as u64 >> shift) as i64
        };
        let value = i32::try_from(if inst.ty == Type::I32 { value as i32 as i64 } else { value }).ok()?;
        return one(Op::Const, inst.ty, VReg(0), value as u32);
    }
    let from = body.f.ty(fact.value);
    if load.is_float() || fact.loaded && load == known && from == inst.ty {
        return (from == inst.ty).then_some(Replacement::Value(fact.value));
    }
    let (bytes, to) = (load.bytes(), inst.ty);
    if bytes == to.bytes() {
        return match (from, to) {
            _ if from == to => Some(Replacement::Value(fact.value)),
            _ if from.bytes() == to.bytes() => one(Op::Copy, to, fact.value, 0),
            (_, Type::I32) => one(Op::Trunc, Type::I32, fact.value, 0),
            _ => None,
        };
    }
    // Narrower than the register: extended.
    let signed = load.signed();
    match (from, to) {
        (_, Type::Ptr) => None,
        (Type::I32, Type::I64) if bytes == 4 => {
            one(if signed { Op::Sext } else { Op::Zext }, Type::I64, fact.value, 0)
        }
        _ if from.bytes() == to.bytes() => match (bytes, signed) {
            (1, true) => one(Op::Sext8, to, fact.value, 0),
            (1, false) => one(Op::Zext8, to, fact.value, 0),
            (2, true) => one(Op::Sext16, to, fact.value, 0),
            (2, false) => one(Op::Zext16, to, fact.value, 0),
            (_, true) => one(Op::Sbits, to, fact.value, (8 * bytes) << 8),
            (_, false) => one(Op::Ubits, to, fact.value, (8 * bytes) << 8),
        },
        _ => None,
    }
}
