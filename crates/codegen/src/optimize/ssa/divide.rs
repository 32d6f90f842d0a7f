//! Division by constants: shifts for powers of two, else the high half of a product with the reciprocal, rounded up and
//! scaled so that the quotient is exact.
//!
//! For a divisor d and dividends below 2^N, m = ceil(2^(N+s) / d) gives floor(x / d) = x * m >> (N+s) if
//! m * d - 2^(N+s) <= 2^s. Quotients of 32 bits come from 64-bit products, those of 64 bits from wide ones.
//! Source: Granlund and Montgomery, "Division by Invariant Integers using Multiplication", PLDI 1994; Warren, Hacker's
//! Delight, chapter 10.

use super::Walk;
use super::fold::{with_constant, with_one, with_two};
use kiln_ir::op::{Cond, Variant};
use kiln_ir::{InstData, Op, Type, VReg};

/// The least scale `s`, and the factor, for dividends of `bits` bits; the factor may have a bit more than they.
fn reciprocal(divisor: u64, bits: u32) -> (u64, u128) {
    let d = divisor as u128;
    let mut scale = 0;
    loop {
        let power = 1u128 << (bits as u64 + scale);
        let factor = power.div_ceil(d);
        if factor * d - power <= 1 << scale {
            return (scale, factor);
        }
        scale += 1;
    }
}

impl Walk<'_> {
    /// Division and remainder by constants that are not 0. Of the signed quotient by -1 the trap remains.
    pub(super) fn divide(&mut self, inst: &InstData) -> Option<VReg> {
        let divisor = self.second(inst).filter(|d| *d != 0)?;
        let (ty, x) = (inst.ty, VReg(inst.a));
        let bits = ty.bytes() * 8;
        let unsigned = if ty == Type::I32 { divisor as u32 as u64 } else { divisor as u64 };
        Some(match inst.op {
            Op::Udiv => self.unsigned_quotient(ty, x, unsigned),
            Op::Urem if unsigned.is_power_of_two() => {
                let mask = self.constant(ty, unsigned - 1);
                self.make(with_two(Op::And, ty, x, mask))
            }
            Op::Urem => {
                let quotient = self.unsigned_quotient(ty, x, unsigned);
                self.rest(ty, x, quotient, unsigned)
            }
            Op::Sdiv if divisor == -1 => return None,
            Op::Sdiv => {
                let quotient = self.signed_quotient(ty, x, divisor.unsigned_abs());
                if divisor < 0 { self.make(with_one(Op::Neg, ty, quotient)) } else { quotient }
            }
            // The divisor's sign does not matter to the remainder.
            _ if divisor.unsigned_abs() == 1 => self.constant(ty, 0),
            _ if divisor.unsigned_abs().is_power_of_two() => {
                let power = divisor.unsigned_abs().trailing_zeros();
                let raised = self.raise(ty, x, power, bits);
                let mask = self.constant(ty, u64::MAX << power);
                let multiple = self.make(with_two(Op::And, ty, raised, mask));
                self.make(with_two(Op::Sub, ty, x, multiple))
            }
            _ => {
                let quotient = self.signed_quotient(ty, x, divisor.unsigned_abs());
                self.rest(ty, x, quotient, divisor.unsigned_abs())
            }
        })
    }

    /// x - quotient * divisor.
    fn rest(&mut self, ty: Type, x: VReg, quotient: VReg, divisor: u64) -> VReg {
        let divisor = self.constant(ty, divisor);
        let multiple = self.make(with_two(Op::Mul, ty, quotient, divisor));
        self.make(with_two(Op::Sub, ty, x, multiple))
    }

    fn shift_by(&mut self, op: Op, ty: Type, x: VReg, count: u64) -> VReg {
        self.make(with_constant(op, ty, x, count as i32))
    }

    fn unsigned_quotient(&mut self, ty: Type, x: VReg, divisor: u64) -> VReg {
        if divisor.is_power_of_two() {
            return self.shift_by(Op::Lshr, ty, x, divisor.trailing_zeros() as u64);
        }
        if ty == Type::I32 {
            return self.unsigned_quotient_32(x, divisor);
        }
        if divisor >> 63 != 0 {
            let divisor = self.constant(ty, divisor);
            let mut compare = with_two(Op::Cmp, ty, x, divisor);
            compare.aux |= InstData::variant_bits(Variant::Cond(Cond::Uge));
            let fits = self.make(compare);
            return self.make(with_one(Op::Zext, ty, fits));
        }
        let (scale, factor) = reciprocal(divisor, 64);
        if let Ok(factor) = u64::try_from(factor) {
            let high = self.high(Op::UmulWide, x, factor);
            return self.shift_by(Op::Lshr, ty, high, scale);
        }
        let zeros = divisor.trailing_zeros();
        if zeros > 0 {
            // The dividend loses bits that do not matter, which makes the factor as much shorter.
            let x = self.shift_by(Op::Lshr, ty, x, zeros as u64);
            let (scale, factor) = reciprocal(divisor >> zeros, 64 - zeros);
            let shift = 64 - zeros as u64 + scale;
            let high = self.high(Op::UmulWide, x, (factor << 64u64.saturating_sub(shift)) as u64);
            return self.shift_by(Op::Lshr, ty, high, shift.saturating_sub(64));
        }
        // The factor's topmost bit stands for the dividend itself: (x + high) >> scale without overflow.
        let high = self.high(Op::UmulWide, x, factor as u64);
        let less = self.make(with_two(Op::Sub, ty, x, high));
        let half = self.shift_by(Op::Lshr, ty, less, 1);
        let sum = self.make(with_two(Op::Add, ty, half, high));
        self.shift_by(Op::Lshr, ty, sum, scale - 1)
    }

    fn unsigned_quotient_32(&mut self, x: VReg, divisor: u64) -> VReg {
        let wide = self.make(with_one(Op::Zext, Type::I64, x));
        let (scale, factor) = reciprocal(divisor, 32);
        let quotient = if factor >> 32 == 0 {
            let product = self.product(wide, factor as u64);
            self.shift_by(Op::Lshr, Type::I64, product, 32 + scale)
        } else {
            // With 64 bits after the point no scale is needed.
            self.high(Op::UmulWide, wide, (u64::MAX / divisor) + 1)
        };
        self.make(with_one(Op::Trunc, Type::I32, quotient))
    }

    /// The quotient by a positive divisor, rounded toward zero.
    fn signed_quotient(&mut self, ty: Type, x: VReg, divisor: u64) -> VReg {
        let bits = ty.bytes() * 8;
        if divisor == 1 {
            return x;
        }
        if divisor.is_power_of_two() {
            let power = divisor.trailing_zeros();
            let raised = self.raise(ty, x, power, bits);
            return self.shift_by(Op::Ashr, ty, raised, power as u64);
        }
        // Magnitudes have a bit less; the scale counts from there.
        let (scale, factor) = reciprocal(divisor, bits - 1);
        let scale = scale.wrapping_sub(1);
        let floor = if ty == Type::I32 {
            let wide = self.make(with_one(Op::Sext, Type::I64, x));
            let product = self.product(wide, factor as u64);
            let quotient = self.shift_by(Op::Ashr, Type::I64, product, 32u64.wrapping_add(scale));
            self.make(with_one(Op::Trunc, Type::I32, quotient))
        } else {
            let (scale, factor) = if scale == u64::MAX { (0, factor << 1) } else { (scale, factor) };
            let factor = factor as u64;
            let mut high = self.high(Op::SmulWide, x, factor);
            if factor >> 63 != 0 {
                // As a signed number the factor is too small by 2^64.
                high = self.make(with_two(Op::Add, ty, high, x));
            }
            self.shift_by(Op::Ashr, ty, high, scale)
        };
        // Rounded down; one more for negative dividends.
        let sign = self.shift_by(Op::Lshr, ty, x, bits as u64 - 1);
        self.make(with_two(Op::Add, ty, floor, sign))
    }

    /// x, with 2^power - 1 added if it is negative.
    fn raise(&mut self, ty: Type, x: VReg, power: u32, bits: u32) -> VReg {
        let sign = if power > 1 { self.shift_by(Op::Ashr, ty, x, bits as u64 - 1) } else { x };
        let bias = self.shift_by(Op::Lshr, ty, sign, (bits - power) as u64);
        self.make(with_two(Op::Add, ty, x, bias))
    }

    fn product(&mut self, x: VReg, factor: u64) -> VReg {
        let factor = self.constant(Type::I64, factor);
        self.make(with_two(Op::Mul, Type::I64, x, factor))
    }

    /// The high half of a product of 64 bits.
    fn high(&mut self, op: Op, x: VReg, factor: u64) -> VReg {
        let factor = self.constant(Type::I64, factor);
        self.make_pair(op, Type::I64, x, factor).1
    }
}

#[cfg(test)]
mod tests {
    use super::reciprocal;

    #[test]
    fn factors_give_exact_quotients_at_the_edges() {
        for bits in [31, 32, 63] {
            let max = (1u64 << bits) - 1;
            for divisor in (3..2000u64).chain([641, 6_700_417, 0x7fff_ffff]).filter(|d| !d.is_power_of_two())
            {
                let (scale, factor) = reciprocal(divisor, bits);
                for x in [
                    0,
                    1,
                    divisor - 1,
                    divisor,
                    max,
                    max - 1,
                    max / divisor * divisor,
                    max / divisor * divisor - 1,
                ] {
                    // The product may have 129 bits; in parts it has not.
                    let (high, low) = (x as u128 >> 32, x as u128 & 0xffff_ffff);
                    let upper = high * factor + ((low * factor) >> 32);
                    let shift = bits as u64 + scale;
                    let quotient =
                        if bits < 63 { (x as u128 * factor) >> shift } else { upper >> (shift - 32) };
                    assert_eq!(quotient, (x / divisor) as u128, "{x} / {divisor} of {bits} bits");
                }
            }
        }
    }
}
