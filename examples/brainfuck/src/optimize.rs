//! From commands to steps: what brainfuck says in many characters, said in one.
//!
//! - Runs of `+` and `-` become one addition.
//! - The pointer stays where it is between brackets: `>+>++<<` adds at offsets 1 and 2. It moves once, before the next
//!   bracket.
//! - `[-]` sets a cell to 0, and a `+` behind it to another value.
//! - `[->+>+++<<]` adds multiples of one cell to others: any loop does so that only adds, comes back to where it
//!   began, and changes that cell by one.
//! - `[>>]` looks for a cell that is 0.
//!
//! What a step touches, the commands it stands for touch too, so no step leaves the tape where they would not.

use crate::parse::{Command, Place};
use std::collections::BTreeMap;

/// What is done at once. Offsets are in cells from the pointer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Adds to a cell, modulo 256.
    Add {
        /// Which cell.
        offset: i32,
        /// How much.
        amount: u8,
    },
    /// Gives a cell a value.
    Set {
        /// Which cell.
        offset: i32,
        /// The value.
        value: u8,
    },
    /// Adds multiples of the current cell to others and clears it; nothing if it is 0.
    Multiply(Vec<(i32, u8)>),
    /// Moves the pointer.
    Move(i32),
    /// Moves the pointer by this as long as the current cell is not 0.
    Scan(i32),
    /// Reads a byte into a cell.
    Read(i32),
    /// Writes a cell as a byte.
    Write(i32),
    /// Begins a loop: goes behind its end if the current cell is 0.
    Open,
    /// Ends a loop: goes back to its beginning unless the current cell is 0.
    Close,
}

/// The steps of a program whose brackets match, each with the place of the first command it stands for.
pub fn optimize(commands: &[(Command, Place)]) -> Vec<(Step, Place)> {
    let mut steps: Vec<(Step, Place)> = Vec::new();
    // Where the loops that are open begin among the steps.
    let mut open = Vec::new();
    // How far the commands have moved the pointer since it last moved, and from where on.
    let mut offset = 0;
    let mut moved = Place { line: 1, column: 1 };
    for &(command, at) in commands {
        match command {
            Command::Right | Command::Left => {
                if offset == 0 {
                    moved = at;
                }
                offset += if command == Command::Right { 1 } else { -1 };
            }
            Command::Increment => add(&mut steps, offset, 1, at),
            Command::Decrement => add(&mut steps, offset, 255, at),
            Command::Write => steps.push((Step::Write(offset), at)),
            Command::Read => steps.push((Step::Read(offset), at)),
            Command::Open => {
                move_on(&mut steps, &mut offset, moved);
                open.push(steps.len());
                steps.push((Step::Open, at));
            }
            Command::Close => {
                let start = open.pop().expect("brackets match");
                match closed_form(&steps[start + 1..], offset) {
                    Some(step) => {
                        let at = steps[start].1;
                        steps.truncate(start);
                        steps.push((step, at));
                        offset = 0;
                    }
                    None => {
                        move_on(&mut steps, &mut offset, moved);
                        steps.push((Step::Close, at));
                    }
                }
            }
        }
    }
    steps
}

fn move_on(steps: &mut Vec<(Step, Place)>, offset: &mut i32, at: Place) {
    if *offset != 0 {
        steps.push((Step::Move(*offset), at));
        *offset = 0;
    }
}

/// Adds to a cell, with the step before if that changes the same one.
fn add(steps: &mut Vec<(Step, Place)>, to: i32, more: u8, at: Place) {
    match steps.last_mut() {
        Some((Step::Add { offset, amount }, _)) if *offset == to => {
            *amount = amount.wrapping_add(more);
            if *amount == 0 {
                steps.pop();
            }
        }
        Some((Step::Set { offset, value }, _)) if *offset == to => *value = value.wrapping_add(more),
        _ => steps.push((Step::Add { offset: to, amount: more }, at)),
    }
}

/// The one step that a loop amounts to, if there is one: of a loop with this body, which goes on to move the pointer
/// by `offset`.
fn closed_form(body: &[(Step, Place)], offset: i32) -> Option<Step> {
    if offset != 0 {
        return body.is_empty().then_some(Step::Scan(offset));
    }
    // How much a round adds where.
    let mut sums: BTreeMap<i32, u8> = BTreeMap::new();
    for (step, _) in body {
        let Step::Add { offset, amount } = step else { return None };
        let sum = sums.entry(*offset).or_default();
        *sum = sum.wrapping_add(*amount);
    }
    // A cell of value c is 0 after c rounds if it goes down, after 256 - c, which is -c, if it goes up.
    let rounds: u8 = match sums.remove(&0)? {
        255 => 1,
        1 => 255,
        _ => return None,
    };
    if sums.is_empty() {
        return Some(Step::Set { offset: 0, value: 0 });
    }
    Some(Step::Multiply(sums.into_iter().map(|(offset, sum)| (offset, sum.wrapping_mul(rounds))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    #[track_caller]
    fn becomes(source: &str, expected: &[Step]) {
        let steps: Vec<Step> =
            optimize(&parse(source.as_bytes()).unwrap()).into_iter().map(|s| s.0).collect();
        assert_eq!(steps, expected, "{source}");
    }

    #[test]
    fn runs_are_folded_and_may_vanish() {
        becomes("+++-", &[Step::Add { offset: 0, amount: 2 }]);
        becomes("--", &[Step::Add { offset: 0, amount: 254 }]);
        becomes("+-><-+", &[]);
        becomes(&"+".repeat(256), &[]);
    }

    #[test]
    fn the_pointer_moves_only_before_brackets() {
        let [one, two] = [1, 2].map(|n| Step::Add { offset: n, amount: n as u8 });
        becomes(">+>++<<.", &[one, two, Step::Write(0)]);
        becomes(
            ">,[.<]",
            &[Step::Read(1), Step::Move(1), Step::Open, Step::Write(0), Step::Move(-1), Step::Close],
        );
        becomes("+>>", &[Step::Add { offset: 0, amount: 1 }]);
    }

    #[test]
    fn loops_that_clear_set_the_cell() {
        becomes("[-]", &[Step::Set { offset: 0, value: 0 }]);
        becomes("[+]++", &[Step::Set { offset: 0, value: 2 }]);
        becomes("[--]", &[Step::Open, Step::Add { offset: 0, amount: 254 }, Step::Close]);
    }

    #[test]
    fn loops_that_add_multiply() {
        becomes("[->+>+++<<]", &[Step::Multiply(vec![(1, 1), (2, 3)])]);
        becomes("[<-->+]", &[Step::Multiply(vec![(-1, 2)])]);
        becomes("[>+<->-<]", &[Step::Multiply(vec![(1, 0)])]);
        becomes("[>+<]", &[Step::Open, Step::Add { offset: 1, amount: 1 }, Step::Close]);
    }

    #[test]
    fn loops_that_only_move_scan() {
        becomes("[>>]", &[Step::Scan(2)]);
        becomes("[<]", &[Step::Scan(-1)]);
        becomes("[]", &[Step::Open, Step::Close]);
        becomes("[><]", &[Step::Open, Step::Close]);
    }

    #[test]
    fn steps_have_the_place_of_their_first_command() {
        let steps = optimize(&parse(b" ++\n>> [\n-]").unwrap());
        let places: Vec<(u32, u32)> = steps.iter().map(|(_, at)| (at.line, at.column)).collect();
        assert_eq!(places, [(1, 2), (2, 1), (2, 4)]);
    }
}
