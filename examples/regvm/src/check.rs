//! The rules that bytecode keeps, found out once: what has passed is translated and interpreted without further
//! questions.

use crate::bytecode::{Bytecode, CType};
use crate::error::{Error, Fault};
use crate::instruction::Inst;
use crate::operand::{Func, Imm, Kind, Label, Reg, Site};
use std::ops::{Deref, Range};

/// Bytecode that keeps the rules. Only [`check`] makes one.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked {
    code: Bytecode,
    /// By [`Func`]; names that nothing uses may be undefined, for example of calls that were overwritten.
    functions: Vec<Option<Function>>,
    /// Where each label is placed.
    labels: Vec<Option<usize>>,
    /// Which call has each site.
    sites: Vec<Option<usize>>,
}

/// A function.
#[derive(Clone, PartialEq, Debug)]
pub struct Function {
    /// The registers that hold its arguments.
    pub params: Vec<Reg>,
    /// The kind of its result.
    pub result: Option<Kind>,
    /// Its instructions, without `func_start` and `func_end`.
    pub body: Range<usize>,
    /// How many int registers it names, counted from `r0`.
    pub ints: usize,
    /// How many double registers it names, counted from `d0`.
    pub doubles: usize,
}

impl Function {
    /// Whether it takes and gives the same as the other.
    pub fn same_signature(&self, other: &Function) -> bool {
        let kinds = |f: &Function| f.params.iter().map(|p| p.kind).collect::<Vec<_>>();
        kinds(self) == kinds(other) && self.result == other.result
    }
}

impl Checked {
    /// A function, if the name is that of one.
    pub fn function(&self, func: Func) -> Option<&Function> {
        self.functions[func.index()].as_ref()
    }

    /// All functions.
    pub fn functions(&self) -> impl Iterator<Item = (Func, &Function)> {
        (0..).map(Func).zip(&self.functions).filter_map(|(func, function)| Some((func, function.as_ref()?)))
    }

    /// The index of the instruction that places a label.
    pub fn label_index(&self, label: Label) -> Option<usize> {
        self.labels[label.index()]
    }

    /// What the calls with a site call until they are overwritten.
    pub fn sites(&self) -> impl Iterator<Item = (Site, Func)> {
        let target = |index: usize| match &self.code.code()[index] {
            Inst::Call { target, .. } => Some(*target),
            _ => None,
        };
        (0..).map(Site).zip(&self.sites).filter_map(move |(site, call)| Some((site, call.and_then(target)?)))
    }
}

impl Deref for Checked {
    type Target = Bytecode;

    fn deref(&self) -> &Bytecode {
        &self.code
    }
}

/// Checks bytecode.
///
/// # Errors
/// Everything that breaks a rule, in the order of the source.
pub fn check(code: Bytecode) -> Result<Checked, Vec<Error>> {
    let mut errors = Errors { code: &code, list: Vec::new() };
    let functions = outline(&mut errors);
    let (labels, sites) = names(&mut errors);
    let mut state =
        State { functions: &functions, labels: &labels, sites: &sites, function: None, open: Vec::new() };
    for (index, inst) in code.code().iter().enumerate() {
        if let Err(fault) = state.inst(&code, index, inst) {
            errors.at(index, fault);
        }
    }
    let mut list = errors.list;
    if list.is_empty() {
        return Ok(Checked { functions, labels, sites, code });
    }
    list.sort_by_key(|error| error.place);
    Err(list)
}

struct Errors<'c> {
    code: &'c Bytecode,
    list: Vec<Error>,
}

impl Errors<'_> {
    fn at(&mut self, index: usize, fault: Fault) {
        self.list.push(Error { place: self.code.place(index), fault });
    }
}

/// Where functions begin and end, and what they take and give.
fn outline(errors: &mut Errors<'_>) -> Vec<Option<Function>> {
    let code = errors.code;
    let mut functions = vec![None; code.function_count()];
    let mut open: Option<(Func, usize, Function)> = None;
    for (index, inst) in code.code().iter().enumerate() {
        match (inst, &mut open) {
            (Inst::FuncStart { func, params, result }, _) => {
                if open.is_some() {
                    errors.at(index, Fault::InsideFunction);
                }
                let (params, body) = (params.clone(), index + 1..index + 1);
                let mut function = Function { params, result: *result, body, ints: 0, doubles: 0 };
                count_registers(inst, &mut function);
                open = Some((*func, index, function));
            }
            (Inst::FuncEnd {}, Some(_)) => {
                if let Some((func, start, mut function)) = open.take() {
                    function.body.end = index;
                    if functions[func.index()].is_some() {
                        errors.at(start, Fault::DefinedTwice(code.function_name(func).into()));
                    }
                    functions[func.index()] = Some(function);
                }
            }
            (_, Some((_, _, function))) => count_registers(inst, function),
            (_, None) => errors.at(index, Fault::OutsideFunction),
        }
    }
    if let Some((func, start, function)) = open {
        errors.at(start, Fault::NotEnded(code.function_name(func).into()));
        functions[func.index()] = Some(function);
    }
    functions
}

fn count_registers(inst: &Inst, function: &mut Function) {
    inst.registers(&mut |reg| {
        let count = match reg.kind {
            Kind::Int => &mut function.ints,
            Kind::Double => &mut function.doubles,
        };
        *count = (*count).max(reg.number as usize + 1);
    });
}

/// Where labels are placed, and which calls have sites.
fn names(errors: &mut Errors<'_>) -> (Vec<Option<usize>>, Vec<Option<usize>>) {
    let code = errors.code;
    let mut labels = vec![None; code.label_count()];
    let mut sites = vec![None; code.site_count()];
    for (index, inst) in code.code().iter().enumerate() {
        let twice = match inst {
            Inst::Label { name } => {
                let before = labels[name.index()].replace(index);
                before.map(|_| Fault::LabelTwice(code.label_name(*name).into()))
            }
            Inst::Call { site: Some(site), .. } => {
                let before = sites[site.index()].replace(index);
                before.map(|_| Fault::SiteTwice(code.site_name(*site).into()))
            }
            _ => None,
        };
        if let Some(fault) = twice {
            errors.at(index, fault);
        }
    }
    (labels, sites)
}

/// What the walk over the instructions knows.
struct State<'s> {
    functions: &'s [Option<Function>],
    labels: &'s [Option<usize>],
    sites: &'s [Option<usize>],
    /// The function at hand.
    function: Option<&'s Function>,
    /// What was pushed for each open call.
    open: Vec<Vec<Kind>>,
}

impl<'s> State<'s> {
    fn inst(&mut self, code: &Bytecode, index: usize, inst: &Inst) -> Result<(), Fault> {
        let leaves = matches!(
            inst,
            Inst::Jz { .. } | Inst::Jmp { .. } | Inst::Label { .. } | Inst::Ret { .. } | Inst::FuncEnd {}
        );
        if leaves && !self.open.is_empty() {
            self.open.clear();
            return Err(Fault::CallOpen);
        }
        match inst {
            Inst::Nop {} | Inst::Setz { .. } | Inst::Mov { .. } => Ok(()),
            Inst::Movi { to, value } => is(Kind::Int, *to).and_then(|()| self.imm(code, value)),
            Inst::Movd { to, .. } => is(Kind::Double, *to),
            Inst::Add { to, a, b }
            | Inst::Sub { to, a, b }
            | Inst::Mul { to, a, b }
            | Inst::Div { to, a, b } => {
                is(to.kind, *a)?;
                is(to.kind, *b)
            }
            Inst::Imul { to, a, b } | Inst::Idiv { to, a, b } => {
                [to, a, b].into_iter().try_for_each(|reg| is(Kind::Int, *reg))
            }
            Inst::Cmp { to, a, b } => is(Kind::Int, *to).and_then(|()| is(a.kind, *b)),
            Inst::CallStart {} => {
                self.open.push(Vec::new());
                Ok(())
            }
            Inst::Push { from } => self.push(from.kind),
            Inst::Pushi { value } => self.push(Kind::Int).and_then(|()| self.imm(code, value)),
            Inst::Pushd { .. } => self.push(Kind::Double),
            Inst::Call { target, result, .. } => {
                let pushed = self.pushed()?;
                let function = self.defined(code, *target)?;
                let params: Vec<Kind> = function.params.iter().map(|p| p.kind).collect();
                arguments(&params, false, &pushed)?;
                gives(function.result, *result)
            }
            Inst::Calle { target, result } => {
                let external = &code.externals()[target.index()];
                let params: Vec<Kind> = external.params.iter().copied().map(CType::kind).collect();
                arguments(&params, external.variadic, &self.pushed()?)?;
                gives(external.result.map(CType::kind), *result)
            }
            Inst::Callr { target, .. } => self.pushed().and_then(|_| is(Kind::Int, *target)),
            Inst::Patch { site, target } => {
                let call =
                    self.sites[site.index()].ok_or_else(|| Fault::NoSite(code.site_name(*site).into()))?;
                let Inst::Call { target: first, .. } = &code.code()[call] else {
                    return Err(Fault::NoCall(call));
                };
                let (old, new) = (self.defined(code, *first)?, self.defined(code, *target)?);
                let other = || Fault::OtherSignature(code.function_name(*target).into());
                if old.same_signature(new) { Ok(()) } else { Err(other()) }
            }
            Inst::Jz { to, .. } | Inst::Jmp { to } => self.reaches(code, *to),
            Inst::Label { name } => self.reaches(code, *name),
            Inst::Ret { value } => match self.function {
                Some(function) if function.result != value.map(|v| v.kind) => {
                    Err(Fault::Result { wanted: function.result, found: value.map(|v| v.kind) })
                }
                _ => Ok(()),
            },
            Inst::FuncStart { func, params, .. } => {
                self.open.clear();
                self.function = self.functions[func.index()].as_ref();
                let twice = params.iter().enumerate().find(|(n, param)| params[..*n].contains(param));
                twice.map_or(Ok(()), |(_, param)| Err(Fault::ParamTwice(*param)))
            }
            Inst::FuncEnd {} => {
                let last = index.checked_sub(1).map(|last| &code.code()[last]);
                let left = matches!(last, Some(Inst::Ret { .. } | Inst::Jmp { .. }));
                let result = self.function.take().and_then(|function| function.result);
                if left { Ok(()) } else { result.map_or(Ok(()), |kind| Err(Fault::NoResult(kind))) }
            }
        }
    }

    fn push(&mut self, kind: Kind) -> Result<(), Fault> {
        self.open.last_mut().ok_or(Fault::NoCallOpen)?.push(kind);
        Ok(())
    }

    /// What was pushed for the call that ends here.
    fn pushed(&mut self) -> Result<Vec<Kind>, Fault> {
        self.open.pop().ok_or(Fault::NoCallOpen)
    }

    fn defined(&self, code: &Bytecode, func: Func) -> Result<&'s Function, Fault> {
        self.functions[func.index()].as_ref().ok_or_else(|| Fault::Undefined(code.function_name(func).into()))
    }

    fn imm(&self, code: &Bytecode, value: &Imm) -> Result<(), Fault> {
        match value {
            Imm::Func(func) => self.defined(code, *func).map(|_| ()),
            Imm::Int(_) | Imm::Text(_) => Ok(()),
        }
    }

    /// Whether a label is one of the function at hand.
    fn reaches(&self, code: &Bytecode, label: Label) -> Result<(), Fault> {
        let here = |index: &usize| self.function.is_none_or(|function| function.body.contains(index));
        match self.labels[label.index()].filter(here) {
            Some(_) => Ok(()),
            None => Err(Fault::NoLabel(code.label_name(label).into())),
        }
    }
}

fn is(wanted: Kind, found: Reg) -> Result<(), Fault> {
    if found.kind == wanted { Ok(()) } else { Err(Fault::WrongKind { wanted, found }) }
}

fn arguments(params: &[Kind], variadic: bool, pushed: &[Kind]) -> Result<(), Fault> {
    if pushed == params || (variadic && pushed.starts_with(params)) {
        return Ok(());
    }
    let list = |kinds: &[Kind], more: Option<String>| {
        let words: Vec<String> = kinds.iter().map(Kind::to_string).chain(more).collect();
        format!("({})", words.join(", "))
    };
    Err(Fault::Arguments { wanted: list(params, variadic.then(|| "...".into())), found: list(pushed, None) })
}

fn gives(wanted: Option<Kind>, to: Option<Reg>) -> Result<(), Fault> {
    match to {
        Some(reg) if wanted != Some(reg.kind) => Err(Fault::Result { wanted, found: Some(reg.kind) }),
        _ => Ok(()),
    }
}
