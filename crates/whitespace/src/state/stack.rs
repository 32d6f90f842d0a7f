//! The data stack.

use super::{MARK, State, exhausted, get, set, size};
use crate::Integer;
use crate::fault::{FaultKind, Resource};
use crate::value::{Value, ValueRef};

/// The big values of the data stack by their places from the bottom, in rising order: most are used at the end.
#[derive(Default)]
pub(super) struct BigItems {
    items: Vec<(u64, Integer)>,
    /// The bytes that they take.
    bytes: u64,
}

impl BigItems {
    #[inline]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn find(&self, place: u64) -> Result<usize, usize> {
        match self.items.last() {
            Some((last, _)) if *last == place => Ok(self.items.len() - 1),
            Some((last, _)) if *last < place => Err(self.items.len()),
            _ => self.items.binary_search_by_key(&place, |(known, _)| *known),
        }
    }

    fn get(&self, place: u64) -> Option<&Integer> {
        self.find(place).ok().map(|at| &self.items[at].1)
    }

    fn remove(&mut self, place: u64) -> Option<Integer> {
        let (_, value) = self.items.remove(self.find(place).ok()?);
        self.bytes -= size(&value);
        Some(value)
    }

    /// The place has no big value.
    fn insert(&mut self, place: u64, value: Integer) {
        self.bytes += size(&value);
        let at = self.find(place).unwrap_or_else(|at| at);
        self.items.insert(at, (place, value));
    }

    /// Forgets those from this place on.
    fn truncate(&mut self, height: u64) {
        while let Some((_, value)) = self.items.pop_if(|(place, _)| *place >= height) {
            self.bytes -= size(&value);
        }
    }
}

impl State<'_> {
    /// How many items the data stack holds.
    #[inline]
    pub fn height(&self) -> u64 {
        let (base, top) = (get!(self, stack_base), get!(self, stack_top));
        // SAFETY: both point into the same area, the base not above the top.
        unsafe { top.offset_from_unsigned(base) as u64 }
    }

    /// The cell that is `depth` items below the top one.
    #[inline]
    fn cell(&self, depth: u64) -> Option<*mut i64> {
        (depth < self.height()).then(|| get!(self, stack_top).wrapping_sub(depth as usize + 1))
    }

    #[inline]
    fn place(&self, depth: u64) -> u64 {
        self.height() - 1 - depth
    }

    /// The item that is `depth` items below the top one.
    #[inline]
    pub fn item(&self, depth: u64) -> Option<ValueRef<'_>> {
        let cell = self.cell(depth)?;
        // SAFETY: `cell` gives only cells of items.
        let value = unsafe { cell.read() };
        if value == MARK
            && let Some(big) = self.stack.get(self.place(depth))
        {
            return Some(ValueRef::Big(big));
        }
        Some(ValueRef::Small(value))
    }

    /// The items, the top one last.
    pub fn items(&self) -> impl ExactSizeIterator<Item = ValueRef<'_>> {
        let (base, height) = (get!(self, stack_base), self.height() as usize);
        (0..height).map(move |place| {
            // SAFETY: the place is that of an item.
            let value = unsafe { base.add(place).read() };
            let big = if value == MARK { self.stack.get(place as u64) } else { None };
            big.map_or(ValueRef::Small(value), ValueRef::Big)
        })
    }

    /// How many items there may be.
    pub fn stack_capacity(&self) -> u64 {
        let (base, limit) = (get!(self, stack_base), get!(self, stack_limit));
        (limit as u64 - base as u64) / 8
    }

    /// Puts another value in the place of an item. Gives false if there is none.
    pub fn set_item(&mut self, depth: u64, value: Value) -> bool {
        let Some(cell) = self.cell(depth) else { return false };
        let place = self.place(depth);
        // SAFETY: `cell` gives only cells of items.
        if unsafe { cell.read() } == MARK {
            self.stack.remove(place);
        }
        let small = match value {
            Value::Small(small) => small,
            Value::Big(big) => {
                self.stack.insert(place, big);
                MARK
            }
        };
        // SAFETY: as above.
        unsafe { cell.write(small) };
        true
    }

    /// Adds an item.
    ///
    /// # Errors
    /// A limit, if the stack is full, or a big value finds no memory.
    #[inline]
    pub fn push(&mut self, value: Value) -> Result<(), FaultKind> {
        let top = get!(self, stack_top);
        if top >= get!(self, stack_limit) {
            return Err(self.stack_full());
        }
        let small = match value {
            Value::Small(small) => small,
            Value::Big(big) => {
                if !self.has_memory(size(&big)) {
                    return Err(self.no_memory());
                }
                self.stack.insert(self.height(), big);
                MARK
            }
        };
        // SAFETY: the cell is below the limit, so in the area.
        unsafe { top.write(small) };
        set!(self, stack_top, top.wrapping_add(1));
        Ok(())
    }

    /// Whether another item fits.
    ///
    /// # Errors
    /// A limit, if not.
    pub fn room(&self) -> Result<(), FaultKind> {
        if get!(self, stack_top) >= get!(self, stack_limit) { Err(self.stack_full()) } else { Ok(()) }
    }

    /// Removes the top item.
    #[inline]
    pub fn pop(&mut self) -> Option<Value> {
        let cell = self.cell(0)?;
        // SAFETY: `cell` gives only cells of items.
        let small = unsafe { cell.read() };
        let place = self.place(0);
        set!(self, stack_top, cell);
        if small == MARK
            && let Some(big) = self.stack.remove(place)
        {
            return Some(Value::Big(big));
        }
        Some(Value::Small(small))
    }

    /// Removes `count` items, or all if there are fewer.
    pub fn remove_items(&mut self, count: u64) {
        let left = self.height() - count.min(self.height());
        self.stack.truncate(left);
        set!(self, stack_top, get!(self, stack_base).wrapping_add(left as usize));
    }

    /// The fault of one item more than there may be.
    #[cold]
    pub fn stack_full(&self) -> FaultKind {
        exhausted(Resource::Stack, self.limits.stack, self.memory.sizes.stack, 8)
    }
}
