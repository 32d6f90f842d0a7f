//! Activations: calls, returns, frames.

use super::variadic::Variable;
use super::{Flow, ForeignCall, Interpreter, integer};
use crate::entity::{FuncId, SigId, Slot, VReg};
use crate::function::{Function, InstData};
use crate::module::Linkage;
use crate::op::Op;
use crate::trap::TrapKind;
use crate::types::{AbiType, Signature, Type};
use std::rc::Rc;

/// One call that has not returned.
#[derive(Debug)]
pub(super) struct Activation<'a> {
    pub(super) func: FuncId,
    pub(super) f: &'a Function,
    /// The instruction that runs, or in callers the call that waits.
    pub(super) at: usize,
    /// Where its registers start.
    pub(super) words: usize,
    /// The address that frame-relative offsets count from.
    pub(super) frame: u64,
    /// The distance of each slot from there.
    slots: Vec<u64>,
    /// What the host had handed out before.
    mark: u64,
    /// Where the variable arguments stand.
    pub(super) variable: Variable,
    /// Which instructions are the first of a loop head; none if nobody asks.
    heads: Rc<[bool]>,
}

impl Activation<'_> {
    /// Whether an instruction is the first of a loop head, if somebody asks.
    pub(super) fn is_head(&self, at: usize) -> bool {
        self.heads.get(at).is_some_and(|head| *head)
    }

    pub(super) fn slot(&self, slot: Slot) -> u64 {
        self.frame + self.slots[slot.index()]
    }
}

/// A small integer as its parameter or result says: the caller extends, the callee does not trust it.
fn extended(ty: AbiType, word: u64) -> u64 {
    match ty {
        AbiType::I8 => integer::sign_extend(word, 8) & 0xffff_ffff,
        AbiType::U8 => word & 0xff,
        AbiType::I16 => integer::sign_extend(word, 16) & 0xffff_ffff,
        AbiType::U16 => word & 0xffff,
        AbiType::Value(ty) => integer::cut(word, ty.bytes() * 8),
        AbiType::Aggregate(_) => word,
    }
}

impl<'a> Interpreter<'a> {
    /// Makes an activation of a function of the module, which begins at its start or at a further entry.
    pub(super) fn enter(&mut self, callee: FuncId, args: &[u64], types: &[Type]) -> Result<(), TrapKind> {
        let module = self.module;
        let func = module.func(callee).entry_of.unwrap_or(callee);
        let Some(f) = module.func(func).body.as_ref() else { unreachable!("checked functions have bodies") };
        let entry = f.entries().iter().find(|entry| entry.func == callee);
        let sig = module.signature_of(callee);
        let mark = self.host.mark();
        let mut size = 0u64;
        let mut align = 16u64;
        let slots = f
            .slots()
            .iter()
            .map(|slot| {
                let at = size.next_multiple_of(slot.align as u64);
                size = at + slot.size as u64;
                align = align.max(slot.align as u64);
                at
            })
            .collect();
        let frame = self.host.reserve(size.max(1), align)?;
        let words = self.words.len();
        self.words.resize(words + f.vregs().len(), 0);
        let fixed = sig.params.len().min(args.len());
        for (i, (param, word)) in sig.params.iter().zip(args).enumerate() {
            let word = match *param {
                AbiType::Aggregate(layout) => {
                    // The callee gets a copy of its own.
                    let layout = &module.layouts()[layout.index()].layout;
                    let copy = self.host.reserve((layout.size as u64).max(1), layout.align.max(1) as u64)?;
                    self.host.copy(copy, *word, layout.size as u64)?;
                    copy
                }
                ty => extended(ty, *word),
            };
            let v = entry.map_or(i, |entry| entry.params[i].index());
            self.words[words + v] = word;
        }
        let variable = match sig.variadic {
            true => self.pass_variable(&args[fixed..], types.get(fixed..).unwrap_or_default())?,
            false => 0,
        };
        let variable = Variable::Area(variable);
        let heads = self.heads_of(func, f);
        self.stack.push(Activation { func, f, at: 0, words, frame, slots, mark, variable, heads });
        // From here on a trap is the callee's.
        self.meter.enter()?;
        self.charge()?;
        if let Some(entry) = entry {
            self.top().at = f.block_range(entry.block).start;
        }
        Ok(())
    }

    /// Ends the running activation: its results go to the call that waits, or to the host.
    pub(super) fn leave(&mut self, f: &Function, inst: &InstData) -> Result<Flow, TrapKind> {
        let mut results = Vec::new();
        if inst.a != VReg::NONE.0 {
            results.push(self.read(VReg(inst.a)));
        }
        if inst.has_tail() {
            results.extend(f.list(inst, 0).iter().map(|v| self.read(v)));
        }
        let func = self.top().func;
        let module = self.module;
        let types = &module.signature_of(func).results;
        for (word, ty) in results.iter_mut().zip(types) {
            *word = extended(*ty, *word);
        }
        self.finish(results, types)
    }

    /// Pops the running activation and hands its results on.
    fn finish(&mut self, mut results: Vec<u64>, types: &[AbiType]) -> Result<Flow, TrapKind> {
        let Some(ended) = self.stack.pop() else { unreachable!("an activation is running") };
        self.meter.leave();
        self.words.truncate(ended.words);
        // The bytes of aggregates are moved out of the ended frame before it is given back.
        let mut kept = Vec::new();
        for (word, ty) in results.iter().zip(types) {
            if let AbiType::Aggregate(layout) = ty {
                let size = self.module.layouts()[layout.index()].layout.size;
                let bytes: Result<Vec<u64>, _> =
                    (0..size as u64).map(|i| self.host.load(word.wrapping_add(i), 1)).collect();
                kept.push(bytes?);
            }
        }
        self.host.release(ended.mark);
        let mut kept = kept.into_iter();
        for (word, ty) in results.iter_mut().zip(types) {
            if let AbiType::Aggregate(layout) = ty
                && let Some(bytes) = kept.next()
            {
                let align = self.module.layouts()[layout.index()].layout.align;
                *word = self.host.reserve((bytes.len() as u64).max(1), align.max(1) as u64)?;
                for (i, byte) in bytes.into_iter().enumerate() {
                    self.host.store(word.wrapping_add(i as u64), 1, byte)?;
                }
            }
        }
        if self.stack.is_empty() {
            return Ok(Flow::Done(results));
        }
        self.deliver(&results);
        Ok(Flow::Switched)
    }

    /// Writes the results of the call that the running activation waits for, and goes on behind it.
    fn deliver(&mut self, results: &[u64]) {
        let f = self.function();
        let inst = f.insts()[self.top().at];
        let mut words = results.iter();
        let mut write = |this: &mut Self, v| {
            if let Some(word) = words.next() {
                this.write(v, f.ty(v), *word);
            }
        };
        let call = f.call(&inst);
        if call.results > 0 {
            write(self, VReg(inst.dst));
        }
        for v in call.more_results.iter() {
            write(self, v);
        }
        self.top().at += 1;
    }

    /// Runs a call or tail call.
    pub(super) fn invoke(&mut self, f: &'a Function, inst: &InstData) -> Result<Flow, TrapKind> {
        let module = self.module;
        let call = f.call(inst);
        let sig = &module.sigs()[call.sig.index()];
        let types: Vec<Type> = call.args.iter().map(|v| f.ty(v)).collect();
        let mut args: Vec<u64> = call.args.iter().map(|v| self.read(v)).collect();
        for (word, ty) in args.iter_mut().zip(&sig.params) {
            *word = extended(*ty, *word);
        }
        let direct = matches!(inst.op, Op::Call | Op::TailCall);
        let mut address = if direct { 0 } else { self.read(VReg(inst.a)) };
        let callee = if direct { Some(FuncId(inst.a)) } else { self.host.func_at(address) };
        let mut callee = callee.filter(|func| direct || self.fits(*func, call.sig));
        // Replacements may be replaced, but not in a circle. What is not of this module is called by the address of what
        // it stands for, so that the host sees which of them it is at the time of the call.
        while let Some((func, to)) = callee.and_then(|func| Some((func, self.replacement(func)?))) {
            address = self.host.func_address(func);
            callee = self.host.func_at(to);
        }
        let tail = matches!(inst.op, Op::TailCall | Op::TailCallPtr);
        if let Some(func) = callee
            && module.func(func).linkage != Linkage::Import
        {
            if tail {
                self.replace(func, sig, args, &types)?;
            } else {
                self.enter(func, &args, &types)?;
            }
            return Ok(Flow::Switched);
        }
        let foreign = ForeignCall { sig, types: &types, args: &args };
        let depth = self.meter.depth();
        if tail {
            // It has ended when the callee runs.
            self.meter.leave();
        }
        let mut results = match callee {
            Some(func) => self.host.call_import(func, &foreign)?,
            None => self.host.call_address(address, &foreign)?,
        };
        self.meter.back_to(depth);
        for (word, ty) in results.iter_mut().zip(&sig.results) {
            *word = extended(*ty, *word);
        }
        if tail {
            return self.finish(results, &sig.results);
        }
        self.deliver(&results);
        Ok(Flow::Switched)
    }

    /// Where calls of a function go, if it has been replaced. (Imports are the host's.)
    fn replacement(&mut self, func: FuncId) -> Option<u64> {
        if !self.module.is_replaceable(func) || self.module.func(func).linkage == Linkage::Import {
            return None;
        }
        self.host.replacement(func)
    }

    /// Whether a function can be called through this signature.
    fn fits(&self, func: FuncId, sig: SigId) -> bool {
        self.module.func(func).sig == sig
    }

    /// Puts an activation of a function in the place of the running one, so that a chain of tail calls takes no room.
    fn replace(
        &mut self,
        func: FuncId,
        sig: &Signature,
        mut args: Vec<u64>,
        types: &[Type],
    ) -> Result<(), TrapKind> {
        // Aggregates passed on may stand in the frame that goes: their bytes are lifted over the exchange.
        let mut lifted = Vec::new();
        for (i, ty) in sig.params.iter().enumerate() {
            if let AbiType::Aggregate(layout) = ty {
                let size = self.module.layouts()[layout.index()].layout.size as u64;
                let bytes: Result<Vec<u64>, _> =
                    (0..size).map(|k| self.host.load(args[i].wrapping_add(k), 1)).collect();
                lifted.push((i, bytes?));
            }
        }
        let Some(ended) = self.stack.pop() else { unreachable!("an activation is running") };
        self.meter.leave();
        self.words.truncate(ended.words);
        self.host.release(ended.mark);
        for (i, bytes) in lifted {
            args[i] = self.host.reserve((bytes.len() as u64).max(1), 16)?;
            for (k, byte) in bytes.into_iter().enumerate() {
                self.host.store(args[i].wrapping_add(k as u64), 1, byte)?;
            }
        }
        self.enter(func, &args, types)?;
        self.top().mark = ended.mark;
        Ok(())
    }
}
