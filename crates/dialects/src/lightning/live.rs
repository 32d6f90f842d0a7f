//! Which of the language's registers a function may read before it writes them.
//!
//! In the language every register has some value from the start; in the IR a register that is read was written. So those that
//! are live where a function is entered get a value there, and only those.
//!
//! A backward analysis over blocks with one machine word per block, a bit for each register; a worklist, in which a block
//! stands again only when its word has grown, so at most once per bit. Addresses that are jumped to share one
//! node, so that many jumps over many labels stay linear.

use super::flow::{Flow, Group, Spot, ends, mark};
use super::items::Items;
use super::program::{FRAME_POINTER, Kind, Operand, Program};
use super::table::{Meaning, Ty};

/// First bits of the classes: 8 integer registers, 8 floats, 8 doubles; then the carry, and what calls returned.
pub const F32: u32 = 8;
pub const F64: u32 = 16;
pub const CARRY: u32 = 24;
pub const RETURNED_F32: u32 = 25;
pub const RETURNED_F64: u32 = 26;

/// `%r0`, which is also what calls and `ret` return words in.
pub const R0: u64 = 1;

/// What an instruction reads and writes, as sets of bits.
pub fn reads_and_writes(items: &Items, number: u32, flow: &Flow) -> (u64, u64) {
    let row = items.row(number);
    let (mut reads, mut writes): (u64, u64) = (0, 0);
    for register in &row.registers {
        let n = match items.operand(number, register.place.into()) {
            Operand::Int(FRAME_POINTER) => continue,
            Operand::Int(n) | Operand::Float(n) => n,
            _ => continue,
        };
        let first = match register.first {
            Some(first) => first.into(),
            None if items.operand(number, 2) == Operand::Word(4) => F32,
            None => F64,
        };
        let bit = 1 << (first + u32::from(n));
        reads |= register.is_read as u64 * bit;
        writes |= register.is_written as u64 * bit;
    }
    match row.meaning {
        Meaning::Carry { chained, .. } => {
            reads |= (chained as u64) << CARRY;
            writes |= 1 << CARRY;
        }
        Meaning::Call | Meaning::Finish => {
            let wanted = flow.wanted[number as usize];
            writes |= wanted.word as u64 * R0;
            writes |= (wanted.f32 as u64) << RETURNED_F32 | (wanted.f64 as u64) << RETURNED_F64;
        }
        Meaning::ReturnValueOfCall => {
            reads |= match row.ty {
                Ty::F32 => 1 << RETURNED_F32,
                Ty::F64 => 1 << RETURNED_F64,
                _ => R0,
            }
        }
        Meaning::Return | Meaning::Epilog => reads |= R0,
        _ => {}
    }
    (reads, writes)
}

#[derive(Default)]
struct Blocks {
    /// By block: the first item, the part.
    starts: Vec<(u32, u32)>,
    reads: Vec<u64>,
    writes: Vec<u64>,
    /// From block to block.
    edges: Vec<(u32, u32)>,
    /// By part of the group: its first block, and the block at its end, if it has one.
    ends: Vec<(u32, u32)>,
    /// Jumps to be resolved: from block, to label.
    jumps: Vec<(u32, u32)>,
    /// Blocks that jump to an address.
    to_address: Vec<u32>,
}

/// By head of the group: what is live where it starts.
pub(super) fn live_at_heads(program: &Program, flow: &Flow, group: &Group) -> Vec<u64> {
    let mut blocks = Blocks::default();
    for n in &group.parts {
        blocks.part(program, flow, *n);
    }
    let mut edges = std::mem::take(&mut blocks.edges);
    let place = |part: u32| group.parts.binary_search(&part).unwrap_or_default();
    let block_of = |label: u32| match flow.spots[label as usize] {
        Spot::OpenEnd(part) => blocks.ends[place(part)].1,
        Spot::Head(part) => blocks.ends[place(part)].0,
        Spot::Inner(_) | Spot::Nowhere => {
            let item = match program.labels[label as usize].place {
                super::program::Place::Code(item) => item,
                _ => 0,
            };
            // An end of a part and the start of the next have the same item; the end stands first.
            (blocks.starts.partition_point(|(start, _)| *start <= item) as u32).saturating_sub(1)
        }
    };
    let targets = blocks.starts.len() as u32;
    edges.extend(blocks.jumps.iter().map(|(from, label)| (*from, block_of(*label))));
    edges.extend(blocks.to_address.iter().map(|from| (*from, targets)));
    edges.extend(group.targets.iter().map(|label| (targets, block_of(*label))));
    let mut live = std::mem::take(&mut blocks.reads);
    live.push(0);
    blocks.writes.push(0);
    spread(&mut live, &blocks.writes, &edges);
    group.heads.iter().map(|head| live[blocks.ends[place(*head)].0 as usize]).collect()
}

impl Blocks {
    fn open(&mut self, item: u32, part: u32) -> u32 {
        self.starts.push((item, part));
        self.reads.push(0);
        self.writes.push(0);
        self.starts.len() as u32 - 1
    }

    fn part(&mut self, program: &Program, flow: &Flow, n: u32) {
        let part = &program.parts[n as usize];
        let mut next = flow.marks.partition_point(|(item, _)| *item < part.start);
        let first = self.open(part.start, n);
        let mut block = first;
        // Whether control goes on from the block before into the next one.
        let mut falls = true;
        let mut fresh = true;
        for at in part.start..part.end {
            let marked = mark(&flow.marks, &mut next, at).is_some();
            if !fresh && (marked || !falls) {
                let from = block;
                block = self.open(at, n);
                if falls {
                    self.edges.push((from, block));
                }
            }
            (falls, fresh) = (true, false);
            let (reads, writes) = reads_and_writes(&program.items, at, flow);
            self.reads[block as usize] |= reads & !self.writes[block as usize];
            self.writes[block as usize] |= writes;
            let meaning = program.items.row(at).meaning;
            let branches = matches!(
                meaning,
                Meaning::Branch(_) | Meaning::FloatBranch(_) | Meaning::BranchOverflow { .. } | Meaning::Jump
            );
            if branches && let Some(label) = program.items.label(at) {
                self.jumps.push((block, label));
            }
            if meaning == Meaning::JumpTo {
                self.to_address.push(block);
            }
            if ends(meaning) {
                falls = false;
            } else if branches {
                let from = block;
                block = self.open(at + 1, n);
                self.edges.push((from, block));
                fresh = true;
            }
        }
        let end = if part.kind == Kind::Preamble {
            // The next part's first block is the next one made.
            if falls && (n as usize) + 1 < program.parts.len() {
                self.edges.push((block, self.starts.len() as u32));
            }
            block
        } else {
            let end = self.open(part.end, n);
            if falls {
                self.edges.push((block, end));
            }
            self.reads[end as usize] = R0;
            end
        };
        self.ends.push((first, end));
    }
}

/// Carries what is live against the edges until nothing changes.
fn spread(live: &mut [u64], writes: &[u64], edges: &[(u32, u32)]) {
    let mut start = vec![0u32; live.len() + 1];
    for (_, to) in edges {
        start[*to as usize + 1] += 1;
    }
    for n in 1..start.len() {
        start[n] += start[n - 1];
    }
    let mut before = vec![0u32; edges.len()];
    let mut fill = start.clone();
    for (from, to) in edges {
        before[fill[*to as usize] as usize] = *from;
        fill[*to as usize] += 1;
    }
    let mut waiting: Vec<u32> = (0..live.len() as u32).collect();
    let mut waits = vec![true; live.len()];
    while let Some(block) = waiting.pop() {
        waits[block as usize] = false;
        for from in &before[start[block as usize] as usize..start[block as usize + 1] as usize] {
            let from = *from as usize;
            let grown = live[from] | live[block as usize] & !writes[from];
            if grown != live[from] {
                live[from] = grown;
                if !std::mem::replace(&mut waits[from], true) {
                    waiting.push(from as u32);
                }
            }
        }
    }
}
