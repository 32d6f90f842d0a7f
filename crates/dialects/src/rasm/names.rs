//! The names of a program by number: a text has one in most of its words, and few different ones.

use kiln_ir::text::NameHash;
use std::hash::BuildHasher;

/// A name of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Name(u32);

impl Name {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// All names, one behind the other, and an open hash table of their numbers plus 1, at most half full.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    text: String,
    ends: Vec<u32>,
    slots: Vec<u32>,
    hash: NameHash,
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

    /// The slot of a name, or the free one where it would be.
    fn slot(&self, name: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = self.hash.hash_one(name) as usize & mask;
        while let Some(number) = self.slots[at].checked_sub(1)
            && self.get(Name(number)) != name
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
        self.slots[self.slot(name)].checked_sub(1).map(Name)
    }

    /// The number of a name, a new one if it is not known.
    pub fn intern(&mut self, name: &str) -> Name {
        if self.slots.len() <= 2 * self.ends.len() {
            self.grow();
        }
        let at = self.slot(name);
        if let Some(number) = self.slots[at].checked_sub(1) {
            return Name(number);
        }
        self.text.push_str(name);
        self.ends.push(self.text.len() as u32);
        self.slots[at] = self.ends.len() as u32;
        Name(self.ends.len() as u32 - 1)
    }

    fn grow(&mut self) {
        self.slots = vec![0; (2 * self.slots.len()).max(64)];
        for number in 0..self.ends.len() as u32 {
            let at = self.slot(self.get(Name(number)));
            self.slots[at] = number + 1;
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
