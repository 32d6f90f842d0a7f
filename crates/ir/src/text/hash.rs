//! The hash of the parser's tables of names. A file has several names on every line, so hashing them is a good part of
//! reading it; the standard hash, made for any input, takes longer than all the rest of a line. This one folds
//! products of 64 bits, from a start that differs in every process, so that a text cannot be written to collide.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

/// A table by name.
pub(super) type NameMap<'a, T> = HashMap<Cow<'a, str>, T, NameHash>;

/// The hash of tables of names, for this and other readers of texts. Begins each hash with the number of this process.
#[derive(Clone, Copy, Debug)]
pub struct NameHash(u64);

impl Default for NameHash {
    fn default() -> NameHash {
        static SEED: OnceLock<u64> = OnceLock::new();
        NameHash(*SEED.get_or_init(|| RandomState::new().hash_one(0u64)))
    }
}

impl BuildHasher for NameHash {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// A hash being computed by [`NameHash`].
#[derive(Clone, Copy, Debug)]
pub struct Folded(u64);

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Folded {
    fn fold(&mut self, word: u64) {
        let product = (self.0 ^ word) as u128 * (FACTOR ^ self.0.rotate_left(32)) as u128;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        for word in bytes.as_chunks::<8>().0 {
            self.fold(u64::from_le_bytes(*word));
        }
        // What is left, together with bytes before it, so that no loop goes over so few. With the length no two strings
        // give the same words.
        let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
        let last = match (bytes.last_chunk::<8>(), bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            (Some(word), ..) => u64::from_le_bytes(*word),
            (None, Some(first), Some(last)) => half(first) | half(last) << 32,
            _ => match *bytes {
                [] => 0,
                [first, .., last] => {
                    u64::from(first) | u64::from(bytes[bytes.len() / 2]) << 8 | u64::from(last) << 16
                }
                [one] => one.into(),
            },
        };
        self.fold(last ^ (bytes.len() as u64) << 56);
    }

    /// What follows a string in its hash: its length has been taken.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
