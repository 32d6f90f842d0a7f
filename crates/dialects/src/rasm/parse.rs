//! Lines to statements. After a mistake reading goes on at the next line.

use super::expr::{Constant, Line};
use super::fault::Fault;
use super::lex::{self, Directive, Kind, Lexer, Sign, Token};
use super::program::{Function, Operand, Program, Register, Sigil, Statement, Variable, What, is_function};
use super::resolve;
use super::table::Opcode;
use kiln_ir::FileId;
use kiln_ir::diagnostic::{Diagnostic, Place, Span};
use kiln_ir::text::{Includes, Source, Sources, nearest};
use std::collections::{HashMap, HashSet};

const MAX_BYTES: usize = 1 << 30;
const MAX_DEPTH: usize = 64;
const MAX_FILES: usize = 1024;
/// No more faults than these are reported.
pub(super) const MAX_FAULTS: usize = 50;

/// Reads a program and what it includes. `sources` gets all texts: spans and positions count them.
///
/// # Errors
/// Every mistake found, up to 50.
pub fn parse(
    sources: &mut Sources,
    name: &str,
    text: &str,
    includes: &dyn Includes,
) -> Result<Program, Vec<Diagnostic<Fault>>> {
    let mut reader = Reader::new(includes);
    reader.source(Source { name: name.into(), text: text.into() }, None);
    *sources = Sources::default();
    for source in reader.files.into_iter().flatten() {
        sources.add(source);
    }
    if reader.faults.is_empty() { Ok(reader.program) } else { Err(reader.faults) }
}

struct Reader<'i> {
    includes: &'i dyn Includes,
    /// By file; one that is being read is not here yet.
    files: Vec<Option<Source>>,
    /// The names of the files being read.
    chain: Vec<String>,
    program: Program,
    by_name: HashMap<String, usize>,
    faults: Vec<Diagnostic<Fault>>,
}

impl<'i> Reader<'i> {
    fn new(includes: &'i dyn Includes) -> Reader<'i> {
        Reader {
            includes,
            files: Vec::new(),
            chain: Vec::new(),
            program: Program::default(),
            by_name: HashMap::new(),
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, at: Span, fault: Fault, help: Option<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Diagnostic { at: Place::Span(at), fault, help });
        }
    }

    /// The function of this name, which begins here if there is none so far.
    fn function(&mut self, name: &str, at: Span) -> usize {
        if let Some(known) = self.by_name.get(name) {
            return *known;
        }
        let functions = &mut self.program.functions;
        functions.push(Function { name: name.into(), at, statements: Vec::new() });
        self.by_name.insert(name.into(), functions.len() - 1);
        functions.len() - 1
    }

    /// Reads one text. Its first statements belong to the function that the including file is in.
    fn source(&mut self, source: Source, mut current: Option<usize>) {
        let file = FileId(self.files.len() as u32);
        let span = |start: u32, end: u32| Span { file, start, end };
        self.files.push(None);
        if source.text.len() > MAX_BYTES {
            self.fault(span(0, 0), Fault::TooLarge, None);
            self.files[file.index()] = Some(source);
            return;
        }
        self.chain.push(source.name.clone());
        let mut own = HashSet::new();
        let mut lexer = Lexer::new(&source.text);
        let mut tokens = Vec::new();
        while !lexer.is_done() && self.faults.len() < MAX_FAULTS {
            match lexer.directive() {
                Some(Directive::Function(name, start)) => {
                    let at = span(start, start + name.len() as u32);
                    if !is_function(name) {
                        let what = "`#function` is followed by one name and nothing else";
                        self.fault(at, Fault::BadDirective(what.into()), None);
                        continue;
                    }
                    if !own.insert(name) {
                        let help = "give one of them another name".to_owned();
                        self.fault(at, Fault::DuplicateFunction(name.into()), Some(help));
                    }
                    current = Some(self.function(name, at));
                }
                Some(Directive::Include(path, start)) => {
                    self.include(span(start, start + path.len() as u32), &source.name, path, current);
                }
                None => match lexer.line(&mut tokens) {
                    Err((fault, start, end)) => self.fault(span(start, end), fault, None),
                    Ok(_) if tokens.is_empty() => {}
                    Ok(line) => match statement(&mut self.program, &tokens, file, line) {
                        Err((fault, at, help)) => self.fault(at, fault, help),
                        Ok(statement) => {
                            let at = statement.at;
                            let function = *current.get_or_insert_with(|| self.function("start", at));
                            self.program.functions[function].statements.push(statement);
                        }
                    },
                },
            }
        }
        self.chain.pop();
        self.files[file.index()] = Some(source);
    }

    fn include(&mut self, at: Span, from: &str, path: &str, current: Option<usize>) {
        let refused = |reason: &str| Fault::Include { path: path.into(), reason: reason.into() };
        let fault = if path.is_empty() {
            Fault::BadDirective("`#include` is followed by the path of a file".into())
        } else if self.chain.len() >= MAX_DEPTH {
            refused("too many files include each other")
        } else if self.files.len() >= MAX_FILES {
            refused("there are too many files")
        } else {
            match self.includes.load(from, path) {
                Err(reason) => Fault::Include { path: path.into(), reason },
                Ok(source) if self.chain.contains(&source.name) => refused("it is being read already"),
                Ok(source) => return self.source(source, current),
            }
        };
        self.fault(at, fault, None);
    }
}

/// A fault with its place and what to do.
pub(super) type Fail = (Fault, Span, Option<String>);

/// Reads one line that is not empty.
fn statement(
    program: &mut Program,
    tokens: &[Token<'_>],
    file: FileId,
    number: u32,
) -> Result<Statement, Fail> {
    let mut line = Line::new(tokens, file);
    let at = line.span();
    let first = program.operands.len();
    let op = if let Some(Kind::Word(name)) = line.peek() {
        line.next();
        while !line.at_end() {
            let operand = operand(program, &mut line)?;
            program.operands.push(operand);
            if line.eat(Sign::Comma) && line.at_end() {
                return Err(line.expected("an operand"));
            }
        }
        let Some(op) = resolve::resolve(name, &program.operands[first..]) else {
            let help = nearest(name, resolve::all_names()).map(|near| format!("did you mean `{near}`?"));
            return Err((Fault::UnknownMnemonic(name.into()), at, help));
        };
        op
    } else {
        let operand = operand(program, &mut line)?;
        if !line.is_arrow() {
            return Err(line.expected("`=>` after an operand without instruction"));
        }
        program.operands.push(operand);
        let Some(op) = resolve::assign(&operand) else { return Err(line.expected("an instruction")) };
        op
    };
    let count = program.operands.len() - first;
    let keep = if line.eat(Sign::Arrow) { Some(variable(program, &mut line)?) } else { None };
    if line.peek().is_some() {
        return Err(line.expected("the end of the line"));
    }
    Ok(Statement { op, at, line: number, first: first as u32, count: count as u32, keep })
}

/// What stands after `=>`.
fn variable(program: &mut Program, line: &mut Line<'_, '_>) -> Result<Variable, Fail> {
    let at = line.span();
    let sigil = match line.peek() {
        Some(Kind::Name('$', _)) => Sigil::Int,
        Some(Kind::Name('@', _)) => Sigil::Label,
        Some(Kind::Name('&', _)) => Sigil::Float,
        _ => return Err(line.expected("a variable (`$x`, `@x` or `&x`)")),
    };
    let Some(Kind::Name(_, name)) = line.peek() else { return Err(line.expected("a variable")) };
    let variable = Variable { sigil, name: program.names.intern(name), at: at.into() };
    line.next();
    Ok(variable)
}

fn operand(program: &mut Program, line: &mut Line<'_, '_>) -> Result<Operand, Fail> {
    let at = line.span();
    let what = match line.peek() {
        Some(Kind::Register(name)) => match register(name) {
            Some(register) => What::Register(register),
            None => {
                let help = "there are %r0 to %r2, %v0 to %v2, %fpr0 to %fpr5, %ret, %sp and %fp".to_owned();
                return Err((Fault::BadRegister(name.into()), at, Some(help)));
            }
        },
        Some(Kind::Name('!', name)) => What::Call(callable(name, at)?),
        Some(Kind::Name(sigil, name)) => {
            let name = program.names.intern(name);
            match sigil {
                '$' => What::Variable(Sigil::Int, name),
                '@' => What::Variable(Sigil::Label, name),
                '&' => What::Variable(Sigil::Float, name),
                '=' => What::Entry(name),
                _ => What::External(name),
            }
        }
        Some(Kind::Str(text)) => program.string(lex::unescape(text)),
        _ => {
            let value = line.expression()?;
            let what = match value {
                Constant::Int(value) => What::Int(value),
                Constant::Float(value) => What::Float(value),
            };
            return Ok(Operand { what, at: line.since(at).into() });
        }
    };
    line.next();
    if line.continues() {
        return Err((Fault::NotConstant(what.describe(&program.names)), at, None));
    }
    Ok(Operand { what, at: at.into() })
}

/// The instruction after `!`.
fn callable(name: &str, at: Span) -> Result<Opcode, Fail> {
    match resolve::resolve(name, &[]) {
        Some(op) if resolve::is_callable(op) => Ok(op),
        Some(_) => {
            let help = "`!forward`, `!get_label`, `!entry` and `!arg_…` exist".to_owned();
            Err((Fault::NotCallable(name.into()), at, Some(help)))
        }
        None => {
            let near = nearest(name, resolve::all_names()).map(|near| format!("did you mean `!{near}`?"));
            Err((Fault::UnknownMnemonic(name.into()), at, near))
        }
    }
}

fn register(name: &str) -> Option<Register> {
    let number = |digits: &str, count: u8| match digits.as_bytes() {
        [digit @ b'0'..=b'9'] if digit - b'0' < count => Some(digit - b'0'),
        _ => None,
    };
    match name {
        "ret" => Some(Register::Ret),
        "sp" => Some(Register::Sp),
        "fp" => Some(Register::Fp),
        _ => {
            if let Some(digits) = name.strip_prefix("fpr") {
                number(digits, 6).map(Register::Float)
            } else if let Some(digits) = name.strip_prefix('r') {
                number(digits, 3).map(Register::R)
            } else {
                number(name.strip_prefix('v')?, 3).map(Register::V)
            }
        }
    }
}
