//! Functions: what a call target reaches by jumps, without following calls.
//!
//! The language has none; calls go to places, and jumps from anywhere to anywhere. A function is an entry (a call target,
//! or any place that execution is to be entered at) with all that jumps lead to from there. Functions may share code: it is
//! translated once for each. How much they may have together is bounded, see [`super::heights`].
//!
//! Blocks begin at the entry, where a jump leads, and behind a conditional jump; long ones are cut every [`LONGEST`]
//! instructions. Calls do not end them. Collecting a body takes time linear in its instructions.

use crate::instruction::Instruction;
use crate::number::Size;
use crate::program::{Program, Target};

/// How many instructions a block has at most.
pub const LONGEST: u32 = 1024;

/// The deepest item that `copy` and `slide` reach in compiled code; others are left to the interpreter.
pub const DEEPEST: i64 = 1024;

/// How an instruction goes on, for one that compiled code executes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// With the next one.
    Next,
    /// With another one.
    Jump(u32),
    /// With another one or the next.
    Branch(u32),
    /// With another one, and when that returns with the next.
    Call(u32),
    /// Behind the call that led here.
    Return,
    /// Not in compiled code: the interpreter executes it.
    Leave,
}

/// How an instruction goes on. The place behind the last instruction is left to the interpreter, and so is what is out of
/// the ordinary: numbers beyond 64 bits, odd arguments, jumps to labels that do not exist.
pub fn flow(program: &Program, at: u32) -> Flow {
    let Some(instruction) = program.instructions().get(at as usize) else { return Flow::Leave };
    let to = |target: Target, flow: fn(u32) -> Flow| target.instruction().map_or(Flow::Leave, flow);
    match *instruction {
        Instruction::Push(number) if matches!(number.size(), Size::Big(_)) => Flow::Leave,
        Instruction::Copy(number) | Instruction::Slide(number)
            if !number.as_i64().is_some_and(|n| (0..DEEPEST).contains(&n)) =>
        {
            Flow::Leave
        }
        Instruction::Call(_, target) => to(target, Flow::Call),
        Instruction::Jmp(_, target) => to(target, Flow::Jump),
        Instruction::Jz(_, target) | Instruction::Jn(_, target) => to(target, Flow::Branch),
        Instruction::Ret => Flow::Return,
        Instruction::End | Instruction::Trap => Flow::Leave,
        _ => Flow::Next,
    }
}

/// Facts about places of the whole program, found in one walk.
#[derive(Debug)]
pub struct Places {
    /// For each instruction, and the place behind the last: bits of the constants below.
    flags: Box<[u8]>,
    /// The call targets, in order.
    pub called: Vec<u32>,
}

/// A jump or a branch leads here.
const TARGET: u8 = 1;
/// One from here or further down does: the head of a loop, in most cases.
const LOOP: u8 = 2;
/// A call leads here.
const CALLED: u8 = 4;

impl Places {
    /// Looks at every instruction once.
    pub fn of(program: &Program) -> Places {
        let mut flags = vec![0; program.len() + 1].into_boxed_slice();
        for at in 0..program.len() as u32 {
            match flow(program, at) {
                Flow::Jump(to) | Flow::Branch(to) => {
                    flags[to as usize] |= if to <= at { TARGET | LOOP } else { TARGET };
                }
                Flow::Call(to) => flags[to as usize] |= CALLED,
                Flow::Next | Flow::Return | Flow::Leave => {}
            }
        }
        let called = (0..flags.len() as u32).filter(|at| flags[*at as usize] & CALLED != 0).collect();
        Places { flags, called }
    }

    /// Whether a jump leads here.
    pub fn is_target(&self, at: u32) -> bool {
        self.flags[at as usize] & TARGET != 0
    }

    /// Whether a jump leads back here.
    pub fn is_loop_head(&self, at: u32) -> bool {
        self.flags[at as usize] & LOOP != 0
    }
}

/// A straight run of instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// The first instruction.
    pub start: u32,
    /// Behind the last one.
    pub end: u32,
    /// The blocks that it goes on to, by their numbers in the body: the taken side of a branch first.
    pub next: [Option<u32>; 2],
}

/// A function's blocks. The first is the entry's; the others are in the order in which they stand in the program.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// The blocks.
    pub blocks: Vec<Block>,
    /// How many instructions they have together.
    pub instructions: u32,
}

/// Memory for collecting bodies, one after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    /// For each instruction the number of the block that begins there in the body being collected.
    number: Vec<u32>,
    /// The starts seen, so that only their numbers need be cleared.
    starts: Vec<u32>,
    todo: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Scratch {
    /// The body of the function with this entry; none if it has more instructions than allowed.
    pub fn body(&mut self, program: &Program, places: &Places, entry: u32, most: u32) -> Option<Body> {
        self.number.resize(program.len() + 1, NONE);
        let Scratch { number, starts, todo } = self;
        let mut blocks = Vec::new();
        let mut instructions = 0;
        starts.push(entry);
        todo.push(entry);
        number[entry as usize] = 0;
        while let Some(start) = todo.pop() {
            let (end, next) = walk(program, places, entry, start);
            instructions += end - start;
            if instructions > most {
                break;
            }
            for to in next.into_iter().flatten().rev() {
                if number[to as usize] == NONE {
                    number[to as usize] = 0;
                    starts.push(to);
                    todo.push(to);
                }
            }
            // The starts of successors stand for their numbers until these are known.
            blocks.push(Block { start, end, next });
        }
        if instructions <= most {
            blocks[1..].sort_unstable_by_key(|block| block.start);
            for (block, n) in blocks.iter().zip(0..) {
                number[block.start as usize] = n;
            }
            for block in &mut blocks {
                block.next = block.next.map(|to| to.map(|to| number[to as usize]));
            }
        }
        starts.drain(..).for_each(|start| number[start as usize] = NONE);
        todo.clear();
        (instructions <= most).then_some(Body { blocks, instructions })
    }
}

/// Where the block that begins here ends, and the starts of those that it goes on to.
fn walk(program: &Program, places: &Places, entry: u32, start: u32) -> (u32, [Option<u32>; 2]) {
    let mut at = start;
    loop {
        let flow = flow(program, at);
        at += 1;
        match flow {
            Flow::Next | Flow::Call(_) => {}
            Flow::Jump(to) => return (at, [Some(to), None]),
            Flow::Branch(to) => return (at, [Some(to), Some(at)]),
            Flow::Return | Flow::Leave => return (at, [None, None]),
        }
        if places.is_target(at) || at == entry || at - start == LONGEST {
            return (at, [Some(at), None]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::tests::program;

    fn starts(source: &str, entry: u32) -> Vec<(u32, u32)> {
        let program = program(source);
        let places = Places::of(&program);
        let body = Scratch::default().body(&program, &places, entry, u32::MAX).expect("no limit");
        body.blocks.iter().map(|block| (block.start, block.end)).collect()
    }

    #[test]
    fn a_body_is_what_jumps_reach_without_following_calls() {
        // 0 push, 1 label a, 2 dup, 3 jz b, 4 call f, 5 jmp a, 6 label b, 7 end, 8 label f, 9 ret
        let source = "push 3 a: dup jz b call f jmp a b: end f: ret";
        assert_eq!(starts(source, 0), [(0, 2), (2, 4), (4, 6), (7, 8)]);
        assert_eq!(starts(source, 9), [(9, 10)]);
    }

    #[test]
    fn an_entry_begins_a_block_though_nothing_jumps_there() {
        let source = "push 1 a: drop push 2 jmp a";
        assert_eq!(starts(source, 3), [(3, 5), (2, 3)]);
    }

    #[test]
    fn long_runs_are_cut_and_bodies_over_the_limit_are_refused() {
        let source = "push 1 drop ".repeat(1500) + "end";
        assert_eq!(starts(&source, 0), [(0, 1024), (1024, 2048), (2048, 3001)]);
        let program = program(&source);
        let places = Places::of(&program);
        let mut scratch = Scratch::default();
        assert!(scratch.body(&program, &places, 0, 3000).is_none());
        assert!(scratch.body(&program, &places, 0, 3001).is_some());
    }
}
