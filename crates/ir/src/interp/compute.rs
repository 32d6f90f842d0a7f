//! What ops compute that read only their operands and give one result: the interpreter's arithmetic as one function, for
//! compilers that compute ahead.

use super::float;
use super::integer::{self, cut, signed};
use crate::function::InstData;
use crate::op::Op;
use crate::trap::TrapKind;
use crate::types::Type;

/// What an instruction gives for these operands, in the order of its shape: a word each, constants sign-extended,
/// bit-fields as their records have them. `from` is the type of its first operand; with `canonical_nan`, arithmetic gives
/// one NaN only.
///
/// # Errors
/// The trap that it raises.
///
/// # Panics
/// If the op is not one of those from `add` to `ftosi_x86` that give one result and go nowhere.
pub fn compute(
    inst: &InstData,
    from: Type,
    [a, b, c]: [u64; 3],
    canonical_nan: bool,
) -> Result<u64, TrapKind> {
    let ty = inst.ty;
    let bits = ty.bytes() * 8;
    let arithmetic = |word| if canonical_nan { float::canonical(word, ty) } else { word };
    let value = match inst.op {
        Op::Add => a.wrapping_add(b),
        Op::Sub => a.wrapping_sub(b),
        Op::Mul => a.wrapping_mul(b),
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Shl => integer::shl(a, b, bits),
        Op::Lshr => integer::lshr(a, b, bits),
        Op::Ashr => integer::ashr(a, b, bits),
        Op::Rotl => integer::rotl(a, b, bits),
        Op::Rotr => integer::rotr(a, b, bits),
        Op::Sdiv => integer::sdiv(a, b, bits)?,
        Op::Udiv => integer::udiv(a, b, bits)?,
        Op::Srem => integer::srem(a, b, bits)?,
        Op::Urem => integer::urem(a, b, bits)?,
        Op::Smin => signed(a, bits).min(signed(b, bits)) as u64,
        Op::Smax => signed(a, bits).max(signed(b, bits)) as u64,
        Op::Umin => cut(a, bits).min(cut(b, bits)),
        Op::Umax => cut(a, bits).max(cut(b, bits)),
        Op::Neg => a.wrapping_neg(),
        Op::Not => !a,
        Op::Abs => signed(a, bits).wrapping_abs() as u64,
        Op::Clz => integer::clz(a, bits),
        Op::Ctz => integer::ctz(a, bits),
        Op::Popcnt => cut(a, bits).count_ones() as u64,
        Op::Bswap => integer::bswap(a, bits),
        Op::Bitrev => integer::bitrev(a, bits),
        Op::Sext8 => integer::sign_extend(a, 8),
        Op::Sext16 => integer::sign_extend(a, 16),
        Op::Zext8 => a & 0xff,
        Op::Zext16 => a & 0xffff,
        Op::Sext => integer::sign_extend(a, 32),
        Op::Zext | Op::Trunc => a & 0xffff_ffff,
        Op::Sbits => integer::extract(a, b as u32, integer::sign_extend, bits),
        Op::Ubits => integer::extract(a, b as u32, integer::zero_extend, bits),
        Op::SetBits => integer::insert(a, b, c as u32, bits),
        Op::Cmp => inst.cond().holds(a as i64, b as i64, bits) as u64,

        Op::Fcmp => inst.fcond().holds(float::wide_of(a, ty), float::wide_of(b, ty)) as u64,
        Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv | Op::Fmin | Op::Fmax | Op::FminNum | Op::FmaxNum => {
            arithmetic(float::binary(inst.op, ty, a, b))
        }
        Op::Fsqrt | Op::Ffloor | Op::Fceil | Op::Ftrunc | Op::Fnearest => {
            arithmetic(float::unary(inst.op, ty, a))
        }
        Op::Fabs => a & !float::sign(ty),
        Op::Fneg => a ^ float::sign(ty),
        Op::Fcopysign => a & !float::sign(ty) | b & float::sign(ty),
        Op::Fma | Op::Fms | Op::Fnma | Op::Fnms => arithmetic(float::fused(inst.op, ty, a, b, c)),
        Op::Fpromote => arithmetic((float::f32_of(a) as f64).to_bits()),
        Op::Fdemote => arithmetic((float::f64_of(a) as f32).to_bits() as u64),
        Op::Bitcast => a,
        Op::SitoF => float::from_int(ty, a, from, true),
        Op::UitoF => float::from_int(ty, a, from, false),
        Op::FtoSi | Op::FtoUi | Op::FtoSiSat | Op::FtoUiSat | Op::FtoSiX86 => {
            float::to_int(inst.op, ty, float::wide_of(a, from))?
        }
        op => unreachable!("{op:?} does not compute one value from its operands"),
    };
    let narrow = matches!(inst.op, Op::Cmp | Op::Fcmp);
    Ok(if narrow { value } else { cut(value, bits) })
}
