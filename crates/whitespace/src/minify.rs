//! Programs in fewer tokens.

use crate::bits::BitBuffer;
use crate::instruction::Instruction;
use crate::program::Program;
use std::cmp::Reverse;

impl Program {
    /// The same program in fewer tokens: every number written the shortest way (an empty one stays so), and labels renamed to the shortest token
    /// strings by falling use, of which the definition is one; of equals the one that stands first. Behaviour and the count of
    /// instructions stay. What could not be parsed is gone. Minifying once more changes nothing.
    #[must_use]
    pub fn minify(&self) -> Program {
        let program = if self.odd_forms().is_empty() { self.clone() } else { self.with_plain_numbers() };
        program.renamed(false)
    }

    /// The same program with the shortest labels. What they are called in messages stays.
    pub(crate) fn with_short_labels(&self) -> Program {
        self.renamed(true)
    }

    fn renamed(&self, named: bool) -> Program {
        let mut uses = vec![0u32; self.label_count()];
        // Where a label stands: its definition, or else the first jump to it.
        let mut place: Vec<u32> = (0..self.label_count() as u32).map(|_| u32::MAX).collect();
        for (at, instruction) in self.instructions().iter().enumerate() {
            let Some(label) = instruction.label() else { continue };
            uses[label.index()] += 1;
            let defines = matches!(instruction, Instruction::Label(_));
            let known = self.definition(label);
            if place[label.index()] == u32::MAX && (defines || known.is_none()) {
                place[label.index()] = known.unwrap_or(at as u32);
            }
        }
        let mut order: Vec<u32> = (0..self.label_count() as u32).collect();
        order.sort_by_key(|id| (Reverse(uses[*id as usize]), place[*id as usize], *id));
        let mut rank = vec![0u32; order.len()];
        for (at, id) in order.iter().enumerate() {
            rank[*id as usize] = at as u32;
        }
        self.with_labels(rank.into_iter().map(shortest), named)
    }
}

/// The n-th token string by length, then S before T: the empty one, S, T, SS, ST, …
fn shortest(n: u32) -> BitBuffer {
    // The binary digits of n + 1 behind the first.
    let n = u64::from(n) + 1;
    let length = n.ilog2();
    BitBuffer::of_bits((0..length).rev().map(|at| n >> at & 1 == 1))
}
