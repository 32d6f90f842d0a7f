//! Memory that goes from phase to phase: they run one after the other, and none needs its large arrays when it has run. So a
//! compile takes the memory of its hungriest phase and not that of all, and what is touched is in the caches already.
//!
//! What a phase finds in it is what the one before left there; it clears what it takes.

use super::Taken;
use super::cfg::Cfg;
use super::dead;
use super::loops::Loops;
use kiln_ir::VReg;

/// What a phase finds and leaves.
#[derive(Clone, Debug, Default)]
pub struct Lent {
    /// Code that a pass takes out of a body to write it anew; SSA construction drafts there what it writes to the body.
    pub taken: Taken,
    /// The graph of what the phase works on, and its loops.
    pub cfg: Cfg,
    /// See above.
    pub loops: Loops,
    /// Tables of a word for each value or instruction.
    words: [Vec<u32>; 5],
    /// Tables of values for values or registers.
    pub values: Vec<VReg>,
    /// A table of four words for each value or instruction.
    pub quads: Vec<[u32; 4]>,
    /// Tables of a bit for each.
    bits: [Vec<bool>; 2],
    /// Of the sweep, which several phases ask for.
    pub dead: dead::Scratch,
}

/// What works in memory that is lent.
pub trait Borrower {
    /// Exchanges arrays of its own with what is lent: before it works to take them, and behind it to give them back.
    fn exchange(&mut self, lent: &mut Lent);
}

impl Lent {
    /// Lends to a phase as long as it runs. It gets the memory for code separately.
    #[inline]
    pub fn with<B: Borrower, R>(&mut self, borrower: &mut B, run: impl FnOnce(&mut B, &mut Taken) -> R) -> R {
        borrower.exchange(self);
        let result = run(borrower, &mut self.taken);
        borrower.exchange(self);
        result
    }

    /// Exchanges tables of words, from one of the five on.
    pub fn words<const N: usize>(&mut self, from: usize, tables: [&mut Vec<u32>; N]) {
        debug_assert!(from + N <= self.words.len());
        tables.into_iter().zip(&mut self.words[from..]).for_each(|(own, lent)| std::mem::swap(own, lent));
    }

    /// Exchanges tables of bits.
    pub fn bits<const N: usize>(&mut self, tables: [&mut Vec<bool>; N]) {
        const { assert!(N <= 2) };
        tables.into_iter().zip(&mut self.bits).for_each(|(own, lent)| std::mem::swap(own, lent));
    }
}

/// Exchanges the memory of two arrays of different things of one size. They are empty then.
pub fn swap<T: Copy, U: Copy>(own: &mut Vec<T>, lent: &mut Vec<U>) {
    const { assert!(size_of::<T>() == size_of::<U>() && align_of::<T>() == align_of::<U>()) };
    let given = recast(std::mem::take(lent));
    *lent = recast(std::mem::replace(own, given));
}

/// An empty array in the memory of another one: collecting from an array that is given away takes over its memory, if the
/// elements are of one size.
fn recast<T: Copy, U: Copy>(mut array: Vec<T>) -> Vec<U> {
    array.clear();
    array.into_iter().map(|_| -> U { unreachable!("it is empty") }).collect()
}

/// Makes a table of so many elements, all alike.
#[inline]
pub fn fill<T: Copy>(table: &mut Vec<T>, len: usize, with: T) {
    make_room(table, len);
    table.resize(len, with);
}

/// Empties an array and makes room for so many elements: no more than that (or what functions of about that size need),
/// and what was too small is given back first.
#[inline]
pub fn make_room<T>(array: &mut Vec<T>, len: usize) {
    array.clear();
    if array.capacity() < len {
        *array = Vec::new();
        array.reserve_exact(len.next_multiple_of(64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_of_one_size_take_each_others_memory() {
        let mut one: Vec<(u32, [u16; 6])> = Vec::with_capacity(100);
        let mut other: Vec<[u32; 4]> = Vec::new();
        one.push((1, [2; 6]));
        let place = one.as_ptr().addr();
        swap(&mut one, &mut other);
        assert_eq!((one.capacity(), other.len(), other.capacity()), (0, 0, 100));
        assert_eq!(other.as_ptr().addr(), place);
    }
}
