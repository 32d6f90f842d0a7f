//! Writing names so that each reads back as itself: quoted if it is no plain word, with `#n` if another thing has
//! the same name, as a number if it has none.

use crate::entity::{DataId, FuncId};
use crate::function::Names;
use crate::module::Module;
use crate::text::hash::NameHash;
use crate::text::lex::is_plain;
use std::collections::HashSet;
use std::fmt::{self, Write};

/// The names of a module.
pub(super) struct Symbols<'m> {
    module: &'m Module,
    /// Numbers of functions and, after them, of data whose name another has before them.
    repeated: HashSet<usize>,
    repeated_layouts: HashSet<usize>,
}

impl<'m> Symbols<'m> {
    pub fn new(module: &'m Module) -> Symbols<'m> {
        let names = module.funcs.iter().map(|f| &f.name).chain(module.data.iter().map(|d| &d.name));
        Symbols {
            module,
            repeated: repeated(names.map(String::as_str).enumerate()),
            repeated_layouts: repeated(module.layouts.iter().map(|l| l.name.as_str()).enumerate()),
        }
    }

    /// Without telling equal names apart, and without looking at all names for it.
    pub fn loose(module: &'m Module) -> Symbols<'m> {
        Symbols { module, repeated: HashSet::new(), repeated_layouts: HashSet::new() }
    }

    pub fn func(&self, out: &mut dyn Write, func: FuncId) -> fmt::Result {
        let name = self.module.funcs.get(func.index()).map_or("", |f| &f.name);
        write_name(out, name, self.repeated.contains(&func.index()), func.index())
    }

    pub fn data(&self, out: &mut dyn Write, data: DataId) -> fmt::Result {
        let number = self.module.funcs.len() + data.index();
        let name = self.module.data.get(data.index()).map_or("", |d| &d.name);
        write_name(out, name, self.repeated.contains(&number), number)
    }

    pub fn layout(&self, out: &mut dyn Write, n: usize) -> fmt::Result {
        let name = self.module.layouts.get(n).map_or("", |l| &l.name);
        let builtin = ["i8", "u8", "i16", "u16", "i32", "i64", "f32", "f64", "f80", "ptr", "size", "align"];
        if builtin.contains(&name) {
            write!(out, "\"{name}\"")?;
            return if self.repeated_layouts.contains(&n) { write!(out, "#{n}") } else { Ok(()) };
        }
        write_name(out, name, self.repeated_layouts.contains(&n), n)
    }
}

/// The names of one kind of thing of a function.
pub(super) struct Locals<'f> {
    names: &'f Names,
    repeated: HashSet<usize>,
}

impl<'f> Locals<'f> {
    pub fn new(names: &'f Names) -> Locals<'f> {
        Locals { names, repeated: repeated(names.iter()) }
    }

    /// Without telling equal names apart, and without looking at all names for it.
    pub fn loose(names: &'f Names) -> Locals<'f> {
        Locals { names, repeated: HashSet::new() }
    }

    /// A register with its `%`.
    pub fn register(&self, out: &mut dyn Write, n: u32) -> fmt::Result {
        out.write_char('%')?;
        match self.names.get(n as usize) {
            Some(name) if !name.is_empty() => self.named(out, name, n),
            _ => write!(out, "{n}"),
        }
    }

    /// A block.
    pub fn block(&self, out: &mut dyn Write, n: u32) -> fmt::Result {
        match self.names.get(n as usize) {
            Some(name) if !name.is_empty() => self.named(out, name, n),
            _ => write!(out, ".{n}"),
        }
    }

    pub fn is_named(&self, n: u32) -> bool {
        self.names.get(n as usize).is_some_and(|name| !name.is_empty())
    }

    /// A slot.
    pub fn slot(&self, out: &mut dyn Write, n: u32) -> fmt::Result {
        self.named(out, self.names.get(n as usize).unwrap_or(""), n)
    }

    fn named(&self, out: &mut dyn Write, name: &str, n: u32) -> fmt::Result {
        write_name(out, name, self.repeated.contains(&(n as usize)), n as usize)
    }
}

fn repeated<'n>(names: impl Iterator<Item = (usize, &'n str)>) -> HashSet<usize> {
    let mut seen = HashSet::with_hasher(NameHash::default());
    names.filter(|(_, name)| !seen.insert(*name)).map(|(n, _)| n).collect()
}

pub(super) fn write_name(out: &mut dyn Write, name: &str, repeated: bool, number: usize) -> fmt::Result {
    if name.is_empty() {
        return write!(out, "#{number}");
    }
    if is_plain(name) {
        out.write_str(name)?;
    } else {
        write_string(out, name.as_bytes())?;
    }
    if repeated { write!(out, "#{number}") } else { Ok(()) }
}

/// Bytes in quotes. Text is left as it is, all else escaped.
pub(super) fn write_string(out: &mut dyn Write, bytes: &[u8]) -> fmt::Result {
    out.write_char('"')?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.write_str("\\n")?,
                '\t' => out.write_str("\\t")?,
                '\r' => out.write_str("\\r")?,
                '\0' => out.write_str("\\0")?,
                '"' => out.write_str("\\\"")?,
                '\\' => out.write_str("\\\\")?,
                c if c.is_ascii_control() => write!(out, "\\x{:02x}", c as u32)?,
                c if c.is_control() => write!(out, "\\u{{{:x}}}", c as u32)?,
                c => out.write_char(c)?,
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    out.write_char('"')
}
