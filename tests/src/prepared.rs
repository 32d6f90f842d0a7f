//! Modules whose functions have gone through the passes over register IR, which the interpreter and baseline run as any
//! other.

use kiln_codegen::optimize::{Origins, Prepare, Prepared, prepare};
use kiln_codegen::{Options, Passes};
use kiln_ir::DataTarget;
use kiln_ir::verify::{Checked, check};
use kiln_ir::{Block, DataId, FuncId, Function};

/// The module with every function prepared by these passes.
///
/// # Panics
/// If the verifier refuses what comes out.
pub fn prepared(module: &Checked, passes: Passes) -> Checked {
    let options = Options { passes, ..Options::default() };
    let mut changed = (**module).clone();
    let (mut scratch, mut out) = (Prepare::default(), Prepared::default());
    let mut blocks: Vec<Vec<Block>> = vec![];
    for (n, decl) in module.funcs().iter().enumerate() {
        out.blocks.clear();
        if let Some(source) = &decl.body {
            prepare(module, FuncId(n as u32), source, &options, &mut scratch, &mut (), &mut out);
            let (f, origins) = out.code(source);
            if let Origins::Listed(origins) = origins {
                assert_eq!(
                    origins.len(),
                    f.insts().len(),
                    "`{}`: one origin for each instruction",
                    decl.name
                );
            }
            let mut body = Function::default();
            body.copy_from(f);
            body.vreg_names = source.vreg_names.clone();
            body.slot_names = source.slot_names.clone();
            for (block, name) in source.block_names.iter() {
                body.block_names.set(out.blocks[block].index(), name);
            }
            changed.set_body(FuncId(n as u32), body);
        }
        blocks.push(out.blocks.clone());
    }
    for n in 0..changed.data().len() as u32 {
        for reloc in &mut changed.data_mut(DataId(n)).relocs {
            if let DataTarget::Label(func, block) = &mut reloc.target {
                *block = blocks[func.index()][block.index()];
            }
        }
    }
    check(changed).unwrap_or_else(|(module, faults)| panic!("{}\n{module}", faults[0]))
}
