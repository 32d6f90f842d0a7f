//! Parameters: from where the convention puts them to where the function wants them.
//!
//! First what arrives in registers and belongs to the frame is stored, then registers move to registers as if at once,
//! and last the rest is loaded; so nothing is overwritten that is still wanted.

use super::X64;
use super::abi;
use super::encode::Amode;
use super::frame::INCOMING;
use super::insts::*;
use super::regs::*;
use crate::abi::{ArgPlace, CallLayout, Piece, Place};
use crate::emit::Val;
use crate::emit::moves::ParallelMoves;
use crate::emit::{At, Emit, Event, Placement};
use crate::regs::{Reg, RegSet};
use kiln_ir::function::Entry;
use kiln_ir::types::{AbiType, Convention};
use kiln_ir::{Type, VReg};

/// General registers of System V's arguments in order, for those that may be variable.
const GENERAL: [Reg; 6] = [RDI, RSI, RDX, RCX, R8, R9];
/// The same of Win64.
const GENERAL_WIN64: [Reg; 4] = [RCX, RDX, R8, R9];

/// Where a parameter is that is brought in last.
enum Late {
    /// On the stack, in this slot.
    Value(u32),
    /// It is itself this address.
    Address(Amode),
}

/// Whether what a caller left above the value's bits must be overwritten.
fn is_narrow(param: AbiType) -> bool {
    matches!(param, AbiType::I8 | AbiType::U8 | AbiType::I16 | AbiType::U16)
}

impl<P: Placement> Emit<'_, X64, P> {
    /// Brings the function's parameters where they belong.
    pub fn parameters(&mut self) {
        let own = std::mem::take(&mut self.own);
        let sig = self.module.signature_of(self.func);
        if sig.variadic {
            self.keep_variable(&own, sig.convention);
        }
        self.keep_hidden(&own);
        self.bring_in(&own, sig.params.iter().zip(0..).map(|(param, n)| (VReg(n), *param)));
        self.own = own;
    }

    /// Brings the parameters of a further entry where the body has them.
    pub fn entry_parameters(&mut self, entry: &Entry) {
        let sig = self.module.entry_signature(self.func, self.f, entry);
        let mut layout = CallLayout::default();
        abi::call_layout(&sig, self.module.layouts(), std::iter::empty(), &mut layout);
        self.keep_hidden(&layout);
        // What the body left behind.
        entry.params.iter().for_each(|v| self.vals[v.index()].flags &= !Val::IN_SLOT);
        self.bring_in(&layout, entry.params.iter().copied().zip(sig.params));
    }

    /// Stores the hidden argument, if there is one.
    fn keep_hidden(&mut self, layout: &CallLayout) {
        if let Some(Place::Reg(reg)) = layout.hidden() {
            let slot = self.frame.hidden;
            self.store_slot(slot, Type::Ptr, reg);
        }
    }

    /// Brings values that arrive as the arguments of a layout to these virtual registers.
    pub fn bring_in(&mut self, layout: &CallLayout, params: impl Iterator<Item = (VReg, AbiType)>) {
        let mut moves = ParallelMoves::default();
        let mut late = Vec::new();
        for ((v, param), place) in params.zip(&layout.args) {
            let val = self.vals[v.index()];
            if val.uses == 0 && val.flags & Val::GLOBAL == 0 {
                continue;
            }
            self.asm.buf.reserve(0);
            match *place {
                ArgPlace::Value(Place::Reg(reg)) | ArgPlace::Twice(reg, _) => {
                    self.extend(param, reg);
                    self.receive(v, reg, &mut moves);
                }
                ArgPlace::Address { place: Place::Reg(reg), .. } => self.receive(v, reg, &mut moves),
                ArgPlace::Value(Place::Stack(at)) | ArgPlace::Address { place: Place::Stack(at), .. } => {
                    self.placement.log(Event::Given(v, At::Slot(INCOMING | at)));
                    if val.home != Reg::NONE || is_narrow(param) || self.frame.several_entries {
                        late.push((v, param, Late::Value(INCOMING | at)));
                    } else {
                        let val = &mut self.vals[v.index()];
                        val.slot = INCOMING | at;
                        val.flags |= Val::IN_SLOT;
                    }
                }
                ArgPlace::Pieces(pieces) => {
                    let room = self.frame.reserve(16, 16);
                    for Piece { reg, offset, .. } in pieces.iter() {
                        let mem = self.frame.amode(room.at);
                        let mem = Amode { disp: mem.disp + offset as i32, ..mem };
                        let op = if reg.is_vector() { MOVSD_XM_X } else { MOV_RM_R };
                        self.asm.op(op, !reg.is_vector(), reg, mem);
                    }
                    late.push((v, param, Late::Address(self.frame.amode(room.at))));
                }
                ArgPlace::Bytes { at, .. } => late.push((v, param, Late::Address(self.frame.incoming(at)))),
            }
        }
        self.resolve(moves);
        for (v, param, from) in late {
            self.asm.buf.reserve(0);
            self.pinned = RegSet::EMPTY;
            self.load_late(v, param, from);
        }
    }

    /// Takes over a parameter that arrives in a register.
    fn receive(&mut self, v: VReg, reg: Reg, moves: &mut ParallelMoves) {
        let val = self.vals[v.index()];
        self.placement.log(Event::Given(v, At::Reg(reg)));
        if val.home != Reg::NONE {
            moves.add(val.home, reg);
        } else if self.pool.has(reg) {
            let came = reg;
            let reg = P::receive(self, v, came);
            moves.add(reg, came);
            self.free = self.free.without(reg.set());
            self.hold(v, reg);
            if P::HOMES && val.flags & Val::GLOBAL != 0 {
                self.dirty = self.dirty.with(reg.set());
            }
        } else {
            let slot = self.slot_of(v);
            self.store_slot(slot, val.ty, reg);
            self.vals[v.index()].flags |= Val::IN_SLOT;
        }
    }

    /// Brings in a parameter that came on the stack, or the address of an aggregate that the frame holds.
    fn load_late(&mut self, v: VReg, param: AbiType, from: Late) {
        let val = self.vals[v.index()];
        match from {
            Late::Address(address) if val.home != Reg::NONE => {
                self.asm.op(LEA, true, val.home, address);
                return;
            }
            Late::Address(address) => {
                self.asm.op(LEA, true, SCRATCH, address);
                self.placement.log(Event::Given(v, At::Reg(SCRATCH)));
            }
            Late::Value(incoming) if val.home != Reg::NONE => {
                self.load_slot(val.home, val.ty, incoming);
                self.extend(param, val.home);
                return;
            }
            Late::Value(incoming) => {
                // Of a narrow one, what the caller left above its bits is not trusted.
                self.load_slot(SCRATCH, Type::I64, incoming);
                self.extend(param, SCRATCH);
                if !self.frame.several_entries {
                    self.vals[v.index()].slot = incoming;
                }
            }
        }
        let slot = self.slot_of(v);
        self.store_slot(slot, Type::I64, SCRATCH);
        self.vals[v.index()].flags |= Val::IN_SLOT;
    }

    /// Stores the registers that may hold variable arguments where `va_arg` looks for them.
    fn keep_variable(&mut self, own: &CallLayout, convention: Convention) {
        if convention == Convention::Win64 {
            for n in own.generals..4 {
                let mem = self.frame.incoming(8 * n);
                self.asm.op(MOV_RM_R, true, GENERAL_WIN64[n as usize], mem);
            }
            return;
        }
        let Some(room) = self.frame.variable else { return };
        let area = self.frame.amode(room.at);
        let at = |distance: u32| Amode { disp: area.disp + distance as i32, ..area };
        for n in own.generals..6 {
            self.asm.op(MOV_RM_R, true, GENERAL[n as usize], at(8 * n));
        }
        // The caller says in `al` whether there are vector registers to store.
        self.asm.op8(TEST_RM8_R8, false, RAX, RAX, true);
        let none = self.asm.skip_if(Cc::E);
        for n in own.vectors..8 {
            self.asm.op(MOVUPS_XM_X, false, xmm(n as u8), at(48 + 16 * n));
        }
        self.asm.land(none);
    }
}
