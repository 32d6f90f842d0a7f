//! Packing fields: from an opcode row and operands to bytes (Intel SDM volume 2, chapter 2).
//!
//! An instruction's head (prefixes, opcode, ModRM, SIB) is put together in one integer and written with one store,
//! its displacement and immediate with another each.

use super::insts::{Alu, Cc, Opcode, Shift, Sse};
use super::regs::RSP;
use crate::regs::Reg;
use crate::target::Assembler;

use crate::buffer::Buffer;

/// A memory operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Amode {
    /// The base register.
    pub base: Base,
    /// The index register, never `rsp`; [`Reg::NONE`] for none.
    pub index: Reg,
    /// Base-2 logarithm of the index's factor, 0 to 3.
    pub shift: u8,
    /// The displacement. For [`Base::Rip`] it counts from the end of the instruction once relocated.
    pub disp: i32,
}

/// What a memory operand starts from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// A general register.
    Reg(Reg),
    /// The end of the instruction: the 32-bit field is filled in by a relocation or as a constant's place, and
    /// until then holds the number of bytes of the instruction behind it.
    Rip,
    /// The stack pointer plus the final size of the frame.
    Frame,
    /// Nothing: the index alone.
    None,
}

impl Amode {
    /// `[base + disp]`.
    pub const fn base(base: Reg, disp: i32) -> Amode {
        Amode { base: Base::Reg(base), index: Reg::NONE, shift: 0, disp }
    }

    /// `[rsp + disp]`.
    pub const fn stack(disp: i32) -> Amode {
        Amode::base(RSP, disp)
    }

    /// A place found relative to the code.
    pub const RIP: Amode = Amode { base: Base::Rip, index: Reg::NONE, shift: 0, disp: 0 };
}

/// Whether a 32-bit value fits a sign-extended byte.
#[inline]
pub const fn fits8(value: i32) -> bool {
    value == value as i8 as i32
}

/// The register or memory operand of ModRM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rm {
    /// A register.
    Reg(Reg),
    /// Memory.
    Mem(Amode),
}

impl From<Reg> for Rm {
    #[inline]
    fn from(reg: Reg) -> Rm {
        Rm::Reg(reg)
    }
}

impl From<Amode> for Rm {
    #[inline]
    fn from(mem: Amode) -> Rm {
        Rm::Mem(mem)
    }
}

/// Writes instructions to a buffer. `wide` is REX.W: 64-bit operands.
#[derive(Debug)]
pub struct Asm<'c> {
    /// Where they go.
    pub buf: Buffer<'c>,
    /// Where the last position-relative field was written.
    pub rip_field: u32,
    /// Whose flags are set and until which offset of the next instruction: see [`Asm::flags_tell_of`].
    flags: u64,
}

impl<'c> Assembler<'c> for Asm<'c> {
    fn new(buf: Buffer<'c>) -> Asm<'c> {
        Asm { buf, rip_field: 0, flags: u64::MAX }
    }

    #[inline]
    fn buffer(&mut self) -> &mut Buffer<'c> {
        &mut self.buf
    }

    fn into_buffer(self) -> Buffer<'c> {
        self.buf
    }
}

/// NOP of 1 to 8 bytes, from the front (Intel SDM volume 2, NOP: recommended sequences).
const NOPS: [&[u8]; 8] = [
    &[0x90],
    &[0x66, 0x90],
    &[0x0f, 0x1f, 0x00],
    &[0x0f, 0x1f, 0x40, 0x00],
    &[0x0f, 0x1f, 0x44, 0x00, 0x00],
    &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
    &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
    &[0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];

impl Asm<'_> {
    /// Instructions of so many bytes that do nothing, as few as can be: each takes up to three prefixes more, which all
    /// decoders take at full speed.
    pub fn pad(&mut self, mut bytes: usize) {
        while bytes > 0 {
            let nop = NOPS[bytes.min(NOPS.len()) - 1];
            let prefixes = (bytes - nop.len()).min(3);
            self.raw(&[0x66; 3][..prefixes]);
            self.raw(nop);
            bytes -= prefixes + nop.len();
        }
    }

    /// Prefixes and opcode: the bits and their number.
    #[inline(always)]
    fn head(op: Opcode, wide: bool, reg: u32, index: u32, base: u32, byte_regs: bool) -> (u64, u32) {
        let (mut bits, mut len) = (0u64, 0u32);
        if op.prefix != 0 {
            bits = op.prefix as u64;
            len = 8;
        }
        let rex = 0x40 | (wide as u32) << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3;
        if rex != 0x40 || byte_regs {
            bits |= (rex as u64) << len;
            len += 8;
        }
        match op.map {
            0 => {}
            1 => {
                bits |= 0x0f << len;
                len += 8;
            }
            map => {
                bits |= (if map == 2 { 0x380f } else { 0x3a0f }) << len;
                len += 16;
            }
        }
        bits |= (op.byte as u64) << len;
        (bits, len + 8)
    }

    /// op reg, rm with both in registers.
    #[inline(always)]
    pub fn rr(&mut self, op: Opcode, wide: bool, reg: u32, rm: Reg) {
        self.rr_bytes(op, wide, reg, rm, false);
    }

    #[inline(always)]
    fn rr_bytes(&mut self, op: Opcode, wide: bool, reg: u32, rm: Reg, byte_regs: bool) {
        let (bits, len) = Self::head(op, wide, reg, 0, rm.number(), byte_regs);
        let modrm = 0xc0 | (reg & 7) << 3 | rm.number() & 7;
        self.buf.put(bits | (modrm as u64) << len, (len as usize >> 3) + 1);
    }

    /// op reg, [mem]; `behind` is the number of immediate bytes that follow.
    #[inline(always)]
    pub fn rm(&mut self, op: Opcode, wide: bool, reg: u32, mem: Amode, behind: u32) {
        self.rm_bytes(op, wide, reg, mem, behind, false);
    }

    #[inline(always)]
    fn rm_bytes(&mut self, op: Opcode, wide: bool, reg: u32, mem: Amode, behind: u32, byte_regs: bool) {
        let reg_field = (reg & 7) << 3;
        if let (Base::Reg(base), Reg::NONE) = (mem.base, mem.index) {
            let (bits, len) = Self::head(op, wide, reg, 0, base.number(), byte_regs);
            let low = base.number() & 7;
            let (mode, disp_len) = match mem.disp {
                0 if low != 5 => (0, 0),
                d if fits8(d) => (0x40, 1),
                _ => (0x80, 4),
            };
            if low == 4 {
                let modrm = (mode | reg_field | 4) as u64 | 0x2400;
                self.buf.put(bits | modrm << len, (len as usize >> 3) + 2);
            } else {
                self.buf.put(bits | ((mode | reg_field | low) as u64) << len, (len as usize >> 3) + 1);
            }
            self.buf.put(mem.disp as u32 as u64, disp_len);
            return;
        }
        self.rm_indexed(op, wide, reg, mem, behind, byte_regs);
    }

    fn rm_indexed(&mut self, op: Opcode, wide: bool, reg: u32, mem: Amode, behind: u32, byte_regs: bool) {
        let reg_field = (reg & 7) << 3;
        let index = if mem.index == Reg::NONE { 4 } else { mem.index.number() };
        let sib = |base: u32| ((mem.shift as u32) << 6 | (index & 7) << 3 | base & 7) as u64;
        match mem.base {
            Base::Rip => {
                let (bits, len) = Self::head(op, wide, reg, 0, 0, byte_regs);
                self.buf.put(bits | ((reg_field | 5) as u64) << len, (len as usize >> 3) + 1);
                self.rip_field = self.buf.offset();
                self.buf.put(behind as u64, 4);
            }
            Base::None => {
                let (bits, len) = Self::head(op, wide, reg, index, 0, byte_regs);
                let modrm = (reg_field | 4) as u64 | sib(5) << 8;
                self.buf.put(bits | modrm << len, (len as usize >> 3) + 2);
                self.buf.put(mem.disp as u32 as u64, 4);
            }
            Base::Frame => {
                let (bits, len) = Self::head(op, wide, reg, index, 4, byte_regs);
                let modrm = (0x80 | reg_field | 4) as u64 | sib(4) << 8;
                self.buf.put(bits | modrm << len, (len as usize >> 3) + 2);
                let at = self.buf.offset();
                self.buf.frame_field(at, 1);
                self.buf.put(mem.disp as u32 as u64, 4);
            }
            Base::Reg(base) => {
                let (bits, len) = Self::head(op, wide, reg, index, base.number(), byte_regs);
                let (mode, disp_len) = match mem.disp {
                    0 if base.number() & 7 != 5 => (0, 0),
                    d if fits8(d) => (0x40, 1),
                    _ => (0x80, 4),
                };
                let modrm = (mode | reg_field | 4) as u64 | sib(base.number()) << 8;
                self.buf.put(bits | modrm << len, (len as usize >> 3) + 2);
                self.buf.put(mem.disp as u32 as u64, disp_len);
            }
        }
    }

    /// op reg, rm.
    #[inline(always)]
    pub fn op(&mut self, op: Opcode, wide: bool, reg: Reg, rm: impl Into<Rm>) {
        match rm.into() {
            Rm::Reg(rm) => self.rr(op, wide, reg.number(), rm),
            Rm::Mem(mem) => self.rm(op, wide, reg.number(), mem, 0),
        }
    }

    /// op reg8, rm8, where the byte register may be any of the sixteen. `reg_is_byte` says whether `reg` is one.
    pub fn op8(&mut self, op: Opcode, wide: bool, reg: Reg, rm: impl Into<Rm>, reg_is_byte: bool) {
        let reg_needs = reg_is_byte && (4..8).contains(&reg.0);
        match rm.into() {
            Rm::Reg(rm) => {
                let needs = reg_needs || (4..8).contains(&rm.0);
                self.rr_bytes(op, wide, reg.number(), rm, needs);
            }
            Rm::Mem(mem) => self.rm_bytes(op, wide, reg.number(), mem, 0, reg_needs),
        }
    }

    /// op /n rm.
    #[inline]
    pub fn group(&mut self, op: Opcode, wide: bool, n: u8, rm: impl Into<Rm>) {
        match rm.into() {
            Rm::Reg(rm) => self.rr(op, wide, n as u32, rm),
            Rm::Mem(mem) => self.rm(op, wide, n as u32, mem, 0),
        }
    }

    /// alu reg, rm.
    #[inline]
    pub fn alu(&mut self, alu: Alu, wide: bool, reg: Reg, rm: impl Into<Rm>) {
        self.op(Opcode { prefix: 0, map: 0, byte: (alu as u8) << 3 | 3 }, wide, reg, rm);
    }

    /// alu rm, imm.
    #[inline]
    pub fn alu_imm(&mut self, alu: Alu, wide: bool, rm: impl Into<Rm>, imm: i32) {
        let (byte, len) = if fits8(imm) { (0x83, 1) } else { (0x81, 4) };
        let op = Opcode { prefix: 0, map: 0, byte };
        match rm.into() {
            Rm::Reg(rm) => self.rr(op, wide, alu as u32, rm),
            Rm::Mem(mem) => self.rm(op, wide, alu as u32, mem, len as u32),
        }
        self.buf.put(imm as u32 as u64, len);
    }

    /// Says that the instruction just written set the zero and sign flags by what it left in a register.
    #[inline]
    pub fn flags_are_of(&mut self, wide: bool, reg: Reg) {
        self.flags = (self.buf.offset() as u64) << 16 | (reg.0 as u64) << 1 | wide as u64;
    }

    /// Whether zero and sign flag are those of a register: its writer stands just before, and nothing jumps between.
    #[inline]
    pub fn flags_tell_of(&self, wide: bool, reg: Reg) -> bool {
        self.flags == (self.buf.offset() as u64) << 16 | (reg.0 as u64) << 1 | wide as u64
            && !self.buf.is_placed_here()
    }

    /// test rm, imm.
    pub fn test_imm(&mut self, wide: bool, rm: Reg, imm: i32) {
        // Without its upper bits the constant is shorter; the sign flag is not looked at.
        if (0..128).contains(&imm) {
            let needs = (4..8).contains(&rm.0);
            self.rr_bytes(super::insts::TEST_RM8_IMM8, false, 0, rm, needs);
            self.buf.put(imm as u64, 1);
            return;
        }
        self.rr(super::insts::TEST_RM_IMM, wide && imm < 0, 0, rm);
        self.buf.put(imm as u32 as u64, 4);
    }

    /// mov dst, src between registers of one class; nothing if they are the same.
    #[inline]
    pub fn mov(&mut self, wide: bool, dst: Reg, src: Reg) {
        if dst == src {
            return;
        }
        if dst.is_vector() {
            self.rr(super::insts::MOVAPS, false, dst.number(), src);
        } else {
            self.rr(super::insts::MOV_R_RM, wide, dst.number(), src);
        }
    }

    /// The shortest way to put a constant in a general register; changes no flags.
    #[inline]
    pub fn mov_imm(&mut self, dst: Reg, value: u64) {
        let n = dst.number();
        if value <= u32::MAX as u64 {
            let rex = n >> 3;
            if rex != 0 {
                self.buf.put(0x41 | (0xb8 | n as u64 & 7) << 8 | value << 16, 6);
            } else {
                self.buf.put((0xb8 | n as u64) | value << 8, 5);
            }
        } else if value as i64 == value as i32 as i64 {
            self.rr(super::insts::MOV_RM_IMM, true, 0, dst);
            self.buf.put(value & 0xffff_ffff, 4);
        } else {
            self.buf.put((0x48 | n as u64 >> 3) | (0xb8 | n as u64 & 7) << 8, 2);
            self.buf.put(value, 8);
        }
    }

    /// Shift or rotate by a constant, 1 to 63.
    pub fn shift_imm(&mut self, shift: Shift, wide: bool, rm: Reg, count: u8) {
        if count == 1 && shift == Shift::Shl {
            // More units of the processor can add.
            self.alu(Alu::Add, wide, rm, rm);
        } else if count == 1 {
            self.rr(super::insts::SHIFT_1, wide, shift as u32, rm);
        } else {
            self.rr(super::insts::SHIFT_IMM, wide, shift as u32, rm);
            self.buf.put(count as u64, 1);
        }
    }

    /// Scalar float operation.
    #[inline]
    pub fn sse(&mut self, op: Sse, double: bool, reg: Reg, rm: impl Into<Rm>) {
        let prefix = if double { 0xf2 } else { 0xf3 };
        self.op(Opcode { prefix, map: 1, byte: op as u8 }, false, reg, rm);
    }

    /// setcc reg8.
    pub fn setcc(&mut self, cc: Cc, reg: Reg) {
        let byte = super::insts::SETCC.byte + cc as u8;
        self.rr_bytes(Opcode { prefix: 0, map: 1, byte }, false, 0, reg, (4..8).contains(&reg.0));
    }

    /// cmovcc reg, rm.
    pub fn cmovcc(&mut self, cc: Cc, wide: bool, reg: Reg, rm: impl Into<Rm>) {
        let byte = super::insts::CMOVCC.byte + cc as u8;
        self.op(Opcode { prefix: 0, map: 1, byte }, wide, reg, rm);
    }

    /// Jumps over the next few bytes if the condition holds; [`Self::land`] says where to.
    pub fn skip_if(&mut self, cc: Cc) -> u32 {
        self.buf.put(0x70 | cc as u64, 2);
        self.buf.offset()
    }

    /// Jumps over the next few bytes.
    pub fn skip(&mut self) -> u32 {
        self.buf.put(0xeb, 2);
        self.buf.offset()
    }

    /// The place that a skip goes to, at most 127 bytes behind it.
    pub fn land(&mut self, skip: u32) {
        let distance = self.buf.offset() - skip;
        debug_assert!(distance < 128, "short jump out of reach");
        self.buf.patch8(skip - 1, distance as u8);
    }

    /// Jumps over any number of bytes if the condition holds; [`Self::land_far`] says where to.
    pub fn skip_if_far(&mut self, cc: Cc) -> u32 {
        self.buf.put(0x800f | (cc as u64) << 8, 6);
        self.buf.offset()
    }

    /// Jumps over any number of bytes.
    pub fn skip_far(&mut self) -> u32 {
        self.buf.put(0xe9, 5);
        self.buf.offset()
    }

    /// The place that a far skip goes to.
    pub fn land_far(&mut self, skip: u32) {
        let distance = self.buf.offset() - skip;
        self.buf.patch32(skip - 4, distance);
    }

    /// Jumps back to an offset if the condition holds, at most 126 bytes.
    pub fn jump_back(&mut self, cc: Cc, to: u32) {
        let distance = to.wrapping_sub(self.buf.offset() + 2);
        debug_assert!(fits8(distance as i32), "short jump out of reach");
        self.buf.put(0x70 | cc as u64 | (distance as u8 as u64) << 8, 2);
    }

    /// jcc block.
    #[inline]
    pub fn jcc(&mut self, cc: Cc, block: kiln_ir::Block) {
        if let Some(at) = self.buf.placed(block) {
            let distance = at.wrapping_sub(self.buf.offset() + 2) as i32;
            if fits8(distance) {
                self.buf.put(0x70 | cc as u64 | (distance as u8 as u64) << 8, 2);
            } else {
                self.buf.put(0x800f | (cc as u64) << 8 | (distance.wrapping_sub(4) as u32 as u64) << 16, 6);
            }
        } else {
            self.buf.put(0x800f | (cc as u64) << 8, 6);
            let end = self.buf.offset();
            self.buf.refer(end - 4, end, block);
        }
    }

    /// jcc to a stub that is written later; gives where the distance stands.
    #[inline]
    pub fn jcc_stub(&mut self, cc: Cc) -> u32 {
        self.buf.put(0x800f | (cc as u64) << 8, 6);
        self.buf.offset() - 4
    }

    /// jmp block.
    #[inline]
    pub fn jmp(&mut self, block: kiln_ir::Block) {
        if let Some(at) = self.buf.placed(block) {
            let distance = at.wrapping_sub(self.buf.offset() + 2) as i32;
            if fits8(distance) {
                self.buf.put(0xeb | (distance as u8 as u64) << 8, 2);
            } else {
                self.buf.put(0xe9 | (distance.wrapping_sub(3) as u32 as u64) << 8, 5);
            }
        } else {
            self.buf.put(0xe9, 5);
            let end = self.buf.offset();
            self.buf.refer(end - 4, end, block);
        }
    }

    /// push reg.
    pub fn push(&mut self, reg: Reg) {
        let n = reg.number() as u64;
        if n < 8 { self.buf.put(0x50 | n, 1) } else { self.buf.put(0x41 | (0x50 | n & 7) << 8, 2) }
    }

    /// pop reg.
    pub fn pop(&mut self, reg: Reg) {
        let n = reg.number() as u64;
        if n < 8 { self.buf.put(0x58 | n, 1) } else { self.buf.put(0x41 | (0x58 | n & 7) << 8, 2) }
    }

    /// Bytes that need no operands, up to 8.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        let mut bits = [0; 8];
        bits[..bytes.len()].copy_from_slice(bytes);
        self.buf.put(u64::from_le_bytes(bits), bytes.len());
    }

    /// roundss/roundsd with a mode: 8 nearest even, 9 down, 10 up, 11 toward zero; none raises the inexact flag.
    pub fn round(&mut self, double: bool, reg: Reg, rm: Reg, mode: u8) {
        let byte = if double { 0x0b } else { 0x0a };
        self.rr(Opcode { prefix: 0x66, map: 3, byte }, false, reg.number(), rm);
        self.buf.put(mode as u64, 1);
    }

    /// cvtsi2ss/cvtsi2sd.
    pub fn int_to_float(&mut self, double: bool, wide: bool, reg: Reg, rm: impl Into<Rm>) {
        let prefix = if double { 0xf2 } else { 0xf3 };
        self.op(Opcode { prefix, map: 1, byte: 0x2a }, wide, reg, rm);
    }

    /// cvttss2si/cvttsd2si.
    pub fn float_to_int(&mut self, double: bool, wide: bool, reg: Reg, rm: Reg) {
        let prefix = if double { 0xf2 } else { 0xf3 };
        self.rr(Opcode { prefix, map: 1, byte: 0x2c }, wide, reg.number(), rm);
    }

    /// op reg, second, rm, of those with a VEX prefix, operands in registers; `wide` is VEX.W.
    pub fn vex(&mut self, op: Opcode, wide: bool, reg: u32, second: Reg, rm: Reg) {
        let (b, second) = (rm.number() as u64, second.number() as u64);
        let reg = reg as u64;
        let prefix = match op.prefix {
            0x66 => 1,
            0xf3 => 2,
            0xf2 => 3,
            _ => 0,
        };
        let extend = op.map as u64 | (!reg >> 3 & 1) << 7 | 1 << 6 | (!b >> 3 & 1) << 5;
        let rest = prefix | (wide as u64) << 7 | (!second & 15) << 3;
        let modrm = 0xc0 | (reg & 7) << 3 | b & 7;
        self.buf.put(0xc4 | extend << 8 | rest << 16 | (op.byte as u64) << 24 | modrm << 32, 5);
    }

    /// vfmadd231 and its relatives (VEX.LIG.66.0F38): `dst = ±(a * b) ± dst`.
    pub fn fma231(&mut self, byte: u8, double: bool, dst: Reg, a: Reg, b: Reg) {
        self.vex(Opcode { prefix: 0x66, map: 2, byte }, double, dst.number(), a, b);
    }

    /// rorx reg, rm, count.
    pub fn rorx(&mut self, wide: bool, reg: Reg, rm: Reg, count: u8) {
        // Without a second operand its field must hold ones.
        self.vex(super::insts::RORX, wide, reg.number(), Reg(0), rm);
        self.buf.put(count as u64, 1);
    }
}
