//! The baseline compiler: one walk that looks ([`scan`]) and one that writes.
//!
//! There is no SSA, no machine IR, and no second walk over the output. Registers of the function that the scan gave
//! a home stay in it on their whole live range, so edges between blocks need no moves. All others live in their
//! frame slot between blocks and are cached in registers inside one ([`cache`]); registers that only one block
//! mentions never touch memory unless registers run out. Constants and addresses are made where they are needed,
//! mostly as part of another instruction. Further entries stand behind the body: each makes the same frame, brings its
//! parameters to where the body has them, and goes to its block. O(instructions).

pub mod cache;
pub mod call;
pub mod leave;
pub mod moves;
pub mod scan;

use crate::abi::CallLayout;
use crate::buffer::{Buffer, BufferScratch};
use crate::code::{Code, InlinedCall, Label, SpanRow};
use crate::refusal::{Refusal, refusals};
use crate::regs::{COUNT, Reg, RegSet};
use crate::target::{Assembler, FrameLayout, Target};
use crate::{Diagnostic, Options};
use kiln_ir::function::Function;
use kiln_ir::types::Signature;
use kiln_ir::verify::Checked;
use kiln_ir::{Block, FuncId, Inst, Module};
use scan::{Scan, Val};

/// Memory that compiling reuses from function to function.
#[derive(Debug, Default)]
pub struct Scratch {
    scan: Scan,
    buffer: BufferScratch,
    args: Vec<call::Arg>,
    stubs: leave::Stubs,
    spare: Vec<(u32, u32)>,
    own: CallLayout,
    call: CallLayout,
}

/// What is compiled, and how.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The function.
    pub f: &'a Function,
    /// Its module, for signatures and linkage.
    pub module: &'a Checked,
    /// Which function of the module it is.
    pub func: FuncId,
    /// What the caller wants.
    pub options: &'a Options,
}

impl<'a> Subject<'a> {
    /// The function's signature.
    pub fn sig(&self) -> &'a Signature {
        self.module.signature_of(self.func)
    }
}

/// Writes the code of one function.
pub struct Emit<'a, T: Target> {
    /// The function.
    pub f: &'a Function,
    /// Its module, for signatures and linkage.
    pub module: &'a Module,
    /// Which function of the module it is.
    pub func: FuncId,
    /// What the caller wants.
    pub options: &'a Options,
    /// Where instructions go.
    pub asm: T::Asm<'a>,
    /// Where each virtual register is.
    pub vals: &'a mut [Val],
    /// Which virtual register each register holds, if it is neither free nor a home.
    pub holds: [u32; COUNT],
    /// Registers for values without a home.
    pub pool: RegSet,
    /// Those of the pool that hold nothing.
    pub free: RegSet,
    /// Those that the current instruction uses.
    pub pinned: RegSet,
    /// Those that hold a value of several blocks that is newer than the frame's.
    pub dirty: RegSet,
    /// Where the search for a register to give up starts.
    pub next_victim: u8,
    /// Position of the current instruction.
    pub at: u32,
    /// The instructions to skip because the one before them wrote them too.
    pub skip: u32,
    /// Block that follows the current one.
    pub next_block: Block,
    /// Where the function's own arguments and results are.
    pub own: CallLayout,
    /// Where those of the call that is being written are.
    pub call: CallLayout,
    /// The arguments of that call.
    pub args: Vec<call::Arg>,
    /// What is to be written behind the function.
    pub stubs: leave::Stubs,
    /// Room in the frame of values of one block that were read for the last time, and the position of that read.
    pub spare: Vec<(u32, u32)>,
    /// The frame.
    pub frame: T::Frame,
    /// What the target remembers between the steps of one instruction.
    pub pending: T::Pending,
}

/// Compiles one function and appends it to the code.
///
/// # Errors
/// What the function asks for that this compiler does not do.
pub fn compile_function<T: Target>(
    module: &Checked,
    func: FuncId,
    options: &Options,
    scratch: &mut Scratch,
    code: &mut Code,
) -> Result<(), Vec<Diagnostic<Refusal>>> {
    let Some(f) = &module.func(func).body else { return Ok(()) };
    let refused = refusals(module, func, f, options.architecture);
    if !refused.is_empty() {
        return Err(refused);
    }
    let features = options.features;
    let subject = Subject { f, module, func, options };
    T::call_layout(subject.sig(), module.layouts(), std::iter::empty(), &mut scratch.own);
    let regs = T::allocatable(&subject);
    scratch.scan.run(f, &regs.homes, |op| T::clobbers(op, features));
    // Spills may outgrow a lean frame or a page, which is known only at the end: then once more.
    for layout in [FrameLayout::Lean, FrameLayout::Fixed, FrameLayout::Probed] {
        if emit::<T>(subject, regs.locals, scratch, code, layout) {
            break;
        }
        scratch.scan.run(f, &regs.homes, |op| T::clobbers(op, features));
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
    let scan = &mut scratch.scan;
    let frame = T::frame(&subject, &scratch.own, scan, layout);
    let buf = Buffer::new(code, &mut scratch.buffer, f.blocks().len(), f.insts().len());
    let pool = locals.without(scan.homes);
    let mut e = Emit::<T> {
        f,
        module,
        func,
        options,
        asm: T::Asm::new(buf),
        vals: &mut scan.vals,
        holds: [u32::MAX; COUNT],
        pool,
        free: pool,
        pinned: RegSet::EMPTY,
        dirty: RegSet::EMPTY,
        next_victim: 0,
        at: 0,
        skip: 0,
        next_block: Block(0),
        own: std::mem::take(&mut scratch.own),
        call: std::mem::take(&mut scratch.call),
        args: std::mem::take(&mut scratch.args),
        stubs: std::mem::take(&mut scratch.stubs),
        spare: std::mem::take(&mut scratch.spare),
        frame,
        pending: T::Pending::default(),
    };
    let info = T::prologue(&mut e);
    e.check_entry();
    let heads = if options.fuel || options.polls { f.loop_heads() } else { Vec::new() };
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
        e.asm.buffer().place(Block(b));
        if preds[b as usize] == Scan::JUMPED_TO && options.landing_pads {
            T::landing_pad(&mut e);
        }
        e.next_block = Block(b + 1);
        let range = f.block_range(Block(b));
        if heads.get(b as usize).is_some_and(|head| *head) {
            e.check(Inst(range.start as u32));
        }
        let mut i = range.start;
        while i < range.end {
            let inst = &f.insts()[i];
            e.at = i as u32;
            e.pinned = RegSet::EMPTY;
            e.asm.buffer().reserve(0);
            let at = e.asm.buffer().offset();
            let spans = &mut e.asm.buffer().code().spans;
            match spans.last_mut() {
                Some(last) if last.at == at => last.inst = Inst(i as u32),
                _ => spans.push(SpanRow { at, inst: Inst(i as u32), site: InlinedCall::NONE }),
            }
            T::select(&mut e, inst);
            i += 1 + e.skip as usize;
            e.skip = 0;
        }
        let last = &f.insts()[range.end - 1];
        falls = last.op.falls_through() || last.op == kiln_ir::Op::Jump && last.dst == b + 1;
    }
    e.end_stubs();
    e.asm.buffer().end_part(func, None, info);
    for (n, entry) in f.entries().iter().enumerate() {
        e.forget();
        e.asm.buffer().start_part();
        let at = e.asm.buffer().offset();
        let inst = Inst(f.blocks()[entry.block.index()].start);
        e.asm.buffer().code().spans.push(SpanRow { at, inst, site: InlinedCall::NONE });
        let info = T::entry(&mut e, entry);
        e.end_stubs();
        e.asm.buffer().end_part(func, Some(n as u32), info);
    }
    (scratch.args, scratch.own, scratch.call, scratch.stubs) = (e.args, e.own, e.call, e.stubs);
    e.spare.clear();
    scratch.spare = e.spare;
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

/// Registers by name, for messages of broken invariants.
impl<T: Target> std::fmt::Debug for Emit<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Emit {{ at: {}, free: {:?}, pinned: {:?} }}", self.at, self.free, self.pinned)
    }
}

/// No register in particular.
pub const ANY: Reg = Reg::NONE;
