//! The calling conventions: pure functions from signatures to places.
//!
//! Sources: System V AMD64 psABI, section 3.2.3; Microsoft's "x64 calling convention"; where they leave cases open (packed
//! fields, unions with `long double`, empty aggregates), what gcc does. Kiln's own convention has the rules of System V
//! over longer lists of registers, returns scalars in a register each, and the callee gives the stack of its arguments
//! back, so that a tail call may need more of it than its caller got.

use super::regs::*;
use crate::Features;
use crate::abi::{
    ArgPlace, CallLayout, Fields, Piece, Pieces, Place, ResultPlace, Returned, Structure, element,
};
use crate::regs::{Reg, RegSet};
use crate::target::{Allocatable, HomeRegs};
use kiln_ir::LayoutDecl;
use kiln_ir::types::{AbiType, AggregateClass, Convention, FieldKind, Signature};
use kiln_ir::{Op, Type};

/// The registers that a convention hands out, in order.
struct Registers {
    integer: &'static [Reg],
    vectors: u8,
}

const SYSTEM_V: Registers = Registers { integer: &[RDI, RSI, RDX, RCX, R8, R9], vectors: 8 };
/// `rax` and the vector registers from 12 on stay free for tail calls, `r11` for the target.
const KILN: Registers = Registers { integer: &[RDI, RSI, RDX, RCX, R8, R9, R10], vectors: 12 };
/// Results of Kiln's convention, integers; floats take as many vector registers as arguments do.
const KILN_RESULTS: [Reg; 8] = [RAX, RDX, RCX, RSI, RDI, R8, R9, R10];
/// The four slots of Win64; the vector register of a slot has the slot's number.
const WIN64: [Reg; 4] = [RCX, RDX, R8, R9];
/// Bytes below the stack arguments of Win64 in which the callee may keep the four registers.
pub const SHADOW: u32 = 32;

impl CallLayout {
    /// The places of scalar arguments of one of the compiler's own calls, to a C function.
    pub fn of_routine(&mut self, types: impl Iterator<Item = Type>) {
        self.clear();
        for ty in types {
            let place = scalar_place(&SYSTEM_V, ty, self);
            self.args.push(ArgPlace::Value(place));
        }
    }
}

/// Where arguments and results of a call are.
#[inline]
pub fn call_layout(
    sig: &Signature,
    layouts: &[LayoutDecl],
    variable: impl Iterator<Item = Type>,
    out: &mut CallLayout,
) {
    out.clear();
    match sig.convention {
        Convention::C => system_v(&SYSTEM_V, sig, layouts, variable, out),
        Convention::Win64 => win64(sig, layouts, variable, out),
        Convention::Kiln => {
            system_v(&KILN, sig, layouts, variable, out);
            out.stack = out.stack.next_multiple_of(16);
            out.callee_pops = true;
        }
    }
}

/// System V, psABI 3.2.3 "Parameter Passing".
#[inline]
fn system_v(
    regs: &Registers,
    sig: &Signature,
    layouts: &[LayoutDecl],
    variable: impl Iterator<Item = Type>,
    out: &mut CallLayout,
) {
    match sig.results[..] {
        [] => {}
        [AbiType::Aggregate(_)] => structure(sig, layouts, out),
        [one] => out.results.push(ResultPlace::Reg(result(one.register()))),
        _ if sig.convention == Convention::Kiln && each_in_a_register(sig, out) => {}
        _ => structure(sig, layouts, out),
    }
    if let Some(Structure { returned: Returned::Memory { address, .. }, .. }) = &mut out.structure {
        *address = Place::Reg(regs.integer[0]);
        out.generals = 1;
    }
    for param in &sig.params {
        let place = match param {
            AbiType::Aggregate(_) => aggregate(regs, param, layouts, out),
            scalar => ArgPlace::Value(scalar_place(regs, scalar.register(), out)),
        };
        out.args.push(place);
    }
    out.variable = out.stack;
    for ty in variable {
        let place = scalar_place(regs, ty, out);
        out.args.push(ArgPlace::Value(place));
    }
}

/// The place of the next scalar.
#[inline]
fn scalar_place(regs: &Registers, ty: Type, out: &mut CallLayout) -> Place {
    if ty.is_float() {
        if out.vectors < regs.vectors as u32 {
            out.vectors += 1;
            return Place::Reg(xmm(out.vectors as u8 - 1));
        }
    } else if let Some(reg) = regs.integer.get(out.generals as usize) {
        out.generals += 1;
        return Place::Reg(*reg);
    }
    out.stack += 8;
    Place::Stack(out.stack - 8)
}

/// The place of the next aggregate: in registers if all its pieces find one, else wholly on the stack.
fn aggregate(regs: &Registers, param: &AbiType, layouts: &[LayoutDecl], out: &mut CallLayout) -> ArgPlace {
    let (size, align, fields) = element(param, layouts);
    let classes = classify(size, [(0, fields)].into_iter());
    let wanted = |class| classes.iter().filter(|c| **c == class).count();
    let (generals, vectors) = (wanted(Class::Integer), wanted(Class::Sse));
    let fits = out.generals as usize + generals <= regs.integer.len()
        && out.vectors as usize + vectors <= regs.vectors as usize;
    if classes.iter().all(|c| matches!(c, Class::None | Class::Integer | Class::Sse)) && fits {
        let mut pieces = Pieces::default();
        for (i, class) in classes.into_iter().enumerate() {
            let reg = match class {
                Class::Integer => {
                    out.generals += 1;
                    regs.integer[out.generals as usize - 1]
                }
                Class::Sse => {
                    out.vectors += 1;
                    xmm(out.vectors as u8 - 1)
                }
                _ => continue,
            };
            pieces.push(eightbyte(reg, i, size));
        }
        return ArgPlace::Pieces(pieces);
    }
    let at = out.stack.next_multiple_of(align.max(8));
    out.stack = at + size.next_multiple_of(8);
    out.align = out.align.max(align);
    ArgPlace::Bytes { at, size }
}

/// The piece that is the eightbyte with this number.
fn eightbyte(reg: Reg, number: usize, size: u32) -> Piece {
    let offset = 8 * number as u32;
    Piece { reg, offset, bytes: (size - offset).min(8) }
}

/// Gives each result a register of its own, as Kiln's convention does; false if one is an aggregate or registers run
/// out.
fn each_in_a_register(sig: &Signature, out: &mut CallLayout) -> bool {
    let (mut generals, mut vectors) = (0, 0);
    for result in &sig.results {
        let reg = match result {
            AbiType::Aggregate(_) => None,
            scalar if scalar.register().is_float() => {
                vectors += 1;
                (vectors <= KILN.vectors).then(|| xmm(vectors - 1))
            }
            _ => {
                generals += 1;
                KILN_RESULTS.get(generals - 1).copied()
            }
        };
        match reg {
            Some(reg) => out.results.push(ResultPlace::Reg(reg)),
            None => {
                out.results.clear();
                return false;
            }
        }
    }
    true
}

/// Offsets of the results in the structure of them; gives its size and alignment.
fn lay_out_results(sig: &Signature, layouts: &[LayoutDecl], out: &mut CallLayout) -> (u32, u32) {
    let (mut size, mut align) = (0u32, 1);
    for result in &sig.results {
        let (bytes, own, _) = element(result, layouts);
        let at = size.next_multiple_of(own);
        out.results.push(ResultPlace::Field(at));
        size = at + bytes;
        align = align.max(own);
    }
    (size.next_multiple_of(align), align)
}

/// Results as one structure, as System V returns it.
fn structure(sig: &Signature, layouts: &[LayoutDecl], out: &mut CallLayout) {
    let (size, align) = lay_out_results(sig, layouts, out);
    if let [AbiType::Aggregate(id)] = sig.results[..] {
        let layout = &layouts[id.index()].layout;
        let complex = layout.class == AggregateClass::Complex;
        if complex && layout.fields.first().is_some_and(|f| f.kind == FieldKind::F80) {
            out.structure = Some(Structure { size, align, returned: Returned::X87(2) });
            return;
        }
    }
    let offsets = out.results.iter().map(|place| match place {
        ResultPlace::Field(offset) => *offset,
        ResultPlace::Reg(_) => 0,
    });
    let fields = offsets.zip(&sig.results).map(|(offset, ty)| (offset, element(ty, layouts).2));
    let returned = match classify(size, fields) {
        [Class::X87, _] => Returned::X87(1),
        [Class::Memory, _] => Returned::Memory { address: Place::Reg(RDI), back: RAX },
        classes => {
            let (mut generals, mut vectors) = ([RAX, RDX].into_iter(), [xmm(0), xmm(1)].into_iter());
            let mut pieces = Pieces::default();
            for (i, class) in classes.into_iter().enumerate() {
                let reg = match class {
                    Class::Integer => generals.next(),
                    Class::Sse => vectors.next(),
                    Class::None | Class::X87 | Class::X87Up | Class::Memory => None,
                };
                if let Some(reg) = reg {
                    pieces.push(eightbyte(reg, i, size));
                }
            }
            Returned::Pieces(pieces)
        }
    };
    out.structure = Some(Structure { size, align, returned });
    if let Returned::Pieces(pieces) = returned {
        alone(sig, &pieces, out);
    }
}

/// If each result is a scalar alone in its register, the results are values and no structure is needed.
fn alone(sig: &Signature, pieces: &Pieces, out: &mut CallLayout) {
    let mut found = [Reg::NONE; 2];
    if sig.results.len() > 2 || pieces.iter().count() != sig.results.len() {
        return;
    }
    for ((n, ty), place) in sig.results.iter().enumerate().zip(&out.results) {
        let ResultPlace::Field(offset) = *place else { return };
        let Some(piece) = pieces.iter().find(|piece| piece.offset == offset) else { return };
        if matches!(ty, AbiType::Aggregate(_)) || ty.register().is_float() != piece.reg.is_vector() {
            return;
        }
        found[n] = piece.reg;
    }
    out.structure = None;
    for (place, reg) in out.results.iter_mut().zip(found) {
        *place = ResultPlace::Reg(reg);
    }
}

/// The class of an eightbyte (psABI 3.2.3 "Classification"); [`Class::Memory`] is of the whole aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    None,
    Integer,
    Sse,
    X87,
    X87Up,
    Memory,
}

impl Class {
    /// The class of an eightbyte that two scalars share.
    fn merge(self, other: Class) -> Class {
        match (self, other) {
            (a, b) if a == b => a,
            (Class::None, one) | (one, Class::None) => one,
            (Class::Memory, _) | (_, Class::Memory) => Class::Memory,
            (Class::Integer, _) | (_, Class::Integer) => Class::Integer,
            (Class::X87 | Class::X87Up, _) | (_, Class::X87 | Class::X87Up) => Class::Memory,
            _ => Class::Sse,
        }
    }
}

/// The classes of both eightbytes of an aggregate, from its scalars at their offsets, merged in their order.
///
/// A layout is a flat list, so two shapes of C are not told apart from others. Of an array whose elements are packed
/// structures gcc looks at the first element only; here a scalar that is not aligned is seen, as the psABI has it. And
/// where a union with a `long double` holds another union, gcc merges the inner one first; a producer of layouts gets
/// the same by listing the scalars of the inner one first.
fn classify<'l>(size: u32, elements: impl Iterator<Item = (u32, Fields<'l>)>) -> [Class; 2] {
    const MEMORY: [Class; 2] = [Class::Memory; 2];
    if size > 16 {
        return MEMORY;
    }
    let mut classes = [Class::None; 2];
    for (base, fields) in elements {
        for field in fields.as_slice() {
            let bytes = field.kind.bytes();
            // The verifier has seen that fields lie inside the aggregate, so the runs are short.
            for n in 0..field.count {
                let at = base + field.offset + n * bytes;
                if !at.is_multiple_of(bytes) {
                    return MEMORY;
                }
                let (class, second) = match field.kind {
                    FieldKind::F32 | FieldKind::F64 => (Class::Sse, Class::None),
                    FieldKind::F80 => (Class::X87, Class::X87Up),
                    FieldKind::I8 | FieldKind::I16 | FieldKind::I32 | FieldKind::I64 | FieldKind::Ptr => {
                        (Class::Integer, Class::None)
                    }
                };
                let eightbyte = &mut classes[(at / 8) as usize];
                *eightbyte = eightbyte.merge(class);
                if second != Class::None {
                    classes[1] = classes[1].merge(second);
                }
            }
        }
    }
    match classes {
        [Class::Memory, _] | [_, Class::Memory] => MEMORY,
        [first, Class::X87Up] if first != Class::X87 => MEMORY,
        classes => classes,
    }
}

/// Win64: each argument takes the slot of its number, in a register of its class or on the stack.
fn win64(
    sig: &Signature,
    layouts: &[LayoutDecl],
    variable: impl Iterator<Item = Type>,
    out: &mut CallLayout,
) {
    let mut slot = 0u32;
    match sig.results[..] {
        [] => {}
        [AbiType::Aggregate(_)] | [_, _, ..] => {
            let (size, align) = lay_out_results(sig, layouts, out);
            let int128 = matches!(sig.results[..], [AbiType::Aggregate(id)]
                if layouts[id.index()].layout.class == AggregateClass::Int128);
            let mut pieces = Pieces::default();
            let mut returned = None;
            match size {
                0 => {}
                1 | 2 | 4 | 8 => pieces.push(Piece { reg: RAX, offset: 0, bytes: size }),
                16 if int128 => pieces.push(Piece { reg: xmm(0), offset: 0, bytes: 16 }),
                _ => returned = Some(Returned::Memory { address: Place::Reg(WIN64[0]), back: RAX }),
            }
            slot = u32::from(returned.is_some());
            out.variable = 8 * slot;
            let returned = returned.unwrap_or(Returned::Pieces(pieces));
            out.structure = Some(Structure { size, align, returned });
        }
        [one] => out.results.push(ResultPlace::Reg(result(one.register()))),
    }
    let fixed = sig.params.iter().copied().zip(std::iter::repeat(false));
    let variable = variable.map(|ty| (AbiType::Value(ty), true));
    for (param, variable) in fixed.chain(variable) {
        out.variable = if variable { out.variable } else { 8 * (slot + 1) };
        let general = WIN64.get(slot as usize).copied();
        let place = general.map_or(Place::Stack(8 * slot), Place::Reg);
        out.args.push(match param {
            AbiType::Aggregate(_) => match (element(&param, layouts), general) {
                ((size @ (1 | 2 | 4 | 8), ..), Some(reg)) => {
                    let mut pieces = Pieces::default();
                    pieces.push(Piece { reg, offset: 0, bytes: size });
                    ArgPlace::Pieces(pieces)
                }
                ((size @ (1 | 2 | 4 | 8), ..), None) => ArgPlace::Bytes { at: 8 * slot, size },
                ((size, align, _), _) => ArgPlace::Address { place, size, align: align.max(16) },
            },
            float if float.register().is_float() && slot < 4 => match general {
                Some(general) if variable => ArgPlace::Twice(xmm(slot as u8), general),
                _ => ArgPlace::Value(Place::Reg(xmm(slot as u8))),
            },
            _ => ArgPlace::Value(place),
        });
        slot += 1;
    }
    (out.generals, out.vectors) = (slot.min(4), slot.min(4));
    out.stack = (8 * slot).max(SHADOW);
}

/// The register of a single scalar result.
#[inline]
pub const fn result(ty: Type) -> Reg {
    if ty.is_float() { XMM0 } else { RAX }
}

/// Callee-saved registers that homes are given from; the last one serves as frame pointer where there is one.
const SAVED: &[Reg] = &[RBX, R14, R15, R12, R13, RBP];

/// Registers that calls keep in every convention.
pub const CALLEE_SAVED: RegSet = RegSet::of(SAVED);

/// The registers that a function of a convention may use as it likes. Those that some instruction needs for itself
/// (`rax`, `rdx`, `rcx`) and two more are never homes, so that they stay free for the values of one block. A function
/// of Win64 keeps `rsi`, `rdi` and the vector registers from 6 on for its caller, and does without.
pub const fn allocatable(convention: Convention, frame_pointer: bool) -> Allocatable {
    let saved = if frame_pointer { SAVED.split_at(SAVED.len() - 1).0 } else { SAVED };
    match convention {
        Convention::C | Convention::Kiln => Allocatable {
            locals: RegSet(
                RegSet::of(&[RAX, RCX, RDX, RSI, RDI, R8, R9, R10]).0 | 0xffff << 32 & !FSCRATCH.set().0,
            ),
            homes: HomeRegs {
                saved,
                integer: &[R8, R9, R10],
                float: &[XMM14, XMM13, XMM12, XMM11, XMM10, XMM9, XMM8, XMM7, XMM6],
            },
        },
        Convention::Win64 => Allocatable {
            locals: RegSet(RegSet::of(&[RAX, RCX, RDX, R8, R9, R10]).0 | 0x3f << 32),
            homes: HomeRegs { saved, integer: &[], float: &[] },
        },
    }
}

/// Whether an op calls something, so that registers which callees may change lose their values.
pub fn clobbers(op: Op, features: Features) -> bool {
    match op {
        Op::Call | Op::CallPtr | Op::MemCopy | Op::MemFill | Op::TlsAddr => true,
        Op::Fma | Op::Fms | Op::Fnma | Op::Fnms => !features.fma,
        _ => false,
    }
}
