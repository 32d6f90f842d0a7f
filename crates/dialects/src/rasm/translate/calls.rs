//! Arguments, calls and results; imports with the signatures that calls use.

use super::body::{Inst, Value};
use super::{Emitter, World, passed, places};
use crate::rasm::table::Ty;
use kiln_ir::{FuncId, FunctionBuilder, Signature, Type, VReg};
use std::collections::HashMap;

/// The imports of the module by name.
#[derive(Default)]
pub(super) struct Imports {
    known: HashMap<String, FuncId>,
}

impl Imports {
    /// An import whatever its signature, for its address.
    pub fn any(&mut self, b: &mut FunctionBuilder<'_>, name: &str) -> FuncId {
        self.of(b, name, Signature::default())
    }

    fn of(&mut self, b: &mut FunctionBuilder<'_>, name: &str, sig: Signature) -> FuncId {
        match self.known.get(name) {
            Some(import) => *import,
            None => {
                let import = b.module().import(name, sig);
                self.known.insert(name.into(), import);
                import
            }
        }
    }

    /// Calls an import with a signature of one result. The first call decides what it is declared as; calls that
    /// differ go through its address.
    pub fn call(&mut self, b: &mut FunctionBuilder<'_>, name: &str, sig: Signature, args: &[VReg]) -> VReg {
        let import = self.of(b, name, sig.clone());
        let results = if *b.module().signature_of(import) == sig {
            b.call(import, args)
        } else {
            let sig = b.module().signature(sig);
            let address = b.func_addr(import);
            b.call_ptr(address, sig, args)
        };
        results[0]
    }
}

impl Emitter<'_, '_> {
    pub(super) fn push_argument(&mut self, ty: Ty, inst: &Inst) {
        let word = self.word(inst, 0, ty);
        let to = self.pushed[inst.number as usize];
        self.extended(to, word, ty);
    }

    pub(super) fn argument(&mut self, ty: Ty, inst: &Inst) {
        let Value::Param(number) = self.value(inst, 1) else {
            unreachable!("`getarg` names a parameter");
        };
        let param = self.b.param(number);
        let dest = self.dest(inst, 0, ty);
        self.extended(dest, param, ty);
    }

    pub(super) fn call(&mut self, inst: &Inst) {
        let call = &self.body.calls[inst.number as usize];
        let (float, first) = (call.float, call.first as usize);
        // The last argument was pushed first.
        let args: Vec<VReg> = self.pushed[first..first + call.types.len()].iter().rev().copied().collect();
        let params: Vec<Type> = call.types.iter().rev().map(|ty| passed(*ty)).collect();
        let result = float.map_or(Type::I64, passed);
        // With a C function, and whatever a register leads to, it is not known whether it is variadic: called as one, either
        // kind works, as for functions without prototype in C.
        let foreign = Signature::new(params, [result]).variadic();
        let target = self.value(inst, 0);
        let dest = self.places[places::result_number(float)];
        let given = match target {
            Value::Function(number) => self.b.call(self.world.functions[number as usize], &args)[0],
            Value::External(number) => {
                let World { externals, imports, .. } = &mut *self.world;
                imports.call(&mut self.b, &externals[number as usize], foreign, &args)
            }
            _ => {
                let address = self.word(inst, 0, Ty::L);
                let sig = self.b.module().signature(foreign);
                self.b.call_ptr(address, sig, &args)[0]
            }
        };
        self.b.to(dest).copy(given);
    }

    pub(super) fn call_result(&mut self, ty: Ty, inst: &Inst) {
        let result = self.places[places::result_number(ty.is_float().then_some(ty))];
        let dest = self.dest(inst, 0, ty);
        self.extended(dest, result, ty);
    }
}
