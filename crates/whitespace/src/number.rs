//! Numbers of instructions: most fit 64 bits and stand in the instruction, others in the program's pool.

use crate::Integer;
use crate::bits::BitBuffer;
use dashu_int::ops::BitTest;
use dashu_int::{Sign, UBig};
use std::borrow::Cow;

/// The argument of `push`, `copy` or `slide`. Small where the value fits 64 bits, and only there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number {
    // In halves, so that an instruction that holds one takes 16 bytes.
    low: u32,
    high: u32,
    pooled: bool,
}

/// What a [`Number`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// A number of 64 bits.
    Small(i64),
    /// One beyond 64 bits, by its index in [`Program::integers`](crate::Program::integers).
    Big(u32),
}

impl Number {
    /// A number of 64 bits.
    #[inline]
    pub const fn small(value: i64) -> Number {
        Number { low: value as u32, high: (value >> 32) as u32, pooled: false }
    }

    /// A number of the pool. It must not fit 64 bits.
    pub(crate) const fn big(index: u32) -> Number {
        Number { low: index, high: 0, pooled: true }
    }

    /// What it is.
    #[inline]
    pub const fn size(self) -> Size {
        if self.pooled {
            Size::Big(self.low)
        } else {
            Size::Small(((self.high as u64) << 32 | self.low as u64) as i64)
        }
    }

    /// The value, if it fits 64 bits.
    #[inline]
    pub const fn as_i64(self) -> Option<i64> {
        match self.size() {
            Size::Small(value) => Some(value),
            Size::Big(_) => None,
        }
    }
}

/// A number as it was written where that is not the shortest way: an empty one, a negative zero, leading zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OddForm {
    /// The instruction that it belongs to.
    pub instruction: u32,
    /// How it differs.
    pub form: Form,
}

/// How a number differs from the shortest way to write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// No sign either: only the line feed. It means 0.
    Empty,
    /// A sign, so many zeros that mean nothing, and the digits of the value (none for 0).
    Padded {
        /// The sign is the negative one. For all values but 0 it is also that of the value.
        negative: bool,
        /// How many zeros stand before the first one.
        zeros: u32,
    },
}

/// The number of a sign and digits, the most significant first, and how many zeros stand before the first one. Linear in
/// the count of the digits.
pub(crate) fn of_digits(
    negative: bool,
    digits: &mut BitBuffer,
    integers: &mut Vec<Integer>,
) -> (Number, u32) {
    if let Some((magnitude, count)) = digits.short() {
        let zeros = count - (u64::BITS - magnitude.leading_zeros());
        if let Some(small) = signed(negative, magnitude) {
            return (Number::small(small), zeros);
        }
    }
    let digits = digits.label();
    let padding = digits.packed().len() * 8 - digits.len();
    let magnitude = UBig::from_be_bytes(digits.packed()) >> padding;
    let zeros = digits.len() - magnitude.bit_len();
    let value = Integer::from_parts(if negative { Sign::Negative } else { Sign::Positive }, magnitude);
    (number(value, integers), zeros as u32)
}

/// A value as a number, with the pool that takes it if it is big.
pub(crate) fn number(value: Integer, integers: &mut Vec<Integer>) -> Number {
    match i64::try_from(&value) {
        Ok(small) => Number::small(small),
        Err(_) => {
            integers.push(value);
            Number::big(integers.len() as u32 - 1)
        }
    }
}

fn signed(negative: bool, magnitude: u64) -> Option<i64> {
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// The value of a number, given the pool.
pub(crate) fn value(number: Number, integers: &[Integer]) -> Cow<'_, Integer> {
    match number.size() {
        Size::Small(value) => Cow::Owned(Integer::from(value)),
        Size::Big(index) => Cow::Borrowed(&integers[index as usize]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(digits: &str, negative: bool) -> Integer {
        let mut pool = Vec::new();
        let mut bits = BitBuffer::of_bits(digits.bytes().map(|digit| digit == b'1'));
        let (number, zeros) = of_digits(negative, &mut bits, &mut pool);
        assert_eq!(number.as_i64().is_some(), pool.is_empty());
        assert_eq!(zeros as usize, digits.len() - digits.trim_start_matches('0').len());
        value(number, &pool).into_owned()
    }

    #[test]
    fn digits_of_every_length_give_their_value() {
        for length in 0..200usize {
            let ones = "1".repeat(length);
            let expected: Integer = (Integer::from(1) << length) - 1;
            assert_eq!(parsed(&ones, false), expected, "{length} ones");
            assert_eq!(
                parsed(&format!("{}{ones}", "0".repeat(length % 70)), true),
                -expected,
                "{length} ones, negative"
            );
            let power = format!("1{}", "0".repeat(length));
            assert_eq!(parsed(&power, false), Integer::from(1) << length);
            assert_eq!(parsed(&power, true), -(Integer::from(1) << length));
        }
    }

    #[test]
    fn numbers_of_64_bits_are_kept_whole() {
        for value in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert_eq!(Number::small(value).as_i64(), Some(value));
        }
    }
}
