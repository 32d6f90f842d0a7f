//! The ways in that have code of their own: `main`, which C calls, and variadic heads of a group that has several.

use super::Names;
use crate::lightning::value::Passed;
use kiln_ir::{Linkage, Module, Signature, Type, VReg};

impl Names<'_> {
    /// `main`: enters the program as C's `main` is, and drops what it gives back.
    pub(super) fn main(&mut self, module: &mut Module) -> Result<(), String> {
        let signature = Signature::new([Type::I32, Type::Ptr], [Type::I32]);
        let main = module.declare("main", signature, Linkage::Export);
        let entry = self.flow.entry;
        let params = self.params(entry);
        let function = self.functions[entry as usize];
        let mut b = module.build(main);
        let mut words = 0;
        let mut args = Vec::with_capacity(params.len());
        for passed in params {
            args.push(match passed {
                Passed::Word => {
                    words += 1;
                    match words {
                        1 => {
                            let count = b.param(0);
                            b.sext(count)
                        }
                        2 => b.param(1),
                        _ => b.iconst(Type::I64, 0),
                    }
                }
                Passed::F32 => b.f32const(0.0),
                Passed::F64 => b.f64const(0.0),
            });
        }
        b.call(function, &args);
        let status = b.iconst(Type::I32, 0);
        b.ret(&[status]);
        b.finish().map(|_| ()).map_err(|error| error.to_string())
    }

    /// The function that calls of a variadic head of several call: it begins the list, and goes on to the code.
    pub(super) fn hand_over_list(&mut self, module: &mut Module, head: u32) -> Result<(), String> {
        let count = self.params(head).len() as u32;
        let mut b = module.build(self.functions[head as usize]);
        let mut args: Vec<VReg> = (0..count).map(|n| b.param(n)).collect();
        let list = b.slot(24, 8);
        let list = b.slot_addr(list, 0);
        b.va_start(list);
        args.push(list);
        let results = b.call(self.ways[head as usize], &args);
        b.ret(&results);
        b.finish().map(|_| ()).map_err(|error| error.to_string())
    }
}
