//! Where the generator's choices come from: a seed, or the bytes of a fuzzer.
//!
//! From a fuzzer, each choice eats as few bytes as its range needs, so that small changes of the input make small
//! changes of the program; when the bytes are used up, every choice is the first one, which all of the generator's
//! loops survive because they count down.

/// A stream of choices.
#[derive(Clone, Debug)]
pub struct Entropy<'b> {
    state: u64,
    bytes: Option<&'b [u8]>,
}

impl Entropy<'static> {
    /// An endless stream determined by the seed (splitmix64).
    pub fn from_seed(seed: u64) -> Entropy<'static> {
        Entropy { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d, bytes: None }
    }
}

impl<'b> Entropy<'b> {
    /// A stream that reads the bytes, then gives zeros.
    pub fn from_bytes(bytes: &'b [u8]) -> Entropy<'b> {
        Entropy { state: 0, bytes: Some(bytes) }
    }

    /// `count` bytes (1 to 8) as a number.
    fn take(&mut self, count: usize) -> u64 {
        if let Some(bytes) = &mut self.bytes {
            let (now, rest) = bytes.split_at(count.min(bytes.len()));
            *bytes = rest;
            return now.iter().rev().fold(0, |n, b| n << 8 | *b as u64);
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Any 64 bits.
    pub fn word(&mut self) -> u64 {
        self.take(8)
    }

    /// A number below `n`; 0 if `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        match n {
            0 | 1 => 0,
            2..=256 => (self.take(1) % n as u64) as u32,
            257..=65536 => (self.take(2) % n as u64) as u32,
            _ => (self.take(4) % n as u64) as u32,
        }
    }

    /// A number from `low` to `high`, both included.
    pub fn range(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in `percent` of 100 cases; false when a fuzzer's bytes are used up.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) >= 100 - percent.min(100)
    }

    /// One of the items.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u32) as usize]
    }
}
