//! Marks where fuel is taken and requests are looked at: at the heads of the source's loops, whatever becomes of these.
//!
//! A mark is a `safepoint` that lists nothing, with a flag: no pass moves, doubles or drops a safepoint, and none moves
//! effects over one, which is what is wanted here too. O(instructions).

use super::body::{Origin, Origins};
use kiln_ir::function::{BlockData, aux};
use kiln_ir::{Block, Function, InstData, Op, Type};

/// In [`InstData::aux`] of a `safepoint`: it is a mark.
const MARK: u16 = 1 << aux::VARIANT;

/// Whether an instruction is a mark.
pub const fn is_mark(inst: &InstData) -> bool {
    matches!(inst.op, Op::Safepoint) && inst.aux & MARK != 0
}

/// Writes to `out` a function with marks at its loop heads, and where its instructions come from.
pub fn mark(f: &Function, origins: Origins<'_>, out: &mut Function, out_origins: &mut Vec<Origin>) {
    let heads = f.loop_heads();
    out.clone_from(f);
    out_origins.clear();
    let arrays = out.arrays();
    arrays.insts.clear();
    arrays.blocks.clear();
    arrays.positions.clear();
    let list = arrays.pool.len() as u32;
    arrays.pool.push(0);
    for b in 0..f.blocks().len() as u32 {
        let start = arrays.insts.len() as u32;
        arrays.blocks.push(BlockData { start, ..f.blocks()[b as usize] });
        let range = f.block_range(Block(b));
        if heads[b as usize] {
            let aux = aux::TAIL | MARK;
            let mark = InstData { op: Op::Safepoint, ty: Type::I32, aux, dst: 0, a: 0, b: list };
            arrays.insts.push(mark);
            out_origins.push(origins.of(range.start));
        }
        arrays.insts.extend_from_slice(&f.insts()[range.clone()]);
        out_origins.extend(range.map(|at| origins.of(at)));
    }
    out.recount();
}
