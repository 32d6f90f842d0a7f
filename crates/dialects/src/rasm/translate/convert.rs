//! Conversions between widths, and between integers and floats.

use super::Emitter;
use super::body::Inst;
use crate::rasm::table::{Rounding, Ty};
use kiln_ir::Type;

impl Emitter<'_, '_> {
    /// `extr_A_B`: the value as `A` has it, as `B` has it.
    pub(super) fn extend(&mut self, from: Ty, to: Ty, inst: &Inst) {
        let source = self.word(inst, 1, from);
        let dest = self.dest(inst, 0, to);
        match (from, to) {
            (Ty::F, _) => {
                self.b.to(dest).fpromote(source);
            }
            (Ty::D, _) => {
                self.b.to(dest).fdemote(source);
            }
            (_, Ty::F | Ty::D) => {
                let low = self.b.trunc(source);
                let float = if to == Ty::F { Type::F32 } else { Type::F64 };
                self.b.to(dest).sitof(float, low);
            }
            _ if to.bits() == 64 => self.extended(dest, source, from),
            _ => {
                let whole = self.b.vreg(Type::I64);
                self.extended(whole, source, from);
                self.extended(dest, whole, to);
            }
        }
    }

    /// Rounds to an integral value and converts; what does not fit gives the least integer.
    pub(super) fn round(&mut self, rounding: Rounding, from: Ty, to: Ty, inst: &Inst) {
        let source = self.word(inst, 1, from);
        let whole = match rounding {
            Rounding::Nearest => self.b.fnearest(source),
            Rounding::Zero => source,
            Rounding::Down => self.b.ffloor(source),
            Rounding::Up => self.b.fceil(source),
        };
        let ty = if to.bits() == 64 { Type::I64 } else { Type::I32 };
        self.write(inst, 0, to, |f| f.ftosi_x86(ty, whole));
    }

    /// `hton` and `ntoh`: network order is the reverse of every target's so far.
    pub(super) fn swap(&mut self, ty: Ty, inst: &Inst) {
        let word = self.word(inst, 1, ty);
        let low = self.b.trunc(word);
        let swapped = self.b.bswap(low);
        let dest = self.dest(inst, 0, ty);
        let value = if ty == Ty::Us { self.b.lshr(swapped, 16) } else { swapped };
        self.b.to(dest).zext(value);
    }
}
