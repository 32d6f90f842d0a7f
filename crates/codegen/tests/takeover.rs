//! Code for activations that exist already, made of every function of the programs of the repository at every loop head.

use kiln_codegen::optimize::{Body, Lent, Origins, ssa};
use kiln_codegen::{Code, Options, Scratch, compile_takeover, takeover};
use kiln_ir::verify::{self, Checked};
use kiln_ir::{Block, FuncId, Module};
use std::fs;
use std::path::Path;

fn programs() -> Vec<(String, Checked)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = ["tests/run", "examples", "bench/kernels"].map(|f| fs::read_dir(root.join(f)).unwrap());
    let mut found = Vec::new();
    for file in files.into_iter().flatten() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "kiln") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // Some are there to be refused.
        if let Ok(module) = Module::parse(&text)
            && let Ok(module) = verify::check(module)
        {
            found.push((path.display().to_string(), module));
        }
    }
    assert!(found.len() > 50, "{} programs", found.len());
    found
}

/// Calls `f` with each function that can be taken over and each list of its loop heads: one by one, and all.
fn for_each(mut f: impl FnMut(&str, &Checked, FuncId, &[Block])) {
    let mut count = 0;
    for (name, module) in programs() {
        for (decl, func) in module.funcs().iter().zip((0..).map(FuncId)) {
            let Some(body) = decl.body.as_ref().filter(|body| takeover::possible(&module, func, body)) else {
                continue;
            };
            let heads = (0..).map(Block).zip(body.loop_heads()).filter(|(_, head)| *head).map(|(b, _)| b);
            let heads: Vec<Block> = heads.collect();
            for one in heads.chunks(1).chain([&heads[..]]).filter(|heads| !heads.is_empty()) {
                f(&name, &module, func, one);
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count} of them");
}

#[test]
fn has_a_form_with_values_written_once() {
    let (mut scratch, mut lent, mut made) = (ssa::Scratch::default(), Lent::default(), Body::default());
    for_each(|name, module, func, heads| {
        let f = module.func(func).body.as_ref().unwrap();
        let f = takeover::function(func, f, heads);
        for folds in [false, true] {
            let settings = ssa::Settings { folds, canonical_nan: false };
            let source = ssa::Source { f: &f, origins: Origins::Own, labels: &[] };
            ssa::construct(&source, settings, &mut scratch, &mut lent, &mut made);
            if let Err(broken) = made.check() {
                panic!("{name}, {func:?} at {heads:?}: {broken}\n{}", made.show(module));
            }
        }
    });
}

#[test]
fn is_the_same_every_time_and_has_one_entry() {
    let (mut scratch, mut code, mut again) = (Scratch::default(), Code::default(), Code::default());
    for_each(|name, module, func, heads| {
        for code in [&mut code, &mut again] {
            code.clear();
            compile_takeover(module, func, heads, &Options::default(), &mut scratch, code).unwrap();
        }
        assert_eq!(code.bytes, again.bytes, "{name}, {func:?} at {heads:?}");
        assert_eq!(code.functions.iter().filter(|part| part.entry == Some(func)).count(), 1);
    });
}
