//! The machine as plain Rust, slow and obvious: what the instructions mean. Tests hold the compiled programs against it.

use crate::bytecode::Symbol;
use crate::check::{Checked, Function};
use crate::error::Place;
use crate::instruction::Inst;
use crate::operand::{Func, Imm, Kind, Reg, Target};
use crate::value::Value;
use kiln::TrapKind;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;

/// What stands for external functions here.
pub type Externals<'e> = dyn FnMut(&str, &[Value]) -> Result<Option<Value>, String> + 'e;

/// A program being interpreted.
pub struct Interpreter<'p> {
    program: &'p Checked,
    /// What the calls with a site call now.
    sites: HashMap<u32, Func>,
    /// Strings with their final 0.
    texts: Vec<Vec<u8>>,
    externals: Box<Externals<'p>>,
    /// The number of instructions that calls may still execute.
    pub steps: u64,
    /// The number of calls that may be under way at once.
    pub depth: usize,
}

/// Why a call did not return.
#[derive(Clone, PartialEq, Debug)]
pub struct Stop {
    /// What happened, in the words that compiled code has for it.
    pub kind: TrapKind,
    /// The instruction.
    pub place: Place,
    /// What an external function said.
    pub message: Option<String>,
}

/// An activation of a function.
struct Frame {
    /// The next instruction, and the end of the body.
    next: usize,
    end: usize,
    ints: Vec<i64>,
    doubles: Vec<f64>,
    open: Vec<Vec<Value>>,
    /// Where the caller wants the result.
    result: Option<Reg>,
}

impl<'p> Interpreter<'p> {
    /// Ready to run a program, with what stands for its external functions.
    pub fn new(
        program: &'p Checked,
        externals: impl FnMut(&str, &[Value]) -> Result<Option<Value>, String> + 'p,
    ) -> Interpreter<'p> {
        let sites = program.sites().map(|(site, func)| (site.0, func)).collect();
        let texts = program.texts().iter().map(|text| [&text.bytes[..], b"\0"].concat()).collect();
        let externals = Box::new(externals);
        Interpreter { program, sites, texts, externals, steps: u64::MAX, depth: 100_000 }
    }

    /// Calls a function. `None` if there is none of this name that takes these arguments.
    ///
    /// # Errors
    /// Why it stopped before it returned.
    pub fn call(&mut self, name: &str, arguments: &[Value]) -> Option<Result<Option<Value>, Stop>> {
        let Some(Symbol::Function(func)) = self.program.symbol(name) else { return None };
        let function = self.program.function(func)?;
        let frame = enter(function, arguments, None)?;
        Some(self.run(frame))
    }

    fn run(&mut self, first: Frame) -> Result<Option<Value>, Stop> {
        let mut frames = vec![first];
        while let Some(frame) = frames.last_mut() {
            let index = frame.next;
            let stop = |kind| Stop { kind, place: self.program.place(index), message: None };
            if self.steps == 0 {
                return Err(stop(TrapKind::StepLimit));
            }
            self.steps -= 1;
            frame.next += 1;
            let returned = if index == frame.end {
                Some(None)
            } else {
                match self.step(frame, &self.program.code()[index], index)? {
                    Next::On => None,
                    Next::Return(value) => Some(value),
                    Next::Enter(callee) if frames.len() < self.depth => {
                        frames.push(callee);
                        None
                    }
                    Next::Enter(_) => return Err(stop(TrapKind::StackOverflow)),
                }
            };
            if let Some(value) = returned {
                let to = frames.pop().and_then(|frame| frame.result);
                let Some(caller) = frames.last_mut() else { return Ok(value) };
                if let (Some(to), Some(value)) = (to, value) {
                    caller.set(to, value);
                }
            }
        }
        Ok(None)
    }

    fn step(&mut self, frame: &mut Frame, inst: &Inst, index: usize) -> Result<Next, Stop> {
        let stop = |kind, message| Stop { kind, place: self.program.place(index), message };
        match inst {
            Inst::Nop {} | Inst::Label { .. } | Inst::FuncStart { .. } | Inst::FuncEnd {} => {}
            Inst::Setz { to } => match to.kind {
                Kind::Int => frame.set(*to, Value::Int(0)),
                Kind::Double => frame.set(*to, Value::Double(0.0)),
            },
            Inst::Mov { to, from } => {
                let value = match (to.kind, frame.get(*from)) {
                    (Kind::Double, Value::Int(value)) => Value::Double(value as f64),
                    (Kind::Int, Value::Double(value)) => Value::Int(value as i64),
                    (_, value) => value,
                };
                frame.set(*to, value);
            }
            Inst::Movi { to, value } => frame.set(*to, Value::Int(self.imm(value))),
            Inst::Movd { to, value } => frame.set(*to, Value::Double(*value)),
            Inst::Add { to, a, b }
            | Inst::Sub { to, a, b }
            | Inst::Imul { to, a, b }
            | Inst::Mul { to, a, b }
            | Inst::Idiv { to, a, b }
            | Inst::Div { to, a, b } => {
                let value = match (frame.get(*a), frame.get(*b)) {
                    (Value::Int(a), Value::Int(b)) => {
                        Value::Int(ints(inst, a, b).map_err(|kind| stop(kind, None))?)
                    }
                    (a, b) => Value::Double(doubles(inst, a.as_double(), b.as_double())),
                };
                frame.set(*to, value);
            }
            Inst::Cmp { to, a, b } => {
                let order = match (frame.get(*a), frame.get(*b)) {
                    (Value::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
                    (a, b) => a.as_double().partial_cmp(&b.as_double()),
                };
                let order = match order {
                    Some(Ordering::Less) => -1,
                    Some(Ordering::Equal) => 0,
                    Some(Ordering::Greater) => 1,
                    None => 2,
                };
                frame.set(*to, Value::Int(order));
            }
            Inst::Jmp { to } => frame.next = self.program.label_index(*to).unwrap_or(frame.end),
            Inst::Jz { value, to } => {
                let zero = match frame.get(*value) {
                    Value::Int(value) => value == 0,
                    Value::Double(value) => value == 0.0,
                };
                if zero {
                    frame.next = self.program.label_index(*to).unwrap_or(frame.end);
                }
            }
            Inst::Ret { value } => return Ok(Next::Return(value.map(|value| frame.get(value)))),
            Inst::CallStart {} => frame.open.push(Vec::new()),
            Inst::Push { from } => frame.push(frame.get(*from)),
            Inst::Pushi { value } => frame.push(Value::Int(self.imm(value))),
            Inst::Pushd { value } => frame.push(Value::Double(*value)),
            Inst::Call { target, result, site } => {
                let target = site.map_or(*target, |site| self.sites.get(&site.0).copied().unwrap_or(*target));
                let arguments = frame.open.pop().unwrap_or_default();
                let function = self.program.function(target).expect("checked: what is called is defined");
                return Ok(Next::Enter(
                    enter(function, &arguments, *result).expect("checked: arguments fit"),
                ));
            }
            // To call anything but a function that takes what was pushed is undefined; here it stops.
            Inst::Callr { target, result } => {
                let arguments = frame.open.pop().unwrap_or_default();
                let address = frame.get(*target);
                let known =
                    self.program.functions().find(|(func, _)| Value::Int(address_of(*func)) == address);
                let callee = known.and_then(|(_, function)| enter(function, &arguments, *result));
                let wrong =
                    || stop(TrapKind::Host, Some(format!("{address} is no function of these arguments")));
                return Ok(Next::Enter(callee.ok_or_else(wrong)?));
            }
            Inst::Calle { target, result } => {
                let value =
                    self.external(frame, *target).map_err(|words| stop(TrapKind::Host, Some(words)))?;
                if let (Some(to), Some(value)) = (result, value) {
                    frame.set(*to, value);
                }
            }
            Inst::Patch { site, target } => {
                self.sites.insert(site.0, *target);
            }
        }
        Ok(Next::On)
    }

    fn external(&mut self, frame: &mut Frame, target: Target) -> Result<Option<Value>, String> {
        let arguments = frame.open.pop().unwrap_or_default();
        (self.externals)(&self.program.externals()[target.index()].name, &arguments)
    }

    fn imm(&self, value: &Imm) -> i64 {
        match value {
            Imm::Int(value) => *value,
            Imm::Func(func) => address_of(*func),
            Imm::Text(text) => self.texts[text.index()].as_ptr() as i64,
        }
    }
}

/// What stands for the address of a function here.
fn address_of(func: Func) -> i64 {
    func.0 as i64 + 1
}

/// What happens after an instruction.
enum Next {
    On,
    Enter(Frame),
    Return(Option<Value>),
}

/// An activation with its arguments in place, if they are what the function takes.
fn enter(function: &Function, arguments: &[Value], result: Option<Reg>) -> Option<Frame> {
    let fits = arguments.iter().map(|a| a.kind()).eq(function.params.iter().map(|p| p.kind));
    let mut frame = Frame {
        next: function.body.start,
        end: function.body.end,
        ints: vec![0; function.ints],
        doubles: vec![0.0; function.doubles],
        open: Vec::new(),
        result,
    };
    for (param, value) in function.params.iter().zip(arguments) {
        frame.set(*param, *value);
    }
    fits.then_some(frame)
}

impl Frame {
    fn get(&self, reg: Reg) -> Value {
        match reg.kind {
            Kind::Int => Value::Int(self.ints[reg.number as usize]),
            Kind::Double => Value::Double(self.doubles[reg.number as usize]),
        }
    }

    fn set(&mut self, reg: Reg, value: Value) {
        match value {
            Value::Int(value) => self.ints[reg.number as usize] = value,
            Value::Double(value) => self.doubles[reg.number as usize] = value,
        }
    }

    fn push(&mut self, value: Value) {
        if let Some(arguments) = self.open.last_mut() {
            arguments.push(value);
        }
    }
}

fn ints(inst: &Inst, a: i64, b: i64) -> Result<i64, TrapKind> {
    match inst {
        Inst::Add { .. } => Ok(a.wrapping_add(b)),
        Inst::Sub { .. } => Ok(a.wrapping_sub(b)),
        Inst::Idiv { .. } if b == 0 => Err(TrapKind::DivideByZero),
        Inst::Idiv { .. } => a.checked_div(b).ok_or(TrapKind::IntegerOverflow),
        Inst::Div { .. } => {
            (a as u64).checked_div(b as u64).map(|quotient| quotient as i64).ok_or(TrapKind::DivideByZero)
        }
        // The low halves of signed and unsigned products are the same.
        _ => Ok(a.wrapping_mul(b)),
    }
}

fn doubles(inst: &Inst, a: f64, b: f64) -> f64 {
    match inst {
        Inst::Add { .. } => a + b,
        Inst::Sub { .. } => a - b,
        Inst::Div { .. } => a / b,
        _ => a * b,
    }
}

impl Value {
    fn as_double(self) -> f64 {
        match self {
            Value::Int(value) => value as f64,
            Value::Double(value) => value,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => f.write_str(message)?,
            None => write!(f, "{}", self.kind)?,
        }
        write!(f, " at {}", self.place)
    }
}

impl std::error::Error for Stop {}
