//! A function taken apart into plain lists, so that mutation, shrinking and planted bugs can change anything and
//! put it together again.

use kiln_ir::function::{Entry, SlotData, VRegInfo, aux};
use kiln_ir::op::{Field, Role};
use kiln_ir::{Block, FuncId, Function, InstData, Module, Type, VReg};

/// One instruction with its tail; `inst.b` is without meaning where there is a tail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The record.
    pub inst: InstData,
    /// Its tail.
    pub tail: Vec<u32>,
}

/// A function as lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Records {
    /// The types of the registers, the parameters first.
    pub vregs: Vec<Type>,
    /// Number of parameters.
    pub params: u32,
    /// Blocks: whether cold, and the instructions.
    pub blocks: Vec<(bool, Vec<Record>)>,
    /// Stack slots.
    pub slots: Vec<SlotData>,
    /// Label sets.
    pub label_sets: Vec<Vec<Block>>,
    /// Further entries.
    pub entries: Vec<Entry>,
}

impl Records {
    /// Takes a function apart.
    pub fn of(function: &Function) -> Records {
        let blocks = (0..function.blocks().len()).map(|n| {
            let block = Block(n as u32);
            let records = function.insts()[function.block_range(block)].iter().map(|inst| {
                let len = function.tail_len(inst);
                Record { inst: *inst, tail: function.tail(inst)[..len].to_vec() }
            });
            (function.blocks()[n].cold, records.collect())
        });
        Records {
            vregs: function.vregs().iter().map(|v: &VRegInfo| v.ty).collect(),
            params: function.params(),
            blocks: blocks.collect(),
            slots: function.slots().to_vec(),
            label_sets: function.label_sets().to_vec(),
            entries: function.entries().to_vec(),
        }
    }

    /// Whether the builder can take the lists: registers and blocks exist, counts in tails are true. What else may
    /// be wrong is for the verifier.
    pub fn is_sound(&self) -> bool {
        let vregs = self.vregs.len() as u32;
        let blocks = self.blocks.len() as u32;
        let known = |word: u32| word < vregs;
        let records = self.blocks.iter().flat_map(|(_, records)| records);
        let sets = self.label_sets.iter().flatten().chain(self.entries.iter().map(|e| &e.block));
        self.entries.iter().flat_map(|e| &e.params).all(|v| known(v.0))
            && sets.into_iter().all(|b| b.0 < blocks)
            && !self.blocks.is_empty()
            && records.into_iter().all(|r| {
                let (inst, tail) = (&r.inst, &r.tail);
                // Other bits are for the verifier, but this one says where operands are.
                let may = InstData::allowed_bits(inst.op) & aux::TAIL != 0;
                let must = InstData::required_bits(inst.op) & aux::TAIL != 0;
                if inst.has_tail() && !may || must && !inst.has_tail() || tail_len(r) != Some(tail.len()) {
                    return false;
                }
                let word = |field: Field| match field {
                    Field::Dst => Some(inst.dst),
                    Field::A => Some(inst.a),
                    Field::B => Some(inst.b),
                    Field::Tail(n) => tail.get(n as usize).copied(),
                };
                let at = |n: usize| tail.get(n).copied();
                inst.op.shape().operands().iter().all(|(field, role)| {
                    let Some(w) = word(*field) else { return false };
                    let start = if let Field::Tail(n) = field { *n as usize } else { 0 };
                    let listed = |from: usize, count: u32| {
                        tail.get(from..from.saturating_add(count as usize))
                            .is_some_and(|l| l.iter().all(|v| known(*v)))
                    };
                    match role {
                        Role::Def(_) | Role::Use(_) => known(w),
                        Role::UseOrImm(_) => inst.has_imm() || known(w),
                        Role::StoreValue => inst.value_is_imm() || known(w),
                        Role::Mem => {
                            known(inst.a)
                                && (!inst.has_tail()
                                    || tail.len() >= 3 && (tail[0] == VReg::NONE.0 || known(tail[0])))
                        }
                        Role::Block | Role::ColdBlock => w < blocks,
                        Role::List => w < 1 << 20 && listed(start + 1, w),
                        Role::Results => {
                            (w == VReg::NONE.0 || known(w))
                                && (!inst.has_tail() || at(0).is_some_and(|n| n < 1 << 20 && listed(1, n)))
                        }
                        Role::Cases => match (at(0), at(1)) {
                            (Some(default), Some(count)) if count < 1 << 20 => {
                                default < blocks
                                    && tail
                                        .get(2..2 + 3 * count as usize)
                                        .is_some_and(|c| c.chunks_exact(3).all(|c| c[2] < blocks))
                            }
                            _ => false,
                        },
                        Role::CallList => match (at(1), at(2)) {
                            (Some(args), Some(results)) if args < 1 << 20 && results < 1 << 20 => {
                                listed(3, args + results.saturating_sub(1))
                                    && (results == 0 || known(inst.dst))
                            }
                            _ => false,
                        },
                        Role::Const => !inst.has_tail() || tail.len() >= 2,
                        Role::Imm
                        | Role::BitRange
                        | Role::Func
                        | Role::Data
                        | Role::Slot
                        | Role::LabelSet
                        | Role::ExitId
                        | Role::TrapCode
                        | Role::CodeBytes => true,
                    }
                })
            })
    }

    /// Puts the lists together as the body of the function. False, and the module unchanged, if they are not
    /// [sound](Self::is_sound) or do not end.
    pub fn build(&self, module: &mut Module, func: FuncId) -> bool {
        if !self.is_sound() || module.signature_of(func).params.len() != self.params as usize {
            return false;
        }
        let mut b = module.build(func);
        for ty in &self.vregs[self.params as usize..] {
            b.vreg(*ty);
        }
        let blocks: Vec<Block> = self.blocks.iter().map(|_| b.block()).collect();
        for slot in &self.slots {
            b.slot(slot.size, slot.align);
        }
        for set in &self.label_sets {
            b.label_set(set);
        }
        for entry in &self.entries {
            b.place_entry(entry.func, &entry.params, entry.block);
        }
        for (block, (cold, records)) in blocks.iter().zip(&self.blocks) {
            b.place(*block);
            if *cold {
                b.set_cold();
            }
            for record in records {
                b.push(record.inst, &record.tail);
            }
        }
        b.finish().is_ok()
    }
}

/// The length that the record's tail must have. None if the words that say so are missing.
fn tail_len(record: &Record) -> Option<usize> {
    let Record { inst, tail } = record;
    if !inst.has_tail() {
        return Some(0);
    }
    let count = |at: usize| tail.get(at).map(|n| *n as usize);
    let mut len = 0;
    for (field, role) in inst.op.shape().operands() {
        let at = if let Field::Tail(n) = field { *n as usize } else { 0 };
        len = len.max(match role {
            Role::Mem => 3,
            Role::Const => 2,
            Role::List => at + 1 + count(at)?,
            Role::Cases => 2 + 3 * count(1)?,
            Role::Results => 1 + count(0)?,
            Role::CallList => 3 + count(1)? + count(2)?.saturating_sub(1),
            _ => at + matches!(field, Field::Tail(_)) as usize,
        });
    }
    Some(len)
}
