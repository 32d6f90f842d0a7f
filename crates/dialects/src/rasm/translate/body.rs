//! A function after assembly time: registers, constants and targets only.

use crate::rasm::program::Register;
use crate::rasm::table::{Form, Opcode, Ty};
use kiln_ir::diagnostic::Span;

/// What an operand is once assembly time is over. Labels are positions among the instructions of the function.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Value {
    Register(Register),
    Int(i64),
    Float(f64),
    /// A parameter.
    Param(u32),
    /// The offset of a piece of the frame.
    Offset(u32),
    Label(u32),
    /// What `forward` gives: a target that is not known yet.
    Forward,
    /// A branch or `movi_p` that has a target or will get one.
    Site(u32),
    Function(u32),
    External(u32),
    Str(u32),
}

/// An instruction that has a meaning at run time.
#[derive(Clone, Debug)]
pub(super) struct Inst {
    pub op: Opcode,
    pub at: Span,
    /// The number of its line; 0 in bytecode.
    pub line: u32,
    pub args: [Option<Value>; 3],
    /// Of calls, the number in [`Body::calls`]; of `pusharg`, the number of the argument in the function.
    pub number: u32,
}

impl Inst {
    /// Whether control goes on behind it.
    pub fn falls_through(&self) -> bool {
        !matches!(self.op.get().form, Form::Jump | Form::JumpReg | Form::Ret)
    }
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub at: Span,
    /// The function of the program, if it is known to be one.
    pub callee: Option<u32>,
    /// Its arguments as `pusharg` numbered them: this and as many as there are types, the last argument first.
    pub first: u32,
    pub types: Vec<Ty>,
    /// The float type of its result, if the result is read as a float.
    pub float: Option<Ty>,
    pub read: bool,
}

/// A branch or `movi_p`.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub at: Span,
    /// Whether it is a `movi_p`.
    pub movi: bool,
    pub target: Option<Value>,
}

/// A function after assembly time.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub params: Vec<Ty>,
    pub insts: Vec<Inst>,
    /// Those that name a label, or behind which control does not go on; in order.
    landmarks: Vec<u32>,
    pub calls: Vec<Call>,
    /// Sizes of the pieces of the frame.
    pub frame: Vec<u32>,
    /// Types of the arguments that are pushed, by number.
    pub pushed: Vec<Ty>,
    pub sites: Vec<Site>,
}

impl Body {
    pub fn push(&mut self, inst: Inst) {
        let names_label =
            inst.args.iter().any(|value| matches!(value, Some(Value::Label(_) | Value::Site(_))));
        if names_label || !inst.falls_through() {
            self.landmarks.push(self.insts.len() as u32);
        }
        self.insts.push(inst);
    }

    /// The landmarks with their positions.
    pub fn landmarks(&self) -> impl Iterator<Item = (usize, &Inst)> {
        self.landmarks.iter().map(|at| (*at as usize, &self.insts[*at as usize]))
    }

    /// The landmarks from a position on.
    pub fn landmarks_from(&self, at: u32) -> &[u32] {
        &self.landmarks[self.landmarks.partition_point(|landmark| *landmark < at)..]
    }

    /// What an operand means, with sites followed to their targets.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::Site(site) => self.sites[site as usize].target.unwrap_or(value),
            _ => value,
        }
    }
}

/// A program after assembly time.
#[derive(Debug, Default)]
pub(super) struct Evaluated {
    pub bodies: Vec<Body>,
    pub externals: Vec<String>,
    pub strings: Vec<Vec<u8>>,
}
