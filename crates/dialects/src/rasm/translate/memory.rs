//! Loads and stores.

use super::Emitter;
use super::body::{Inst, Value};
use crate::rasm::program::Register;
use crate::rasm::table::{Address, Ty};
use kiln_ir::{Mem, MemType, Type, VReg};

fn access(ty: Ty) -> MemType {
    match ty {
        Ty::C => MemType::I8,
        Ty::Uc => MemType::U8,
        Ty::S => MemType::I16,
        Ty::Us => MemType::U16,
        Ty::I => MemType::I32,
        Ty::Ui => MemType::U32,
        Ty::L | Ty::Ul => MemType::I64,
        Ty::P => MemType::PTR,
        Ty::F => MemType::F32,
        Ty::D => MemType::F64,
    }
}

impl Emitter<'_, '_> {
    pub(super) fn load(&mut self, address: Address, ty: Ty, inst: &Inst) {
        let mem = self.mem(address, inst, 1);
        let dest = self.dest(inst, 0, ty);
        let register = self.b.ty(dest);
        self.b.to(dest).load(register, access(ty), mem);
    }

    pub(super) fn store(&mut self, address: Address, ty: Ty, inst: &Inst) {
        let (mem, from) = match address {
            Address::RegImm => (self.based(inst, 1, 0), 2),
            Address::RegReg => (self.mem(address, inst, 0), 2),
            Address::Reg | Address::Imm => (self.mem(address, inst, 0), 1),
        };
        let value = self.word(inst, from, ty);
        self.b.store(access(ty), mem, value);
    }

    /// The address that operands from this one on say.
    fn mem(&mut self, address: Address, inst: &Inst, n: usize) -> Mem {
        match address {
            Address::Reg => Mem::from(self.word(inst, n, Ty::L)),
            Address::Imm => {
                let value = self.value(inst, n);
                Mem::from(self.address(value))
            }
            Address::RegReg => {
                let (base, index) = (self.word(inst, n, Ty::L), self.word(inst, n + 1, Ty::L));
                Mem { base, index, scale: 1, disp: 0 }
            }
            Address::RegImm => self.based(inst, n, n + 1),
        }
    }

    /// A register plus a constant. An offset of the frame from the frame is the address of that piece.
    fn based(&mut self, inst: &Inst, base: usize, offset: usize) -> Mem {
        let in_frame = matches!(self.register(inst, base), Register::Fp | Register::Sp);
        match self.value(inst, offset) {
            Value::Offset(slot) if in_frame => Mem::from(self.b.slot_addr(self.slots[slot as usize], 0)),
            value => {
                let base = self.word(inst, base, Ty::L);
                match value {
                    Value::Int(value) if i32::try_from(value).is_ok() => Mem::from((base, value as i32)),
                    value => {
                        let index: VReg = self.address(value);
                        debug_assert_eq!(self.b.ty(index), Type::I64);
                        Mem { base, index, scale: 1, disp: 0 }
                    }
                }
            }
        }
    }
}
