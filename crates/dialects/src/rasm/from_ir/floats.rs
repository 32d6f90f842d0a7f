//! Floats: what rasm has no instruction for.

use super::words::{bits, suffix};
use super::writer::Writer;
use kiln_ir::{InstData, Op, Type, VReg};

impl Writer<'_, '_> {
    /// Loads the bits of a float.
    fn get_bits(&mut self, register: &str, v: VReg) {
        let ty = bits(self.body.ty(v));
        self.line(format_args!("ldxi_{ty} {register}, %fp, $v{}", v.0));
    }

    fn put_bits(&mut self, v: VReg, register: &str) {
        let ty = bits(self.body.ty(v));
        self.line(format_args!("stxi_{ty} $v{}, %fp, {register}", v.0));
    }

    /// Loads a float as a double in `%fpr0`.
    fn get_double(&mut self, v: VReg) {
        self.get("%fpr0", v);
        if self.body.ty(v) == Type::F32 {
            self.line("extr_f_d %fpr0, %fpr0");
        }
    }

    /// Stores the double whose bits are in `%r0`, as a float if the place is one.
    fn put_double(&mut self, v: VReg) {
        if self.body.ty(v) == Type::F64 {
            return self.put_bits(v, "%r0");
        }
        self.line(format_args!("stxi_l $v{}, %fp, %r0", v.0));
        self.line(format_args!("ldxi_d %fpr0, %fp, $v{}", v.0));
        self.line("extr_d_f %fpr0, %fpr0");
        self.put(v, "%fpr0");
    }

    pub(super) fn sign(&mut self, inst: &InstData) {
        let sign = if inst.ty == Type::F32 { 1i64 << 31 } else { i64::MIN };
        self.get_bits("%r0", VReg(inst.a));
        self.line(format_args!("andi_l %r0, %r0, {}", !sign));
        if inst.op == Op::Fcopysign {
            self.get_bits("%r1", VReg(inst.b));
            self.line(format_args!("andi_l %r1, %r1, {sign}"));
            self.line("orr_l %r0, %r0, %r1");
        }
        self.put_bits(VReg(inst.dst), "%r0");
    }

    /// Equal operands differ in the sign of 0 at most, which the bits of both decide.
    pub(super) fn float_extreme(&mut self, inst: &InstData) {
        let (ty, a, b) = (suffix(inst.ty, true), VReg(inst.a), VReg(inst.b));
        let least = matches!(inst.op, Op::Fmin | Op::FminNum);
        let stem = if least { "bltr" } else { "bgtr" };
        self.get("%fpr0", a);
        self.get("%fpr1", b);
        let first = self.skip(format_args!("{stem}_{ty}"), ", %fpr0, %fpr1");
        let second = self.skip(format_args!("{stem}_{ty}"), ", %fpr1, %fpr0");
        let equal = self.skip(format_args!("beqr_{ty}"), ", %fpr0, %fpr1");
        let (mut firsts, mut seconds) = (vec![first], vec![second]);
        if matches!(inst.op, Op::Fmin | Op::Fmax) {
            self.line(format_args!("addr_{ty} %fpr0, %fpr0, %fpr1"));
        } else {
            seconds.push(self.skip(format_args!("bunordr_{ty}"), ", %fpr0, %fpr0"));
        }
        firsts.push(self.skip("jmpi", ""));
        self.patch(equal);
        self.get_bits("%r0", a);
        self.get_bits("%r1", b);
        self.line(format_args!("{} %r0, %r0, %r1", if least { "orr_l" } else { "andr_l" }));
        self.put_bits(VReg(inst.dst), "%r0");
        let done = self.skip("jmpi", "");
        seconds.into_iter().for_each(|site| self.patch(site));
        self.line(format_args!("movr_{ty} %fpr0, %fpr1"));
        firsts.into_iter().for_each(|site| self.patch(site));
        self.put(VReg(inst.dst), "%fpr0");
        self.patch(done);
    }

    /// To an integer and back; the routine knows which values are whole already.
    pub(super) fn rounded(&mut self, inst: &InstData) {
        let stem = match inst.op {
            Op::Ffloor => "floorr",
            Op::Fceil => "ceilr",
            Op::Ftrunc => "truncr",
            _ => "roundr",
        };
        self.get_double(VReg(inst.a));
        self.line(format_args!("{stem}_d_l %r1, %fpr0"));
        // The place of the result has room for the bits that are passed.
        self.line(format_args!("stxi_d $v{}, %fp, %fpr0", inst.dst));
        self.line(format_args!("ldxi_l %r0, %fp, $v{}", inst.dst));
        self.routine("ir_whole", &["%r0", "%r1"]);
        self.put_double(VReg(inst.dst));
    }

    /// rasm converts signed integers of 32 bits. Others are taken apart; on the way to a float the bits that a double has no
    /// room for become one, so that nothing is rounded twice.
    pub(super) fn integer_to_float(&mut self, inst: &InstData) {
        let narrow = self.body.ty(VReg(inst.a)) == Type::I32;
        let signed = inst.op == Op::SitoF;
        self.get("%r0", VReg(inst.a));
        if narrow && signed {
            self.line(format_args!("extr_i_{} %fpr0, %r0", suffix(inst.ty, true)));
            return self.put(VReg(inst.dst), "%fpr0");
        }
        if narrow {
            self.line("extr_ui_l %r0, %r0");
        }
        let shift = if signed { "rshi_l" } else { "rshi_ul" };
        self.line(format_args!("{shift} %v1, %r0, 32"));
        if inst.ty == Type::F32 && !narrow {
            self.routine("ir_odd", &["%v1", "%r0"]);
        }
        self.routine("ir_double", &["%v1", "%r0"]);
        self.put_double(VReg(inst.dst));
    }

    pub(super) fn saturated(&mut self, inst: &InstData) {
        let signed = inst.op == Op::FtoSiSat;
        let (least, most, below, above): (i64, i64, &str, &str) = match (inst.ty, signed) {
            (Type::I32, true) => (i32::MIN.into(), i32::MAX.into(), "-2147483648.0", "2147483648.0"),
            (Type::I32, false) => (0, u32::MAX.into(), "0.0", "4294967296.0"),
            (_, true) => (i64::MIN, i64::MAX, "-9223372036854775808.0", "9223372036854775808.0"),
            (_, false) => (0, -1, "0.0", "18446744073709551616.0"),
        };
        self.get_double(VReg(inst.a));
        let mut done = vec![];
        self.line("movi_l %r0, 0");
        done.push(self.skip("bunordr_d", ", %fpr0, %fpr0"));
        self.line(format_args!("movi_d %fpr1, {below}"));
        self.line(format_args!("movi_l %r0, {least}"));
        done.push(self.skip("bltr_d", ", %fpr0, %fpr1"));
        self.line(format_args!("movi_d %fpr1, {above}"));
        self.line(format_args!("movi_l %r0, {most}"));
        done.push(self.skip("bger_d", ", %fpr0, %fpr1"));
        self.line("truncr_d_l %r0, %fpr0");
        if inst.ty == Type::I64 && !signed {
            // The upper half of the range is converted less 2^63.
            self.line("movi_d %fpr1, 9223372036854775808.0");
            done.push(self.skip("bltr_d", ", %fpr0, %fpr1"));
            self.line("subr_d %fpr0, %fpr0, %fpr1");
            self.line("truncr_d_l %r0, %fpr0");
            self.line("xori_l %r0, %r0, -9223372036854775808");
        }
        done.into_iter().for_each(|site| self.patch(site));
        self.put(VReg(inst.dst), "%r0");
    }
}
