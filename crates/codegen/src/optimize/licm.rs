//! Loop-invariant code motion: what gives the same in every round is computed once, in front of the loop.
//!
//! What goes: ops without effects and traps, and loads from memory that nothing in the loop can change. A load that may
//! trap goes only out of loops that execute it whenever they are entered: it stands in the header, or behind it where
//! nothing that may leave comes before it. (Loops are inverted before, so the header is a body's first block.) Nothing
//! goes out of cold blocks. Each goes as far out as its operands allow; nested invariants follow their operands.
//!
//! What stays: constants that instructions hold, unless something that goes needs them; and cheap ops beyond a
//! number per loop, since a value that has no register for the whole loop costs a load per round, more than the op did.
//! Constants that need a register (floats, wide integers, addresses) go: the allocator makes them anew at their uses where
//! registers are short.
//!
//! One walk in the order of blocks decides, so that operands are decided before their users; a second writes. What a loop
//! does to memory is summed up inner loops first. O(instructions) with at most [`LEVELS`] steps outward each and
//! [`super::alias::STORES`] stores looked at per load and loop.
//! Needs preheaders. Source: Aho, Lam, Sethi, Ullman, "Compilers", 2nd edition, section 9.5; the order of deciding is that
//! of a walk over the dominator tree, as in Click, "Global Code Motion / Global Value Numbering", PLDI 1995.

use super::alias::{Addresses, LoopMemory, Touch, is_touching, may_trap, touch};
use super::body::Origin;
use super::cfg::Cfg;
use super::cost::is_one_cycle;
use super::lent::{Borrower, Lent, fill, make_room};
use super::loops::Loops;
use super::preheaders::preheader;
use super::{Body, dead};
use kiln_ir::function::aux;
use kiln_ir::op::{Effect, Op, Shape};
use kiln_ir::{Block, Inst, InstData, Module, VReg};

/// How many loops outward an instruction goes at most.
pub const LEVELS: u32 = 8;
/// How many cheap ops leave a loop.
const CHEAP: u8 = 8;

/// What licm remembers.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The instructions as they were, and where they come from.
    insts: Vec<InstData>,
    origins: Vec<Origin>,
    /// Whether each of them stays where it is, while the others are moved.
    stays: Vec<bool>,
    /// For each value the block that it is computed in, as decided so far.
    block: Vec<u32>,
    /// For each value the instruction that computes it, or `u32::MAX`.
    def: Vec<u32>,
    /// For each instruction the preheader that it goes to, or `u32::MAX`.
    target: Vec<u32>,
    /// The instructions that go to each block, as lists: the first of each block, and the one behind each.
    first: Vec<u32>,
    behind: Vec<u32>,
    /// For each loop.
    rooms: Vec<Room>,
    /// For each block the outermost loop whose entering means that the start of the block is reached.
    sure: Vec<u32>,
}

impl Borrower for Scratch {
    fn exchange(&mut self, lent: &mut Lent) {
        lent.words(0, [&mut self.block, &mut self.def, &mut self.target, &mut self.behind]);
        lent.bits([&mut self.stays]);
        std::mem::swap(&mut self.insts, &mut lent.taken.insts);
        std::mem::swap(&mut self.origins, &mut lent.taken.origins);
    }
}

/// Where a loop's invariants go.
#[derive(Clone, Copy, Debug)]
struct Room {
    preheader: u32,
    /// Cheap ops that are there.
    cheap: u8,
}

/// Moves invariant computations in front of their loops. Says whether anything moved.
pub fn licm(
    body: &mut Body,
    module: &Module,
    cfg: &Cfg,
    loops: &Loops,
    (addresses, memory): (&Addresses, &LoopMemory),
    scratch: &mut Scratch,
) -> bool {
    if loops.loops.is_empty() {
        return false;
    }
    scratch.begin(body, cfg, loops);
    scratch.find_sure(body, cfg, loops);
    if !scratch.decide(body, module, loops, (addresses, memory)) {
        return false;
    }
    scratch.write(body);
    true
}

impl Scratch {
    fn begin(&mut self, body: &Body, cfg: &Cfg, loops: &Loops) {
        self.rooms.clear();
        for n in 0..loops.loops.len() as u32 {
            let preheader = preheader(body, cfg, loops, n).map_or(u32::MAX, |b| b.0);
            self.rooms.push(Room { preheader, cheap: 0 });
        }
    }

    /// For each block the loops that cannot be entered without coming to its start.
    fn find_sure(&mut self, body: &Body, cfg: &Cfg, loops: &Loops) {
        self.sure.clear();
        self.sure.resize(body.blocks() as usize, u32::MAX);
        for b in 0..body.blocks() {
            let Some(own) = loops.of(Block(b)) else { continue };
            let is_header = loops.loops[own as usize].header.0 == b;
            // A header's way in from outside the loop; another block's only way in.
            let mut ways =
                cfg.preds(Block(b)).iter().filter(|pred| !is_header || !loops.contains(own, pred.from));
            let above = match (ways.next(), ways.next()) {
                (Some(pred), None) => self.sure_behind(body, pred.from),
                _ => u32::MAX,
            };
            let above = if above != u32::MAX && loops.contains(above, Block(b)) { above } else { u32::MAX };
            self.sure[b as usize] = if is_header { above.min(own) } else { above };
        }
    }

    /// The same for the end of a block that goes on to one block only.
    fn sure_behind(&self, body: &Body, block: Block) -> u32 {
        let range = body.f.block_range(block);
        let goes_on = body.f.insts()[range.end - 1].op == Op::Jump;
        let stays = || !body.f.insts()[range.start..range.end - 1].iter().any(may_leave);
        if self.sure[block.index()] != u32::MAX && goes_on && stays() {
            self.sure[block.index()]
        } else {
            u32::MAX
        }
    }

    /// Decides for each instruction whether and where it goes.
    fn decide(
        &mut self,
        body: &Body,
        module: &Module,
        loops: &Loops,
        known: (&Addresses, &LoopMemory),
    ) -> bool {
        let f = &body.f;
        for (table, len, with) in [
            // The last one stands for what instructions do not read.
            (&mut self.block, f.vregs().len() + 1, 0),
            (&mut self.def, f.vregs().len(), u32::MAX),
            (&mut self.target, f.insts().len(), u32::MAX),
        ] {
            fill(table, len, with);
        }
        let mut any = false;
        for b in 0..body.blocks() {
            for param in body.params_of(Block(b)) {
                self.block[param.index()] = b;
            }
            let inner = loops.of(Block(b)).filter(|_| !f.blocks()[b as usize].cold);
            let mut sure = self.sure[b as usize];
            // The innermost loop and where it starts, if anything can go out of it.
            let inner = inner.filter(|n| self.rooms[*n as usize].preheader != u32::MAX);
            let inner = inner.map(|n| (n, loops.loops[n as usize].header.0));
            for at in f.block_range(Block(b)) {
                let inst = &f.insts()[at];
                let mut target = u32::MAX;
                if let Some((inner, header)) = inner {
                    if !self.is_bound(body, inst, header) {
                        target = self.way_out(body, module, loops, known, inst, inner, sure);
                    }
                    if may_leave(inst) {
                        sure = u32::MAX;
                    }
                }
                if target != u32::MAX {
                    any = true;
                    self.target[at] = target;
                    self.fetch_constants(body, inst, target);
                }
                let at_block = if target == u32::MAX { b } else { target };
                f.for_each_def(inst, |v| {
                    self.block[v.index()] = at_block;
                    self.def[v.index()] = at as u32;
                });
            }
        }
        any
    }

    /// Whether an instruction certainly stays in the loop with this header: most are told by their op or by an operand.
    #[inline]
    fn is_bound(&self, body: &Body, inst: &InstData, header: u32) -> bool {
        if matches!(COST[inst.op as usize], Cost::Never) {
            return true;
        }
        let mut bound = false;
        let nobody = VReg(body.f.vregs().len() as u32);
        body.f.for_each_use_or(inst, nobody, |v| {
            bound |= self.block[v.index()] >= header && !self.is_constant(body, v.index());
        });
        bound
    }

    /// The preheader that an instruction goes to, or `u32::MAX`. It is certain to be executed in the loop `sure` and those
    /// in it.
    #[allow(
        clippy::too_many_arguments,
        reason = "the tables of the pass, and the instruction with its place"
    )]
    fn way_out(
        &mut self,
        body: &Body,
        module: &Module,
        loops: &Loops,
        (addresses, memory): (&Addresses, &LoopMemory),
        inst: &InstData,
        inner: u32,
        sure: u32,
    ) -> u32 {
        let cost = cost(inst);
        if cost == Cost::Never {
            return u32::MAX;
        }
        // The first block of the innermost loop that it cannot leave is at most that of its last operand. Constants
        // follow.
        let mut operands = 0;
        body.f.for_each_use(inst, |v| {
            if !self.is_constant(body, v.index()) {
                operands = operands.max(self.block[v.index()]);
            }
        });
        let place = (inst.op == Op::Load).then(|| addresses.place(body, inst));
        let safe = inst.op != Op::Load || addresses.is_safe(body, module, inst);
        let mut target = u32::MAX;
        let mut around = Some(inner);
        for _ in 0..LEVELS {
            let Some(n) = around else { break };
            let found = &loops.loops[n as usize];
            let room = &self.rooms[n as usize];
            if operands >= found.header.0
                || room.preheader == u32::MAX
                || !safe && (sure == u32::MAX || n < sure)
                || cost == Cost::Cheap && room.cheap >= CHEAP
                || place.is_some_and(|place| memory.is_clobbered(addresses, &place, n))
            {
                break;
            }
            target = room.preheader;
            if cost == Cost::Cheap {
                self.rooms[n as usize].cheap += 1;
            }
            around = found.parent;
        }
        target
    }

    /// Whether the value is a constant that stays where it is until something that goes needs it.
    fn is_constant(&self, body: &Body, v: usize) -> bool {
        let def = self.def[v];
        def != u32::MAX && body.f.insts()[def as usize].op == Op::Const
    }

    /// Takes constant operands along.
    fn fetch_constants(&mut self, body: &Body, inst: &InstData, to: u32) {
        let Scratch { block, def, target, .. } = self;
        body.f.for_each_use(inst, |v| {
            let at = def[v.index()];
            if at != u32::MAX && body.f.insts()[at as usize].op == Op::Const && block[v.index()] > to {
                block[v.index()] = to;
                target[at as usize] = to;
            }
        });
    }

    /// Writes the body anew.
    fn write(&mut self, body: &mut Body) {
        let Scratch { insts, origins, stays, target, first, behind, .. } = self;
        first.clear();
        first.resize(body.blocks() as usize, u32::MAX);
        fill(behind, target.len(), u32::MAX);
        // Each list begins with what stood first.
        for (at, to) in target.iter().enumerate().rev().filter(|(_, to)| **to != u32::MAX) {
            behind[at] = std::mem::replace(&mut first[*to as usize], at as u32);
        }
        make_room(stays, target.len());
        stays.extend(target.iter().map(|to| *to == u32::MAX));
        // As many as before, in another order: blocks, edges and what they carry stay as they are.
        let Body { f, origins: new_origins, edges, .. } = body;
        let arrays = f.arrays();
        make_room(insts, arrays.insts.len());
        insts.extend_from_slice(arrays.insts);
        make_room(origins, new_origins.len());
        origins.extend_from_slice(new_origins);
        let mut new = (&mut arrays.insts[..], &mut new_origins[..]);
        let old = (&insts[..], &origins[..]);
        let mut edges = edges.iter_mut().peekable();
        let (mut kept, mut at) = (0, 0);
        for (block, first) in first.iter().enumerate() {
            let end = arrays.blocks.get(block + 1).map_or(old.0.len(), |next| next.start as usize);
            arrays.blocks[block].start = kept as u32;
            while let Some(edge) = edges.next_if(|edge| edge.inst.index() + 1 < end) {
                let inst = edge.inst.index();
                kept = dead::keep(&mut new, old, stays, at..inst, kept);
                at = inst;
                edge.inst = Inst(kept as u32);
            }
            kept = dead::keep(&mut new, old, stays, at..end - 1, kept);
            at = end;
            // In front of what leaves the block: what came here, in the order in which it stood.
            let mut next = *first;
            while next != u32::MAX {
                (new.0[kept], new.1[kept]) = (old.0[next as usize], old.1[next as usize]);
                kept += 1;
                next = behind[next as usize];
            }
            (new.0[kept], new.1[kept]) = (old.0[end - 1], old.1[end - 1]);
            while let Some(edge) = edges.next_if(|edge| edge.inst.index() < end) {
                edge.inst = Inst(kept as u32);
            }
            kept += 1;
        }
    }
}

/// What hoisting saves, against a register for the whole loop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cost {
    /// It stays.
    Never,
    /// An op of a cycle.
    Cheap,
    /// More, or made anew at its uses where registers are short.
    Dear,
}

fn cost(inst: &InstData) -> Cost {
    match inst.op {
        Op::Load if inst.aux & (aux::VOLATILE | aux::PRECISE) != 0 => Cost::Never,
        // Small constants are part of instructions, or made in an instruction that is as good as free.
        Op::Const if !inst.has_tail() && !inst.ty.is_float() => Cost::Never,
        op if op.effect() == Effect::pure && may_trap(inst) => Cost::Never,
        op => COST[op as usize],
    }
}

/// The same for an op's instructions in general, by its number.
static COST: [Cost; 256] = {
    let mut table = [Cost::Never; 256];
    let mut i = 0;
    while i < Op::ALL.len() {
        let op = Op::ALL[i];
        table[op as usize] = match op {
            Op::Load => Cost::Dear,
            Op::Nop | Op::Prefetch | Op::Copy => Cost::Never,
            op if !matches!(op.effect(), Effect::pure) => Cost::Never,
            Op::Cmp => Cost::Cheap,
            op if is_one_cycle(op) => Cost::Cheap,
            _ => Cost::Dear,
        };
        i += 1;
    }
    table
};

/// Whether control may not come behind the instruction, or later than others see: a load must not be moved up across it
/// unless it cannot trap.
#[inline]
fn may_leave(inst: &InstData) -> bool {
    if !is_touching(inst.op) {
        return false;
    }
    match touch(inst) {
        Touch::Nothing => inst.op.effect() == Effect::control,
        Touch::Reads | Touch::Writes => false,
        Touch::Shows => true,
        Touch::All => !matches!(inst.op.shape(), Shape::MemCopy | Shape::MemFill),
    }
}
