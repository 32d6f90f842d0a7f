//! The second pass: bodies, line by line, into a builder.

use super::inst::Parts;
use super::value::Scope;
use super::{Body, DataName, Parsed, Parser, Symbol};
use crate::builder::{BuildError, FunctionBuilder};
use crate::diagnostic::Span;
use crate::entity::{Block, FileId, FuncId};
use crate::function::Pos;
use crate::module::{DataTarget, Module};
use crate::text::fault::{Fault, Thing};
use crate::text::lex::{Kind, Name};
use crate::text::near::nearest;
use crate::types::Type;

/// A function being read.
pub(super) struct Code<'p, 'a> {
    pub p: &'p mut Parser<'a>,
    pub b: FunctionBuilder<'p>,
    pub scope: Scope<'a>,
    func: FuncId,
    pub parts: Parts<'a>,
    /// Whether a line had a mistake, so that the function cannot be finished.
    failed: bool,
    /// Whether the gap after the last terminator has been complained about.
    gap_reported: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn body(&mut self, module: &mut Module, body: Body<'a>) {
        self.file = body.file;
        self.lexer = body.at;
        self.token = self.lexer.next();
        self.slots.clear();
        let mut labels = Vec::new();
        let users = self.label_users.remove(&body.func).unwrap_or_default();
        let mut code = Code {
            b: module.build(body.func),
            p: self,
            scope: Scope::default(),
            func: body.func,
            parts: Parts::default(),
            failed: false,
            gap_reported: false,
        };
        code.read();
        for user in users {
            code.label_in_data(user, &mut labels);
        }
        code.finish();
        for (DataName { data, reloc, .. }, block) in labels {
            let data = module.data.get_mut(data.index());
            if let Some(reloc) = data.and_then(|d| d.relocs.get_mut(reloc as usize)) {
                reloc.target = DataTarget::Label(body.func, block);
            }
        }
    }
}

impl<'a> Code<'_, 'a> {
    fn read(&mut self) {
        let parameters = self.parameters();
        if parameters.is_err() {
            self.failed = true;
        }
        while !self.p.is(b'{') && self.p.token.kind != Kind::Eof {
            self.p.bump();
        }
        self.p.bump();
        loop {
            self.p.skip_newlines();
            if self.p.is(b'}') || self.p.token.kind == Kind::Eof || self.p.is_full() {
                return;
            }
            self.p.depth = 0;
            if self.line().is_err() {
                self.failed = true;
                self.assume_results();
                self.p.skip_line();
            }
        }
    }

    fn parameters(&mut self) -> Parsed<()> {
        let Code { p, b, scope, .. } = self;
        let mut n = 0;
        p.list(b'(', b')', |p| {
            let at = p.span();
            if let Kind::Reg(raw) = p.bump().kind {
                let name = p.read_name(raw, at)?;
                if scope.regs.contains_key(&name.key) {
                    return Err(p.duplicate(at, Thing::Parameter, &name.key, at));
                }
                let v = b.param(n);
                n += 1;
                scope.name_register(b, &name, v);
                p.bump();
                p.bump();
            }
            Ok(())
        })
    }

    fn line(&mut self) -> Parsed<()> {
        self.parts.results.clear();
        while self.label()? {
            if self.p.at_end() {
                return Ok(());
            }
        }
        match self.p.token.kind {
            Kind::Punct(b'.') => return self.location(),
            Kind::Ident("reg") => self.registers()?,
            Kind::Ident("slot") => self.slot()?,
            Kind::Ident("labels") => self.label_set()?,
            Kind::Ident("entry") => self.entry()?,
            _ => {
                if self.b.is_terminated() {
                    return if self.gap_reported { Err(super::Reported) } else { Err(self.gap()) };
                }
                self.place_position();
                self.instruction()?;
            }
        }
        if self.p.is(b'}') { Ok(()) } else { self.p.expect_end() }
    }

    fn gap(&mut self) -> super::Reported {
        self.gap_reported = true;
        let at = self.p.span();
        self.p.fail_help(at, Fault::Unreachable, "put a label before it, so that something can jump here")
    }

    fn place_position(&mut self) {
        if self.p.own_positions {
            let lexer = &self.p.lexer;
            let before = &lexer.text[lexer.line_start..self.p.token.start as usize];
            let column = before.chars().count() as u32 + 1;
            self.b.at(Pos { file: self.p.file, line: lexer.line, column });
        }
    }

    /// `name:` or `cold name:`, if the line begins so.
    fn label(&mut self) -> Parsed<bool> {
        let mut cold = false;
        match self.p.token.kind {
            Kind::Ident(_) | Kind::Str(_) | Kind::BlockNumber(_) if self.p.lexer.peek_byte() == b':' => {}
            Kind::Ident("cold") => {
                let next = self.p.lexer.peek().kind;
                if !matches!(next, Kind::Ident(_) | Kind::Str(_) | Kind::BlockNumber(_)) {
                    return Ok(false);
                }
                self.p.bump();
                cold = true;
            }
            _ => return Ok(false),
        }
        let (name, at) = self.p.name(Thing::Block)?;
        self.p.expect(b':')?;
        let key = name.key.clone();
        let label = self.scope.block(&mut self.b, name, at);
        if let Some(first) = label.placed {
            return Err(self.p.duplicate(at, Thing::Block, &key, first));
        }
        label.placed = Some(at);
        let block = label.block;
        let align = match self.p.is_word("align") && self.p.lexer.peek_byte() != b':' {
            true => {
                self.p.bump();
                self.p.alignment()?
            }
            false => 0,
        };
        self.b.place(block);
        self.gap_reported = false;
        if cold {
            self.b.set_cold();
        }
        if align > 0 {
            self.b.set_align(align);
        }
        Ok(true)
    }

    /// `.loc file line column`
    fn location(&mut self) -> Parsed<()> {
        let at = self.p.span();
        self.p.bump();
        if !self.p.eat_word("loc") {
            return Err(self.p.unexpected("`.loc`"));
        }
        if self.p.own_positions {
            let fault = Fault::Expected {
                wanted: "`.sources` at the top of the file".into(),
                found: "`.loc` without it".into(),
            };
            return Err(self.p.fail(at, fault));
        }
        let files = self.b.module().files().len() as i128;
        let file = self.p.integer_in(0, files - 1, "the number of a file in `.sources`")?;
        let line = self.p.integer_in(0, u32::MAX as i128, "a line")?;
        let column = self.p.integer_in(0, u32::MAX as i128, "a column")?;
        self.b.at(Pos { file: FileId(file as u32), line: line as u32, column: column as u32 });
        self.p.expect_end()
    }

    /// A register at the cursor, with its type if one is written. New ones need it.
    fn declared_register(&mut self) -> Parsed<crate::entity::VReg> {
        let at = self.p.span();
        let Kind::Reg(raw) = self.p.token.kind else { return Err(self.p.unexpected("a register")) };
        if self.p.lexer.peek_byte() != b':' {
            return self.scope.register(self.p);
        }
        self.p.bump();
        self.p.bump();
        let name = self.p.read_name(raw, at)?;
        let ty = self.p.register_type()?;
        self.register_of(&name, at, ty)
    }

    /// The register of this name and type, new if there is none.
    pub fn register_of(&mut self, name: &Name<'a>, at: Span, ty: Type) -> Parsed<crate::entity::VReg> {
        match self.scope.regs.get(&name.key) {
            Some(v) if self.b.ty(*v) == ty => Ok(*v),
            Some(v) => {
                let is = self.b.ty(*v);
                Err(self.p.fail(at, Fault::OtherType { register: name.key.clone().into_owned(), is }))
            }
            None => Ok(self.scope.new_register(&mut self.b, name, ty)),
        }
    }

    fn registers(&mut self) -> Parsed<()> {
        self.p.bump();
        loop {
            self.declared_register()?;
            if !self.p.comma() {
                return Ok(());
            }
        }
    }

    fn slot(&mut self) -> Parsed<()> {
        self.p.bump();
        let (name, at) = self.p.name(Thing::Slot)?;
        self.p.expect(b':')?;
        let size = self.p.integer_in(0, u32::MAX as i128, "a size of 32 bits")? as u32;
        let align = if self.p.eat_word("align") { self.p.alignment()? } else { 8 };
        if self.p.slots.contains_key(&name.key) {
            return Err(self.p.duplicate(at, Thing::Slot, &name.key, at));
        }
        let slot = self.b.slot(size, align);
        if !name.text.is_empty() {
            self.b.name_slot(slot, &name.text);
        }
        self.p.slots.insert(name.key, (slot, size));
        Ok(())
    }

    fn label_set(&mut self) -> Parsed<()> {
        self.p.bump();
        let (name, at) = self.p.name(Thing::LabelSet)?;
        self.p.expect(b'=')?;
        let mut blocks = Vec::new();
        let Code { p, b, scope, .. } = self;
        p.list(b'{', b'}', |p| {
            blocks.push(scope.label(p, b)?);
            Ok(())
        })?;
        if self.scope.sets.contains_key(&name.key) {
            return Err(self.p.duplicate(at, Thing::LabelSet, &name.key, at));
        }
        let set = self.b.label_set(&blocks);
        self.scope.sets.insert(name.key, set);
        Ok(())
    }

    fn entry(&mut self) -> Parsed<()> {
        self.p.bump();
        let (name, at) = self.p.name(Thing::Entry)?;
        let mut params = Vec::new();
        self.p.expect(b'(')?;
        self.p.skip_newlines();
        while !self.p.eat(b')') {
            params.push(self.declared_register()?);
            self.p.skip_newlines();
            if !self.p.comma() && !self.p.is(b')') {
                return Err(self.p.unexpected("`,` or `)`"));
            }
        }
        if self.p.token.kind != Kind::Arrow {
            return Err(self.p.unexpected("`->`"));
        }
        self.p.bump();
        let block = self.scope.label(self.p, &mut self.b)?;
        // What the first pass saw of it.
        match self.p.symbols.get(&name.key) {
            Some((Symbol::Func(entry), _)) if self.b.module().func(*entry).entry_of == Some(self.func) => {
                self.b.place_entry(*entry, &params, block);
                Ok(())
            }
            // The other thing of this name has been complained about.
            Some(_) => Err(super::Reported),
            None => Err(self.p.fail_help(
                at,
                Fault::UntypedEntry { name: name.key.into_owned() },
                "write it: `entry name(%a: i64) -> label`",
            )),
        }
    }

    /// After a mistake, makes the registers known that the line would have assigned, so that later lines are not
    /// blamed for it.
    fn assume_results(&mut self) {
        for result in std::mem::take(&mut self.parts.results) {
            if result.known.is_none() && !self.scope.regs.contains_key(&result.name.key) {
                let ty = result.ty.unwrap_or(Type::I64);
                self.scope.new_register(&mut self.b, &result.name, ty);
            }
        }
    }

    /// Looks up the label that a name in data waits for.
    fn label_in_data(&mut self, user: u32, found: &mut Vec<(DataName, Block)>) {
        let wanted = self.p.data_names[user as usize];
        let Some(at) = wanted.label else { return };
        let name = self.p.name_at(at);
        let label = self.scope.labels.get(&name.key).filter(|label| label.placed.is_some());
        match label.and_then(|label| self.b.placed(label.block)) {
            Some(block) => found.push((wanted, block)),
            None if self.failed || self.p.is_full() => {}
            None => {
                let near = self.near_label(&name.key);
                let fault = Fault::Unknown { thing: Thing::Block, name: name.key.into_owned() };
                self.p.fail_near(at, fault, near);
            }
        }
    }

    fn near_label(&self, name: &str) -> Option<String> {
        let placed = self.scope.labels.iter().filter(|(_, label)| label.placed.is_some());
        let names = super::sorted(placed.map(|(name, _)| name.as_ref()));
        nearest(name, names.into_iter()).map(str::to_owned)
    }

    fn finish(mut self) {
        let end = self.p.span();
        let missing: Vec<_> = self.scope.labels.iter().filter(|(_, label)| label.placed.is_none()).collect();
        let mut missing: Vec<_> =
            missing.into_iter().map(|(n, l)| (l.first, n.clone().into_owned())).collect();
        missing.sort_unstable_by_key(|(at, _)| at.start);
        for (at, name) in missing.into_iter().take(super::MAX_FAULTS) {
            self.failed = true;
            let near = self.near_label(&name);
            self.p.fail_near(at, Fault::Unknown { thing: Thing::Block, name }, near);
        }
        if self.failed {
            return;
        }
        let (fault, help) = match self.b.finish() {
            Ok(_) => return,
            Err(BuildError::Empty) => (Fault::EmptyBody, "at least `ret` is needed"),
            Err(BuildError::FallsOffEnd | BuildError::UnplacedBlock(_)) => {
                (Fault::FallsOffEnd, "end with `ret`, `jump`, `exit`, `trap` or `unreachable`")
            }
        };
        self.p.fail_help(end, fault, help);
    }
}
