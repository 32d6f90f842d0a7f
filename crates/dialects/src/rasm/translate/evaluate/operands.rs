//! Operands: what they are, and whether an instruction takes them.

use super::Evaluation;
use super::calls::{KINDS, kind};
use crate::names::Name;
use crate::rasm::fault::Fault;
use crate::rasm::program::{Operand, Register, Sigil, Statement, What};
use crate::rasm::table::{Class, Form, Opcode, Ty};
use crate::rasm::translate::body::Value;
use kiln_ir::diagnostic::Span;
use kiln_ir::text::nearest;

impl Evaluation<'_, '_> {
    /// The value of an operand; nothing after a fault.
    pub(super) fn operand(&mut self, operand: &Operand, statement: &Statement, n: usize) -> Option<Value> {
        let program = self.shared.program;
        let at = statement.part(operand.at);
        Some(match operand.what {
            What::Register(register) => Value::Register(register),
            What::Int(value) => Value::Int(value),
            What::Float(value) => Value::Float(value),
            What::Call(called) => return self.run(called, (at, 0), [None; 3]),
            What::Entry(name) => match self.shared.functions[name.index()] {
                Some(number) => Value::Function(number),
                None => {
                    let name = program.names.get(name);
                    let names = program.functions.iter().map(|f| f.name.as_str());
                    let near = nearest(name, names).map(|near| format!("did you mean `={near}`?"));
                    let help = near.unwrap_or_else(|| format!("a C function is written `*{name}`"));
                    self.help(at, Fault::UnknownFunction(name.into()), help);
                    return None;
                }
            },
            What::External(name) => {
                let externals = &mut self.shared.out.externals;
                Value::External(*self.shared.externals[name.index()].get_or_insert_with(|| {
                    externals.push(program.names.get(name).into());
                    externals.len() as u32 - 1
                }))
            }
            What::Str(number) => {
                let bytes = program.strings[number as usize].as_slice();
                let strings = &mut self.shared.out.strings;
                Value::Str(*self.shared.strings.entry(bytes).or_insert_with(|| {
                    strings.push(bytes.into());
                    strings.len() as u32 - 1
                }))
            }
            What::Variable(sigil, name) => return self.variable(sigil, name, at, statement.op, n),
        })
    }

    fn variable(&mut self, sigil: Sigil, name: Name, at: Span, op: Opcode, n: usize) -> Option<Value> {
        let names = &self.shared.program.names;
        let written = || format!("{}{}", sigil.text(), names.get(name));
        let value = match self.shared.variables.get(name) {
            Some(value) => value,
            None if sigil == Sigil::Label && names.get(name) == "self" => {
                return Some(Value::Function(self.number));
            }
            None => {
                let mut known: Vec<&str> =
                    self.shared.variables.names().map(|name| names.get(name)).collect();
                known.sort_unstable();
                let help = match nearest(names.get(name), known.into_iter()) {
                    Some(near) => format!("did you mean `{}{near}`?", sigil.text()),
                    None => format!("an instruction above sets it with `=> {}`", written()),
                };
                self.help(at, Fault::Unset(written()), help);
                return None;
            }
        };
        let (fits, wanted) = match (sigil, value) {
            (Sigil::Int, Value::Int(_) | Value::Param(_) | Value::Offset(_)) => (true, ""),
            (Sigil::Float, Value::Float(_)) => (true, ""),
            (Sigil::Int, _) => (false, "an integer"),
            (Sigil::Float, _) => (false, "a float"),
            (Sigil::Label, value) => (
                !matches!(value, Value::Int(_) | Value::Float(_) | Value::Param(_) | Value::Offset(_)),
                "a label",
            ),
        };
        if !fits {
            let found = format!("`{}`, which holds {}", written(), describe(value));
            let (mnemonic, wanted) = (op.mnemonic(), wanted.into());
            self.fault(at, Fault::OperandClass { mnemonic, number: n + 1, wanted, found });
            return None;
        }
        Some(value)
    }

    /// The value as the class takes it; nothing after a fault.
    pub(super) fn fit(
        &mut self,
        value: Value,
        class: Class,
        operand: &Operand,
        statement: &Statement,
        n: usize,
    ) -> Option<Value> {
        use Register::{Float, Fp, Sp};
        let fits = match (class, value) {
            (Class::Write | Class::Update, Value::Register(r @ (Fp | Sp))) => {
                let name = if r == Fp { "%fp" } else { "%sp" };
                self.fault(statement.part(operand.at), Fault::ReadOnly(name));
                return None;
            }
            (Class::Write | Class::Update | Class::Read, Value::Register(r)) => !matches!(r, Float(_)),
            (Class::FloatWrite | Class::FloatRead, Value::Register(r)) => matches!(r, Float(_)),
            (Class::AnyRegister, Value::Register(_)) => true,
            (Class::Int(ty), Value::Int(value)) => {
                let (least, most) = range(ty);
                if !(least..=most).contains(&value) {
                    let help = format!("it takes {least} to {most}");
                    self.help(
                        statement.part(operand.at),
                        Fault::OutOfRange { mnemonic: statement.op.mnemonic(), value },
                        help,
                    );
                    return None;
                }
                true
            }
            // Only instructions that run with the frame can use its offsets.
            (Class::Int(_), Value::Offset(_)) => {
                !matches!(statement.op.get().form, Form::Prepare | Form::Prolog | Form::Alloca)
            }
            (Class::Float, Value::Float(_)) => true,
            (Class::Number, Value::Int(_) | Value::Float(_) | Value::Param(_) | Value::Offset(_)) => true,
            (Class::Handle, Value::Param(number)) => {
                let (declared, read) = (self.body.params[number as usize], statement.op.get().ty);
                if kind(declared) != kind(read) {
                    self.parameter_kind(operand, statement, n, declared, read);
                    return None;
                }
                true
            }
            (Class::Label, Value::Label(_) | Value::Forward) => true,
            (Class::Site, Value::Site(_)) => true,
            (Class::Callee, Value::Function(_) | Value::External(_)) => true,
            (
                Class::LabelOrPointer | Class::Target,
                Value::Label(_) | Value::Forward | Value::Function(_) | Value::External(_) | Value::Str(_),
            ) => true,
            (Class::LabelOrPointer, Value::Int(_) | Value::Offset(_)) => true,
            (Class::Target, Value::Site(_)) => statement.op.get().form == Form::AssignLabel,
            (
                Class::Pointer,
                Value::Int(_)
                | Value::Offset(_)
                | Value::Label(_)
                | Value::Function(_)
                | Value::External(_)
                | Value::Str(_),
            ) => true,
            _ => false,
        };
        if fits {
            return Some(value);
        }
        let found = operand.what.describe(&self.shared.program.names);
        let found = match operand.what {
            What::Variable(..) | What::Call(_) => format!("{found}, {}", describe(value)),
            _ => found,
        };
        let (mnemonic, wanted) = (statement.op.mnemonic(), wanted(class).into());
        let fault = Fault::OperandClass { mnemonic, number: n + 1, wanted, found };
        let form = statement.op.get().form;
        let help = match (class, value) {
            (Class::Read, _) if form == Form::JumpReg => Some("`jmpi` takes a label".into()),
            (Class::Read, _) if form == Form::CallReg => Some("`finish` and `calli` take a function".into()),
            (Class::Float, Value::Int(value)) => Some(format!("write `{value}.0`")),
            (Class::Label, Value::Function(_)) => {
                Some("call it with `finish`, or take a label after `prolog`".into())
            }
            (Class::Callee, Value::Register(_)) => Some("`finishr` and `callr` take a register".into()),
            (Class::Int(_), Value::Register(_)) => Some("the form with `r` takes a register".into()),
            (Class::Read, Value::Int(_)) => Some("the form with `i` takes an immediate".into()),
            (Class::Read | Class::Write, Value::Register(Float(_))) => {
                Some("the forms with `_f` and `_d` take float registers".into())
            }
            _ => None,
        };
        self.shared.fault(statement.part(operand.at), fault, help);
        None
    }

    /// Reports a parameter of one kind that is read as one of another.
    fn parameter_kind(&mut self, operand: &Operand, statement: &Statement, n: usize, declared: Ty, read: Ty) {
        let name = operand.what.describe(&self.shared.program.names);
        let (declared, read) = (KINDS[kind(declared)], KINDS[kind(read)]);
        let (wanted, found) = (format!("a parameter of kind {read}"), format!("{name}, of kind {declared}"));
        let mnemonic = statement.op.mnemonic();
        let fault = Fault::OperandClass { mnemonic, number: n + 1, wanted, found };
        let help = "read it as `arg` declares it, and convert what the register then has";
        self.help(statement.part(operand.at), fault, help);
    }
}

/// The integers that an immediate of this type may be, signed or not; those of a word may be all.
fn range(ty: Ty) -> (i64, i64) {
    match ty.bits() {
        64.. => (i64::MIN, i64::MAX),
        bits => (-1 << (bits - 1), (1 << bits) - 1),
    }
}

fn wanted(class: Class) -> &'static str {
    match class {
        Class::Write | Class::Read | Class::Update => "an integer register",
        Class::FloatWrite | Class::FloatRead => "a float register",
        Class::Int(_) => "an integer",
        Class::Pointer => "an address or an integer",
        Class::Float => "a float",
        Class::Label => "a label of this function",
        Class::Callee => "a function",
        Class::LabelOrPointer => "a label, an address or an integer",
        Class::Site => "what a branch gave",
        Class::Handle => "what `arg` gave",
        Class::Number => "a number",
        Class::Target => "a label or an address",
        Class::AnyRegister => "a register",
    }
}

pub(super) fn describe(value: Value) -> &'static str {
    match value {
        Value::Register(_) => "a register",
        Value::Int(_) => "an integer",
        Value::Float(_) => "a float",
        Value::Param(_) => "a parameter",
        Value::Offset(_) => "an offset in the frame",
        Value::Label(_) => "a label",
        Value::Forward => "a target that is not known yet",
        Value::Site(_) => "a branch",
        Value::Function(_) | Value::External(_) => "a function",
        Value::Str(_) => "a string",
    }
}
