//! Loop inversion: `while (test) body` becomes `if (test) do body while (test)`, which saves a jump per round and
//! lets what the body needs be computed before the loop.
//!
//! It is done by copying the test. The block that begins a loop and may leave it stays for those that come from
//! outside; those that come back go to a copy behind the body. Each copy goes where its original goes, so both are
//! the same code, and since registers are variables nothing else changes.

use kiln_ir::{Block, Function, Op};

/// The most instructions of a test that is copied.
const MOST: usize = 16;
const NOWHERE: u32 = u32::MAX;

/// Which blocks are copied, and who goes to the copies.
pub(super) struct Plan {
    copied: Vec<bool>,
    dominators: Dominators,
}

impl Plan {
    /// Finds the loops worth inverting: their first block may leave them, and some block goes back to it without a test.
    pub fn new(f: &Function) -> Plan {
        let successors: Vec<Vec<u32>> = (0..f.blocks().len()).map(|n| successors(f, n)).collect();
        let dominators = Dominators::new(&successors);
        let mut predecessors = vec![Vec::new(); successors.len()];
        for (from, to) in successors.iter().enumerate() {
            for to in to {
                predecessors[*to as usize].push(from as u32);
            }
        }
        let copied = (0..successors.len() as u32).map(|head| {
            let body = body(head, &predecessors, &dominators);
            let range = f.block_range(Block(head));
            let last = &f.insts()[range.end - 1];
            let leaves = |to: &u32| !body.contains(to);
            !body.is_empty()
                && range.len() <= MOST
                && matches!(last.op, Op::Branch | Op::Fbranch)
                && successors[head as usize].iter().any(leaves)
                && successors[head as usize].iter().any(|to| !leaves(to) && *to != head)
                && body.iter().any(|from| successors[*from as usize] == [head])
        });
        Plan { copied: copied.collect(), dominators }
    }

    /// Whether there is a copy of this block.
    pub fn is_copied(&self, block: usize) -> bool {
        self.copied[block]
    }

    /// Whether a block that goes to another goes to the copy: it comes back to the loop's start.
    pub fn goes_to_copy(&self, from: usize, to: usize) -> bool {
        self.copied[to] && self.dominators.dominates(to as u32, from as u32)
    }
}

fn successors(f: &Function, block: usize) -> Vec<u32> {
    let mut successors = Vec::new();
    for inst in &f.insts()[f.block_range(Block(block as u32))] {
        f.for_each_target(inst, |to| successors.push(to.0));
    }
    if matches!(f.insts()[f.block_range(Block(block as u32)).end - 1].op, Op::Branch | Op::Fbranch) {
        successors.push(block as u32 + 1);
    }
    successors
}

/// The blocks of the loop that this block begins, in order; none if it begins none.
fn body(head: u32, predecessors: &[Vec<u32>], dominators: &Dominators) -> Vec<u32> {
    let back = predecessors[head as usize].iter().filter(|from| dominators.dominates(head, **from));
    let mut waiting: Vec<u32> = back.copied().collect();
    let mut body = Vec::new();
    if !waiting.is_empty() {
        body.push(head);
    }
    while let Some(block) = waiting.pop() {
        if !body.contains(&block) {
            body.push(block);
            waiting.extend(&predecessors[block as usize]);
        }
    }
    body
}

/// The immediate dominators, by the iterative algorithm of Cooper, Harvey and Kennedy.
struct Dominators {
    /// For each block its place in reverse postorder; [`NOWHERE`] if it is not reached.
    place: Vec<u32>,
    immediate: Vec<u32>,
}

impl Dominators {
    fn new(successors: &[Vec<u32>]) -> Dominators {
        let order = reverse_postorder(successors);
        let mut place = vec![NOWHERE; successors.len()];
        for (n, block) in order.iter().enumerate() {
            place[*block as usize] = n as u32;
        }
        let mut found = Dominators { place, immediate: vec![NOWHERE; successors.len()] };
        found.immediate[0] = 0;
        let mut changed = true;
        while std::mem::take(&mut changed) {
            for from in &order {
                for to in &successors[*from as usize] {
                    let old = found.immediate[*to as usize];
                    let new = if old == NOWHERE { *from } else { found.meet(old, *from) };
                    if *to != 0 && new != old {
                        found.immediate[*to as usize] = new;
                        changed = true;
                    }
                }
            }
        }
        found
    }

    fn meet(&self, mut a: u32, mut b: u32) -> u32 {
        while a != b {
            if self.place[a as usize] > self.place[b as usize] {
                a = self.immediate[a as usize];
            } else {
                b = self.immediate[b as usize];
            }
        }
        a
    }

    fn dominates(&self, a: u32, mut b: u32) -> bool {
        if self.place[a as usize] == NOWHERE || self.place[b as usize] == NOWHERE {
            return false;
        }
        while self.place[b as usize] > self.place[a as usize] {
            b = self.immediate[b as usize];
        }
        a == b
    }
}

fn reverse_postorder(successors: &[Vec<u32>]) -> Vec<u32> {
    let mut seen = vec![false; successors.len()];
    seen[0] = true;
    let (mut order, mut path) = (Vec::new(), vec![(0u32, 0)]);
    while let Some((block, next)) = path.last_mut() {
        match successors[*block as usize].get(*next) {
            Some(to) => {
                *next += 1;
                if !std::mem::replace(&mut seen[*to as usize], true) {
                    path.push((*to, 0));
                }
            }
            None => {
                order.push(*block);
                path.pop();
            }
        }
    }
    order.reverse();
    order
}
