//! Bytecode: a stream of instructions, and the names it uses.

use crate::error::{Fault, Place};
use crate::instruction::Inst;
use crate::operand::{Func, Kind, Label, Site, Target, Text};
use std::collections::HashMap;
use std::fmt;

/// A program: what a compiler for the machine emits, in any order of functions, and what [`crate::read()`] makes of text.
#[derive(Clone, PartialEq, Debug)]
pub struct Bytecode {
    file: String,
    code: Vec<Inst>,
    places: Vec<Place>,
    functions: Vec<String>,
    externals: Vec<External>,
    texts: Vec<TextDecl>,
    labels: Vec<String>,
    sites: Vec<String>,
    /// Functions, external functions and strings share one space of names.
    symbols: HashMap<String, Symbol>,
    sites_by_name: HashMap<String, Site>,
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Symbol {
    /// A function, defined or to be defined.
    Function(Func),
    /// An external function.
    External(Target),
    /// A string.
    Text(Text),
}

/// A parameter or result of an external function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CType {
    /// C's `long`, `size_t` or any pointer; an int.
    Int,
    /// C's `int`; an int cut to 32 bits on the way in, sign-extended on the way out.
    Int32,
    /// C's `double`.
    Double,
}

impl CType {
    /// What a register for it holds.
    pub fn kind(self) -> Kind {
        match self {
            CType::Int | CType::Int32 => Kind::Int,
            CType::Double => Kind::Double,
        }
    }
}

/// An external function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct External {
    /// Its symbol.
    pub name: String,
    /// Its parameters.
    pub params: Vec<CType>,
    /// Whether more arguments may follow them, as of `printf`.
    pub variadic: bool,
    /// What it gives.
    pub result: Option<CType>,
    /// The library that has it; if none is given, what the host defines, or the process has.
    pub library: Option<String>,
}

/// A string. A 0 byte follows it in memory, as C wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextDecl {
    /// Its name.
    pub name: String,
    /// Its bytes, without the final 0.
    pub bytes: Vec<u8>,
}

impl Bytecode {
    /// An empty program. The file's name appears in messages.
    pub fn new(file: &str) -> Bytecode {
        Bytecode {
            file: file.into(),
            code: Vec::new(),
            places: Vec::new(),
            functions: Vec::new(),
            externals: Vec::new(),
            texts: Vec::new(),
            labels: Vec::new(),
            sites: Vec::new(),
            symbols: HashMap::new(),
            sites_by_name: HashMap::new(),
        }
    }

    /// Appends an instruction; gives its index. Its place is that index as a line, from 1.
    pub fn emit(&mut self, inst: Inst) -> usize {
        let line = self.code.len() as u32 + 1;
        self.emit_at(inst, Place { line, column: 1 })
    }

    /// Appends an instruction that stands at a place of the source; gives its index.
    pub fn emit_at(&mut self, inst: Inst, place: Place) -> usize {
        self.code.push(inst);
        self.places.push(place);
        self.code.len() - 1
    }

    /// Overwrites the target of the call emitted at this index.
    ///
    /// # Errors
    /// There is no `call` at the index.
    pub fn overwrite_call(&mut self, index: usize, func: Func) -> Result<(), Fault> {
        match self.code.get_mut(index) {
            Some(Inst::Call { target, .. }) => {
                *target = func;
                Ok(())
            }
            _ => Err(Fault::NoCall(index)),
        }
    }

    /// The function of this name, which may be defined later.
    ///
    /// # Errors
    /// The name is that of something else.
    pub fn function(&mut self, name: &str) -> Result<Func, Fault> {
        match self.symbols.get(name) {
            Some(Symbol::Function(func)) => Ok(*func),
            Some(_) => Err(Fault::NotAFunction(name.into())),
            None => {
                let func = Func(self.functions.len() as u32);
                self.functions.push(name.into());
                self.symbols.insert(name.into(), Symbol::Function(func));
                Ok(func)
            }
        }
    }

    /// Declares an external function. The same declaration may be repeated.
    ///
    /// # Errors
    /// The name is taken.
    pub fn external(&mut self, external: External) -> Result<Target, Fault> {
        match self.symbols.get(&external.name) {
            Some(Symbol::External(known)) if self.externals[known.index()] == external => Ok(*known),
            Some(_) => Err(Fault::NameTaken(external.name)),
            None => {
                let id = Target(self.externals.len() as u32);
                self.symbols.insert(external.name.clone(), Symbol::External(id));
                self.externals.push(external);
                Ok(id)
            }
        }
    }

    /// Adds a string.
    ///
    /// # Errors
    /// The name is taken.
    pub fn text(&mut self, name: &str, bytes: &[u8]) -> Result<Text, Fault> {
        if self.symbols.contains_key(name) {
            return Err(Fault::NameTaken(name.into()));
        }
        let id = Text(self.texts.len() as u32);
        self.symbols.insert(name.into(), Symbol::Text(id));
        self.texts.push(TextDecl { name: name.into(), bytes: bytes.into() });
        Ok(id)
    }

    /// A new label, to be placed once in the function that uses it.
    pub fn label(&mut self, name: &str) -> Label {
        self.labels.push(name.into());
        Label(self.labels.len() as u32 - 1)
    }

    /// The site of this name.
    pub fn site(&mut self, name: &str) -> Site {
        let next = Site(self.sites.len() as u32);
        let site = *self.sites_by_name.entry(name.into()).or_insert(next);
        if site == next {
            self.sites.push(name.into());
        }
        site
    }

    /// The name of the source.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The instructions.
    pub fn code(&self) -> &[Inst] {
        &self.code
    }

    /// Where an instruction stands in the source.
    pub fn place(&self, index: usize) -> Place {
        self.places[index]
    }

    /// What a name stands for.
    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name).copied()
    }

    /// The site of this name, if there is one.
    pub fn find_site(&self, name: &str) -> Option<Site> {
        self.sites_by_name.get(name).copied()
    }

    /// The external functions; a [`Target`] is a position here.
    pub fn externals(&self) -> &[External] {
        &self.externals
    }

    /// The strings; a [`Text`] is a position here.
    pub fn texts(&self) -> &[TextDecl] {
        &self.texts
    }

    /// A function's name.
    pub fn function_name(&self, func: Func) -> &str {
        &self.functions[func.index()]
    }

    /// A label's name.
    pub fn label_name(&self, label: Label) -> &str {
        &self.labels[label.index()]
    }

    /// A site's name.
    pub fn site_name(&self, site: Site) -> &str {
        &self.sites[site.index()]
    }

    pub(crate) fn function_count(&self) -> usize {
        self.functions.len()
    }

    pub(crate) fn label_count(&self) -> usize {
        self.labels.len()
    }

    pub(crate) fn site_count(&self) -> usize {
        self.sites.len()
    }
}

/// The text form.
impl fmt::Display for Bytecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for external in &self.externals {
            writeln!(f, "{external}")?;
        }
        for text in &self.texts {
            writeln!(f, "string {} \"{}\"", text.name, text.bytes.escape_ascii())?;
        }
        for inst in &self.code {
            match inst {
                Inst::FuncStart { .. } => f.write_str("\n")?,
                Inst::FuncEnd {} | Inst::Label { .. } => {}
                _ => f.write_str("    ")?,
            }
            inst.write(self, f)?;
            f.write_str("\n")?;
        }
        Ok(())
    }
}

impl fmt::Display for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.variadic { Some("...".to_owned()) } else { None };
        let params: Vec<String> = self.params.iter().map(CType::to_string).chain(more).collect();
        write!(f, "extern {}({})", self.name, params.join(", "))?;
        self.result.map_or(Ok(()), |result| write!(f, " -> {result}"))?;
        let library = |library: &String| write!(f, " from \"{}\"", library.as_bytes().escape_ascii());
        self.library.as_ref().map_or(Ok(()), library)
    }
}

impl fmt::Display for CType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CType::Int => "int",
            CType::Int32 => "int32",
            CType::Double => "double",
        })
    }
}
