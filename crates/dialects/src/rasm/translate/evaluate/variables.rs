//! The variables of a function: one slot for each name of the program, used again for the next function.

use crate::names::Name;
use crate::rasm::translate::body::Value;

pub(super) struct Variables {
    slots: Vec<Option<Value>>,
    /// Names that have been set, some more than once.
    set: Vec<Name>,
}

impl Variables {
    /// For so many names.
    pub fn new(names: usize) -> Variables {
        Variables { slots: vec![None; names], set: Vec::new() }
    }

    pub fn get(&self, name: Name) -> Option<Value> {
        self.slots[name.index()]
    }

    pub fn set(&mut self, name: Name, value: Option<Value>) {
        self.slots[name.index()] = value;
        self.set.push(name);
    }

    /// Those that have a value.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.set.iter().copied().filter(|name| self.get(*name).is_some())
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        for name in self.set.drain(..) {
            self.slots[name.index()] = None;
        }
    }
}
