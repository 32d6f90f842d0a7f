//! Parallel moves between registers, places in the frame and values made anew: as if all were carried out at once.
//!
//! A move waits for those that still read what it overwrites; what is left then are cycles, of which one place is kept in
//! a scratch register meanwhile (Hack, "Register Allocation for Programs in SSA Form", 2007, section 4.4). From memory to
//! memory the way leads through the scratch register of the other class, so that both needs never meet. O(moves), but for
//! places in the frame that are overwritten, which are sorted.

use crate::regs::{COUNT, Reg};
use kiln_ir::{Type, VReg};

/// Where a value is or goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A register.
    Reg(Reg),
    /// A place in the frame.
    Slot(u32),
    /// Nowhere: it is made.
    Made(VReg),
}

/// One of several moves.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// Where to: no two moves go to the same place.
    pub to: Place,
    /// Where from.
    pub from: Place,
    /// What is moved.
    pub ty: Type,
}

/// A step of carrying them out, between a register and something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Where to, a register if `from` is none.
    pub to: Place,
    /// Where from.
    pub from: Place,
    /// What is moved. Between registers all of the register is.
    pub ty: Type,
}

/// Memory of resolving.
#[derive(Debug, Default)]
pub struct Resolver {
    /// The moves to be carried out.
    pub moves: Vec<Move>,
    /// For each move, how many others still read what it overwrites.
    readers: Vec<u32>,
    /// For each move, the one that overwrites what it reads, or [`NONE`].
    blocks: Vec<u32>,
    ready: Vec<u32>,
    /// For each move in a cycle, the one that reads what it overwrites.
    reader: Vec<u32>,
    /// Overwritten places in the frame, with the moves that do.
    slots: Vec<(u32, u32)>,
}

const NONE: u32 = u32::MAX;

/// The type of the other register class with as many bytes.
fn other_class(ty: Type) -> Type {
    match ty {
        Type::I32 => Type::F32,
        Type::I64 | Type::Ptr => Type::F64,
        Type::F32 => Type::I32,
        Type::F64 => Type::I64,
    }
}

impl Resolver {
    /// Adds a move, unless nothing moves.
    pub fn add(&mut self, to: Place, from: Place, ty: Type) {
        if to != from {
            self.moves.push(Move { to, from, ty });
        }
    }

    /// Appends the steps that carry out the moves, and forgets these. `scratch` are a general and a vector register that
    /// no move names.
    pub fn resolve(&mut self, scratch: [Reg; 2], out: &mut Vec<Step>) {
        match self.moves[..] {
            [] => return,
            [one] => {
                step(one, scratch, out);
                self.moves.clear();
                return;
            }
            _ => {}
        }
        let Resolver { moves, readers, blocks, ready, reader, slots } = self;
        reader.clear();
        let mut writer = [NONE; COUNT];
        slots.clear();
        for (i, m) in (0u32..).zip(moves.iter()) {
            match m.to {
                Place::Reg(reg) => writer[reg.0 as usize] = i,
                Place::Slot(slot) => slots.push((slot, i)),
                Place::Made(_) => unreachable!("nothing moves to a constant"),
            }
        }
        slots.sort_unstable();
        readers.clear();
        readers.resize(moves.len(), 0);
        blocks.clear();
        for m in moves.iter() {
            let blocked = match m.from {
                Place::Reg(reg) => writer[reg.0 as usize],
                Place::Slot(slot) => {
                    let found = slots.binary_search_by_key(&slot, |(slot, _)| *slot);
                    found.map_or(NONE, |at| slots[at].1)
                }
                Place::Made(_) => NONE,
            };
            blocks.push(blocked);
            if blocked != NONE {
                readers[blocked as usize] += 1;
            }
        }
        ready.clear();
        ready.extend((0..moves.len() as u32).rev().filter(|i| readers[*i as usize] == 0));
        let mut left = moves.len();
        let mut search = 0;
        loop {
            while let Some(i) = ready.pop() {
                step(moves[i as usize], scratch, out);
                left -= 1;
                // Marks it as done.
                readers[i as usize] = NONE;
                let blocked = std::mem::replace(&mut blocks[i as usize], NONE);
                if blocked != NONE {
                    readers[blocked as usize] -= 1;
                    if readers[blocked as usize] == 0 {
                        ready.push(blocked);
                    }
                }
            }
            if left == 0 {
                break;
            }
            // Only cycles are left.
            while readers[search] == NONE {
                search += 1;
            }
            let Move { to, ty, .. } = moves[search];
            let kept = Place::Reg(scratch[ty.is_float() as usize]);
            out.push(Step { to: kept, from: to, ty });
            if reader.is_empty() {
                reader.resize(moves.len(), NONE);
                for (i, blocked) in (0u32..).zip(blocks.iter()).filter(|(_, blocked)| **blocked != NONE) {
                    reader[*blocked as usize] = i;
                }
            }
            let only = reader[search] as usize;
            moves[only].from = kept;
            blocks[only] = NONE;
            readers[search] = 0;
            ready.push(search as u32);
        }
        moves.clear();
    }
}

fn step(m: Move, scratch: [Reg; 2], out: &mut Vec<Step>) {
    let Move { to, from, ty } = m;
    match (to, from) {
        (Place::Slot(_), Place::Slot(_)) => {
            // Through the other class: a cycle may occupy this one's.
            let ty = other_class(ty);
            let through = Place::Reg(scratch[ty.is_float() as usize]);
            out.push(Step { to: through, from, ty });
            out.push(Step { to, from: through, ty });
        }
        (Place::Slot(_), Place::Made(_)) => {
            let through = Place::Reg(scratch[ty.is_float() as usize]);
            out.push(Step { to: through, from, ty });
            out.push(Step { to, from: through, ty });
        }
        _ => out.push(Step { to, from, ty }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const SCRATCH: [Reg; 2] = [Reg(11), Reg(47)];

    fn place(n: u32) -> Place {
        if n < 2 { Place::Reg(Reg(n as u8)) } else { Place::Slot(8 * n) }
    }

    /// Every mapping of two registers and two slots, and of four slots, of both classes, against doing it at once.
    #[test]
    fn every_mapping_of_four_places() {
        for (first, ty) in [(0, Type::I64), (2, Type::I32), (2, Type::F64), (1, Type::I64)] {
            for code in 0..5u32.pow(4) {
                let mut resolver = Resolver::default();
                let mut want = HashMap::new();
                for n in 0..4 {
                    let from = code / 5u32.pow(n) % 5;
                    let (to, from) = (place(first + n), place(first + from));
                    // The fifth source is not overwritten.
                    resolver.add(to, from, ty);
                    want.insert(format!("{to:?}"), format!("{from:?}"));
                }
                let mut state: HashMap<String, String> = HashMap::new();
                let mut steps = Vec::new();
                resolver.resolve(SCRATCH, &mut steps);
                for Step { to, from, ty } in steps {
                    let (to, from) = (format!("{to:?}"), format!("{from:?}"));
                    let value = state.get(&from).cloned().unwrap_or(from);
                    state.insert(to, value);
                    assert!([Type::I64, Type::I32, Type::F64, Type::F32].contains(&ty));
                }
                for (to, from) in want {
                    assert_eq!(state.get(&to).unwrap_or(&to), &from, "mapping {code} from {first}");
                }
            }
        }
    }
}
