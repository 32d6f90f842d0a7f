//! A state at work in an interpreter for 64 bits: what it reads all the time stands in locals.

use super::{State, get, set};
use crate::options::Heap;
use crate::value::{Value, ValueRef};
use std::sync::atomic::Ordering;

/// The stack's ends, the flat heap and the steps left, taken from a state that must have no big value alive. The state itself is
/// behind them until they are saved. Every access is checked; equal checks in a row fold to one.
pub(crate) struct Registers<'s, 'io> {
    state: &'s mut State<'io>,
    top: *mut i64,
    base: *mut i64,
    limit: *mut i64,
    heap: *mut i64,
    /// As in the header; 0 if stores and loads take more than that.
    flat_cells: u64,
    /// The steps left. Below 0 if a block has more instructions than may run.
    pub left: i64,
}

impl<'s, 'io> Registers<'s, 'io> {
    pub fn take(state: &'s mut State<'io>) -> Registers<'s, 'io> {
        let plain =
            state.heap_rule == Heap::Zero && get!(state, present).is_null() && state.big_values() == 0;
        Registers {
            top: get!(state, stack_top),
            base: get!(state, stack_base),
            limit: get!(state, stack_limit),
            heap: get!(state, heap),
            flat_cells: if plain { get!(state, flat_cells) } else { 0 },
            left: state.steps_left(),
            state,
        }
    }

    /// Writes them back, with the instruction that runs next.
    pub fn save(self, instruction: u32) {
        set!(self.state, stack_top, self.top);
        set!(self.state, steps_left, self.left);
        self.state.set_instruction(instruction);
    }

    /// The state, whose data stack and steps are not up to date.
    #[inline(always)]
    pub fn state(&mut self) -> &mut State<'io> {
        self.state
    }

    #[inline(always)]
    pub fn interrupted(&self) -> bool {
        self.state.shared.interrupt().load(Ordering::Relaxed) != 0
    }

    #[inline(always)]
    fn height(&self) -> usize {
        (self.top as usize).wrapping_sub(self.base as usize) / 8
    }

    /// The item that is `depth` items below the top one.
    #[inline(always)]
    pub fn item(&self, depth: usize) -> Option<i64> {
        if depth >= self.height() {
            return None;
        }
        // SAFETY: the item is between the base and the top, where cells were written.
        Some(unsafe { self.top.sub(depth + 1).read() })
    }

    /// The two top items, the top one last.
    #[inline(always)]
    pub fn two(&self) -> Option<(i64, i64)> {
        let a = self.item(1)?;
        Some((a, self.item(0)?))
    }

    /// Adds an item, if there is room.
    #[inline(always)]
    pub fn push(&mut self, value: i64) -> Option<()> {
        if self.top >= self.limit {
            return None;
        }
        // SAFETY: the cell is below the limit, so in the area.
        unsafe { self.top.write(value) };
        self.top = self.top.wrapping_add(1);
        Some(())
    }

    /// Whether there is room for items that come and go within a group.
    #[inline(always)]
    pub fn room_beside(&self, count: usize) -> Option<()> {
        let room = (self.limit as usize).wrapping_sub(self.top as usize) / 8;
        (count <= room).then_some(())
    }

    /// Removes items, if there are so many.
    #[inline(always)]
    pub fn drop(&mut self, count: usize) -> Option<()> {
        if count > self.height() {
            return None;
        }
        self.top = self.top.wrapping_sub(count);
        Some(())
    }

    /// Puts another value in the place of an item.
    #[inline(always)]
    pub fn set_item(&mut self, depth: usize, value: i64) -> Option<()> {
        if depth >= self.height() {
            return None;
        }
        // SAFETY: as for `item`.
        unsafe { self.top.sub(depth + 1).write(value) };
        Some(())
    }

    #[inline(always)]
    fn flat(&self, key: i64) -> Option<*mut i64> {
        let index = (key as u64).wrapping_add(super::FLAT_BELOW);
        (index < self.flat_cells).then(|| self.heap.wrapping_offset(key as isize))
    }

    /// What a cell holds, if that is no error.
    #[inline(always)]
    pub fn load(&self, key: i64) -> Option<i64> {
        match self.flat(key) {
            // SAFETY: `flat` gives only cells of the area.
            Some(cell) => Some(unsafe { cell.read() }),
            None => load_elsewhere(self.state, key),
        }
    }

    /// Writes a cell, if that is no error.
    #[inline(always)]
    pub fn store(&mut self, key: i64, value: i64) -> Option<()> {
        match self.flat(key) {
            Some(cell) => {
                // SAFETY: `flat` gives only cells of the area.
                unsafe { cell.write(value) };
                Some(())
            }
            None => store_elsewhere(self.state, key, value),
        }
    }
}

#[inline(never)]
fn load_elsewhere(state: &State<'_>, key: i64) -> Option<i64> {
    state.load(ValueRef::Small(key)).ok()?.small()
}

#[inline(never)]
fn store_elsewhere(state: &mut State<'_>, key: i64, value: i64) -> Option<()> {
    state.store(ValueRef::Small(key), Value::Small(value)).ok()
}
