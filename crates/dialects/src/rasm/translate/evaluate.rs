//! Assembly time: walks the statements of each function once, in order, with its table of variables. What comes out has
//! registers, constants and targets only; everything that can be wrong with a program is found here.

use super::super::fault::Fault;
use super::super::parse::MAX_FAULTS;
use super::super::program::{self, Operand, Program, Register, Sigil, Statement, What};
use super::super::table::{Class, Form, Opcode, Ty};
use kiln_ir::diagnostic::{Diagnostic, Span};
use kiln_ir::text::nearest;
use std::collections::HashMap;

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
    pub args: [Option<Value>; 3],
    /// Of calls, the number in [`Body::calls`]; of `pusharg`, the number of the argument in the function.
    pub number: u32,
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
    read: bool,
}

/// A branch or `movi_p`.
#[derive(Clone, Debug)]
struct Site {
    at: Span,
    movi: bool,
    target: Option<Value>,
}

/// A function after assembly time.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub params: Vec<Ty>,
    pub insts: Vec<Inst>,
    pub calls: Vec<Call>,
    /// Sizes of the pieces of the frame.
    pub frame: Vec<u32>,
    /// Types of the arguments that are pushed, by number.
    pub pushed: Vec<Ty>,
    sites: Vec<Site>,
}

impl Body {
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

/// Evaluates all functions.
pub(super) fn evaluate(program: &Program) -> Result<Evaluated, Vec<Diagnostic<Fault>>> {
    let functions = program.functions.iter().zip(0..).map(|(f, n)| (f.name.as_str(), n)).collect();
    let mut shared = Shared {
        program,
        functions,
        externals: HashMap::new(),
        out: Evaluated::default(),
        faults: Vec::new(),
    };
    for (function, number) in program.functions.iter().zip(0..) {
        if shared.faults.len() >= MAX_FAULTS {
            return Err(shared.faults);
        }
        let mut evaluation = Evaluation {
            shared: &mut shared,
            number,
            variables: HashMap::new(),
            body: Body::default(),
            preparing: None,
            frame: 0,
            begun: false,
        };
        for statement in &function.statements {
            // Suggestions cost time, so there is an end to them.
            if evaluation.shared.faults.len() < MAX_FAULTS {
                evaluation.statement(statement);
            }
        }
        evaluation.end(function);
        let body = evaluation.body;
        shared.out.bodies.push(body);
    }
    shared.calls();
    if shared.faults.is_empty() { Ok(shared.out) } else { Err(shared.faults) }
}

/// What all functions have in common.
struct Shared<'p> {
    program: &'p Program,
    functions: HashMap<&'p str, u32>,
    externals: HashMap<&'p str, u32>,
    out: Evaluated,
    faults: Vec<Diagnostic<Fault>>,
}

impl Shared<'_> {
    fn fault(&mut self, at: Span, fault: Fault, help: Option<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Diagnostic { at: program::place(at), fault, help });
        }
    }

    /// Checks calls between functions, once the parameters of all are known.
    fn calls(&mut self) {
        let kind = |ty: &Ty| match ty {
            Ty::F | Ty::D => *ty,
            _ => Ty::L,
        };
        let mut faults = vec![];
        for call in self.out.bodies.iter().flat_map(|b| &b.calls) {
            let Some(callee) = call.callee else { continue };
            let wanted: Vec<Ty> = self.out.bodies[callee as usize].params.iter().map(kind).collect();
            let found: Vec<Ty> = call.types.iter().rev().map(kind).collect();
            let function = self.program.functions[callee as usize].name.clone();
            if wanted != found {
                let (wanted, found) = (listed(&wanted), listed(&found));
                faults.push((call.at, Fault::Arguments { function, wanted, found }));
            } else if call.float.is_some() {
                let reason = "a function of the program gives an integer, not a float";
                faults.push((call.at, Fault::ResultKind(reason)));
            }
        }
        for (at, fault) in faults {
            self.fault(at, fault, None);
        }
    }
}

/// Arguments in words, in order.
fn listed(types: &[Ty]) -> String {
    if types.is_empty() {
        return "no arguments".into();
    }
    let word = |ty: &Ty| match ty {
        Ty::F => "float",
        Ty::D => "double",
        _ => "integer",
    };
    format!("({})", types.iter().map(word).collect::<Vec<_>>().join(", "))
}

/// A call between `prepare` and `finish`.
struct Preparing {
    at: Span,
    /// Integers, floats, doubles.
    counts: [Option<i64>; 3],
    first: u32,
}

const KINDS: [&str; 3] = ["integer", "float", "double"];

fn kind(ty: Ty) -> usize {
    match ty {
        Ty::F => 1,
        Ty::D => 2,
        _ => 0,
    }
}

/// Bytes of storage in a frame.
const MAX_FRAME: i64 = 1 << 30;
/// Parameters of a function, and arguments of a call.
const MAX_PARAMS: usize = 65535;

/// One function at assembly time.
struct Evaluation<'s, 'p> {
    shared: &'s mut Shared<'p>,
    number: u32,
    variables: HashMap<&'p str, Value>,
    body: Body,
    preparing: Option<Preparing>,
    /// Bytes of the frame that are taken.
    frame: i64,
    begun: bool,
}

impl<'p> Evaluation<'_, 'p> {
    fn fault(&mut self, at: Span, fault: Fault) {
        self.shared.fault(at, fault, None);
    }

    fn help(&mut self, at: Span, fault: Fault, help: impl Into<String>) {
        self.shared.fault(at, fault, Some(help.into()));
    }

    fn here(&self) -> Value {
        Value::Label(self.body.insts.len() as u32)
    }

    fn statement(&mut self, statement: &'p Statement) {
        let instruction = statement.op.get();
        let classes = &instruction.operands;
        let found = statement.operands.len();
        let optional = instruction.form == Form::Prolog;
        if found != classes.len() && !(optional && found == 0) {
            let fault =
                Fault::OperandCount { mnemonic: statement.op.mnemonic(), wanted: classes.len(), found };
            self.fault(statement.at, fault);
            return;
        }
        if !self.begun && instruction.form != Form::Prolog {
            self.begun = true;
            let name = self.shared.program.functions[self.number as usize].name.clone();
            let help = "write `prolog N` first, with the number of parameters";
            self.help(statement.at, Fault::NoProlog(name), help);
        }
        let mut args = [None; 3];
        for (n, (operand, class)) in statement.operands.iter().zip(classes).enumerate() {
            let Some(value) = self.operand(operand, statement.op, n) else {
                self.gives_nothing(statement);
                return;
            };
            let Some(value) = self.fit(value, *class, operand, statement, n) else {
                self.gives_nothing(statement);
                return;
            };
            args[n] = Some(value);
        }
        let given = self.run(statement.op, statement.at, args);
        if let Some(keep) = &statement.keep {
            let Some(value) = given else {
                self.variables.remove(keep.name.as_str());
                return;
            };
            let fits = match value {
                Value::Int(_) | Value::Param(_) | Value::Offset(_) => keep.sigil == Sigil::Int,
                Value::Float(_) => keep.sigil == Sigil::Float,
                Value::Function(_) => keep.sigil != Sigil::Float,
                _ => keep.sigil == Sigil::Label,
            };
            if !fits {
                let name = format!("{}{}", keep.sigil.text(), keep.name);
                let sigil = match value {
                    Value::Int(_) | Value::Param(_) | Value::Offset(_) => '$',
                    Value::Float(_) => '&',
                    _ => '@',
                };
                let help = format!("write `=> {sigil}{}`", keep.name);
                self.help(keep.at, Fault::WrongSigil { name, value: describe(value).into() }, help);
            }
            self.variables.insert(&keep.name, value);
        }
    }

    /// After a fault: the variable counts as set, so that its uses are not reported as well.
    fn gives_nothing(&mut self, statement: &'p Statement) {
        if let Some(keep) = &statement.keep {
            let value = match keep.sigil {
                Sigil::Int => Value::Int(0),
                Sigil::Float => Value::Float(0.0),
                Sigil::Label => self.here(),
            };
            self.variables.insert(&keep.name, value);
        }
    }

    /// The value of an operand; nothing after a fault.
    fn operand(&mut self, operand: &'p Operand, op: Opcode, n: usize) -> Option<Value> {
        Some(match &operand.what {
            What::Register(register) => Value::Register(*register),
            What::Int(value) => Value::Int(*value),
            What::Float(value) => Value::Float(*value),
            What::Call(called) => {
                let gives = self.run(*called, operand.at, [None; 3]);
                return gives;
            }
            What::Entry(name) => match self.shared.functions.get(name.as_str()) {
                Some(number) => Value::Function(*number),
                None => {
                    let names = self.shared.program.functions.iter().map(|f| f.name.as_str());
                    let near = nearest(name, names).map(|near| format!("did you mean `={near}`?"));
                    let help = near.unwrap_or_else(|| format!("a C function is written `*{name}`"));
                    self.help(operand.at, Fault::UnknownFunction(name.clone()), help);
                    return None;
                }
            },
            What::External(name) => {
                let externals = &mut self.shared.out.externals;
                let number = *self.shared.externals.entry(name).or_insert_with(|| {
                    externals.push(name.clone());
                    externals.len() as u32 - 1
                });
                Value::External(number)
            }
            What::Str(bytes) => {
                self.shared.out.strings.push(bytes.clone());
                Value::Str(self.shared.out.strings.len() as u32 - 1)
            }
            What::Variable(sigil, name) => return self.variable(*sigil, name, operand.at, op, n),
        })
    }

    fn variable(&mut self, sigil: Sigil, name: &str, at: Span, op: Opcode, n: usize) -> Option<Value> {
        let written = format!("{}{name}", sigil.text());
        let value = match self.variables.get(name) {
            Some(value) => *value,
            None if name == "self" && sigil == Sigil::Label => return Some(Value::Function(self.number)),
            None => {
                let mut names: Vec<&str> = self.variables.keys().copied().collect();
                names.sort_unstable();
                let help = match nearest(name, names.into_iter()) {
                    Some(near) => format!("did you mean `{}{near}`?", sigil.text()),
                    None => format!("an instruction above sets it with `=> {written}`"),
                };
                self.help(at, Fault::Unset(written), help);
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
            let found = format!("`{written}`, which holds {}", describe(value));
            let (mnemonic, wanted) = (op.mnemonic(), wanted.into());
            self.fault(at, Fault::OperandClass { mnemonic, number: n + 1, wanted, found });
            return None;
        }
        Some(value)
    }

    /// The value as the class takes it; nothing after a fault.
    fn fit(
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
                self.fault(operand.at, Fault::ReadOnly(name));
                return None;
            }
            (Class::Write | Class::Update | Class::Read, Value::Register(r)) => !matches!(r, Float(_)),
            (Class::FloatWrite | Class::FloatRead, Value::Register(r)) => matches!(r, Float(_)),
            (Class::AnyRegister, Value::Register(_)) => true,
            (Class::Int(ty), Value::Int(value)) => {
                let bits = ty.bits();
                let (least, most) = (-1i128 << (bits - 1), (1i128 << bits) - 1);
                if !(least..=most).contains(&i128::from(value)) {
                    let help = format!("it takes {least} to {most}");
                    self.help(
                        operand.at,
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
            (Class::Handle, Value::Param(_)) => true,
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
        let found = match &operand.what {
            What::Variable(..) | What::Call(_) => format!("{}, {}", operand.what.describe(), describe(value)),
            what => what.describe(),
        };
        let (mnemonic, wanted) = (statement.op.mnemonic(), wanted(class).into());
        let fault = Fault::OperandClass { mnemonic, number: n + 1, wanted, found };
        let help = match (class, value) {
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
        self.shared.fault(operand.at, fault, help);
        None
    }

    /// Does what an instruction does at assembly time, and keeps it if it does something at run time.
    fn run(&mut self, op: Opcode, at: Span, mut args: [Option<Value>; 3]) -> Option<Value> {
        let instruction = op.get();
        let mut number = 0;
        match instruction.form {
            Form::Prolog => {
                if self.begun {
                    self.fault(at, Fault::SecondProlog);
                }
                self.begun = true;
                return None;
            }
            Form::Arg => {
                if self.body.params.len() == MAX_PARAMS {
                    self.fault(at, Fault::TooMany("parameters"));
                }
                self.body.params.push(instruction.ty);
                return Some(Value::Param(self.body.params.len() as u32 - 1));
            }
            Form::Alloca => return self.allocate(at, args[0]),
            Form::GetLabel => return Some(self.here()),
            Form::Forward => return Some(Value::Forward),
            Form::Entry => return Some(Value::Function(self.number)),
            Form::AssignInt | Form::AssignLabel => return args[0],
            Form::AssignReg => return None,
            Form::Patch => {
                let here = self.here();
                self.patch(at, args[0], here, op);
                return None;
            }
            Form::PatchAt | Form::PatchMovi => {
                if let Some(target) = args[1] {
                    self.patch(at, args[0], target, op);
                }
                return None;
            }
            Form::Prepare => {
                self.prepare(instruction.ty, at, args[0]);
                return None;
            }
            Form::PushArg => {
                if self.preparing.is_none() {
                    let help = "`prepare_i N` begins a call with N integer arguments";
                    self.help(at, Fault::NotPrepared, help);
                    return None;
                }
                number = self.body.pushed.len() as u32;
                self.body.pushed.push(instruction.ty);
            }
            Form::Call | Form::CallReg => number = self.call(op, at, args[0]),
            Form::RetVal => self.result(instruction.ty, at),
            _ => {}
        }
        let mut given = None;
        let target = match instruction.form {
            Form::Branch(..) | Form::BranchBits(..) | Form::BranchOverflow(..) | Form::Jump => true,
            Form::Mov(_) => instruction.operands[1] == Class::LabelOrPointer,
            _ => false,
        };
        if target {
            let movi = matches!(instruction.form, Form::Mov(_));
            let place = &mut args[movi as usize];
            let target = place.filter(|value| *value != Value::Forward);
            let site = Value::Site(self.body.sites.len() as u32);
            self.body.sites.push(Site { at, movi, target });
            *place = Some(site);
            given = Some(site);
        }
        self.body.insts.push(Inst { op, at, args, number });
        given
    }

    fn allocate(&mut self, at: Span, size: Option<Value>) -> Option<Value> {
        let Some(Value::Int(size)) = size else { return None };
        // Each piece begins at a multiple of 16.
        let taken = size.max(1).saturating_add(15) & !15;
        match u32::try_from(size) {
            Ok(bytes) if self.frame + taken <= MAX_FRAME => {
                self.frame += taken;
                self.body.frame.push(bytes);
                Some(Value::Offset(self.body.frame.len() as u32 - 1))
            }
            _ => {
                self.help(at, Fault::FrameSize(size), "a function has room for 1 GiB in all");
                Some(Value::Int(0))
            }
        }
    }

    fn patch(&mut self, at: Span, site: Option<Value>, target: Value, op: Opcode) {
        let Some(Value::Site(site)) = site else { return };
        let site = &mut self.body.sites[site as usize];
        let movi = op.get().form == Form::PatchMovi;
        if site.movi != movi {
            let right = if site.movi { "patch_movi" } else { "patch_at" };
            let help = format!("`{right}` does it");
            self.help(at, Fault::WrongPatch { used: op.mnemonic(), right }, help);
        } else if site.target.is_some() {
            self.help(
                at,
                Fault::PatchedTwice,
                "only a target that was given as `!forward` can be patched, and once",
            );
        } else if target != Value::Forward {
            site.target = Some(target);
        }
    }

    fn prepare(&mut self, ty: Ty, at: Span, count: Option<Value>) {
        let Some(Value::Int(count)) = count else { return };
        let first = self.body.pushed.len() as u32;
        let preparing = self.preparing.get_or_insert(Preparing { at, counts: [None; 3], first });
        let again = preparing.counts[kind(ty)].replace(count).is_some();
        if again || preparing.first != first {
            self.help(at, Fault::Unfinished, "`finish` makes the call that was prepared before");
            self.preparing = Some(Preparing { at, counts: [None; 3], first });
            if let Some(preparing) = &mut self.preparing {
                preparing.counts[kind(ty)] = Some(count);
            }
        }
    }

    /// Takes the arguments of a call; gives its number.
    fn call(&mut self, op: Opcode, at: Span, target: Option<Value>) -> u32 {
        let with_arguments = matches!(op.mnemonic(), "finish" | "finishr");
        let end = self.body.pushed.len() as u32;
        let mut first = end;
        if let Some(preparing) = self.preparing.take() {
            first = preparing.first;
            if !with_arguments {
                self.help(
                    at,
                    Fault::Unfinished,
                    "`calli` and `callr` take no arguments; use `finish` or `finishr`",
                );
            } else {
                let types = &self.body.pushed[first as usize..];
                let counted: [usize; 3] =
                    std::array::from_fn(|k| types.iter().filter(|ty| kind(**ty) == k).count());
                for (k, name) in KINDS.into_iter().enumerate() {
                    let wanted = preparing.counts[k].unwrap_or(0);
                    if wanted != counted[k] as i64 {
                        self.fault(at, Fault::Prepared { kind: name, wanted, found: counted[k] });
                    }
                }
            }
        }
        let callee = match target {
            Some(Value::Function(number)) => Some(number),
            _ => None,
        };
        let types = self.body.pushed[first as usize..].to_vec();
        if types.len() > MAX_PARAMS {
            self.fault(at, Fault::TooMany("arguments"));
        }
        self.body.calls.push(Call { at, callee, first, types, float: None, read: false });
        self.body.calls.len() as u32 - 1
    }

    fn result(&mut self, ty: Ty, at: Span) {
        let Some(call) = self.body.calls.last_mut() else {
            self.fault(at, Fault::NoCall);
            return;
        };
        let float = ty.is_float().then_some(ty);
        if call.read && call.float != float {
            self.fault(at, Fault::ResultKind("the result of one call cannot be both an integer and a float"));
            return;
        }
        (call.read, call.float) = (true, float);
    }

    /// What can only be said when the whole function has been seen.
    fn end(&mut self, function: &program::Function) {
        if !self.begun {
            let help = "write `prolog N` first, with the number of parameters";
            self.help(function.at, Fault::NoProlog(function.name.clone()), help);
        }
        if let Some(preparing) = self.preparing.take() {
            self.help(preparing.at, Fault::Unfinished, "`finish` makes the call");
        }
        for site in std::mem::take(&mut self.body.sites) {
            if site.target.is_none() {
                let (what, how) = if site.movi { ("address", "patch_movi") } else { ("branch", "patch") };
                let help = format!("keep it with `=> @site`, and `{how}` that");
                self.help(site.at, Fault::Unpatched(what), help);
            }
            self.body.sites.push(site);
        }
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

fn describe(value: Value) -> &'static str {
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
