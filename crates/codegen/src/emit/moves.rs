//! Parallel moves: several registers get new contents as if at once.

use crate::regs::{COUNT, Reg, RegSet};

/// A step of carrying out parallel moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Copy the second to the first.
    Move(Reg, Reg),
    /// Exchange the two.
    Swap(Reg, Reg),
}

/// Moves between registers, at most one to each destination.
#[derive(Clone, Copy, Debug)]
pub struct ParallelMoves {
    /// Where each destination's value comes from.
    from: [Reg; COUNT],
    /// The destinations still to be written.
    to: RegSet,
    /// How many destinations still wait for each register's old contents.
    readers: [u8; COUNT],
}

impl Default for ParallelMoves {
    fn default() -> ParallelMoves {
        ParallelMoves { from: [Reg::NONE; COUNT], to: RegSet::EMPTY, readers: [0; COUNT] }
    }
}

impl ParallelMoves {
    /// Adds a move. A register may be read by several, written by one.
    pub fn add(&mut self, to: Reg, from: Reg) {
        if to != from {
            self.from[to.0 as usize] = from;
            self.to = self.to.with(to.set());
            self.readers[from.0 as usize] += 1;
        }
    }

    /// Gives the steps in an order that carries all moves out. O(moves).
    pub fn resolve(mut self, mut step: impl FnMut(Step)) {
        let mut ready: u64 =
            self.to.iter().filter(|r| self.readers[r.0 as usize] == 0).fold(0, |s, r| s | r.set().0);
        loop {
            while ready != 0 {
                let to = Reg(ready.trailing_zeros() as u8);
                ready &= ready - 1;
                let from = self.from[to.0 as usize];
                step(Step::Move(to, from));
                self.to = self.to.without(to.set());
                self.readers[from.0 as usize] -= 1;
                if self.readers[from.0 as usize] == 0 && self.to.has(from) {
                    ready |= from.set().0;
                }
            }
            // Only cycles are left, each register read exactly once: an exchange shortens one by one member.
            let Some(to) = self.to.first() else { return };
            let from = self.from[to.0 as usize];
            step(Step::Swap(to, from));
            self.to = self.to.without(to.set());
            // What `from` held is in place; who wanted `to`'s old contents finds them in `from`.
            let waiting = self.to.iter().find(|r| self.from[r.0 as usize] == to);
            if let Some(waiting) = waiting {
                self.readers[to.0 as usize] -= 1;
                if waiting == from {
                    self.to = self.to.without(from.set());
                } else {
                    self.from[waiting.0 as usize] = from;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Carries out every mapping of four registers and compares with doing it at once.
    #[test]
    fn every_mapping_of_four_registers() {
        for code in 0..4u32.pow(4) * 16 {
            let mut moves = ParallelMoves::default();
            let mut want = [0u8, 1, 2, 3];
            for to in 0..4u8 {
                if code >> (8 + to) & 1 != 0 {
                    let from = (code >> (2 * to) & 3) as u8;
                    moves.add(Reg(to), Reg(from));
                    want[to as usize] = from;
                }
            }
            let mut state = [0u8, 1, 2, 3];
            moves.resolve(|s| match s {
                Step::Move(to, from) => state[to.0 as usize] = state[from.0 as usize],
                Step::Swap(a, b) => state.swap(a.0 as usize, b.0 as usize),
            });
            assert_eq!(state, want, "mapping {code:#x}");
        }
    }
}
