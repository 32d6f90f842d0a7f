//! Calls, arguments and parameters.

use super::body::{Argument, Body};
use super::{call_signature, results};
use crate::lightning::flow::{Returns, Spot, register};
use crate::lightning::items::Item;
use crate::lightning::live::{self, reads_and_writes};
use crate::lightning::program::{FRAME_POINTER, Operand};
use crate::lightning::table::{Meaning, Row, Ty};
use crate::lightning::value::{Base, Passed};
use kiln_ir::{FuncId, SigId, Signature, Type, VReg};

/// What is called.
enum Callee {
    Function(FuncId),
    Address(VReg),
}

impl<'p> Body<'_, 'p, '_> {
    pub(super) fn calling(&mut self, row: &Row, o: &[Operand; 4], at: u32) {
        match row.meaning {
            Meaning::GetArg => {
                let from = self.argument(o[1]);
                if row.ty.is_float() {
                    let to = self.float(o[0], self.b.ty(from));
                    self.b.to(to).copy(from);
                } else {
                    let to = self.int(o[0]);
                    self.extend(row.ty, to, from);
                }
            }
            Meaning::PutArg => {
                let to = self.argument(o[1]);
                if row.ty.is_float() {
                    let ty = self.b.ty(to);
                    self.float_into(to, o[0], ty);
                } else if let Operand::Word(v) = o[0] {
                    self.b.to(to).iconst(Type::I64, v);
                } else {
                    let from = self.word(o[0]);
                    self.b.to(to).copy(from);
                }
            }
            Meaning::Prepare => {
                self.arguments.clear();
                self.fixed = None;
            }
            Meaning::Ellipsis => self.fixed = Some(self.arguments.len()),
            Meaning::PushArg => {
                let (value, first) = match row.ty {
                    Ty::F32 => (self.float(o[0], Type::F32), live::F32),
                    Ty::F64 => (self.float(o[0], Type::F64), live::F64),
                    _ => (self.word(o[0]), 0),
                };
                let bit = match o[0] {
                    Operand::Int(FRAME_POINTER) => None,
                    Operand::Int(n) | Operand::Float(n) => Some(first + n as u32),
                    _ => None,
                };
                self.arguments.push(Argument { value, bit });
            }
            Meaning::VaPush => {
                let value = self.word(o[0]);
                let bit = match o[0] {
                    Operand::Int(n) if n != FRAME_POINTER => Some(n as u32),
                    _ => None,
                };
                self.arguments.push(Argument { value, bit });
            }
            Meaning::Call | Meaning::Finish => self.call(o[0], at),
            Meaning::ReturnValueOfCall => match row.ty {
                Ty::F32 => {
                    let from = self.register(live::RETURNED_F32);
                    let to = self.float(o[0], Type::F32);
                    self.b.to(to).copy(from);
                }
                Ty::F64 => {
                    let from = self.register(live::RETURNED_F64);
                    let to = self.float(o[0], Type::F64);
                    self.b.to(to).copy(from);
                }
                ty => {
                    let from = self.register(live::R0.trailing_zeros());
                    let to = self.int(o[0]);
                    self.extend(ty, to, from);
                }
            },
            Meaning::VaStart => {
                let to = self.int(o[0]);
                let slot = self.b.slot(24, 8);
                let list = self.b.slot_addr(slot, 0);
                if self.list != VReg::NONE {
                    self.b.va_copy(list, self.list);
                } else {
                    self.b.va_start(list);
                }
                self.b.to(to).copy(list);
            }
            Meaning::VaArg => {
                let list = self.word(o[1]);
                match o[0] {
                    Operand::Float(_) => {
                        let to = self.float(o[0], Type::F64);
                        self.b.to(to).va_arg(Type::F64, list);
                    }
                    to => {
                        let to = self.int(to);
                        self.b.to(to).va_arg(Type::I64, list);
                    }
                }
            }
            Meaning::VaEnd => {
                let list = self.word(o[0]);
                self.b.va_end(list);
            }
            _ => unreachable!("not an instruction of calls"),
        }
    }

    /// What an instruction that cannot be reached still means for the reading of those behind it: nothing, but a call
    /// prepared there ends with it.
    pub(super) fn skip(&mut self, item: &Item) {
        if matches!(item.row().meaning, Meaning::Prepare | Meaning::Finish) {
            self.arguments.clear();
            self.fixed = None;
        }
    }

    /// The register of a parameter.
    fn argument(&mut self, operand: Operand) -> VReg {
        match operand {
            Operand::Argument(handle) => self.parameter(handle.index, handle.passed),
            _ => unreachable!("the parser gives a parameter here"),
        }
    }

    /// Copies arguments whose registers the instruction writes.
    pub(super) fn keep_arguments(&mut self, item: &Item, at: u32) {
        if matches!(item.row().meaning, Meaning::Finish | Meaning::Call) {
            return;
        }
        let (_, writes) = reads_and_writes(&self.names.program.items, at, self.names.flow);
        for n in 0..self.arguments.len() {
            if self.arguments[n].bit.is_some_and(|bit| writes & 1 << bit != 0) {
                self.keep(n);
            }
        }
    }

    /// Copies all arguments: control may come back to before they are written.
    pub(super) fn keep_all_arguments(&mut self) {
        if self.b.is_terminated() {
            return;
        }
        for n in 0..self.arguments.len() {
            if self.arguments[n].bit.is_some() {
                self.keep(n);
            }
        }
    }

    fn keep(&mut self, n: usize) {
        let value = self.b.copy(self.arguments[n].value);
        self.arguments[n] = Argument { value, bit: None };
    }

    fn call(&mut self, target: Operand, at: u32) {
        let wanted = self.names.flow.wanted[at as usize];
        let mut values: Vec<VReg> = self.arguments.drain(..).map(|argument| argument.value).collect();
        let fixed = self.fixed.take();
        if let Some(fixed) = fixed {
            // C promotes what is passed for `...`; this language passes a float as it is, and leaves what that means to
            // whoever reads it.
            for value in &mut values[fixed..] {
                if self.b.ty(*value) == Type::F32 {
                    *value = self.as_double(*value);
                }
            }
        }
        let types = values[..fixed.unwrap_or(values.len())].iter().map(|v| word_type(self.b.ty(*v)));
        let signature = call_signature(types, results(wanted), fixed.is_some());
        let (callee, returns) = self.callee(target, &signature, wanted);
        if returns.word && wanted.word {
            let r0 = self.register(live::R0.trailing_zeros());
            self.b.to(r0);
        } else if !returns.word && wanted.f32 && !returns.f64 {
            let returned = self.register(live::RETURNED_F32);
            self.b.to(returned);
        } else if !returns.word && wanted.f64 {
            let returned = self.register(live::RETURNED_F64);
            self.b.to(returned);
        }
        let given = match callee {
            Callee::Function(function) => self.b.call(function, &values),
            Callee::Address(address) => {
                let signature = self.signature_id(signature);
                self.b.call_ptr(address, signature, &values)
            }
        };
        let Some(float) = given.get(returns.word as usize).copied() else { return };
        if wanted.f64 && returns.word {
            let returned = self.register(live::RETURNED_F64);
            self.b.to(returned).copy(float);
        } else if wanted.f32 && self.b.ty(float) == Type::F64 {
            let bits = self.b.bitcast(Type::I64, float);
            let low = self.b.trunc(bits);
            let returned = self.register(live::RETURNED_F32);
            self.b.to(returned).bitcast(Type::F32, low);
        } else if wanted.f32 && returns.word {
            let returned = self.register(live::RETURNED_F32);
            self.b.to(returned).copy(float);
        }
    }

    fn signature_id(&mut self, signature: Signature) -> SigId {
        self.b.module().signature(signature)
    }

    /// What a call calls, and what that gives back: a function itself if it is called as it is defined, else its address,
    /// called as the call has it.
    fn callee(&mut self, target: Operand, signature: &Signature, wanted: Returns) -> (Callee, Returns) {
        let as_called = self.direct(target, signature, wanted);
        if let Some((function, returns)) = as_called {
            return (Callee::Function(function), returns);
        }
        let address = match target {
            Operand::Label(label) => match self.names.flow.spots[label as usize] {
                Spot::Head(part) => self.b.func_addr(self.names.functions[part as usize]),
                _ => unreachable!("a call's label was checked before"),
            },
            target => self.word(target),
        };
        (Callee::Address(address), wanted)
    }

    fn direct(
        &mut self,
        target: Operand,
        signature: &Signature,
        wanted: Returns,
    ) -> Option<(FuncId, Returns)> {
        match target {
            Operand::Label(label) => {
                let flow = self.names.flow;
                let Spot::Head(part) = flow.spots[label as usize] else { return None };
                let returns = flow.groups[flow.group_of[part as usize] as usize].returns;
                let function = self.names.functions[part as usize];
                let own = self.b.module().signature_of(function);
                let same = own.params == signature.params && own.variadic == signature.variadic;
                (same && returns.serves(wanted)).then_some((function, returns))
            }
            Operand::Address(Base::Symbol(symbol), 0) => {
                let function = self.names.symbol(self.b.module(), symbol, Some(signature));
                (self.b.module().signature_of(function) == signature).then_some((function, wanted))
            }
            _ => None,
        }
    }
}

/// The type that a value travels as.
fn word_type(ty: Type) -> Type {
    match ty {
        Type::F32 => register(Passed::F32),
        Type::F64 => register(Passed::F64),
        _ => register(Passed::Word),
    }
}
