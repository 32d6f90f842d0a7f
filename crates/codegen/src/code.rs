//! What compiling gives: bytes without addresses, and tables that say how to place them and what they mean.
//!
//! One [`Code`] holds any number of functions, one behind the other in one buffer, so that compiling a module of
//! many small functions allocates nothing per function. Offsets are from the start of the buffer.

use crate::recovery::Recoveries;
use kiln_ir::{Block, DataId, FuncId, Inst};

/// Machine code of one or more functions, ready to be linked.
#[derive(Clone, Debug, Default)]
pub struct Code {
    /// Instructions and constants, position-independent but for the relocations.
    pub bytes: Vec<u8>,
    /// What the place of the first byte is to be a multiple of: a power of two, or 0 for the usual 16.
    pub align: u32,
    /// The functions, in ascending order of their offsets; the parts of one follow each other, its body first.
    pub functions: Vec<FunctionCode>,
    /// The labels whose addresses data of the module holds, in ascending order of their offsets.
    pub labels: Vec<Label>,
    /// What is still to be filled in, in ascending order of places.
    pub relocs: Vec<Reloc>,
    /// What a fault at a place means, in ascending order of places. A fault of a memory access at a place that is
    /// not listed is `BadAccess` (or `StackOverflow`, if the address says so): most instructions of a function may
    /// access memory, so they have no rows.
    pub traps: Vec<TrapSite>,
    /// Where frames are taken down again, in ascending order. Functions without a frame have none.
    pub epilogues: Vec<Epilogue>,
    /// Which IR instruction code belongs to: each row holds from its offset to the next row's, ascending.
    pub spans: Vec<SpanRow>,
    /// The calls in whose place the bodies of their callees stand; rows of it are named by `spans` and by itself.
    pub inlined: Vec<InlinedCall>,
    /// Where values are at places that code leaves from.
    pub recoveries: Recoveries,
    /// What code counts: of each function that counts its entry, then the rounds of its innermost loops together, if it
    /// counts them in a register, then each loop head in the order of blocks.
    pub counters: Vec<Counter>,
}

/// A word of 32 bits near the code from which the code takes something each time it comes by a place. Below 0 it leaves.
///
/// Innermost loops of a function may share one, which the function holds in a register: it reads the word when it is
/// entered and when it comes back from having left, and writes it when it returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counter {
    /// The function.
    pub func: FuncId,
    /// The loop head; none for the function's entry, and for what innermost loops share.
    pub head: Option<Block>,
    /// The counter whose word it is: itself, or the one that is shared.
    pub word: u32,
    /// What the word holds at first.
    pub first: u32,
    /// What is taken from it at a time.
    pub step: u32,
}

/// One function's part of a [`Code`]: its body, or what a further entry does before it goes to its block in the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FunctionCode {
    /// Which function of the module.
    pub func: FuncId,
    /// What the further entry is called by; none for the body.
    pub entry: Option<FuncId>,
    /// Where it starts: its entry point. A multiple of 16.
    pub start: u32,
    /// Where its instructions end; constants may follow.
    pub code_end: u32,
    /// Where its bytes end, constants included.
    pub end: u32,
    /// How its frame is unwound.
    pub frame: FrameInfo,
}

/// Where a block is whose address can be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label {
    /// The function.
    pub func: FuncId,
    /// Its block.
    pub block: Block,
    /// Where the block starts.
    pub at: u32,
}

/// How to unwind a function's frame. All rows derive from the fixed order of the prologue: push the frame
/// pointer and set it (if `frame_pointer`), push the saved registers in order, subtract `size` from the stack
/// pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FrameInfo {
    /// Bytes that the prologue subtracts from the stack pointer after its pushes.
    pub size: u32,
    /// Callee-saved registers pushed, as a mask of DWARF register numbers; pushed in ascending order of numbers.
    pub saved: u32,
    /// Whether the frame pointer is pushed first and then holds the stack pointer's value.
    pub frame_pointer: bool,
    /// Length of each push and of the whole prologue are not uniform, so the offsets from the function's start
    /// just behind each step stand here: up to 10 steps, unused ones 0.
    pub steps: [u8; 10],
    /// Where the stack pointer goes down page by page, the offset from the function's start behind the instruction
    /// that puts its final value in the target's scratch register, which holds it until the last step; else 0.
    pub probed: u8,
}

/// A place where a frame is taken down in the reverse order of the prologue and the function left. Unwinding needs it
/// only for code that is interrupted there, by a debugger or a profiler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Epilogue {
    /// Behind the instruction that gives back [`FrameInfo::size`]; the saved registers are restored from here on, one
    /// instruction each.
    pub at: u32,
    /// Behind the return, or the jump, that leaves.
    pub end: u32,
    /// For a tail call before which the return address moves, because its arguments take more or less stack than those
    /// of the function: from `at` on the saved registers have their callers' values, and at the stack pointer lie
    /// copies of the return address and, above it, of the caller's frame pointer; from here on that has its value, too,
    /// and the stack pointer points to the return address where it moved. Else 0.
    pub moved: u32,
}

/// A place to be filled in when the code is linked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reloc {
    /// Where the field starts.
    pub at: u32,
    /// How the value is computed and written.
    pub kind: RelocKind,
    /// Whose address.
    pub to: Target,
    /// Added to it.
    pub addend: i64,
}

/// How a relocated field is computed. `S` is the symbol's address, `A` the addend, `P` the field's address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RelocKind {
    /// 64 bits, `S + A`.
    Abs64,
    /// 32 bits, `S + A - P`: the addend includes the distance from the field to the end of its instruction. For a
    /// call or jump; if the symbol is out of reach the linker goes through a stub near the code.
    Call32,
    /// 32 bits, `S + A - P`, for data access; the symbol must be in reach (data of linked modules always is).
    Pc32,
    /// 32 bits, `G + A - P`, where `G` is the address of a pointer-sized cell near the code that holds `S`.
    GotPc32,
    /// 32 bits, `G + A - P`, where `G` is the address of two words near the code, module and offset of the
    /// thread-local object `S`: what [`Routine::TlsGetAddr`] takes.
    TlsPc32,
    /// 32 bits, sign-extended, `T + A`, where `T` is the distance of a [`ThreadWord`] from the thread pointer.
    Thread32,
}

/// What a relocation refers to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Target {
    /// A function or import of the module: the address to call from code of the module.
    Func(FuncId),
    /// A data object of the module.
    Data(DataId),
    /// A place in this very buffer: the offset.
    Here(u32),
    /// Something that the compiler itself needs at run time.
    Routine(Routine),
    /// A word of 32 bits near the code that is not 0 while something is asked of it. Only with [`RelocKind::Pc32`].
    Request,
    /// The [`Counter`] of this number. Only with [`RelocKind::Pc32`].
    Counter(u32),
    /// A word of the running thread. Only with [`RelocKind::Thread32`].
    Thread(ThreadWord),
}

/// 64-bit words that each thread has for itself, from which compiled code takes 1 at a time. Taking from 0 means that a
/// limit is reached: code then leaves by a stub.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ThreadWord {
    /// What is left of the fuel.
    Fuel,
    /// How many more activations there may be.
    Depth,
}

/// Routines outside the code that compiled code calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Routine {
    /// C's `memmove`.
    MemMove,
    /// C's `memset`.
    MemSet,
    /// C's `fma`.
    Fma,
    /// C's `fmaf`.
    Fmaf,
    /// `__tls_get_addr` of the system's C library (ELF Handling for Thread-Local Storage, 3.4).
    TlsGetAddr,
    /// Leaves for the host, or stops for it: jumped to with the address that a [recovery record](crate::recovery) is of
    /// in the register that no value is ever in (x86-64: `r11`), all others as they are. Code that goes on goes on at
    /// that address, with all registers but the flags as they were. Where other code may take the activation over, it goes
    /// on [`TAKEOVER`] bytes behind that address instead, with the other code's address in `rax` and its argument in the
    /// first argument's register.
    Leave,
}

/// How far behind the address that it hands over a stub goes on where other code takes the activation over.
pub const TAKEOVER: u32 = 5;

/// A place where a fault has a meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrapSite {
    /// The offset of the instruction that may fault.
    pub at: u32,
    /// What the fault means.
    pub cause: FaultCause,
}

/// What a fault at a trap site means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultCause {
    /// A hardware division: `DivideByZero` if the divisor (the register with this DWARF number, 64 or 32 bits
    /// wide) is 0, else `IntegerOverflow`.
    Division {
        /// DWARF number of the register that holds the divisor.
        divisor: u8,
        /// Whether all 64 bits of it count.
        wide: bool,
    },
    /// An undefined instruction that stands for this trap.
    Trap(kiln_ir::trap::TrapKind),
    /// A probe of the stack: a fault there is `StackOverflow`.
    StackProbe,
}

/// From where on code belongs to an IR instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpanRow {
    /// The first offset.
    pub at: u32,
    /// The instruction, of the function whose code this is or of the one inlined through `site`.
    pub inst: Inst,
    /// A row of [`Code::inlined`], or [`InlinedCall::NONE`].
    pub site: u32,
}

/// A call in whose place its callee's body stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InlinedCall {
    /// The callee.
    pub func: FuncId,
    /// The call, an instruction of the function that contained it.
    pub call: Inst,
    /// Through which call that function came here, an earlier row of the same table; or [`InlinedCall::NONE`], and it is
    /// the one that was compiled.
    pub outer: u32,
}

impl InlinedCall {
    /// Stands for "no call: the code is the compiled function's own".
    pub const NONE: u32 = u32::MAX;
}

/// The functions that an instruction stands in, innermost first: each with the instruction of it, which of all but the
/// first is a call. `func` is the one that was compiled, `site` a row of `calls` or [`InlinedCall::NONE`].
pub fn inlined_frames(
    calls: &[InlinedCall],
    func: FuncId,
    inst: Inst,
    site: u32,
) -> impl Iterator<Item = (FuncId, Inst)> + '_ {
    let mut next = Some((inst, site));
    std::iter::from_fn(move || {
        let (inst, site) = next.take()?;
        let Some(call) = calls.get(site as usize) else { return Some((func, inst)) };
        next = Some((call.call, call.outer));
        Some((call.func, inst))
    })
}

impl Code {
    /// Empties it for the next module and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.align = 0;
        self.functions.clear();
        self.labels.clear();
        self.relocs.clear();
        self.traps.clear();
        self.epilogues.clear();
        self.spans.clear();
        self.inlined.clear();
        self.recoveries.clear();
        self.counters.clear();
    }

    /// The numbers of a function's counters.
    pub fn counters_of(&self, func: FuncId) -> std::ops::Range<usize> {
        let first = self.counters.partition_point(|counter| counter.func < func);
        first..self.counters.partition_point(|counter| counter.func <= func)
    }

    /// Appends the inlined calls of one function, whose rows name each other by their places in the list given. Gives
    /// what is to be added to such a place.
    pub fn add_inlined(&mut self, calls: &[InlinedCall]) -> u32 {
        let first = self.inlined.len() as u32;
        let moved = |outer| if outer == InlinedCall::NONE { outer } else { outer + first };
        self.inlined.extend(calls.iter().map(|call| InlinedCall { outer: moved(call.outer), ..*call }));
        first
    }

    /// Where a function's frame is taken down.
    pub fn epilogues_of(&self, function: &FunctionCode) -> &[Epilogue] {
        let first = self.epilogues.partition_point(|epilogue| epilogue.at < function.start);
        let after = self.epilogues.partition_point(|epilogue| epilogue.at < function.end);
        &self.epilogues[first..after]
    }

    /// The function that an offset belongs to.
    pub fn function_at(&self, offset: u32) -> Option<&FunctionCode> {
        let after = self.functions.partition_point(|f| f.start <= offset);
        let function = &self.functions[after.checked_sub(1)?];
        (offset < function.end).then_some(function)
    }

    /// The function and IR instruction that an offset belongs to: of inlined code those of the function that was inlined.
    pub fn inst_at(&self, offset: u32) -> Option<(FuncId, Inst)> {
        self.frames_at(offset).next()
    }

    /// The functions that an offset belongs to, innermost first, each with the IR instruction that it is at: of all but the
    /// first the call in whose place the one before it stands. None if nothing is known of the offset.
    pub fn frames_at(&self, offset: u32) -> impl Iterator<Item = (FuncId, Inst)> + '_ {
        let row = self.function_at(offset).and_then(|function| {
            let after = self.spans.partition_point(|row| row.at <= offset);
            let row = self.spans.get(after.checked_sub(1)?)?;
            (row.at >= function.start).then_some((function.func, row))
        });
        row.into_iter().flat_map(|(func, row)| inlined_frames(&self.inlined, func, row.inst, row.site))
    }

    /// The function and instruction of a row of [`Code::spans`] that belongs to the code of a function.
    pub fn innermost(&self, func: FuncId, row: &SpanRow) -> (FuncId, Inst) {
        let inlined = self.inlined.get(row.site as usize);
        (inlined.map_or(func, |call| call.func), row.inst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inlined_code_belongs_to_all_functions_around_it() {
        let (f, g, h) = (FuncId(0), FuncId(1), FuncId(2));
        let mut code = Code::default();
        let first = InlinedCall { func: g, call: Inst(3), outer: InlinedCall::NONE };
        code.add_inlined(&[first]);
        let second = InlinedCall { func: h, call: Inst(5), outer: 0 };
        let base = code.add_inlined(&[first, second]);
        assert_eq!(base, 1);
        code.functions.push(FunctionCode {
            func: f,
            entry: None,
            start: 0,
            code_end: 64,
            end: 64,
            frame: FrameInfo::default(),
        });
        code.spans.push(SpanRow { at: 0, inst: Inst(0), site: InlinedCall::NONE });
        code.spans.push(SpanRow { at: 8, inst: Inst(7), site: base + 1 });
        assert_eq!(code.frames_at(4).collect::<Vec<_>>(), [(f, Inst(0))]);
        assert_eq!(code.frames_at(9).collect::<Vec<_>>(), [(h, Inst(7)), (g, Inst(5)), (f, Inst(3))]);
        assert_eq!(code.inst_at(9), Some((h, Inst(7))));
        assert_eq!(code.innermost(f, &code.spans[1]), (h, Inst(7)));
        assert_eq!(code.frames_at(64).count(), 0);
    }
}
