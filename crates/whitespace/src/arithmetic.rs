//! Arithmetic by the options' rules, on 64 bits and on integers of any size.

use crate::Integer;
use crate::instruction::Opcode;
use crate::options::Division;
use crate::value::ValueRef;
use dashu_int::ops::{BitTest, DivRem};

/// The result of an operation on two numbers of 64 bits; none if it does not fit them, or divides by 0.
#[inline]
pub fn small(opcode: Opcode, a: i64, b: i64, division: Division) -> Option<i64> {
    match opcode {
        Opcode::Add => a.checked_add(b),
        Opcode::Sub => a.checked_sub(b),
        Opcode::Mul => a.checked_mul(b),
        Opcode::Div => quotient(a, b, division),
        Opcode::Mod => remainder(a, b, division),
        _ => None,
    }
}

/// A quotient; none if it does not fit 64 bits, or divides by 0.
#[inline]
pub fn quotient(a: i64, b: i64, division: Division) -> Option<i64> {
    let quotient = a.checked_div(b)?;
    let rounded_up = division == Division::Floor && a % b != 0 && (a ^ b) < 0;
    Some(quotient - i64::from(rounded_up))
}

/// A remainder; none if it divides by 0.
#[inline]
pub fn remainder(a: i64, b: i64, division: Division) -> Option<i64> {
    if b == 0 {
        return None;
    }
    // The least number divided by -1 leaves 0, though the quotient does not fit.
    let remainder = a.wrapping_rem(b);
    let other_sign = division == Division::Floor && remainder != 0 && (remainder ^ b) < 0;
    Some(if other_sign { remainder + b } else { remainder })
}

/// The result modulo 2^64 of an operation that [`small`] has none for. Not for division by 0.
pub fn wrapping(opcode: Opcode, a: i64, b: i64) -> i64 {
    match opcode {
        Opcode::Add => a.wrapping_add(b),
        Opcode::Sub => a.wrapping_sub(b),
        Opcode::Mul => a.wrapping_mul(b),
        // Only the least number by -1 does not fit.
        _ => a.wrapping_div(b),
    }
}

/// The result of an operation. Not for division by 0.
pub fn exact(opcode: Opcode, a: Integer, b: Integer, division: Division) -> Integer {
    match opcode {
        Opcode::Add => a + b,
        Opcode::Sub => a - b,
        Opcode::Mul => a * b,
        _ => {
            let (mut quotient, mut remainder) = a.div_rem(&b);
            let zero = Integer::ZERO;
            if division == Division::Floor && remainder != zero && (remainder < zero) != (b < zero) {
                quotient -= Integer::ONE;
                remainder += b;
            }
            if opcode == Opcode::Div { quotient } else { remainder }
        }
    }
}

/// Whether a value is below 0.
#[inline]
pub fn is_negative(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Small(small) => small < 0,
        ValueRef::Big(big) => *big < Integer::ZERO,
    }
}

/// About how many bytes a value takes.
pub fn size(value: ValueRef<'_>) -> u64 {
    match value {
        ValueRef::Small(_) => 8,
        ValueRef::Big(big) => big.bit_len() as u64 / 8,
    }
}
