//! Broken programs: a valid module with some of its records changed at random.

use crate::entropy::Entropy;
use crate::records::{Record, Records};
use crate::values;
use kiln_ir::op::Field;
use kiln_ir::types::{AbiType, Signature};
use kiln_ir::{Block, DataId, FuncId, InstData, Module, Op, Type, VReg};

/// Changes up to four things in one function of the module. Gives whether anything could be changed.
pub fn mutate(entropy: &mut Entropy, module: &mut Module) -> bool {
    let bodies: Vec<FuncId> =
        (0..module.funcs().len() as u32).map(FuncId).filter(|id| module.func(*id).body.is_some()).collect();
    if bodies.is_empty() {
        return false;
    }
    let id = entropy.pick(&bodies);
    let Some(body) = &module.func(id).body else { return false };
    let mut records = Records::of(body);
    for _ in 0..entropy.range(1, 4) {
        change(entropy, &mut records, module);
    }
    records.build(module, id)
}

fn change(entropy: &mut Entropy, records: &mut Records, module: &Module) {
    let full: Vec<usize> = (0..records.blocks.len()).filter(|b| !records.blocks[*b].1.is_empty()).collect();
    if full.is_empty() {
        return;
    }
    let block = entropy.pick(&full);
    let at = entropy.below(records.blocks[block].1.len() as u32) as usize;
    let (vregs, blocks) = (records.vregs.len() as u32, records.blocks.len() as u32);
    match entropy.below(16) {
        0..=8 => {
            let record = &mut records.blocks[block].1[at];
            change_record(entropy, record, vregs, blocks, module);
        }
        9 => {
            let with = entropy.below(records.blocks[block].1.len() as u32) as usize;
            records.blocks[block].1.swap(at, with);
        }
        10 => {
            records.blocks[block].1.remove(at);
        }
        11 => {
            let copy = records.blocks[block].1[at].clone();
            let to = entropy.below(blocks) as usize;
            let place = entropy.below(records.blocks[to].1.len() as u32 + 1) as usize;
            records.blocks[to].1.insert(place, copy);
        }
        12 => records.blocks[block].0 ^= true,
        13 if vregs > records.params => {
            let v = entropy.range(records.params, vregs - 1) as usize;
            records.vregs[v] = entropy.pick(&Type::ALL);
        }
        14 if !records.slots.is_empty() => {
            let n = entropy.below(records.slots.len() as u32) as usize;
            if entropy.chance(50) {
                records.slots[n].align = values::integer(entropy) as u32;
            } else {
                records.slots[n].size = values::integer(entropy) as u32;
            }
        }
        _ if !records.label_sets.is_empty() => {
            let n = entropy.below(records.label_sets.len() as u32) as usize;
            let block = Block(entropy.below(blocks));
            let set = &mut records.label_sets[n];
            if entropy.chance(50) { set.push(block) } else { set.clear() }
        }
        _ => {
            let to = entropy.below(blocks) as usize;
            records.blocks.swap(block, to);
        }
    }
}

fn change_record(entropy: &mut Entropy, record: &mut Record, vregs: u32, blocks: u32, module: &Module) {
    let inst = &mut record.inst;
    match entropy.below(8) {
        0 => inst.ty = entropy.pick(&Type::ALL),
        1 => {
            // An op of the same shape, which often still is a valid program.
            let shape = inst.op.shape();
            let same: Vec<Op> = Op::ALL.iter().copied().filter(|o| o.shape() == shape).collect();
            inst.op = entropy.pick(&same);
        }
        2 => inst.op = entropy.pick(Op::ALL),
        3 => inst.aux ^= 1 << entropy.below(16),
        4 => {
            let variants = inst.op.shape().variants().all();
            let old = InstData::variant_bits(inst.variant());
            inst.aux = inst.aux & !old | InstData::variant_bits(entropy.pick(&variants));
        }
        _ => {
            let small = match entropy.below(8) {
                0..=3 => entropy.below(vregs),
                4 => entropy.below(blocks),
                5 => entropy.below(module.funcs().len() as u32 + 1),
                6 => VReg::NONE.0,
                _ => values::immediate(entropy) as u32,
            };
            let tail = record.tail.len() as u32;
            match entropy.below(4) {
                0 => inst.dst = small,
                1 => inst.a = small,
                2 if tail == 0 => inst.b = small,
                _ if tail > 0 => record.tail[entropy.below(tail) as usize] = small,
                _ => inst.a = small,
            }
        }
    }
}

/// Whether a program can see where things lie, so that two correct runs may differ: it takes the address of
/// something other than the data objects `fixed`, which lie at one place in all runs.
pub fn sees_addresses(module: &Module, fixed: &[DataId]) -> bool {
    // Registers of aggregates hold addresses.
    let passes_address =
        |sig: &Signature| sig.params.iter().chain(&sig.results).any(|ty| matches!(ty, AbiType::Aggregate(_)));
    module.sigs().iter().any(passes_address)
        || instructions(module).any(|inst| match inst.op {
            Op::DataAddr => !fixed.contains(&DataId(inst.a)),
            Op::FuncAddr
            | Op::LabelAddr
            | Op::SlotAddr
            | Op::SlotOffset
            | Op::FrameAddr
            | Op::TlsAddr
            | Op::Alloca
            | Op::JumpTo
            | Op::CallPtr
            | Op::TailCallPtr
            | Op::VaStart
            | Op::VaArg
            | Op::VaCopy
            | Op::VaEnd => true,
            _ => false,
        })
}

/// Whether no payload of a NaN can reach an integer, memory or the sign of another float.
pub fn hides_nan_payloads(module: &Module) -> bool {
    !instructions(module).any(|inst| match inst.op {
        Op::Bitcast => !inst.ty.is_float(),
        Op::Fcopysign | Op::VaArg => true,
        Op::Store => inst.access().is_float(),
        _ => false,
    })
}

fn instructions(module: &Module) -> impl Iterator<Item = &InstData> {
    module.funcs().iter().filter_map(|f| f.body.as_ref()).flat_map(|body| body.insts())
}

/// The word of a record in which a field stands, to be changed.
pub(crate) fn word_mut(record: &mut Record, field: Field) -> &mut u32 {
    match field {
        Field::Dst => &mut record.inst.dst,
        Field::A => &mut record.inst.a,
        Field::B => &mut record.inst.b,
        Field::Tail(n) => &mut record.tail[n as usize],
    }
}
