//! The data stack while a block is translated: for each item what is known of it.
//!
//! Items are named by their distance from the region's address `sp`. Those of the window are in memory, constants, or in
//! registers of the IR; all below are in memory. An item is *dirty* if memory does not have it: exits list these, calls and
//! the ends of regions write them.

use kiln::VReg;

/// What is known of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// It is in memory and nowhere else.
    Memory,
    /// It is this number.
    Constant(i64),
    /// It is in a register, and not outside of the range.
    Register(VReg, Range),
}

/// The least and the greatest that a value can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// The least.
    pub low: i64,
    /// The greatest.
    pub high: i64,
}

impl Range {
    /// Any value.
    pub const ANY: Range = Range { low: i64::MIN, high: i64::MAX };

    /// Of a constant.
    pub fn of(value: i64) -> Range {
        Range { low: value, high: value }
    }

    /// Of a sum, if it cannot overflow.
    pub fn add(self, other: Range) -> Option<Range> {
        Some(Range { low: self.low.checked_add(other.low)?, high: self.high.checked_add(other.high)? })
    }

    /// Of a difference, if it cannot overflow.
    pub fn sub(self, other: Range) -> Option<Range> {
        Some(Range { low: self.low.checked_sub(other.high)?, high: self.high.checked_sub(other.low)? })
    }

    /// Of a product, if it cannot overflow.
    pub fn mul(self, other: Range) -> Option<Range> {
        let ends = [
            self.low.checked_mul(other.low)?,
            self.low.checked_mul(other.high)?,
            self.high.checked_mul(other.low)?,
            self.high.checked_mul(other.high)?,
        ];
        let [a, b, c, d] = ends;
        Some(Range { low: a.min(b).min(c).min(d), high: a.max(b).max(c).max(d) })
    }

    /// Whether every value of it is in the other.
    pub fn within(self, low: i64, high: i64) -> bool {
        low <= self.low && self.high <= high
    }
}

impl Value {
    /// What it can be.
    pub fn range(self) -> Range {
        match self {
            Value::Memory => Range::ANY,
            Value::Constant(value) => Range::of(value),
            Value::Register(_, range) => range,
        }
    }
}

/// An item of the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item {
    /// What is known of it.
    pub value: Value,
    /// Whether memory does not have it.
    pub dirty: bool,
}

/// The window.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// The place of the lowest item of the window.
    pub low: i32,
    /// The items, the top one last.
    pub items: Vec<Item>,
}

impl Stack {
    /// The place behind the top item.
    pub fn height(&self) -> i32 {
        self.low + self.items.len() as i32
    }

    /// The item at a place, if it is in the window.
    pub fn get(&self, place: i32) -> Option<&Item> {
        self.items.get(usize::try_from(place - self.low).ok()?)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, place: i32) -> Option<&mut Item> {
        self.items.get_mut(usize::try_from(place - self.low).ok()?)
    }

    /// Pushes what memory does not have.
    pub fn push(&mut self, value: Value) {
        self.items.push(Item { value, dirty: true });
    }

    /// Removes items from the top; the window goes down with them.
    pub fn remove(&mut self, count: i32) {
        let height = self.height() - count;
        if height >= self.low {
            self.items.truncate((height - self.low) as usize);
        } else {
            self.items.clear();
            self.low = height;
        }
    }

    /// Begins anew with nothing in the window.
    pub fn reset(&mut self, height: i32) {
        self.items.clear();
        self.low = height;
    }
}
