//! Exits: what compiled code leaves behind, and how the state is made of it.
//!
//! Compiled code leaves with the address of its region's items, the top of the call stack, and the values of items that are
//! not in memory. A *descriptor* says the rest: at which instruction execution goes on, how high the stack is, which value or
//! constant belongs to which item, and which calls were inlined. It is made of the translator's own stack at that
//! instruction, so one routine serves all exits.

/// Where the value of an item is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The exit's value with this number.
    Value(u32),
    /// It is this.
    Constant(i64),
}

/// A place by which compiled code leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exit {
    /// The instruction to go on with. It has not begun.
    pub instruction: u32,
    /// How many items there are above the address that the code leaves with; below it, if negative.
    pub height: i32,
    /// How many instructions were counted that have not run.
    pub uncounted: u32,
    items: (u32, u32),
    frames: (u32, u32),
}

/// The descriptors of a compiled unit.
#[derive(Clone, Debug, Default)]
pub struct Exits {
    exits: Vec<Exit>,
    items: Vec<(i32, Source)>,
    frames: Vec<u32>,
}

impl Exits {
    /// Adds a descriptor: items that are not in memory, by their distance from the address, and the return places of
    /// inlined calls, innermost last. Gives its number.
    pub fn add(
        &mut self,
        instruction: u32,
        height: i32,
        uncounted: u32,
        items: impl Iterator<Item = (i32, Source)>,
        frames: &[u32],
    ) -> u32 {
        let start = self.items.len() as u32;
        self.items.extend(items);
        let items = (start, self.items.len() as u32);
        let start = self.frames.len() as u32;
        self.frames.extend_from_slice(frames);
        let frames = (start, self.frames.len() as u32);
        self.exits.push(Exit { instruction, height, uncounted, items, frames });
        self.exits.len() as u32 - 1
    }

    /// The descriptor with this number.
    pub fn get(&self, number: u32) -> &Exit {
        &self.exits[number as usize]
    }

    /// The items that are not in memory.
    pub fn items(&self, exit: &Exit) -> &[(i32, Source)] {
        &self.items[exit.items.0 as usize..exit.items.1 as usize]
    }

    /// The return places of inlined calls, innermost last.
    pub fn frames(&self, exit: &Exit) -> &[u32] {
        &self.frames[exit.frames.0 as usize..exit.frames.1 as usize]
    }
}
