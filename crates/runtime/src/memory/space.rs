//! Which parts of an address range are taken: best fit with coalescing, over offsets only.
//!
//! The range is `0..len`. Everything from `top` on has never been given out or has come back; holes below `top`
//! are kept twice, by place (to merge neighbours) and by size (to find the best fit). Both operations cost
//! O(log holes).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The free and taken parts of one range of offsets.
pub(crate) struct Space {
    len: usize,
    granule: usize,
    /// The end of the highest block taken.
    top: usize,
    /// The end of the highest block ever taken: what is above has never been used.
    highest: usize,
    /// Start to length of each hole below `top`; holes never touch each other or `top`.
    holes: BTreeMap<usize, usize>,
    /// The same holes as (length, start).
    by_len: BTreeSet<(usize, usize)>,
}

/// A block that was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    pub(crate) start: usize,
    /// The length in whole granules.
    pub(crate) len: usize,
    /// Whether any of it was in use before.
    pub(crate) reused: bool,
}

impl Space {
    /// A free range; blocks start and end at multiples of `granule`, a power of two.
    pub(crate) fn new(len: usize, granule: usize) -> Space {
        Space { len, granule, top: 0, highest: 0, holes: BTreeMap::new(), by_len: BTreeSet::new() }
    }

    /// Makes blocks taken from now on start and end at multiples of a larger granule.
    pub(crate) fn coarsen(&mut self, granule: usize) {
        self.granule = self.granule.max(granule);
    }

    /// The end of the highest block taken.
    #[cfg(test)]
    pub(crate) fn top(&self) -> usize {
        self.top
    }

    /// The end of the highest block ever taken.
    pub(crate) fn highest(&self) -> usize {
        self.highest
    }

    /// Takes a block of at least `len` bytes whose start is a multiple of `align`, a power of two. A block of no
    /// bytes takes nothing and is always granted.
    pub(crate) fn take(&mut self, len: usize, align: usize) -> Option<Taken> {
        if len == 0 {
            return Some(Taken { start: 0, len: 0, reused: false });
        }
        let align = align.max(self.granule);
        let len = len.checked_next_multiple_of(self.granule)?;
        if let Some(start) = self.best_fit(len, align) {
            return Some(Taken { start, len, reused: true });
        }
        let start = self.top.checked_next_multiple_of(align)?;
        let end = start.checked_add(len).filter(|end| *end <= self.len)?;
        if start > self.top {
            self.add_hole(self.top, start - self.top);
        }
        let reused = start < self.highest;
        self.top = end;
        self.highest = self.highest.max(end);
        Some(Taken { start, len, reused })
    }

    /// Gives a block back.
    pub(crate) fn give(&mut self, block: Taken) {
        if block.len == 0 {
            return;
        }
        let (mut start, mut len) = (block.start, block.len);
        if let Some((&before, &before_len)) = self.holes.range(..start).next_back()
            && before + before_len == start
        {
            self.remove_hole(before, before_len);
            (start, len) = (before, before_len + len);
        }
        if let Some(&after_len) = self.holes.get(&(start + len)) {
            self.remove_hole(start + len, after_len);
            len += after_len;
        }
        if start + len == self.top {
            self.top = start;
        } else {
            self.add_hole(start, len);
        }
    }

    /// The free parts of `range`, in ascending order.
    pub(crate) fn free_within(&self, range: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
        let first = match self.holes.range(..=range.start).next_back() {
            Some((&start, _)) => start,
            None => range.start,
        };
        let holes = self.holes.range(first..range.end.max(first)).map(|(&start, &len)| start..start + len);
        holes
            .chain(std::iter::once(self.top..self.len))
            .map(move |hole| hole.start.max(range.start)..hole.end.min(range.end))
            .filter(|hole| hole.start < hole.end)
    }

    fn best_fit(&mut self, len: usize, align: usize) -> Option<usize> {
        // A hole that is just long enough may be misaligned; one that is longer by the alignment always fits.
        let near = self.by_len.range((len, 0)..).take(8).find_map(|&(hole_len, start)| {
            let at = start.next_multiple_of(align);
            (at + len <= start + hole_len).then_some((start, hole_len, at))
        });
        let found = near.or_else(|| {
            let &(hole_len, start) = self.by_len.range((len.checked_add(align)?, 0)..).next()?;
            Some((start, hole_len, start.next_multiple_of(align)))
        });
        let (start, hole_len, at) = found?;
        self.remove_hole(start, hole_len);
        if at > start {
            self.add_hole(start, at - start);
        }
        if at + len < start + hole_len {
            self.add_hole(at + len, start + hole_len - at - len);
        }
        Some(at)
    }

    fn add_hole(&mut self, start: usize, len: usize) {
        self.holes.insert(start, len);
        self.by_len.insert((len, start));
    }

    fn remove_hole(&mut self, start: usize, len: usize) {
        self.holes.remove(&start);
        self.by_len.remove(&(len, start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_merge_and_the_top_falls_back() {
        let mut space = Space::new(1024, 16);
        let blocks: Vec<Taken> = (0..4).map(|_| space.take(20, 16).unwrap()).collect();
        assert_eq!(blocks[3].start, 96);
        space.give(blocks[0]);
        space.give(blocks[2]);
        space.give(blocks[1]);
        assert_eq!(space.take(96, 16).unwrap(), Taken { start: 0, len: 96, reused: true });
        space.give(Taken { start: 0, len: 96, reused: false });
        space.give(blocks[3]);
        assert_eq!(space.top(), 0);
        assert!(space.holes.is_empty() && space.by_len.is_empty());
    }

    #[test]
    fn blocks_never_overlap_and_everything_comes_back() {
        let mut space = Space::new(1 << 16, 16);
        let mut state = 0x2545_f491_4f6c_dd1du64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        let mut live: Vec<Taken> = Vec::new();
        for _ in 0..20_000 {
            if random() % 2 == 0 || live.is_empty() {
                let (len, align) = (random() % 700 + 1, 1usize << (random() % 9));
                if let Some(block) = space.take(len, align) {
                    assert_eq!(block.start % align, 0);
                    assert!(block.len >= len && block.start + block.len <= 1 << 16);
                    for other in &live {
                        assert!(
                            block.start + block.len <= other.start || other.start + other.len <= block.start
                        );
                    }
                    live.push(block);
                }
            } else {
                let at = random() % live.len();
                space.give(live.swap_remove(at));
            }
        }
        let free: usize = space.free_within(0..1 << 16).map(|r| r.len()).sum();
        assert_eq!(free + live.iter().map(|b| b.len).sum::<usize>(), 1 << 16);
        live.drain(..).for_each(|block| space.give(block));
        assert_eq!(space.top(), 0);
    }

    #[test]
    fn a_full_range_refuses() {
        let mut space = Space::new(64, 16);
        assert!(space.take(65, 16).is_none());
        assert!(space.take(64, 16).is_some());
        assert!(space.take(1, 16).is_none());
        assert!(space.take(usize::MAX, 16).is_none());
    }
}
