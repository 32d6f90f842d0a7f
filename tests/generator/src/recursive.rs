//! Functions that call themselves a few times: with something done to the result, which makes sums and products over the
//! calls, twice, or at their end.

use crate::entropy::Entropy;
use crate::program::Plan;
use crate::values;
use kiln_ir::types::{AbiType, Signature};
use kiln_ir::{Cond, FuncId, FunctionBuilder, MemType, Module, Type, VReg};

/// What such a function takes and gives: how often it may call itself, and some values.
pub(crate) fn signature(entropy: &mut Entropy) -> Signature {
    let count = AbiType::Value(entropy.pick(&[Type::I32, Type::I64]));
    let narrow = [AbiType::I8, AbiType::U8, AbiType::I16, AbiType::U16];
    let wide = [Type::I32, Type::I64, Type::I64, Type::F64].map(AbiType::Value);
    let result = if entropy.chance(30) { entropy.pick(&narrow) } else { entropy.pick(&wide) };
    let mut params = vec![count, result];
    if entropy.chance(50) {
        params.push(entropy.pick(&wide));
    }
    Signature::new(params, [result])
}

/// Most calls in each other.
const DEPTH: i64 = 9;

/// Writes the body.
pub(crate) fn write(module: &mut Module, id: FuncId, entropy: &mut Entropy, plan: &Plan) {
    let b = module.build(id);
    let float = b.ty(b.param(1)) == Type::F64;
    let mut body = Recursive { b, e: entropy, plan, id, float };
    body.write();
    body.b.finish().expect("it returns");
}

struct Recursive<'g, 'm, 'b> {
    b: FunctionBuilder<'m>,
    e: &'g mut Entropy<'b>,
    plan: &'g Plan,
    id: FuncId,
    float: bool,
}

impl Recursive<'_, '_, '_> {
    fn write(&mut self) {
        let (n, x) = (self.b.param(0), self.b.param(1));
        let end = self.b.block();
        self.b.branch(Cond::Ugt, n, DEPTH, end);
        let cond = self.e.pick(&[Cond::Le, Cond::Eq]);
        self.b.branch(cond, n, 0, end);
        if self.e.chance(30) {
            // Another way to the end, or a way of its own that only calls on.
            let on = self.b.block();
            let bit = self.b.and(n, 1);
            self.b.branch(Cond::Eq, bit, 0, on);
            if self.e.chance(50) {
                let v = self.again(n, x, 1);
                self.b.ret(&[v]);
            } else {
                let y = self.with(x);
                let v = self.again(n, y, 1);
                let v = self.join(v, x);
                self.b.ret(&[v]);
            }
            self.b.place(on);
        }
        match self.e.below(6) {
            0 => {
                let x = if self.e.chance(70) { self.with(x) } else { x };
                let args = self.arguments(n, x, 1);
                self.b.tail_call(self.id, &args);
            }
            1 => {
                let one = self.again(n, x, 1);
                let other = self.again(n, x, 2);
                let v = self.join(one, other);
                self.b.ret(&[v]);
            }
            2 => {
                let v = self.again(n, x, 1);
                let y = self.with(x);
                let v = self.join(v, y);
                self.b.ret(&[v]);
            }
            _ => {
                let y = self.with(x);
                let v = self.again(n, x, 1);
                let (a, b) = if self.e.chance(50) { (v, y) } else { (y, v) };
                let v = self.join(a, b);
                self.b.ret(&[v]);
            }
        }
        self.b.place(end);
        let v = match self.e.below(3) {
            0 => x,
            1 if self.float => self.b.f64const(1.0),
            _ if self.float => self.b.f64const(0.0),
            _ => {
                let value = if self.e.chance(60) { self.e.below(2) as i64 } else { values::integer(self.e) };
                let ty = self.b.ty(x);
                self.b.iconst(ty, value)
            }
        };
        self.b.ret(&[v]);
    }

    fn arguments(&mut self, n: VReg, x: VReg, less: i64) -> Vec<VReg> {
        let m = self.b.sub(n, less);
        let mut args = vec![m, x];
        if self.b.function().params() > 2 {
            args.push(self.b.param(2));
        }
        args
    }

    fn again(&mut self, n: VReg, x: VReg, less: i64) -> VReg {
        let args = self.arguments(n, x, less);
        self.b.call1(self.id, &args)
    }

    /// A value made of another one, perhaps with effects or by what others see.
    fn with(&mut self, x: VReg) -> VReg {
        let ty = self.b.ty(x);
        let at = self.e.below(8) as i32 * 8;
        match self.e.below(6) {
            0 if !self.float => {
                let host = self.plan.callees.iter().find(|c| c.signature.results == [AbiType::I8]);
                let Some(host) = host.map(|c| c.id) else { return x };
                let arg = if ty == Type::I32 { self.b.sext(x) } else { x };
                let v = self.b.call1(host, &[arg]);
                if ty == Type::I64 { self.b.sext(v) } else { v }
            }
            1 if !self.float => {
                let arena = self.b.data_addr(self.plan.arena, at);
                let v = self.b.load(ty, MemType::of(ty), (arena, 0));
                let more = self.b.add(v, 1);
                self.b.store(MemType::of(ty), (arena, 0), more);
                v
            }
            2 if !self.float => {
                let arena = self.b.data_addr(self.plan.arena, at);
                self.b.load(ty, MemType::of(ty), (arena, 0))
            }
            3 => x,
            _ if self.float => {
                let c = self.b.f64const(1.5);
                if self.e.chance(50) { self.b.fadd(x, c) } else { self.b.fmul(x, c) }
            }
            _ => {
                let c = values::immediate(self.e) as i64;
                if self.e.chance(50) { self.b.add(x, c) } else { self.b.xor(x, c) }
            }
        }
    }

    /// Puts two results together.
    fn join(&mut self, a: VReg, b: VReg) -> VReg {
        if self.float {
            return if self.e.chance(50) { self.b.fadd(a, b) } else { self.b.fmul(a, b) };
        }
        match self.e.below(8) {
            0..=2 => self.b.add(a, b),
            3 | 4 => self.b.mul(a, b),
            5 => self.b.xor(a, b),
            6 => self.b.sub(a, b),
            _ => self.b.or(a, b),
        }
    }
}
