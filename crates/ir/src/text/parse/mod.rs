//! Reading: the state that both passes share, the cursor, and how mistakes are noted.
//!
//! A function that meets a mistake notes it and gives [`Reported`]; whoever reads a line or a definition goes on behind
//! it. So a fault is noted once, where most is known of it.

mod body;
mod data;
mod declare;
mod expr;
mod inst;
mod operands;
mod record;
mod types;
mod value;

use super::fault::{Fault, Thing};
use super::hash::NameMap;
use super::lex::{BadEscape, Kind, Lexer, Name, Token, unescape};
use super::near::nearest;
use super::source::Sources;
use crate::diagnostic::{Diagnostic, Place, Span};
use crate::entity::{DataId, FileId, FuncId, LayoutId, SigId, Slot};
use crate::module::Module;
use crate::types::Type;
pub(super) use data::MAX_INNER_ZEROS;
use expr::Value;
use std::borrow::Cow;
use std::collections::HashMap;
pub(super) use types::{CLASSES, FIELD_KINDS, Members, class_layout};

type Faults = Vec<Diagnostic<Fault>>;

const MAX_FAULTS: usize = 50;

/// A mistake has been noted.
#[derive(Debug)]
struct Reported;

type Parsed<T> = Result<T, Reported>;

/// What a name of the module stands for.
#[derive(Clone, Copy, Debug)]
enum Symbol {
    Func(FuncId),
    Data(DataId),
    Const(Value),
}

impl Symbol {
    fn thing(self) -> Thing {
        match self {
            Symbol::Func(_) => Thing::Function,
            Symbol::Data(_) => Thing::Data,
            Symbol::Const(_) => Thing::Constant,
        }
    }
}

/// A body that the first pass skipped.
struct Body<'a> {
    func: FuncId,
    file: FileId,
    /// Before the parameter list.
    at: Lexer<'a>,
}

/// A further entry that the first pass saw in a body, with the types of its registers.
struct InnerEntry<'a> {
    of: FuncId,
    name: Name<'a>,
    at: Span,
    params: Vec<Type>,
}

/// A name in data that is resolved when all are known. Only its place is kept, since there may be one for every other
/// byte of a text.
#[derive(Clone, Copy)]
struct DataName {
    data: DataId,
    /// Which relocation of the object.
    reloc: u32,
    span: Span,
    label: Option<Span>,
}

struct Parser<'a> {
    sources: &'a Sources,
    file: FileId,
    lexer: Lexer<'a>,
    token: Token<'a>,
    /// The end of the token before.
    last_end: u32,
    faults: Faults,
    symbols: NameMap<'a, (Symbol, Span)>,
    types: NameMap<'a, (LayoutId, Span)>,
    sigs: NameMap<'a, (SigId, Span)>,
    /// The slots of the function being read, with their sizes.
    slots: NameMap<'a, (Slot, u32)>,
    /// Sizes of types and data objects defined so far.
    sizes: NameMap<'a, u64>,
    bodies: Vec<Body<'a>>,
    /// The further entries that bodies begin with `entry`, in the order of the text.
    entries: Vec<InnerEntry<'a>>,
    /// Entries declared outside of bodies, until the body is found.
    declared_entries: NameMap<'a, (FuncId, Span)>,
    data_names: Vec<DataName>,
    /// Names in data that need labels of a function: positions in `data_names`.
    label_users: HashMap<FuncId, Vec<u32>>,
    /// Bytes written so far by `zero` in the middle of objects.
    inner_zeros: u64,
    /// Fields that types have received from members that are types.
    expanded_fields: u64,
    /// Depth of the expression or type being read.
    depth: u32,
    /// Whether instructions get the positions at which they stand in the text.
    own_positions: bool,
}

/// Reads the module that the sources make.
pub(super) fn module(sources: &Sources) -> Result<Module, Faults> {
    let mut module = Module::new();
    let mut p = Parser {
        sources,
        file: FileId(0),
        lexer: Lexer::new(""),
        token: Token { kind: Kind::Eof, start: 0, end: 0 },
        last_end: 0,
        faults: Vec::new(),
        symbols: NameMap::default(),
        types: NameMap::default(),
        sigs: NameMap::default(),
        slots: NameMap::default(),
        sizes: NameMap::default(),
        bodies: Vec::new(),
        entries: Vec::new(),
        declared_entries: NameMap::default(),
        data_names: Vec::new(),
        label_users: HashMap::new(),
        inner_zeros: 0,
        expanded_fields: 0,
        depth: 0,
        own_positions: true,
    };
    p.definitions(&mut module, FileId(0));
    p.declare_entries(&mut module);
    p.resolve_data(&mut module);
    if p.own_positions {
        for source in sources.iter() {
            module.file(&source.name);
        }
    }
    for body in std::mem::take(&mut p.bodies) {
        if p.is_full() {
            break;
        }
        p.body(&mut module, body);
    }
    if p.faults.is_empty() {
        return Ok(module);
    }
    p.faults.sort_by_key(|d| match d.at {
        Place::Span(span) => (span.file, span.start),
        _ => (FileId(0), 0),
    });
    p.faults.truncate(MAX_FAULTS);
    Err(p.faults)
}

impl<'a> Parser<'a> {
    // Mistakes.

    fn is_full(&self) -> bool {
        self.faults.len() >= MAX_FAULTS
    }

    fn fail(&mut self, at: Span, fault: Fault) -> Reported {
        self.faults.push(Diagnostic::new(Place::Span(at), fault));
        Reported
    }

    fn fail_help(&mut self, at: Span, fault: Fault, help: impl Into<String>) -> Reported {
        self.faults.push(Diagnostic::new(Place::Span(at), fault).with_help(help));
        Reported
    }

    /// Notes a fault with the nearest of the names that could have been meant.
    fn fail_near(&mut self, at: Span, fault: Fault, near: Option<String>) -> Reported {
        match near {
            Some(name) => self.fail_help(at, fault, format!("did you mean `{name}`?")),
            None => self.fail(at, fault),
        }
    }

    fn duplicate(&mut self, at: Span, thing: Thing, name: &str, first: Span) -> Reported {
        let place = self.sources.line_column(first.file, first.start);
        let source = self.sources.get(first.file).map_or("", |s| &s.name);
        let help = place.map_or(String::new(), |(line, _)| format!("the first is at {source}:{line}"));
        self.fail_help(at, Fault::Duplicate { thing, name: name.into(), first }, help)
    }

    /// Notes that something else stands at the cursor than what was expected.
    fn unexpected(&mut self, wanted: &str) -> Reported {
        let at = self.span();
        let fault = match self.token.kind {
            Kind::Unknown(c) => Fault::UnexpectedCharacter(c),
            Kind::Unclosed(_) => Fault::Unclosed,
            Kind::BadNumber(text) => Fault::BadNumber(text.into()),
            kind => Fault::Expected { wanted: wanted.into(), found: describe(kind) },
        };
        let comment = match self.token.kind {
            Kind::Unknown('#') => true,
            Kind::Punct(b'/') => matches!(self.lexer.text.as_bytes().get(self.lexer.at), Some(b'/' | b'*')),
            _ => false,
        };
        if comment {
            return self.fail_help(at, fault, "a comment begins with `;`");
        }
        self.fail(at, fault)
    }

    // The cursor.

    fn span(&self) -> Span {
        Span { file: self.file, start: self.token.start, end: self.token.end }
    }

    /// From a place passed to the end of the token before the cursor.
    fn span_from(&self, start: u32) -> Span {
        Span { file: self.file, start, end: self.last_end.max(start) }
    }

    fn bump(&mut self) -> Token<'a> {
        let token = self.token;
        self.last_end = token.end;
        self.token = self.lexer.next();
        token
    }

    fn is(&self, punct: u8) -> bool {
        self.token.kind == Kind::Punct(punct)
    }

    fn eat(&mut self, punct: u8) -> bool {
        let found = self.is(punct);
        if found {
            self.bump();
        }
        found
    }

    fn expect(&mut self, punct: u8) -> Parsed<()> {
        if self.eat(punct) { Ok(()) } else { Err(self.unexpected(&format!("`{}`", punct as char))) }
    }

    fn is_word(&self, word: &str) -> bool {
        self.token.kind == Kind::Ident(word)
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.bump();
        }
        found
    }

    fn skip_newlines(&mut self) {
        while self.token.kind == Kind::Newline {
            self.bump();
        }
    }

    /// A comma between operands; the line may go on behind it.
    fn comma(&mut self) -> bool {
        let found = self.eat(b',');
        if found {
            self.skip_newlines();
        }
        found
    }

    /// Whether the statement ends here.
    fn at_end(&self) -> bool {
        matches!(self.token.kind, Kind::Newline | Kind::Eof)
    }

    fn expect_end(&mut self) -> Parsed<()> {
        if self.at_end() { Ok(()) } else { Err(self.unexpected("the end of the line")) }
    }

    /// Goes to the end of a line with a mistake.
    fn skip_line(&mut self) {
        while !self.at_end() {
            self.lexer.skip_line();
            self.token = self.lexer.next();
        }
    }

    /// Reads `item`s between brackets, separated by commas, over as many lines as it takes.
    fn list(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.expect(open)?;
        self.skip_newlines();
        while !self.eat(close) {
            item(self)?;
            self.skip_newlines();
            if !self.comma() && !self.is(close) {
                return Err(self.unexpected(&format!("`,` or `{}`", close as char)));
            }
        }
        Ok(())
    }

    // Names.

    fn read_name(&mut self, raw: &'a str, at: Span) -> Parsed<Name<'a>> {
        Name::read(raw).map_err(|BadEscape(e)| self.fail(at, Fault::BadEscape(e.into())))
    }

    /// A name of a module's thing.
    fn name(&mut self, thing: Thing) -> Parsed<(Name<'a>, Span)> {
        let at = self.span();
        let raw = match self.token.kind {
            Kind::Ident(raw) | Kind::Str(raw) => raw,
            Kind::BlockNumber(raw) if thing == Thing::Block => raw,
            _ => return Err(self.unexpected(&format!("the name of a {thing}"))),
        };
        self.bump();
        Ok((self.read_name(raw, at)?, at))
    }

    /// The name that stands at a place where one was read.
    fn name_at(&self, at: Span) -> Name<'a> {
        let text = self.sources.get(at.file).map_or("", |source| &source.text);
        let raw = text.get(at.start as usize..at.end as usize).unwrap_or("");
        Name::read(raw).unwrap_or_else(|_| Name { key: raw.into(), text: raw.into() })
    }

    /// The bytes of a string at the cursor.
    fn string(&mut self, wanted: &str) -> Parsed<Cow<'a, [u8]>> {
        let at = self.span();
        let Kind::Str(quoted) = self.token.kind else { return Err(self.unexpected(wanted)) };
        self.bump();
        unescape(quoted).map_err(|BadEscape(e)| self.fail(at, Fault::BadEscape(e.into())))
    }

    fn utf8(&mut self, wanted: &str) -> Parsed<String> {
        Ok(String::from_utf8_lossy(&self.string(wanted)?).into_owned())
    }

    /// The nearest symbol of a kind that `wanted` admits.
    fn near_symbol(&self, name: &str, wanted: impl Fn(Symbol) -> bool) -> Option<String> {
        let names = self.symbols.iter().filter(|(_, (s, _))| wanted(*s)).map(|(n, _)| n.as_ref());
        nearest(name, sorted(names).into_iter()).map(str::to_owned)
    }

    fn unknown_symbol(&mut self, at: Span, wanted: Thing, name: &str) -> Reported {
        let near = self.near_symbol(name, |s| wanted == Thing::Symbol || s.thing() == wanted);
        self.fail_near(at, Fault::Unknown { thing: wanted, name: name.into() }, near)
    }

    fn register_type(&mut self) -> Parsed<Type> {
        if let Kind::Ident(word) = self.token.kind
            && let Some(ty) = Type::ALL.into_iter().find(|t| t.name() == word)
        {
            self.bump();
            return Ok(ty);
        }
        Err(self.unexpected("a register type (i32, i64, f32, f64, ptr)"))
    }
}

/// Candidates in an order that does not depend on hashing.
fn sorted<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

fn describe(kind: Kind<'_>) -> String {
    match kind {
        Kind::Newline => "the end of the line".into(),
        Kind::Eof => "the end of the file".into(),
        Kind::Reg(name) => format!("`%{name}`"),
        Kind::Ident(text) | Kind::BlockNumber(text) | Kind::Int(text) | Kind::Float(text) => {
            format!("`{text}`")
        }
        Kind::Str(_) => "a string".into(),
        Kind::Char(text) => format!("`{text}`"),
        Kind::Ellipsis => "`...`".into(),
        Kind::Arrow => "`->`".into(),
        Kind::Shl => "`<<`".into(),
        Kind::Shr => "`>>`".into(),
        Kind::Punct(b) => format!("`{}`", b as char),
        Kind::Unknown(c) => format!("`{c}`"),
        Kind::Unclosed(_) => "a string without its end".into(),
        Kind::BadNumber(text) => format!("`{text}`"),
    }
}
