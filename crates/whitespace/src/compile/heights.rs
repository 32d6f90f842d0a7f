//! How high the data stack is: at each block relative to where its function was entered, and across calls.
//!
//! Heights go along jumps. Where all ways to a block agree, its items have fixed places. Where they do not, and behind calls
//! whose effect is not fixed, a *region* begins: heights count anew from there, and what lies below is in memory.
//!
//! The *effect* of a function is fixed if it has a single region and all its returns agree. Effects are found for all call
//! targets together: at first none is known to return, then whoever calls a function is looked at again when it turns
//! out to do more than was known. An effect only grows (never, fixed and deeper, dynamic), so this ends; one that has grown
//! [`PATIENCE`] times, as of recursion that goes down without an end, becomes dynamic. O(instructions) for
//! functions that do not share code; those that together have more than [`SHARE`] times the program's are left
//! alone, and calls of them go through the driver.

use super::functions::{Body, Flow, Places, Scratch, flow};
use crate::instruction::Instruction;
use crate::program::Program;

/// What a function does to the height of the stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// It never returns.
    Never,
    /// The same whichever way it goes.
    Fixed(Fixed),
    /// It depends.
    Dynamic,
    /// Not looked at.
    Opaque,
}

/// A fixed effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fixed {
    /// How many items below its entry's height it may look at.
    pub depth: i32,
    /// How many it may replace or remove, at most `depth`.
    pub reach: i32,
    /// How much higher the stack is when it returns.
    pub net: i32,
}

/// Where a block stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct At {
    /// The region: that of block n is 2n, the one behind its last call of dynamic effect is 2n + 1.
    pub region: u32,
    /// The height where it begins, relative to where the region does.
    pub height: i32,
}

/// The heights of a body.
#[derive(Clone, Debug, Default)]
pub struct Heights {
    /// Where each block stands; none if it is never reached.
    pub blocks: Vec<Option<At>>,
    /// Which blocks begin a region, however they are reached. The entry's does so only if something else than the call comes
    /// there with another height.
    pub heads: Vec<bool>,
    /// The lowest height that the first region looks at, and the lowest that it replaces or removes: 0 or less.
    pub lowest: [i32; 2],
    /// The highest that a region rises.
    pub highest: i32,
    /// What returns leave, if all are in the first region and agree.
    returns: Returns,
    /// Whether there are other regions.
    dynamic: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Returns {
    #[default]
    None,
    At(i32),
    Differ,
}

/// Heights that a region reaches at the start of a block, in either direction; beyond, another begins.
pub const HIGHEST: i32 = 2048;
/// How often an effect may grow.
const PATIENCE: u8 = 40;
/// How many times the program's instructions all bodies may have together.
const SHARE: u64 = 8;
/// How often heights are found anew, before every join begins a region.
const ROUNDS: u32 = 6;

/// What an instruction does to the stack: the lowest place that it looks at, the lowest that it replaces or removes (both
/// relative to the height before it, 0 or less), and how much higher the stack is afterwards. Calls aside.
pub fn touches(instruction: Instruction) -> (i32, i32, i32) {
    match instruction {
        Instruction::Dup => (-1, 0, 1),
        Instruction::Copy(n) => (-1 - n.as_i64().unwrap_or(0) as i32, 0, 1),
        Instruction::Slide(n) => {
            let n = n.as_i64().unwrap_or(0) as i32;
            (-1 - n, if n == 0 { 0 } else { -1 - n }, -n)
        }
        other => other.opcode().map_or((0, 0, 0), |opcode| {
            let info = opcode.info();
            let pops = i32::from(info.pops);
            (-pops, -pops, i32::from(info.pushes) - pops)
        }),
    }
}

/// Finds the heights of a body, given what calls do.
pub fn heights(program: &Program, body: &Body, effect: impl Fn(u32) -> Effect) -> Heights {
    let mut heads = vec![false; body.blocks.len()];
    let mut found = Heights::default();
    for round in 0.. {
        found = Heights { blocks: vec![None; body.blocks.len()], ..Heights::default() };
        let mut todo: Vec<u32> = Vec::new();
        let mut again = false;
        let start = |block: u32| At { region: 2 * block, height: 0 };
        found.blocks[0] = Some(start(0));
        todo.push(0);
        while let Some(n) = todo.pop() {
            let Some(at) = found.blocks[n as usize] else { continue };
            let block = body.blocks[n as usize];
            let Some(end) = found.walk(program, &effect, n, block.start..block.end, at) else { continue };
            for to in block.next.into_iter().flatten() {
                let (known, head) = (&mut found.blocks[to as usize], &mut heads[to as usize]);
                let far = end.height.abs() > HIGHEST || (round >= ROUNDS && known.is_some());
                match known {
                    _ if *head => {
                        if known.is_none() {
                            *known = Some(start(to));
                            todo.push(to);
                        }
                    }
                    None if !far => {
                        *known = Some(end);
                        todo.push(to);
                    }
                    Some(known) if !far && *known == end => {}
                    _ => {
                        *head = true;
                        again = true;
                        if known.is_none() {
                            *known = Some(start(to));
                            todo.push(to);
                        }
                    }
                }
            }
        }
        if !again {
            break;
        }
    }
    found.dynamic |= heads.contains(&true);
    found.heads = heads;
    found
}

impl Heights {
    /// Goes through a block; gives what its successors begin with, none if it has no end.
    fn walk(
        &mut self,
        program: &Program,
        effect: &impl Fn(u32) -> Effect,
        block: u32,
        range: std::ops::Range<u32>,
        mut at: At,
    ) -> Option<At> {
        for index in range {
            let (looks, replaces, change) = match flow(program, index) {
                Flow::Leave => return None,
                Flow::Return => {
                    let here = Returns::At(at.height);
                    self.returns = match self.returns {
                        Returns::None if at.region == 0 => here,
                        known if known == here && at.region == 0 => known,
                        _ => Returns::Differ,
                    };
                    return None;
                }
                Flow::Call(to) => match effect(to) {
                    Effect::Never | Effect::Opaque => return None,
                    Effect::Fixed(Fixed { depth, reach, net }) => (-depth, -reach, net),
                    Effect::Dynamic => {
                        self.dynamic = true;
                        at = At { region: 2 * block + 1, height: 0 };
                        continue;
                    }
                },
                Flow::Next | Flow::Jump(_) | Flow::Branch(_) => {
                    touches(program.instructions()[index as usize])
                }
            };
            if at.region == 0 {
                self.lowest[0] = self.lowest[0].min(at.height + looks);
                self.lowest[1] = self.lowest[1].min(at.height + replaces);
            }
            at.height += change;
            self.highest = self.highest.max(at.height);
        }
        Some(at)
    }

    /// The effect of a function with these heights.
    fn effect(&self) -> Effect {
        let [looks, replaces] = self.lowest;
        match self.returns {
            _ if self.dynamic => Effect::Dynamic,
            Returns::None => Effect::Never,
            Returns::At(net) if looks > -HIGHEST && net.abs() < HIGHEST => {
                Effect::Fixed(Fixed { depth: -looks, reach: -replaces, net })
            }
            Returns::At(_) | Returns::Differ => Effect::Dynamic,
        }
    }
}

/// The effects of all functions of a program.
#[derive(Debug)]
pub struct Effects {
    /// The call targets, in order.
    called: Vec<u32>,
    effects: Vec<Effect>,
}

impl Effects {
    /// Finds them.
    pub fn of(program: &Program, places: &Places, scratch: &mut Scratch) -> Effects {
        let called = places.called.clone();
        let mut left = (program.len() as u64 + 100) * SHARE;
        let bodies: Vec<Option<Body>> = called
            .iter()
            .map(|entry| {
                let body = scratch.body(program, places, *entry, left.min(u32::MAX.into()) as u32)?;
                left -= u64::from(body.instructions);
                Some(body)
            })
            .collect();
        let known = |body: &Option<Body>| if body.is_some() { Effect::Never } else { Effect::Opaque };
        let mut found = Effects { effects: bodies.iter().map(known).collect(), called };
        let callers = found.callers(program, &bodies);
        let mut todo: std::collections::VecDeque<u32> = (0..found.called.len() as u32).rev().collect();
        let mut waiting = vec![true; found.called.len()];
        let mut grown = vec![0; found.called.len()];
        while let Some(n) = todo.pop_front() {
            let n = n as usize;
            waiting[n] = false;
            let Some(body) = &bodies[n] else { continue };
            if found.effects[n] == Effect::Dynamic {
                continue;
            }
            let mut effect = heights(program, body, |to| found.get(to)).effect();
            if effect == found.effects[n] {
                continue;
            }
            grown[n] += 1;
            if grown[n] > PATIENCE {
                effect = Effect::Dynamic;
            }
            found.effects[n] = effect;
            for caller in &callers[n] {
                if !std::mem::replace(&mut waiting[*caller as usize], true) {
                    todo.push_back(*caller);
                }
            }
        }
        found
    }

    /// For each function those that call it.
    fn callers(&self, program: &Program, bodies: &[Option<Body>]) -> Vec<Vec<u32>> {
        let mut callers: Vec<Vec<u32>> = vec![Vec::new(); bodies.len()];
        for (body, caller) in bodies.iter().zip(0..) {
            for block in body.iter().flat_map(|body| &body.blocks) {
                for at in block.start..block.end {
                    if let Flow::Call(to) = flow(program, at)
                        && let Ok(callee) = self.called.binary_search(&to)
                        && callers[callee].last() != Some(&caller)
                    {
                        callers[callee].push(caller);
                    }
                }
            }
        }
        callers
    }

    /// The effect of the function with this entry, which must be a call target.
    pub fn get(&self, entry: u32) -> Effect {
        self.called.binary_search(&entry).map_or(Effect::Opaque, |n| self.effects[n])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::tests::program;

    fn effects(source: &str) -> Vec<Effect> {
        let program = program(source);
        let places = Places::of(&program);
        Effects::of(&program, &places, &mut Scratch::default()).effects
    }

    fn fixed(depth: i32, reach: i32, net: i32) -> Effect {
        Effect::Fixed(Fixed { depth, reach, net })
    }

    #[test]
    fn straight_functions_have_fixed_effects() {
        assert_eq!(effects("call f end f: add ret"), [fixed(2, 2, -1)]);
        assert_eq!(effects("call f end f: dup copy 3 ret"), [fixed(3, 0, 2)]);
        assert_eq!(effects("call f end f: slide 2 ret"), [fixed(3, 3, -2)]);
        assert_eq!(effects("call f end f: push 1 push 2 add ret"), [fixed(0, 0, 1)]);
    }

    #[test]
    fn recursion_is_assumed_and_verified() {
        let fib = "push 9 call fib end
            fib: dup push 2 sub jn small dup push 1 sub call fib swap push 2 sub call fib add small: ret";
        assert_eq!(effects(fib), [fixed(1, 1, 0)]);
        assert_eq!(effects("call f end f: dup jz g call f g: ret"), [fixed(1, 0, 0)]);
        // Each level removes another item.
        assert_eq!(effects("call f end f: dup jz g drop call f g: ret"), [Effect::Dynamic]);
    }

    #[test]
    fn what_never_returns_is_told_from_what_differs() {
        assert_eq!(effects("call f end f: jmp f"), [Effect::Never]);
        assert_eq!(effects("call f end f: call g ret g: end"), [Effect::Never, Effect::Never]);
        assert_eq!(effects("call f end f: dup jz g push 1 g: ret"), [Effect::Dynamic]);
        assert_eq!(effects("call f end f: call g ret g: dup jz h push 1 h: ret"), [Effect::Dynamic; 2]);
    }

    #[test]
    fn regions_begin_where_heights_disagree() {
        // 0 label loop, 1 dup, 2 jz out, 3 push 1, 4 jmp loop, 5 label out, 6 drop, 7 end
        let program = program("loop: dup jz out push 1 jmp loop out: drop end");
        let places = Places::of(&program);
        let body = Scratch::default().body(&program, &places, 1, u32::MAX).expect("no limit");
        let found = heights(&program, &body, |_| Effect::Opaque);
        let at = |region, height| Some(At { region, height });
        // From the second round on the loop has one item more each time, and so has what is behind it.
        assert_eq!(found.heads, [true, false, false]);
        assert_eq!(found.blocks, [at(0, 0), at(0, 0), at(0, 0)]);
        assert!(found.dynamic);
    }
}
