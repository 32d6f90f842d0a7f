//! Frames as unwinders read them (System V psABI 3.7, DWARF 4 section 6.4; `.eh_frame` without augmentation, so that
//! addresses are plain 8-byte words).

use kiln_codegen::code::{FrameInfo, FunctionCode};
use std::ops::Range;

const RBP: u8 = 6;
const RSP: u8 = 7;
const RETURN_ADDRESS: u8 = 16;

const DEF_CFA: u8 = 0x0c;
const DEF_CFA_REGISTER: u8 = 0x0d;
const DEF_CFA_OFFSET: u8 = 0x0e;
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

/// Appends a function's entry, `at` being the address of the code's first byte.
pub(crate) fn function_rows(out: &mut Vec<u8>, function: &FunctionCode, at: usize) {
    fde(out, at + function.start as usize..at + function.code_end as usize, |out| {
        prologue(out, &function.frame);
    });
}

/// Appends an entry for code that never moves the stack pointer.
pub(crate) fn stub_rows(out: &mut Vec<u8>, code: Range<usize>) {
    fde(out, code, |_| ());
}

fn prologue(out: &mut Vec<u8>, frame: &FrameInfo) {
    let mut steps = frame.steps.iter().copied();
    let mut done = 0;
    let mut advance = |out: &mut Vec<u8>| {
        let step = steps.next().unwrap_or(done);
        // A prologue is shorter than 64 bytes, so the short form does.
        let delta = step.saturating_sub(done);
        done = done.max(step);
        if delta > 0 {
            out.push(ADVANCE_LOC | (delta & 0x3f));
        }
    };
    let mut saved = frame.saved;
    let mut depth = 8u64; // from the stack pointer to the frame's start
    if frame.frame_pointer {
        advance(out);
        depth += 8;
        out.extend([DEF_CFA_OFFSET, depth as u8]);
        out.extend([OFFSET | RBP, (depth / 8) as u8]);
        advance(out);
        out.extend([DEF_CFA_REGISTER, RBP]);
        saved &= !(1 << RBP);
    }
    for register in (0..16u8).filter(|register| saved & (1 << register) != 0) {
        advance(out);
        depth += 8;
        if !frame.frame_pointer {
            out.extend([DEF_CFA_OFFSET, depth as u8]);
        }
        out.extend([OFFSET | register, (depth / 8) as u8]);
    }
    if frame.size > 0 && !frame.frame_pointer {
        advance(out);
        out.push(DEF_CFA_OFFSET);
        uleb(out, depth + u64::from(frame.size));
    }
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
