//! Which values are live into which blocks, how often each is read in each block, and where reads stand.
//!
//! Lists by path exploration from uses (Boissinot, Hack, Grund, Dupont de Dinechin, Rastello, "Computing Liveness Sets for
//! SSA-Form Programs", 2011): from each block that reads a value of another block, predecessors are walked until the
//! block that writes it. That costs as much as the lists are long. They are held to a multiple of the number of
//! instructions: values whose lists would be too long are *demoted*: they stand in the frame from their definition on, and
//! in the lists of those blocks alone that read them. So does what is made anew where it is needed.
//!
//! Lists also say where the next read is: whether in the innermost loop around a block, and about where. What is read
//! behind the loop alone had better not have a register in it (Braun and Hack, "Register Spilling and Live-Range Splitting
//! for SSA-Form Programs", 2009, where a way out of a loop counts as very long).

use super::loops::Loops;
use crate::emit::{NO_SLOT, Val};
use crate::optimize::lent::{Borrower, Lent, fill, make_room, swap};
use crate::optimize::{Body, Fused};
use crate::regs::Reg;
use kiln_ir::{Block, Inst, Op, VReg};

/// Entries of live lists per instruction, on average, before values are demoted.
const LIMIT: usize = 32;

/// A value that a block finds written.
#[derive(Clone, Copy, Debug)]
pub struct LiveIn {
    /// The value.
    pub v: VReg,
    /// How often the block reads it; 65535 means uncounted.
    pub uses: u16,
    /// Where the block reads it first; if it does not, where another one does, on some way from here.
    pub first: u32,
    /// Whether a block behind this one reads it too.
    pub out: bool,
    /// Whether one of these is in the innermost loop around.
    pub near: bool,
}

/// An entry while lists are made.
#[derive(Clone, Copy, Debug)]
struct Found {
    block: u32,
    v: VReg,
    uses: u16,
    first: u32,
    out: bool,
    near: bool,
}

const NONE: u32 = u32::MAX;

/// The lists, and the memory that making them reuses.
#[derive(Debug, Default)]
pub struct Live {
    /// The live values of all blocks, block by block.
    pub entries: Vec<LiveIn>,
    /// Where each block's start, and one more.
    pub start: Vec<u32>,
    /// For each value, whether it stays in the frame.
    pub demoted: Vec<bool>,
    /// For each value, whether it, or what it becomes, is live into a block that calls something.
    pub crosses: Vec<bool>,
    /// For each value, the last position at which the block that writes it reads it, or 0.
    pub last_read: Vec<u32>,
    /// For each value, a parameter of a block that it becomes, as a place in [`Body::params`]; the last if there are several,
    /// which the edges back to a loop's head are.
    pub becomes: Vec<u32>,
    /// Whether any value is demoted.
    pub any_demoted: bool,
    /// For each block, where the blocks that lead to it start in `preds`, and one more.
    pub pred_start: Vec<u32>,
    /// The blocks that lead to each block, one for each edge.
    pub preds: Vec<u32>,
    /// For each block, whether it calls something.
    pub calls: Vec<bool>,
    /// The loops.
    pub loops: Loops,
    /// For each value, the block that writes it. Then marks of [`super::pressure`].
    pub(super) def: Vec<u32>,
    /// For each value, its latest entry in `found`. Then what [`super::pressure`] counts.
    pub(super) head: Vec<u32>,
    found: Vec<Found>,
    /// For each of them the one before it of the same value, or [`NONE`].
    earlier: Vec<u32>,
    /// Values with entries, in the order in which the first was found.
    crossing: Vec<VReg>,
    /// For each block, the value whose walk came here last, and its entry.
    seen: Vec<(u32, u32)>,
    walk: Vec<u32>,
}

impl Borrower for Live {
    fn exchange(&mut self, lent: &mut Lent) {
        lent.words(3, [&mut self.def]);
        swap(&mut self.head, &mut lent.values);
        swap(&mut self.found, &mut lent.taken.insts);
        swap(&mut self.earlier, &mut lent.taken.args);
        swap(&mut self.seen, &mut lent.taken.origins);
        swap(&mut self.entries, &mut lent.taken.edges);
    }
}

impl Live {
    /// The values that a block finds written.
    #[inline]
    pub fn of(&self, block: Block) -> std::ops::Range<usize> {
        self.start[block.index()] as usize..self.start[block.index() + 1] as usize
    }

    /// Makes the lists, and sets up `vals` for a walk over the body: of each value the reads in the block that writes
    /// it, and whether it is wanted behind.
    /// `calls` are the positions of ops that call something.
    pub fn run(&mut self, body: &Body, fused: &Fused, calls: &[u32], vals: &mut Vec<Val>) {
        self.calls.clear();
        self.calls.resize(body.blocks() as usize, false);
        for at in calls {
            self.calls[body.f.block_of(Inst(*at)).index()] = true;
        }
        self.find_preds(body);
        self.loops.find(body);
        self.scan(body, fused, vals);
        self.explore(body, vals);
        for (b, _) in self.calls.iter().enumerate().filter(|(_, calls)| **calls) {
            let block = Block(b as u32);
            let range = body.f.block_range(block);
            let call = calls[calls.partition_point(|at| (*at as usize) < range.start)];
            let own = (0..if b == 0 { body.f.params() } else { 0 }).map(VReg);
            for v in body.params_of(block).iter().copied().chain(own) {
                let behind = vals[v.index()].flags & Val::GLOBAL != 0 || self.last_read[v.index()] > call;
                self.crosses[v.index()] |= behind;
            }
        }
        // What becomes a parameter that needs such a register is best written to one.
        for edge in body.edges.iter().rev() {
            for (arg, param) in body.args_of(edge).iter().zip(body.params_of(edge.to)) {
                self.crosses[arg.index()] |= self.crosses[param.index()];
            }
        }
        self.sort(body.blocks() as usize);
    }

    fn find_preds(&mut self, body: &Body) {
        let n = body.blocks() as usize;
        self.pred_start.clear();
        self.pred_start.resize(n + 1, 0);
        for edge in &body.edges {
            self.pred_start[edge.to.index()] += 1;
        }
        let mut sum = 0;
        for start in &mut self.pred_start {
            sum += *start;
            *start = sum;
        }
        self.preds.clear();
        self.preds.resize(body.edges.len(), 0);
        for b in (0..n as u32).rev() {
            for edge in body.edges_of(Block(b)) {
                let at = &mut self.pred_start[edge.to.index()];
                *at -= 1;
                self.preds[*at as usize] = b;
            }
        }
    }

    /// Finds reads, block by block.
    fn scan(&mut self, body: &Body, fused: &Fused, vals: &mut Vec<Val>) {
        let f = &body.f;
        make_room(vals, f.vregs().len());
        vals.extend(f.vregs().iter().map(|info| Val {
            home: Reg::NONE,
            reg: Reg::NONE,
            flags: 0,
            ty: info.ty,
            since: Val::HERE,
            uses: 0,
            slot: NO_SLOT,
            aux: 0,
        }));
        let values = vals.len();
        let Live { def, head, found, earlier, crossing, demoted, last_read, becomes, .. } = self;
        fill(becomes, values, NONE);
        fill(last_read, values, 0);
        fill(def, values, NONE);
        fill(head, values, NONE);
        fill(demoted, values, false);
        found.clear();
        earlier.clear();
        crossing.clear();
        def[..f.params() as usize].fill(0);
        for b in 0..body.blocks() {
            for v in body.params_of(Block(b)) {
                def[v.index()] = b;
                vals[v.index()].flags |= Val::ACROSS;
            }
            let mut read = |v: VReg, at: u32, def: &[u32]| {
                if def[v.index()] == b {
                    last_read[v.index()] = at;
                    let uses = &mut vals[v.index()].uses;
                    *uses = uses.saturating_add(1);
                    return;
                }
                let head = &mut head[v.index()];
                match found.get_mut(*head as usize) {
                    Some(entry) if entry.block == b => {
                        entry.uses = entry.uses.saturating_add(1);
                        return;
                    }
                    Some(_) => {}
                    None => crossing.push(v),
                }
                let entry = found.len() as u32;
                found.push(Found { block: b, v, uses: 1, first: at, out: false, near: false });
                earlier.push(*head);
                *head = entry;
            };
            for at in f.block_range(Block(b)) {
                if fused.is_absent(Inst(at as u32)) {
                    continue;
                }
                let inst = &f.insts()[at];
                fused.for_each_read(f, inst, &mut |v| read(v, at as u32, def));
                f.for_each_def(inst, |v| def[v.index()] = b);
            }
            for edge in body.edges_of(Block(b)) {
                for (v, param) in body.args_of(edge).iter().zip(body.param_start[edge.to.index()]..) {
                    read(*v, edge.inst.0, def);
                    becomes[v.index()] = param;
                }
            }
        }
        // Where a value is wanted again, as far as it is known: see `LiveIn::first`.
        for (val, last) in vals.iter_mut().zip(last_read.iter()) {
            val.aux = *last;
        }
        for (i, inst) in f.insts().iter().enumerate() {
            if inst.op as u8 <= Op::FrameAddr as u8 {
                constant(inst, i as u32, vals);
            }
            if fused.is_absent(Inst(i as u32)) && fused.folded(VReg(inst.dst)).is_some() {
                let val = &mut vals[inst.dst as usize];
                (val.flags, val.aux) = (Val::FOLDED, i as u32);
            }
        }
    }

    /// Walks from reads to definitions.
    fn explore(&mut self, body: &Body, vals: &mut [Val]) {
        let Live {
            def,
            head,
            found,
            earlier,
            crossing,
            seen,
            walk,
            demoted,
            pred_start,
            preds,
            calls,
            crosses,
            loops,
            ..
        } = self;
        fill(crosses, vals.len(), false);
        fill(seen, body.blocks() as usize, (NONE, 0));
        self.any_demoted = false;
        let mut room = LIMIT * body.f.insts().len() + 1024;
        for &v in crossing.iter() {
            let val = &mut vals[v.index()];
            val.flags |= Val::ACROSS;
            if val.flags & Val::REMAT != 0 {
                continue;
            }
            // A walk that fails is work all the same; as none takes more than a part of what is left, values that are
            // live over few blocks always find room.
            let most = found.len() + room / 4 + 8;
            let before = found.len();
            walk.clear();
            let mut at = head[v.index()];
            while at != NONE {
                let block = found[at as usize].block;
                seen[block as usize] = (v.0, at);
                walk.push(block);
                at = earlier[at as usize];
            }
            // The last in the list reads first in the layout. So what is walked first are the ways from reads inside a loop,
            // then those from behind it.
            while let Some(b) = walk.pop() {
                crosses[v.index()] |= calls[b as usize];
                let first = found[seen[b as usize].1 as usize].first;
                let range = pred_start[b as usize] as usize..pred_start[b as usize + 1] as usize;
                for &p in &preds[range] {
                    let near = loops.is_around(p, first);
                    if def[v.index()] == p {
                        val.flags |= Val::GLOBAL | if near { Val::NEAR } else { 0 };
                        continue;
                    }
                    let (value, entry) = seen[p as usize];
                    if value == v.0 {
                        let entry = &mut found[entry as usize];
                        entry.out = true;
                        entry.near |= near;
                        // In this round rather than in the next one.
                        let start = body.f.blocks()[p as usize].start;
                        if near && entry.uses == 0 && entry.first < start && first > start {
                            entry.first = first;
                            walk.push(p);
                        }
                        continue;
                    }
                    seen[p as usize] = (v.0, found.len() as u32);
                    found.push(Found { block: p, v, uses: 0, first, out: true, near });
                    walk.push(p);
                }
                if found.len() > most {
                    break;
                }
            }
            room -= room.min(found.len() - before);
            if found.len() > most {
                found.truncate(before);
                demoted[v.index()] = true;
                self.any_demoted = true;
                // Held to the end of the block that writes it, so that it gets to the frame.
                val.flags |= Val::GLOBAL;
                let mut at = head[v.index()];
                while at != NONE {
                    (found[at as usize].out, found[at as usize].near) = (false, false);
                    at = earlier[at as usize];
                }
            }
        }
    }

    /// From entries in any order to lists.
    fn sort(&mut self, blocks: usize) {
        let Live { entries, start, found, .. } = self;
        start.clear();
        start.resize(blocks + 1, 0);
        for found in found.iter() {
            start[found.block as usize] += 1;
        }
        let mut sum = 0;
        for start in start.iter_mut() {
            sum += *start;
            *start = sum;
        }
        let none = LiveIn { v: VReg::NONE, uses: 0, first: NONE, out: false, near: false };
        fill(entries, found.len(), none);
        for found in found.iter().rev() {
            let at = &mut start[found.block as usize];
            *at -= 1;
            let Found { v, uses, first, out, near, .. } = *found;
            entries[*at as usize] = LiveIn { v, uses, first, out, near };
        }
    }
}

/// Notes a value that is a constant or an address.
fn constant(inst: &kiln_ir::InstData, i: u32, vals: &mut [Val]) {
    let (flags, aux) = match inst.op {
        Op::Const if inst.ty.is_float() || inst.has_tail() => (Val::REMAT, i),
        Op::Const => (Val::REMAT | Val::CONST, inst.b),
        Op::SlotAddr | Op::DataAddr | Op::FuncAddr | Op::LabelAddr => (Val::REMAT, i),
        _ => return,
    };
    let val = &mut vals[inst.dst as usize];
    val.flags |= flags;
    val.aux = aux;
}
