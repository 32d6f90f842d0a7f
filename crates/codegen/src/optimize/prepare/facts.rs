//! What a callee is like, as far as inlining asks.

use super::inline::SINGLE;
use super::passes_scalars;
use kiln_ir::function::VRegInfo;
use kiln_ir::op::{Op, Shape};
use kiln_ir::verify::Checked;
use kiln_ir::{FuncId, Function, Linkage, VReg};

/// What a function is like that may be inlined.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fact {
    /// Whether it can be inlined at all; else the rest says nothing.
    pub fits: bool,
    /// Number of instructions.
    pub size: u32,
    /// Bytes of its slots.
    pub slots: u32,
    /// Whether it calls nothing.
    pub leaf: bool,
    /// Whether it calls itself.
    pub recursive: bool,
    /// Whether its last instruction is its only end.
    pub straight: bool,
    /// Whether something jumps to its first block.
    pub start_is_target: bool,
    /// The parameters, bit by bit, that decide a branch.
    pub decided_by: u64,
}

/// The facts known of a module's functions for the sake of one caller.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// By function: the number of the caller that they were found out for, and the facts.
    known: Vec<(u32, Fact)>,
    caller: u32,
}

impl Facts {
    /// Forgets all for the next caller. In itself it may be inlined in this form.
    pub fn start(&mut self, module: &Checked, func: FuncId, own: &Function) {
        self.caller = self.caller.wrapping_add(1);
        if self.caller == 0 || self.known.len() < module.funcs().len() {
            self.caller = 1;
            self.known.clear();
            self.known.resize(module.funcs().len(), (0, Fact::default()));
        }
        self.known[func.index()] = (self.caller, look(module, func, own));
    }

    /// The facts of a function.
    pub fn of(&mut self, module: &Checked, func: FuncId) -> Fact {
        let (caller, known) = self.known[func.index()];
        if caller == self.caller {
            return known;
        }
        let fact = match &module.func(func).body {
            Some(body) => look(module, func, body),
            None => Fact::default(),
        };
        self.known[func.index()] = (self.caller, fact);
        fact
    }
}

/// Finds out the facts of a function with this body. O(what may be inlined).
fn look(module: &Checked, func: FuncId, f: &Function) -> Fact {
    let decl = module.func(func);
    let size = f.insts().len() as u32;
    let slots_fit = f.slots().len() <= 64 && f.slots().iter().all(|slot| slot.align <= 16);
    let fits = decl.linkage != Linkage::Import
        && !decl.replaceable
        && size <= SINGLE
        // Registers that nothing mentions would be copied for nothing.
        && f.vregs().len() as u32 <= 4 * SINGLE
        && f.entries().is_empty()
        && f.label_sets().is_empty()
        && !f.has_alloca()
        && slots_fit
        && passes_scalars(module.signature_of(func))
        && module.labels_in_data(func).next().is_none();
    if !fits {
        return Fact::default();
    }
    let slots = f.slots().iter().map(|slot| slot.size.saturating_add(slot.align));
    let mut fact =
        Fact { fits: true, size, slots: slots.fold(0, u32::saturating_add), leaf: true, ..Fact::default() };
    let mut ends = 0;
    let mut decides = |v: VReg| {
        if v.0 < f.params().min(64) && f.vregs()[v.index()].flags & VRegInfo::MULTI == 0 {
            fact.decided_by |= 1 << v.0;
        }
    };
    for inst in f.insts() {
        match inst.op {
            Op::FrameAddr | Op::SlotOffset | Op::VaStart | Op::LabelAddr => return Fact::default(),
            Op::Branch | Op::Fbranch | Op::Switch => f.for_each_use(inst, &mut decides),
            Op::Ret | Op::TailCall | Op::TailCallPtr => ends += 1,
            _ => {}
        }
        if let Shape::Call | Shape::CallPtr | Shape::TailCall | Shape::TailCallPtr = inst.op.shape() {
            fact.leaf = false;
        }
        fact.recursive |= matches!(inst.op, Op::Call | Op::TailCall) && inst.a == func.0;
        f.for_each_target(inst, |block| fact.start_is_target |= block.0 == 0);
    }
    let last_is_warm = f.blocks().last().is_some_and(|block| !block.cold);
    let last_ends = |op| matches!(op, Op::Ret | Op::TailCall | Op::TailCallPtr);
    fact.straight = ends == 1 && last_is_warm && f.insts().last().is_some_and(|inst| last_ends(inst.op));
    fact.fits = ends > 0;
    fact
}
