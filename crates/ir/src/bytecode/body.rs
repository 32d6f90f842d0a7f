//! Function bodies from bytes.

use super::fault::{Fault, Item};
use super::number::{Decoded, Reader};
use super::outline;
use super::record::{self, Tables};
use crate::entity::{Block, FileId, FuncId, Inst, VReg};
use crate::function::{BlockData, Entry, Function, MAX_BLOCK_ALIGN, Names, Pos, SlotData, VRegInfo};
use crate::types::{Signature, Type};

/// The sizes of the module's tables that bodies point into.
pub(super) struct ModuleTables {
    pub(super) sigs: usize,
    pub(super) funcs: usize,
    pub(super) files: usize,
    /// The highest data object named so far, and by which byte.
    pub(super) data: Option<(u32, usize)>,
}

/// Reads a body; the reader has exactly its bytes.
pub(super) fn read(mut r: Reader<'_>, sig: &Signature, module: &mut ModuleTables) -> Decoded<Function> {
    let r = &mut r;
    let mut f = Function { params: sig.params.len() as u32, ..Function::default() };
    r.note(r.at(), 3, || "registers behind the parameters".into());
    registers(r, &mut f, sig)?;

    r.note(r.at(), 3, || "slots".into());
    let slots = r.count(Item::Slot, 2)?;
    f.slots.reserve_exact(slots);
    for _ in 0..slots {
        f.slots.push(SlotData { size: r.u32()?, align: r.u32()? });
    }

    // A block has at least one instruction, of two bytes.
    let blocks_at = r.at();
    r.note(blocks_at, 3, || "blocks".into());
    let blocks = r.count(Item::Block, 2)?;
    f.blocks.resize(blocks, BlockData::new(0, false));
    r.note(r.at(), 3, || "cold and aligned blocks".into());
    let marked = r.count(Item::Block, 2)?;
    let mut next = 0;
    for _ in 0..marked {
        let block = ascending(r, &mut next, Item::Block, blocks)?;
        let at = r.at();
        let mark = r.byte()?;
        if mark == 0 || mark >> 1 > MAX_BLOCK_ALIGN {
            return Err(r.unknown(at, Item::Flag, mark as u64));
        }
        (f.blocks[block].cold, f.blocks[block].align) = (mark & 1 != 0, mark >> 1);
    }

    r.note(r.at(), 3, || "label sets".into());
    let sets = r.count(Item::LabelSet, 1)?;
    f.label_sets.reserve_exact(sets);
    for _ in 0..sets {
        let count = r.count(Item::Block, 1)?;
        let mut set = Vec::with_capacity(count);
        for _ in 0..count {
            set.push(Block(r.index(Item::Block, blocks)?));
        }
        f.label_sets.push(set);
    }

    r.note(r.at(), 3, || "entries".into());
    let entries = r.count(Item::Entry, 3)?;
    f.entries.reserve_exact(entries);
    for _ in 0..entries {
        let func = FuncId(r.index(Item::Func, module.funcs)?);
        let block = Block(r.index(Item::Block, blocks)?);
        let count = r.count(Item::VReg, 1)?;
        let mut params = Vec::with_capacity(count);
        for _ in 0..count {
            params.push(VReg(r.index(Item::VReg, f.vregs.len())?));
        }
        f.entries.push(Entry { func, params, block });
    }

    let mut tables = Tables {
        sigs: module.sigs,
        funcs: module.funcs,
        vregs: f.vregs.len(),
        blocks,
        slots,
        label_sets: sets,
        data: module.data,
    };
    instructions(r, &mut f, &mut tables, blocks_at)?;
    module.data = tables.data;

    r.note(r.at(), 3, || "names of registers".into());
    f.vreg_names = names(r, f.vregs.len())?;
    r.note(r.at(), 3, || "names of blocks".into());
    f.block_names = names(r, blocks)?;
    r.note(r.at(), 3, || "names of slots".into());
    f.slot_names = names(r, slots)?;
    r.note(r.at(), 3, || "positions".into());
    positions(r, &mut f, module.files)?;
    r.finish()?;
    f.recount();
    Ok(f)
}

/// Reads the types of the registers behind the parameters.
fn registers(r: &mut Reader<'_>, f: &mut Function, sig: &Signature) -> Decoded<()> {
    let count = r.count(Item::VReg, 1)?;
    f.vregs.reserve_exact(sig.params.len() + count);
    f.vregs.extend(sig.params.iter().map(|p| VRegInfo::parameter(p.register())));
    let at = r.at();
    for (i, number) in r.take(count)?.iter().enumerate() {
        let Some(ty) = Type::from_number(*number) else {
            return Err(r.unknown(at + i, Item::Type, *number as u64));
        };
        f.vregs.push(VRegInfo::new(ty));
    }
    Ok(())
}

/// Reads the instructions and finds where the blocks start: behind each terminator.
fn instructions(r: &mut Reader<'_>, f: &mut Function, tables: &mut Tables, blocks_at: usize) -> Decoded<()> {
    let start = r.at();
    let count = r.count(Item::Inst, 2)?;
    r.note(start, 3, || format!("{count} instructions"));
    f.insts.reserve_exact(count);
    let mut tail = Vec::new();
    let mut ended = 0;
    let mut last = None;
    for at in 0..count {
        let start = r.at();
        let op = record::read(r, f, tables, &mut tail)?;
        r.note(start, 4, || outline::instruction(f, &f.insts[at]));
        if op.is_terminator() {
            ended += 1;
            if let Some(next) = f.blocks.get_mut(ended) {
                next.start = at as u32 + 1;
            }
        }
        last = Some(op);
    }
    if !last.is_some_and(|op| op.is_terminator() && !op.falls_through()) {
        return Err(r.fault(Fault::Unterminated));
    }
    if ended != f.blocks.len() {
        let fault = Fault::Blocks { stated: f.blocks.len() as u64, found: ended as u64 };
        return Err(r.fault_at(blocks_at, fault));
    }
    Ok(())
}

/// Reads a number that is written as its distance from one past the number before.
fn ascending(r: &mut Reader<'_>, next: &mut usize, item: Item, count: usize) -> Decoded<usize> {
    let at = r.at();
    let index = (*next as u64).saturating_add(r.u64()?);
    if index >= count as u64 {
        return Err(r.fault_at(at, Fault::Index { item, index, count: count as u64 }));
    }
    *next = index as usize + 1;
    Ok(index as usize)
}

fn names(r: &mut Reader<'_>, objects: usize) -> Decoded<Names> {
    let count = r.count(Item::Name, 2)?;
    let mut names = Names::default();
    let mut next = 0;
    for _ in 0..count {
        let index = ascending(r, &mut next, Item::Name, objects)?;
        names.set(index, r.text()?);
    }
    Ok(names)
}

fn positions(r: &mut Reader<'_>, f: &mut Function, files: usize) -> Decoded<()> {
    let count = r.count(Item::Position, 4)?;
    f.positions.reserve_exact(count);
    let (mut inst, mut line) = (0u64, 0i64);
    for n in 0..count {
        let at = r.at();
        let distance = r.u64()?;
        if n > 0 && distance == 0 {
            return Err(r.fault_at(at, Fault::Order { item: Item::Position }));
        }
        inst = inst.saturating_add(distance);
        if inst >= f.insts.len() as u64 {
            let count = f.insts.len() as u64;
            return Err(r.fault_at(at, Fault::Index { item: Item::Inst, index: inst, count }));
        }
        let file = FileId(r.index(Item::File, files)?);
        let at = r.at();
        line = line.saturating_add(r.i64()?);
        let number = u32::try_from(line).map_err(|_| r.fault_at(at, Fault::Number))?;
        f.positions.push((Inst(inst as u32), Pos { file, line: number, column: r.u32()? }));
    }
    Ok(())
}
