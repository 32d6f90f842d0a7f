//! Storage in the frame: what `allocai` reserves, what `allocar` allocates, and `%fp`, from which both count.

use super::body::Body;
use super::fits;
use super::operands::Value;
use kiln_ir::{Op, Type, VReg};

/// What a frame needs.
#[derive(Clone, Copy)]
pub(super) struct Storage {
    /// The lowest offset of what is reserved.
    locals: i64,
    /// Whether code allocates as it runs.
    allocates: bool,
    /// Whether code mentions `%fp`.
    uses: bool,
}

impl Body<'_, '_, '_> {
    /// What the group's frame needs.
    pub(super) fn storage(&self) -> Storage {
        let program = self.names.program;
        let parts = self.group.parts.iter().map(|n| &program.parts[*n as usize]);
        let (mut locals, mut allocates, mut uses) = (0, false, false);
        for part in parts {
            locals = locals.min(part.locals);
            allocates |= part.allocates;
            uses |= part.names_frame;
        }
        Storage { locals, allocates, uses }
    }

    /// Makes the frame where the function is entered.
    pub(super) fn make_frame(&mut self, Storage { locals, allocates, uses }: Storage) {
        let size = (-locals + 15) & !15;
        if allocates {
            let bytes = self.b.iconst(Type::I64, size);
            let start = self.b.alloca(bytes, 16);
            if self.frame_end == VReg::NONE {
                (self.frame_end, self.allocated) = (self.b.vreg(Type::Ptr), self.b.vreg(Type::I64));
            }
            self.b.to(self.frame_end).add(start, size);
            self.b.to(self.allocated).iconst(Type::I64, locals);
        } else if uses && self.frame.is_none() {
            let size = size.max(16);
            self.frame = Some((self.b.slot(size as u32, 16), size));
        }
    }

    /// The address so many bytes from `%fp`.
    pub(super) fn beside_frame_end(&mut self, offset: i64) -> VReg {
        match self.frame {
            Some((slot, end)) if fits(end + offset) => self.b.slot_addr(slot, (end + offset) as i32),
            Some((slot, end)) => {
                let fp = self.b.slot_addr(slot, end as i32);
                self.b.add(fp, offset)
            }
            None if offset == 0 => self.frame_end,
            None => self.b.add(self.frame_end, offset),
        }
    }

    /// Storage below what was allocated last, its size rounded up to 16, and its distance from `%fp`.
    ///
    /// The distance counts as if the frame had nothing but what the program allocates in it. That is so as long as
    /// one allocation follows the other on the stack; it is computed from the addresses, which is right in any case.
    pub(super) fn allocate(&mut self, to: VReg, size: VReg) {
        let below = self.b.sub(self.allocated, size);
        let below = self.b.and(below, -16);
        let from = self.b.and(self.allocated, -16);
        let bytes = self.b.sub(from, below);
        let start = self.b.alloca(bytes, 16);
        let end = self.frame_end;
        let offset = self.b.vreg(Type::I64);
        self.binary(Op::Sub, offset, start, Value::Reg(end));
        self.b.to(self.allocated).copy(offset);
        self.b.to(to).copy(offset);
    }
}
