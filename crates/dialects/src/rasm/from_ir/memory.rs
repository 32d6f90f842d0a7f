//! Loads, stores and addresses.

use super::words::access;
use super::writer::{FRAME_ALIGN, Writer};
use super::{Written, refuse};
use kiln_ir::diagnostic::Place;
use kiln_ir::function::aux;
use kiln_ir::{Block, InstData, Op, Slot, VReg};

/// The parts of so many bytes that rasm can access: offset, and suffix of the unsigned access.
fn parts(bytes: u32) -> Vec<(u32, &'static str)> {
    let mut parts = vec![];
    let mut at = 0;
    for (size, ty) in [(4, "ui"), (2, "us"), (1, "uc")] {
        if bytes & size != 0 {
            parts.push((at, ty));
            at += size;
        }
    }
    parts
}

impl Writer<'_, '_> {
    pub(super) fn address(&mut self, inst: &InstData) {
        let mut register = "%r0";
        match inst.op {
            Op::LabelAddr => {
                let (target, keep) = self.target(Block(inst.a), true);
                self.line(format_args!("movi_p %r0, {target}{keep}"));
            }
            Op::SlotAddr | Op::SlotOffset => {
                let align = self.body.slot(Slot(inst.a)).align;
                self.line(format_args!("addi_l %r0, %fp, $s{}", inst.a));
                if align > FRAME_ALIGN {
                    self.line(format_args!("addi_l %r0, %r0, {}", align - 1));
                    self.line(format_args!("andi_l %r0, %r0, -{align}"));
                }
                if inst.op == Op::SlotOffset {
                    self.line("subr_l %r0, %r0, %fp");
                }
                self.line(format_args!("addi_l %r0, %r0, {}", inst.b as i32));
            }
            Op::FrameAddr => register = "%fp",
            _ => {
                self.mem(self.body.mem(inst));
                register = "%r2";
            }
        }
        self.put(VReg(inst.dst), register);
    }

    pub(super) fn accessed(&mut self, at: Place, inst: &InstData) -> Written {
        let name = inst.op.info().name(inst.variant());
        if inst.aux & aux::VOLATILE != 0 {
            return refuse(at, format_args!("a volatile `{name}`"));
        }
        if inst.aux & aux::PRECISE != 0 {
            return refuse(at, format_args!("a precise `{name}`"));
        }
        let register = if inst.access().is_float() { "%fpr0" } else { "%r0" };
        let value = VReg(inst.dst);
        self.mem(self.body.mem(inst));
        if inst.op == Op::Load {
            match access(inst.access()) {
                Some(ty) => self.line(format_args!("ldr_{ty} {register}, %r2")),
                None => self.load_parts(inst),
            }
            self.put(value, register);
            return Ok(());
        }
        if inst.value_is_imm() {
            self.line(format_args!("movi_l %r0, {}", inst.dst as i32));
        } else {
            self.get(register, value);
        }
        match access(inst.access()) {
            Some(ty) => self.line(format_args!("str_{ty} %r2, {register}")),
            None => self.store_parts(inst),
        }
        Ok(())
    }

    /// Three, five, six or seven bytes, from the least on.
    fn load_parts(&mut self, inst: &InstData) {
        let parts = parts(inst.access().bytes());
        self.line("movi_l %r0, 0");
        for (n, (at, ty)) in parts.iter().enumerate() {
            let signed = inst.access().signed() && n + 1 == parts.len();
            let ty = if signed { ty.trim_start_matches('u') } else { ty };
            self.line(format_args!("ldxi_{ty} %r1, %r2, {at}"));
            self.line(format_args!("lshi_l %r1, %r1, {}", 8 * at));
            self.line("orr_l %r0, %r0, %r1");
        }
    }

    fn store_parts(&mut self, inst: &InstData) {
        for (at, ty) in parts(inst.access().bytes()) {
            self.line(format_args!("rshi_ul %r1, %r0, {}", 8 * at));
            self.line(format_args!("stxi_{ty} {at}, %r2, %r1"));
        }
    }

    pub(super) fn copied(&mut self, inst: &InstData) {
        let (from, length) = (self.body.tail(inst)[0], self.body.tail(inst)[1]);
        self.get("%r0", VReg(inst.a));
        self.get("%r1", VReg(from));
        self.operand(inst, length, "%r2");
        self.routine("ir_copy", &["%r0", "%r1", "%r2"]);
    }

    pub(super) fn filled(&mut self, inst: &InstData) {
        let (value, length) = (self.body.tail(inst)[0], self.body.tail(inst)[1]);
        self.get("%r0", VReg(inst.a));
        self.get("%r1", VReg(value));
        self.operand(inst, length, "%r2");
        self.routine("ir_fill", &["%r0", "%r1", "%r2"]);
    }
}
