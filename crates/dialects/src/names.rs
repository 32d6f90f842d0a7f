//! The names of a program by number: a text has one in most of its words, and few different ones.

use kiln_ir::text::NameHash;
use std::hash::BuildHasher;

/// A name of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Name(u32);

impl Name {
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The name with a number.
    pub fn from_number(number: u32) -> Name {
        Name(number)
    }
}

/// All names, one behind the other, and an open hash table of them, at most half full.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    text: String,
    ends: Vec<u32>,
    slots: Vec<Slot>,
    hash: NameHash,
}

/// A place of the hash table: half of a name's hash, so that others are told from it without a look at their texts,
/// and its number plus 1; 0 if it is free.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u32,
    number: u32,
}

impl Names {
    /// How many there are. Numbers are below.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, name: Name) -> &str {
        let end = self.ends[name.index()] as usize;
        let start = name.index().checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..end]
    }

    fn hash(&self, name: &str) -> u32 {
        self.hash.hash_one(name) as u32
    }

    /// The slot of a name, or the free one where it would be.
    fn slot(&self, name: &str, hash: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(number) = self.slots[at].number.checked_sub(1)
            && (self.slots[at].hash != hash || self.get(Name(number)) != name)
        {
            at = (at + 1) & mask;
        }
        at
    }

    /// The number of a name, if it is known.
    pub fn find(&self, name: &str) -> Option<Name> {
        if self.slots.is_empty() {
            return None;
        }
        self.slots[self.slot(name, self.hash(name))].number.checked_sub(1).map(Name)
    }

    /// The number of a name, a new one if it is not known.
    pub fn intern(&mut self, name: &str) -> Name {
        if self.slots.len() <= 2 * self.ends.len() {
            self.grow();
        }
        let hash = self.hash(name);
        let at = self.slot(name, hash);
        if let Some(number) = self.slots[at].number.checked_sub(1) {
            return Name(number);
        }
        self.text.push_str(name);
        self.ends.push(self.text.len() as u32);
        self.slots[at] = Slot { hash, number: self.ends.len() as u32 };
        Name(self.ends.len() as u32 - 1)
    }

    fn grow(&mut self) {
        let wider = vec![Slot::default(); (2 * self.slots.len()).max(64)];
        let mask = wider.len() - 1;
        for slot in std::mem::replace(&mut self.slots, wider) {
            if slot.number != 0 {
                let mut at = slot.hash as usize & mask;
                while self.slots[at].number != 0 {
                    at = (at + 1) & mask;
                }
                self.slots[at] = slot;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_number_and_by_text() {
        let mut names = Names::default();
        assert_eq!(names.find("x"), None);
        let numbers: Vec<Name> = (0..1000).map(|n| names.intern(&format!("name{n}"))).collect();
        for (n, number) in numbers.iter().enumerate() {
            let text = format!("name{n}");
            assert_eq!((names.intern(&text), names.find(&text)), (*number, Some(*number)));
            assert_eq!(names.get(*number), text);
        }
        assert_eq!((names.len(), names.find("name1000")), (1000, None));
    }
}
