//! The rules of calls and returns: arguments and results against signatures.

use super::fault::{self, Conversion, Fault};
use super::walk::Walk;
use crate::entity::{FuncId, VReg};
use crate::function::InstData;
use crate::op::Shape;
use crate::types::{AbiType, Type};

impl Walk<'_> {
    /// Checks what a return gives.
    pub(super) fn results(&mut self, at: usize, inst: &InstData) {
        let (f, sig) = (self.f, self.sig);
        let first = (inst.a != VReg::NONE.0).then_some(VReg(inst.a));
        let more = if inst.has_tail() { f.list(inst, 0).0 } else { &[] };
        let found = first.iter().len() + more.len();
        if found != sig.results.len() || (first.is_none() && !more.is_empty()) {
            self.fatal(at, None, Fault::ReturnCount { found, wanted: sig.results.len() });
            return;
        }
        for (i, v) in first.iter().map(|v| v.0).chain(more.iter().copied()).enumerate() {
            let n = i.min(255) as u8;
            let Some(found) = self.reg_type(at, n, v) else { continue };
            let wanted = sig.results[i].register();
            if !wanted.accepts(found) {
                let how = Conversion { from: found, to: wanted };
                let reg = fault::reg(f, VReg(v));
                self.fault(at, Some(n), Fault::ReturnType { number: i + 1, reg, found, wanted, how });
            }
            self.tracker.read(v);
        }
    }

    /// Checks signature and arguments of a call; its results are written after all reads.
    pub(super) fn call(&mut self, at: usize, n: u8, inst: &InstData, shape: Shape) {
        let (f, module) = (self.f, self.module);
        let call = f.call(inst);
        if !self.exists(at, n, "signature", call.sig.0, module.sigs.len()) {
            return;
        }
        let sig = &module.sigs[call.sig.index()];
        if !sig.is_plain() {
            self.call_bytes +=
                sig.params.iter().chain(&sig.results).map(|ty| self.passed_bytes(ty)).sum::<u64>();
        }
        if matches!(shape, Shape::Call | Shape::TailCall)
            && let Some(callee) = module.funcs.get(inst.a as usize)
            && callee.sig != call.sig
            && module.sigs[callee.sig.index()] != *sig
        {
            let func = fault::func(module, FuncId(inst.a));
            self.fault(at, None, Fault::CallSignature { func });
        }
        let (found, wanted) = (call.args.len(), sig.params.len());
        if found < wanted || found > wanted && !sig.variadic {
            let least = if sig.variadic { "at least " } else { "" };
            self.fault(at, None, Fault::ArgumentCount { found, wanted, least });
        }
        if found as u64 > self.limits.params {
            let (count, max) = (found as u64, self.limits.params);
            self.fault(at, None, Fault::TooMuch { what: "arguments", count, max });
        }
        for (i, v) in call.args.iter().enumerate() {
            let n = n.saturating_add(i.min(255) as u8);
            let Some(found) = self.reg_type(at, n, v.0) else { continue };
            match sig.params.get(i).map(|p| p.register()) {
                Some(wanted) if !wanted.accepts(found) => {
                    let how = Conversion { from: found, to: wanted };
                    let reg = fault::reg(f, v);
                    self.fault(at, Some(n), Fault::ArgumentType { number: i + 1, reg, found, wanted, how });
                }
                None if found == Type::F32 => {
                    self.fault(at, Some(n), Fault::VariadicFloat { reg: fault::reg(f, v) });
                }
                _ => {}
            }
            self.tracker.read(v.0);
        }
        if matches!(shape, Shape::TailCall | Shape::TailCallPtr) {
            if call.results != 0 {
                self.fault(at, None, Fault::ResultCount { found: call.results, wanted: 0 });
            }
            if sig.results != self.sig.results {
                self.fault(at, None, Fault::TailResults {});
            }
            if sig.convention != self.sig.convention {
                self.fault(at, None, Fault::TailConvention {});
            }
        }
    }

    /// Bytes of a frame that passing a value may take.
    fn passed_bytes(&self, ty: &AbiType) -> u64 {
        match ty {
            AbiType::Aggregate(id) => {
                let layout = self.module.layouts.get(id.index()).map(|decl| &decl.layout);
                layout.map_or(0, |layout| layout.size as u64 + layout.align as u64 + 16)
            }
            _ => 8,
        }
    }

    /// Checks the results of a call, and tells that they are written.
    pub(super) fn call_results(&mut self, at: usize, inst: &InstData) {
        let (f, module) = (self.f, self.module);
        let call = f.call(inst);
        let Some(sig) = module.sigs.get(call.sig.index()) else { return };
        if call.results as usize != sig.results.len() {
            self.fault(at, None, Fault::ResultCount { found: call.results, wanted: sig.results.len() });
        }
        let first = (call.results > 0).then_some(VReg(inst.dst));
        for (i, v) in first.into_iter().chain(call.more_results.iter()).enumerate() {
            let n = i.min(255) as u8;
            let Some(found) = self.reg_type(at, n, v.0) else { continue };
            if let Some(wanted) = sig.results.get(i).map(|r| r.register())
                && !wanted.accepts(found)
            {
                let reg = fault::reg(f, v);
                self.fault(at, Some(n), Fault::ResultType { number: i + 1, reg, found, wanted });
            }
            self.tracker.write(v.0);
        }
        if !call.more_results.is_empty() {
            let mut all: Vec<VReg> = first.into_iter().chain(call.more_results.iter()).collect();
            all.sort_unstable();
            if let Some(twice) = all.windows(2).find(|pair| pair[0] == pair[1]) {
                self.fault(at, None, Fault::SameResult { reg: fault::reg(f, twice[0]) });
            }
        }
    }
}
