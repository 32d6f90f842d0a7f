//! Where switches and jumps through label sets go, indexed on first use: a program that runs through each of 10^5 cases
//! or labels takes steps in proportion to that number, not to its square.

use crate::entity::{Block, FuncId};
use crate::function::{Function, InstData};
use std::collections::{HashMap, HashSet};

#[derive(Debug, Default)]
pub(super) struct Dispatch {
    /// By function and instruction: the blocks of a switch's cases, by value.
    cases: HashMap<(FuncId, usize), HashMap<u64, Block>>,
    /// By function and label set: its blocks.
    sets: HashMap<(FuncId, u32), HashSet<Block>>,
}

impl Dispatch {
    /// Where a switch goes for a value: switch and value are those of `func`, the switch stands at `at`, values are
    /// equal if `cut` makes them so.
    pub(super) fn case(
        &mut self,
        f: &Function,
        (func, at): (FuncId, usize),
        inst: &InstData,
        cut: impl Fn(u64) -> u64,
        value: u64,
    ) -> Block {
        let (default, cases) = f.cases(inst);
        let index = self
            .cases
            .entry((func, at))
            .or_insert_with(|| cases.map(|(value, block)| (cut(value as u64), block)).collect());
        index.get(&cut(value)).copied().unwrap_or(default)
    }

    /// Whether a block is in a label set.
    pub(super) fn contains(&mut self, f: &Function, func: FuncId, set: u32, block: Block) -> bool {
        let blocks = || f.label_sets()[set as usize].iter().copied().collect();
        self.sets.entry((func, set)).or_insert_with(blocks).contains(&block)
    }
}
