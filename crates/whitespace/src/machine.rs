//! Machines: programs being run.

use crate::Integer;
use crate::compile::{CompiledProgram, Settings, When};
use crate::engine::Engine;
use crate::fault::{Fault, FaultKind, Resource};
use crate::instruction::Instruction;
use crate::interpreter::fast::Decoded;
use crate::interpreter::{Outcome, Stop, big, fast, reference};
use crate::options::{Options, TABLE};
use crate::program::Program;
use crate::state::{Channels, Interrupt, Sizes, State};
use crate::value::{Value, ValueRef};
use std::io::{self, BufRead, Write};

/// A program with its state: stacks, heap, input, output, and where it is.
///
/// Whatever stopped it, it can go on: [`Machine::run`] and its kin execute from the instruction that the state is at, after an
/// error the one that failed. Every engine works on the same state, so each run may take another one.
pub struct Machine<'io> {
    program: Program,
    options: Options,
    state: State<'io>,
    decoded: Option<Decoded>,
    compiled: Option<CompiledProgram>,
    ended: bool,
}

impl<'io> Machine<'io> {
    /// A machine before the first instruction. The options that decide how programs are read do not matter any more.
    ///
    /// Input is taken from the reader as the program reads it and no further. Output is buffered: it is written when the program
    /// waits for input or stops for whatever reason.
    ///
    /// # Errors
    /// The system's, if it refuses address space.
    pub fn new(
        program: &Program,
        options: &Options,
        input: impl BufRead + 'io,
        output: impl Write + 'io,
    ) -> io::Result<Machine<'io>> {
        Machine::with_channels(program, options, Channels::new(input, output))
    }

    /// As [`Machine::new`].
    ///
    /// # Errors
    /// The system's, if it refuses address space.
    pub fn with_channels(
        program: &Program,
        options: &Options,
        channels: Channels<'io>,
    ) -> io::Result<Machine<'io>> {
        Machine::with_sizes(program, options, channels, Sizes::of_machine())
    }

    /// As [`Machine::new`], with areas of the given sizes.
    ///
    /// # Errors
    /// The system's, if it refuses address space.
    pub fn with_sizes(
        program: &Program,
        options: &Options,
        channels: Channels<'io>,
        sizes: Sizes,
    ) -> io::Result<Machine<'io>> {
        Ok(Machine {
            program: program.clone(),
            options: options.clone(),
            state: State::with_sizes(options, channels, sizes)?,
            decoded: None,
            compiled: None,
            ended: false,
        })
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Runs until the program ends, fails or is interrupted.
    ///
    /// # Errors
    /// The fault of an instruction. It has not begun: its operands are on the stack. What an instruction for input has consumed
    /// stays consumed.
    pub fn run(&mut self, engine: Engine) -> Result<Stop, Fault> {
        self.run_for(engine, u64::MAX)
    }

    /// Executes one instruction.
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub fn step(&mut self) -> Result<Stop, Fault> {
        self.run_for(Engine::Bignum, 1)
    }

    /// Runs as [`Machine::run`] does, but at most so many instructions.
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub fn run_for(&mut self, engine: Engine, steps: u64) -> Result<Stop, Fault> {
        let counting = steps != u64::MAX || self.options.limits.steps.is_some();
        self.run_under(steps, |machine| machine.execute(engine, counting))
    }

    /// Runs with code that was compiled before, at most so many instructions; `u64::MAX` for no limit. Code that does not count
    /// stops at none.
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub fn run_compiled(&mut self, compiled: &CompiledProgram, steps: u64) -> Result<Stop, Fault> {
        self.run_under(steps, |machine| compiled.run(&mut machine.state))
    }

    fn run_under(
        &mut self,
        steps: u64,
        execute: impl FnOnce(&mut Machine<'io>) -> Outcome,
    ) -> Result<Stop, Fault> {
        if self.ended {
            return Ok(Stop::End);
        }
        let limit = self.options.limits.steps;
        let allowed = limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.state.steps()));
        self.state.grant_steps(steps.min(allowed));
        let mut outcome = execute(self);
        self.state.return_input();
        let flushed = self.state.flush();
        // An error of the program is the one to report.
        if outcome.is_ok()
            && let Err(fault) = flushed
        {
            outcome = Err(fault);
        }
        match outcome {
            Ok(Stop::Steps) if allowed < steps => {
                let limit = limit.unwrap_or(u64::MAX);
                outcome = Err(FaultKind::Limit { resource: Resource::Steps, limit });
            }
            Ok(Stop::Interrupted) => {
                self.state.take_interrupt();
            }
            Ok(Stop::End) => self.ended = true,
            _ => {}
        }
        outcome.map_err(|kind| self.program.fault(self.state.instruction(), kind))
    }

    fn execute(&mut self, engine: Engine, counting: bool) -> Outcome {
        let when = match engine {
            Engine::Ahead => Some(When::Ahead),
            Engine::Synchronous => Some(When::Hot),
            Engine::Threaded => Some(When::Meanwhile),
            Engine::Reference | Engine::Optimised | Engine::Bignum => None,
        };
        if let Some(when) = when {
            return self.compiled(when, counting)?.run(&mut self.state);
        }
        let (program, options, state) = (&self.program, &self.options, &mut self.state);
        match engine {
            Engine::Reference => reference::run(program, options, state),
            Engine::Bignum => big::run(program, options, state),
            Engine::Optimised => {
                let decoded = self.decoded.get_or_insert_with(|| Decoded::new(program, options));
                fast::run(program, options, decoded, state)
            }
            Engine::Ahead | Engine::Synchronous | Engine::Threaded => unreachable!("these are compiled"),
        }
    }

    /// The program's code for this; kept for the next run.
    fn compiled(&mut self, when: When, counting: bool) -> Result<CompiledProgram, FaultKind> {
        let fits = |compiled: &&CompiledProgram| compiled.when() == when && compiled.counts() == counting;
        if let Some(compiled) = self.compiled.as_ref().filter(fits) {
            return Ok(compiled.clone());
        }
        let settings = Settings { options: self.options.clone(), counting, ..Settings::default() };
        let compiled = CompiledProgram::new(&self.program, settings, when)
            .map_err(|error| FaultKind::Io { kind: io::ErrorKind::OutOfMemory, reason: error.to_string() })?;
        self.compiled = Some(compiled.clone());
        Ok(compiled)
    }

    /// Whether the program has ended: running does nothing any more.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// How many instructions ran. Labels count; an instruction that failed does not. Compiled code counts only if it may have to
    /// stop: in [`Machine::run_for`], and under a limit of steps.
    pub fn steps(&self) -> u64 {
        self.state.steps()
    }

    /// How many bytes the program has written.
    pub fn output_bytes(&self) -> u64 {
        self.state.output_bytes()
    }

    /// What can be seen of it.
    pub fn state(&self) -> View<'_, 'io> {
        View { machine: self }
    }

    /// The token by which another thread or a signal handler stops a run. A wish to stop that comes when nothing runs stops the next
    /// run at once.
    pub fn interrupt_token(&self) -> Interrupt {
        self.state.interrupt_token()
    }

    /// Sets the instruction that runs next, at most the number of instructions. A program that had ended goes on there. False if
    /// there is no such instruction.
    pub fn set_instruction(&mut self, instruction: u32) -> bool {
        let known = instruction as usize <= self.program.len();
        if known {
            self.state.set_instruction(instruction);
            self.ended = false;
        }
        known
    }

    /// Changes the item `depth` items below the top one. False if there is none.
    pub fn set_item(&mut self, depth: u64, value: Integer) -> bool {
        self.state.set_item(depth, value.into())
    }

    /// Adds an item to the data stack.
    ///
    /// # Errors
    /// A limit.
    pub fn push(&mut self, value: Integer) -> Result<(), FaultKind> {
        self.state.push(value.into())
    }

    /// Removes the top item.
    pub fn pop(&mut self) -> Option<Integer> {
        self.state.pop().map(Integer::from)
    }

    /// Writes a cell of the heap.
    ///
    /// # Errors
    /// As `store` does.
    pub fn set_cell(&mut self, key: &Integer, value: Integer) -> Result<(), FaultKind> {
        self.state.store(Value::from(key.clone()).as_ref(), value.into())
    }
}

/// The state of a machine, as integers of any size whatever ran it.
#[derive(Clone, Copy)]
pub struct View<'m, 'io> {
    machine: &'m Machine<'io>,
}

impl<'m> View<'m, '_> {
    /// The index of the instruction that runs next, or failed, or ended the program; the number of instructions behind the
    /// last.
    pub fn instruction(&self) -> u32 {
        self.machine.state.instruction()
    }

    /// That instruction.
    pub fn next(&self) -> Option<Instruction> {
        self.machine.program.instructions().get(self.instruction() as usize).copied()
    }

    /// How many items the data stack holds.
    pub fn height(&self) -> u64 {
        self.machine.state.height()
    }

    /// The items of the data stack, the top one last.
    pub fn stack(&self) -> impl ExactSizeIterator<Item = Integer> + 'm {
        self.machine.state.items().map(|item| item.integer().into_owned())
    }

    /// The item `depth` items below the top one.
    pub fn item(&self, depth: u64) -> Option<Integer> {
        self.machine.state.item(depth).map(|item| item.integer().into_owned())
    }

    /// The return places of the calls under way, the innermost last: the instructions that run after `ret`.
    pub fn calls(&self) -> &'m [u32] {
        self.machine.state.calls()
    }

    /// The heap's cells by rising key. Cells that hold 0 count only where it matters whether a cell was written: with
    /// `--heap error`, or if cells are limited.
    pub fn heap(&self) -> impl ExactSizeIterator<Item = (Integer, Integer)> + 'm {
        self.machine.state.heap().into_iter().map(|(key, value)| (key, value.into()))
    }

    /// What a cell holds, as `retrieve` would see it.
    pub fn cell(&self, key: &Integer) -> Option<Integer> {
        let key = Value::from(key.clone());
        self.machine.state.load(key.as_ref()).ok().map(|value| ValueRef::integer(value).into_owned())
    }
}

impl std::fmt::Debug for Machine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let options: Vec<_> = TABLE.iter().map(|row| (row.name, row.value(&self.options))).collect();
        f.debug_struct("Machine")
            .field("options", &options)
            .field("state", &self.state)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
