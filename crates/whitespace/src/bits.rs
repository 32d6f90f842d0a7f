//! Strings of the tokens S and T while they are read: labels, and the digits of numbers.

use crate::label::Label;

/// Grows at its end, a word at a time. Nothing in it depends on which tokens come, so that a processor need not guess them.
#[derive(Clone, Default, Debug)]
pub(crate) struct BitBuffer {
    /// Whole words, most significant bit first.
    bytes: Vec<u8>,
    /// What is not there yet, in the low bits.
    word: u64,
    /// How many bits that are, below 64.
    filled: u32,
}

impl BitBuffer {
    pub fn of_bits(bits: impl Iterator<Item = bool>) -> BitBuffer {
        let mut buffer = BitBuffer::default();
        bits.for_each(|bit| buffer.push(bit));
        buffer
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.word = 0;
        self.filled = 0;
    }

    /// Appends S (false) or T (true). Nothing may be appended once the bits were asked for as a label.
    #[inline]
    pub fn push(&mut self, one: bool) {
        self.word = self.word << 1 | u64::from(one);
        self.filled += 1;
        if self.filled == u64::BITS {
            self.bytes.extend_from_slice(&self.word.to_be_bytes());
            self.word = 0;
            self.filled = 0;
        }
    }

    /// Appends the low bits of a byte, the highest of them first: `count` of them, at most 8. The others are 0.
    #[inline]
    pub fn push_bits(&mut self, bits: u8, count: u32) {
        if self.filled + count < u64::BITS {
            self.word = self.word << count | u64::from(bits);
            self.filled += count;
        } else {
            (0..count).rev().for_each(|at| self.push(bits >> at & 1 == 1));
        }
    }

    /// The bits as the digits of a number, if they fit a word, and how many they are.
    #[inline]
    pub fn short(&self) -> Option<(u64, u32)> {
        self.bytes.is_empty().then_some((self.word, self.filled))
    }

    /// All bits as a label.
    pub fn label(&mut self) -> Label<'_> {
        let length = self.bytes.len() * 8 + self.filled as usize;
        if self.filled > 0 {
            let word = (self.word << (u64::BITS - self.filled)).to_be_bytes();
            self.bytes.extend_from_slice(&word[..self.filled.div_ceil(8) as usize]);
            self.filled = 0;
        }
        Label::new(&self.bytes, length as u32)
    }
}

/// How many of eight bytes of a program are S or T before another one comes, and these as bits, the first highest.
///
/// All at once: S differs from itself in no bits and from T in those of `T_FROM_S`, so the lowest of these bits says which it is,
/// and a byte is one of the two if that bit alone explains it. The product gathers the lowest bits of all bytes in the
/// highest byte: bit 8i goes to bit 63 - i, and no other two meet.
#[inline]
pub(crate) fn leading_bits(bytes: [u8; 8]) -> (u8, u32) {
    const LOWEST: u64 = 0x0101_0101_0101_0101;
    const S: u64 = LOWEST * b' ' as u64;
    const T_FROM_S: u64 = (b' ' ^ b'\t') as u64;
    const GATHER: u64 = 0x8040_2010_0804_0201;
    let differs = u64::from_le_bytes(bytes) ^ S;
    let is_t = differs & LOWEST;
    let count = (differs ^ (is_t * T_FROM_S)).trailing_zeros() / 8;
    let bits = is_t.wrapping_mul(GATHER) >> 56;
    ((bits >> (8 - count)) as u8, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_bits_are_those_before_another_byte() {
        for pattern in 0..256u32 {
            let byte = |at: u32| if pattern >> (7 - at) & 1 == 1 { b'\t' } else { b' ' };
            for count in 0..8 {
                for other in 0..=255u8 {
                    if matches!(other, b' ' | b'\t') {
                        continue;
                    }
                    let mut bytes: [u8; 8] = std::array::from_fn(|at| byte(at as u32));
                    bytes[count as usize] = other;
                    assert_eq!(leading_bits(bytes), ((pattern >> (8 - count)) as u8, count), "{bytes:?}");
                }
            }
            assert_eq!(leading_bits(std::array::from_fn(|at| byte(at as u32))), (pattern as u8, 8));
        }
    }

    #[test]
    fn bits_stand_in_the_order_they_were_pushed() {
        for chunk in 1..=8 {
            for length in 0..200usize {
                let bit = |at: usize| at * at % 7 < 3;
                let mut buffer = BitBuffer::default();
                for start in (0..length).step_by(chunk) {
                    let end = length.min(start + chunk);
                    let bits = (start..end).fold(0, |bits, at| bits << 1 | u8::from(bit(at)));
                    buffer.push_bits(bits, (end - start) as u32);
                }
                assert!(buffer.label().bits().eq((0..length).map(bit)), "{length} in pieces of {chunk}");
            }
        }
    }
}
