//! Instructions, a row each in the manual's notation (Intel SDM volume 2, or AMD APM volume 3).

/// An opcode with its mandatory prefix and its map.
#[derive(Clone, Copy)]
pub struct Opcode {
    /// 0x66, 0xf2, 0xf3 or none (0).
    pub prefix: u8,
    /// 0: one byte; 1: 0f; 2: 0f 38; 3: 0f 3a.
    pub map: u8,
    /// The opcode byte.
    pub byte: u8,
}

macro_rules! opcode {
    (0x66 0x0f 0x38 $b:literal) => {
        Opcode { prefix: 0x66, map: 2, byte: $b }
    };
    (0x66 0x0f 0x3a $b:literal) => {
        Opcode { prefix: 0x66, map: 3, byte: $b }
    };
    (0xf2 0x0f 0x38 $b:literal) => {
        Opcode { prefix: 0xf2, map: 2, byte: $b }
    };
    (0xf2 0x0f 0x3a $b:literal) => {
        Opcode { prefix: 0xf2, map: 3, byte: $b }
    };
    (0x0f 0x38 $b:literal) => {
        Opcode { prefix: 0, map: 2, byte: $b }
    };
    (0xf3 0x0f 0x38 $b:literal) => {
        Opcode { prefix: 0xf3, map: 2, byte: $b }
    };
    (0x66 0x0f $b:literal) => {
        Opcode { prefix: 0x66, map: 1, byte: $b }
    };
    (0xf2 0x0f $b:literal) => {
        Opcode { prefix: 0xf2, map: 1, byte: $b }
    };
    (0xf3 0x0f $b:literal) => {
        Opcode { prefix: 0xf3, map: 1, byte: $b }
    };
    (0x0f $b:literal) => {
        Opcode { prefix: 0, map: 1, byte: $b }
    };
    (0x66 $b:literal) => {
        Opcode { prefix: 0x66, map: 0, byte: $b }
    };
    ($b:literal) => {
        Opcode { prefix: 0, map: 0, byte: $b }
    };
}

macro_rules! insts {
    ($($(#[doc = $doc:literal])* $name:ident = [$($byte:tt)+];)*) => {
        $($(#[doc = $doc])* pub const $name: Opcode = opcode!($($byte)+);)*
    };
}

insts! {
    /// MOV r/m, r
    MOV_RM_R = [0x89];
    /// MOV r, r/m
    MOV_R_RM = [0x8b];
    /// MOV r/m8, r8
    MOV_RM8_R8 = [0x88];
    /// MOV r16, r/m16
    MOV_R16_RM16 = [0x66 0x8b];
    /// MOV r/m16, r16
    MOV_RM16_R16 = [0x66 0x89];
    /// MOV r/m, imm32 (/0)
    MOV_RM_IMM = [0xc7];
    /// MOV r/m8, imm8 (/0)
    MOV_RM8_IMM8 = [0xc6];
    /// MOV r/m16, imm16 (/0)
    MOV_RM16_IMM16 = [0x66 0xc7];
    /// MOVZX r, r/m8
    MOVZX_R_RM8 = [0x0f 0xb6];
    /// MOVZX r, r/m16
    MOVZX_R_RM16 = [0x0f 0xb7];
    /// MOVSX r, r/m8
    MOVSX_R_RM8 = [0x0f 0xbe];
    /// MOVSX r, r/m16
    MOVSX_R_RM16 = [0x0f 0xbf];
    /// MOVSXD r64, r/m32 (REX.W)
    MOVSXD_R_RM32 = [0x63];
    /// LEA r, m
    LEA = [0x8d];
    /// TEST r/m8, r8
    TEST_RM8_R8 = [0x84];
    /// TEST r/m, r
    TEST_RM_R = [0x85];
    /// TEST r/m, imm32 (/0)
    TEST_RM_IMM = [0xf7];
    /// TEST r/m8, imm8 (/0)
    TEST_RM8_IMM8 = [0xf6];
    /// TEST r/m16, imm16 (/0)
    TEST_RM16_IMM16 = [0x66 0xf7];
    /// ADD /0 to CMP /7 r/m8, imm8
    ALU_RM8_IMM8 = [0x80];
    /// the same of 16 bits with a sign-extended byte
    ALU_RM16_IMM8 = [0x66 0x83];
    /// the same of 16 bits with 16
    ALU_RM16_IMM16 = [0x66 0x81];
    /// the same of 32 or 64 bits with a sign-extended byte
    ALU_RM_IMM8 = [0x83];
    /// the same of 32 or 64 bits with 32
    ALU_RM_IMM = [0x81];
    /// NOT /2, NEG /3 r/m8
    GROUP3_8 = [0xf6];
    /// NOT /2, NEG /3 r/m16
    GROUP3_16 = [0x66 0xf7];
    /// IMUL r, r/m
    IMUL_R_RM = [0x0f 0xaf];
    /// IMUL r, r/m, imm8
    IMUL_R_RM_IMM8 = [0x6b];
    /// IMUL r, r/m, imm32
    IMUL_R_RM_IMM = [0x69];
    /// NOT /2, NEG /3, MUL /4, IMUL /5, DIV /6, IDIV /7 r/m
    GROUP3 = [0xf7];
    /// CALL /2, JMP /4 r/m64
    GROUP5 = [0xff];
    /// ROL /0, ROR /1, SHL /4, SHR /5, SAR /7 r/m, imm8
    SHIFT_IMM = [0xc1];
    /// the same by CL
    SHIFT_CL = [0xd3];
    /// the same by 1
    SHIFT_1 = [0xd1];
    /// BSF r, r/m
    BSF = [0x0f 0xbc];
    /// BSR r, r/m
    BSR = [0x0f 0xbd];
    /// LZCNT r, r/m (with the feature)
    LZCNT = [0xf3 0x0f 0xbd];
    /// TZCNT r, r/m (with BMI1)
    TZCNT = [0xf3 0x0f 0xbc];
    /// BT r/m, r
    BT_RM_R = [0x0f 0xa3];
    /// BT /4, BTS /5, BTR /6, BTC /7 r/m, imm8
    BIT_IMM = [0x0f 0xba];
    /// ANDN r, r, r/m (VEX, BMI1): not the first, and the second
    ANDN = [0x0f 0x38 0xf2];
    /// BLSR /1, BLSMSK /2, BLSI /3 r, r/m (VEX, BMI1)
    LOWEST_BIT = [0x0f 0x38 0xf3];
    /// SHLX r, r/m, r (VEX, BMI2): the count is the last
    SHLX = [0x66 0x0f 0x38 0xf7];
    /// SHRX r, r/m, r (VEX, BMI2)
    SHRX = [0xf2 0x0f 0x38 0xf7];
    /// SARX r, r/m, r (VEX, BMI2)
    SARX = [0xf3 0x0f 0x38 0xf7];
    /// RORX r, r/m, imm8 (VEX, BMI2)
    RORX = [0xf2 0x0f 0x3a 0xf0];
    /// MULX r, r, r/m (VEX, BMI2): high half, low half, by RDX
    MULX = [0xf2 0x0f 0x38 0xf6];
    /// POPCNT r, r/m
    POPCNT = [0xf3 0x0f 0xb8];
    /// SETcc r/m8: the row of `o`; the condition is added
    SETCC = [0x0f 0x90];
    /// CMOVcc r, r/m: the row of `o`; the condition is added
    CMOVCC = [0x0f 0x40];
    /// XCHG r/m, r
    XCHG_RM_R = [0x87];
    /// XCHG r/m8, r8
    XCHG_RM8_R8 = [0x86];
    /// XADD r/m, r
    XADD_RM_R = [0x0f 0xc1];
    /// XADD r/m8, r8
    XADD_RM8_R8 = [0x0f 0xc0];
    /// CMPXCHG r/m, r
    CMPXCHG_RM_R = [0x0f 0xb1];
    /// CMPXCHG r/m8, r8
    CMPXCHG_RM8_R8 = [0x0f 0xb0];
    /// PREFETCHT0 m8 (/1)
    PREFETCH = [0x0f 0x18];
    /// MOVNTI m, r
    MOVNTI = [0x0f 0xc3];

    /// MOVSS xmm, xmm/m32
    MOVSS_X_XM = [0xf3 0x0f 0x10];
    /// MOVSD xmm, xmm/m64
    MOVSD_X_XM = [0xf2 0x0f 0x10];
    /// MOVSS xmm/m32, xmm
    MOVSS_XM_X = [0xf3 0x0f 0x11];
    /// MOVSD xmm/m64, xmm
    MOVSD_XM_X = [0xf2 0x0f 0x11];
    /// MOVAPS xmm, xmm/m128
    MOVAPS = [0x0f 0x28];
    /// MOVUPS xmm, xmm/m128
    MOVUPS_X_XM = [0x0f 0x10];
    /// MOVUPS xmm/m128, xmm
    MOVUPS_XM_X = [0x0f 0x11];
    /// FLD m80 (/5), FSTP m80 (/7)
    X87_M80 = [0xdb];
    /// MOVD/MOVQ xmm, r/m
    MOVD_X_RM = [0x66 0x0f 0x6e];
    /// MOVD/MOVQ r/m, xmm
    MOVD_RM_X = [0x66 0x0f 0x7e];
    /// UCOMISS xmm, xmm/m32
    UCOMISS = [0x0f 0x2e];
    /// UCOMISD xmm, xmm/m64
    UCOMISD = [0x66 0x0f 0x2e];
    /// CVTSS2SD xmm, xmm/m32
    CVTSS2SD = [0xf3 0x0f 0x5a];
    /// CVTSD2SS xmm, xmm/m64
    CVTSD2SS = [0xf2 0x0f 0x5a];
    /// XORPS xmm, xmm/m128
    XORPS = [0x0f 0x57];
    /// ANDPS xmm, xmm/m128
    ANDPS = [0x0f 0x54];
    /// ANDNPS xmm, xmm/m128
    ANDNPS = [0x0f 0x55];
    /// ORPS xmm, xmm/m128
    ORPS = [0x0f 0x56];
}

/// One of the eight arithmetic operations of the classic encoding: the r/m, r form is `8 * n + 1`, the r, r/m form
/// `8 * n + 3`, the immediate form /n.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Alu {
    Add = 0,
    Or = 1,
    Adc = 2,
    Sbb = 3,
    And = 4,
    Sub = 5,
    Xor = 6,
    Cmp = 7,
}

/// A shift or rotate: its /n.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Shift {
    Rol = 0,
    Ror = 1,
    Shl = 4,
    Shr = 5,
    Sar = 7,
}

/// A scalar float operation of the 0f 5x row.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Sse {
    Sqrt = 0x51,
    Add = 0x58,
    Mul = 0x59,
    Sub = 0x5c,
    Min = 0x5d,
    Div = 0x5e,
    Max = 0x5f,
}

/// A condition of the flags, in the processor's numbering; the inverse differs in bit 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Cc {
    O = 0,
    No = 1,
    B = 2,
    Ae = 3,
    E = 4,
    Ne = 5,
    Be = 6,
    A = 7,
    S = 8,
    Ns = 9,
    P = 10,
    Np = 11,
    L = 12,
    Ge = 13,
    Le = 14,
    G = 15,
}

impl Cc {
    /// The condition that holds where this one does not.
    pub const fn inverse(self) -> Cc {
        match self {
            Cc::O => Cc::No,
            Cc::No => Cc::O,
            Cc::B => Cc::Ae,
            Cc::Ae => Cc::B,
            Cc::E => Cc::Ne,
            Cc::Ne => Cc::E,
            Cc::Be => Cc::A,
            Cc::A => Cc::Be,
            Cc::S => Cc::Ns,
            Cc::Ns => Cc::S,
            Cc::P => Cc::Np,
            Cc::Np => Cc::P,
            Cc::L => Cc::Ge,
            Cc::Ge => Cc::L,
            Cc::Le => Cc::G,
            Cc::G => Cc::Le,
        }
    }
}
