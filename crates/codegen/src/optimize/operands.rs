//! Rewriting the operands of one instruction in its record and tail, and what names blocks elsewhere. The rules are those of the shapes, as for all
//! that reads operands; an instruction's tail belongs to it alone. O(operands).

use super::Body;
use kiln_ir::op::{Effect, Field, Mentions, Op, Role, Shape};
use kiln_ir::{Block, InstData, VReg};

/// The word in which an operand stands.
#[inline]
pub fn word<'w>(inst: &'w mut InstData, pool: &'w mut [u32], field: Field) -> &'w mut u32 {
    match field {
        Field::Dst => &mut inst.dst,
        Field::A => &mut inst.a,
        Field::B => &mut inst.b,
        Field::Tail(n) => &mut pool[inst.b as usize + n as usize],
    }
}

/// Replaces each value that the instruction reads.
#[inline]
pub fn map_uses(inst: &mut InstData, pool: &mut [u32], mut map: impl FnMut(VReg) -> VReg) {
    let mut change = |word: &mut u32| *word = map(VReg(*word)).0;
    let mentions = inst.op.mentions();
    if mentions.has(Mentions::MORE_READS) {
        return map_by_shape(inst, pool, &mut change);
    }
    if mentions.has(Mentions::A) {
        change(&mut inst.a);
    }
    if mentions.has(Mentions::INDEX) && inst.has_tail() && pool[inst.b as usize] != VReg::NONE.0 {
        change(&mut pool[inst.b as usize]);
    }
    if mentions.has(Mentions::B) && !inst.has_imm() {
        change(&mut inst.b);
    }
    if mentions.has(Mentions::STORED) && !inst.value_is_imm() {
        change(&mut inst.dst);
    }
}

#[inline(never)]
fn map_by_shape(inst: &mut InstData, pool: &mut [u32], change: &mut impl FnMut(&mut u32)) {
    for (field, role) in inst.op.shape().operands() {
        match role {
            Role::Use(_) => change(word(inst, pool, *field)),
            Role::UseOrImm(_) if !inst.has_imm() => change(word(inst, pool, *field)),
            Role::StoreValue if !inst.value_is_imm() => change(&mut inst.dst),
            Role::Mem => {
                change(&mut inst.a);
                if inst.has_tail() && pool[inst.b as usize] != VReg::NONE.0 {
                    change(&mut pool[inst.b as usize]);
                }
            }
            Role::List => {
                let Field::Tail(at) = field else { continue };
                let list = inst.b as usize + *at as usize;
                let count = pool[list] as usize;
                pool[list + 1..list + 1 + count].iter_mut().for_each(&mut *change);
            }
            Role::Results => {
                if inst.a != VReg::NONE.0 {
                    change(&mut inst.a);
                }
                if inst.has_tail() {
                    let list = inst.b as usize;
                    let count = pool[list] as usize;
                    pool[list + 1..list + 1 + count].iter_mut().for_each(&mut *change);
                }
            }
            Role::CallList => {
                let args = inst.b as usize + 3;
                let count = pool[args - 2] as usize;
                pool[args..args + count].iter_mut().for_each(&mut *change);
            }
            _ => {}
        }
    }
}

/// Replaces each block that the instruction names: targets, and the block whose address a `label_addr` gives. Label sets
/// are the function's and stay.
pub fn map_blocks(inst: &mut InstData, pool: &mut [u32], mut map: impl FnMut(Block) -> Block) {
    let mut change = |word: &mut u32| *word = map(Block(*word)).0;
    if !names_blocks(inst.op) {
        return;
    }
    if let Op::Jump | Op::Branch | Op::Fbranch = inst.op {
        return change(&mut inst.dst);
    }
    if inst.op.shape() == Shape::Switch {
        let tail = &mut pool[inst.b as usize..];
        let (default, cases) = tail.split_at_mut(2);
        change(&mut default[0]);
        let count = default[1] as usize;
        return cases[..3 * count].iter_mut().skip(2).step_by(3).for_each(change);
    }
    for (field, role) in inst.op.shape().operands() {
        if let Role::Block | Role::ColdBlock = role {
            change(word(inst, pool, *field));
        }
    }
}

/// Whether records of the op name blocks.
#[inline]
fn names_blocks(op: Op) -> bool {
    matches!(op.effect(), Effect::control | Effect::terminator) || op == Op::LabelAddr
}

/// Replaces each block that something outside the code names: label sets, entries, labels in data.
pub fn map_names(body: &mut Body, map: impl Fn(Block) -> Block) {
    let arrays = body.f.arrays();
    arrays.label_sets.iter_mut().flatten().for_each(|block| *block = map(*block));
    arrays.entries.iter_mut().for_each(|entry| entry.block = map(entry.block));
    body.labels.iter_mut().for_each(|(_, block)| *block = map(*block));
}

/// Calls `f` with each block that something names beside the edges: what is in label sets, what has its address taken, and
/// what is entered from outside. Such blocks stay.
pub fn for_each_name(body: &Body, mut f: impl FnMut(Block)) {
    body.f.label_sets().iter().flatten().for_each(|block| f(*block));
    body.f.entries().iter().for_each(|entry| f(entry.block));
    body.labels.iter().for_each(|(_, block)| f(*block));
    body.f.insts().iter().filter(|inst| inst.op == Op::LabelAddr).for_each(|inst| f(Block(inst.a)));
}
