//! The reference: what programs mean, as plainly as it can be said. Every value is an integer of any size, stacks are vectors, the
//! heap is a map. It shares nothing with the other ways to run but reading and writing characters and numbers.

use super::{Outcome, Stop};
use crate::Integer;
use crate::fault::{FaultKind, Resource};
use crate::instruction::{Instruction, Opcode};
use crate::io;
use crate::label::LabelId;
use crate::number::Number;
use crate::options::{Division, EmptyReturn, End, Heap, Options, Overflow, Slide};
use crate::program::{Program, Target};
use crate::state::{Halt, State};
use crate::value::Value;
use std::collections::HashMap;

/// The state as this interpreter has it; input and output stay with the shared one.
struct Reference<'r, 'io> {
    program: &'r Program,
    options: &'r Options,
    stack: Vec<Integer>,
    calls: Vec<u32>,
    heap: HashMap<Integer, Integer>,
    /// The largest key written.
    largest: Option<Integer>,
    instruction: u32,
    shared: &'r mut State<'io>,
}

/// Runs until the program ends or stops. Takes the state over and gives it back, at a cost that grows with its size.
pub(crate) fn run(program: &Program, options: &Options, state: &mut State<'_>) -> Outcome {
    let mut reference = Reference {
        stack: state.items().map(|item| item.integer().into_owned()).collect(),
        calls: state.calls().to_vec(),
        heap: state.heap().into_iter().map(|(key, value)| (key, value.into())).collect(),
        largest: None,
        instruction: state.instruction(),
        program,
        options,
        shared: state,
    };
    let outcome = reference.run();
    reference.give_back()?;
    outcome
}

impl Reference<'_, '_> {
    fn run(&mut self) -> Outcome {
        loop {
            let Some(instruction) = self.program.instructions().get(self.instruction as usize) else {
                return match self.options.end {
                    End::Implicit => Ok(Stop::End),
                    End::Error => Err(FaultKind::EndOfProgram),
                };
            };
            if self.shared.steps_left() == 0 {
                return Ok(Stop::Steps);
            }
            if self.shared.interrupted() {
                return Ok(Stop::Interrupted);
            }
            match self.step(*instruction) {
                Ok(next) => {
                    self.shared.take_steps(1);
                    match next {
                        Some(next) => self.instruction = next,
                        None => return Ok(Stop::End),
                    }
                }
                Err(Halt::Interrupted) => return Ok(Stop::Interrupted),
                Err(Halt::Fault(fault)) => return Err(fault),
            }
        }
    }

    /// Executes an instruction. Gives the one that runs next, if any does.
    fn step(&mut self, instruction: Instruction) -> Result<Option<u32>, Halt> {
        let next = self.instruction + 1;
        match instruction {
            Instruction::Push(number) => {
                let value = self.program.value(number).into_owned();
                let value = self.bounded(value, Opcode::Push, |value| vec![value.clone()])?;
                self.push(value)?;
            }
            Instruction::Dup => self.push(self.top(Opcode::Dup)?.clone())?,
            Instruction::Copy(number) => self.push(self.copied(number)?)?,
            Instruction::Swap => {
                let height = self.needs(Opcode::Swap, 2)?;
                self.stack.swap(height - 1, height - 2);
            }
            Instruction::Drop => {
                self.needs(Opcode::Drop, 1)?;
                self.stack.pop();
            }
            Instruction::Slide(number) => self.slide(number)?,
            Instruction::Add => self.arithmetic(Opcode::Add, |a, b| a + b)?,
            Instruction::Sub => self.arithmetic(Opcode::Sub, |a, b| a - b)?,
            Instruction::Mul => self.arithmetic(Opcode::Mul, |a, b| a * b)?,
            Instruction::Div => match self.options.division {
                Division::Floor => self.divide(Opcode::Div, |a, b| floor(a, b).0)?,
                Division::Trunc => self.divide(Opcode::Div, |a, b| a / b)?,
            },
            Instruction::Mod => match self.options.division {
                Division::Floor => self.divide(Opcode::Mod, |a, b| floor(a, b).1)?,
                Division::Trunc => self.divide(Opcode::Mod, |a, b| a % b)?,
            },
            Instruction::Store => {
                let height = self.needs(Opcode::Store, 2)?;
                let (key, value) = (self.stack[height - 2].clone(), self.stack[height - 1].clone());
                self.may_store(&key)?;
                self.store(key, value);
                self.stack.truncate(height - 2);
            }
            Instruction::Retrieve => {
                let value = self.load(self.top(Opcode::Retrieve)?)?;
                let height = self.stack.len();
                self.stack[height - 1] = value;
            }
            Instruction::Label(_) => {}
            Instruction::Call(label, target) => {
                let target = self.known(label, target)?;
                if self.calls.len() as u64 >= self.shared.call_capacity() {
                    return Err(self.shared.too_many_calls().into());
                }
                self.calls.push(next);
                return Ok(Some(target));
            }
            Instruction::Jmp(label, target) => return Ok(Some(self.known(label, target)?)),
            Instruction::Jz(label, target) => {
                let taken = *self.top(Opcode::Jz)? == Integer::ZERO;
                return self.branch(taken, label, target).map(Some);
            }
            Instruction::Jn(label, target) => {
                let taken = *self.top(Opcode::Jn)? < Integer::ZERO;
                return self.branch(taken, label, target).map(Some);
            }
            Instruction::Ret => {
                return match (self.calls.pop(), self.options.empty_return) {
                    (Some(place), _) => Ok(Some(place)),
                    (None, EmptyReturn::Error) => Err(FaultKind::CallStackEmpty.into()),
                    (None, EmptyReturn::Exit) => Ok(None),
                };
            }
            Instruction::End => return Ok(None),
            Instruction::Printc => {
                let value = Value::from(self.top(Opcode::Printc)?.clone());
                io::print_char(self.shared, value.as_ref(), self.options.chars)?;
                self.stack.pop();
            }
            Instruction::Printi => {
                let value = self.top(Opcode::Printi)?.clone();
                io::print_number(self.shared, Value::from(value).as_ref())?;
                self.stack.pop();
            }
            Instruction::Readc => {
                let key = self.top(Opcode::Readc)?.clone();
                self.may_store(&key)?;
                let value = io::read_char(self.shared, self.options)?;
                self.keep(key, value);
            }
            Instruction::Readi => {
                let key = self.top(Opcode::Readi)?.clone();
                self.may_store(&key)?;
                let value = io::read_number(self.shared, self.options)?;
                self.keep(key, value);
            }
            Instruction::Trap => {
                return Err(self.program.tail_fault().unwrap_or(FaultKind::EndOfProgram).into());
            }
        }
        Ok(Some(next))
    }

    /// How many items there are, if that is enough.
    fn needs(&self, opcode: Opcode, needs: usize) -> Result<usize, FaultKind> {
        let has = self.stack.len();
        if has < needs {
            return Err(FaultKind::StackUnderflow { opcode, needs: needs as u64, has: has as u64 });
        }
        Ok(has)
    }

    fn top(&self, opcode: Opcode) -> Result<&Integer, FaultKind> {
        let height = self.needs(opcode, 1)?;
        Ok(&self.stack[height - 1])
    }

    fn push(&mut self, value: Integer) -> Result<(), FaultKind> {
        if self.stack.len() as u64 >= self.shared.stack_capacity() {
            return Err(self.shared.stack_full());
        }
        self.stack.push(value);
        Ok(())
    }

    fn copied(&self, number: Number) -> Result<Integer, FaultKind> {
        let (index, has) = (self.program.value(number), self.stack.len());
        match usize::try_from(&*index) {
            Ok(depth) if depth < has => Ok(self.stack[has - 1 - depth].clone()),
            _ => Err(FaultKind::CopyOutOfRange { index: index.into_owned(), has: has as u64 }),
        }
    }

    fn slide(&mut self, number: Number) -> Result<(), FaultKind> {
        let height = self.needs(Opcode::Slide, 1)?;
        let count = self.program.value(number).into_owned();
        let below = Integer::from(height - 1);
        if self.options.slide == Slide::Error && (count < Integer::ZERO || count > below) {
            return Err(FaultKind::SlideOutOfRange { count, has: height as u64 });
        }
        let count = usize::try_from(&count.clamp(Integer::ZERO, below)).unwrap_or(0);
        self.stack.drain(height - 1 - count..height - 1);
        Ok(())
    }

    /// What becomes of a number that may be beyond 64 bits.
    fn bounded(
        &self,
        value: Integer,
        opcode: Opcode,
        operands: impl FnOnce(&Integer) -> Vec<Integer>,
    ) -> Result<Integer, FaultKind> {
        let limit = Integer::ONE << 63;
        if (-&limit..limit.clone()).contains(&value) {
            return Ok(value);
        }
        match self.options.overflow {
            Overflow::Exact => Ok(value),
            Overflow::Error => Err(FaultKind::Overflow { opcode, operands: operands(&value) }),
            Overflow::Wrap => {
                let modulus = Integer::ONE << 64;
                let wrapped = floor(&value, &modulus).1;
                Ok(if wrapped < limit { wrapped } else { wrapped - modulus })
            }
        }
    }

    fn arithmetic(
        &mut self,
        opcode: Opcode,
        compute: fn(&Integer, &Integer) -> Integer,
    ) -> Result<(), FaultKind> {
        let height = self.needs(opcode, 2)?;
        let (a, b) = (&self.stack[height - 2], &self.stack[height - 1]);
        let result = self.bounded(compute(a, b), opcode, |_| vec![a.clone(), b.clone()])?;
        self.stack.truncate(height - 2);
        self.stack.push(result);
        Ok(())
    }

    fn divide(
        &mut self,
        opcode: Opcode,
        compute: fn(&Integer, &Integer) -> Integer,
    ) -> Result<(), FaultKind> {
        let height = self.needs(opcode, 2)?;
        if self.stack[height - 1] == Integer::ZERO {
            return Err(FaultKind::DivideByZero { dividend: self.stack[height - 2].clone() });
        }
        self.arithmetic(opcode, compute)
    }

    fn load(&self, key: &Integer) -> Result<Integer, FaultKind> {
        let unset = FaultKind::HeapUnset { key: key.clone() };
        match (self.heap.get(key), self.options.heap) {
            (_, Heap::Wspace) if *key < Integer::ZERO => Err(FaultKind::HeapKey { key: key.clone() }),
            (Some(value), _) => Ok(value.clone()),
            (None, Heap::Zero) => Ok(Integer::ZERO),
            (None, Heap::Wspace) if self.shared.is_below_largest(Value::from(key.clone()).as_ref()) => {
                Ok(Integer::ZERO)
            }
            (None, Heap::Wspace) if self.largest.as_ref().is_some_and(|largest| key <= largest) => {
                Ok(Integer::ZERO)
            }
            (None, Heap::Wspace | Heap::Error) => Err(unset),
        }
    }

    fn may_store(&self, key: &Integer) -> Result<(), FaultKind> {
        if self.options.heap == Heap::Wspace && *key < Integer::ZERO {
            return Err(FaultKind::HeapKey { key: key.clone() });
        }
        match self.options.limits.heap {
            Some(limit) if self.heap.len() as u64 >= limit && !self.heap.contains_key(key) => {
                Err(FaultKind::Limit { resource: Resource::Heap, limit })
            }
            _ => Ok(()),
        }
    }

    fn store(&mut self, key: Integer, value: Integer) {
        if self.largest.as_ref().is_none_or(|largest| *largest < key) {
            self.largest = Some(key.clone());
        }
        self.heap.insert(key, value);
    }

    fn keep(&mut self, key: Integer, value: Option<Value>) {
        if let Some(value) = value {
            self.store(key, value.into());
        }
        self.stack.pop();
    }

    fn known(&self, label: LabelId, target: Target) -> Result<u32, FaultKind> {
        target
            .instruction()
            .ok_or_else(|| FaultKind::UndefinedLabel { label: self.program.label_name(label).into() })
    }

    fn branch(&mut self, taken: bool, label: LabelId, target: Target) -> Result<u32, Halt> {
        let next = if taken { self.known(label, target)? } else { self.instruction + 1 };
        self.stack.pop();
        Ok(next)
    }

    /// Writes the state back to the shared one.
    fn give_back(self) -> Result<(), FaultKind> {
        let Reference { stack, calls, heap, instruction, shared, .. } = self;
        shared.remove_items(u64::MAX);
        stack.into_iter().try_for_each(|item| shared.push(item.into()))?;
        while shared.pop_call().is_some() {}
        calls.into_iter().try_for_each(|place| shared.push_call(place))?;
        for (key, value) in heap {
            let (key, value) = (Value::from(key), Value::from(value));
            if shared.is_new(key.as_ref()) || shared.load(key.as_ref()) != Ok(value.as_ref()) {
                shared.store(key.as_ref(), value)?;
            }
        }
        shared.set_instruction(instruction);
        Ok(())
    }
}

/// Quotient and remainder, rounded down.
fn floor(a: &Integer, b: &Integer) -> (Integer, Integer) {
    let (quotient, remainder) = (a / b, a % b);
    if remainder != Integer::ZERO && (remainder < Integer::ZERO) != (*b < Integer::ZERO) {
        (quotient - 1, remainder + b)
    } else {
        (quotient, remainder)
    }
}
