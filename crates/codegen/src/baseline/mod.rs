//! The baseline compiler: one walk that looks ([`scan`]) and one that writes.
//!
//! There is no SSA, no machine IR, and no second walk over the output. Registers of the function that the scan gave
//! a home stay in it on their whole live range, so edges between blocks need no moves. All others live in their
//! frame slot between blocks and are cached in registers inside one ([`crate::emit::cache`]); registers that only one block
//! mentions never touch memory unless registers run out. Constants and addresses are made where they are needed,
//! mostly as part of another instruction. Further entries stand behind the body: each makes the same frame, brings its
//! parameters to where the body has them, and goes to its block. O(instructions).

pub mod scan;

use crate::buffer::{Buffer, BufferScratch};
use crate::code::{Code, Label};
use crate::emit::leave::{Rounds, Work};
use crate::emit::{Emit, EmitScratch, Fork, Placement, Subject};
use crate::optimize::Origin;
use crate::refusal::{Refusal, refusals};
use crate::regs::{Reg, RegSet};
use crate::target::{Assembler, FrameLayout, FrameNeeds, Target};
use crate::{Diagnostic, Options};
use kiln_ir::verify::Checked;
use kiln_ir::{Block, FuncId, Function, Inst, VReg};
use scan::Scan;

/// Memory that compiling reuses from function to function.
#[derive(Debug, Default)]
pub struct Scratch {
    scan: Scan,
    buffer: BufferScratch,
    emit: EmitScratch,
}

/// Values in homes, or in the frame between blocks.
#[derive(Debug, Default)]
pub struct Homes {
    /// Where the search for a register to give up starts.
    next_victim: u8,
}

impl Placement for Homes {
    const HOMES: bool = true;

    #[inline]
    fn pick<T: Target>(_: &mut Emit<'_, T, Homes>, free: RegSet, _: VReg) -> Reg {
        Reg(free.0.trailing_zeros() as u8)
    }

    fn victim<T: Target>(e: &mut Emit<'_, T, Homes>, taken: RegSet) -> Reg {
        let behind = RegSet(taken.0 & (u64::MAX << (e.placement.next_victim & 63)));
        let reg = behind.first().or(taken.first());
        let reg = reg.expect("an instruction pins fewer registers than the pool has");
        e.placement.next_victim = reg.0 + 1;
        reg
    }

    #[inline]
    fn place<T: Target>(_: &mut Emit<'_, T, Homes>, _: VReg, prefer: Reg, _: RegSet) -> Reg {
        prefer
    }

    #[inline]
    fn receive<T: Target>(_: &mut Emit<'_, T, Homes>, _: VReg, reg: Reg) -> Reg {
        reg
    }

    #[inline]
    fn source<T: Target>(_: &Emit<'_, T, Homes>, at: u32) -> Origin {
        Origin::own(Inst(at))
    }

    #[inline]
    fn address<T: Target>(_: &Emit<'_, T, Homes>, block: Block) -> Block {
        block
    }

    #[inline]
    fn leave<T: Target>(_: &mut Emit<'_, T, Homes>) {}

    #[inline]
    fn way<T: Target>(_: &Emit<'_, T, Homes>, to: Block) -> Block {
        to
    }

    #[inline]
    fn fork<T: Target>(_: &mut Emit<'_, T, Homes>, _: u32, to: Block) -> Fork {
        Fork { to, inverted: false }
    }

    #[inline]
    fn go_on<T: Target>(_: &mut Emit<'_, T, Homes>) {}

    #[inline]
    fn wrote<T: Target>(_: &mut Emit<'_, T, Homes>) {}

    #[inline]
    fn jump<T: Target>(e: &mut Emit<'_, T, Homes>, to: Block) {
        e.flush();
        if to != e.next_block {
            T::jump(e, to);
        }
    }
}

/// Compiles one function and appends it to the code.
///
/// # Errors
/// What the function asks for that this compiler does not do.
pub fn compile_function<T: Target>(
    module: &Checked,
    func: FuncId,
    f: &Function,
    options: &Options,
    scratch: &mut Scratch,
    code: &mut Code,
) -> Result<(), Vec<Diagnostic<Refusal>>> {
    let refused = refusals(module, func, f, options.architecture);
    if !refused.is_empty() {
        return Err(refused);
    }
    let features = options.features;
    let subject = Subject { f, module, func, options };
    T::call_layout(subject.sig(), module.layouts(), std::iter::empty(), &mut scratch.emit.own);
    let regs = T::allocatable(&subject);
    scratch.scan.run(f, &regs.homes, options.counts.is_some(), |op| T::clobbers(op, features));
    // Spills may outgrow a lean frame or a page, which is known only at the end: then once more.
    for layout in [FrameLayout::Lean, FrameLayout::Fixed, FrameLayout::Probed] {
        if emit::<T>(subject, regs.locals, scratch, code, layout) {
            break;
        }
        scratch.scan.run(f, &regs.homes, options.counts.is_some(), |op| T::clobbers(op, features));
    }
    Ok(())
}

/// Writes a function; false if its frame does not fit the layout.
fn emit<T: Target>(
    subject: Subject<'_>,
    locals: RegSet,
    scratch: &mut Scratch,
    code: &mut Code,
    layout: FrameLayout,
) -> bool {
    let Subject { f, module, func, options } = subject;
    let Scratch { scan, buffer, emit: lists } = scratch;
    let needs = FrameNeeds { saved: scan.homes, calls: &scan.calls, spills: scan.homeless };
    let frame = T::frame(&subject, &lists.own, &needs, layout);
    let buf = Buffer::new(code, buffer, f.blocks().len(), f.insts().len());
    let looks = options.fuel || options.polls || options.counts.is_some();
    let heads = if looks { f.loop_heads() } else { Vec::new() };
    let work = if options.counts.is_some() { scan.work(f) } else { Work::default() };
    let pool = locals.without(scan.homes);
    let mut e =
        Emit::<T, _>::new(subject, T::Asm::new(buf), &mut scan.vals, pool, lists, frame, Homes::default());
    // Which word it is filled from turns out at the entry.
    e.rounds = scan.rounds.map(|reg| Rounds { reg, word: 0 });
    let info = T::prologue(&mut e);
    let counter = e.count_calls(&work);
    e.check_call(&work, counter);
    let preds = &scan.preds;
    let blocks = f.blocks().len() as u32;
    let mut falls = true;
    for b in 0..blocks {
        if !(falls && preds[b as usize] == 1) {
            if b == 0 {
                // Parameters. At the end of any block that goes on nothing is left to store.
                e.flush();
            }
            e.forget();
        }
        let align = f.blocks()[b as usize].align;
        if align > 0 {
            e.align(align);
        }
        e.asm.buffer().place(Block(b));
        if preds[b as usize] == Scan::JUMPED_TO && options.landing_pads {
            T::landing_pad(&mut e);
        }
        e.next_block = Block(b + 1);
        let range = f.block_range(Block(b));
        if heads.get(b as usize).is_some_and(|head| *head) {
            let round = work.rounds.get(b as usize).copied().unwrap_or_default();
            e.check_head(Block(b), round, Origin::own(Inst(range.start as u32)));
        }
        let last = &f.insts()[range.end - 1];
        e.run(range);
        falls = last.op.falls_through() || last.op == kiln_ir::Op::Jump && last.dst == b + 1;
    }
    e.end_stubs();
    e.say_held();
    e.asm.buffer().end_part(func, None, info);
    for entry in f.entries() {
        e.forget();
        e.asm.buffer().start_part();
        e.span(Origin::own(Inst(f.blocks()[entry.block.index()].start)));
        let info = T::entry(&mut e, entry);
        e.flush();
        e.forget();
        e.check_call(&work, counter);
        T::jump(&mut e, entry.block);
        e.end_stubs();
        e.asm.buffer().end_part(func, Some(entry.func), info);
    }
    e.end(lists);
    let Some(size) = T::final_size(&e.frame) else {
        e.asm.into_buffer().abandon();
        return false;
    };
    let mut buffer = e.asm.into_buffer();
    for block in module.labels_in_data(func) {
        if let Some(at) = buffer.placed(block) {
            buffer.code().labels.push(Label { func, block, at });
        }
    }
    let start = buffer.start();
    buffer.code().recoveries.settle(start, T::dwarf(T::FRAME_START), size as i32);
    buffer.finish(size);
    true
}
