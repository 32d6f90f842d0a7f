//! Writing the code of one function: what both compilers share.
//!
//! Instructions are selected by the same code for both ([`Target::select`]); it reads, writes and gives up values by the
//! methods of [`Emit`]. The compilers differ in where values are placed, most of all between blocks, and in that alone:
//! that is [`Placement`].

pub mod cache;
pub mod call;
pub mod event;
pub mod leave;
pub mod moves;
mod val;

pub use event::{At, Event};
pub use val::{NO_SLOT, Val};

use crate::abi::CallLayout;
use crate::code::SpanRow;
use crate::optimize::Origin;
use crate::regs::{COUNT, Reg, RegSet};
use crate::takeover;
use crate::target::{Assembler, Target};
use crate::{Options, Tier};
use kiln_ir::function::Function;
use kiln_ir::types::Signature;
use kiln_ir::verify::Checked;
use kiln_ir::{Block, FuncId, Inst, Module, VReg};

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

    /// Whether other code may take over activations of the function at its loop heads.
    pub fn can_be_taken_over(&self) -> bool {
        self.options.counts.is_some()
            && self.options.tier == Tier::Baseline
            && takeover::possible(self.module, self.func, self.f)
    }
}

/// Lists that live as long as one function; kept to be reused.
#[derive(Debug, Default)]
pub struct EmitScratch {
    /// See [`Emit::args`].
    pub args: Vec<call::Arg>,
    /// See [`Emit::stubs`].
    pub stubs: leave::Stubs,
    /// See [`Emit::spare`].
    pub spare: Vec<(u32, u32)>,
    /// See [`Emit::own`].
    pub own: CallLayout,
    /// See [`Emit::call`].
    pub call: CallLayout,
}

/// How a branch goes two ways.
#[derive(Clone, Copy, Debug)]
pub struct Fork {
    /// Where its jump goes.
    pub to: Block,
    /// Whether the jump is taken where the branch's condition does not hold.
    pub inverted: bool,
}

/// Where values are placed: what the compilers do differently while they write the same instructions.
pub trait Placement: Sized {
    /// Whether values may have a register for life (a home), and those of several blocks without one are in the frame
    /// between blocks. Else values are in any place at any time, and each way from block to block knows its own.
    const HOMES: bool;

    /// A register for a value: one of `free`, which is not empty and excludes what the instruction uses.
    fn pick<T: Target>(e: &mut Emit<'_, T, Self>, free: RegSet, v: VReg) -> Reg;
    /// A register to be given up: one of `taken`.
    fn victim<T: Target>(e: &mut Emit<'_, T, Self>, taken: RegSet) -> Reg;
    /// The register that a value is best written to: one of `free`, or `prefer`, which is free, but which the instruction
    /// may read.
    fn place<T: Target>(e: &mut Emit<'_, T, Self>, v: VReg, prefer: Reg, free: RegSet) -> Reg;

    /// The register that a value has to come to later and is best written to now, if it is free; or none.
    #[inline]
    fn destination<T: Target>(e: &Emit<'_, T, Self>, v: VReg) -> Reg {
        let _ = (e, v);
        Reg::NONE
    }

    /// The register for a parameter that arrives in one of the pool: another one that holds nothing, if that is better.
    fn receive<T: Target>(e: &mut Emit<'_, T, Self>, v: VReg, reg: Reg) -> Reg;

    /// The instruction of the source that the instruction at a position comes from.
    fn source<T: Target>(e: &Emit<'_, T, Self>, at: u32) -> Origin;

    /// The label that the address of a block names.
    fn address<T: Target>(e: &Emit<'_, T, Self>, block: Block) -> Block;

    /// Whether the instruction at a position writes nothing where it stands.
    #[inline]
    fn is_absent<T: Target>(e: &Emit<'_, T, Self>, at: u32) -> bool {
        let _ = (e, at);
        false
    }

    /// Whether the operand of the extension at a position is in a register that holds the result already.
    #[inline]
    fn is_copy<T: Target>(e: &Emit<'_, T, Self>, at: u32) -> bool {
        let _ = (e, at);
        false
    }

    /// The current instruction is about to leave the block, by a jump or in the middle: the ways start from the places
    /// that values have now. Changes no flags and no register.
    fn leave<T: Target>(e: &mut Emit<'_, T, Self>);
    /// Where to jump to reach a block from here, once [`Self::leave`] has been called.
    fn way<T: Target>(e: &Emit<'_, T, Self>, to: Block) -> Block;
    /// The operands of the branch at a position are compared: how its jump is to be written. Changes no flags.
    fn fork<T: Target>(e: &mut Emit<'_, T, Self>, branch: u32, to: Block) -> Fork;
    /// The jump of a branch is written: goes the other way.
    fn go_on<T: Target>(e: &mut Emit<'_, T, Self>);
    /// An instruction has been written.
    fn wrote<T: Target>(e: &mut Emit<'_, T, Self>);
    /// Goes to a block.
    fn jump<T: Target>(e: &mut Emit<'_, T, Self>, to: Block);

    /// Takes note of what is written, for a checker.
    #[inline(always)]
    fn log(&mut self, _: Event) {}
}

/// Writes the code of one function.
pub struct Emit<'a, T: Target, P: Placement> {
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
    /// Of these, without homes, those that hold nothing but operands: a result may come to one that is free.
    pub operands: RegSet,
    /// Those that hold a value of several blocks that is newer than the frame's, where blocks end with all of them in
    /// the frame.
    pub dirty: RegSet,
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
    /// Whether other code may take over activations of the function at its loop heads.
    pub can_be_taken_over: bool,
    /// Where the rounds of innermost loops are counted, if in a register.
    pub rounds: Option<leave::Rounds>,
    /// What the target remembers between the steps of one instruction.
    pub pending: T::Pending,
    /// Where values are placed.
    pub placement: P,
}

impl<'a, T: Target, P: Placement> Emit<'a, T, P> {
    /// Starts a function: no register of the pool holds anything.
    pub fn new(
        subject: Subject<'a>,
        asm: T::Asm<'a>,
        vals: &'a mut [Val],
        pool: RegSet,
        scratch: &mut EmitScratch,
        frame: T::Frame,
        placement: P,
    ) -> Emit<'a, T, P> {
        Emit {
            f: subject.f,
            module: subject.module,
            func: subject.func,
            options: subject.options,
            asm,
            vals,
            holds: [u32::MAX; COUNT],
            pool,
            free: pool,
            pinned: RegSet::EMPTY,
            operands: RegSet::EMPTY,
            dirty: RegSet::EMPTY,
            at: 0,
            skip: 0,
            next_block: Block(0),
            own: std::mem::take(&mut scratch.own),
            call: std::mem::take(&mut scratch.call),
            args: std::mem::take(&mut scratch.args),
            stubs: std::mem::take(&mut scratch.stubs),
            spare: std::mem::take(&mut scratch.spare),
            frame,
            can_be_taken_over: subject.can_be_taken_over(),
            rounds: None,
            pending: T::Pending::default(),
            placement,
        }
    }

    /// Gives the lists back. What is left can only be finished.
    pub fn end(&mut self, scratch: &mut EmitScratch) {
        scratch.own = std::mem::take(&mut self.own);
        scratch.call = std::mem::take(&mut self.call);
        scratch.args = std::mem::take(&mut self.args);
        scratch.stubs = std::mem::take(&mut self.stubs);
        scratch.spare = std::mem::take(&mut self.spare);
        scratch.spare.clear();
    }

    /// Goes to the next multiple of a power of two.
    pub fn align(&mut self, power: u8) {
        let gap = self.asm.buffer().gap(power);
        self.asm.buffer().reserve(gap);
        T::pad(self, gap);
    }

    /// Says that the code from here on belongs to an instruction of the source.
    #[inline]
    pub fn span(&mut self, Origin { inst, site }: Origin) {
        let at = self.asm.buffer().offset();
        let spans = &mut self.asm.buffer().code().spans;
        match spans.last_mut() {
            Some(last) if last.at == at => *last = SpanRow { at, inst, site },
            _ => spans.push(SpanRow { at, inst, site }),
        }
    }

    /// Writes the instructions at these positions.
    #[inline]
    pub fn run(&mut self, range: std::ops::Range<usize>) {
        let f = self.f;
        let mut i = range.start;
        while i < range.end {
            if P::is_absent(self, i as u32) {
                i += 1;
                continue;
            }
            let inst = &f.insts()[i];
            self.at = i as u32;
            self.pinned = RegSet::EMPTY;
            if !P::HOMES {
                self.operands = RegSet::EMPTY;
            }
            self.asm.buffer().reserve(0);
            let source = P::source(self, i as u32);
            self.span(source);
            self.placement.log(Event::Inst(Inst(i as u32)));
            T::select(self, inst);
            P::wrote(self);
            i += 1 + self.skip as usize;
            self.skip = 0;
        }
    }
}

/// Registers by name, for messages of broken invariants.
impl<T: Target, P: Placement> std::fmt::Debug for Emit<'_, T, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Emit {{ at: {}, free: {:?}, pinned: {:?} }}", self.at, self.free, self.pinned)
    }
}

/// No register in particular.
pub const ANY: Reg = Reg::NONE;
