//! The heap: flat cells for the keys that programs use, hash maps for all others.

use super::{FLAT_BELOW, MARK, State, get, set, size};
use crate::Integer;
use crate::fault::{FaultKind, Resource};
use crate::options::Heap;
use crate::value::{Value, ValueRef};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Mixes keys of 64 bits by a multiplication whose halves are folded, so that all bits of the key count in all of the hash.
#[derive(Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9E37_79B9_7F4A_7C15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type ByKey<V> = HashMap<i64, V, BuildHasherDefault<Mix>>;

/// What is not in flat cells.
#[derive(Default)]
pub(super) struct Rest {
    /// Cells with keys of 64 bits outside of the flat part.
    far: ByKey<i64>,
    /// The big values of cells with keys of 64 bits, flat and far ones. Their cells hold the mark.
    big: ByKey<Integer>,
    /// Cells with keys beyond 64 bits.
    beyond: HashMap<Integer, Value>,
    /// How many cells were written, where they are counted.
    written: u64,
    /// The largest key written, if it is beyond 64 bits and that matters.
    largest: Option<Integer>,
    /// The bytes that the integers in these maps take.
    bytes: u64,
}

impl Rest {
    #[inline]
    pub fn big_values(&self) -> usize {
        self.big.len()
    }
}

/// About what an entry of a map takes, with its share of free places.
const ENTRY: u64 = 40;

fn value_size(value: ValueRef<'_>) -> u64 {
    value.small().map_or_else(|| size(&value.integer()), |_| 0)
}

impl State<'_> {
    #[inline]
    fn flat(&self, key: i64) -> Option<*mut i64> {
        let index = (key as u64).wrapping_add(FLAT_BELOW);
        (index < get!(self, flat_cells)).then(|| get!(self, heap).wrapping_offset(key as isize))
    }

    /// The word and the bit that say whether a flat cell was written, if that is kept.
    #[inline]
    fn presence(&self, key: i64) -> Option<(*mut u64, u64)> {
        let index = (key as u64).wrapping_add(FLAT_BELOW);
        let present = get!(self, present);
        (!present.is_null()).then(|| (present.wrapping_add((index / 64) as usize), 1 << (index % 64)))
    }

    /// What a cell holds.
    ///
    /// # Errors
    /// [`FaultKind::HeapUnset`] and [`FaultKind::HeapKey`], as the options say.
    #[inline]
    pub fn load(&self, key: ValueRef<'_>) -> Result<ValueRef<'_>, FaultKind> {
        if let (ValueRef::Small(key), Heap::Zero) = (key, self.heap_rule)
            && let Some(cell) = self.flat(key)
        {
            // SAFETY: `flat` gives only cells of the area.
            let value = unsafe { cell.read() };
            return Ok(self.meant(key, value));
        }
        self.load_checked(key)
    }

    /// What a cell with a key of 64 bits holds, given its bits.
    #[inline]
    fn meant(&self, key: i64, value: i64) -> ValueRef<'_> {
        if value == MARK
            && let Some(big) = self.heap.big.get(&key)
        {
            return ValueRef::Big(big);
        }
        ValueRef::Small(value)
    }

    fn load_checked(&self, key: ValueRef<'_>) -> Result<ValueRef<'_>, FaultKind> {
        let found = match key {
            ValueRef::Small(small) => self.cell_at(small).map(|value| self.meant(small, value)),
            ValueRef::Big(big) => self.heap.beyond.get(big).map(Value::as_ref),
        };
        match (self.heap_rule, found) {
            (Heap::Wspace, _) if is_negative(key) => {
                Err(FaultKind::HeapKey { key: key.integer().into_owned() })
            }
            (_, Some(value)) => Ok(value),
            (Heap::Zero, None) => Ok(ValueRef::Small(0)),
            (Heap::Wspace, None) if self.is_below_largest(key) => Ok(ValueRef::Small(0)),
            (Heap::Error | Heap::Wspace, None) => {
                Err(FaultKind::HeapUnset { key: key.integer().into_owned() })
            }
        }
    }

    /// The bits of a cell, if it was written as far as that is known: flat cells without a bit hold 0 and count as unset.
    fn cell_at(&self, key: i64) -> Option<i64> {
        let Some(cell) = self.flat(key) else { return self.heap.far.get(&key).copied() };
        if let Some((word, bit)) = self.presence(key) {
            // SAFETY: the word belongs to a flat cell, so it is in the area.
            return (unsafe { word.read() } & bit != 0).then(|| {
                // SAFETY: `flat` gives only cells of the area.
                unsafe { cell.read() }
            });
        }
        // SAFETY: as above.
        Some(unsafe { cell.read() }).filter(|value| *value != 0)
    }

    /// Whether a key is at most the largest one written, as far as that is kept.
    pub(crate) fn is_below_largest(&self, key: ValueRef<'_>) -> bool {
        match (key, &self.heap.largest) {
            (ValueRef::Small(key), None) => key <= get!(self, largest_key),
            (ValueRef::Small(_), Some(_)) => true,
            (ValueRef::Big(_), None) => false,
            (ValueRef::Big(key), Some(largest)) => key <= largest,
        }
    }

    /// Whether a cell can be written.
    ///
    /// # Errors
    /// [`FaultKind::HeapKey`] and limits.
    pub fn may_store(&self, key: ValueRef<'_>, value: ValueRef<'_>) -> Result<(), FaultKind> {
        if self.heap_rule == Heap::Wspace && is_negative(key) {
            return Err(FaultKind::HeapKey { key: key.integer().into_owned() });
        }
        if let Some(limit) = self.limits.heap
            && self.heap.written >= limit
            && self.is_new(key)
        {
            return Err(FaultKind::Limit { resource: Resource::Heap, limit });
        }
        let flat = key.small().is_some_and(|key| self.flat(key).is_some());
        if (!flat || value.small().is_none()) && !self.has_memory(value_size(value)) {
            return Err(self.no_memory());
        }
        Ok(())
    }

    /// Whether so many more bytes may be used for big values and cells outside of the flat part.
    pub fn has_memory(&self, bytes: u64) -> bool {
        let rest = &self.heap;
        let entries = rest.far.len() + rest.big.len() + rest.beyond.len() + self.stack.len();
        entries as u64 * ENTRY + rest.bytes + self.stack.bytes() + bytes <= self.memory.sizes.rest
    }

    /// The fault of big values or a heap that take more memory than there may be.
    #[cold]
    pub fn no_memory(&self) -> FaultKind {
        FaultKind::Limit { resource: Resource::Memory, limit: self.memory.sizes.rest }
    }

    /// Whether a cell was never written, as far as that is known.
    pub(crate) fn is_new(&self, key: ValueRef<'_>) -> bool {
        match key {
            ValueRef::Small(key) => self.cell_at(key).is_none(),
            ValueRef::Big(key) => !self.heap.beyond.contains_key(key),
        }
    }

    /// Writes a cell.
    ///
    /// # Errors
    /// As [`State::may_store`].
    #[inline]
    pub fn store(&mut self, key: ValueRef<'_>, value: Value) -> Result<(), FaultKind> {
        if let (ValueRef::Small(key), &Value::Small(value), Heap::Zero) = (key, &value, self.heap_rule)
            && let Some(cell) = self.flat(key)
            && get!(self, present).is_null()
            && self.heap.big.is_empty()
        {
            // SAFETY: `flat` gives only cells of the area.
            unsafe { cell.write(value) };
            return Ok(());
        }
        self.store_checked(key, value)
    }

    fn store_checked(&mut self, key: ValueRef<'_>, value: Value) -> Result<(), FaultKind> {
        self.may_store(key, value.as_ref())?;
        if self.limits.heap.is_some() && self.is_new(key) {
            self.heap.written += 1;
        }
        if self.heap_rule == Heap::Wspace {
            self.note_largest(key);
        }
        match key {
            ValueRef::Small(key) => self.write_cell(key, value),
            ValueRef::Big(key) => {
                self.heap.bytes += value_size(value.as_ref());
                match self.heap.beyond.insert(key.clone(), value) {
                    Some(old) => self.heap.bytes -= value_size(old.as_ref()),
                    None => self.heap.bytes += size(key),
                }
            }
        }
        Ok(())
    }

    fn note_largest(&mut self, key: ValueRef<'_>) {
        match key {
            ValueRef::Small(key) => set!(self, largest_key, get!(self, largest_key).max(key)),
            ValueRef::Big(key) => {
                set!(self, largest_key, i64::MAX);
                if self.heap.largest.as_ref().is_none_or(|largest| largest < key) {
                    self.heap.largest = Some(key.clone());
                }
            }
        }
    }

    fn write_cell(&mut self, key: i64, value: Value) {
        let bits = match value {
            Value::Small(small) => {
                if !self.heap.big.is_empty()
                    && let Some(old) = self.heap.big.remove(&key)
                {
                    self.heap.bytes -= size(&old);
                }
                small
            }
            Value::Big(big) => {
                self.heap.bytes += size(&big);
                if let Some(old) = self.heap.big.insert(key, big) {
                    self.heap.bytes -= size(&old);
                }
                MARK
            }
        };
        let Some(cell) = self.flat(key) else {
            self.heap.far.insert(key, bits);
            return;
        };
        // SAFETY: `flat` gives only cells of the area.
        unsafe { cell.write(bits) };
        if let Some((word, bit)) = self.presence(key) {
            // SAFETY: the word belongs to a flat cell, so it is in the area.
            unsafe { word.write(word.read() | bit) };
        }
    }

    /// The cells that were written, by rising key. Where nothing depends on it whether a cell that holds 0 was written, these
    /// do not count: that is where unset cells are 0, unless the heap is limited.
    pub fn heap(&self) -> Vec<(Integer, Value)> {
        let with_zeros = !self.memory.present.is_null();
        let mut small: Vec<(i64, i64)> = self.heap.far.iter().map(|(key, value)| (*key, *value)).collect();
        for range in self.memory.touched() {
            let keys = range.map(|index| index.wrapping_sub(FLAT_BELOW) as i64);
            small.extend(keys.filter_map(|key| Some((key, self.cell_at(key)?))));
        }
        small.sort_unstable();
        let small = small.into_iter().map(|(key, bits)| (key.into(), self.meant(key, bits).to_value()));
        let mut cells: Vec<(Integer, Value)> = small.collect();
        cells.extend(self.heap.beyond.iter().map(|(key, value)| (key.clone(), value.clone())));
        cells.sort_by(|(one, _), (other, _)| one.cmp(other));
        cells.retain(|(_, value)| with_zeros || *value != Value::Small(0));
        cells
    }
}

fn is_negative(key: ValueRef<'_>) -> bool {
    match key {
        ValueRef::Small(key) => key < 0,
        ValueRef::Big(key) => *key < Integer::ZERO,
    }
}
