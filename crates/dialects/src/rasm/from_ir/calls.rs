//! Calls of functions and through addresses.

use super::words::{argument, bits, register, suffix};
use super::writer::Writer;
use super::{Written, refuse};
use kiln_ir::diagnostic::Place;
use kiln_ir::types::Convention;
use kiln_ir::{FuncId, InstData, Op, Signature, VReg};

impl Writer<'_, '_> {
    pub(super) fn call(&mut self, at: Place, inst: &InstData) -> Written {
        let call = self.body.call(inst);
        let sig: &Signature = &self.module.sigs()[call.sig.index()];
        if call.results > 1 || sig.convention == Convention::Win64 {
            return refuse(at, "a call with several results, or of another convention");
        }
        let args: Vec<VReg> = call.args.iter().collect();
        let mut types = Vec::with_capacity(args.len());
        for (n, v) in args.iter().enumerate() {
            types.push(match sig.params.get(n) {
                Some(ty) => argument(ty, at)?,
                None => suffix(self.body.ty(*v), true),
            });
        }
        let result = sig.results.first().map(|ty| argument(ty, at)).transpose()?;
        let target = if inst.op == Op::Call { self.callee(at, FuncId(inst.a))? } else { "%v0".into() };
        for (kind, of) in [("i", ["f", "d"]), ("f", ["f", "f"]), ("d", ["d", "d"])] {
            let count = types.iter().filter(|ty| of.contains(ty) != (kind == "i")).count();
            if count > 0 || kind == "i" {
                self.line(format_args!("prepare_{kind} {count}"));
            }
        }
        for (v, ty) in args.iter().zip(&types).rev() {
            self.get(register(ty), *v);
            self.line(format_args!("pusharg_{ty} {}", register(ty)));
        }
        if inst.op == Op::CallPtr {
            self.get("%v0", VReg(inst.a));
            self.line("finishr %v0");
        } else {
            self.line(format_args!("finish {target}"));
        }
        let (Some(ty), 1) = (result, call.results) else { return Ok(()) };
        let dst = VReg(inst.dst);
        if inst.op == Op::Call && self.gives_float(FuncId(inst.a)) {
            self.line("retval_l %r0");
            self.line(format_args!("stxi_{} $v{}, %fp, %r0", bits(self.body.ty(dst)), dst.0));
        } else {
            self.line(format_args!("retval_{ty} {}", register(ty)));
            self.put(dst, register(ty));
        }
        Ok(())
    }
}
