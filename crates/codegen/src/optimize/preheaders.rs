//! A block in front of each loop, for what is computed before its first round.
//!
//! After it, a reducible loop that is not cold has a *preheader*: the block before its header in the layout, whose only
//! instruction that leaves is a jump to the header, and by which alone the loop is entered. It is the block from which
//! the loop was entered before, if that only jumps; otherwise a new one, which costs nothing where it stays empty: it is
//! where the moves of the edge have to go anyway. A loop that is entered through a label set has none, since its labels
//! name the header.
//!
//! Keeps the order of blocks. O(instructions + edges).

use super::cfg::Cfg;
use super::loops::Loops;
use super::operands::{map_blocks, map_names};
use super::{Body, Taken, Writer};
use kiln_ir::function::BlockData;
use kiln_ir::op::Op;
use kiln_ir::{Block, InstData, VReg};

/// What making preheaders remembers.
#[derive(Debug, Default)]
pub struct Scratch {
    /// For each block the loop that it is the header of, if a new block is put before it.
    new: Vec<Option<u32>>,
    /// For each block its new number.
    number: Vec<Block>,
}

/// The preheader of a loop: the block before its header, if the loop is entered by a jump from there alone.
pub fn preheader(body: &Body, cfg: &Cfg, loops: &Loops, number: u32) -> Option<Block> {
    let found = &loops.loops[number as usize];
    let before = Block(found.header.0.checked_sub(1)?);
    if found.irreducible {
        return None;
    }
    let mut outside = cfg.preds(found.header).iter().filter(|pred| !loops.contains(number, pred.from));
    let way = outside.next().filter(|pred| pred.from == before && outside.next().is_none())?;
    let jump = &body.f.insts()[body.edges[way.edge as usize].inst.index()];
    (jump.op == Op::Jump && !body.f.blocks()[before.index()].cold).then_some(before)
}

/// Makes preheaders where they are missing; says whether there were any, so that graph and loops have to be found anew.
pub fn make_preheaders(
    body: &mut Body,
    cfg: &Cfg,
    loops: &Loops,
    scratch: &mut Scratch,
    taken: &mut Taken,
) -> bool {
    let blocks = body.blocks();
    let Scratch { new, number } = scratch;
    new.clear();
    new.resize(blocks as usize, None);
    let (mut any, mut more) = (0, 0);
    for n in 0..loops.loops.len() as u32 {
        let header = loops.loops[n as usize].header;
        if loops.loops[n as usize].irreducible
            || body.f.blocks()[header.index()].cold
            || preheader(body, cfg, loops, n).is_some()
        {
            continue;
        }
        let mut outside = cfg.preds(header).iter().filter(|pred| !loops.contains(n, pred.from));
        if outside.any(|pred| body.f.insts()[body.edges[pred.edge as usize].inst.index()].op == Op::JumpTo) {
            continue;
        }
        new[header.index()] = Some(n);
        any += 1;
        more += body.params_of(header).len();
    }
    if any == 0 {
        return false;
    }
    number.clear();
    let mut next = 0;
    for before in new.iter() {
        next += before.is_some() as u32;
        number.push(Block(next));
        next += 1;
    }

    body.take_code(taken);
    body.make_room(taken.insts.len() + any, taken.edges.len() + any, taken.args.len() + more);
    body.f.arrays().vregs.reserve_exact(more);
    body.make_room_for_blocks(taken.blocks.len() + any, taken.params.len() + more);
    for b in 0..blocks {
        let block = Block(b);
        if let Some(n) = new[block.index()] {
            write_preheader(body, cfg, loops, taken, n, number[block.index()]);
        }
        let mut writer = Writer::new(body);
        writer.block(taken.blocks[block.index()], taken.params_of(block).iter().copied());
        let enters = |target: Block| new[target.index()].is_some_and(|n| !loops.contains(n, block));
        if !taken.edges_of(block).iter().any(|edge| enters(edge.to)) {
            writer.copy(taken, block, |to| number[to.index()]);
            continue;
        }
        // To the header from outside its loop means to what stands before it.
        let to = |target: Block| Block(number[target.index()].0 - enters(target) as u32);
        let mut edges = taken.edges_of(block).iter().peekable();
        for at in taken.block_range(block) {
            let mut inst = taken.insts[at];
            if inst.op == Op::LabelAddr {
                inst.a = number[inst.a as usize].0;
            } else {
                map_blocks(&mut inst, writer.body.f.arrays().pool, to);
            }
            writer.push(inst, taken.origins[at]);
            while let Some(edge) = edges.next_if(|edge| edge.inst.index() == at) {
                // The only way in brings nothing: what it carried goes on from the preheader.
                let target = to(edge.to);
                let single = target != number[edge.to.index()]
                    && new[edge.to.index()].is_some_and(|n| ways_in(cfg, loops, n) == 1);
                let args = if single { &[] } else { taken.args_of(edge) };
                writer.edge(target, args.iter().copied());
            }
        }
    }
    map_names(body, |block| number[block.index()]);
    Writer::new(body).end();
    true
}

/// The number of edges to a header from outside its loop.
fn ways_in(cfg: &Cfg, loops: &Loops, number: u32) -> usize {
    let header = loops.loops[number as usize].header;
    cfg.preds(header).iter().filter(|pred| !loops.contains(number, pred.from)).take(2).count()
}

/// Writes the block before a header: it takes what the header takes from outside, and hands it on.
fn write_preheader(body: &mut Body, cfg: &Cfg, loops: &Loops, taken: &Taken, number: u32, to: Block) {
    let header = loops.loops[number as usize].header;
    let origin = taken.origins[taken.block_range(header).start];
    let first = body.f.vregs().len() as u32;
    let mut args = 0..0;
    let outside = cfg.preds(header).iter().find(|pred| !loops.contains(number, pred.from));
    let single = ways_in(cfg, loops, number) == 1;
    if !single {
        for param in taken.params_of(header) {
            let ty = body.f.ty(*param);
            body.value(ty);
        }
        args = first..body.f.vregs().len() as u32;
    }
    let mut writer = Writer::new(body);
    writer.block(BlockData::new(0, false), args.clone().map(VReg));
    writer.push(InstData { op: Op::Jump, ty: kiln_ir::Type::I32, aux: 0, dst: to.0, a: 0, b: 0 }, origin);
    match outside {
        Some(pred) if single => {
            writer.edge(to, taken.args_of(&taken.edges[pred.edge as usize]).iter().copied());
        }
        _ => writer.edge(to, args.map(VReg)),
    }
}
