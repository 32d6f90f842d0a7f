//! Assembly time: walks the statements of each function once, in order, with its table of variables. Everything that can be
//! wrong with a program is found here, but for the ways that control takes.

mod calls;
mod operands;
mod run;
mod variables;

use super::body::{Body, Evaluated, Site, Value};
use crate::rasm::fault::Fault;
use crate::rasm::parse::MAX_FAULTS;
use crate::rasm::program::{self, Program, Sigil, Statement};
use crate::rasm::table::Form;
use calls::Preparing;
use kiln_ir::diagnostic::{Diagnostic, Span};
use operands::describe;
use std::collections::HashMap;
use variables::Variables;

/// Evaluates all functions.
pub(super) fn evaluate(program: &Program) -> Result<Evaluated, Vec<Diagnostic<Fault>>> {
    let names = program.names.len();
    let mut shared = Shared {
        program,
        functions: vec![None; names],
        externals: vec![None; names],
        strings: HashMap::new(),
        variables: Variables::new(names),
        out: Evaluated::default(),
        faults: Vec::new(),
    };
    for (function, number) in program.functions.iter().zip(0..) {
        if let Some(name) = program.names.find(&function.name) {
            shared.functions[name.index()] = Some(number);
        }
    }
    for (function, number) in program.functions.iter().zip(0..) {
        if shared.faults.len() >= MAX_FAULTS {
            return Err(shared.faults);
        }
        let mut evaluation = Evaluation {
            shared: &mut shared,
            number,
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
        shared.variables.clear();
        shared.out.bodies.push(body);
    }
    shared.calls();
    if shared.faults.is_empty() { Ok(shared.out) } else { Err(shared.faults) }
}

/// What all functions have in common.
struct Shared<'p> {
    program: &'p Program,
    /// By name: the functions of the program, and those of C that it names.
    functions: Vec<Option<u32>>,
    externals: Vec<Option<u32>>,
    /// Strings with the same bytes are one.
    strings: HashMap<&'p [u8], u32>,
    /// Of the function at hand.
    variables: Variables,
    out: Evaluated,
    faults: Vec<Diagnostic<Fault>>,
}

impl Shared<'_> {
    fn fault(&mut self, at: Span, fault: Fault, help: Option<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Diagnostic { at: program::place(at), fault, help });
        }
    }
}

/// One function at assembly time.
struct Evaluation<'s, 'p> {
    shared: &'s mut Shared<'p>,
    number: u32,
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

    fn statement(&mut self, statement: &Statement) {
        let instruction = statement.op.get();
        let classes = &instruction.operands;
        let program = self.shared.program;
        let operands = program.operands(statement);
        let found = operands.len();
        let optional = instruction.form == Form::Prolog;
        if found != classes.len() && !(optional && found == 0) {
            let fault =
                Fault::OperandCount { mnemonic: statement.op.mnemonic(), wanted: classes.len(), found };
            self.fault(statement.at, fault);
            self.begun |= optional;
            self.gives_nothing(statement);
            return;
        }
        if !self.begun && instruction.form != Form::Prolog {
            self.begun = true;
            let name = program.functions[self.number as usize].name.clone();
            let help = "write `prolog N` first, with the number of parameters";
            self.help(statement.at, Fault::NoProlog(name), help);
        }
        let mut args = [None; 3];
        for (n, (operand, class)) in operands.iter().zip(classes).enumerate() {
            let Some(value) = self.operand(operand, statement, n) else {
                self.gives_nothing(statement);
                return;
            };
            let Some(value) = self.fit(value, *class, operand, statement, n) else {
                self.gives_nothing(statement);
                return;
            };
            args[n] = Some(value);
        }
        let given = self.run(statement.op, (statement.at, statement.line), args);
        if let Some(keep) = &statement.keep {
            let Some(value) = given else {
                self.shared.variables.set(keep.name, None);
                return;
            };
            let fits = match value {
                Value::Int(_) | Value::Param(_) | Value::Offset(_) => keep.sigil == Sigil::Int,
                Value::Float(_) => keep.sigil == Sigil::Float,
                Value::Function(_) => keep.sigil != Sigil::Float,
                _ => keep.sigil == Sigil::Label,
            };
            if !fits {
                let (sigil, text) = (keep.sigil.text(), program.names.get(keep.name));
                let name = format!("{sigil}{text}");
                let right = match value {
                    Value::Int(_) | Value::Param(_) | Value::Offset(_) => '$',
                    Value::Float(_) => '&',
                    _ => '@',
                };
                let help = format!("write `=> {right}{text}`");
                self.help(
                    statement.part(keep.at),
                    Fault::WrongSigil { name, value: describe(value).into() },
                    help,
                );
            }
            self.shared.variables.set(keep.name, Some(value));
        }
    }

    /// After a fault: the variable counts as set, so that its uses are not reported as well.
    fn gives_nothing(&mut self, statement: &Statement) {
        if let Some(keep) = &statement.keep {
            let value = match keep.sigil {
                Sigil::Int => Value::Int(0),
                Sigil::Float => Value::Float(0.0),
                Sigil::Label if statement.op.get().leads() => {
                    // Any patch of it is right.
                    let movi = matches!(statement.op.get().form, Form::Mov(_));
                    self.body.sites.push(Site { at: statement.at, movi, target: Some(Value::Forward) });
                    Value::Site(self.body.sites.len() as u32 - 1)
                }
                Sigil::Label => self.here(),
            };
            self.shared.variables.set(keep.name, Some(value));
        }
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
