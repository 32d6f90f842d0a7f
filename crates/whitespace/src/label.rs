//! Labels: strings of the tokens S and T, interned in a table, and their names.
//!
//! A label is its exact token string; the empty one is a label like any other. Text and labels map to each other exactly: a name
//! of the form `_` followed by 0s (S) and 1s (T) stands for that token string, any other name for the bits of its ASCII
//! bytes, eight tokens per character. So a label has a spelled name where its bits spell one, and its `_01…` form otherwise.

use crate::bits::BitBuffer;
use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

/// A label of one program, by its index in the order of first appearance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LabelId(pub u32);

impl LabelId {
    /// The index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A label's token string.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Label<'p> {
    /// The tokens, eight to a byte, the first in the highest bit; S is 0, T is 1. What is left of the last byte is 0.
    bytes: &'p [u8],
    length: u32,
}

impl<'p> Label<'p> {
    pub(crate) fn new(bytes: &'p [u8], length: u32) -> Label<'p> {
        debug_assert_eq!(bytes.len(), length.div_ceil(8) as usize);
        Label { bytes, length }
    }

    /// The tokens packed, the first in the highest bit of the first byte; what is left of the last byte is 0.
    pub(crate) fn packed(self) -> &'p [u8] {
        self.bytes
    }

    /// How many tokens it has.
    pub fn len(self) -> usize {
        self.length as usize
    }

    /// Whether it is the label without tokens.
    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// The tokens in order: whether each is T.
    pub fn bits(self) -> impl ExactSizeIterator<Item = bool> + 'p {
        (0..self.len()).map(move |at| self.bytes[at / 8] & (0x80 >> (at % 8)) != 0)
    }

    /// The name that its bits spell, if it is one that whitespacers would read.
    pub fn spelled(self) -> Option<&'p str> {
        if !self.length.is_multiple_of(8) {
            return None;
        }
        let name = std::str::from_utf8(self.bytes).ok()?;
        (is_name(name) && exact_bits(name).is_none()).then_some(name)
    }

    /// The name that its bits spell, if Kiln's assembler would read it so: also names of parts with dots between
    /// them, as the local label `.loop` behind `main` has the name `main.loop`.
    pub fn spelled_with_dots(self) -> Option<&'p str> {
        if !self.length.is_multiple_of(8) {
            return None;
        }
        let name = std::str::from_utf8(self.bytes).ok()?;
        let mut parts = name.split('.');
        let first = parts.next()?;
        // `_01.x` is a name, `_01` is not.
        let first_good = is_name(first) && (first.len() < name.len() || exact_bits(first).is_none());
        (first_good && parts.all(is_local_part)).then_some(name)
    }

    /// The `_01…` form.
    pub fn exact_name(self) -> String {
        let mut name = String::with_capacity(self.len() + 1);
        name.push('_');
        name.extend(self.bits().map(|one| if one { '1' } else { '0' }));
        name
    }

    /// The name by which Kiln's assembler reads this label back.
    pub fn name(self) -> Cow<'p, str> {
        self.spelled_with_dots().map_or_else(|| self.exact_name().into(), Cow::Borrowed)
    }
}

/// Whether these are letters, digits and underscores of ASCII, the first no digit.
pub(crate) fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit()) && is_local_part(name)
}

/// Whether these are letters, digits and underscores of ASCII, at least one.
fn is_local_part(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The 0s and 1s of a name of the form `_01…`.
fn exact_bits(name: &str) -> Option<&str> {
    name.strip_prefix('_').filter(|bits| bits.bytes().all(|bit| matches!(bit, b'0' | b'1')))
}

/// The label that a name stands for.
pub(crate) fn of_name(name: &str) -> BitBuffer {
    match exact_bits(name) {
        Some(bits) => BitBuffer::of_bits(bits.bytes().map(|bit| bit == b'1')),
        None => {
            BitBuffer::of_bits(name.bytes().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1)))
        }
    }
}

/// The labels of a program, each once. Finding or adding one takes time proportional to its length; labels chosen by an
/// adversary do not change that, since the hash is keyed at random. Numbers follow the order of first appearance, so the
/// key does not show.
#[derive(Clone, Default, Debug)]
pub(crate) struct LabelTable {
    bytes: Vec<u8>,
    rows: Vec<Row>,
    /// Open addressing: indices of rows, `FREE` where there is none. Its length is a power of two, at least twice that of the rows.
    index: Vec<u32>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    start: u32,
    length: u32,
    hash: u32,
}

const FREE: u32 = u32::MAX;

impl LabelTable {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn get(&self, id: LabelId) -> Label<'_> {
        let row = self.rows[id.index()];
        let start = row.start as usize;
        Label { bytes: &self.bytes[start..start + row.length.div_ceil(8) as usize], length: row.length }
    }

    pub fn find(&self, label: Label<'_>) -> Option<LabelId> {
        self.probe(label, self.hasher.hash_one(label) as u32).ok()
    }

    pub fn intern(&mut self, label: Label<'_>) -> LabelId {
        if self.index.len() < 2 * (self.rows.len() + 1) {
            self.grow();
        }
        let hash = self.hasher.hash_one(label) as u32;
        match self.probe(label, hash) {
            Ok(id) => id,
            Err(slot) => {
                let id = LabelId(self.rows.len() as u32);
                self.rows.push(Row { start: self.bytes.len() as u32, length: label.length, hash });
                self.bytes.extend_from_slice(label.bytes);
                self.index[slot] = id.0;
                id
            }
        }
    }

    /// The label's number, or the slot where it would go.
    fn probe(&self, label: Label<'_>, hash: u32) -> Result<LabelId, usize> {
        if self.index.is_empty() {
            return Err(0);
        }
        let mask = self.index.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let id = self.index[slot];
            if id == FREE {
                return Err(slot);
            }
            if self.rows[id as usize].hash == hash && self.get(LabelId(id)) == label {
                return Ok(LabelId(id));
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.index.len() * 2).max(16);
        self.index.clear();
        self.index.resize(size, FREE);
        for (id, row) in self.rows.iter().enumerate() {
            let mut slot = row.hash as usize & (size - 1);
            while self.index[slot] != FREE {
                slot = (slot + 1) & (size - 1);
            }
            self.index[slot] = id as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(name: &str) -> String {
        of_name(name).label().name().into_owned()
    }

    #[test]
    fn names_stand_for_their_bits_and_bits_for_their_names() {
        for name in
            ["start", "a", "_x", "_", "_0", "_01", "_2", "__", "A9", "main.loop", "_01.x", "a.b.c", "a.1"]
        {
            assert_eq!(name_of(name), name);
        }
        assert_eq!(of_name("_").label().len(), 0);
        assert_eq!(of_name("_011").label().bits().collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(of_name("ab").label().len(), 16);
        assert_eq!(of_name("_01100001").label().spelled(), Some("a"));
    }

    #[test]
    fn bits_that_spell_a_name_for_other_bits_are_shown_exactly() {
        // The bits of the text `_01` are not the label S T.
        let mut spelled =
            BitBuffer::of_bits("_01".bytes().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1 == 1)));
        assert_eq!(spelled.label().spelled(), None);
        assert_eq!(spelled.label().len(), 24);
        let name = spelled.label().name().into_owned();
        assert_eq!(name, format!("_{}", "010111110011000000110001"));
        assert_eq!(of_name(&name).label(), spelled.label());
        for odd in ["9a", ".a", "a..b", "a.", "a-b", "\u{e9}"] {
            let bits = odd.bytes().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1 == 1));
            let mut label = BitBuffer::of_bits(bits);
            assert_eq!(label.label().spelled_with_dots(), None, "{odd}");
        }
    }

    #[test]
    fn a_table_holds_each_label_once() {
        let mut table = LabelTable::default();
        let mut ids = Vec::new();
        for length in 0..12u32 {
            for value in 0..1u32 << length {
                ids.push(table.intern(BitBuffer::of_bits((0..length).map(|i| value >> i & 1 == 1)).label()));
            }
        }
        assert_eq!(ids.iter().map(|id| id.index()).collect::<Vec<_>>(), (0..4095).collect::<Vec<_>>());
        let again = table.intern(of_name("_101").label());
        assert_eq!(table.len(), 4095);
        assert_eq!(table.get(again).exact_name(), "_101");
        assert_eq!(table.find(of_name("_101").label()), Some(again));
        assert_eq!(table.find(of_name("start").label()), None);
    }
}
