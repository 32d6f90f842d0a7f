//! Returns.

use super::bytes::ahead;
use super::wide;
use crate::abi::{ResultPlace, Returned};
use crate::emit::Val;
use crate::emit::call::Room;
use crate::emit::moves::ParallelMoves;
use crate::emit::{At, Emit, Event, Placement};
use crate::regs::{Reg, RegSet};
use crate::target::x64::X64;
use crate::target::x64::encode::Amode;
use crate::target::x64::insts::*;
use crate::target::x64::regs::*;
use kiln_ir::types::{AbiType, Signature};
use kiln_ir::{InstData, Type, VReg};

impl<P: Placement> Emit<'_, X64, P> {
    pub fn ret(&mut self, inst: &InstData) {
        let sig = self.module.signature_of(self.func);
        match &sig.results[..] {
            [] => {}
            [ty @ (AbiType::I8 | AbiType::U8 | AbiType::I16 | AbiType::U16 | AbiType::Value(_))] => {
                self.ret_one(VReg(inst.a), *ty);
            }
            _ => self.ret_several(inst, sig),
        }
        self.epilogue();
    }

    fn ret_one(&mut self, v: VReg, abi: AbiType) {
        let ty = self.f.ty(v);
        let to = crate::target::x64::abi::result(ty);
        match self.imm(v) {
            Some(value) => {
                let value = value as i64 as u64;
                self.asm.mov_imm(to, if wide(ty) { value } else { value & 0xffff_ffff });
            }
            None => {
                let reg = self.read(v);
                self.move_whole(to, reg);
                self.placement.log(Event::Read(v, At::Reg(to)));
            }
        }
        self.extend(abi, to);
    }

    /// The values that a return gives.
    fn returned(&self, inst: &InstData) -> impl Iterator<Item = VReg> + use<'_, P> {
        let more = if inst.has_tail() { Some(self.f.list(inst, 0).iter()) } else { None };
        std::iter::once(VReg(inst.a)).chain(more.into_iter().flatten())
    }

    fn ret_several(&mut self, inst: &InstData, sig: &Signature) {
        let own = std::mem::take(&mut self.own);
        let values: Vec<VReg> = self.returned(inst).collect();
        match own.structure.map(|structure| structure.returned) {
            None => self.ret_in_registers(&values, &own.results, sig),
            Some(Returned::Memory { back, .. }) if several_with_bytes(sig) => {
                // What one field overwrites may be what the next one reads.
                let size = own.structure.map_or(0, |structure| structure.size);
                let room = self.frame.reserve(size.next_multiple_of(16), 16);
                self.gather(&values, &own.results, sig, room);
                let hidden = self.frame.hidden;
                self.load_slot(back, Type::Ptr, hidden);
                let from = self.frame.amode(room.at);
                self.copy_apart(Amode::base(back, 0), from, size);
            }
            Some(Returned::Memory { back, .. }) => {
                // Registers of the pool hold values that are still to be read: the address waits in the frame.
                for ((v, ty), place) in values.iter().zip(&sig.results).zip(&own.results) {
                    let from = self.read(*v);
                    let to = if from == RAX { RCX } else { RAX };
                    let hidden = self.frame.hidden;
                    self.give_way(to);
                    self.load_slot(to, Type::Ptr, hidden);
                    self.write_field(to, *place, *ty, from);
                    self.pinned = RegSet::EMPTY;
                }
                let hidden = self.frame.hidden;
                self.load_slot(back, Type::Ptr, hidden);
            }
            Some(returned) => {
                let from = match &values[..] {
                    [one] => self.read(*one),
                    _ => {
                        let size = own.structure.map_or(0, |structure| structure.size);
                        let room = self.frame.reserve(size.next_multiple_of(16), 16);
                        self.gather(&values, &own.results, sig, room)
                    }
                };
                self.asm.mov(true, SCRATCH, from);
                match returned {
                    // `rcx` carries no result of a C convention.
                    Returned::Pieces(pieces) => self.load_parts(Amode::base(SCRATCH, 0), &pieces, RCX),
                    Returned::X87(count) => {
                        for n in (0..count).rev() {
                            // fld m80
                            self.asm.group(X87_M80, false, 5, Amode::base(SCRATCH, 16 * n as i32));
                        }
                    }
                    Returned::Memory { .. } => {}
                }
            }
        }
        self.own = own;
    }

    /// Makes a register free for the rest of the instruction, whoever it belongs to: a home is of no use behind a
    /// return, unless it is still to be read.
    fn give_way(&mut self, reg: Reg) {
        if self.pool.has(reg) {
            self.take(reg);
        }
    }

    /// Writes results that are fields of a structure to room in the frame; gives its address in the scratch register.
    fn gather(&mut self, values: &[VReg], places: &[ResultPlace], sig: &Signature, room: Room) -> Reg {
        for ((v, ty), place) in values.iter().zip(&sig.results).zip(places) {
            let from = self.read(*v);
            let to = if from == RAX { RCX } else { RAX };
            self.give_way(to);
            self.room_address(room, to);
            self.write_field(to, *place, *ty, from);
            self.pinned = RegSet::EMPTY;
        }
        self.room_address(room, SCRATCH);
        SCRATCH
    }

    /// Writes one result to its field of the structure at an address.
    fn write_field(&mut self, to: Reg, place: ResultPlace, ty: AbiType, from: Reg) {
        self.asm.buf.reserve(0);
        let ResultPlace::Field(offset) = place else { return };
        let mem = ahead(Amode::base(to, 0), offset);
        match ty {
            AbiType::I8 | AbiType::U8 => self.asm.op8(MOV_RM8_R8, false, from, mem, true),
            AbiType::I16 | AbiType::U16 => self.asm.op(MOV_RM16_R16, false, from, mem),
            AbiType::Value(Type::F32) => self.asm.op(MOVSS_XM_X, false, from, mem),
            AbiType::Value(Type::F64) => self.asm.op(MOVSD_XM_X, false, from, mem),
            AbiType::Value(ty) => self.asm.op(MOV_RM_R, wide(ty), from, mem),
            AbiType::Aggregate(layout) => {
                let size = self.module.layouts()[layout.index()].layout.size;
                if offset > 0 {
                    self.asm.op(LEA, true, to, mem);
                }
                self.copy_overlapping(to, from, size);
            }
        }
    }

    /// Results in a register each.
    fn ret_in_registers(&mut self, values: &[VReg], places: &[ResultPlace], sig: &Signature) {
        let mut moves = ParallelMoves::default();
        let register = |place: &ResultPlace| match place {
            ResultPlace::Reg(reg) => *reg,
            ResultPlace::Field(_) => Reg::NONE,
        };
        let held = |e: &Self, v: VReg| {
            let val = &e.vals[v.index()];
            if val.home != Reg::NONE { val.home } else { val.reg }
        };
        for (v, place) in values.iter().zip(places) {
            let from = held(self, *v);
            if from != Reg::NONE {
                moves.add(register(place), from);
            }
        }
        self.resolve(moves);
        for ((v, place), ty) in values.iter().zip(places).zip(&sig.results) {
            let to = register(place);
            if held(self, *v) == Reg::NONE {
                if self.vals[v.index()].flags & Val::REMAT != 0 {
                    self.materialize(*v, to);
                } else {
                    let slot = self.slot_of(*v);
                    self.load_slot(to, self.f.ty(*v), slot);
                }
            }
            self.placement.log(Event::Read(*v, At::Reg(to)));
            self.extend(*ty, to);
        }
    }
}

/// Whether a signature has several results and an aggregate among them.
fn several_with_bytes(sig: &Signature) -> bool {
    sig.results.len() > 1 && sig.results.iter().any(|ty| matches!(ty, AbiType::Aggregate(_)))
}
