//! Source positions for generated programs: the line of an instruction is its number, counted from 1, so that where
//! tiers say that something happened can be compared, and what it lists be found.

use kiln_ir::function::Pos;
use kiln_ir::verify::Checked;
use kiln_ir::{FuncId, Inst, InstData, Module};

/// The module with a position for each instruction.
pub fn positioned(module: &Module) -> Module {
    let mut result = module.clone();
    let file = result.file("generated");
    for func in (0..module.funcs().len() as u32).map(FuncId) {
        if let Some(body) = &module.func(func).body {
            let mut body = body.clone();
            let line = |n: u32| (Inst(n), Pos { file, line: n + 1, column: 0 });
            let lines = (0..body.insts().len() as u32).map(line);
            let positions = body.arrays().positions;
            positions.clear();
            positions.extend(lines);
            result.set_body(func, body);
        }
    }
    result
}

/// The instruction at a line of a function of a [positioned] module.
pub fn instruction<'m>(module: &'m Checked, function: &str, line: u32) -> Option<&'m InstData> {
    let body = module.func(module.find_func(function)?).body.as_ref()?;
    body.insts().get(line as usize - 1)
}
