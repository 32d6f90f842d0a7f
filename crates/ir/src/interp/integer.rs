//! What integer ops compute. Words hold `i32` zero-extended; `bits` is 32 or 64, and results are words again.

use crate::op::Rmw;
use crate::trap::TrapKind;

/// The word cut to the width.
pub fn cut(value: u64, bits: u32) -> u64 {
    if bits == 32 { value & 0xffff_ffff } else { value }
}

/// The word as a signed number.
pub fn signed(value: u64, bits: u32) -> i64 {
    if bits == 32 { value as i32 as i64 } else { value as i64 }
}

/// The low `width` bits, sign-extended to 64.
pub fn sign_extend(value: u64, width: u32) -> u64 {
    ((value << (64 - width)) as i64 >> (64 - width)) as u64
}

/// The low `width` bits.
pub fn zero_extend(value: u64, width: u32) -> u64 {
    if width == 64 { value } else { value & ((1 << width) - 1) }
}

pub fn shl(a: u64, b: u64, bits: u32) -> u64 {
    cut(a << (b as u32 & (bits - 1)), bits)
}

pub fn lshr(a: u64, b: u64, bits: u32) -> u64 {
    cut(a, bits) >> (b as u32 & (bits - 1))
}

pub fn ashr(a: u64, b: u64, bits: u32) -> u64 {
    cut((signed(a, bits) >> (b as u32 & (bits - 1))) as u64, bits)
}

pub fn rotl(a: u64, b: u64, bits: u32) -> u64 {
    let count = b as u32 & (bits - 1);
    if bits == 32 { (a as u32).rotate_left(count) as u64 } else { a.rotate_left(count) }
}

pub fn rotr(a: u64, b: u64, bits: u32) -> u64 {
    let count = b as u32 & (bits - 1);
    if bits == 32 { (a as u32).rotate_right(count) as u64 } else { a.rotate_right(count) }
}

/// Whether the signed quotient is one too large: the least integer by -1.
fn overflows(a: i64, b: i64, bits: u32) -> bool {
    b == -1 && a == i64::MIN >> (64 - bits)
}

pub fn sdiv(a: u64, b: u64, bits: u32) -> Result<u64, TrapKind> {
    let (a, b) = (signed(a, bits), signed(b, bits));
    if b == 0 {
        Err(TrapKind::DivideByZero)
    } else if overflows(a, b, bits) {
        Err(TrapKind::IntegerOverflow)
    } else {
        Ok(cut((a / b) as u64, bits))
    }
}

pub fn srem(a: u64, b: u64, bits: u32) -> Result<u64, TrapKind> {
    let (a, b) = (signed(a, bits), signed(b, bits));
    if b == 0 { Err(TrapKind::DivideByZero) } else { Ok(cut(a.wrapping_rem(b) as u64, bits)) }
}

pub fn udiv(a: u64, b: u64, bits: u32) -> Result<u64, TrapKind> {
    cut(a, bits).checked_div(cut(b, bits)).ok_or(TrapKind::DivideByZero)
}

pub fn urem(a: u64, b: u64, bits: u32) -> Result<u64, TrapKind> {
    cut(a, bits).checked_rem(cut(b, bits)).ok_or(TrapKind::DivideByZero)
}

pub fn clz(a: u64, bits: u32) -> u64 {
    (cut(a, bits).leading_zeros() - (64 - bits)) as u64
}

pub fn ctz(a: u64, bits: u32) -> u64 {
    cut(a, bits).trailing_zeros().min(bits) as u64
}

pub fn bswap(a: u64, bits: u32) -> u64 {
    a.swap_bytes() >> (64 - bits)
}

pub fn bitrev(a: u64, bits: u32) -> u64 {
    a.reverse_bits() >> (64 - bits)
}

/// The bit-field of `width` bits from `bit` on; `range` is `bit | width << 8`.
pub fn extract(a: u64, range: u32, extend: fn(u64, u32) -> u64, bits: u32) -> u64 {
    cut(extend(a >> (range & 0xff), range >> 8), bits)
}

/// `a` with the bit-field replaced by the low bits of `field`.
pub fn insert(a: u64, field: u64, range: u32, bits: u32) -> u64 {
    let (bit, width) = (range & 0xff, range >> 8);
    let mask = zero_extend(u64::MAX, width) << bit;
    cut(a & !mask | field << bit & mask, bits)
}

/// Low and high half of the product.
pub fn mul_wide(a: u64, b: u64, bits: u32, is_signed: bool) -> (u64, u64) {
    let product = if is_signed {
        signed(a, bits) as i128 * signed(b, bits) as i128
    } else {
        (cut(a, bits) as u128 * cut(b, bits) as u128) as i128
    };
    (cut(product as u64, bits), cut((product >> bits) as u64, bits))
}

/// Sum and carry.
pub fn add_carry(a: u64, b: u64, carry: bool, bits: u32) -> (u64, u64) {
    let sum = cut(a, bits) as u128 + cut(b, bits) as u128 + carry as u128;
    (cut(sum as u64, bits), (sum >> bits) as u64)
}

/// Difference and borrow.
pub fn sub_borrow(a: u64, b: u64, borrow: bool, bits: u32) -> (u64, u64) {
    let difference = cut(a, bits) as i128 - cut(b, bits) as i128 - borrow as i128;
    (cut(difference as u64, bits), (difference < 0) as u64)
}

/// The exact result as a word, or nothing if it does not fit the signed (unsigned) type.
pub fn exact(value: i128, bits: u32, is_signed: bool) -> Option<u64> {
    let fits = if is_signed {
        value >= i64::MIN as i128 >> (64 - bits) && value <= i64::MAX as i128 >> (64 - bits)
    } else {
        value >= 0 && value <= u64::MAX as i128 >> (64 - bits)
    };
    fits.then(|| cut(value as u64, bits))
}

/// What an atomic operation leaves in memory of `bytes` bytes.
pub fn rmw(op: Rmw, old: u64, value: u64, bytes: u32) -> u64 {
    let bits = bytes * 8;
    let (so, sv) = (sign_extend(old, bits) as i64, sign_extend(value, bits) as i64);
    let (uo, uv) = (zero_extend(old, bits), zero_extend(value, bits));
    let new = match op {
        Rmw::Add => old.wrapping_add(value),
        Rmw::Sub => old.wrapping_sub(value),
        Rmw::And => old & value,
        Rmw::Or => old | value,
        Rmw::Xor => old ^ value,
        Rmw::Xchg => value,
        Rmw::Smin => so.min(sv) as u64,
        Rmw::Smax => so.max(sv) as u64,
        Rmw::Umin => uo.min(uv),
        Rmw::Umax => uo.max(uv),
    };
    zero_extend(new, bits)
}
