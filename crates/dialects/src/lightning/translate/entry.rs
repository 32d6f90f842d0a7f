//! The ways in: `main`, which C calls, and the entries of a group that has several.

use super::Names;
use crate::lightning::flow::register;
use crate::lightning::value::Passed;
use kiln_ir::{FuncId, FunctionBuilder, Linkage, MemType, Module, Signature, Type};

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

    /// The function of one of several entries of a group: the arguments into memory, and on to the code.
    pub(super) fn entry(
        &mut self,
        mut b: FunctionBuilder<'_>,
        head: u32,
        number: usize,
        shared: FuncId,
    ) -> Result<(), String> {
        let part = &self.program.parts[head as usize];
        let params = self.params(head);
        let slot = b.slot((params.len() as u32 * 8).max(8), 8);
        for (n, passed) in params.iter().enumerate() {
            let value = b.param(n as u32);
            let to = b.slot_addr(slot, n as i32 * 8);
            b.store(MemType::of(register(*passed)), to, value);
        }
        let list = if part.variadic {
            let list = b.slot(24, 8);
            let address = b.slot_addr(list, 0);
            b.va_start(address);
            address
        } else {
            b.iconst(Type::Ptr, 0)
        };
        let number = b.iconst(Type::I64, number as i64);
        let arguments = b.slot_addr(slot, 0);
        let results = b.call(shared, &[number, arguments, list]);
        b.ret(&results);
        b.finish().map(|_| ()).map_err(|error| error.to_string())
    }
}
