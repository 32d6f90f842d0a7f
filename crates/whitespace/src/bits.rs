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
