//! The optimizing compiler: passes over one function, each a function in a file of its own.

pub mod alias;
pub mod body;
pub mod cfg;
pub mod checks;
pub mod compile;
pub mod cost;
pub mod dead;
pub mod dom;
pub mod fused;
pub mod if_convert;
pub mod induction;
pub mod layout;
pub mod lent;
pub mod licm;
pub mod loops;
pub mod memory;
pub mod operands;
pub mod passes;
pub mod preheaders;
pub mod prepare;
pub mod ssa;
pub mod watch;

pub use body::{Body, Edge, Origin, Origins, Taken, Writer};
pub(crate) use fused::Offer;
pub use fused::{Fused, fuse};
pub use lent::Lent;
pub use passes::Passes;
pub use prepare::{Prepare, Prepared, prepare};
pub use watch::{Form, Watch};

use alias::{Addresses, LoopMemory};
use cfg::Cfg;
use kiln_ir::FuncId;
use kiln_ir::verify::Checked;
use lent::Borrower;
use loops::Loops;

/// Above this many ops the passes that gain little are left out.
const LARGE: usize = 50_000;

/// Memory of the passes over bodies.
#[derive(Debug, Default)]
pub struct Scratch {
    cfg: Cfg,
    loops: Loops,
    addresses: Addresses,
    in_loops: LoopMemory,
    preheaders: preheaders::Scratch,
    licm: licm::Scratch,
    memory: memory::Scratch,
    induction: induction::Scratch,
    if_convert: if_convert::Scratch,
    layout: layout::Scratch,
}

/// Runs the passes over a body in SSA form.
pub fn improve(
    module: &Checked,
    func: FuncId,
    passes: Passes,
    body: &mut Body,
    scratch: &mut Scratch,
    lent: &mut Lent,
    watch: &mut impl Watch,
) {
    scratch.exchange(lent);
    let Scratch { cfg, loops, addresses, in_loops, .. } = scratch;
    let large = body.f.insts().len() > LARGE;
    cfg.of_body(body);
    loops.compute(cfg);
    let mut changed = false;
    let motion = passes.has(Passes::LICM) || passes.has(Passes::INDUCTION);
    if motion && preheaders::make_preheaders(body, cfg, loops, &mut scratch.preheaders, &mut lent.taken) {
        cfg.of_body(body);
        loops.compute(cfg);
        check(body, Passes::LICM);
    }
    addresses.exchange(lent);
    if passes.has(Passes::MEMORY) || passes.has(Passes::LICM) {
        // Removing loads and stores makes nothing of this wrong: it serves both passes.
        addresses.find(body, module);
        in_loops.find(body, loops, addresses);
    }
    if passes.has(Passes::MEMORY) {
        watch.before(func, Passes::MEMORY, Form::Values(body));
        let known = (&*addresses, &*in_loops);
        changed |= lent
            .with(&mut scratch.memory, |scratch, _| memory::memory(body, cfg, loops, known, !large, scratch));
        check(body, Passes::MEMORY);
        watch.after(func, Passes::MEMORY, Form::Values(body));
    }
    if passes.has(Passes::LICM) {
        watch.before(func, Passes::LICM, Form::Values(body));
        let known = (&*addresses, &*in_loops);
        // What only moves is as dead as before.
        lent.with(&mut scratch.licm, |scratch, _| licm::licm(body, module, cfg, loops, known, scratch));
        check(body, Passes::LICM);
        watch.after(func, Passes::LICM, Form::Values(body));
    }
    addresses.exchange(lent);
    if passes.has(Passes::INDUCTION) && !large {
        watch.before(func, Passes::INDUCTION, Form::Values(body));
        changed |= lent.with(&mut scratch.induction, |scratch, taken| {
            induction::induction(body, cfg, loops, scratch, taken)
        });
        check(body, Passes::INDUCTION);
        watch.after(func, Passes::INDUCTION, Form::Values(body));
    }
    if passes.has(Passes::IF_CONVERT) && !large {
        watch.before(func, Passes::IF_CONVERT, Form::Values(body));
        let convert = |scratch: &mut _, taken: &mut _| if_convert::if_convert(body, cfg, scratch, taken);
        if lent.with(&mut scratch.if_convert, convert) {
            changed = true;
            cfg.of_body(body);
            loops.compute(cfg);
        }
        check(body, Passes::IF_CONVERT);
        watch.after(func, Passes::IF_CONVERT, Form::Values(body));
    }
    if changed {
        // What the passes made unnecessary goes; blocks and edges stay.
        dead::sweep(body, lent);
    }
    if passes.has(Passes::LAYOUT) {
        watch.before(func, Passes::LAYOUT, Form::Values(body));
        layout::layout(body, cfg, loops, &mut scratch.layout, &mut lent.taken);
        check(body, Passes::LAYOUT);
        watch.after(func, Passes::LAYOUT, Form::Values(body));
    }
    scratch.exchange(lent);
}

impl Borrower for Scratch {
    fn exchange(&mut self, lent: &mut Lent) {
        std::mem::swap(&mut self.cfg, &mut lent.cfg);
        std::mem::swap(&mut self.loops, &mut lent.loops);
    }
}

/// Checks the form after a pass, in debug builds.
fn check(body: &Body, pass: Passes) {
    if cfg!(debug_assertions)
        && let Err(fault) = body.check()
    {
        panic!("{pass:?} breaks the form: {fault}");
    }
}
