//! The fast interpreter: 64-bit values, instructions decoded into ops that each stand for a group of them.
//!
//! A group runs whole or not at all: it looks at everything that could stop it before it changes anything, and leaves at
//! its first instruction otherwise. The interpreter for big values goes on there, does what is needed or says what is wrong,
//! and comes back here as soon as no big value is alive and a group begins. So nothing here has to know of errors.
//!
//! Steps are taken per block at its entry, and given back where a block is left early.

use super::big::{self, Next};
use super::{Outcome, Stop};
use crate::arithmetic;
use crate::instruction::Instruction;
use crate::io;
use crate::options::{Chars, Division, Options, Overflow};
use crate::program::Program;
use crate::state::{Registers, State};
use crate::value::ValueRef;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a group of instructions does. Targets are indices of groups.
#[derive(Clone, Copy, Debug)]
enum Op {
    Push(i64),
    /// Pushes two constants, which fit 32 bits.
    PushTwo(i32, i32),
    Copy(usize),
    Swap,
    Drop,
    /// Removes a number of items below the top.
    Slide(usize),
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    /// Arithmetic with a constant.
    AddConstant(i64),
    MulConstant(i64),
    DivConstant(i64),
    ModConstant(i64),
    /// Pushes the sum of an item and a constant.
    CopyAdd {
        depth: u32,
        constant: i64,
    },
    Store,
    /// Stores a constant at the key that is on the stack.
    StoreConstant(i64),
    /// Stores the top item at a constant key.
    StoreAt(i64),
    /// Stores a constant at a constant key.
    Set {
        key: i32,
        value: i32,
    },
    /// Adds a constant to a cell.
    Increase {
        key: i32,
        by: i32,
    },
    Retrieve,
    /// Pushes the cell with a constant key.
    RetrieveAt(i64),
    /// Takes an index and pushes the cell that is so far from a constant key.
    RetrieveIndexed(i64),
    /// Pushes the cell whose key is an item.
    CopyRetrieve(usize),
    /// Pushes the cell whose key is in the cell with a constant key.
    RetrieveThrough(i64),
    Call {
        target: u32,
        place: u32,
    },
    Ret,
    Jmp(u32),
    Jz(u32),
    Jn(u32),
    /// Branches on an item compared with a constant, and leaves it.
    JumpItemEqual {
        depth: u16,
        target: u32,
        constant: i64,
    },
    JumpItemLess {
        depth: u16,
        target: u32,
        constant: i64,
    },
    /// Branches on the top item compared with a constant, and removes it.
    JumpEqual {
        target: u32,
        constant: i64,
    },
    JumpLess {
        target: u32,
        constant: i64,
    },
    /// Branches on the two top items, and removes them.
    SubJz(u32),
    SubJn(u32),
    Printc,
    Printi,
    /// Prints constant characters of one byte: up to seven, the first lowest.
    Print(u64),
    Readc,
    /// Goes on to the block behind.
    Fall,
    /// For the other interpreter.
    Leave,
}

const _: () = assert!(size_of::<Op>() <= 16);

#[derive(Clone, Copy, Debug)]
struct Group {
    op: Op,
    /// The first instruction.
    start: u32,
    /// How many instructions there are from it to the end of its block.
    charge: u32,
}

const NONE: u32 = u32::MAX;

/// A program as this interpreter runs it. It belongs to the options it was made with.
#[derive(Debug)]
pub(crate) struct Decoded {
    groups: Box<[Group]>,
    /// The group that each instruction begins, and that of the end; `NONE` inside of groups.
    entries: Box<[u32]>,
}

impl Decoded {
    /// Linear in the program's length.
    pub fn new(program: &Program, options: &Options) -> Decoded {
        let instructions = program.instructions();
        let leaders = leaders(instructions);
        let mut decoder = Decoder { groups: Vec::with_capacity(instructions.len()), options };
        let mut entries = vec![NONE; instructions.len() + 1].into_boxed_slice();
        let mut start = 0;
        while start < instructions.len() {
            let mut end = start + 1;
            while end < instructions.len() && !leaders[end] {
                end += 1;
            }
            decoder.block(&instructions[start..end], start as u32, &mut entries);
            start = end;
        }
        entries[start] = decoder.groups.len() as u32;
        decoder.groups.push(Group { op: Op::Leave, start: start as u32, charge: 0 });
        let mut groups = decoder.groups.into_boxed_slice();
        for group in &mut groups {
            group.op.map_target(|instruction| entries[instruction as usize]);
        }
        Decoded { groups, entries }
    }

    fn entry(&self, instruction: u32) -> Option<usize> {
        self.entries.get(instruction as usize).filter(|group| **group != NONE).map(|group| *group as usize)
    }
}

/// The instructions where blocks begin: the first, those that jumps lead to, and those behind any that may go elsewhere.
fn leaders(instructions: &[Instruction]) -> Vec<bool> {
    let mut leaders = vec![false; instructions.len() + 1];
    leaders[0] = true;
    for (at, instruction) in instructions.iter().enumerate() {
        let target = instruction.jump().and_then(|(_, target)| target.instruction());
        if let Some(target) = target {
            leaders[target as usize] = true;
        }
        if instruction.jump().is_some() || !instruction.falls_through() {
            leaders[at + 1] = true;
        }
    }
    leaders
}

impl Op {
    /// Changes the place that it may go to.
    fn map_target(&mut self, map: impl FnOnce(u32) -> u32) {
        match self {
            Op::Call { target, .. }
            | Op::Jmp(target)
            | Op::Jz(target)
            | Op::Jn(target)
            | Op::JumpItemEqual { target, .. }
            | Op::JumpItemLess { target, .. }
            | Op::JumpEqual { target, .. }
            | Op::JumpLess { target, .. }
            | Op::SubJz(target)
            | Op::SubJn(target) => *target = map(*target),
            _ => {}
        }
    }
}

struct Decoder<'p> {
    groups: Vec<Group>,
    options: &'p Options,
}

impl Decoder<'_> {
    /// Decodes a block, whose first instruction is number `first`.
    fn block(&mut self, block: &[Instruction], first: u32, entries: &mut [u32]) {
        let mut at = 0;
        let mut push = |at: usize, op| {
            entries[first as usize + at] = self.groups.len() as u32;
            self.groups.push(Group { op, start: first + at as u32, charge: (block.len() - at) as u32 });
        };
        while at < block.len() {
            // Labels do nothing but count: they belong to the group behind.
            let labels = block[at..].iter().take_while(|one| matches!(one, Instruction::Label(_))).count();
            let rest = &block[at + labels..];
            if rest.is_empty() {
                break;
            }
            let (op, length) = group(rest, first + (at + labels) as u32, self.options);
            push(at, op);
            at += labels + length;
        }
        let last = block[block.len() - 1];
        if last.jump().is_none() && last.falls_through() {
            if at < block.len() {
                push(at, Op::Fall);
            } else {
                // No instruction is left for it to begin at.
                self.groups.push(Group { op: Op::Fall, start: first + at as u32, charge: 0 });
            }
        }
    }
}

/// The constant that an instruction pushes, if it fits 64 bits.
fn constant(instruction: Option<&Instruction>) -> Option<i64> {
    match instruction {
        Some(Instruction::Push(number)) => number.as_i64(),
        _ => None,
    }
}

/// The depth of the item that an instruction copies.
fn copied(instruction: &Instruction) -> Option<usize> {
    match instruction {
        Instruction::Dup => Some(0),
        Instruction::Copy(number) => usize::try_from(number.as_i64()?).ok(),
        _ => None,
    }
}

/// The op for the longest group of instructions that these begin with, and its length. `at` is the number of the first, which is
/// no label.
fn group(rest: &[Instruction], at: u32, options: &Options) -> (Op, usize) {
    use Instruction as I;
    if let Some(depth) = copied(&rest[0]) {
        return copying(depth, &rest[1..]).map_or((Op::Copy(depth), 1), |(op, more)| (op, 1 + more));
    }
    if let Some(value) = constant(rest.first()) {
        if let Some(print) = print(rest, options) {
            return print;
        }
        return pushing(value, &rest[1..]).map_or((Op::Push(value), 1), |(op, more)| (op, 1 + more));
    }
    match rest {
        [I::Sub, last, ..] if branch(last).is_some() => {
            let (target, is_jz) = branch(last).unwrap_or_default();
            (if is_jz { Op::SubJz(target) } else { Op::SubJn(target) }, 2)
        }
        [I::Swap, I::Drop, ..] => (Op::Slide(1), 2),
        [one, ..] => (single(*one, at), 1),
        [] => (Op::Leave, 0),
    }
}

/// Where a conditional jump goes to, and whether it is `jz`.
fn branch(instruction: &Instruction) -> Option<(u32, bool)> {
    match instruction {
        Instruction::Jz(_, target) => Some((target.instruction()?, true)),
        Instruction::Jn(_, target) => Some((target.instruction()?, false)),
        _ => None,
    }
}

/// The op for a copied item and what follows, if anything joins in; and how many instructions follow.
fn copying(depth: usize, rest: &[Instruction]) -> Option<(Op, usize)> {
    use Instruction as I;
    if let [I::Retrieve, ..] = rest {
        return Some((Op::CopyRetrieve(depth), 1));
    }
    if let [I::Push(number), I::Add, ..] = rest {
        let (depth, constant) = (u32::try_from(depth).ok()?, number.as_i64()?);
        return Some((Op::CopyAdd { depth, constant }, 2));
    }
    let (constant, (target, is_jz), more) = match rest {
        [I::Push(number), I::Sub, last, ..] => (number.as_i64()?, branch(last)?, 3),
        [first, ..] => (0, branch(first)?, 1),
        [] => return None,
    };
    let depth = u16::try_from(depth).ok()?;
    let op = if is_jz {
        Op::JumpItemEqual { depth, target, constant }
    } else {
        Op::JumpItemLess { depth, target, constant }
    };
    Some((op, more))
}

/// The op for a pushed constant and what follows, as for [`copying`].
fn pushing(value: i64, rest: &[Instruction]) -> Option<(Op, usize)> {
    use Instruction as I;
    let small = |value: i64| i32::try_from(value).ok();
    let joined = match rest {
        [I::Add, I::Retrieve, ..] => (Op::RetrieveIndexed(value), 2),
        [I::Swap, I::Store, ..] => (Op::StoreAt(value), 2),
        [I::Retrieve, I::Retrieve, ..] => (Op::RetrieveThrough(value), 2),
        [I::Retrieve, ..] => (Op::RetrieveAt(value), 1),
        [I::Store, ..] => (Op::StoreConstant(value), 1),
        [I::Add, ..] => (Op::AddConstant(value), 1),
        [I::Sub, last, ..] if branch(last).is_some() => {
            let (target, is_jz) = branch(last)?;
            let constant = value;
            (if is_jz { Op::JumpEqual { target, constant } } else { Op::JumpLess { target, constant } }, 2)
        }
        // The least number has no opposite.
        [I::Sub, ..] => (Op::AddConstant(value.checked_neg()?), 1),
        [I::Mul, ..] => (Op::MulConstant(value), 1),
        [I::Div, ..] => (Op::DivConstant(value), 1),
        [I::Mod, ..] => (Op::ModConstant(value), 1),
        [I::Push(key), I::Retrieve, I::Push(by), change @ (I::Add | I::Sub), I::Store, ..]
            if key.as_i64() == Some(value) =>
        {
            let by = by.as_i64()?;
            let by = if *change == I::Add { by } else { by.checked_neg()? };
            (Op::Increase { key: small(value)?, by: small(by)? }, 5)
        }
        [I::Push(stored), I::Store, ..] => {
            (Op::Set { key: small(value)?, value: small(stored.as_i64()?)? }, 2)
        }
        // Not if the second one has more to do with what follows.
        [I::Push(second), next, ..] if pushing(0, std::slice::from_ref(next)).is_none() => {
            (Op::PushTwo(small(value)?, small(second.as_i64()?)?), 1)
        }
        _ => return None,
    };
    Some(joined)
}

/// The op for `push` and `printc` of a character of one byte, as often as they follow each other.
fn print(rest: &[Instruction], options: &Options) -> Option<(Op, usize)> {
    let last = if options.chars == Chars::Bytes { 0xFF } else { 0x7F };
    let (mut bytes, mut count) = (0, 0);
    while count < 7
        && let [Instruction::Push(number), Instruction::Printc, ..] = &rest[count * 2..]
        && let Some(code) = number.as_i64()
        && (0..=last).contains(&code)
    {
        bytes |= (code as u64) << (8 * count);
        count += 1;
    }
    (count > 0).then_some((Op::Print((count as u64) << 56 | bytes), 2 * count))
}

fn single(instruction: Instruction, at: u32) -> Op {
    use Instruction as I;
    let target = instruction.jump().and_then(|(_, target)| target.instruction());
    match (instruction, target) {
        (I::Swap, _) => Op::Swap,
        (I::Drop, _) => Op::Drop,
        (I::Slide(number), _) => match number.as_i64().map(usize::try_from) {
            Some(Ok(count)) => Op::Slide(count),
            _ => Op::Leave,
        },
        (I::Add, _) => Op::Add,
        (I::Sub, _) => Op::Sub,
        (I::Mul, _) => Op::Mul,
        (I::Div, _) => Op::Div,
        (I::Mod, _) => Op::Mod,
        (I::Store, _) => Op::Store,
        (I::Retrieve, _) => Op::Retrieve,
        (I::Call(..), Some(target)) => Op::Call { target, place: at + 1 },
        (I::Jmp(..), Some(target)) => Op::Jmp(target),
        (I::Jz(..), Some(target)) => Op::Jz(target),
        (I::Jn(..), Some(target)) => Op::Jn(target),
        (I::Ret, _) => Op::Ret,
        (I::Printc, _) => Op::Printc,
        (I::Printi, _) => Op::Printi,
        (I::Readc, _) => Op::Readc,
        _ => Op::Leave,
    }
}

/// Why the loop was left.
enum Left {
    /// The instruction that the state is at is for the other interpreter.
    Instruction,
    /// There may be fewer steps left than the block has instructions.
    Steps,
    Interrupted,
    /// It has come to a place that is hot.
    Hot,
}

/// Counts how often loop heads, calls and returns come by the places that they lead to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch<'w> {
    /// A counter for each instruction, and the place behind the last.
    pub heat: &'w [AtomicU32],
    /// Places that were come by so often are hot.
    pub hot: u32,
}

impl Watch<'_> {
    /// Counts, and gives whether the place is hot. Threads that count together may lose some.
    #[inline]
    pub fn is_hot(&self, place: u32) -> bool {
        let heat = &self.heat[place as usize];
        let times = heat.load(Ordering::Relaxed);
        if times < self.hot {
            heat.store(times + 1, Ordering::Relaxed);
        }
        times >= self.hot
    }
}

/// Runs until the program ends or stops.
pub(crate) fn run(program: &Program, options: &Options, decoded: &Decoded, state: &mut State<'_>) -> Outcome {
    let watch = Watch { heat: &[], hot: 0 };
    loop {
        if let Some(outcome) = run_loop::<false>(program, options, decoded, state, watch) {
            return outcome;
        }
    }
}

/// The same, but until a place is hot and no big value is alive: then it gives none. Executes an instruction in any case.
pub(crate) fn run_watched(
    program: &Program,
    options: &Options,
    decoded: &Decoded,
    state: &mut State<'_>,
    watch: Watch<'_>,
) -> Option<Outcome> {
    match big::guarded_step(program, options, state) {
        Ok(Ok(Next::On)) => {}
        Ok(Ok(Next::Head)) => {
            if state.big_values() == 0 && watch.is_hot(state.instruction()) {
                return None;
            }
        }
        Ok(Ok(Next::End)) => return Some(Ok(Stop::End)),
        Ok(Err(stop)) => return Some(Ok(stop)),
        Err(fault) => return Some(Err(fault)),
    }
    run_loop::<true>(program, options, decoded, state, watch)
}

fn run_loop<const WATCH: bool>(
    program: &Program,
    options: &Options,
    decoded: &Decoded,
    state: &mut State<'_>,
    watch: Watch<'_>,
) -> Option<Outcome> {
    loop {
        if state.big_values() == 0
            && let Some(entry) = decoded.entry(state.instruction())
        {
            match run_groups::<WATCH>(decoded, options, state, entry, watch) {
                Left::Instruction => {}
                Left::Interrupted => return Some(Ok(Stop::Interrupted)),
                // Not many are left.
                Left::Steps => return Some(big::run(program, options, state)),
                Left::Hot => return None,
            }
        }
        loop {
            let head = match big::guarded_step(program, options, state) {
                Ok(Ok(Next::On)) => false,
                Ok(Ok(Next::Head)) => true,
                Ok(Ok(Next::End)) => return Some(Ok(Stop::End)),
                Ok(Err(stop)) => return Some(Ok(stop)),
                Err(fault) => return Some(Err(fault)),
            };
            if state.big_values() == 0 {
                if WATCH && head && watch.is_hot(state.instruction()) {
                    return None;
                }
                if decoded.entry(state.instruction()).is_some() {
                    break;
                }
            }
        }
    }
}

fn run_groups<const WATCH: bool>(
    decoded: &Decoded,
    options: &Options,
    state: &mut State<'_>,
    entry: usize,
    watch: Watch<'_>,
) -> Left {
    let groups = &*decoded.groups;
    let division = options.division;
    let wrap = options.overflow == Overflow::Wrap;
    let mut registers = Registers::take(state);
    let mut at = entry;
    let mut group = &groups[at];
    registers.left -= i64::from(group.charge);
    if registers.left < 0 {
        registers.left += i64::from(group.charge);
        registers.save(group.start);
        return Left::Steps;
    }
    /// Gives an operation's result, or leaves.
    macro_rules! some {
        ($result:expr) => {
            match $result {
                Some(result) => result,
                None => break Left::Instruction,
            }
        };
    }
    /// The result of arithmetic that may not fit.
    macro_rules! fitting {
        ($checked:expr, $wrapped:expr) => {
            match $checked {
                Some(result) => result,
                None if wrap => $wrapped,
                None => break Left::Instruction,
            }
        };
    }
    /// Goes on to a block.
    macro_rules! enter {
        ($target:expr) => {{
            at = $target as usize;
            group = &groups[at];
            registers.left -= i64::from(group.charge);
            if registers.left < 0 {
                break Left::Steps;
            }
            continue;
        }};
    }
    /// Counts a place that is gone on to, and leaves there if it is hot.
    macro_rules! visit {
        ($target:expr) => {
            if WATCH && watch.is_hot(groups[$target as usize].start) {
                at = $target as usize;
                group = &groups[at];
                registers.left -= i64::from(group.charge);
                break Left::Hot;
            }
        };
    }
    /// Goes on to a block that is not behind this one.
    macro_rules! jump {
        ($target:expr) => {{
            let target = $target;
            if registers.interrupted() {
                at = target as usize;
                group = &groups[at];
                registers.left -= i64::from(group.charge);
                break Left::Interrupted;
            }
            if WATCH && target as usize <= at {
                visit!(target)
            }
            enter!(target)
        }};
    }
    macro_rules! branch {
        ($taken:expr, $target:expr) => {{ if $taken { jump!($target) } else { enter!(at + 1) } }};
    }
    let left = loop {
        match group.op {
            Op::Push(value) => some!(registers.push(value)),
            Op::PushTwo(a, b) => {
                some!(registers.push(a.into()));
                if registers.push(b.into()).is_none() {
                    registers.drop(1);
                    break Left::Instruction;
                }
            }
            Op::Copy(depth) => {
                let value = some!(registers.item(depth));
                some!(registers.push(value));
            }
            Op::Swap => {
                let (a, b) = some!(registers.two());
                some!(registers.set_item(0, a));
                some!(registers.set_item(1, b));
            }
            Op::Drop => some!(registers.drop(1)),
            Op::Slide(count) => {
                let value = some!(registers.item(0));
                // One more than `count` must be there.
                some!(registers.item(count));
                some!(registers.drop(count));
                some!(registers.set_item(0, value));
            }
            Op::Add => {
                let (a, b) = some!(registers.two());
                let result = fitting!(a.checked_add(b), a.wrapping_add(b));
                some!(registers.drop(1));
                some!(registers.set_item(0, result));
            }
            Op::Sub => {
                let (a, b) = some!(registers.two());
                let result = fitting!(a.checked_sub(b), a.wrapping_sub(b));
                some!(registers.drop(1));
                some!(registers.set_item(0, result));
            }
            Op::Mul => {
                let (a, b) = some!(registers.two());
                let result = fitting!(a.checked_mul(b), a.wrapping_mul(b));
                some!(registers.drop(1));
                some!(registers.set_item(0, result));
            }
            Op::Div => {
                let (a, b) = some!(registers.two());
                let result = some!(arithmetic::quotient(a, b, division));
                some!(registers.drop(1));
                some!(registers.set_item(0, result));
            }
            Op::Mod => {
                let (a, b) = some!(registers.two());
                let result = some!(arithmetic::remainder(a, b, division));
                some!(registers.drop(1));
                some!(registers.set_item(0, result));
            }
            Op::AddConstant(b) => {
                let a = some!(registers.item(0));
                some!(registers.room_beside(1));
                let result = fitting!(a.checked_add(b), a.wrapping_add(b));
                some!(registers.set_item(0, result));
            }
            Op::MulConstant(b) => {
                let a = some!(registers.item(0));
                some!(registers.room_beside(1));
                let result = fitting!(a.checked_mul(b), a.wrapping_mul(b));
                some!(registers.set_item(0, result));
            }
            Op::DivConstant(b) => {
                let a = some!(registers.item(0));
                some!(registers.room_beside(1));
                let power = b.trailing_zeros();
                let result = if division == Division::Floor && b > 0 && b == 1 << power {
                    a >> power
                } else {
                    some!(arithmetic::quotient(a, b, division))
                };
                some!(registers.set_item(0, result));
            }
            Op::ModConstant(b) => {
                let a = some!(registers.item(0));
                some!(registers.room_beside(1));
                let result = if division == Division::Floor && b > 0 && b & (b - 1) == 0 {
                    a & (b - 1)
                } else {
                    some!(arithmetic::remainder(a, b, division))
                };
                some!(registers.set_item(0, result));
            }
            Op::CopyAdd { depth, constant } => {
                let a = some!(registers.item(depth as usize));
                some!(registers.room_beside(2));
                let result = fitting!(a.checked_add(constant), a.wrapping_add(constant));
                some!(registers.push(result));
            }
            Op::Store => {
                let (key, value) = some!(registers.two());
                some!(registers.store(key, value));
                some!(registers.drop(2));
            }
            Op::StoreConstant(value) => {
                let key = some!(registers.item(0));
                some!(registers.room_beside(1));
                some!(registers.store(key, value));
                some!(registers.drop(1));
            }
            Op::StoreAt(key) => {
                let value = some!(registers.item(0));
                some!(registers.room_beside(1));
                some!(registers.store(key, value));
                some!(registers.drop(1));
            }
            Op::Set { key, value } => {
                some!(registers.room_beside(2));
                some!(registers.store(key.into(), value.into()));
            }
            Op::Increase { key, by } => {
                some!(registers.room_beside(3));
                let (key, by) = (i64::from(key), i64::from(by));
                let value = some!(registers.load(key));
                let result = fitting!(value.checked_add(by), value.wrapping_add(by));
                some!(registers.store(key, result));
            }
            Op::Retrieve => {
                let key = some!(registers.item(0));
                let value = some!(registers.load(key));
                some!(registers.set_item(0, value));
            }
            Op::RetrieveAt(key) => {
                let value = some!(registers.load(key));
                some!(registers.push(value));
            }
            Op::RetrieveIndexed(base) => {
                let index = some!(registers.item(0));
                some!(registers.room_beside(1));
                let key = fitting!(index.checked_add(base), index.wrapping_add(base));
                let value = some!(registers.load(key));
                some!(registers.set_item(0, value));
            }
            Op::CopyRetrieve(depth) => {
                let key = some!(registers.item(depth));
                let value = some!(registers.load(key));
                some!(registers.push(value));
            }
            Op::RetrieveThrough(key) => {
                let key = some!(registers.load(key));
                let value = some!(registers.load(key));
                some!(registers.push(value));
            }
            Op::Call { target, place } => {
                some!(registers.state().push_call(place).ok());
                if target as usize > at {
                    visit!(target);
                }
                jump!(target);
            }
            Op::Ret => {
                let place = *some!(registers.state().calls().last());
                let target = some!(decoded.entry(place));
                some!(registers.state().pop_call());
                if target > at {
                    visit!(target);
                }
                jump!(target);
            }
            Op::Jmp(target) => jump!(target),
            Op::Jz(target) => {
                let value = some!(registers.item(0));
                some!(registers.drop(1));
                branch!(value == 0, target);
            }
            Op::Jn(target) => {
                let value = some!(registers.item(0));
                some!(registers.drop(1));
                branch!(value < 0, target);
            }
            Op::JumpItemEqual { depth, target, constant } => {
                let value = some!(registers.item(depth.into()));
                some!(registers.room_beside(2));
                let difference = fitting!(value.checked_sub(constant), value.wrapping_sub(constant));
                branch!(difference == 0, target);
            }
            Op::JumpItemLess { depth, target, constant } => {
                let value = some!(registers.item(depth.into()));
                some!(registers.room_beside(2));
                let difference = fitting!(value.checked_sub(constant), value.wrapping_sub(constant));
                branch!(difference < 0, target);
            }
            Op::JumpEqual { target, constant } => {
                let value = some!(registers.item(0));
                some!(registers.room_beside(1));
                let difference = fitting!(value.checked_sub(constant), value.wrapping_sub(constant));
                some!(registers.drop(1));
                branch!(difference == 0, target);
            }
            Op::JumpLess { target, constant } => {
                let value = some!(registers.item(0));
                some!(registers.room_beside(1));
                let difference = fitting!(value.checked_sub(constant), value.wrapping_sub(constant));
                some!(registers.drop(1));
                branch!(difference < 0, target);
            }
            Op::SubJz(target) => {
                let (a, b) = some!(registers.two());
                let difference = fitting!(a.checked_sub(b), a.wrapping_sub(b));
                some!(registers.drop(2));
                branch!(difference == 0, target);
            }
            Op::SubJn(target) => {
                let (a, b) = some!(registers.two());
                let difference = fitting!(a.checked_sub(b), a.wrapping_sub(b));
                some!(registers.drop(2));
                branch!(difference < 0, target);
            }
            Op::Printc => {
                let value = some!(registers.item(0));
                some!(io::print_char(registers.state(), ValueRef::Small(value), options.chars).ok());
                some!(registers.drop(1));
            }
            Op::Printi => {
                let value = some!(registers.item(0));
                some!(io::print_number(registers.state(), ValueRef::Small(value)).ok());
                some!(registers.drop(1));
            }
            Op::Print(bytes) => {
                some!(registers.room_beside(1));
                let count = (bytes >> 56) as usize;
                some!(registers.state().write(&bytes.to_le_bytes()[..count]).ok());
            }
            Op::Readc => {
                let key = some!(registers.item(0));
                let last = if options.chars == Chars::Bytes { 0xFF } else { 0x7F };
                let byte = some!(registers.state().byte_at_hand().filter(|byte| *byte <= last));
                some!(registers.store(key, byte.into()));
                registers.state().take_byte();
                some!(registers.drop(1));
            }
            Op::Fall => enter!(at + 1),
            Op::Leave => break Left::Instruction,
        }
        at += 1;
        group = &groups[at];
    };
    registers.left += i64::from(group.charge);
    registers.save(group.start);
    left
}
