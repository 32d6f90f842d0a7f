//! Registers for the values of a body, and the code: one walk over the blocks that does both.
//!
//! What is known before is which values each block finds written ([`live`]). In the walk a value is in a register, in its
//! place in the frame, in both, or made anew where it is needed; the form's values never change, so what the frame holds
//! once it holds on all ways from there. Blocks expect values about where the first way to them has them ([`expect`]), later
//! ways move them there ([`flow`], [`resolve`]).

mod ahead;
pub mod check;
pub mod detour;
mod expect;
pub mod flow;
pub mod live;
pub mod loops;
pub mod pressure;
pub mod resolve;
pub mod states;

use crate::buffer::{Buffer, BufferScratch};
use crate::code::{Code, InlinedCall, Label};
use crate::emit::{Emit, EmitScratch, Event, Placement, Subject, Val};
use crate::optimize::lent::{Borrower, Lent, swap};
use crate::optimize::{Body, Fused, Passes, fuse};
use crate::regs::RegSet;
use crate::target::{Assembler, FrameLayout, FrameNeeds, Target};
use check::Log;
use flow::{Flow, class};
use kiln_ir::Block;
use live::Live;
use states::States;

/// Memory that allocation reuses from function to function.
#[derive(Debug, Default)]
pub struct Scratch {
    fused: Fused,
    live: Live,
    vals: Vec<Val>,
    states: States,
    calls: Vec<u32>,
    takes: Vec<(u32, RegSet)>,
    /// Blocks of further entries.
    entered: Vec<Block>,
    buffer: BufferScratch,
    emit: EmitScratch,
    log: Log,
}

/// Writes the code of a function whose body this is; `sites` are the calls inlined in it.
pub fn write<T: Target>(
    subject: Subject<'_>,
    body: &Body,
    sites: &[InlinedCall],
    scratch: &mut Scratch,
    lent: &mut Lent,
    code: &mut Code,
) {
    let features = subject.options.features;
    T::call_layout(subject.sig(), subject.module.layouts(), std::iter::empty(), &mut scratch.emit.own);
    scratch.calls.clear();
    scratch.takes.clear();
    for (i, inst) in (0u32..).zip(body.f.insts()) {
        if T::clobbers(inst.op, features) {
            scratch.calls.push(i);
        }
        let taken = T::takes(inst, features);
        if taken != RegSet::EMPTY {
            scratch.takes.push((i, taken));
        }
    }
    scratch.exchange(lent);
    match subject.options.passes.has(Passes::FUSE) {
        true => lent.with(&mut scratch.fused, |fused, _| {
            fuse(body, subject.options.architecture, features, fused);
        }),
        false => scratch.fused.reset(body),
    }
    scratch.live.exchange(lent);
    swap(&mut scratch.vals, &mut lent.quads);
    for layout in [FrameLayout::Lean, FrameLayout::Fixed, FrameLayout::Probed] {
        scratch.live.run(body, &scratch.fused, &scratch.calls, &mut scratch.vals);
        if emit::<T>(subject, body, sites, scratch, code, layout) {
            break;
        }
    }
    swap(&mut scratch.vals, &mut lent.quads);
    scratch.live.exchange(lent);
    scratch.exchange(lent);
}

impl Borrower for Scratch {
    fn exchange(&mut self, lent: &mut Lent) {
        lent.words(0, [self.fused.defs(), &mut self.live.last_read, &mut self.live.becomes]);
        lent.bits([&mut self.live.demoted, &mut self.live.crosses]);
    }
}

/// Writes a function; false if its frame does not fit the layout.
fn emit<T: Target>(
    subject: Subject<'_>,
    body: &Body,
    sites: &[InlinedCall],
    scratch: &mut Scratch,
    code: &mut Code,
    layout: FrameLayout,
) -> bool {
    let Subject { f, func, options, .. } = subject;
    let Scratch { fused, live, vals, states, calls, takes, entered, buffer, emit: lists, log } = scratch;
    let regs = T::allocatable(&subject);
    let saved =
        RegSet::of(&regs.homes.saved[..saved_registers(body, live, vals).min(regs.homes.saved.len())]);
    let pool = regs.locals.with(saved);
    live.measure(
        body,
        fused,
        calls,
        vals,
        [false, true].map(|vector| pool.and(class(vector)).0.count_ones()),
    );
    let needs = FrameNeeds { saved, calls, spills: false };
    let frame = T::frame(&subject, &lists.own, &needs, layout);
    let mut buf = Buffer::new(code, buffer, f.blocks().len(), f.insts().len());
    let first_site = buf.code().add_inlined(sites);
    let flow = Flow::new((body, fused, live), (calls, takes, saved), states, options.stress, first_site, log);
    let mut e = Emit::<T, _>::new(subject, T::Asm::new(buf), vals, pool, lists, frame, flow);
    e.name_addresses();
    e.placement.log(Event::Start);
    let info = T::prologue(&mut e);
    e.check_entry();
    for v in (0..f.params()).map(kiln_ir::VReg) {
        if e.placement.live.demoted[v.index()] {
            e.store_value(v);
        }
    }
    e.placement.log(Event::Go(Block(0)));
    // Parameters of further entries are written behind what reads them, and nowhere else is that so.
    let params = f.entries().iter().flat_map(|entry| &entry.params);
    let written: Vec<Val> = params.map(|v| e.vals[v.index()]).collect();
    let mut written = written.into_iter();
    entered.clear();
    entered.extend(f.entries().iter().map(|entry| entry.block));
    entered.sort_unstable();
    let mut entered = entered.iter().copied().peekable();
    for b in 0..body.blocks() {
        let block = Block(b);
        if entered.next_if_eq(&block).is_some() {
            continue;
        }
        if b > 0 {
            e.enter(block);
        }
        e.placement.edge = body.edge_start[b as usize] as usize;
        let power = body.align.get(b as usize).copied().unwrap_or(0).max(f.blocks()[b as usize].align);
        if power > 0 {
            e.align(power);
        }
        e.asm.buffer().place(block);
        e.placement.log(Event::Label(block));
        e.next_block = Block(b + 1);
        let range = f.block_range(block);
        e.placement.block_end = range.end as u32;
        e.run(range);
    }
    e.write_detours();
    e.end_stubs();
    e.asm.buffer().end_part(func, None, info);
    for entry in f.entries() {
        let range = f.block_range(entry.block);
        e.forget();
        for (v, val) in entry.params.iter().zip(&mut written) {
            let kept = &mut e.vals[v.index()];
            *kept = Val { slot: kept.slot, ..val };
        }
        e.asm.buffer().start_part();
        e.placement.log(Event::Start);
        e.span(body.origins[range.start]);
        let info = T::entry(&mut e, entry);
        e.check_entry();
        e.placement.edge = body.edge_start[entry.block.index()] as usize;
        e.next_block = Block(u32::MAX);
        e.run(range);
        e.write_detours();
        e.end_stubs();
        e.asm.buffer().end_part(func, Some(entry.func), info);
    }
    e.end(lists);
    if let Err(broken) = e.placement.log.check(body) {
        panic!("function {}: {broken}", func.0);
    }
    let addresses = &e.placement.states.addresses;
    let Some(size) = T::final_size(&e.frame) else {
        e.asm.into_buffer().abandon();
        return false;
    };
    let mut buffer = e.asm.into_buffer();
    let first_label = buffer.code().labels.len();
    for (block, here) in &body.labels {
        if let Some(at) = buffer.placed(addresses[here.index()]) {
            buffer.code().labels.push(Label { func, block: *block, at });
        }
    }
    buffer.code().labels[first_label..].sort_unstable_by_key(|label| label.at);
    let start = buffer.start();
    buffer.code().recoveries.settle(start, T::dwarf(T::FRAME_START), size as i32);
    buffer.finish(size);
    true
}

/// General registers that every function has for values, at least.
const FREE: usize = 6;

/// How many of the registers that belong to the caller are worth keeping for it: as many as values are live across calls,
/// or as are live at a time beyond those that are free anyway.
fn saved_registers(body: &Body, live: &Live, vals: &[Val]) -> usize {
    let counts = |v: kiln_ir::VReg| {
        let val = &vals[v.index()];
        !val.ty.is_float() && val.flags & Val::REMAT == 0 && !live.demoted[v.index()]
    };
    let mut most = 0;
    for b in 0..body.blocks() {
        let entries = &live.entries[live.of(Block(b))];
        let held = entries.iter().filter(|entry| counts(entry.v)).count();
        let params = body.params_of(Block(b)).iter().filter(|v| counts(**v)).count();
        // What the block writes itself is not looked at: about as much as dies in it.
        most = most.max((held + params + 2).saturating_sub(FREE));
        if live.calls[b as usize] {
            let across = entries.iter().filter(|entry| counts(entry.v) && (entry.out || entry.uses > 1));
            most = most.max(across.count() + params + 1);
        }
    }
    most
}
