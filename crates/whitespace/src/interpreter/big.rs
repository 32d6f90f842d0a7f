//! The interpreter for integers of any size, one instruction at a time on the shared state.
//!
//! It takes over where code for 64 bits cannot go on: after an overflow, and at whatever fails, for it alone says how. Small
//! values are computed with as such, so its cost grows with the big values alone.

use super::{Outcome, Stop};
use crate::Integer;
use crate::fault::FaultKind;
use crate::instruction::{Instruction, Opcode};
use crate::label::LabelId;
use crate::number::{Number, Size};
use crate::options::{EmptyReturn, End, Options, Overflow, Slide};
use crate::program::{Program, Target};
use crate::state::{Halt, State};
use crate::value::{Value, ValueRef};
use crate::{arithmetic, io};

/// What runs after an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// The next instruction, whichever it is.
    On,
    /// An instruction before this one, or a subroutine: a place where other ways to run may take over.
    Head,
    /// Nothing: the program has ended.
    End,
}

/// Runs until the program ends or stops.
pub(crate) fn run(program: &Program, options: &Options, state: &mut State<'_>) -> Outcome {
    loop {
        match guarded_step(program, options, state)? {
            Ok(Next::On | Next::Head) => {}
            Ok(Next::End) => return Ok(Stop::End),
            Err(stop) => return Ok(stop),
        }
    }
}

/// Executes one instruction, if steps are left and nobody wants to stop, and counts it.
pub(crate) fn guarded_step(
    program: &Program,
    options: &Options,
    state: &mut State<'_>,
) -> Result<Result<Next, Stop>, FaultKind> {
    let at = state.instruction() as usize;
    let Some(instruction) = program.instructions().get(at) else {
        return match options.end {
            End::Implicit => Ok(Ok(Next::End)),
            End::Error => Err(FaultKind::EndOfProgram),
        };
    };
    if state.steps_left() == 0 {
        return Ok(Err(Stop::Steps));
    }
    if state.interrupted() {
        return Ok(Err(Stop::Interrupted));
    }
    match step(program, options, state, *instruction) {
        Ok(next) => {
            state.take_steps(1);
            Ok(Ok(next))
        }
        Err(Halt::Interrupted) => Ok(Err(Stop::Interrupted)),
        Err(Halt::Fault(fault)) => Err(fault),
    }
}

/// Executes the instruction that the state is at.
fn step(
    program: &Program,
    options: &Options,
    state: &mut State<'_>,
    instruction: Instruction,
) -> Result<Next, Halt> {
    let at = state.instruction();
    match instruction {
        Instruction::Push(number) => {
            let value = match number.size() {
                Size::Small(small) => Value::Small(small),
                Size::Big(index) => {
                    let big = Value::Big(program.integers()[index as usize].clone());
                    io::bounded(big, Opcode::Push, options.overflow)?
                }
            };
            state.push(value)?;
        }
        Instruction::Dup => {
            let value = top(state, Opcode::Dup)?.to_value();
            state.push(value)?;
        }
        Instruction::Copy(number) => {
            let value = copied(program, state, number)?;
            state.push(value)?;
        }
        Instruction::Swap => {
            needs(state, Opcode::Swap, 2)?;
            let (b, a) = (state.pop(), state.pop());
            state.push(b.unwrap_or(Value::Small(0)))?;
            state.push(a.unwrap_or(Value::Small(0)))?;
        }
        Instruction::Drop => {
            needs(state, Opcode::Drop, 1)?;
            state.remove_items(1);
        }
        Instruction::Slide(number) => slide(program, options, state, number)?,
        Instruction::Add => compute(options, state, Opcode::Add)?,
        Instruction::Sub => compute(options, state, Opcode::Sub)?,
        Instruction::Mul => compute(options, state, Opcode::Mul)?,
        Instruction::Div => compute(options, state, Opcode::Div)?,
        Instruction::Mod => compute(options, state, Opcode::Mod)?,
        Instruction::Store => {
            needs(state, Opcode::Store, 2)?;
            if let (Some(key), Some(value)) = (state.item(1), state.item(0)) {
                state.may_store(key, value)?;
            }
            if let (Some(value), Some(key)) = (state.pop(), state.pop()) {
                state.store(key.as_ref(), value)?;
            }
        }
        Instruction::Retrieve => {
            let value = state.load(top(state, Opcode::Retrieve)?)?;
            if value.small().is_none() && !state.has_memory(arithmetic::size(value)) {
                return Err(state.no_memory().into());
            }
            let value = value.to_value();
            state.set_item(0, value);
        }
        Instruction::Label(_) => {}
        Instruction::Call(label, target) => {
            let target = known(program, label, target)?;
            state.push_call(at + 1)?;
            state.set_instruction(target);
            return Ok(Next::Head);
        }
        Instruction::Jmp(label, target) => return Ok(jump(state, known(program, label, target)?)),
        Instruction::Jz(label, target) => {
            let taken = top(state, Opcode::Jz)? == ValueRef::Small(0);
            return branch(program, state, taken, label, target);
        }
        Instruction::Jn(label, target) => {
            let taken = arithmetic::is_negative(top(state, Opcode::Jn)?);
            return branch(program, state, taken, label, target);
        }
        Instruction::Ret => match (state.pop_call(), options.empty_return) {
            (Some(place), _) => {
                state.set_instruction(place);
                return Ok(Next::On);
            }
            (None, EmptyReturn::Error) => return Err(FaultKind::CallStackEmpty.into()),
            (None, EmptyReturn::Exit) => return Ok(Next::End),
        },
        Instruction::End => return Ok(Next::End),
        Instruction::Printc => {
            let value = top(state, Opcode::Printc)?.to_value();
            io::print_char(state, value.as_ref(), options.chars)?;
            state.remove_items(1);
        }
        Instruction::Printi => {
            let value = top(state, Opcode::Printi)?.to_value();
            io::print_number(state, value.as_ref())?;
            state.remove_items(1);
        }
        Instruction::Readc => {
            let key = top(state, Opcode::Readc)?.to_value();
            state.may_store(key.as_ref(), ValueRef::Small(0))?;
            let value = io::read_char(state, options)?;
            keep(state, &key, value)?;
        }
        Instruction::Readi => {
            let key = top(state, Opcode::Readi)?.to_value();
            state.may_store(key.as_ref(), ValueRef::Small(0))?;
            let value = io::read_number(state, options)?;
            keep(state, &key, value)?;
        }
        Instruction::Trap => return Err(program.tail_fault().unwrap_or(FaultKind::EndOfProgram).into()),
    }
    state.set_instruction(at + 1);
    Ok(Next::On)
}

fn needs(state: &State<'_>, opcode: Opcode, needs: u64) -> Result<(), FaultKind> {
    let has = state.height();
    if has < needs { Err(FaultKind::StackUnderflow { opcode, needs, has }) } else { Ok(()) }
}

fn top<'s>(state: &'s State<'_>, opcode: Opcode) -> Result<ValueRef<'s>, FaultKind> {
    state.item(0).ok_or(FaultKind::StackUnderflow { opcode, needs: 1, has: 0 })
}

fn copied(program: &Program, state: &State<'_>, number: Number) -> Result<Value, FaultKind> {
    let depth = number.as_i64().and_then(|depth| u64::try_from(depth).ok());
    match depth.and_then(|depth| state.item(depth)) {
        Some(value) => Ok(value.to_value()),
        None => {
            Err(FaultKind::CopyOutOfRange { index: program.value(number).into_owned(), has: state.height() })
        }
    }
}

fn slide(
    program: &Program,
    options: &Options,
    state: &mut State<'_>,
    number: Number,
) -> Result<(), FaultKind> {
    needs(state, Opcode::Slide, 1)?;
    let below = state.height() - 1;
    let count = program.value(number);
    let in_range = *count >= Integer::ZERO && *count <= Integer::from(below);
    if !in_range && options.slide == Slide::Error {
        return Err(FaultKind::SlideOutOfRange { count: count.into_owned(), has: state.height() });
    }
    let count = if *count < Integer::ZERO { 0 } else { u64::try_from(&*count).unwrap_or(below).min(below) };
    if let Some(kept) = state.pop() {
        state.remove_items(count);
        state.push(kept)?;
    }
    Ok(())
}

/// Replaces the two top items by the result of an operation.
fn compute(options: &Options, state: &mut State<'_>, opcode: Opcode) -> Result<(), FaultKind> {
    needs(state, opcode, 2)?;
    let (Some(a), Some(b)) = (state.item(1), state.item(0)) else { return Ok(()) };
    let small = match (a, b) {
        (ValueRef::Small(a), ValueRef::Small(b)) => match options.overflow {
            Overflow::Wrap if b != 0 || !matches!(opcode, Opcode::Div | Opcode::Mod) => {
                let result = arithmetic::small(opcode, a, b, options.division);
                Some(result.unwrap_or_else(|| arithmetic::wrapping(opcode, a, b)))
            }
            _ => arithmetic::small(opcode, a, b, options.division),
        },
        _ => None,
    };
    let result = if let Some(small) = small {
        state.remove_items(2);
        Value::Small(small)
    } else {
        may_compute(options, state, opcode, a, b)?;
        let (b, a) = (
            state.pop().map_or(Integer::ZERO, Integer::from),
            state.pop().map_or(Integer::ZERO, Integer::from),
        );
        Value::from(arithmetic::exact(opcode, a, b, options.division))
    };
    state.push(result)
}

/// Whether an operation can be done beyond 64 bits.
fn may_compute(
    options: &Options,
    state: &State<'_>,
    opcode: Opcode,
    a: ValueRef<'_>,
    b: ValueRef<'_>,
) -> Result<(), FaultKind> {
    if b == ValueRef::Small(0) && matches!(opcode, Opcode::Div | Opcode::Mod) {
        return Err(FaultKind::DivideByZero { dividend: a.integer().into_owned() });
    }
    if options.overflow == Overflow::Error {
        let operands = vec![a.integer().into_owned(), b.integer().into_owned()];
        return Err(FaultKind::Overflow { opcode, operands });
    }
    // No result is larger than both together and a word; the operands go before it is pushed.
    if !state.has_memory(arithmetic::size(a) + arithmetic::size(b) + 8) {
        return Err(state.no_memory());
    }
    Ok(())
}

fn known(program: &Program, label: LabelId, target: Target) -> Result<u32, FaultKind> {
    target.instruction().ok_or_else(|| FaultKind::UndefinedLabel { label: program.label_name(label).into() })
}

fn jump(state: &mut State<'_>, target: u32) -> Next {
    let back = target <= state.instruction();
    state.set_instruction(target);
    if back { Next::Head } else { Next::On }
}

fn branch(
    program: &Program,
    state: &mut State<'_>,
    taken: bool,
    label: LabelId,
    target: Target,
) -> Result<Next, Halt> {
    if !taken {
        state.remove_items(1);
        state.set_instruction(state.instruction() + 1);
        return Ok(Next::On);
    }
    let target = known(program, label, target)?;
    state.remove_items(1);
    Ok(jump(state, target))
}

/// Stores what was read, if anything, and removes the key.
fn keep(state: &mut State<'_>, key: &Value, value: Option<Value>) -> Result<(), FaultKind> {
    if let Some(value) = value {
        state.store(key.as_ref(), value)?;
    }
    state.remove_items(1);
    Ok(())
}
