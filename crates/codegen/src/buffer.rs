//! The buffer that compiled bytes are written to: the one place that patches what was written.
//!
//! Both compilers write here, so labels, fixups and constants exist once. A write stores eight bytes and advances by
//! the true length, so an instruction costs a store or two; the space is kept ahead of the cursor by
//! [`Buffer::reserve`], once per IR instruction rather than once per byte.
//!
//! Forward jumps take 32 bits and are patched when the function ends, from a list in the order they were written;
//! the cost is linear in their number. Constants that instructions read from memory stand behind the function's
//! code, merged when equal.

use crate::code::{Code, FrameInfo, FunctionCode, Reloc, RelocKind, Target};
use kiln_ir::{Block, FuncId};

/// Space that must be left before an instruction is written, in bytes: more than any single IR instruction takes,
/// except those that say so themselves with [`Buffer::reserve`].
const MARGIN: usize = 512;
/// Bytes that an IR instruction takes at a guess: space for so many is made at first, and more if it turns out too
/// little. Space is filled when it is made, so a small function must not ask for much, nor one behind many others.
const GUESS: usize = 7;

/// A jump or a table entry that waits for its label.
#[derive(Clone, Copy, Debug)]
struct Fixup {
    /// Where the 32-bit field is.
    at: u32,
    /// The offset that the field's value counts from: for jumps the field's end, for tables the table's start.
    from: u32,
    block: Block,
}

/// Lists that live as long as one function; kept to be reused.
#[derive(Debug, Default)]
pub struct BufferScratch {
    labels: Vec<u32>,
    fixups: Vec<Fixup>,
    constants: Vec<(u64, u32)>,
    constant_uses: Vec<(u32, u32)>,
    /// Open-addressed table from a constant's bits to its place in `constants`.
    constant_index: Vec<u32>,
    frame_fixups: Vec<(u32, i32)>,
    /// The parts of the function that are written, their frames without a size.
    parts: Vec<FunctionCode>,
}

/// Writes the bytes of one function to a [`Code`].
#[derive(Debug)]
pub struct Buffer<'c> {
    code: &'c mut Code,
    scratch: &'c mut BufferScratch,
    len: usize,
    start: u32,
    /// The number of inlined calls of the functions before.
    inlined: usize,
    /// The number of their counters.
    counters: usize,
    /// Where the current part starts.
    part: u32,
    /// Where the last block was placed.
    last_placed: u32,
}

const UNPLACED: u32 = u32::MAX;

impl<'c> Buffer<'c> {
    /// Starts a function with this many blocks and instructions at the next multiple of 16.
    pub fn new(
        code: &'c mut Code,
        scratch: &'c mut BufferScratch,
        blocks: usize,
        insts: usize,
    ) -> Buffer<'c> {
        scratch.labels.clear();
        scratch.labels.resize(blocks, UNPLACED);
        scratch.fixups.clear();
        scratch.constants.clear();
        scratch.constant_uses.clear();
        scratch.constant_index.clear();
        scratch.frame_fixups.clear();
        scratch.parts.clear();
        let start = code.bytes.len().next_multiple_of(16);
        code.bytes.resize(start + MARGIN + GUESS * insts, 0xcc);
        code.spans.reserve(insts);
        let (inlined, counters) = (code.inlined.len(), code.counters.len());
        let (part, last_placed) = (start as u32, UNPLACED);
        Buffer { code, scratch, len: start, start: part, inlined, counters, part, last_placed }
    }

    /// Makes sure that one IR instruction and `extra` bytes fit behind the cursor.
    #[inline]
    pub fn reserve(&mut self, extra: usize) {
        if self.len + MARGIN + extra > self.code.bytes.len() {
            self.grow(extra);
        }
    }

    #[cold]
    fn grow(&mut self, extra: usize) {
        let written = self.len - self.start as usize;
        let len = self.len + MARGIN + extra + written / 4;
        let bytes = &mut self.code.bytes;
        if len > bytes.capacity() {
            // By an eighth at least, so that what is copied stays a multiple of what is written; by twice would be twice
            // the memory.
            bytes.reserve_exact(len + len / 8 - bytes.len());
        }
        bytes.resize(len, 0xcc);
    }

    /// Writes the low `len` bytes of `bits`, 0 to 8 of them.
    #[inline(always)]
    pub fn put(&mut self, bits: u64, len: usize) {
        self.code.bytes[self.len..self.len + 8].copy_from_slice(&bits.to_le_bytes());
        self.len += len;
    }

    /// The offset of the next byte, from the start of the [`Code`].
    #[inline]
    pub fn offset(&self) -> u32 {
        self.len as u32
    }

    /// The offset at which the function starts.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// The tables that describe the code.
    pub fn code(&mut self) -> &mut Code {
        self.code
    }

    /// Overwrites 32 bits.
    pub fn patch32(&mut self, at: u32, value: u32) {
        self.code.bytes[at as usize..at as usize + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Overwrites one byte.
    pub fn patch8(&mut self, at: u32, value: u8) {
        self.code.bytes[at as usize] = value;
    }

    /// Number of bytes to the next multiple of `1 << power`, at most 4096, counted from where the code will be placed.
    pub fn gap(&mut self, power: u8) -> usize {
        debug_assert!(power <= 12);
        self.code.align = self.code.align.max(1 << power);
        self.len.next_multiple_of(1 << power) - self.len
    }

    /// Places a block here.
    #[inline]
    pub fn place(&mut self, block: Block) {
        self.scratch.labels[block.index()] = self.len as u32;
        self.last_placed = self.len as u32;
    }

    /// Places a label where a block was placed.
    pub fn place_with(&mut self, label: Block, block: Block) {
        let at = self.scratch.labels[block.index()];
        debug_assert_ne!(at, UNPLACED, "{block:?} is placed before labels that stand for it");
        self.scratch.labels[label.index()] = at;
    }

    /// Whether a block was placed just here, so that others may jump here.
    #[inline]
    pub fn is_placed_here(&self) -> bool {
        self.last_placed == self.len as u32
    }

    /// A label that is no block's, to be placed once.
    pub fn label(&mut self) -> Block {
        self.scratch.labels.push(UNPLACED);
        Block(self.scratch.labels.len() as u32 - 1)
    }

    /// Where a block was placed.
    #[inline]
    pub fn placed(&self, block: Block) -> Option<u32> {
        let at = self.scratch.labels[block.index()];
        (at != UNPLACED).then_some(at)
    }

    /// Says that the 32 bits at `at` are the distance from `from` to a block.
    #[inline]
    pub fn refer(&mut self, at: u32, from: u32, block: Block) {
        self.scratch.fixups.push(Fixup { at, from, block });
    }

    /// Says that the 32 bits at `at` are the distance from the end of the field to this constant, which stands
    /// behind the function's code, aligned to 8 (`len` 4 or 8 bytes are read; 16 reads it twice).
    pub fn constant(&mut self, at: u32, bits: u64) {
        let index = self.constant_slot(bits);
        self.scratch.constant_uses.push((at, index));
    }

    fn constant_slot(&mut self, bits: u64) -> u32 {
        let s = &mut *self.scratch;
        if (s.constants.len() + 1) * 2 > s.constant_index.len() {
            let size = (s.constant_index.len() * 2).max(16);
            s.constant_index.clear();
            s.constant_index.resize(size, UNPLACED);
            for (i, (bits, _)) in s.constants.iter().enumerate() {
                let mut slot = hash(*bits) & (size - 1);
                while s.constant_index[slot] != UNPLACED {
                    slot = (slot + 1) & (size - 1);
                }
                s.constant_index[slot] = i as u32;
            }
        }
        let mask = s.constant_index.len() - 1;
        let mut slot = hash(bits) & mask;
        loop {
            match s.constant_index[slot] {
                UNPLACED => {
                    s.constant_index[slot] = s.constants.len() as u32;
                    s.constants.push((bits, 0));
                    return s.constants.len() as u32 - 1;
                }
                i if s.constants[i as usize].0 == bits => return i,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// Says that the 32 bits at `at` hold a distance into the frame to which the frame's final size is added, times
    /// `sign`.
    pub fn frame_field(&mut self, at: u32, sign: i32) {
        self.scratch.frame_fixups.push((at, sign));
    }

    /// Notes a relocation of the 32 bits just written, `behind` bytes before the end of their instruction.
    pub fn relocate(&mut self, at: u32, kind: RelocKind, to: Target, addend: i64) {
        self.code.relocs.push(Reloc { at, kind, to, addend });
    }

    /// Starts another part of the function, at the next multiple of 16.
    pub fn start_part(&mut self) {
        self.reserve(0);
        while !self.len.is_multiple_of(16) {
            self.put(0xcc, 1);
        }
        self.part = self.len as u32;
    }

    /// Ends a part: the body, or a further entry.
    pub fn end_part(&mut self, func: FuncId, entry: Option<FuncId>, frame: FrameInfo) {
        let end = self.len as u32;
        self.scratch.parts.push(FunctionCode { func, entry, start: self.part, code_end: end, end, frame });
    }

    /// Ends the function, whose parts have ended: fills in jumps, frame fields and constants, and lists it with the
    /// final size of its frame.
    pub fn finish(mut self, frame_size: u32) {
        for i in 0..self.scratch.fixups.len() {
            let Fixup { at, from, block } = self.scratch.fixups[i];
            self.patch32(at, self.scratch.labels[block.index()].wrapping_sub(from));
        }
        for i in 0..self.scratch.frame_fixups.len() {
            let (at, sign) = self.scratch.frame_fixups[i];
            let bytes = &self.code.bytes[at as usize..at as usize + 4];
            let old = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            self.patch32(at, (old + sign * frame_size as i32) as u32);
        }
        if !self.scratch.constants.is_empty() {
            while !self.len.is_multiple_of(8) {
                self.put(0xcc, 1);
            }
            for i in 0..self.scratch.constants.len() {
                self.reserve(0);
                self.scratch.constants[i].1 = self.len as u32;
                let bits = self.scratch.constants[i].0;
                self.put(bits, 8);
            }
            for i in 0..self.scratch.constant_uses.len() {
                let (at, index) = self.scratch.constant_uses[i];
                let place = self.scratch.constants[index as usize].1;
                let bytes = &self.code.bytes[at as usize..at as usize + 4];
                let behind = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as u32;
                self.patch32(at, place.wrapping_sub(at + 4).wrapping_sub(behind));
            }
        }
        self.code.bytes.truncate(self.len);
        if let Some(last) = self.scratch.parts.last_mut() {
            last.end = self.len as u32;
        }
        self.code.functions.extend(self.scratch.parts.iter().map(|part| {
            let frame = FrameInfo { size: frame_size, ..part.frame };
            FunctionCode { frame, ..*part }
        }));
    }

    /// Gives up the function: takes back all that was written since [`Self::new`], tables included.
    pub fn abandon(self) {
        let start = self.start;
        self.code.bytes.truncate(start as usize);
        let keep =
            |len: usize, at: &dyn Fn(usize) -> u32| (0..len).rev().take_while(|i| at(*i) >= start).count();
        let code = self.code;
        code.inlined.truncate(self.inlined);
        code.counters.truncate(self.counters);
        code.recoveries.truncate(start);
        code.relocs.truncate(code.relocs.len() - keep(code.relocs.len(), &|i| code.relocs[i].at));
        code.traps.truncate(code.traps.len() - keep(code.traps.len(), &|i| code.traps[i].at));
        let left = keep(code.epilogues.len(), &|i| code.epilogues[i].at);
        code.epilogues.truncate(code.epilogues.len() - left);
        code.spans.truncate(code.spans.len() - keep(code.spans.len(), &|i| code.spans[i].at));
    }
}

#[inline]
fn hash(bits: u64) -> usize {
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
}
