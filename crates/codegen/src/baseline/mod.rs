//! The baseline compiler: one walk that looks ([`scan`]) and one that writes.
//!
//! There is no SSA, no machine IR, and no second walk over the output. Registers of the function that the scan gave
//! a home stay in it on their whole live range, so edges between blocks need no moves. All others live in their
//! frame slot between blocks and are cached in registers inside one ([`cache`]); registers that only one block
//! mentions never touch memory unless registers run out. Constants and addresses are made where they are needed,
//! mostly as part of another instruction. O(instructions).

pub mod cache;
pub mod moves;
pub mod scan;

use crate::buffer::{Buffer, BufferScratch};
use crate::code::{Code, FunctionCode, SpanRow};
use crate::refusal::{Refusal, refusals};
use crate::regs::{Reg, RegSet};
use crate::target::x64::encode::Asm;
use crate::target::x64::{abi, frame, select};
use crate::{Diagnostic, Options};
use kiln_ir::function::Function;
use kiln_ir::{Block, FuncId, Inst, Module};
use scan::{Scan, Val};

/// Memory that compiling reuses from function to function.
#[derive(Debug, Default)]
pub struct Scratch {
    scan: Scan,
    buffer: BufferScratch,
}

/// Writes the code of one function.
pub struct Emit<'a> {
    /// The function.
    pub f: &'a Function,
    /// Its module, for signatures and linkage.
    pub module: &'a Module,
    /// Which function of the module it is.
    pub func: FuncId,
    /// What the caller wants.
    pub options: &'a Options,
    /// Where instructions go.
    pub asm: Asm<'a>,
    /// Where each virtual register is.
    pub vals: &'a mut [Val],
    /// Which virtual register each register holds, if it is neither free nor a home.
    pub holds: [u32; 32],
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
    /// The frame.
    pub frame: frame::Frame,
    /// What the 32-bit field of a position-relative operand will refer to.
    pub pending: select::Pending,
}

/// Compiles one function and appends it to the code.
///
/// # Errors
/// What the function asks for that this compiler does not do.
pub fn compile_function(
    module: &Module,
    func: FuncId,
    options: &Options,
    scratch: &mut Scratch,
    code: &mut Code,
) -> Result<(), Vec<Diagnostic<Refusal>>> {
    let Some(f) = &module.func(func).body else { return Ok(()) };
    let refused = refusals(module, func, f);
    if !refused.is_empty() {
        return Err(refused);
    }
    let features = options.features;
    scratch.scan.run(f, &abi::HOMES, |op| abi::clobbers(op, features));
    // Spills may outgrow the red zone or a page, which is known only at the end: then once more.
    for layout in [FrameLayout::RedZone, FrameLayout::Fixed, FrameLayout::Probed] {
        if emit(module, func, f, options, scratch, code, layout) {
            break;
        }
        scratch.scan.run(f, &abi::HOMES, |op| abi::clobbers(op, features));
    }
    Ok(())
}

/// What a frame may look like, from cheap to general.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
enum FrameLayout {
    /// Below the stack pointer, if the function calls nothing.
    RedZone,
    /// Made by one subtraction.
    Fixed,
    /// Made page by page.
    Probed,
}

/// Writes a function; false if its frame does not fit the layout.
fn emit(
    module: &Module,
    func: FuncId,
    f: &Function,
    options: &Options,
    scratch: &mut Scratch,
    code: &mut Code,
    layout: FrameLayout,
) -> bool {
    let scan = &mut scratch.scan;
    let mut frame = frame::Frame::of(f, &scan.calls, scan.homes, layout == FrameLayout::RedZone);
    frame.probe |= layout == FrameLayout::Probed;
    let buf = Buffer::new(code, &mut scratch.buffer, f.blocks().len());
    let pool = abi::LOCALS.without(scan.homes);
    let mut e = Emit {
        f,
        module,
        func,
        options,
        asm: Asm { buf, rip_field: 0 },
        vals: &mut scan.vals,
        holds: [u32::MAX; 32],
        pool,
        free: pool,
        pinned: RegSet::EMPTY,
        dirty: RegSet::EMPTY,
        next_victim: 0,
        at: 0,
        skip: 0,
        next_block: Block(0),
        frame,
        pending: select::Pending::None,
    };
    let start = e.asm.buf.start();
    let mut info = e.prologue();
    let preds = &scan.preds;
    let blocks = f.blocks().len() as u32;
    let mut falls = true;
    for b in 0..blocks {
        if !(falls && preds[b as usize] == 1) {
            e.forget();
        }
        e.asm.buf.place(Block(b));
        e.next_block = Block(b + 1);
        let range = f.block_range(Block(b));
        let mut i = range.start;
        while i < range.end {
            let inst = &f.insts()[i];
            e.at = i as u32;
            e.pinned = RegSet::EMPTY;
            e.asm.buf.reserve(0);
            let at = e.asm.buf.offset();
            let spans = &mut e.asm.buf.code().spans;
            match spans.last_mut() {
                Some(last) if last.at == at => last.inst = Inst(i as u32),
                _ => spans.push(SpanRow { at, inst: Inst(i as u32) }),
            }
            e.select(inst);
            i += 1 + e.skip as usize;
            e.skip = 0;
        }
        let last = &f.insts()[range.end - 1];
        falls = last.op.falls_through() || last.op == kiln_ir::Op::Jump && last.dst == b + 1;
    }
    let size = e.frame.final_size();
    if e.frame.overflowed || size >= frame::PAGE && !e.frame.probe {
        e.asm.buf.abandon();
        return false;
    }
    info.size = size;
    let (code_end, end) = e.asm.buf.finish(size);
    code.functions.push(FunctionCode { func, start, code_end, end, frame: info });
    true
}

/// Registers by name, for messages of broken invariants.
impl std::fmt::Debug for Emit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Emit {{ at: {}, free: {:?}, pinned: {:?} }}", self.at, self.free, self.pinned)
    }
}

/// No register in particular.
pub const ANY: Reg = Reg::NONE;
