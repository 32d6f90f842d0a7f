//! Frames as unwinders read them (System V psABI 3.7, DWARF 4 section 6.4; `.eh_frame` without augmentation, so that
//! addresses are plain 8-byte words).

use kiln_codegen::Code;
use kiln_codegen::code::{Epilogue, FrameInfo, FunctionCode};
use std::ops::Range;

const RBP: u8 = 6;
const RSP: u8 = 7;
/// Where the prologue keeps what the stack pointer will be while it goes down page by page.
const SCRATCH: u8 = 11;
const RETURN_ADDRESS: u8 = 16;

const DEF_CFA: u8 = 0x0c;
const DEF_CFA_REGISTER: u8 = 0x0d;
const DEF_CFA_OFFSET: u8 = 0x0e;
const ADVANCE_LOC1: u8 = 0x02;
const ADVANCE_LOC2: u8 = 0x03;
const ADVANCE_LOC4: u8 = 0x04;
const SAME_VALUE: u8 = 0x08;
const REMEMBER_STATE: u8 = 0x0a;
const RESTORE_STATE: u8 = 0x0b;
const ADVANCE_LOC: u8 = 0x40;
const OFFSET: u8 = 0x80;

/// Appends the entry that all functions share: at entry the frame starts 8 bytes above the stack pointer and the
/// return address lies just below.
pub(crate) fn cie(out: &mut Vec<u8>) {
    entry(out, |out| {
        out.extend(0u32.to_le_bytes()); // it is a CIE
        out.push(1); // version
        out.push(0); // no augmentation
        out.push(1); // code is counted in bytes
        out.push(0x78); // data in units of -8
        out.push(RETURN_ADDRESS);
        out.extend([DEF_CFA, RSP, 8]);
        out.extend([OFFSET | RETURN_ADDRESS, 1]);
    });
}

/// Appends a function's entry, `at` being the address of the code's first byte. Its rows hold at every instruction, also
/// where the frame is made and taken down.
pub(crate) fn function_rows(out: &mut Vec<u8>, code: &Code, function: &FunctionCode, at: usize) {
    let epilogues = code.epilogues_of(function);
    fde(out, at + function.start as usize..at + function.code_end as usize, |out| {
        let mut rows = Rows { out, at: function.start };
        rows.prologue(function);
        for epilogue in epilogues {
            rows.epilogue(function, epilogue);
        }
    });
}

/// Appends an entry for code that never moves the stack pointer.
pub(crate) fn stub_rows(out: &mut Vec<u8>, code: Range<usize>) {
    fde(out, code, |_| ());
}

/// Writes a function's rows in the order of its code.
struct Rows<'a> {
    out: &'a mut Vec<u8>,
    /// The offset that the next row holds from.
    at: u32,
}

impl Rows<'_> {
    /// Goes on to a later offset.
    fn advance(&mut self, to: u32) {
        let delta = to.saturating_sub(self.at);
        self.at += delta;
        match delta {
            0 => {}
            1..0x40 => self.out.push(ADVANCE_LOC | delta as u8),
            0x40..0x100 => self.out.extend([ADVANCE_LOC1, delta as u8]),
            0x100..0x1_0000 => {
                self.out.push(ADVANCE_LOC2);
                self.out.extend((delta as u16).to_le_bytes());
            }
            _ => {
                self.out.push(ADVANCE_LOC4);
                self.out.extend(delta.to_le_bytes());
            }
        }
    }

    /// From here on the frame starts this far above the stack pointer.
    fn depth(&mut self, depth: u64) {
        self.out.push(DEF_CFA_OFFSET);
        uleb(self.out, depth);
    }

    /// From here on the frame starts this far above a register.
    fn above(&mut self, register: u8, distance: u64) {
        self.out.extend([DEF_CFA, register]);
        uleb(self.out, distance);
    }

    fn prologue(&mut self, function: &FunctionCode) {
        let frame = &function.frame;
        let mut steps = frame.steps.iter().map(|step| function.start + u32::from(*step));
        let mut depth = 8; // from the stack pointer to the frame's start
        let mut step = |rows: &mut Self| rows.advance(steps.next().unwrap_or(rows.at));
        if frame.frame_pointer {
            step(self);
            depth += 8;
            self.depth(depth);
            self.out.extend([OFFSET | RBP, (depth / 8) as u8]);
            step(self);
            self.out.extend([DEF_CFA_REGISTER, RBP]);
        }
        for register in pushed(frame) {
            step(self);
            depth += 8;
            if !frame.frame_pointer {
                self.depth(depth);
            }
            self.out.extend([OFFSET | register, (depth / 8) as u8]);
        }
        if frame.size > 0 && !frame.frame_pointer {
            depth += u64::from(frame.size);
            if frame.probed > 0 {
                self.advance(function.start + u32::from(frame.probed));
                self.above(SCRATCH, depth);
                step(self);
                self.above(RSP, depth);
            } else {
                step(self);
                self.depth(depth);
            }
        }
    }

    fn epilogue(&mut self, function: &FunctionCode, epilogue: &Epilogue) {
        // The rows of the prologue hold again behind the epilogue, if anything is behind it.
        let more = epilogue.end < function.code_end;
        self.advance(epilogue.at);
        if more {
            self.out.push(REMEMBER_STATE);
        }
        if epilogue.moved > 0 {
            self.copied(&function.frame, epilogue.moved);
        } else {
            self.popped(&function.frame, epilogue.at);
        }
        if more {
            self.advance(epilogue.end);
            self.out.push(RESTORE_STATE);
        }
    }

    /// From `at` on, registers are popped. Where a register was saved it can be read as long as nobody writes below
    /// the stack pointer, which nobody does before the function is left: its rule stays.
    fn popped(&mut self, frame: &FrameInfo, mut at: u32) {
        let mut depth = 8 + 8 * u64::from(frame.saved.count_ones());
        if frame.size > 0 && !frame.frame_pointer {
            self.depth(depth);
        }
        for register in pushed(frame).rev() {
            at += pop_len(register);
            depth -= 8;
            if !frame.frame_pointer {
                self.advance(at);
                self.depth(depth);
            }
        }
        if frame.frame_pointer {
            self.advance(at + pop_len(RBP));
            self.above(RSP, 8);
        }
    }

    /// From here on, the return address and the frame pointer are where [`Epilogue::moved`] says.
    fn copied(&mut self, frame: &FrameInfo, moved: u32) {
        self.above(RSP, 8);
        self.out.extend([OFFSET | RBP, 0]);
        for register in pushed(frame) {
            self.out.extend([SAME_VALUE, register]);
        }
        self.advance(moved);
        self.out.extend([SAME_VALUE, RBP]);
    }
}

/// The registers that the prologue pushes, in order, without the frame pointer that is set.
fn pushed(frame: &FrameInfo) -> impl DoubleEndedIterator<Item = u8> {
    let saved = if frame.frame_pointer { frame.saved & !(1 << RBP) } else { frame.saved };
    (0..16u8).filter(move |register| saved & (1 << register) != 0)
}

/// The length of the instruction that pops a register.
fn pop_len(register: u8) -> u32 {
    if register < 8 { 1 } else { 2 }
}

fn fde(out: &mut Vec<u8>, code: Range<usize>, rows: impl FnOnce(&mut Vec<u8>)) {
    entry(out, |out| {
        out.extend((out.len() as u32).to_le_bytes()); // back to the CIE, which is the first entry
        out.extend((code.start as u64).to_le_bytes());
        out.extend((code.len() as u64).to_le_bytes());
        rows(out);
    });
}

/// An entry with its length before it, filled up with no-operations (0).
fn entry(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    content(out);
    out.resize(out.len().next_multiple_of(8), 0);
    let len = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&len.to_le_bytes());
}

fn uleb(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
