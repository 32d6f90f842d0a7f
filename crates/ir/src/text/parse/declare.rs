//! The first pass: everything outside bodies.

use super::{Body, InnerEntry, Parsed, Parser, Symbol};
use crate::diagnostic::Span;
use crate::entity::{FileId, FuncId, SigId};
use crate::module::{DataDecl, FuncDecl, Linkage, Module};
use crate::text::fault::{Fault, Thing};
use crate::text::lex::{Kind, Lexer, Name};
use crate::text::near::nearest;
use crate::types::{AbiType, Convention, Signature, Type};

/// The words that begin definitions.
const DEFINITIONS: [&str; 10] =
    ["fn", "export", "extern", "data", "const", "include", "type", "sig", "replaceable", "entry"];

/// What may stand before a definition.
#[derive(Clone, Copy, Default)]
struct Modifiers {
    export: bool,
    replaceable: bool,
}

impl<'a> Parser<'a> {
    /// Reads the definitions of a file and of those it includes.
    pub(super) fn definitions(&mut self, module: &mut Module, file: FileId) {
        let Some(source) = self.sources.get(file) else { return };
        let outer = (self.file, self.lexer, self.token);
        self.file = file;
        self.lexer = Lexer::new(&source.text);
        self.token = self.lexer.next();
        loop {
            self.skip_newlines();
            if self.token.kind == Kind::Eof || self.is_full() {
                break;
            }
            self.depth = 0;
            let line = self.lexer.line;
            if self.definition(module).and_then(|()| self.expect_end()).is_err() {
                self.recover(line);
            }
        }
        (self.file, self.lexer, self.token) = outer;
    }

    /// Goes to the next line that begins a definition.
    fn recover(&mut self, mut line: u32) {
        loop {
            if self.lexer.line > line && self.token.kind != Kind::Newline {
                line = self.lexer.line;
                match self.token.kind {
                    Kind::Eof => return,
                    Kind::Ident(word) if DEFINITIONS.contains(&word) => return,
                    _ => {}
                }
            }
            self.skip_line();
            if self.token.kind == Kind::Eof {
                return;
            }
            self.bump();
        }
    }

    fn definition(&mut self, module: &mut Module) -> Parsed<()> {
        if self.is(b'.') {
            return self.sources_list(module);
        }
        let mut modifiers = Modifiers::default();
        loop {
            let at = self.span();
            let Kind::Ident(word) = self.token.kind else {
                return Err(self.unexpected("a definition (fn, data, const, extern, type, sig, include)"));
            };
            self.bump();
            match word {
                "export" => modifiers.export = true,
                "replaceable" => modifiers.replaceable = true,
                "fn" => return self.function(module, modifiers),
                "extern" => return self.import(module, modifiers),
                "data" => return self.data(module, modifiers.export, true),
                "const" if self.is_word("data") && self.lexer.peek_byte() != b'=' => {
                    self.bump();
                    return self.data(module, modifiers.export, false);
                }
                "const" => return self.define_constant(),
                "type" => return self.define_type(module),
                "sig" => return self.define_signature(module),
                "entry" => return self.declare_entry(module),
                "include" => return self.include(module, at),
                _ => {
                    let fault = Fault::Expected {
                        wanted: "a definition (fn, data, const, extern, type, sig, include)".into(),
                        found: format!("`{word}`"),
                    };
                    let near = nearest(word, DEFINITIONS.into_iter()).map(str::to_owned);
                    return Err(self.fail_near(at, fault, near));
                }
            }
        }
    }

    fn include(&mut self, module: &mut Module, _: Span) -> Parsed<()> {
        let at = self.token.start;
        self.string("the path of a file in quotes")?;
        if let Some(file) = self.sources.includes.get(&(self.file.0, at)) {
            self.definitions(module, *file);
        }
        Ok(())
    }

    /// `.sources "a.c", "b.c"`
    fn sources_list(&mut self, module: &mut Module) -> Parsed<()> {
        self.bump();
        if !self.eat_word("sources") {
            return Err(self.unexpected("`.sources`"));
        }
        self.own_positions = false;
        if self.at_end() {
            return Ok(());
        }
        loop {
            let name = self.utf8("the name of a source file in quotes")?;
            module.file(&name);
            if !self.comma() {
                return Ok(());
            }
        }
    }

    /// Makes a symbol known.
    pub(super) fn define(&mut self, name: &Name<'a>, at: Span, symbol: Symbol) -> Parsed<()> {
        if let Some((_, first)) = self.symbols.get(&name.key) {
            let first = *first;
            return Err(self.duplicate(at, symbol.thing(), &name.key, first));
        }
        self.symbols.insert(name.key.clone(), (symbol, at));
        Ok(())
    }

    fn define_constant(&mut self) -> Parsed<()> {
        let (name, at) = self.name(Thing::Constant)?;
        self.expect(b'=')?;
        let value = self.constant()?;
        self.define(&name, at, Symbol::Const(value))
    }

    fn function(&mut self, module: &mut Module, modifiers: Modifiers) -> Parsed<()> {
        let (name, at) = self.name(Thing::Function)?;
        let body = Lexer { at: self.token.start as usize, ..self.lexer };
        let signature = self.signature(true)?;
        let linkage = if modifiers.export { Linkage::Export } else { Linkage::Local };
        let func = module.declare(&name.text, signature, linkage);
        module.set_replaceable(func, modifiers.replaceable);
        let defined = self.define(&name, at, Symbol::Func(func));
        if !self.is(b'{') {
            return Err(self.unexpected("`{`"));
        }
        let mut entries = Vec::new();
        // Bodies have entries too.
        let is_definition = |word: &str| word != "entry" && DEFINITIONS.contains(&word);
        let closed = self.lexer.skip_braces(is_definition, |at| entries.push(at));
        self.last_end = self.lexer.at as u32;
        self.token = self.lexer.next();
        if !closed {
            // The cursor stands at a definition already.
            self.fail(at, Fault::UnclosedBody);
            self.token.kind = Kind::Newline;
            self.lexer.at = self.token.start as usize;
            return Ok(());
        }
        if defined.is_ok() {
            let after = (self.lexer, self.token, self.last_end);
            for at in entries {
                self.inner_entry(module, func, body, at);
            }
            (self.lexer, self.token, self.last_end) = after;
            self.bodies.push(Body { func, file: self.file, at: body });
        }
        Ok(())
    }

    /// Looks ahead at an entry of a body, so that calls above it know what it takes. What is wrong with it is said when the
    /// body is read.
    fn inner_entry(&mut self, module: &Module, of: FuncId, head: Lexer<'a>, at: Lexer<'a>) {
        self.lexer = at;
        self.bump();
        self.bump();
        let at = self.span();
        let (Kind::Ident(raw) | Kind::Str(raw)) = self.token.kind else { return };
        let Ok(name) = Name::read(raw) else { return };
        self.bump();
        let mut params = Vec::new();
        if !self.eat(b'(') {
            return;
        }
        self.skip_newlines();
        while !self.eat(b')') {
            let Kind::Reg(raw) = self.bump().kind else { return };
            let ty = if self.eat(b':') {
                let Kind::Ident(word) = self.bump().kind else { return };
                Type::ALL.into_iter().find(|ty| ty.name() == word)
            } else {
                parameter_type(module, of, head, raw)
            };
            let Some(ty) = ty else { return };
            params.push(ty);
            self.skip_newlines();
            if !self.comma() && !self.is(b')') {
                return;
            }
        }
        self.entries.push(InnerEntry { of, name, at, params });
    }

    /// `entry name: fn(…) -> …`: its number among the functions, where that is not behind all others.
    fn declare_entry(&mut self, module: &mut Module) -> Parsed<()> {
        let (name, at) = self.name(Thing::Entry)?;
        self.expect(b':')?;
        let sig = self.signature_or_name(module)?;
        let func = module.declare(&name.text, Signature::default(), Linkage::Local);
        module.funcs[func.index()].sig = sig;
        self.define(&name, at, Symbol::Func(func))?;
        self.declared_entries.insert(name.key, (func, at));
        Ok(())
    }

    /// Declares the entries that bodies have, behind all functions but for those declared by themselves.
    pub(super) fn declare_entries(&mut self, module: &mut Module) {
        for InnerEntry { of, name, at, params } in std::mem::take(&mut self.entries) {
            let Some((func, declared)) = self.declared_entries.remove(&name.key) else {
                let func = FuncId(module.funcs.len() as u32);
                if self.define(&name, at, Symbol::Func(func)).is_ok() {
                    module.declare_entry(of, &name.text, &params);
                }
                continue;
            };
            module.funcs[func.index()].entry_of = Some(of);
            let sig = module.signature_of(of);
            let found = module.signature_of(func);
            let params = params.into_iter().map(AbiType::Value);
            let fits = found.params.iter().copied().eq(params)
                && found.results == sig.results
                && (found.variadic, found.convention) == (false, sig.convention);
            if !fits {
                let name = name.key.into_owned();
                self.fail(declared, Fault::OtherEntry { name });
            }
        }
        let left = std::mem::take(&mut self.declared_entries);
        for (name, (_, at)) in left {
            let fault = Fault::Unknown { thing: Thing::Entry, name: name.into_owned() };
            self.fail_help(at, fault, "a function has it in its body: `entry name(%a: i64) -> label`");
        }
    }

    fn import(&mut self, module: &mut Module, modifiers: Modifiers) -> Parsed<()> {
        let writable = !(self.is_word("const") && self.lexer.peek().kind == Kind::Ident("data"));
        if !writable {
            self.bump();
        }
        if self.is_word("data") && self.lexer.peek_byte() != b':' {
            self.bump();
            return self.import_data(module, writable);
        }
        let (name, at) = self.name(Thing::Function)?;
        self.expect(b':')?;
        let sig = self.signature_or_name(module)?;
        let library =
            if self.eat_word("from") { Some(self.utf8("the name of a library in quotes")?) } else { None };
        let decl = FuncDecl {
            name: name.text.clone().into_owned(),
            sig,
            linkage: Linkage::Import,
            library,
            replaceable: modifiers.replaceable,
            entry_of: None,
            body: None,
        };
        // Files that include each other may all name what they use.
        if let Some((Symbol::Func(func), _)) = self.symbols.get(&name.key)
            && *module.func(*func) == decl
        {
            return Ok(());
        }
        let func = FuncId(module.funcs.len() as u32);
        module.funcs.push(decl);
        self.define(&name, at, Symbol::Func(func))
    }

    fn import_data(&mut self, module: &mut Module, writable: bool) -> Parsed<()> {
        let (name, at) = self.name(Thing::Data)?;
        let thread_local = self.eat_word("thread_local");
        let align = if self.eat_word("align") { self.alignment()? } else { 1 };
        let data = module.add_data(DataDecl {
            name: name.text.clone().into_owned(),
            linkage: Linkage::Import,
            writable,
            align,
            thread_local,
            ..DataDecl::default()
        });
        self.define(&name, at, Symbol::Data(data))
    }

    /// An alignment: a power of two. (0 is let through, so that unchecked modules can be shown.)
    pub(super) fn alignment(&mut self) -> Parsed<u32> {
        let (value, at) = self.integer()?;
        match u32::try_from(value) {
            Ok(align) if align == 0 || align.is_power_of_two() => Ok(align),
            _ => Err(self.fail(at, Fault::BadAlignment(value))),
        }
    }

    // Signatures.

    fn define_signature(&mut self, module: &mut Module) -> Parsed<()> {
        if self.is_word("fn") && self.lexer.peek_byte() == b'(' {
            self.signature_or_name(module)?;
            return Ok(());
        }
        let (name, at) = self.name(Thing::Signature)?;
        self.expect(b'=')?;
        let id = self.signature_or_name(module)?;
        if let Some((_, first)) = self.sigs.get(&name.key) {
            let first = *first;
            return Err(self.duplicate(at, Thing::Signature, &name.key, first));
        }
        self.sigs.insert(name.key, (id, at));
        Ok(())
    }

    /// `fn(…) -> …`, or the name of a signature.
    pub(super) fn signature_or_name(&mut self, module: &mut Module) -> Parsed<SigId> {
        if self.is_word("fn") && self.lexer.peek_byte() == b'(' {
            self.bump();
            let signature = self.signature(false)?;
            return Ok(module.signature(signature));
        }
        let (name, at) = self.name(Thing::Signature)?;
        if let Some((id, _)) = self.sigs.get(&name.key) {
            return Ok(*id);
        }
        let near = nearest(&name.key, super::sorted(self.sigs.keys().map(|k| k.as_ref())).into_iter());
        let near = near.map(str::to_owned);
        Err(self.fail_near(at, Fault::Unknown { thing: Thing::Signature, name: name.key.into() }, near))
    }

    /// The signature from its parameter list on, with the parameters' names if it is a function's.
    fn signature(&mut self, named: bool) -> Parsed<Signature> {
        let mut signature = Signature::default();
        let mut ended = false;
        self.list(b'(', b')', |p| {
            if ended {
                return Err(p.unexpected("`)` after `...`"));
            }
            if p.token.kind == Kind::Ellipsis {
                p.bump();
                signature.variadic = true;
                ended = true;
                return Ok(());
            }
            if named {
                if !matches!(p.token.kind, Kind::Reg(_)) {
                    return Err(p.unexpected("a parameter: `%name: type`"));
                }
                p.bump();
                p.expect(b':')?;
            }
            signature.params.push(p.abi_type()?);
            Ok(())
        })?;
        if self.eat_word("conv") {
            let found = match self.token.kind {
                Kind::Ident(word) => Convention::ALL.into_iter().find(|convention| convention.name() == word),
                _ => None,
            };
            match found {
                Some(convention) => signature.convention = convention,
                None => return Err(self.unexpected("a calling convention (c, win64, kiln)")),
            }
            self.bump();
        }
        if self.token.kind == Kind::Arrow {
            self.bump();
            if self.is(b'(') {
                self.list(b'(', b')', |p| {
                    signature.results.push(p.abi_type()?);
                    Ok(())
                })?;
            } else {
                signature.results.push(self.abi_type()?);
            }
        }
        Ok(signature)
    }

    fn abi_type(&mut self) -> Parsed<AbiType> {
        let at = self.span();
        let small = match self.token.kind {
            Kind::Ident("i8") => Some(AbiType::I8),
            Kind::Ident("u8") => Some(AbiType::U8),
            Kind::Ident("i16") => Some(AbiType::I16),
            Kind::Ident("u16") => Some(AbiType::U16),
            Kind::Ident(word) => Type::ALL.into_iter().find(|t| t.name() == word).map(AbiType::Value),
            _ => None,
        };
        if let Some(ty) = small {
            self.bump();
            return Ok(ty);
        }
        let (name, _) = self.name(Thing::Type)?;
        if let Some((id, _)) = self.types.get(&name.key) {
            return Ok(AbiType::Aggregate(*id));
        }
        Err(self.unknown_type(at, &name.key))
    }

    pub(super) fn unknown_type(&mut self, at: Span, name: &str) -> crate::text::parse::Reported {
        let builtin = ["i8", "u8", "i16", "u16", "i32", "i64", "f32", "f64", "ptr"];
        let names = super::sorted(self.types.keys().map(|k| k.as_ref()));
        let near = nearest(name, builtin.into_iter().chain(names)).map(str::to_owned);
        self.fail_near(at, Fault::Unknown { thing: Thing::Type, name: name.into() }, near)
    }
}

/// The type of the register that a parameter of this name is in. `head` stands before the function's parameters.
fn parameter_type(module: &Module, func: FuncId, mut head: Lexer<'_>, raw: &str) -> Option<Type> {
    let wanted = Name::read(raw).ok()?.key;
    for param in &module.signature_of(func).params {
        let name = loop {
            match head.next().kind {
                Kind::Reg(raw) => break Name::read(raw).ok()?.key,
                Kind::Eof => return None,
                _ => {}
            }
        };
        if name == wanted {
            return Some(param.register());
        }
    }
    None
}
