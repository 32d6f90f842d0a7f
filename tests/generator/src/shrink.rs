//! Making a failing program small: whatever can go while it still fails, goes.

use crate::mutate::word_mut;
use crate::program::ENTRY;
use crate::records::{Record, Records};
use kiln_ir::function::aux;
use kiln_ir::op::Role;
use kiln_ir::{Block, DataTarget, FuncId, InstData, Linkage, Module, Op, Type, VReg};

/// Makes the module smaller as long as `fails` says that it still fails, trying at most `tries` candidates.
/// Candidates may break rules of the verifier; `fails` must say false then.
pub fn shrink(module: &Module, tries: usize, fails: &mut dyn FnMut(&Module) -> bool) -> Module {
    let mut shrink = Shrink { best: module.clone(), tries, fails };
    shrink.forget_classes();
    loop {
        let before = size(&shrink.best);
        shrink.empty_functions();
        for func in 0..shrink.best.funcs().len() as u32 {
            shrink.function(FuncId(func));
        }
        shrink.drop_functions();
        if size(&shrink.best) >= before || shrink.tries == 0 {
            return shrink.best;
        }
    }
}

fn size(module: &Module) -> (usize, usize) {
    let insts =
        module.funcs().iter().filter_map(|f| f.body.as_ref()).map(|b| b.insts().len() + b.blocks().len());
    let constants = module
        .funcs()
        .iter()
        .filter_map(|f| f.body.as_ref())
        .flat_map(|b| b.insts())
        .filter(|i| i.op != Op::Const)
        .count();
    (insts.sum::<usize>() + module.funcs().len(), constants)
}

struct Shrink<'f> {
    best: Module,
    tries: usize,
    fails: &'f mut dyn FnMut(&Module) -> bool,
}

impl Shrink<'_> {
    /// Takes the candidate if it still fails.
    fn offer(&mut self, candidate: Module) -> bool {
        if self.tries == 0 {
            return false;
        }
        self.tries -= 1;
        let taken = (self.fails)(&candidate);
        if taken {
            self.best = candidate;
        }
        taken
    }

    fn offer_records(&mut self, func: FuncId, records: &Records) -> bool {
        // Which argument one reads depends on those read before: only the last ones can go.
        let read = |records: &Records| -> Vec<Type> {
            let all = records.blocks.iter().flat_map(|(_, block)| block);
            all.filter(|r| r.inst.op == Op::VaArg).map(|r| r.inst.ty).collect()
        };
        if !self.records(func).is_some_and(|best| read(&best).starts_with(&read(records))) {
            return false;
        }
        let mut candidate = self.best.clone();
        records.build(&mut candidate, func) && self.offer(candidate)
    }

    fn records(&self, func: FuncId) -> Option<Records> {
        self.best.func(func).body.as_ref().map(Records::of)
    }

    /// Tries to say no alias classes: what goes later may make a lie of them.
    fn forget_classes(&mut self) {
        let mut candidate = self.best.clone();
        for func in (0..candidate.funcs().len() as u32).map(FuncId) {
            let Some(mut records) = self.records(func) else { continue };
            let all = records.blocks.iter_mut().flat_map(|(_, block)| block);
            for record in all.filter(|r| matches!(r.inst.op, Op::Load | Op::Store)) {
                record.inst.aux &= !(15 << aux::ALIAS);
            }
            if !records.build(&mut candidate, func) {
                return;
            }
        }
        self.offer(candidate);
    }

    /// Tries to replace each body by one that returns zeros.
    fn empty_functions(&mut self) {
        for func in (0..self.best.funcs().len() as u32).map(FuncId) {
            if self.best.func(func).body.as_ref().is_none_or(|b| b.insts().len() <= 4) {
                continue;
            }
            let mut candidate = self.best.clone();
            let results: Vec<Type> =
                candidate.signature_of(func).results.iter().map(|r| r.register()).collect();
            let mut b = candidate.build(func);
            let values: Vec<VReg> = results
                .into_iter()
                .map(|ty| match ty {
                    Type::F32 => b.f32const(0.0),
                    Type::F64 => b.f64const(0.0),
                    ty => b.iconst(ty, 0),
                })
                .collect();
            b.ret(&values);
            if b.finish().is_ok() {
                self.offer(candidate);
            }
        }
    }

    fn function(&mut self, func: FuncId) {
        self.drop_runs(func);
        self.straighten(func);
        self.drop_blocks(func);
        self.constants(func);
        self.drop_slots(func);
    }

    /// Removes runs of instructions, long runs first; terminators stay.
    fn drop_runs(&mut self, func: FuncId) {
        let Some(records) = self.records(func) else { return };
        for block in (0..records.blocks.len()).rev() {
            let mut len = records.blocks[block].1.len().next_power_of_two();
            while len >= 1 {
                let mut at = 0;
                while let Some(mut records) = self.records(func) {
                    let Some((_, list)) = records.blocks.get_mut(block) else { break };
                    let end = list.iter().position(|r| r.inst.op.is_terminator()).unwrap_or(list.len());
                    if at >= end {
                        break;
                    }
                    list.drain(at..(at + len).min(end));
                    if !self.offer_records(func, &records) {
                        at += len;
                    }
                }
                len /= 2;
            }
        }
    }

    /// Replaces ends of blocks by plain jumps: to the next block or to one of the targets.
    fn straighten(&mut self, func: FuncId) {
        let Some(records) = self.records(func) else { return };
        for block in 0..records.blocks.len() {
            let Some(records) = self.records(func) else { return };
            let Some(last) = records.blocks.get(block).and_then(|(_, b)| b.last()) else { continue };
            if last.inst.op == Op::Jump || last.inst.op == Op::Ret {
                continue;
            }
            for target in (0..records.blocks.len() as u32).rev() {
                let mut records = records.clone();
                let list = &mut records.blocks[block].1;
                list.pop();
                let jump = InstData { op: Op::Jump, ty: Type::I32, aux: 0, dst: target, a: 0, b: 0 };
                list.push(Record { inst: jump, tail: vec![] });
                if target as usize > block && self.offer_records(func, &records) {
                    break;
                }
            }
        }
    }

    /// Removes blocks; what went there goes to the block after it, or where it jumped to.
    fn drop_blocks(&mut self, func: FuncId) {
        let Some(records) = self.records(func) else { return };
        for block in (0..records.blocks.len()).rev() {
            let Some(records) = self.records(func) else { return };
            if records.blocks.len() < 2 || block >= records.blocks.len() {
                continue;
            }
            let jumps_to = match records.blocks[block].1.last() {
                Some(r) if r.inst.op == Op::Jump => r.inst.dst as usize,
                _ => block + 1,
            };
            if block == 0 {
                self.merge_next(func);
                continue;
            }
            if let Some(without) = remove_block(&records, block, jumps_to) {
                self.offer_records(func, &without);
            }
        }
        self.merge_next(func);
    }

    /// Puts the second block behind the first where the first only goes there.
    fn merge_next(&mut self, func: FuncId) {
        for at in (0..self.records(func).map_or(0, |r| r.blocks.len())).rev() {
            let Some(mut records) = self.records(func) else { return };
            if at + 1 >= records.blocks.len() {
                continue;
            }
            let next = records.blocks[at + 1].1.clone();
            let list = &mut records.blocks[at].1;
            if list.last().is_some_and(|r| r.inst.op == Op::Jump && r.inst.dst as usize == at + 1) {
                list.pop();
                list.extend(next);
                if let Some(merged) = remove_block(&records, at + 1, at) {
                    self.offer_records(func, &merged);
                }
            }
        }
    }

    /// Replaces instructions with one result by a constant.
    fn constants(&mut self, func: FuncId) {
        let Some(records) = self.records(func) else { return };
        for block in 0..records.blocks.len() {
            for at in 0..records.blocks[block].1.len() {
                let Some(mut records) = self.records(func) else { return };
                let Some(record) = records.blocks.get_mut(block).and_then(|(_, b)| b.get_mut(at)) else {
                    break;
                };
                let op = record.inst.op;
                if op == Op::Const || op.is_terminator() {
                    continue;
                }
                let defs = op.shape().operands().iter().filter(|(_, r)| matches!(r, Role::Def(_))).count();
                if defs != 1 {
                    continue;
                }
                let ty = records.vregs[record.inst.dst as usize];
                let bits = match ty {
                    Type::F32 => 1f32.to_bits(),
                    _ => 1,
                };
                let (attributes, tail) = match ty {
                    Type::F64 => (aux::TAIL, vec![0, (1f64.to_bits() >> 32) as u32]),
                    _ => (0, vec![]),
                };
                let inst =
                    InstData { op: Op::Const, ty, aux: attributes, dst: record.inst.dst, a: 0, b: bits };
                *record = Record { inst, tail };
                self.offer_records(func, &records);
            }
        }
    }

    fn drop_slots(&mut self, func: FuncId) {
        if let Some(mut records) = self.records(func) {
            let mentioned = |role: Role| {
                records
                    .blocks
                    .iter()
                    .flat_map(|(_, b)| b)
                    .any(|r| r.inst.op.shape().operands().iter().any(|(_, o)| *o == role))
            };
            let (slots, sets) = (mentioned(Role::Slot), mentioned(Role::LabelSet));
            if !slots {
                records.slots.clear();
            }
            if !sets {
                records.label_sets.clear();
            }
            drop_registers(&mut records);
            self.offer_records(func, &records);
        }
    }

    /// Leaves out functions and data that nothing mentions.
    fn drop_functions(&mut self) {
        let old = &self.best;
        let mut keep: Vec<bool> =
            old.funcs().iter().map(|f| f.linkage == Linkage::Export || f.name == ENTRY).collect();
        let mut keep_data: Vec<bool> = old.data().iter().map(|d| d.linkage != Linkage::Local).collect();
        loop {
            let before = (keep.clone(), keep_data.clone());
            for (n, func) in old.funcs().iter().enumerate() {
                let Some(body) = func.body.as_ref().filter(|_| keep[n]) else { continue };
                body.entries().iter().for_each(|entry| keep[entry.func.index()] = true);
                for inst in body.insts() {
                    for (field, role) in inst.op.shape().operands() {
                        match role {
                            Role::Func => keep[body.word(inst, *field) as usize] = true,
                            Role::Data => keep_data[body.word(inst, *field) as usize] = true,
                            _ => {}
                        }
                    }
                }
            }
            for (_, func) in old.funcs().iter().enumerate().filter(|(n, _)| before.0[*n]) {
                func.entry_of.iter().for_each(|of| keep[of.index()] = true);
            }
            for (n, data) in old.data().iter().enumerate() {
                if !keep_data[n] {
                    continue;
                }
                for reloc in &data.relocs {
                    match reloc.target {
                        DataTarget::Func(f) | DataTarget::Label(f, _) => keep[f.index()] = true,
                        DataTarget::Data(d) => keep_data[d.index()] = true,
                    }
                }
            }
            if before == (keep.clone(), keep_data.clone()) {
                break;
            }
        }
        if keep.iter().all(|k| *k) && keep_data.iter().all(|k| *k) {
            return;
        }
        if let Some(candidate) = without(old, &keep, &keep_data) {
            self.offer(candidate);
        }
    }
}

/// The module with only these functions and data.
fn without(old: &Module, keep: &[bool], keep_data: &[bool]) -> Option<Module> {
    let new_index = |keep: &[bool], at: u32| keep[..at as usize].iter().filter(|k| **k).count() as u32;
    let mut module = Module::new();
    for layout in old.layouts() {
        module.layout(&layout.name, layout.layout.clone());
    }
    for sig in old.sigs() {
        module.signature(sig.clone());
    }
    for (n, func) in old.funcs().iter().enumerate().filter(|(n, _)| keep[*n]) {
        let sig = &old.sigs()[func.sig.index()];
        let id = match func.entry_of {
            Some(of) if of.index() >= n => return None,
            Some(of) => {
                let params: Vec<Type> = sig.params.iter().map(|param| param.register()).collect();
                module.declare_entry(FuncId(new_index(keep, of.0)), &func.name, &params)
            }
            None => module.declare(&func.name, sig.clone(), func.linkage),
        };
        module.set_replaceable(id, func.replaceable);
        if let Some(library) = &func.library {
            module.set_library(id, library);
        }
        debug_assert_eq!(id.0, new_index(keep, n as u32));
    }
    for data in old.data().iter().enumerate().filter(|(n, _)| keep_data[*n]).map(|(_, d)| d) {
        let mut data = data.clone();
        for reloc in &mut data.relocs {
            match &mut reloc.target {
                DataTarget::Func(f) | DataTarget::Label(f, _) => f.0 = new_index(keep, f.0),
                DataTarget::Data(d) => d.0 = new_index(keep_data, d.0),
            }
        }
        module.add_data(data);
    }
    for (n, func) in old.funcs().iter().enumerate().filter(|(n, _)| keep[*n]) {
        let Some(body) = &func.body else { continue };
        let mut records = Records::of(body);
        records.entries.iter_mut().for_each(|entry| entry.func.0 = new_index(keep, entry.func.0));
        for record in records.blocks.iter_mut().flat_map(|(_, b)| b) {
            for (field, role) in record.inst.op.shape().operands() {
                match role {
                    Role::Func => {
                        let word = word_mut(record, *field);
                        *word = new_index(keep, *word);
                    }
                    Role::Data => {
                        let word = word_mut(record, *field);
                        *word = new_index(keep_data, *word);
                    }
                    _ => {}
                }
            }
        }
        if !records.build(&mut module, FuncId(new_index(keep, n as u32))) {
            return None;
        }
    }
    Some(module)
}

/// Leaves out the registers that nothing mentions.
fn drop_registers(records: &mut Records) {
    let mut used = vec![false; records.vregs.len()];
    used[..records.params as usize].fill(true);
    records.entries.iter().flat_map(|e| &e.params).for_each(|v| used[v.index()] = true);
    for_each_register(records, |v| used[*v as usize] = true);
    let mut to = vec![0; used.len()];
    let mut next = 0;
    for (at, used) in used.iter().enumerate() {
        to[at] = next;
        next += *used as u32;
    }
    for_each_register(records, |v| *v = to[*v as usize]);
    records.entries.iter_mut().flat_map(|e| &mut e.params).for_each(|v| v.0 = to[v.index()]);
    let mut at = 0;
    records.vregs.retain(|_| {
        at += 1;
        used[at - 1]
    });
}

/// Calls `f` with each word of the records that names a register.
fn for_each_register(records: &mut Records, mut f: impl FnMut(&mut u32)) {
    for record in records.blocks.iter_mut().flat_map(|(_, b)| b) {
        let (imm, value_imm) = (record.inst.has_imm(), record.inst.value_is_imm());
        let none = VReg::NONE.0;
        for (field, role) in record.inst.op.shape().operands() {
            match role {
                Role::Def(_) | Role::Use(_) => f(word_mut(record, *field)),
                Role::UseOrImm(_) if !imm => f(word_mut(record, *field)),
                Role::StoreValue if !value_imm => f(&mut record.inst.dst),
                Role::Mem => {
                    f(&mut record.inst.a);
                    if record.inst.has_tail() && record.tail[0] != none {
                        f(&mut record.tail[0]);
                    }
                }
                Role::List => {
                    let kiln_ir::op::Field::Tail(at) = *field else { continue };
                    let (at, count) = (at as usize, record.tail[at as usize] as usize);
                    record.tail[at + 1..at + 1 + count].iter_mut().for_each(&mut f);
                }
                Role::Results => {
                    if record.inst.a != none {
                        f(&mut record.inst.a);
                    }
                    if !record.tail.is_empty() {
                        record.tail[1..].iter_mut().for_each(&mut f);
                    }
                }
                Role::CallList => {
                    if record.tail[2] > 0 {
                        f(&mut record.inst.dst);
                    }
                    record.tail[3..].iter_mut().for_each(&mut f);
                }
                _ => {}
            }
        }
    }
}

/// The function without a block; jumps to it go to `instead`. None if there is no such block.
fn remove_block(records: &Records, block: usize, instead: usize) -> Option<Records> {
    if instead >= records.blocks.len() || instead == block {
        return None;
    }
    let mut records = records.clone();
    let to = |b: &mut u32| {
        if *b as usize == block {
            *b = instead as u32;
        }
        if *b as usize > block {
            *b -= 1;
        }
    };
    for record in records.blocks.iter_mut().flat_map(|(_, b)| b) {
        for (field, role) in record.inst.op.shape().operands() {
            match role {
                Role::Block | Role::ColdBlock => to(word_mut(record, *field)),
                Role::Cases => {
                    to(&mut record.tail[0]);
                    let count = record.tail[1] as usize;
                    record.tail[2..2 + 3 * count].chunks_exact_mut(3).for_each(|c| to(&mut c[2]));
                }
                _ => {}
            }
        }
    }
    for set in records.label_sets.iter_mut() {
        set.iter_mut().for_each(|b: &mut Block| to(&mut b.0));
        set.sort();
        set.dedup();
    }
    records.entries.iter_mut().for_each(|e| to(&mut e.block.0));
    records.blocks.remove(block);
    Some(records)
}
