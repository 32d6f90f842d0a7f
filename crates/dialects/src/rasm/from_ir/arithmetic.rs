//! Integers, and whatever is one instruction of rasm.

use super::words::{bits, condition, predicate, suffix};
use super::writer::Writer;
use kiln_ir::{InstData, Op, Type, VReg};

impl Writer<'_, '_> {
    /// What is one instruction on registers of one class, or a conversion; nothing of other ops.
    pub(super) fn simple(&mut self, inst: &InstData) -> Option<()> {
        let (signed, unsigned) = (suffix(inst.ty, true), suffix(inst.ty, false));
        // Mnemonic, registers of the result and of the operands, whether there are two of those.
        let (mnemonic, to, of, two) = match inst.op {
            Op::Add => (format!("addr_{signed}"), "%r0", "%r", true),
            Op::Sub => (format!("subr_{signed}"), "%r0", "%r", true),
            Op::Mul => (format!("mulr_{signed}"), "%r0", "%r", true),
            Op::And => (format!("andr_{signed}"), "%r0", "%r", true),
            Op::Or => (format!("orr_{signed}"), "%r0", "%r", true),
            Op::Xor => (format!("xorr_{signed}"), "%r0", "%r", true),
            Op::Shl => (format!("lshr_{signed}"), "%r0", "%r", true),
            Op::Lshr => (format!("rshr_{unsigned}"), "%r0", "%r", true),
            Op::Ashr => (format!("rshr_{signed}"), "%r0", "%r", true),
            Op::Sdiv => (format!("divr_{signed}"), "%r0", "%r", true),
            Op::Udiv => (format!("divr_{unsigned}"), "%r0", "%r", true),
            Op::Urem => (format!("modr_{unsigned}"), "%r0", "%r", true),
            Op::Neg => (format!("negr_{signed}"), "%r0", "%r", false),
            Op::Not => (format!("notr_{signed}"), "%r0", "%r", false),
            Op::Sext8 => ("extr_c_l".into(), "%r0", "%r", false),
            Op::Sext16 => ("extr_s_l".into(), "%r0", "%r", false),
            Op::Zext8 => ("extr_uc_l".into(), "%r0", "%r", false),
            Op::Zext16 => ("extr_us_l".into(), "%r0", "%r", false),
            Op::Sext => ("extr_i_l".into(), "%r0", "%r", false),
            Op::Zext => ("extr_ui_l".into(), "%r0", "%r", false),
            Op::Fadd => (format!("addr_{signed}"), "%fpr0", "%fpr", true),
            Op::Fsub => (format!("subr_{signed}"), "%fpr0", "%fpr", true),
            Op::Fmul => (format!("mulr_{signed}"), "%fpr0", "%fpr", true),
            Op::Fdiv => (format!("divr_{signed}"), "%fpr0", "%fpr", true),
            Op::Fneg => (format!("negr_{signed}"), "%fpr0", "%fpr", false),
            Op::Fpromote => ("extr_f_d".into(), "%fpr0", "%fpr", false),
            Op::Fdemote => ("extr_d_f".into(), "%fpr0", "%fpr", false),
            Op::Fcmp => (format!("{}r_{signed}", predicate(inst.fcond())), "%r0", "%fpr", true),
            Op::FtoSiX86 => {
                let from = suffix(self.body.ty(VReg(inst.a)), true);
                (format!("truncr_{from}_{signed}"), "%r0", "%fpr", false)
            }
            _ => return None,
        };
        self.get(&format!("{of}0"), VReg(inst.a));
        if two {
            self.operand(inst, inst.b, &format!("{of}1"));
            self.line(format_args!("{mnemonic} {to}, {of}0, {of}1"));
        } else {
            self.line(format_args!("{mnemonic} {to}, {of}0"));
        }
        self.put(VReg(inst.dst), to);
        Some(())
    }

    /// Constants and copies go by way of an integer register, floats by their bits.
    pub(super) fn moved(&mut self, inst: &InstData) {
        let ty = bits(self.body.ty(VReg(inst.dst)));
        if inst.op == Op::Const {
            let bits = self.body.constant(inst);
            let value = match inst.ty {
                Type::I32 => i64::from(bits as i32),
                Type::F32 => i64::from(bits as u32),
                _ => bits as i64,
            };
            self.line(format_args!("movi_l %r0, {value}"));
        } else {
            let from = if self.body.ty(VReg(inst.a)).bytes() == 4 { "ui" } else { "l" };
            self.line(format_args!("ldxi_{from} %r0, %fp, $v{}", inst.a));
        }
        self.line(format_args!("stxi_{ty} $v{}, %fp, %r0", inst.dst));
    }

    pub(super) fn compare(&mut self, inst: &InstData) {
        let (stem, is_signed) = condition(inst.cond());
        self.get("%r0", VReg(inst.a));
        self.operand(inst, inst.b, "%r1");
        self.line(format_args!("{stem}r_{} %r0, %r0, %r1", suffix(inst.ty, is_signed)));
        self.put(VReg(inst.dst), "%r0");
    }

    /// Whether the operands have a one bit in common, or none.
    pub(super) fn common_bits(&mut self, inst: &InstData) {
        let ty = suffix(inst.ty, true);
        let stem = if inst.cond() == kiln_ir::Cond::Any { "ne" } else { "eq" };
        self.get("%r0", VReg(inst.a));
        self.operand(inst, inst.b, "%r1");
        self.line(format_args!("andr_{} %r0, %r0, %r1", if ty == "i" { "i" } else { "l" }));
        self.line(format_args!("{stem}i_{ty} %r0, %r0, 0"));
        self.put(VReg(inst.dst), "%r0");
    }

    pub(super) fn select(&mut self, inst: &InstData) {
        let (then, or) = (self.body.tail(inst)[0], self.body.tail(inst)[1]);
        let register = if inst.ty.is_float() { "%fpr0" } else { "%r0" };
        self.get("%r1", VReg(inst.a));
        self.get(register, VReg(or));
        let site = self.skip("beqi_i", ", %r1, 0");
        self.get(register, VReg(then));
        self.patch(site);
        self.put(VReg(inst.dst), register);
    }

    pub(super) fn product(&mut self, inst: &InstData) {
        let (b, high) = (self.body.tail(inst)[0], self.body.tail(inst)[1]);
        let ty = suffix(inst.ty, inst.op == Op::SmulWide);
        self.get("%r0", VReg(inst.a));
        self.operand(inst, b, "%r1");
        self.line(format_args!("hmulr_{ty} %r2, %r0, %r1"));
        self.line(format_args!("mulr_{ty} %r0, %r0, %r1"));
        self.put(VReg(inst.dst), "%r0");
        self.put(VReg(high), "%r2");
    }

    /// 0 minus the carry sets it if it is not 0, and 0 plus 0 gets it back. Only these stand between.
    pub(super) fn carried(&mut self, inst: &InstData) {
        let tail = self.body.tail(inst);
        let (b, carry_in, carry_out) = (tail[0], tail[1], tail[2]);
        let stem = if inst.op == Op::AddCarry { "addxr" } else { "subxr" };
        self.get("%r0", VReg(inst.a));
        self.operand(inst, b, "%r1");
        self.get("%r2", VReg(carry_in));
        self.line("movi_i %v0, 0");
        self.line("movi_i %v1, 0");
        self.line("subcr_ui %v0, %v0, %r2");
        self.line(format_args!("{stem}_{} %r0, %r0, %r1", suffix(inst.ty, true)));
        self.line("addxi_i %v1, %v1, 0");
        self.put(VReg(inst.dst), "%r0");
        self.put(VReg(carry_out), "%v1");
    }

    /// By -1 rasm's remainder traps where the quotient overflows, and this one is always 0.
    pub(super) fn remainder(&mut self, inst: &InstData) {
        let ty = suffix(inst.ty, true);
        self.get("%r0", VReg(inst.a));
        self.operand(inst, inst.b, "%r1");
        self.line("movi_l %r2, 0");
        let site = self.skip(format_args!("beqi_{ty}"), ", %r1, -1");
        self.line(format_args!("modr_{ty} %r2, %r0, %r1"));
        self.patch(site);
        self.put(VReg(inst.dst), "%r2");
    }

    pub(super) fn extreme(&mut self, inst: &InstData) {
        let ty = suffix(inst.ty, matches!(inst.op, Op::Smin | Op::Smax));
        let stem = if matches!(inst.op, Op::Smin | Op::Umin) { "bler" } else { "bger" };
        self.get("%r0", VReg(inst.a));
        self.operand(inst, inst.b, "%r1");
        let site = self.skip(format_args!("{stem}_{ty}"), ", %r0, %r1");
        self.line("movr_l %r0, %r1");
        self.patch(site);
        self.put(VReg(inst.dst), "%r0");
    }

    /// Counts are taken modulo the width, by rasm's shifts as well.
    pub(super) fn rotated(&mut self, inst: &InstData) {
        let ty = suffix(inst.ty, false);
        let (there, back) = if inst.op == Op::Rotl { ("lshr", "rshr") } else { ("rshr", "lshr") };
        self.get("%r0", VReg(inst.a));
        self.operand(inst, inst.b, "%r1");
        self.line(format_args!("{there}_{ty} %r2, %r0, %r1"));
        self.line("negr_l %r1, %r1");
        self.line(format_args!("{back}_{ty} %r0, %r0, %r1"));
        self.line(format_args!("orr_{ty} %r0, %r0, %r2"));
        self.put(VReg(inst.dst), "%r0");
    }

    pub(super) fn absolute(&mut self, inst: &InstData) {
        let ty = suffix(inst.ty, true);
        self.get("%r0", VReg(inst.a));
        let site = self.skip(format_args!("bgei_{ty}"), ", %r0, 0");
        self.line(format_args!("negr_{ty} %r0, %r0"));
        self.patch(site);
        self.put(VReg(inst.dst), "%r0");
    }

    /// rasm swaps 32 bits: the halves of 64 change their places as well.
    pub(super) fn swapped(&mut self, inst: &InstData) {
        self.get("%r0", VReg(inst.a));
        if inst.ty == Type::I64 {
            self.line("hton_ui %r1, %r0");
            self.line("lshi_l %r1, %r1, 32");
            self.line("rshi_ul %r0, %r0, 32");
        }
        self.line("hton_ui %r0, %r0");
        if inst.ty == Type::I64 {
            self.line("orr_l %r0, %r0, %r1");
        }
        self.put(VReg(inst.dst), "%r0");
    }

    /// Routines of 64 bits; those of 32 are brought to their place before or behind.
    pub(super) fn counted(&mut self, inst: &InstData) {
        let narrow = inst.ty == Type::I32;
        self.get("%r0", VReg(inst.a));
        if narrow {
            self.line("extr_ui_l %r0, %r0");
        }
        let (name, behind) = match inst.op {
            Op::Clz => ("ir_clz", "subi_l %r0, %r0, 32"),
            Op::Ctz => {
                if narrow {
                    self.line("ori_l %r0, %r0, 0x100000000");
                }
                ("ir_ctz", "")
            }
            Op::Popcnt => ("ir_popcnt", ""),
            _ => ("ir_bitrev", "rshi_ul %r0, %r0, 32"),
        };
        self.routine(name, &["%r0"]);
        if narrow && !behind.is_empty() {
            self.line(behind);
        }
        self.put(VReg(inst.dst), "%r0");
    }

    /// Shifts a bit-field to the top and down again.
    pub(super) fn extracted(&mut self, inst: &InstData) {
        let (bit, width) = field(inst.b);
        let all = 8 * inst.ty.bytes();
        let ty = suffix(inst.ty, inst.op == Op::Sbits);
        self.get("%r0", VReg(inst.a));
        self.line(format_args!("lshi_{ty} %r0, %r0, {}", all - bit - width));
        self.line(format_args!("rshi_{ty} %r0, %r0, {}", all - width));
        self.put(VReg(inst.dst), "%r0");
    }

    pub(super) fn inserted(&mut self, inst: &InstData) {
        let (from, place) = (self.body.tail(inst)[0], self.body.tail(inst)[1]);
        let (bit, width) = field(place);
        let mask = ((u64::MAX >> (64 - width)) << bit) as i64;
        self.get("%r0", VReg(inst.a));
        self.get("%r1", VReg(from));
        self.line(format_args!("lshi_l %r1, %r1, {bit}"));
        self.line(format_args!("andi_l %r1, %r1, {mask}"));
        self.line(format_args!("andi_l %r0, %r0, {}", !mask));
        self.line("orr_l %r0, %r0, %r1");
        self.put(VReg(inst.dst), "%r0");
    }
}

/// Bit and width of a bit-field.
fn field(word: u32) -> (u32, u32) {
    (word & 0xff, word >> 8 & 0xff)
}
