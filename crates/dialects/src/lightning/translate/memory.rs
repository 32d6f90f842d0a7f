//! Loads, stores, compare and swap, storage allocated at run time.

use super::body::Body;
use super::{access, fits};
use crate::lightning::program::{FRAME_POINTER, Operand};
use crate::lightning::table::{Meaning, Row, Ty};
use crate::lightning::value::Base;

use kiln_ir::function::aux;
use kiln_ir::{Access, Cond, Mem, MemType, Op, Order, Type, VReg};

impl Body<'_, '_, '_> {
    pub(super) fn memory(&mut self, row: &Row, o: &[Operand; 4]) {
        let (memory, ty) = access(row.ty);
        match row.meaning {
            Meaning::Load | Meaning::LoadAt => {
                let access = self.load(memory, o[1], Operand::Word(0));
                let from = self.word(o[1]);
                let to = self.accessed(o[0], ty);
                self.b.to(to).load(ty, access, from);
            }
            Meaning::LoadIndexed => {
                let access = self.load(memory, o[1], o[2]);
                let from = self.indexed(o[1], o[2]);
                let to = self.accessed(o[0], ty);
                self.b.to(to).load(ty, access, from);
            }
            Meaning::LoadMoving { before } => {
                let (base, distance) = (self.int(o[1]), self.value(o[2]));
                let to = self.accessed(o[0], ty);
                let moved = self.b.vreg(Type::I64);
                self.binary(Op::Add, moved, base, distance);
                self.b.to(to).load(ty, kept(memory), if before { moved } else { base });
                self.b.to(base).copy(moved);
            }
            Meaning::Store | Meaning::StoreAt => {
                let to = self.word(o[0]);
                let value = self.accessed(o[1], ty);
                self.b.store(memory, to, value);
            }
            Meaning::StoreIndexed => {
                let to = self.indexed(o[1], o[0]);
                let value = self.accessed(o[2], ty);
                self.b.store(memory, to, value);
            }
            Meaning::StoreMoving { before } => {
                let (base, distance) = (self.int(o[1]), self.value(o[0]));
                let moved = self.b.vreg(Type::I64);
                self.binary(Op::Add, moved, base, distance);
                if before {
                    // A value that is the base itself is stored moved.
                    self.b.to(base).copy(moved);
                }
                let value = self.accessed(o[2], ty);
                self.b.store(memory, base, value);
                if !before {
                    self.b.to(base).copy(moved);
                }
            }
            Meaning::LoadBytes { signed } => {
                let access = self.load(bytes(o[2], signed), o[1], Operand::Word(0));
                let from = self.word(o[1]);
                let to = self.int(o[0]);
                self.b.to(to).load(Type::I64, access, from);
            }
            Meaning::StoreBytes => {
                let (to, value) = (self.word(o[0]), self.word(o[1]));
                self.b.store(bytes(o[2], true), to, value);
            }
            Meaning::LoadFloatBytes | Meaning::StoreFloatBytes => {
                let (memory, ty) = access(if o[2] == Operand::Word(4) { Ty::F32 } else { Ty::F64 });
                if row.meaning == Meaning::LoadFloatBytes {
                    let access = self.load(memory, o[1], Operand::Word(0));
                    let from = self.word(o[1]);
                    let to = self.float(o[0], ty);
                    self.b.to(to).load(ty, access, from);
                } else {
                    let to = self.word(o[0]);
                    let value = self.float(o[1], ty);
                    self.b.store(memory, to, value);
                }
            }
            Meaning::CompareAndSwap => {
                let (at, old, new) = (self.word(o[1]), self.word(o[2]), self.word(o[3]));
                let to = self.int(o[0]);
                let found = self.b.atomic_cas(MemType::I64, Order::SeqCst, at, old, new);
                let same = self.b.cmp(Cond::Eq, found, old);
                self.b.to(to).zext(same);
            }
            Meaning::Allocate => {
                let size = self.word(o[1]);
                let to = self.int(o[0]);
                self.allocate(to, size);
            }
            _ => unreachable!("not a memory instruction"),
        }
    }

    /// A load of this type. It stays even if nobody uses what it loads, because a program may want its fault; but for where
    /// it cannot have one: in the data section and in the fixed storage.
    fn load(&self, ty: MemType, base: Operand, distance: Operand) -> Access {
        let within = |start: i64, from: i64, size: i64| {
            start.checked_sub(from).is_some_and(|at| at >= 0 && at <= size - ty.bytes() as i64)
        };
        let is_safe = match (base, distance) {
            (Operand::Address(Base::Data, offset), _) => {
                let size = self.names.program.data.as_ref().map_or(0, |data| data.size as i64);
                within(offset, 0, size)
            }
            (Operand::Int(FRAME_POINTER), Operand::Word(offset)) => {
                self.frame.is_some_and(|(_, size)| within(offset, -size, size))
            }
            _ => false,
        };
        if is_safe { ty.into() } else { kept(ty) }
    }

    /// The register that an access of this type moves.
    fn accessed(&mut self, operand: Operand, ty: Type) -> VReg {
        if ty.is_float() { self.float(operand, ty) } else { self.word(operand) }
    }

    fn indexed(&mut self, base: Operand, distance: Operand) -> Mem {
        match (base, distance) {
            (Operand::Int(FRAME_POINTER), Operand::Word(offset)) => self.beside_frame_end(offset).into(),
            (base, Operand::Word(offset)) if fits(offset) => (self.word(base), offset as i32).into(),
            (base, distance) => {
                let (base, index) = (self.word(base), self.word(distance));
                Mem { base, index, scale: 1, disp: 0 }
            }
        }
    }
}

/// A load that takes place even if nobody uses what it loads.
fn kept(ty: MemType) -> Access {
    Access::new(ty).with(aux::KEEP)
}

/// An access of so many bytes, which the parser has checked.
fn bytes(count: Operand, signed: bool) -> MemType {
    match count {
        // Of a whole word the sign says nothing; it has one form.
        Operand::Word(8) => MemType::I64,
        Operand::Word(n @ 1..8) => MemType::int(n as u8, signed),
        _ => unreachable!("the parser gives 1 to 8 here"),
    }
}
